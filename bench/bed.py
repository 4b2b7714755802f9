"""Where a batch is measured: client and sandbox in one process, on one clock that jumps."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from virtual import STARTED_AT, VirtualClock

from bench.batch import Size, write_seeds
from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.events import BatchFinished, BatchStarted, Event, ProjectFinished, ProjectStarted
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.domain.numbering import NumberingPolicy
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.journal import Entry
from gl2gh_batch.sandbox.limits import PROFILES

# By the sandbox's class: so many in so many seconds.
Limits = Mapping[str, tuple[int, float]]

GITHUB_API: Final = "/api/v3/**"
GITLAB_API: Final = "/api/v4/**"
READING: Final = frozenset({"GET", "HEAD"})
WRITING: Final = ("POST", "PUT", "PATCH", "DELETE")
REFUSED: Final = frozenset({403, 429})


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds that the answer to a read is under way, and a write before it takes effect, and a job's.

    So nothing of an import overlaps: the write, the job, and the answer that tells of its end come one after
    the other.
    """

    read_s: float = 0.25
    write_s: float = 0.5
    job_s: float = 1.0

    def faults(self) -> list[dict[str, Any]]:
        """As the sandbox takes them; git is left out, which takes real time and none of the virtual."""
        reading = {"method": "GET", "when": "after", "effect": {"delay_s": self.read_s}}
        writing = {"when": "before", "effect": {"delay_s": self.write_s}}
        return [
            {"side": "gitlab", "path": GITLAB_API, **reading},
            {"side": "github", "path": GITHUB_API, **reading},
            *({"side": "github", "path": GITHUB_API, "method": method, **writing} for method in WRITING),
        ]


@dataclass(slots=True, kw_only=True)
class Run:
    """One batch as it was measured; all times are virtual seconds but `real_s`."""

    result: dict[str, Any]
    wall_s: float
    real_s: float
    requests: list[Entry]
    project_s: dict[str, float] = field(default_factory=dict)

    @property
    def github(self) -> list[Entry]:
        """The requests to GitHub's API."""
        return [one for one in self.requests if one.side == "github" and one.classes]

    @property
    def reads(self) -> int:
        """Reading requests to GitHub's API."""
        return sum(one.method in READING for one in self.github)

    @property
    def writes(self) -> list[Entry]:
        """Writing requests to GitHub's API."""
        return [one for one in self.github if one.method not in READING]

    @property
    def imports(self) -> int:
        """Imports, with those that were refused."""
        return sum(one.path.endswith("/import/issues") for one in self.writes)

    @property
    def polls(self) -> int:
        """Looks at an import job, or at a list of them."""
        return sum(one.method == "GET" and "/import/issues" in one.path for one in self.github)

    @property
    def refusals(self) -> int:
        """Answers 403 and 429, of both sides."""
        return sum(one.status in REFUSED for one in self.requests)

    def require_success(self) -> Run:
        """Itself; raises with the first error when a project did not end well."""
        errors = [one.get("error") for one in self.result["results"] if one["status"] != "success"]
        if errors:
            raise RuntimeError(f"{len(errors)} projects of the benchmark failed, the first: {errors[0]}")
        return self


class Bed:
    """A running sandbox, and batches on it."""

    def __init__(
        self,
        sandbox: Sandbox,
        folder: Path,
        limits: Mapping[LimitClass, Limit],
        *,
        imports_are_content: bool = False,
    ) -> None:
        self.sandbox = sandbox
        self._imports_are_content = imports_are_content
        self._folder = folder
        self._limits = limits

    async def run(
        self,
        mode: str,
        *,
        parallel: int,
        work: str = "work",
        only: Sequence[int] | None = None,
        numbering: str = NumberingPolicy.ISSUES_EXACT,
    ) -> Run:
        """Run one batch of all projects, or `only` of some, in the work directory of that name."""
        sandbox = self.sandbox
        loop = asyncio.get_running_loop()
        began: dict[str, float] = {}
        ended: dict[str, float] = {}

        def hear(event: Event) -> None:
            match event:
                case BatchStarted():
                    began[""] = loop.time()
                case BatchFinished():
                    ended[""] = loop.time()
                case ProjectStarted(project=name):
                    began[name] = loop.time()
                case ProjectFinished(project=name):
                    ended[name] = loop.time()
                case _:
                    pass

        configs = [
            {
                "project_id": number,
                "gitlab_url": sandbox.gitlab_url,
                "gitlab_token": sandbox.gitlab_token,
                "github_url": sandbox.github_url,
                "github_api_url": sandbox.github_api_url,
                "github_token": sandbox.github_token,
                "target_owner": sandbox.owner,
                "numbering": numbering,
            }
            for number in only or sorted(sandbox.gitlab.projects)
        ]
        mark = len(sandbox.journal)
        real = time.monotonic()
        async with SharedResources(
            work_dir=self._folder / work,
            clock=VirtualClock(),
            limits=self._limits,
            imports_are_content=self._imports_are_content,
        ) as resources:
            resources.subscribe(hear)
            result = await BatchOrchestrator(resources).execute_batch_migration(
                configs, mode=mode, parallel_limit=parallel
            )
        return Run(
            result=result,
            wall_s=ended.pop("") - began.pop(""),
            real_s=time.monotonic() - real,
            requests=list(sandbox.journal)[mark:],
            project_s={name: ended[name] - began[name] for name in ended},
        )


@contextmanager
def in_memory() -> Iterator[None]:
    """Make temporary folders in memory where the machine can: what is measured is no disk."""
    before = tempfile.tempdir
    memory = "/dev/shm"  # noqa: S108 - what is made in it has names of `tempfile`
    if not os.environ.get("TMPDIR") and os.access(memory, os.W_OK):
        tempfile.tempdir = memory
    try:
        yield
    finally:
        tempfile.tempdir = before


@asynccontextmanager
async def open_bed(
    sizes: Sequence[Size],
    *,
    profile: str = "ghes",
    limits: Limits | None = None,
    latency: Latency | None = None,
    imports_are_content: bool = False,
) -> AsyncIterator[Bed]:
    """A sandbox that holds these projects, with the limits of a profile, or others in the place of some.

    The client knows these others too, and GitLab's; the profile's own it has to learn, and how imports count
    unless it is told.
    """
    latency = latency or Latency()
    with in_memory(), tempfile.TemporaryDirectory(prefix="gl2gh-bench-") as name:
        folder = Path(name)
        async with Sandbox(
            projects=write_seeds(sizes, folder / "seeds"),
            profile=profile,
            limits={name: {"limit": limit, "window_s": s} for name, (limit, s) in (limits or {}).items()},
            faults=latency.faults(),
            settings={"import_job_s": (latency.job_s, latency.job_s)},
            started_at=STARTED_AT,
        ) as sandbox:
            told = {**_gitlab_limits(sandbox), **(limits or {})}
            known = {LimitClass(name): Limit(limit=limit, window_s=s) for name, (limit, s) in told.items()}
            yield Bed(sandbox, folder, known, imports_are_content=imports_are_content)


def limits_of(profile: str) -> Limits:
    """What a profile allows in a window."""
    limits = PROFILES[profile].limits.items()
    return {name: (int(one.limit), one.window_s) for name, one in limits if one.window_s is not None}


def _gitlab_limits(sandbox: Sandbox) -> Limits:
    return {
        name: limit for name, limit in limits_of(sandbox.profile_name).items() if name == "gitlab_requests"
    }
