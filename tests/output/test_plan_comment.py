"""The plan on a pull request: found again, never too long, and nothing from GitLab can break it."""

from __future__ import annotations

import re
from typing import Any

import pyromark
import pytest
from hypothesis import given
from hypothesis import strategies as st
from page_shape import OPTIONS, shape

from gl2gh_batch.output.plan_comment import (
    LIMIT,
    ReviewedPlan,
    first_line,
    invalid_comment,
    plan_comment,
    reviewed_plan,
)

PLAN = ReviewedPlan(name="batch.yml", digest="ab" * 32, run_id=4711, artifact="gl2gh-plan-batch.yml")


@given(st.text(), st.text(), st.integers(min_value=0))
def test_the_first_line_says_what_it_was_given(name: str, artifact: str, run_id: int) -> None:
    """Whatever a batch file is called, the hidden line is one line, ends once, and reads back."""
    plan = ReviewedPlan(name=name[:200], digest="d", run_id=run_id, artifact=artifact[:200])
    line = first_line(plan)
    assert line.count("\n") == line.count("-->") == line.count("<!--") == 1
    if len(line) < 4000:
        assert reviewed_plan(line + "and more") == plan


@pytest.mark.parametrize(
    "body",
    [
        "",
        "a comment\n" + first_line(PLAN),
        first_line(PLAN).replace('"version":1', '"version":2'),
        first_line(PLAN).replace("4711", '"4711"'),
        first_line(PLAN).replace("4711", "true"),
        "<!-- gl2gh-batch:plan {} -->\n",
        "<!-- gl2gh-batch:plan {nonsense} -->\n",
        '<!-- gl2gh-batch:plan {"version":1,"run_id":1,"name":[]} -->\n',
        '<!-- gl2gh-batch:plan {"a":' + "[" * 3900 + "} -->\n",
    ],
)
def test_other_comments_say_nothing(body: str) -> None:
    """A quoted, edited or foreign line is no plan."""
    assert reviewed_plan(body) is None


def test_hostile_texts_do_not_change_the_comment(friendly: dict[str, Any], hostile: dict[str, Any]) -> None:
    """The comment has the same structure with hostile texts as with friendly ones, and nothing live in it."""
    assert shape(plan_comment(hostile, PLAN)) == shape(plan_comment(friendly, PLAN))
    html = pyromark.html(plan_comment(hostile, PLAN), options=OPTIONS)
    assert not re.search(r"(?:^|\W)@\w", html.partition("-->")[2], re.ASCII)
    text = hostile["results"][0]["source"]
    assert shape(invalid_comment(text, text, text, PLAN)) == shape(invalid_comment("a", "b c", "d", PLAN))


def test_it_is_cut_at_the_end_of_a_row(thousand: dict[str, Any]) -> None:
    """A thousand projects with long names stay below GitHub's limit; the cut says how many are missing."""
    text = plan_comment(thousand, PLAN, run_url="https://github.com/acme/migration/actions/runs/4711")
    assert len(text) <= LIMIT
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert all(row.endswith(" |") for row in rows)
    shown = text.partition("### Projects")[2].partition("<details>")[0].count("\n| <code>")
    assert shown > 5
    assert f"… and {1000 - shown} more: see `batch-result.json`" in text
    assert PLAN.digest in text
    assert reviewed_plan(text) == PLAN


def test_it_says_what_is_in_the_way_first(friendly: dict[str, Any], all_good: dict[str, Any]) -> None:
    """What has to be solved stands above the projects, with its remedy; a good plan says that it is one."""
    text = plan_comment(friendly, PLAN)
    assert "❌" in text
    assert text.index("### What needs attention") < text.index("### Projects")
    assert "✅ **1 project can be migrated.**" in plan_comment(all_good, PLAN)


def test_the_numbers_are_folded_and_cut_at_a_row(all_good: dict[str, Any], thousand: dict[str, Any]) -> None:
    """Each project's numbers have a row in a fold; what does not fit is counted, and the fold is closed."""
    folded = plan_comment(all_good, PLAN).partition("<summary>Numbers")[2].partition("</details>")
    assert "stay" in folded[0]
    assert "report/numbers.csv" in folded[0]
    for one in thousand["results"]:
        one["source"] = f"group/{one['index']}"
        one["target"] = one["findings"] = ""
        one.pop("error", None)
    many = plan_comment(thousand, PLAN)
    assert len(many) <= LIMIT
    assert many.count("<details>") == many.count("</details>")
    short = plan_comment(all_good | {"results": all_good["results"] * 300}, PLAN, limit=25_000)
    assert len(short) <= 25_000
    fold = short.partition("<summary>Numbers")[2].partition("</details>")[0]
    rows = [line for line in fold.splitlines() if line.startswith("| <code>")]
    assert all(row.endswith(" |") for row in rows)
    left = re.search(r"… and ([0-9,]+) projects more", fold)
    assert rows
    assert left
    assert len(rows) + int(left[1]) == 300
    assert PLAN.digest in short


def test_what_is_in_the_way_is_told_once(all_good: dict[str, Any]) -> None:
    """A finding that is the project's failure has one row; the project stands first; names are in code."""
    finding = {
        "code": "x",
        "severity": "blocking",
        "message": "It is taken",
        "hint": "Give another `target`.",
    }
    notice = {"code": "y", "severity": "notice", "message": "Look", "hint": ""}
    *others, last = all_good["results"]
    for one in others:
        one["findings"] = [notice]
    last |= {"findings": [finding, notice, notice], "error": {"reason": "findings-block", **finding}}
    last["source"] = "group/taken"
    text = plan_comment(all_good, PLAN)
    assert text.count("It is taken") == 1
    assert "Give another <code>target</code>" in text
    table = text.partition("### Projects")[2]
    first = next(line for line in table.splitlines() if line.startswith("| <code>"))
    assert "taken" in first
    assert "1 blocking, 2 notices" in first


def test_what_is_lost_is_told_in_the_fold(friendly: dict[str, Any]) -> None:
    """What does not arrive, and why, stands in the comment; a project without a plan loses nothing yet."""
    text = plan_comment(friendly, PLAN)
    fold = text.partition("<summary>What is not carried over</summary>")[2].partition("</details>")[0]
    assert "9 entries: issues 6, wiki 3." in fold
    assert "| issues | group/app | group/app | 3 of 4 projects |" in fold
    assert "losses.csv" in fold
    assert "❌ **1 of 4 projects cannot be migrated yet; the other 3 can.**" in text
    [unplanned] = [one for one in friendly["results"] if not one.get("plan")]
    unplanned["source"] = "group/none"
    table = plan_comment(friendly, PLAN).partition("### Projects")[2].partition("<details>")[0]
    [row] = [line for line in table.splitlines() if "group/none" in line]
    assert row.split(" | ")[6] == ""


def test_the_people_are_told(all_good: dict[str, Any]) -> None:
    """Who has no login yet is said where the plan is reviewed, with the remedy."""
    users = {"people": 5, "mapped": 1, "unresolved": 4, "file": "report/users.csv"}
    text = plan_comment(all_good | {"users": users}, PLAN)
    assert "**People**: 5 are named, 1 of them with a login on GitHub, 4 without." in text
    assert "users&#46;csv" in text or "users.csv" in text
    with_bots = plan_comment(all_good | {"users": {**users, "people": 7}}, PLAN)
    assert "7 are named, 1 of them with a login on GitHub, 4 without; the other 2 need none." in with_bots


def test_a_thousand_projects_leave_room_for_what_is_lost(thousand: dict[str, Any]) -> None:
    """However many projects there are, the reviewer sees what is lost, and every fold is closed."""
    for one in thousand["results"]:
        one["status"] = "success"
        one.pop("error", None)
    text = plan_comment(thousand, PLAN)
    assert len(text) <= LIMIT
    assert "What is not carried over" in text
    assert "of 1,000 projects |" in text
    assert text.count("<details>") == text.count("</details>") >= 2
