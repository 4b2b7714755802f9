"""Which number every issue gets, and what holds the numbers that none takes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from lab import Lab, issue, note, project

from gl2gh_batch.domain.events import Counted, Event, ProjectStarted
from gl2gh_batch.kinds.issues import PLACEHOLDER_TITLE

ISSUES = [
    issue(2, notes=[note("One", internal=True), note("Two")]),
    issue(3, confidential=True, notes=[note("Secret")]),
    issue(6, state="closed"),
]
MERGE_REQUESTS = [
    {"iid": 1, "title": "First", "source_branch": "a", "target_branch": "main"},
    {"iid": 3, "title": "Second", "source_branch": "b", "target_branch": "main"},
]


def _project(**fields: Any) -> dict[str, Any]:
    return project(issues=ISSUES, merge_requests=MERGE_REQUESTS, milestones=[], labels=[], **fields)


def _numbers(repository: dict[str, Any]) -> dict[int, str]:
    return {one["number"]: one["title"] for one in repository["issues"]}


@pytest.mark.parametrize(
    ("policy", "kept", "highest"),
    [
        ("issues-exact", {2: "Issue 2", 6: "Issue 6", 7: "First", 9: "Second"}, 9),
        ("merge-requests-exact", {1: "First", 3: "Second", 5: "Issue 2", 9: "Issue 6"}, 9),
        ("compact", {1: "Issue 2", 3: "Issue 6", 4: "First", 5: "Second"}, 5),
    ],
)
async def test_numbers_hold_and_placeholders_go(
    open_lab: Any, policy: str, kept: dict[int, str], highest: int
) -> None:
    """Issues and merge requests have the numbers of the policy; gaps of both were filled and are free."""
    lab = await open_lab(_project())
    result = await lab.run("FULL", lab.config(numbering=policy))
    assert result["status"] == "success", result
    repository = await lab.repository()
    assert _numbers(repository) == kept
    assert repository["last_number"] == highest
    assert sum(one.endswith("/graphql") for one in lab.writes()) == highest - len(kept)


async def test_placeholders_stay_when_asked_to(open_lab: Any) -> None:
    """With `placeholders: keep` every number has an issue, closed where it is only a placeholder."""
    lab = await open_lab(_project())
    result = await lab.run("FULL", lab.config(placeholders="keep"))
    assert result["status"] == "success", result
    issues = (await lab.repository())["issues"]
    assert [one["number"] for one in issues] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    held = {one["number"]: one for one in issues if one["title"] == PLACEHOLDER_TITLE}
    assert {number: one["state"] for number, one in held.items()} == dict.fromkeys((1, 3, 4, 5, 8), "closed")
    assert "removed again" not in held[1]["body"]


async def test_confidential_ones_are_listed_and_never_sent(open_lab: Any) -> None:
    """A confidential issue and an internal note leave no trace on GitHub, and are listed as losses."""
    lab = await open_lab(_project())
    result = await lab.run("FULL", lab.config(placeholders="keep"))
    text = json.dumps(await lab.repositories())
    assert "Secret" not in text
    assert "Issue 3" not in text
    losses = [
        json.loads(line) for line in (lab.folder_of() / "desired/losses.ndjson").read_text().splitlines()
    ]
    assert result["losses"] == len(losses)
    assert {"issues/3", "members"} <= {one["item"] for one in losses}
    assert any(one["item"].startswith("issues/2/notes/") for one in losses)


async def test_confidential_ones_are_carried_when_asked_to(open_lab: Any) -> None:
    """With `confidential: include` they are carried, and a reader is told what they were."""
    lab = await open_lab(_project())
    result = await lab.run("FULL", lab.config(confidential="include"))
    assert result["status"] == "success", result
    issues = {one["number"]: one for one in (await lab.repository())["issues"]}
    assert "Confidential on GitLab" in issues[3]["body"]
    assert [len(issues[number]["comments"]) for number in (2, 3)] == [2, 1]


def _issue_from_gitlab(lab: Lab, iid: int) -> None:
    """Somebody opens an issue on GitLab."""
    (only,) = lab.sandbox.gitlab.projects.values()
    model = only.issues[max(only.issues)]
    fresh = copy.deepcopy(model)
    fresh.iid, fresh.id, fresh.title = iid, model.id + 1000 + iid, f"Issue {iid}"
    fresh.updated_at = fresh.created_at = "2024-09-01T00:00:00Z"
    only.issues[iid] = fresh


async def test_what_is_newer_than_the_survey_is_listed(lab: Lab) -> None:
    """An issue that comes between survey and export belongs to a later run, and is listed as a loss."""

    def listen(event: Event) -> None:
        if isinstance(event, ProjectStarted):
            _issue_from_gitlab(lab, 5)

    result = await lab.run("FULL", listen=listen)
    assert result["status"] == "success", result
    assert 5 not in _numbers(await lab.repository())
    losses = [
        json.loads(line) for line in (lab.folder_of() / "desired/losses.ndjson").read_text().splitlines()
    ]
    (loss,) = [one for one in losses if one["item"] == "issues/5"]
    assert "after the survey" in loss["reason"]


@pytest.mark.parametrize("numbering", ["issues-exact", "merge-requests-exact", "compact"])
async def test_an_unfinished_batch_keeps_snapshot_and_numbers(open_lab: Any, numbering: str) -> None:
    """What GitLab gets meanwhile moves no number of an unfinished batch; it is told as a notice."""
    lab = await open_lab(_project())
    config = lab.config(numbering=numbering, placeholders="keep")
    await lab.faults({"path": "*/import/issues", "method": "POST", "nth": [2, 3], "effect": {"status": 403}})
    assert (await lab.run("FULL", config))["status"] == "failed"
    await lab.faults()
    _issue_from_gitlab(lab, 7)
    (only,) = lab.sandbox.gitlab.projects.values()
    only.merge_requests[4] = only.merge_requests[3]
    before = (lab.folder_of() / "snapshot/manifest.json").read_bytes()
    result = await lab.run("FULL", config)
    assert result["status"] == "success", result
    assert (lab.folder_of() / "snapshot/manifest.json").read_bytes() == before
    notices = [one.message for one in lab.events if type(one).__name__ == "Noticed"]
    assert any("source changed" in one for one in notices)
    assert "Issue 7" not in _numbers(await lab.repository()).values()


async def test_a_finished_project_takes_a_new_issue_along(lab: Lab) -> None:
    """Once a project is finished, an issue opened since follows at its own number; the rest is let be."""
    assert (await lab.run("FULL"))["status"] == "success"
    before, mark = await lab.repository(), lab.mark()
    _issue_from_gitlab(lab, 5)
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    assert result["agents"]["export"]["status"] == "done"
    repository = await lab.repository()
    assert repository["issues"][:-1] == before["issues"]
    assert (repository["issues"][-1]["number"], repository["issues"][-1]["title"]) == (5, "Issue 5")
    assert [one for one in lab.writes(mark) if one.startswith("POST /api/")] == [
        "POST /api/v3/repos/acme/app/import/issues"
    ]


async def test_a_surprising_number_stops_that_project_only(open_lab: Any) -> None:
    """Somebody else's issue in the middle of an apply stops that project, and no other."""
    lab = await open_lab(project("acme/app", 17), project("acme/calm", 18))
    taken: list[int] = []

    def listen(event: Event) -> None:
        where = ("acme/app", "apply", "milestones")
        if isinstance(event, Counted) and (event.project, event.agent, event.kind) == where:
            repository = lab.sandbox.github.repository("acme/app")
            if repository is not None and not taken:
                taken.append(repository.take_number())

    batch = await lab.batch("FULL", listen=listen)
    first, second = batch["results"]
    assert (first["status"], first["error"]["reason"]) == ("failed", "number-mismatch"), first
    assert first["error"]["item"].startswith(("issues/", "placeholders/"))
    assert first["error"]["hint"]
    assert second["status"] == "success", second
    assert (batch["status"], batch["successful"], batch["failed"]) == ("partial_success", 1, 1)
    assert (await lab.repositories())["acme/app"]["private"]


async def test_placeholders_that_may_not_be_deleted_are_no_failure(open_lab: Any) -> None:
    """Where the token may not delete issues, the placeholders stay with a warning, then and ever after."""
    lab = await open_lab(_project())
    refusal = {"data": {"deleteIssue": None}, "errors": [{"type": "FORBIDDEN", "message": "not permitted"}]}
    await lab.faults({"path": "*/graphql", "effect": {"status": 200, "body": refusal}})
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    assert [one["number"] for one in (await lab.repository())["issues"]] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    warnings = [one.message for one in lab.events if getattr(one, "level", "") == "warning"]
    assert sum("placeholders/" in one for one in warnings) == 5
    mark = lab.mark()
    again = await lab.run("APPLY", resume_from="verify")
    assert again["status"] == "success", again
    assert lab.writes(mark) == []


MAPS = {
    "issues-exact": [
        ("placeholders", "", "", "1", "1"),
        ("issues", "2", "2", "2", "2"),
        ("placeholders", "", "", "3", "5"),
        ("issues", "6", "6", "6", "6"),
        ("merge_requests", "1", "1", "7", "7"),
        ("placeholders", "", "", "8", "8"),
        ("merge_requests", "3", "3", "9", "9"),
    ],
    "merge-requests-exact": [
        ("merge_requests", "1", "1", "1", "1"),
        ("placeholders", "", "", "2", "2"),
        ("merge_requests", "3", "3", "3", "3"),
        ("placeholders", "", "", "4", "4"),
        ("issues", "2", "2", "5", "5"),
        ("placeholders", "", "", "6", "8"),
        ("issues", "6", "6", "9", "9"),
    ],
    "compact": [
        ("issues", "2", "2", "1", "1"),
        ("placeholders", "", "", "2", "2"),
        ("issues", "6", "6", "3", "3"),
        ("merge_requests", "1", "1", "4", "4"),
        ("merge_requests", "3", "3", "5", "5"),
    ],
}
NAMES = {"issues": "Issue {}", "merge_requests": "merge request", "placeholders": PLACEHOLDER_TITLE}


@pytest.mark.parametrize("policy", MAPS)
async def test_the_plan_holds_the_map_of_numbers(open_lab: Any, policy: str) -> None:
    """Head of the plan, words and table say which iid becomes which number; applying does just that."""
    lab = await open_lab(_project())
    config = lab.config(numbering=policy, placeholders="keep", merge_requests="all-as-issue")
    result = await lab.run("FULL", config)
    assert result["status"] == "success", result
    head, *rows = (lab.work / "report/numbers.csv").read_text().splitlines()
    assert head.startswith("source,target,sort")
    assert [tuple(row.split(",")[2:]) for row in rows] == MAPS[policy]
    assert {tuple(row.split(",")[:2]) for row in rows} == {("acme/app", "acme/app")}
    assert result["plan"]["number_ranges"] == len(rows) == len(result["plan"]["numbers"])
    titles = {one["number"]: one["title"] for one in (await lab.repository())["issues"]}
    expected = {}
    for sort, first, _, number, last in MAPS[policy]:
        for at in range(int(last) - int(number) + 1):
            expected[int(number) + at] = NAMES[sort].format(int(first or 0) + at)
    assert sorted(titles) == sorted(expected)
    for number, title in expected.items():
        if title != "merge request":
            assert titles[number] == title


@pytest.mark.parametrize("policy", MAPS)
@pytest.mark.parametrize("features", [{}, {"issues": "disabled"}])
async def test_no_issues_take_no_numbers(open_lab: Any, policy: str, features: dict[str, str]) -> None:
    """Issues that are on and empty, or turned off, leave no gap and no placeholder to merge requests."""
    described = _project()
    described["project"]["features"] = features
    described["issues"] = [] if not features else described["issues"]
    lab = await open_lab(described)
    result = await lab.run("FULL", lab.config(numbering=policy, merge_requests="all-as-issue"))
    assert result["status"] == "success", result
    rows = (lab.work / "report/numbers.csv").read_text().splitlines()[1:]
    own = [row for row in MAPS["merge-requests-exact"][:3] if policy != "compact"]
    compact = [("merge_requests", "1", "1", "1", "1"), ("merge_requests", "3", "3", "2", "2")]
    assert [tuple(row.split(",")[2:]) for row in rows] == (own or compact)
    assert sorted(_numbers(await lab.repository())) == ([1, 3] if own else [1, 2])


@pytest.mark.parametrize("policy", MAPS)
async def test_a_moved_issue_keeps_its_place(open_lab: Any, policy: str) -> None:
    """An issue that was moved away stays as the closed issue that GitLab keeps in its place."""
    lab = await open_lab(project(issues=[issue(1), issue(2), issue(3)]))
    lab.sandbox.gitlab.edit(17).edit_issue(2, state="closed", moved_to_id=99)
    result = await lab.run("FULL", lab.config(numbering=policy))
    assert result["status"] == "success", result
    assert _numbers(await lab.repository()) == {1: "Issue 1", 2: "Issue 2", 3: "Issue 3"}
