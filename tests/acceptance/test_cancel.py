"""Stopped by a signal anywhere: nothing more is sent, everything is written, and the next run goes on."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, differing, issue, note, project
from shell import Shell
from torture import in_parts, turns

from gl2gh_batch import BatchOrchestrator
from gl2gh_batch.domain.result import StoppedBy
from gl2gh_batch.kit.git_claim import CLAIM_REF

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What is under way when the signal comes may still arrive: what two projects have just sent, or send until it
# is heard; and of git a push of each, and the one that gives its claim back.
REQUESTS_IN_FLIGHT = 4
PUSHES_IN_FLIGHT = 4


async def _until(lab: Lab, count: int, process: asyncio.subprocess.Process) -> None:
    while len(lab.github()) < count and process.returncode is None:  # noqa: ASYNC110 - the journal tells nobody
        await asyncio.sleep(0.005)


async def _stopped_at(lab: Lab, what: str) -> dict[str, Any]:
    """The result of a run that is stopped as soon as the journal has a writing request of that path."""
    orchestrators: list[BatchOrchestrator] = []

    async def stop() -> None:
        while not any(what in one for one in lab.writes()):  # noqa: ASYNC110 - the journal tells nobody
            await asyncio.sleep(0.001)
        orchestrators[0].stop(StoppedBy.SIGNAL, "stopped by a test")

    stopping = asyncio.create_task(stop())
    result = await lab.run("FULL", started=orchestrators.append)
    await stopping
    return result


async def test_git_hears_a_stop_too(open_lab: Any) -> None:
    """Stopped while the repository is made, nothing is pushed any more: no claim, and no history."""
    lab: Lab = await open_lab(project())
    assert (await _stopped_at(lab, "/orgs/acme/repos"))["status"] == "incomplete"
    assert [one for one in lab.writes() if one.endswith("/git-receive-pack")] == []
    assert (await lab.run("FULL"))["status"] == "success"


async def test_a_stopped_run_gives_its_claim_back(open_lab: Any) -> None:
    """Whoever goes on elsewhere need not wait for it to lapse."""
    lab: Lab = await open_lab(project())
    assert (await _stopped_at(lab, "/import/issues"))["status"] == "incomplete"
    (repository,) = (await lab.repositories()).values()
    assert CLAIM_REF not in repository["refs"]


@in_parts
@pytest.mark.timeout(3600)
async def test_cancelled_at_any_point(open_lab: Any, tmp_path: Path, subtests: Any, part: int) -> None:
    """A signal at random requests: its exit code, result and summary; resumed, the same target."""
    lab: Lab = await open_lab(
        project("acme/app", 17, issues=[issue(one, notes=[note("Yes.")]) for one in (1, 2, 4)]),
        project("acme/lib", 18, issues=[issue(1), issue(2)]),
    )
    folder = tmp_path / "here"
    folder.mkdir()
    shell, work = Shell(folder), folder / "gl2gh-work"
    flags = ["--project-ids=17,18", "--mode=FULL"]
    assert (await shell.run(lab, *flags)).code == 0
    wanted, requests = await lab.settled(), len(lab.github())
    slowest = 0.0
    for number, rng in turns("cancel", part, 3, 50):
        nth, chosen = rng.randint(1, requests - 2), SIGNALS[number % len(SIGNALS)]
        with subtests.test(f"{chosen.name} at request {nth}"):
            await lab.control("POST", "reset")
            shutil.rmtree(work)
            mark = lab.mark()
            process = await shell.start("run", *shell.flags(lab), *flags, env=shell.tokens(lab))
            await _until(lab, mark + nth if mark else nth, process)
            began, before = time.monotonic(), len(lab.github())
            process.send_signal(chosen)
            ended = await asyncio.wait_for(shell.ended(process), timeout=60)
            slowest = max(slowest, time.monotonic() - began)
            assert "Traceback" not in ended.err, ended.err
            assert ended.code == 128 + chosen, ended
            late = [one.path for one in lab.github()[before:]]
            assert sum(path.startswith("/api/") for path in late) <= REQUESTS_IN_FLIGHT, late
            assert sum(path.endswith("/git-receive-pack") for path in late) <= PUSHES_IN_FLIGHT, late
            result = json.loads((work / "batch-result.json").read_text())
            assert result["stopped_by"] == "signal"
            assert (work / "report" / "summary.md").is_file()
            again = await shell.run(lab, *flags)
            assert again.code == 0, again
            assert differing(await lab.settled(), wanted) == []
    print(f"slowest exit: {slowest:.1f} s")
