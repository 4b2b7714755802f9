"""One refused item costs itself and what needs it; a cause that all share is not tried on each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, note, open_lab, project

FORBIDDEN = {"status": 403, "body": {"message": "Resource not accessible"}}
LABELS = [{"title": f"label {number}", "color": "#428bca"} for number in range(8)]


def sent(lab: Lab, ending: str, mark: int = 0) -> int:
    """How many writes went to paths with that ending."""
    return len([one for one in lab.writes(mark) if one.endswith(ending)])


async def test_three_in_a_row_are_no_matter_of_the_items(tmp_path: Path) -> None:
    """Where every label is refused three are tried; milestones arrive; the error says what is left."""
    async with open_lab(tmp_path, [project(labels=LABELS, issues=[issue(1)])]) as lab:
        await lab.faults({"method": "POST", "path": "*/labels", "effect": FORBIDDEN})
        result = await lab.run("FULL")
        assert (sent(lab, "/labels"), sent(lab, "/milestones"), sent(lab, "/import/issues")) == (3, 2, 1)
        error = result["error"]
        assert (result["status"], error["reason"]) == ("failed", "target-refused")
        assert error["item"] == "labels/label 0"
        assert (
            "2 more were refused: labels/label 1, labels/label 2; 5 steps waited for them" in error["message"]
        )
        assert "the same command sends what is missing" in error["hint"]
        assert (await lab.repository())["private"] is True
        await lab.faults()
        mark = lab.mark()
        assert (await lab.run("FULL"))["status"] == "success"
        assert (sent(lab, "/labels", mark), sent(lab, "/import/issues", mark)) == (8, 0)


async def test_labels_that_are_taken_between_refused_ones_are_sent(tmp_path: Path) -> None:
    """Refusals with successes between them stop nothing, however many they are."""
    async with open_lab(tmp_path, [project(labels=LABELS, issues=[])]) as lab:
        odd = {"method": "POST", "path": "*/labels", "nth": [1, 3, 5, 7], "effect": FORBIDDEN}
        await lab.faults(odd)
        result = await lab.run("FULL")
        assert (result["status"], sent(lab, "/labels")) == ("failed", 8)
        names = {one["name"] for one in (await lab.repository())["labels"]}
        assert names >= {f"label {number}" for number in (1, 3, 5, 7)}
        await lab.faults()
        assert (await lab.run("FULL"))["status"] == "success"


async def test_later_comments_wait_for_a_refused_one_and_other_issues_do_not(tmp_path: Path) -> None:
    """Comments keep their order: what comes after a refused one of the same issue waits for the next run."""
    issues = [
        issue(number, state="closed", notes=[note(f"{number}.{one}") for one in range(4)])
        for number in (1, 2)
    ]
    async with open_lab(tmp_path, [project(issues=issues)]) as lab:
        config = lab.config(issues_via="rest")
        await lab.faults({"method": "POST", "path": "*/comments", "nth": 2, "effect": FORBIDDEN})
        result = await lab.run("FULL", config)
        assert result["status"] == "failed"
        first, second = (await lab.repository())["issues"]
        assert (len(first["comments"]), first["state"]) == (1, "open")
        assert (len(second["comments"]), second["state"]) == (4, "closed")
        assert "3 steps waited" in result["error"]["message"]
        await lab.faults()
        assert (await lab.run("FULL", config))["status"] == "success"
        first, _ = (await lab.repository())["issues"]
        assert [f"1.{one}" in comment["body"] for one, comment in enumerate(first["comments"])] == [True] * 4


@pytest.mark.parametrize("via", ["import", "rest"])
async def test_later_numbers_wait_for_a_refused_issue(tmp_path: Path, via: str) -> None:
    """An issue that is refused holds those of later numbers; releases arrive; the next run goes on there."""
    releases = [{"tag": "v1.0", "name": "One", "description": "Notes"}]
    async with open_lab(tmp_path, [project(releases=releases)]) as lab:
        config = lab.config(issues_via=via)
        path = "*/import/issues" if via == "import" else "/repos/acme/app/issues"
        await lab.faults({"method": "POST", "path": path, "nth": 2, "effect": FORBIDDEN})
        result = await lab.run("FULL", config)
        assert (result["status"], result["error"]["item"]) == ("failed", "issues/2")
        state = await lab.repository()
        assert (len(state["issues"]), len(state["releases"])) == (1, 1)
        await lab.faults()
        assert (await lab.run("FULL", config))["status"] == "success"
        assert len((await lab.repository())["releases"]) == 1


async def test_what_keeps_the_repository_safe_stops_the_project(tmp_path: Path) -> None:
    """When Actions cannot be switched off nothing is pushed."""
    async with open_lab(tmp_path, [project()]) as lab:
        await lab.faults({"method": "PUT", "path": "*/actions/permissions", "effect": FORBIDDEN})
        result: dict[str, Any] = await lab.run("FULL")
        assert (result["status"], result["error"]["item"]) == ("failed", "repository/actions-off")
        state = await lab.repository()
        assert (state["refs"], state["issues"]) == ({}, [])
