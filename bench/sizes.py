"""What batches of three sizes need, from the prices that a plan would have: the README's recommendations.

The model is the product's own (`gl2gh_batch.domain.pricing`) under github.com's limits, the projects
are those of the benchmark (`bench/batch.py`), whose forecast `make bench` holds next to what is measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.batch import HUNDRED, MEDIUM, SMALL, TINY, Size, mix
from gl2gh_batch.domain.plan import Pace, Price
from gl2gh_batch.domain.pricing import Tally, batch_price
from gl2gh_batch.domain.request import PARALLEL_LIMITS
from gl2gh_batch.target.limits import GITHUB_COM

HEADS: Final = (
    "organisation",
    "projects",
    "issues",
    "requests",
    "`parallel_limit` from",
    "credentials",
    "shards",
    "hours",
    "hours if imports are content",
    "hosted jobs of 5.5 h",
)
# Larger batches are this often the benchmark's.
ORGANISATIONS: Final[Mapping[str, tuple[Mapping[Size, int], int]]] = {
    "small": ({TINY: 6, SMALL: 6, MEDIUM: 2}, 1),
    "medium": (HUNDRED, 1),
    "large": (HUNDRED, 10),
}
# A weekend: however GitHub counts imports, the batch is done in it.
WEEKEND_H: Final = 48.0
# A hosted job ends after six hours; the deadline stops it before.
JOB_H: Final = 5.5
# More projects at once than this gains less than one part in twenty.
WORTH: Final = 1.05
PER_PAGE: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is recommended for one size of batch, and how long it then takes."""

    name: str
    projects: int
    issues: int
    requests: int
    parallel: int
    credentials: int
    shards: int
    hours: float
    strict_hours: float

    @property
    def job_runs(self) -> tuple[int, int]:
        """So many hosted jobs one after the other, each going on where the one before stopped."""
        return math.ceil(self.hours / JOB_H), math.ceil(self.strict_hours / JOB_H)


def price_of(size: Size) -> Price:
    """What one project costs."""
    tally = Tally(git_operations=int(size.has_history), imports=size.issues)
    tally.paces[Pace.IMPORT] += size.issues
    tally.paces[Pace.WRITE] += size.labels + size.milestones + 3 + size.has_history
    tally.read(5 + sum(_pages(one) for one in (size.issues, size.comments, size.labels, size.milestones)))
    return tally.price(GITHUB_COM)


def batch_hours(prices: list[Price], parallel: int, credentials: int) -> Price:
    """The price of the batch where so many credentials share its projects, the largest dealt out first."""
    parts: list[list[Price]] = [[] for _ in range(credentials)]
    for price in sorted(prices, key=lambda one: -one.hours_if_imports_are_content):
        min(parts, key=lambda part: sum(one.requests for one in part)).append(price)
    return batch_price([(GITHUB_COM, part) for part in parts], parallel)


def recommended(name: str) -> Row:
    """The fewest credentials for a weekend, and with them the fewest projects at once that are worth it."""
    counts, times = ORGANISATIONS[name]
    sizes = mix(counts) * times
    known = {size: price_of(size) for size in set(sizes)}
    prices = [known[size] for size in sizes]
    most = PARALLEL_LIMITS.stop - 1
    credentials = 1
    while batch_hours(prices, most, credentials).hours_if_imports_are_content > WEEKEND_H:
        credentials += 1
    best = batch_hours(prices, most, credentials)
    parallel = next(
        one for one in PARALLEL_LIMITS if batch_hours(prices, one, credentials).hours <= best.hours * WORTH
    )
    price = batch_hours(prices, parallel, credentials)
    # A shard is worth it when one job's projects at once cannot use up what the limits allow.
    free = batch_hours(prices, len(prices), credentials)
    return Row(
        name=name,
        projects=len(sizes),
        issues=sum(size.issues for size in sizes),
        requests=price.requests,
        parallel=parallel,
        credentials=credentials,
        shards=1 if best.hours <= free.hours * WORTH else math.ceil(best.hours / free.hours),
        hours=price.hours,
        strict_hours=price.hours_if_imports_are_content,
    )


def sizes_table() -> str:
    """The recommendations as a Markdown table."""
    rows = [
        f"| {' | '.join(HEADS)} |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for name in ORGANISATIONS:
        row = recommended(name)
        few, many = row.job_runs
        rows.append(
            f"| {name} | {row.projects:,} | {row.issues:,} | {row.requests:,} | {row.parallel}"
            f" | {row.credentials} | {row.shards} | {_hours(row.hours)} | {_hours(row.strict_hours)}"
            f" | {few if few == many else f'{few} to {many}'} |"
        )
    return "\n".join(rows)


def _hours(hours: float) -> str:
    return f"{hours:.1f}" if hours < 10 else f"{hours:.0f}"


def _pages(count: int) -> int:
    return max(1, math.ceil(count / PER_PAGE))
