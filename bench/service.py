"""The HTTP service beside a running batch: how soon a start is answered, and what listeners and a queue cost.

GitLab, GitHub and the service are processes of their own; time is real.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import aiohttp
import yaml

from bench.batch import Size, write_seeds
from bench.bed import in_memory

ROOT: Final = Path(__file__).resolve().parent.parent
TOKEN: Final = "the-token-of-the-benchmark"  # noqa: S105 - of a service that lives for this measurement
LISTENERS: Final = 200
QUEUED: Final = 50
# Enough to run for longer than the fifty starts take.
RUNNING: Final = Size(name="running", issues=250, notes=3, labels=5, has_history=False)
PROJECTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What was seen: answers in milliseconds, the service's memory before and at its peak, events told."""

    median_ms: float
    slowest_ms: float
    before_mb: float
    peak_mb: float
    events: int
    whole_streams: int


def served() -> Served:
    """200 clients on the stream of a running batch, and 50 batches started behind it."""
    with in_memory(), TemporaryDirectory(prefix="gl2gh-bench-") as name:
        folder = Path(name)
        seeds = [str(path) for path in write_seeds([RUNNING] * PROJECTS, folder / "seeds")]
        with _sandbox(seeds) as where, _service(folder, where) as (url, process_id):
            return asyncio.run(_measure(url, process_id))


async def _measure(url: str, process_id: int) -> Served:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(url, headers=headers, connector=connector) as session:
        batch_id, _ = await _start(session, list(range(1, PROJECTS + 1)), "FULL")
        while (await _batch(session, batch_id))["in_progress"] < PROJECTS:  # noqa: ASYNC110 - a process
            await asyncio.sleep(0.1)
        before_mb = _memory(process_id, "VmRSS")
        listening = [asyncio.create_task(_listen(session, batch_id)) for _ in range(LISTENERS)]
        await asyncio.sleep(1.0)
        times = []
        for number in range(QUEUED):
            _, seconds = await _start(session, [10_000 + number], "PLAN_ONLY")
            times.append(seconds * 1000)
        if (await _batch(session, batch_id))["status"] != "running":
            raise SystemExit("the batch ended before the starts did: nothing was measured beside it")
        stories = await asyncio.gather(*listening)
        return Served(
            median_ms=statistics.median(times),
            slowest_ms=max(times),
            before_mb=before_mb,
            peak_mb=_memory(process_id, "VmHWM"),
            events=len(stories[0]),
            whole_streams=sum(story == list(range(1, len(stories[0]) + 1)) for story in stories),
        )


async def _start(session: aiohttp.ClientSession, ids: list[int], mode: str) -> tuple[str, float]:
    began = time.perf_counter()
    body = {"project_ids": ids, "mode": mode, "parallel_limit": 5, "resume_from": None}
    async with session.post("/api/v1/projects/bench/batch-migrate", json=body) as answer:
        answer.raise_for_status()
        found = await answer.json()
    return str(found["batch_id"]), time.perf_counter() - began


async def _batch(session: aiohttp.ClientSession, batch_id: str) -> Any:
    async with session.get(f"/api/v1/batches/{batch_id}") as answer:
        return await answer.json()


async def _listen(session: aiohttp.ClientSession, batch_id: str) -> list[int]:
    """The numbers of all events of the batch, to its end."""
    timeout = aiohttp.ClientTimeout(total=None)
    async with session.get(f"/api/v1/batches/{batch_id}/events", timeout=timeout) as answer:
        return [int(line[4:]) async for line in answer.content if line.startswith(b"id: ")]


@contextmanager
def _sandbox(seeds: list[str]) -> Iterator[dict[str, Any]]:
    with subprocess.Popen(
        [sys.executable, "-m", "bench.memory", "sandbox", *seeds],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.communicate()  # the end of its input ends it


@contextmanager
def _service(folder: Path, where: dict[str, Any]) -> Iterator[tuple[str, int]]:
    gitlab, github = where["gitlab"], where["github"]
    config = folder / "server.yml"
    document = {
        "listen": {"port": 0},
        "batches": {"running": 1, "queued": QUEUED},
        "tokens": [
            {"name": "bench", "role": "operator", "sha256": hashlib.sha256(TOKEN.encode()).hexdigest()}
        ],
        "projects": {
            "bench": {
                "gitlab": {"url": gitlab["url"], "token_env": "BENCH_GITLAB"},
                "github": {
                    "url": github["url"],
                    "api_url": github["api_url"],
                    "owner": github["owner"],
                    "token_env": "BENCH_GITHUB",
                },
            }
        },
    }
    config.write_text(yaml.safe_dump(document))
    with subprocess.Popen(
        [sys.executable, "-m", "gl2gh_batch", "serve", "--config", str(config)],
        env={**os.environ, "BENCH_GITLAB": gitlab["token"], "BENCH_GITHUB": github["token"]},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1].rstrip("/")
        try:
            yield url, process.pid
        finally:
            process.terminate()


def _memory(process_id: int, field: str) -> float:
    status = Path(f"/proc/{process_id}/status").read_text("ascii")
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024
