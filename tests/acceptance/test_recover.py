"""A lost ledger is made again from the target; a trial is cleaned up; a claim is taken away."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing, issue, note, project
from merging import hide_branches, merging
from victim import apply_until_killed
from whole import link_files, whole

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.kit.git_claim import CLAIM_REF

SMALL = project(
    project={"path": "acme/app", "id": 17, "name": "App", "visibility": "public", "creator": "anna"},
    issues=[
        issue(1, labels=["later"], milestone="1.0", locked=True, notes=[note("Same here."), note("Yes.")]),
        issue(3, state="closed"),
        issue(4),
    ],
)
SEED = 20261123


async def _task(lab: Lab, task: Task, *, force: bool = False, **fields: Any) -> dict[str, Any]:
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_task(
            [lab.config(**fields)], task, force=force
        )
    only: dict[str, Any] = result["results"][0]
    return only


def _lose(lab: Lab) -> None:
    for path in lab.folder_of().glob("ledger.sqlite*"):
        path.unlink()


@pytest.mark.parametrize("issues_via", ["import", "rest"])
async def test_a_lost_ledger_is_recovered_anywhere(open_lab: Any, subtests: Any, issues_via: str) -> None:
    """Killed at random points with its ledger lost, an apply goes on after `recover` with nothing twice."""
    lab = await open_lab(SMALL)
    fields = {"visibility": "source", "issues_via": issues_via}
    configs = [lab.config(**fields)]
    assert (await lab.batch("PLAN_ONLY", configs))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    dated = issues_via != "rest"
    wanted, requests = await lab.settled(dated=dated), len(lab.github(mark))
    print(f"seed {SEED}, {requests} requests")
    points = random.Random(SEED).sample(range(6, requests + 1), 7)
    for number, nth in enumerate([*points, requests + 100]):
        with subtests.test(f"request {nth}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            await apply_until_killed(lab, nth, before=bool(number % 2), configs=configs)
            _lose(lab)
            if "acme/app" in await lab.repositories() and (await lab.repository())["issues"]:
                # Without a ledger nothing is touched: the way out is named.
                mark = lab.mark()
                refused = await lab.run("APPLY", configs[0])
                assert refused["status"] == "failed"
                assert "recover" in refused["error"]["hint"], refused["error"]
                # The claim of the dead run may be given back: nothing else is sent.
                assert lab.writes_but_claims(mark) == []
                _lose(lab)
            mark = lab.mark()
            recovered = await _task(lab, Task.RECOVER, **fields)
            assert recovered["status"] == "success", recovered
            assert lab.writes_but_claims(mark) == []
            result = await lab.run("APPLY", configs[0])
            assert result["status"] == "success", result.get("error")
            assert differing(await lab.settled(dated=dated), wanted) == []


async def test_a_foreign_repository_is_not_recovered(lab: Lab) -> None:
    """What holds no marker of ours, and more than our refs, is not taken for ours."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    value = {"private": True, "issues": [{"title": "Not ours", "body": "", "comments": []}]}
    await lab.control("PATCH", "state", [{"op": "add", "path": "/repositories/acme~1app", "value": value}])
    result = await _task(lab, Task.RECOVER)
    assert result["error"]["reason"] == "target-not-empty", result
    assert not (lab.folder_of() / "ledger.sqlite").exists()


async def test_a_marker_by_another_login_forges_nothing(lab: Lab) -> None:
    """An issue with our marker that a stranger wrote proves nothing."""
    assert (await lab.run("FULL"))["status"] == "success"
    _lose(lab)
    for one in lab.sandbox.github.repositories.values():
        for item in one.issues.values():
            item.user = "ben"
    result = await _task(lab, Task.RECOVER)
    assert result["status"] == "failed", result
    assert "token" in result["error"]["hint"]


async def test_what_was_sent_from_another_state_of_gitlab_is_named(open_lab: Any) -> None:
    """An issue that is gone by now was sent: nobody else writes there."""
    lab: Lab = await open_lab(project(issues=[issue(one) for one in (1, 2, 3)]))
    assert (await lab.run("FULL"))["status"] == "success"
    shutil.rmtree(lab.work)
    lab.sandbox.gitlab.edit(17).delete_issue(2)
    assert (await lab.run("PLAN_ONLY"))["status"] != "success"
    error = (await _task(lab, Task.RECOVER))["error"]
    assert "issues/2" in error["message"], error
    assert "changed since it was sent" in error["hint"], error


async def test_a_trial_is_cleaned_up_and_can_be_repeated(lab: Lab) -> None:
    """What a batch made is deleted, and a new apply of the same plan makes it again."""
    assert (await lab.run("FULL"))["status"] == "success"
    wanted = await lab.settled()
    assert (await _task(lab, Task.CLEANUP))["status"] == "success"
    assert await lab.repositories() == {}
    assert (await lab.run("APPLY"))["status"] == "success"
    assert differing(await lab.settled(), wanted) == []


async def test_an_archived_trial_is_cleaned_up(open_lab: Any) -> None:
    """A repository that was archived at the end takes no claim any more, and is deleted all the same."""
    facts = {**project()["project"], "archived": True}
    lab: Lab = await open_lab(project(project=facts))
    assert (await lab.run("FULL"))["status"] == "success"
    assert (await lab.repository())["archived"]
    result = await _task(lab, Task.CLEANUP)
    assert result["status"] == "success", result["error"]
    assert await lab.repositories() == {}


async def test_a_half_finished_trial_is_cleaned_up(lab: Lab) -> None:
    """What is only missing keeps nothing from being deleted."""
    await lab.faults(
        {"method": "POST", "path": "*/import/issues", "nth": 2, "effect": {"status": 403, "body": {}}}
    )
    assert (await lab.run("FULL"))["status"] == "failed"
    result = await _task(lab, Task.CLEANUP)
    assert result["status"] == "success", result
    assert await lab.repositories() == {}


async def test_a_trial_that_ended_as_it_began_says_what_to_do(lab: Lab) -> None:
    """Killed before the answer came, nobody knows who made the repository: an apply finds out."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert await apply_until_killed(lab, 1, before=False, writes=True)
    assert list(await lab.repositories()) == ["acme/app"]
    result = await _task(lab, Task.CLEANUP)
    assert result["status"] == "failed", result
    assert "apply again" in result["error"]["hint"], result
    assert (await lab.run("APPLY"))["status"] == "success"
    assert (await _task(lab, Task.CLEANUP))["status"] == "success"
    assert await lab.repositories() == {}


CHANGES: dict[str, dict[str, Any]] = {
    "a new issue": {"path": "/issues/-", "value": {"title": "New", "body": "", "comments": []}},
    "a new label": {"path": "/labels/-", "value": {"name": "new", "color": "000000"}},
    "a new release": {
        "path": "/releases/-",
        "value": {"tag_name": "v1.0", "name": "Theirs", "body": "", "draft": False, "assets": []},
    },
    "a new comment": {"path": "/issues/0/comments/-", "value": {"body": "Look", "user": {"login": "ben"}}},
    "an edited issue": {"path": "/issues/0/title", "value": "Other"},
    "another description": {"path": "/description", "value": "Theirs"},
    "other topics": {"path": "/topics", "value": ["theirs"]},
}


@pytest.mark.parametrize("name", CHANGES)
async def test_what_somebody_changed_is_not_cleaned_up(lab: Lab, name: str) -> None:
    """A repository that holds anybody else's work stays."""
    assert (await lab.run("FULL"))["status"] == "success"
    await lab.damage({"op": "add", **CHANGES[name]})
    mark = lab.mark()
    result = await _task(lab, Task.CLEANUP)
    assert (result["status"], result["error"]["reason"]) == ("failed", "target-not-empty"), result
    assert list(await lab.repositories()) == ["acme/app"]
    assert lab.writes(mark) == []


async def test_what_was_there_before_is_not_cleaned_up(lab: Lab) -> None:
    """An empty repository that the batch only filled is not its to delete."""
    await lab.control(
        "PATCH", "state", [{"op": "add", "path": "/repositories/acme~1app", "value": {"private": True}}]
    )
    assert (await lab.run("FULL"))["status"] == "success"
    result = await _task(lab, Task.CLEANUP)
    assert result["status"] == "failed", result
    assert list(await lab.repositories()) == ["acme/app"]


async def test_a_dead_claim_is_taken_away(lab: Lab) -> None:
    """`unlock` refuses a claim that may be alive, names it, and takes it away when told to."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert await apply_until_killed(lab, 20, before=True)
    assert CLAIM_REF in (await lab.repository())["refs"]
    lab.work = Path(shutil.copytree(lab.work, lab.folder / "elsewhere"))
    refused = await _task(lab, Task.UNLOCK)
    assert refused["error"]["reason"] == "target-locked", refused
    assert CLAIM_REF in (await lab.repository())["refs"]
    assert (await _task(lab, Task.UNLOCK, force=True))["status"] == "success"
    assert CLAIM_REF not in (await lab.repository())["refs"]


async def test_a_lost_ledger_of_merge_requests_is_recovered(open_lab: Any, subtests: Any) -> None:
    """The same with pull requests, reviews and temporary branches: nothing is there twice."""
    lab = await open_lab(merging())
    hide_branches(lab)
    # After a reset the branches that were deleted are there again; the plan holds what it was made from.
    fields = {"merge_requests": "all-as-pull-request", "accept_source_changes": True}
    configs = [lab.config(**fields)]
    assert (await lab.batch("PLAN_ONLY", configs))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    wanted, requests = await lab.settled(dated=False), len(lab.github(mark))
    for number, nth in enumerate((requests // 3, requests // 2, requests * 3 // 4, requests + 100)):
        with subtests.test(f"request {nth} of {requests}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            await apply_until_killed(lab, nth, before=bool(number % 2), configs=configs)
            _lose(lab)
            recovered = await _task(lab, Task.RECOVER, **fields)
            assert recovered["status"] == "success", recovered
            result = await lab.run("APPLY", configs[0])
            assert result["status"] == "success", result.get("error")
            assert differing(await lab.settled(dated=False), wanted) == []


def _whole(*, archived: bool) -> dict[str, Any]:
    described = whole()
    return {**described, "project": {**described["project"], "archived": archived}}


@pytest.mark.parametrize("fields", [{}, {"visibility": "source"}], ids=["private", "public"])
async def test_a_lost_work_directory_is_recovered(open_lab: Any, fields: dict[str, Any]) -> None:
    """Planned, recovered, planned and applied, as documented: the temporary branches that are gone may be."""
    lab: Lab = await open_lab(_whole(archived=False))
    link_files(lab)
    fields = {"merge_requests": "all-as-pull-request", **fields}
    config = lab.config(**fields)
    assert (await lab.run("FULL", config))["status"] == "success"
    wanted = await lab.settled(dated=False)
    shutil.rmtree(lab.work)
    await lab.run("PLAN_ONLY", config)
    for task in (Task.UNLOCK, Task.RECOVER):
        assert (await _task(lab, task, **fields))["status"] == "success"
    planned = await lab.run("PLAN_ONLY", config)
    assert planned["status"] == "success", planned["error"]
    result = await lab.run("APPLY", config)
    assert (result["status"], result["certificate"]["verdict"]) == ("success", "complete"), result
    assert differing(await lab.settled(dated=False), wanted) == []
    assert (await _task(lab, Task.RECOVER, **fields))["status"] == "success"
    result = await lab.run("APPLY", config, resume_from="verify")
    assert result["status"] == "success", result["error"]


@pytest.mark.parametrize("gone", ["all", "one"])
async def test_temporary_branches_that_somebody_removed_are_not_needed(open_lab: Any, gone: str) -> None:
    """Gone before the close phase they are a difference; after `recover` the migration ends as it should."""
    lab: Lab = await open_lab(_whole(archived=False))
    link_files(lab)
    fields = {"merge_requests": "all-as-pull-request"}
    config = lab.config(**fields)
    assert (await lab.run("FULL", config))["status"] == "success"
    wanted = await lab.settled(dated=False)
    await lab.control("POST", "reset")
    link_files(lab)
    shutil.rmtree(lab.work)
    await lab.faults({"method": "GET", "path": "*/labels*", "effect": {"status": 500, "body": {}}})
    assert (await lab.run("FULL", config))["status"] == "failed"
    await lab.faults()
    refs = [one for one in (await lab.repository())["refs"] if "/gitlab-merge-requests/" in one]
    temporary = [one for one in refs if one.endswith(("/base", "/head"))]
    assert len(temporary) >= 4, refs
    for one in temporary if gone == "all" else temporary[:1]:
        await lab.damage({"op": "remove", "path": f"/refs/{one.replace('/', '~1')}"})
    refused = await lab.run("APPLY", config)
    assert refused["error"]["reason"] == "verify-differences", refused
    assert (await _task(lab, Task.RECOVER, **fields))["status"] == "success"
    result = await lab.run("APPLY", config)
    assert result["status"] == "success", result["error"]
    assert differing(await lab.settled(dated=False), wanted) == []
