"""Which item gets which number, in words and as a table; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

COLUMNS: Final = ("source", "target", "sort", "first", "last", "first_number", "last_number")
_SIGNS: Final = {"issues": "#", "merge_requests": "!"}


def number_words(plan: Mapping[str, Any]) -> str:
    """`#1–4 stay, #5 is a placeholder, !1–3 → #6–8` for the `numbers` of a plan; empty without any."""
    known: Sequence[Mapping[str, Any]] = plan.get("numbers") or ()
    said = [_words(one) for one in known]
    more = int(plan.get("number_ranges") or 0) - len(known)
    if more > 0:
        said.append(f"and {more} more in report/numbers.csv")
    return ", ".join(said)


def numbers_head() -> str:
    """The first line of the table."""
    return ",".join(COLUMNS)


def numbers_row(source: str, target: str, one: Mapping[str, Any]) -> str:
    """One line of the table; names of projects and repositories need no quotes and are no formulas."""
    first, number, count = int(one["first"]), int(one["number"]), int(one["count"])
    sort = str(one["sort"])
    iids = ("", "") if sort not in _SIGNS else (first, first + count - 1)
    return ",".join(str(cell) for cell in (source, target, sort, *iids, number, number + count - 1))


def _words(one: Mapping[str, Any]) -> str:
    first, number, count = int(one["first"]), int(one["number"]), int(one["count"])
    new = _span("#", number, count)
    sign = _SIGNS.get(str(one["sort"]))
    if sign is None:
        return f"{new} {'is a placeholder' if count == 1 else 'are placeholders'}"
    if sign == "#" and first == number:
        return f"{new} {'stays' if count == 1 else 'stay'}"
    return f"{_span(sign, first, count)} → {new}"


def _span(sign: str, first: int, count: int) -> str:
    return f"{sign}{first}" if count == 1 else f"{sign}{first}–{first + count - 1}"
