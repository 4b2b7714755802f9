"""The map of numbers in words and as a table."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch import codec
from gl2gh_batch.domain.numbering import NumberRange
from gl2gh_batch.output.numbers import number_words, numbers_head, numbers_row
from gl2gh_batch.output.plan_view import plan_markdown


def _plan(*ranges: NumberRange, total: int = 0) -> dict[str, Any]:
    return {"numbers": codec.plain(ranges), "number_ranges": total or len(ranges)}


def test_words_say_what_stays_what_moves_and_what_fills() -> None:
    """Issues that keep their numbers, gaps, and merge requests with their new numbers, in few words."""
    plan = _plan(
        NumberRange(sort="issues", first=1, number=1, count=4),
        NumberRange(sort="placeholders", first=5, number=5),
        NumberRange(sort="issues", first=6, number=6),
        NumberRange(sort="placeholders", first=7, number=7, count=2),
        NumberRange(sort="issues", first=20, number=9),
        NumberRange(sort="merge_requests", first=1, number=10, count=3),
        total=9,
    )
    assert number_words(plan) == (
        "#1–4 stay, #5 is a placeholder, #6 stays, #7–8 are placeholders, #20 → #9, !1–3 → #10–12,"
        " and 3 more in report/numbers.csv"
    )
    assert number_words({}) == ""
    result = {"results": [{"source": "a/b", "plan": plan}]}
    assert "### Numbers" in plan_markdown(result)


def test_the_table_has_one_line_for_each_range() -> None:
    """First and last of either side; a placeholder has no number on GitLab."""
    one = codec.plain(NumberRange(sort="merge_requests", first=1, number=10, count=3))
    assert numbers_head().split(",") == [
        "source",
        "target",
        "sort",
        "first",
        "last",
        "first_number",
        "last_number",
    ]
    assert numbers_row("a/b", "o/r", one) == "a/b,o/r,merge_requests,1,3,10,12"
    filler = codec.plain(NumberRange(sort="placeholders", first=5, number=5))
    assert numbers_row("a/b", "o/r", filler) == "a/b,o/r,placeholders,,,5,5"


@given(st.lists(st.sampled_from(["issues", "placeholders"]), max_size=60))
def test_ranges_hold_every_item_once(sorts: list[str]) -> None:
    """Joined as far as possible, and none is lost or doubled by it."""
    found: list[NumberRange] = []
    for number, sort in enumerate(sorts, start=1):
        if found and found[-1].is_followed_by(sort, number, number):
            found[-1] = found[-1].longer()
        else:
            found.append(NumberRange(sort=sort, first=number, number=number))
    flat = [(one.sort, one.first + at) for one in found for at in range(one.count)]
    assert flat == [(sort, number) for number, sort in enumerate(sorts, start=1)]
    assert all(one.sort != other.sort for one, other in pairwise(found))
