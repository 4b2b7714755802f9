"""How much memory our process takes at its peak, apart from the sandbox, which is a process of its own here.

`python -m bench.memory sandbox …` and `… client …` are those two processes. Time is real; pauses are short,
since waiting takes no memory. A crowd of large projects is measured without notes (notes are read issue by
issue and none is kept), and says its peak for each agent that most projects were at.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from brisk import BriskClock

from bench.batch import Size, write_seeds
from bench.bed import in_memory
from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.kit.memory import keep_heap_steady
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.command import addresses

ROOT: Final = Path(__file__).resolve().parent.parent
# An import job ends at once, and a pause is so many times shorter than it says. What the program gives up
# after half an hour, it gives up here after so many times less: the sandbox may not be away for longer.
JOB_S: Final = (0.0, 0.001)
PAUSE_FACTOR: Final = 50.0
NOTES: Final = 6
SAMPLE_S: Final = 0.2
TELL_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The peak of our process while it migrated so many equal projects at once; `real_s` is the client's.

    `by_agent` holds the peaks while most projects were at that agent.
    """

    projects: int
    issues: int
    peak_mb: float
    real_s: float
    by_agent: Mapping[str, float] = field(default_factory=dict)


def peak_memory(projects: int, issues: int, notes: int = NOTES) -> Peak:
    """FULL, of so many projects with so many issues each, in a fresh process set up as the program is."""
    size = Size(name="volume", issues=issues, notes=notes, labels=5, has_history=False)
    with in_memory(), TemporaryDirectory(prefix="gl2gh-bench-") as name:
        seeds = [str(path) for path in write_seeds([size] * projects, Path(name) / "seeds")]
        with subprocess.Popen(
            [sys.executable, "-m", "bench.memory", "sandbox", *seeds],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as sandbox:
            assert sandbox.stdout is not None
            where = sandbox.stdout.readline()
            began = time.monotonic()
            client = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "bench.memory",
                    "client",
                    where,
                    str(Path(name) / "work"),
                    str(projects),
                ],
                cwd=ROOT,
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            )
            real_s = time.monotonic() - began
            sandbox.communicate()  # the end of its input ends it
    seen = json.loads(client.stdout)
    return Peak(
        projects=projects,
        issues=issues,
        peak_mb=seen["peak_mb"],
        real_s=real_s,
        by_agent=seen["by_agent"],
    )


async def _serve(seeds: list[str]) -> None:
    async with Sandbox(projects=seeds, profile="ghes", settings={"import_job_s": JOB_S}) as sandbox:
        gc.freeze()  # the seeds are hundreds of thousands of objects that stay: none is looked at again
        print(json.dumps(addresses(sandbox)), flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _migrate(where: dict[str, Any], work: Path, projects: int) -> dict[str, float]:
    gitlab, github = where["gitlab"], where["github"]
    configs = [
        {
            "project_id": number,
            "gitlab_url": gitlab["url"],
            "gitlab_token": gitlab["token"],
            "github_url": github["url"],
            "github_api_url": github["api_url"],
            "github_token": github["token"],
            "target_owner": github["owner"],
        }
        for number in range(1, projects + 1)
    ]
    async with SharedResources(work_dir=work, clock=BriskClock(PAUSE_FACTOR)) as resources:
        batch = BatchOrchestrator(resources)
        sampling = asyncio.create_task(_sample(batch, by_agent := {}))
        result = await batch.execute_batch_migration(configs, mode="FULL", parallel_limit=projects)
        sampling.cancel()
    if result["status"] != "success":
        errors = [one["error"]["message"] for one in result["results"] if one.get("error")]
        peak_mb = _memory_mb("VmHWM")
        raise SystemExit(f"the batch ended with {result['status']} at {peak_mb:.0f} MB: {errors}")
    return by_agent


async def _sample(batch: BatchOrchestrator, by_agent: dict[str, float]) -> None:
    """Keep the peak for each agent, and say every minute where the batch is."""
    told_s = time.monotonic()
    while True:
        await asyncio.sleep(SAMPLE_S)
        projects = batch.get_progress()["projects"].values()
        agents = Counter(one["agent"] for one in projects if one["agent"])
        if not agents:
            continue
        agent, _ = agents.most_common(1)[0]
        now_mb = _memory_mb("VmRSS")
        by_agent[agent] = max(by_agent.get(agent, 0.0), now_mb)
        if time.monotonic() - told_s >= TELL_S:
            told_s = time.monotonic()
            done = sum(one["done"] for one in projects)
            told = ", ".join(f"{count} at {name}" for name, count in agents.items())
            peaks = f"{now_mb:.0f} MB now, {_memory_mb('VmHWM'):.0f} MB at the peak"
            print(f"{told}, {done} done: {peaks}", file=sys.stderr, flush=True)


def _memory_mb(name: str) -> float:
    """What the kernel says of this program; `getrusage` would answer with a larger parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(rf"{name}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) / 1024


def main(arguments: list[str]) -> None:
    """Be one of the two processes."""
    match arguments:
        case ["sandbox", *seeds]:
            asyncio.run(_serve(seeds))
        case ["client", where, work, projects]:
            keep_heap_steady()
            by_agent = asyncio.run(_migrate(json.loads(where), Path(work), int(projects)))
            print(json.dumps({"peak_mb": _memory_mb("VmHWM"), "by_agent": by_agent}))
        case _:
            raise SystemExit("usage: python -m bench.memory sandbox SEED... | client WHERE WORK PROJECTS")


if __name__ == "__main__":
    main(sys.argv[1:])
