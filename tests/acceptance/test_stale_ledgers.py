"""A work directory that was gone on from on another machine: whoever runs it again doubles nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing, issue, note, project
from torture import amount, dice
from victim import apply_until_killed
from whole import POLICIES, link_files, whole

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task

REFUSED = {"method": "POST", "path": "*/comments", "nth": 2, "effect": {"status": 403, "body": {}}}
DOUBLED = ("/comments", "/reviews", "/releases", "/pulls", "/import/issues")
# Whether a comment by a person is the newest thing there, and what it says.
WORDS = ("Thank you!", "Is it finished?")


def _talk(**fields: Any) -> dict[str, Any]:
    return project(
        issues=[issue(1, notes=[note("one"), note("two"), note("three"), note("four")]), issue(2)],
        releases=[
            {"tag": "v1.0", "name": "One", "description": "x"},
            {"tag": "v9.9", "name": "No tag", "description": "a draft"},
        ],
        **fields,
    )


async def _task(lab: Lab, task: Task, **fields: Any) -> dict[str, Any]:
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_task(
            lab.configs(**fields), task, force=True
        )
    only: dict[str, Any] = result["results"][0]
    return only


async def _finished_elsewhere(lab: Lab, source: Path, **fields: Any) -> None:
    """Another machine goes on from that folder, and ends; the lab's own work directory stays as it is."""
    here, lab.work = lab.work, Path(shutil.copytree(source, lab.folder / "elsewhere"))
    try:
        await _task(lab, Task.UNLOCK, **fields)
        result = await lab.run("APPLY", lab.config(**fields))
        assert result["status"] == "success", result.get("error")
    finally:
        lab.work = here
        shutil.rmtree(lab.folder / "elsewhere")


def _is_told(result: dict[str, Any]) -> None:
    assert result["status"] == "failed"
    error = result["error"]
    assert error["reason"] == "work-dir-damaged", error
    assert "acme/app" in error["message"]
    assert "nothing is left to do" in error["hint"].lower()


@pytest.mark.parametrize("words", [(), WORDS], ids=["alone", "with people"])
async def test_after_the_handover_was_finished_elsewhere(open_lab: Any, words: tuple[str, ...]) -> None:
    """A comment was refused here, the rest was done from the handover: here nothing is sent any more."""
    lab: Lab = await open_lab(_talk())
    fields = {"issues_via": "rest"}
    await lab.faults(REFUSED)
    assert (await lab.run("FULL", lab.config(**fields)))["status"] == "failed"
    await lab.faults()
    await _finished_elsewhere(lab, lab.work / "handover", **fields)
    for one in words * 20:
        await lab.damage({"op": "add", "path": "/issues/0/comments/-", "value": {"body": one, "user": "ben"}})
    wanted, mark = await lab.settled(dated=False), lab.mark()
    result = await lab.run("APPLY", lab.config(**fields))
    _is_told(result)
    assert lab.writes_but_claims(mark) == []
    assert differing(await lab.settled(dated=False), wanted) == []


async def test_a_stopped_run_that_nobody_followed_goes_on(open_lab: Any) -> None:
    """Ended by a refusal, its claim given back: the looks cost a few requests, and find nothing."""
    lab: Lab = await open_lab(_talk())
    for via in ("rest", "import"):
        fields = {"issues_via": via}
        await lab.control("POST", "reset")
        shutil.rmtree(lab.work, ignore_errors=True)
        assert (await lab.run("FULL", lab.config(**fields)))["status"] == "success"
        wanted = await lab.settled(dated=False)
        await lab.control("POST", "reset")
        shutil.rmtree(lab.work)
        await lab.faults(REFUSED if via == "rest" else {**REFUSED, "path": "*/releases"})
        assert (await lab.run("FULL", lab.config(**fields)))["status"] == "failed"
        await lab.faults()
        mark = lab.mark()
        result = await lab.run("FULL", lab.config(**fields))
        assert result["status"] == "success", result.get("error")
        assert differing(await lab.settled(dated=False), wanted) == []
        asked = [one for one in lab.github(mark) if one.method == "GET" and "direction=desc" in one.query]
        assert len(asked) == (2 if via == "rest" else 1)


@pytest.mark.parametrize("archived", [False, True])
async def test_killed_anywhere_and_finished_elsewhere(open_lab: Any, subtests: Any, archived: bool) -> None:
    """Whatever was sent next is there: no kind is doubled, and the error says what to do: `recover` works."""
    described = whole()
    described["project"]["archived"] = archived
    described["releases"].append({"tag": "v9.9", "name": "No tag", "description": "a draft"})
    lab: Lab = await open_lab(described)
    link_files(lab)
    assert (await lab.run("PLAN_ONLY", lab.config(**POLICIES)))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.run("APPLY", lab.config(**POLICIES)))["status"] == "success"
    sent = list(enumerate(lab.github(mark), 1))
    wanted = await lab.settled(dated=False)
    points = [nth for nth, one in sent if one.method == "POST" and one.path.endswith(DOUBLED)]
    for nth in sorted(dice("stale").sample(points, amount(2, len(points)))):
        with subtests.test(f"killed before {sent[nth - 1][1].method} {sent[nth - 1][1].path}"):
            await lab.control("POST", "reset")
            link_files(lab)
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            assert await apply_until_killed(lab, nth, before=True, configs=lab.configs(**POLICIES))
            await _finished_elsewhere(lab, lab.work, **POLICIES)
            mark = lab.mark()
            result = await lab.run("APPLY", lab.config(**POLICIES))
            assert differing(await lab.settled(dated=False), wanted) == []
            assert lab.writes_but_claims(mark) == []
            if result["status"] != "success":
                _is_told(result)
    recovered = await _task(lab, Task.RECOVER, **POLICIES)
    assert recovered["status"] == "success", recovered
    result = await lab.run("APPLY", lab.config(**POLICIES))
    assert result["status"] == "success" or not archived, (result.get("error"), result["agents"])
    assert differing(await lab.settled(dated=False), wanted) == []
