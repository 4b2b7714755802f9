"""Killed with SIGKILL at random moments and started again, the service ends batches as if nothing was."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import yaml
from lab import Lab, differing, issue, note, project
from served import ACCESS, OPERATOR, Caller

PROJECTS = [
    project(
        path=f"acme/app-{number}",
        id=number,
        issues=[issue(iid, notes=[note("Here.")]) for iid in range(1, 7)],
    )
    for number in (1, 2, 3)
]
# What differs between two runs of the same batch.
OWN = {
    "batch_id",
    "created_at",
    "started_at",
    "finished_at",
    "agents",
    "price",
    "verification",
    "plan_digest",
    "plan",
    "certificate",
}


def _configuration(lab: Lab) -> str:
    """The configuration of a service with the tokens of the tests."""
    sandbox = lab.sandbox
    return yaml.safe_dump(
        {
            "listen": {"port": 0},
            "work_dir": "service",
            "tokens": [{"name": one.name, "role": str(one.role), "sha256": one.sha256} for one in ACCESS],
            "projects": {
                "acme": {
                    "gitlab": {"url": sandbox.gitlab_url, "token_env": "LAB_GITLAB"},
                    "github": {
                        "url": sandbox.github_url,
                        "api_url": sandbox.github_api_url,
                        "owner": sandbox.owner,
                        "token_env": "LAB_GITHUB",
                    },
                }
            },
        }
    )


class Victim:
    """The service as a process of its own, whose address changes with every start."""

    def __init__(self, lab: Lab, session: aiohttp.ClientSession) -> None:
        self._lab = lab
        self._session = session
        self.kills = 0
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> Caller:
        """Start it; somebody who asks it."""
        sandbox = self._lab.sandbox
        config = self._lab.folder / "server.yml"
        config.write_text(_configuration(self._lab))
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "gl2gh_batch", "serve", "--config", str(config)),
            env={
                "LAB_GITLAB": sandbox.gitlab_token,
                "LAB_GITHUB": sandbox.github_token,
                "PATH": "/usr/bin:/bin",
            },
            stdout=asyncio.subprocess.PIPE,
        )
        assert self.process.stdout is not None
        line = (await self.process.stdout.readline()).decode()
        return Caller(line.split()[-1].rstrip("/"), self._session)

    async def end(self, number: signal.Signals) -> int:
        """End it by a signal."""
        assert self.process is not None
        self.process.send_signal(number)
        self.kills += number is signal.SIGKILL
        return await self.process.wait()


class Listener:
    """Somebody who listens for as long as it takes, over all restarts, with the last number it heard."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.caller: Caller | None = None

    async def listen(self, batch_id: str, session: aiohttp.ClientSession) -> None:
        """Listen until the batch has ended."""
        while not self.heard or self.heard[-1]["type"] != "batch-finished":
            headers = {
                "Authorization": f"Bearer {OPERATOR}",
                "Last-Event-ID": str(self.heard[-1]["id"] if self.heard else 0),
            }
            try:
                assert self.caller is not None
                url = f"{self.caller.url}/api/v1/batches/{batch_id}/events"
                async with session.get(url, headers=headers) as answer:
                    async for line in answer.content:
                        if line.startswith(b"data: ") and line.endswith(b"\n"):
                            self.heard.append(json.loads(line[6:]))
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def _victim(lab: Lab) -> AsyncIterator[tuple[Victim, aiohttp.ClientSession]]:
    async with aiohttp.ClientSession() as session:
        victim = Victim(lab, session)
        try:
            yield victim, session
        finally:
            if victim.process is not None and victim.process.returncode is None:
                victim.process.kill()
                await victim.process.wait()


def _outcome(batch: Any) -> Any:
    """What two runs of the same batch have in common."""
    kept = {key: value for key, value in batch.items() if key not in OWN and key != "results"}
    kept["results"] = [
        {key: value for key, value in one.items() if key not in OWN} for one in batch["results"]
    ]
    return kept


async def _kill_again_and_again(open_lab: Any, *, rounds: int, kills: int, seed: int) -> int:
    chance = random.Random(seed)
    lab: Lab = await open_lab(*PROJECTS)
    total = 0
    async with _victim(lab) as (victim, session):
        caller = await victim.start()
        batch_id = await caller.start(1, 2, 3, mode="FULL", parallel_limit=2)
        wanted = _outcome(await caller.until(batch_id))
        assert wanted["status"] == "success", wanted
        assert await victim.end(signal.SIGTERM) == 0
        settled = await lab.settled()
        for _ in range(rounds):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.folder / "service")
            listener = Listener()
            listener.caller = caller = await victim.start()
            batch_id = await caller.start(1, 2, 3, mode="FULL", parallel_limit=2)
            listening = asyncio.create_task(listener.listen(batch_id, session))
            for _ in range(kills):
                await asyncio.sleep(chance.uniform(0.02, 0.8))
                assert await victim.end(signal.SIGKILL) == -signal.SIGKILL
                listener.caller = caller = await victim.start()
            total += kills
            batch = await caller.until(batch_id)
            assert differing(_outcome(batch), wanted) == []
            assert differing(await lab.settled(), settled) == []
            async with asyncio.timeout(60):
                await listening
            assert [one["id"] for one in listener.heard] == list(range(1, len(listener.heard) + 1))
            assert listener.heard == await caller.events(batch_id)
            assert await victim.end(signal.SIGTERM) == 0
    return total


@pytest.mark.timeout(600)
async def test_killed_while_batches_run(open_lab: Any) -> None:
    """A few kills in one batch: it ends as the undisturbed one, and its listener misses and doubles none."""
    assert await _kill_again_and_again(open_lab, rounds=1, kills=4, seed=1) == 4


@pytest.mark.slow
@pytest.mark.timeout(1800)
async def test_killed_twenty_times(open_lab: Any) -> None:
    """Twenty kills at random moments of running batches: each batch ends as the undisturbed one."""
    assert await _kill_again_and_again(open_lab, rounds=5, kills=4, seed=2) == 20
