"""Before anything more is closed or opened, the run that does it has looked at what is there."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing, project
from torture import amount, dice
from victim import apply_until_killed
from whole import POLICIES, link_files, whole

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task

PUBLIC = {"path": "acme/app", "id": 17, "name": "App", "visibility": "public", "creator": "anna"}
DEFACED = {"op": "add", "path": "/issues/0/title", "value": "Defaced"}
# The last writes of the whole project: what closes it, and a few before.
CLOSING = 11


async def _task(lab: Lab, task: Task, **fields: Any) -> dict[str, Any]:
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_task([lab.config(**fields)], task)
    only: dict[str, Any] = result["results"][0]
    return only


def _certificate(lab: Lab) -> dict[str, Any]:
    held: dict[str, Any] = json.loads((lab.folder_of() / "certificate.json").read_text())
    return held


async def _delete(lab: Lab) -> None:
    await lab.control("PATCH", "state", [{"op": "remove", "path": "/repositories/acme~1app"}])


async def test_what_was_changed_since_it_was_verified_is_not_opened(open_lab: Any) -> None:
    """Opening is refused, somebody edits; the next run finds it, opens nothing, and says what is so."""
    lab: Lab = await open_lab(project(project=PUBLIC))
    config = lab.config(visibility="source")
    policy = {"status": 422, "body": {"message": "organisation policy"}}
    await lab.faults({"path": "*/repos/acme/app", "method": "PATCH", "nth": 2, "effect": policy})
    assert (await lab.run("FULL", config))["certificate"]["verdict"] == "not-closed"
    await lab.faults()
    title = (await lab.repository())["issues"][0]["title"]
    await lab.damage(DEFACED)
    result = await lab.run("APPLY", config)
    assert (result["status"], result["certificate"]["verdict"]) == ("failed", "different"), result
    assert result["error"]["reason"] == "verify-differences"
    assert "the repository is private" in result["error"]["hint"]
    assert (await lab.repository())["private"]
    await lab.damage({**DEFACED, "value": title})
    result = await lab.run("APPLY", config)
    assert (result["status"], result["certificate"]["verdict"]) == ("success", "complete"), result
    assert not (await lab.repository())["private"]


@pytest.mark.torture
async def test_killed_while_it_closes_it_is_looked_at_again(open_lab: Any, subtests: Any) -> None:
    """At each write of the close phase: what that has done is no difference, and all ends as it should."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    configs = [lab.config(**POLICIES)]
    assert (await lab.batch("PLAN_ONLY", configs))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    wanted, writes = await lab.settled(dated=False), lab.writes(mark)
    ends = [(nth, before) for nth in range(len(writes) - CLOSING, len(writes)) for before in (True, False)]
    for nth, before in dice("killed while it closes").sample(ends, amount(4, len(ends))):
        with subtests.test(f"{writes[nth]}, {before=}"):
            await lab.control("POST", "reset")
            link_files(lab)
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            await apply_until_killed(lab, nth + 1, before=before, configs=configs, writes=True)
            result = await lab.run("APPLY", configs[0])
            assert result["status"] == "success", result["error"]
            assert differing(await lab.settled(dated=False), wanted) == []


@pytest.mark.parametrize("before", [True, False])
async def test_an_edit_while_it_was_killed_is_found(open_lab: Any, before: bool) -> None:
    """Killed at the request that opens it, defaced, resumed: failed, and nothing more was sent."""
    lab: Lab = await open_lab(project(project=PUBLIC))
    config = lab.config(visibility="source")
    assert (await lab.run("PLAN_ONLY", config))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.run("APPLY", config))["status"] == "success"
    (nth,) = [
        place
        for place, one in enumerate(lab.writes(mark), start=1)
        if one.startswith("PATCH") and one.endswith("/repos/acme/app")
    ][-1:]
    await lab.control("POST", "reset")
    shutil.rmtree(lab.work)
    shutil.copytree(lab.folder / "planned", lab.work)
    assert await apply_until_killed(lab, nth, before=before, configs=[config], writes=True)
    await lab.damage(DEFACED)
    mark = lab.mark()
    result = await lab.run("APPLY", config)
    assert (result["status"], result["certificate"]["verdict"]) == ("failed", "different"), result
    assert [one["field"] for one in result["verification"]["differences"]] == ["title"]
    assert lab.writes_but_claims(mark) == []


async def test_a_verification_of_a_former_repository_certifies_nothing(open_lab: Any) -> None:
    """Made anew after it was deleted, the repository is compared anew: a label that was lost is told."""
    names = ("type::bug", "later", "unused")
    lab: Lab = await open_lab(project(labels=[{"title": one, "color": "#428bca"} for one in names]))
    assert (await lab.run("FULL"))["status"] == "success"
    await _delete(lab)
    result = await lab.run("APPLY")
    assert (result["status"], result["certificate"]["verdict"]) == ("failed", "not-verified"), result
    assert "gone" in result["error"]["message"]
    for path in lab.folder_of().glob("ledger.sqlite*"):
        path.unlink()
    made = {"id": 1, "name": "unused", "color": "428bca"}
    await lab.faults(
        {"path": "*/labels", "method": "POST", "nth": 3, "effect": {"status": 201, "body": made}}
    )
    result = await lab.run("APPLY")
    assert (result["status"], result["certificate"]["verdict"]) == ("failed", "different"), result


@pytest.mark.parametrize("mode", ["FULL", "APPLY"])
async def test_a_finished_project_whose_repository_is_gone_is_no_success(lab: Lab, mode: str) -> None:
    """It is looked at by one request, and the certificate stands as it was issued as long as it is there."""
    assert (await lab.run("FULL"))["status"] == "success"
    issued = _certificate(lab)
    mark = lab.mark()
    result = await lab.run(mode)
    assert (result["status"], result["certificate"]["digest"]) == ("success", issued["digest"])
    assert _certificate(lab) == issued
    assert lab.writes(mark) == []
    assert len(lab.github(mark)) <= 5
    await _delete(lab)
    result = await lab.run(mode)
    assert (result["status"], result["error"]["reason"]) == ("failed", "target-not-empty"), result
    assert result["error"]["hint"]
    assert _certificate(lab)["verdict"] == "not-verified"


@pytest.mark.parametrize(("mode", "start"), [("FULL", "plan"), ("APPLY", "apply")])
async def test_a_failed_run_certifies_nothing(lab: Lab, mode: str, start: str) -> None:
    """What an earlier run verified is not certified by one that came to no verification; a later one does."""
    assert (await lab.run("FULL"))["status"] == "success"
    await lab.faults({"path": "*", "effect": {"status": 401, "body": {"message": "Bad credentials"}}})
    result = await lab.run(mode, resume_from=start)
    assert (result["status"], result["certificate"]["verdict"]) == ("failed", "not-verified"), result
    assert _certificate(lab)["verdict"] == "not-verified"
    (reported,) = (lab.work / "report" / "certificates").glob("*.json")
    assert json.loads(reported.read_text())["verdict"] == "not-verified"
    await lab.faults()
    result = await lab.run(mode)
    assert (result["status"], result["certificate"]["verdict"]) == ("success", "complete"), result


async def test_a_task_leaves_the_certificate_as_it_is(lab: Lab) -> None:
    """To recover or to unlock verifies nothing, and so issues nothing."""
    assert (await lab.run("FULL"))["status"] == "success"
    issued = _certificate(lab)
    for task in (Task.UNLOCK, Task.RECOVER):
        result = await _task(lab, task)
        assert result["status"] == "success", result
        assert "certificate" not in result
        assert _certificate(lab) == issued
