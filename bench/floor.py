"""What no program could go below under the same policy and limits: arithmetic, apart from the product's own.

The policy: exact numbers, each issue with all its comments as one import, everything read back once in
pages of a hundred. So an issue costs an import and one look at its job, a label or milestone a write, and the
next issue of a repository waits for the job of the one before. Where no number is promised, jobs run side by
side, and one look at their list tells of a hundred.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.batch import Size
from bench.bed import Latency, Limits

PER_PAGE: Final = 100
# Make the repository, Actions off and on, give its claim back; with a history the default branch too.
REPOSITORY_WRITES: Final = 4
# Whose it is before the first write; once it is claimed for one run, that it holds no issue of somebody else
# (the push that brings the claim answers for the refs); what it is like before it is opened, and at the end.
REPOSITORY_LOOKS: Final = 4
WRITE_POINTS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The fewest requests to GitHub of an APPLY, and the shortest chain of each project (seconds)."""

    reads: int
    writes: int
    imports: int
    chains_s: tuple[float, ...]

    @property
    def requests(self) -> int:
        """All of them."""
        return self.reads + self.writes + self.imports

    def wall_s(self, limits: Limits, parallel: int, *, imports_are_content: bool = False) -> float:
        """The shortest time under these limits with so many projects at once."""
        points = self.reads + WRITE_POINTS * (self.writes + self.imports)
        content = self.imports if imports_are_content else 0
        by_limits = [
            _nested_s(self.requests, points, limits.get("primary"), limits.get("points")),
            _nested_s(content, content, limits.get("content_hour"), limits.get("content_minute")),
            _windows_s(points, limits.get("points")),
            _windows_s(content, limits.get("content_minute")),
        ]
        return max(*by_limits, best_makespan_s(self.chains_s, parallel))


def floor_of(sizes: Sequence[Size], latency: Latency, *, promised: bool = True) -> Floor:
    """The floor of a batch of these projects; `promised`: their numbers are."""
    reads = writes = imports = 0
    chains = []
    for size in sizes:
        own_writes = REPOSITORY_WRITES + size.has_history + size.labels + size.milestones
        lists = sum(_pages(count) for count in (size.issues, size.comments, size.labels, size.milestones))
        own_reads = REPOSITORY_LOOKS + lists
        looks, jobs_in_turn = (size.issues, size.issues) if promised else (_pages(size.issues), 1)
        reads += own_reads + looks
        writes += own_writes
        imports += size.issues
        chains.append(
            size.issues * latency.write_s
            + jobs_in_turn * latency.job_s
            + looks * latency.read_s
            + own_writes * latency.write_s
            + own_reads * latency.read_s
        )
    return Floor(reads=reads, writes=writes, imports=imports, chains_s=tuple(chains))


def best_makespan_s(durations_s: Sequence[float], parallel: int) -> float:
    """The shortest time in which so many workers do all of these, one at a time each."""
    return max(sum(durations_s) / parallel, *durations_s)


def efficiency(alone_s: Mapping[str, float], makespan_s: float, parallel: int) -> float:
    """The share of the best makespan that was reached, by what each project takes when it runs alone."""
    return best_makespan_s(list(alone_s.values()), parallel) / makespan_s


def _pages(count: int) -> int:
    return max(1, math.ceil(count / PER_PAGE))


def _windows_s(units: float, limit: tuple[int, float] | None) -> float:
    """The time that passes before the last of so many units may be spent, from an empty window on."""
    if limit is None:
        return 0.0
    return max(0, math.ceil(units / limit[0]) - 1) * limit[1]


def _nested_s(
    units: int, inner_units: int, outer: tuple[int, float] | None, inner: tuple[int, float] | None
) -> float:
    """The same with a shorter window inside a longer one: what is left for the last one takes its time."""
    if outer is None or not units:
        return 0.0
    full = max(0, math.ceil(units / outer[0]) - 1)
    rest = units - full * outer[0]
    return full * outer[1] + _windows_s(inner_units * rest / units, inner)
