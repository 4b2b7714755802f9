"""With the whole work directory gone, everything is found again on GitHub: no kind arrives twice."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing
from torture import in_parts, turns
from victim import apply_until_killed
from whole import POLICIES, link_files, whole

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task


async def _task(lab: Lab, task: Task, *, force: bool = False) -> dict[str, Any]:
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_task(
            lab.configs(**POLICIES), task, force=force
        )
    only: dict[str, Any] = result["results"][0]
    return only


async def _found_again(lab: Lab) -> dict[str, Any]:
    """What the documents say: plan, take the dead run's claim away, recover, plan and apply."""
    config = lab.config(**POLICIES)
    planned = await lab.run("PLAN_ONLY", config)
    if planned["status"] == "failed":
        assert "gl2gh-batch recover" in planned["error"]["hint"], planned
    unlocked = await _task(lab, Task.UNLOCK, force=True)
    assert unlocked["status"] == "success", unlocked["error"]
    mark = lab.mark()
    recovered = await _task(lab, Task.RECOVER)
    assert recovered["status"] == "success", recovered
    assert lab.writes_but_claims(mark) == []
    assert (await lab.run("PLAN_ONLY", config))["status"] == "success"
    return await lab.run("APPLY", config)


async def test_a_finished_project_is_found_again(open_lab: Any) -> None:
    """Nothing is written to what is finished, archived as it is."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    assert (await lab.run("FULL", lab.config(**POLICIES)))["status"] == "success"
    wanted, mark = await lab.settled(dated=False), lab.mark()
    shutil.rmtree(lab.work)
    result = await _found_again(lab)
    assert result["status"] == "success", (result.get("error"), result["agents"]["verify"])
    # LFS is asked by POST what it holds.
    assert [one for one in lab.writes_but_claims(mark) if "/info/lfs/" not in one] == []
    assert differing(await lab.settled(dated=False), wanted) == []


@in_parts
@pytest.mark.timeout(3600)
async def test_a_half_made_project_is_found_again(open_lab: Any, subtests: Any, part: int) -> None:
    """Killed at random requests, the target ends as if neither kill nor loss had been."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    assert (await lab.run("PLAN_ONLY", lab.config(**POLICIES)))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.run("APPLY", lab.config(**POLICIES)))["status"] == "success"
    wanted, requests = await lab.settled(dated=False), len(lab.github(mark))
    for _, rng in turns("recover all", part, 4, 60):
        nth, before = rng.randint(6, requests), rng.random() < 0.5
        with subtests.test(f"{'before' if before else 'after'} request {nth} of {requests}"):
            await lab.control("POST", "reset")
            link_files(lab)
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            await apply_until_killed(lab, nth, before=before, configs=lab.configs(**POLICIES))
            shutil.rmtree(lab.work)
            result = await _found_again(lab)
            assert result["status"] == "success", (lab.writes(), result.get("error"))
            assert differing(await lab.settled(dated=False), wanted) == []
