"""The single measurements; each runs alone in a process, and answers with plain numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from virtual import run_virtual

from bench.batch import HUNDRED, Size, mix
from bench.bed import Bed, Latency, Limits, Run, limits_of, open_bed
from bench.floor import Floor, floor_of
from gl2gh_batch.domain.numbering import NumberingPolicy
from gl2gh_batch.sandbox.limits import PROFILES

# An instance of one's own whose administrator turned no limit on. The sandbox's profile "unlimited" tells a
# primary limit in its headers, and a client that hears of one rightly keeps github.com's other limits too.
LIMITS_OFF: Final = "ghes"
# Between plan and apply the plan is read; the windows that planning drew on are over then.
REVIEW_S: Final = 3600.0
# For each import: one look, and some in vain; of a hundred, one, and two at the end of each project.
MOST_POLLS: Final = 1.10
MOST_POLLS_OF_ANY: Final = 0.05
EQUAL: Final = Size(name="equal", issues=40, notes=3, labels=3, has_history=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Requests to GitHub by class; `writes` are those that are no imports."""

    reads: int
    writes: int
    imports: int
    polls: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.reads + self.writes + self.imports

    @classmethod
    def of(cls, run: Run) -> Counts:
        """What a run sent."""
        imports = run.imports
        return cls(reads=run.reads, writes=len(run.writes) - imports, imports=imports, polls=run.polls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A batch that was planned and applied under one profile; times are virtual seconds but `real_s`."""

    profile: str
    projects: int
    counts: Counts
    predicted: Counts
    predicted_s: float
    wall_s: float
    floor: Floor
    floor_s: float
    refusals: int
    real_s: float
    may_be_refused: int = 0
    most_polls: float = MOST_POLLS


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """A batch of all agents with so many projects at once; `project_s` says how long each took."""

    parallel: int
    wall_s: float
    floor_s: float
    refusals: int
    real_s: float
    project_s: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A second run of finished projects: the most that one of them cost, and the writes of all."""

    most_requests: int
    writes: int
    refusals: int


def planned_and_applied(
    profile: str,
    scale: float,
    parallel: int,
    counts: Mapping[Size, int] = HUNDRED,
    limits: Limits | None = None,
    *,
    known: bool = False,
    numbering: NumberingPolicy = NumberingPolicy.ISSUES_EXACT,
) -> Applied:
    """PLAN_ONLY, then APPLY, of the benchmark batch under the limits of a profile, or some others.

    `known`: the client was told from the start how this GitHub counts imports.
    """
    sizes, latency = mix(counts, scale=scale), Latency()
    is_promised = numbering is not NumberingPolicy.ANY
    floor, is_strict = floor_of(sizes, latency, promised=is_promised), PROFILES[profile].imports_are_content

    async def measure() -> Applied:
        async with open_bed(
            sizes,
            profile=profile,
            limits=limits,
            latency=latency,
            imports_are_content=known and is_strict,
        ) as bed:
            planned = (await bed.run("PLAN_ONLY", parallel=parallel, numbering=numbering)).require_success()
            await asyncio.sleep(REVIEW_S)
            applied = (await bed.run("APPLY", parallel=parallel, numbering=numbering)).require_success()
        price: Mapping[str, Any] = planned.result["price"]
        return Applied(
            profile=f"{profile}, known" if known else profile if is_promised else f"{profile}, any number",
            projects=len(sizes),
            counts=Counts.of(applied),
            predicted=Counts(
                reads=price["reads"], writes=price["writes"] + price["content"], imports=price["imports"]
            ),
            # What the plan says for the way in which this GitHub counts.
            predicted_s=price["hours_if_imports_are_content" if is_strict and not known else "hours"] * 3600,
            wall_s=applied.wall_s,
            floor=floor,
            floor_s=floor.wall_s(
                {**limits_of(profile), **(limits or {})},
                parallel,
                imports_are_content=is_strict,
            ),
            refusals=planned.refusals + applied.refusals,
            real_s=planned.real_s + applied.real_s,
            # How imports count is not published: it takes a refusal to know, of all that are under way then.
            may_be_refused=parallel if is_strict and not known else 0,
            most_polls=MOST_POLLS if is_promised else MOST_POLLS_OF_ANY,
        )

    return run_virtual(measure())


def any_number(scale: float, parallel: int, counts: Mapping[Size, int] = HUNDRED) -> Applied:
    """No number promised, under github.com's limits."""
    return planned_and_applied("github.com", scale, parallel, counts, numbering=NumberingPolicy.ANY)


def known_strict(scale: float, parallel: int) -> Applied:
    """The strict profile, by a client that remembers from an earlier run how imports count."""
    return planned_and_applied("github.com-strict", scale, parallel, known=True)


def scheduled(
    parallel: int,
    scale: float,
    counts: Mapping[Size, int] = HUNDRED,
    *,
    profile: str = LIMITS_OFF,
    latency: Latency | None = None,
) -> Scheduled:
    """FULL, of the benchmark batch without histories; limits are off unless a profile has some."""
    sizes, latency = mix(counts, scale=scale, has_history=False), latency or Latency()

    async def measure() -> Scheduled:
        async with open_bed(sizes, profile=profile, latency=latency) as bed:
            run = (await bed.run("FULL", parallel=parallel)).require_success()
        return Scheduled(
            parallel=parallel,
            wall_s=run.wall_s,
            floor_s=floor_of(sizes, latency).wall_s(limits_of(profile), parallel),
            refusals=run.refusals,
            real_s=run.real_s,
            project_s=run.project_s,
        )

    return run_virtual(measure())


def equal_projects(parallel: int, projects: int = 16, size: Size = EQUAL) -> Scheduled:
    """FULL, of equal projects without histories: 100 ms for every request and every import job, no limits."""
    latency = Latency(read_s=0.1, write_s=0.1, job_s=0.1)
    return scheduled(parallel, 1.0, {size: projects}, latency=latency)


def repeated(counts: Mapping[Size, int]) -> Repeated:
    """FULL twice, of a few projects; the second run of each by itself."""
    sizes = mix(counts)

    async def again(bed: Bed, number: int) -> Run:
        return (await bed.run("FULL", parallel=1, only=[number])).require_success()

    async def measure() -> Repeated:
        async with open_bed(sizes) as bed:
            first = (await bed.run("FULL", parallel=len(sizes))).require_success()
            runs = [await again(bed, number) for number in range(1, len(sizes) + 1)]
        return Repeated(
            most_requests=max(len(run.github) for run in runs),
            writes=sum(len(run.writes) for run in runs),
            refusals=first.refusals + sum(run.refusals for run in runs),
        )

    return run_virtual(measure())
