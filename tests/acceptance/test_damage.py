"""Verify finds every difference between what was planned and what is there."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import lab as labs
import pytest
from lab import Lab, differing

Operations = list[dict[str, Any]]
NEW_ISSUE = {"title": "Extra", "body": "", "state": "open", "comments": []}
NEW_COMMENT = {"body": "Extra"}
RELATED = labs.issue(
    5,
    type="task",
    locked=True,
    links=[{"type": "is_blocked_by", "issue": 1}],
    notes=[labs.note("added #1 as parent issue", system=True)],
)


def _set(path: str, value: Any) -> Operations:
    return [{"op": "add", "path": path, "value": value}]


def _drop(path: str) -> Operations:
    return [{"op": "remove", "path": path}]


# What is damaged → how, and the item that verify has to name. Issue 0 of the list is number 1, 4 is number 5.
DAMAGES: dict[str, tuple[Operations, str]] = {
    "issue title": (_set("/issues/0/title", "Other"), "issues/1"),
    "issue body": (_set("/issues/0/body", "Other"), "issues/1"),
    "issue body emptied": (_set("/issues/0/body", None), "issues/1"),
    "issue closed": (_set("/issues/0/state", "closed"), "issues/1"),
    "issue opened": (_set("/issues/1/state", "open"), "issues/2"),
    "issue created at": (_set("/issues/0/created_at", "2020-01-01T00:00:00Z"), "issues/1"),
    "issue closed at": (_set("/issues/1/closed_at", "2020-01-01T00:00:00Z"), "issues/2"),
    "issue label lost": (_set("/issues/3/labels", ["later"]), "issues/4"),
    "issue label extra": (_set("/issues/0/labels", ["type::bug", "later"]), "issues/1"),
    "issue milestone lost": (_set("/issues/0/milestone", None), "issues/1"),
    "issue milestone wrong": (_set("/issues/0/milestone", 1), "issues/1"),
    "issue assignee lost": (_set("/issues/3/assignees", []), "issues/4"),
    "issue assignee wrong": (_set("/issues/3/assignees", ["ben"]), "issues/4"),
    "issue assignee extra": (_set("/issues/3/assignees", ["anna", "ben"]), "issues/4"),
    "issue locked": (_set("/issues/0/locked", True), "issues/1"),
    "issue lost": (_drop("/issues/0"), "issues/1"),
    "issue extra": (_set("/issues/-", NEW_ISSUE), "issues/6"),
    "issue unlocked": (_set("/issues/4/locked", False), "issues/5"),
    "issue type lost": (_set("/issues/4/type", None), "issues/5"),
    "issue type wrong": (_set("/issues/4/type", "Bug"), "issues/5"),
    "issue type extra": (_set("/issues/0/type", "Task"), "issues/1"),
    "parent lost": (_set("/issues/4/parent", None), "issues/5"),
    "parent wrong": (_set("/issues/4/parent", 2), "issues/5"),
    "parent extra": (_set("/issues/1/parent", 1), "issues/2"),
    "blocker lost": (_set("/issues/4/blocked_by", []), "issues/5"),
    "blocker wrong": (_set("/issues/4/blocked_by", [2]), "issues/5"),
    "blocker extra": (_set("/issues/0/blocked_by", [2]), "issues/1"),
    "timeline lost": (_drop("/issues/4/comments/0"), "issues/5/comments/1"),
    "timeline changed": (_set("/issues/4/comments/0/body", "Other"), "issues/5/comments/1"),
    "placeholder lost": (_drop("/issues/2"), "issues/3"),
    "placeholder changed": (_set("/issues/2/title", "Other"), "issues/3"),
    "comment changed": (_set("/issues/0/comments/1/body", "Other"), "issues/1/comments/2"),
    "comment date": (_set("/issues/0/comments/0/created_at", "2020-01-01T00:00:00Z"), "issues/1/comments/1"),
    "comment lost": (_drop("/issues/0/comments/1"), "issues/1/comments/2"),
    "first comment lost": (_drop("/issues/0/comments/0"), "issues/1/comments/1"),
    "comment extra": (_set("/issues/3/comments/-", NEW_COMMENT), "issues/4/comments/1"),
    "label colour": (_set("/labels/9/color", "000000"), "labels/later"),
    "label description": (_set("/labels/10/description", None), "labels/type::bug"),
    "label lost": (_drop("/labels/9"), "labels/later"),
    "label renamed": (_set("/labels/9/name", "sooner"), "labels/later"),
    "label extra": (_set("/labels/-", {"name": "extra", "color": "000000"}), "labels/extra"),
    "milestone lost": (_drop("/milestones/0"), "milestones/0.9"),
    "milestone renamed": (_set("/milestones/1/title", "2.0"), "milestones/1.0"),
    "milestone state": (_set("/milestones/0/state", "open"), "milestones/0.9"),
    "milestone due": (_set("/milestones/1/due_on", "2024-06-02T12:00:00Z"), "milestones/1.0"),
    "milestone description": (_set("/milestones/1/description", "Other"), "milestones/1.0"),
    "milestone extra": (_set("/milestones/-", {"title": "extra"}), "milestones/extra"),
    "description": (_set("/description", "Other"), "repository"),
    "topics": (_set("/topics", ["tools", "more"]), "repository"),
    "topics lost": (_set("/topics", []), "repository"),
    "default branch": (_set("/default_branch", "release/1.0"), "repository"),
    "made public": (_set("/private", False), "repository"),
    "archived": (_set("/archived", True), "repository"),
    "merge method": (_set("/allow_squash_merge", False), "repository"),
    "homepage": (_set("/homepage", "https://elsewhere.example"), "repository"),
    "wiki on": (_set("/has_wiki", True), "repository"),
    "issues off": (_set("/has_issues", False), "repository"),
    "branch lost": (_drop("/refs/refs~1heads~1release~11.0"), "repository/refs/heads/release/1.0"),
    "tag lost": (_drop("/refs/refs~1tags~1v1.0"), "repository/refs/tags/v1.0"),
}


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab whose project is applied up to verify: the target holds everything, nothing is closed."""
    whole = labs.project()
    whole["issues"].append(RELATED)
    async with labs.open_lab(tmp_path, [whole]) as lab:
        # The first look of verify is made to fail, so that the fill stands and nothing is closed.
        await lab.faults(
            {"method": "GET", "path": "*/labels", "effect": {"status": 404, "body": {"message": "Not Found"}}}
        )
        result = await lab.run("FULL", users=labs.USERS)
        assert result["agents"]["apply"]["status"] == "done", result
        assert result["agents"]["verify"]["status"] == "failed", result
        await lab.faults()
        yield lab


async def test_damage_is_found_and_nothing_is_closed(filled: Lab, subtests: Any) -> None:
    """Each damage is named down to its item; the project fails, and nothing is opened or removed."""
    lab = filled
    github, whole = lab.sandbox.github, await lab.repository()
    saved = copy.deepcopy(github.repositories)
    shutil.copytree(lab.work, lab.folder / "saved")
    assert len(DAMAGES) >= 50
    for name, (operations, item) in DAMAGES.items():
        with subtests.test(name):
            await lab.damage(*operations)
            mark = lab.mark()
            damaged = await lab.settled()
            result = await lab.run("APPLY", resume_from="verify")
            assert (result["status"], result["error"]["reason"]) == ("failed", "verify-differences"), result
            found = [
                json.loads(line) for line in (lab.folder_of() / "verify.ndjson").read_text().splitlines()
            ]
            assert item in {one["item"] for one in found}, found
            assert result["verification"]["total_differences"] == len(found)
            assert result["verification"]["phase"] == "fill"
            assert lab.writes(mark) == []
            assert differing(await lab.settled(), damaged) == []
        github.repositories = copy.deepcopy(saved)
        shutil.rmtree(lab.work)
        shutil.copytree(lab.folder / "saved", lab.work)
        await lab.damage({"op": "add", "path": "/refs", "value": whole["refs"]})
    result = await lab.run("APPLY", resume_from="verify")
    assert result["status"] == "success", result


@pytest.mark.parametrize("are_on", [True, False])
async def test_actions_are_as_planned_in_the_end(open_lab: Any, are_on: bool) -> None:
    """On again, or off where GitLab had them off; a token that may not know misses nothing."""
    described = labs.project(issues=[])
    described["project"]["features"] = {} if are_on else {"builds": "disabled"}
    lab: Lab = await open_lab(described)
    assert (await lab.run("FULL", users=labs.USERS))["status"] == "success"
    assert (await lab.repository())["actions"]["enabled"] is are_on
    assert (await lab.run("APPLY", resume_from="verify"))["status"] == "success"
    await lab.damage(*_set("/actions/enabled", not are_on))
    mark = lab.mark()
    result = await lab.run("APPLY", resume_from="verify")
    assert result["error"]["reason"] == "verify-differences", result
    (found,) = result["verification"]["differences"]
    assert (found["item"], found["field"]) == ("repository", "has_actions")
    assert lab.writes(mark) == []
    await lab.faults({"path": "*/actions/permissions", "effect": {"status": 403, "body": {}}})
    assert (await lab.run("APPLY", resume_from="verify"))["status"] == "success"
