"""What writes cost in requests, and how long they take at the least: arithmetic on data.

The classes and their limits are those of GitHub's page "Rate limits for the REST API".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gl2gh_batch.domain.limits import (
    CONTENT_COSTS,
    CONTENT_OF,
    READ_COSTS,
    WRITE_COSTS,
    Costs,
    LimitClass,
    Limits,
)
from gl2gh_batch.domain.plan import Call, Completion, GitPush, LfsPush, Pace, Price, Step, Upload, WikiPush

# Seconds that one thing takes when no limit binds (measured medians; see docs/architecture.md).
LATENCY_S: Final[dict[Pace, float]] = {
    Pace.READ: 0.25,
    Pace.WRITE: 0.5,
    Pace.CONTENT: 0.5,
    Pace.IMPORT: 1.75,
}
GIT_OPERATION_S: Final = 3.0
POLLS_PER_IMPORT: Final = 1.07
# Jobs that run side by side are looked at in lists of a hundred: the first time when so many were begun, then
# whenever as many again were (see the engine), and once more at the end.
JOBS_PER_PAGE: Final = 100
FIRST_LOOK: Final = 100
MOST_BEGUN: Final = 4000

COSTS_OF: Final[dict[Pace, Costs]] = {
    Pace.READ: READ_COSTS,
    Pace.WRITE: WRITE_COSTS,
    Pace.CONTENT: CONTENT_COSTS,
    Pace.IMPORT: WRITE_COSTS,
}


@dataclass(slots=True)
class Tally:
    """Counts requests by pace while steps go by.

    `imports` counts the jobs that are waited for, `beside` those that run side by side; their polls are added
    at the end. `ref_pushes` counts the git operations that bring refs.
    """

    paces: Counter[Pace] = field(default_factory=Counter)
    git_operations: int = 0
    imports: int = 0
    ref_pushes: int = 0
    beside: int = 0

    def add(self, step: Step) -> None:
        """Count one step, with the polls that it brings."""
        match step:
            case Call():
                self.paces[step.pace] += 1
                if step.completion is Completion.IMPORT_JOB:
                    self.imports += not step.runs_beside
                    self.beside += step.runs_beside
                    # The job's status tells a number; whatever else is kept has to be read.
                    self.paces[Pace.READ] += step.keep not in {(), ("number",)}
                if step.adopts:
                    self.paces.update({Pace.READ: 1, Pace.WRITE: 1})
            case GitPush() | LfsPush() | WikiPush():
                self.git_operations += 1
                self.ref_pushes += isinstance(step, GitPush) and bool(step.refs)
            case Upload():
                # GitHub's description does not count it among what notifies people.
                self.paces[Pace.WRITE] += 1

    def write(self, requests: int) -> None:
        """Count writing requests that are no steps."""
        self.paces[Pace.WRITE] += requests

    def read(self, requests: int) -> None:
        """Count reading requests."""
        self.paces[Pace.READ] += requests

    @property
    def polls(self) -> int:
        """The looks at import jobs: a little more than one each, or one for a hundred and a few."""
        return round(POLLS_PER_IMPORT * self.imports) + looks_at_lists(self.beside)

    def price(self, limits: Limits, *, imports_are_content: bool = False) -> Price:
        """The tally as a price under these limits, and by what is known of imports."""
        paces = self.paces + Counter({Pace.READ: self.polls})
        by_class: Counter[LimitClass] = Counter()
        for pace, count in paces.items():
            for name, units in COSTS_OF[pace].items():
                if name is not LimitClass.CONCURRENCY:
                    by_class[name] += units * count
        strict = _strict(by_class, paces[Pace.IMPORT])
        by_class = strict if imports_are_content else by_class
        chain_s = self.chain_s()
        return Price(
            requests=sum(paces.values()),
            reads=paces[Pace.READ],
            writes=paces[Pace.WRITE],
            content=paces[Pace.CONTENT],
            imports=paces[Pace.IMPORT],
            git_operations=self.git_operations,
            by_class=dict(by_class),
            hours=max(chain_s, bound_s(by_class, limits)) / 3600,
            imports_are_content=imports_are_content,
            hours_if_imports_are_content=max(chain_s, bound_s(strict, limits)) / 3600,
        )

    def chain_s(self) -> float:
        """The seconds that one project takes by itself: its writes go one after the other."""
        single = sum(LATENCY_S[pace] * count for pace, count in self.paces.items())
        single -= (LATENCY_S[Pace.IMPORT] - LATENCY_S[Pace.WRITE]) * self.beside
        return single + self.git_operations * GIT_OPERATION_S


def looks_at_lists(jobs: int) -> int:
    """The requests that tell of so many jobs which run side by side."""
    looks, begun, wanted = 0, 0, FIRST_LOOK
    while begun + wanted <= jobs:
        looks += -(-wanted // JOBS_PER_PAGE)
        begun += wanted
        wanted = next_look(wanted)
    left = jobs - begun
    return looks + max(-(-left // JOBS_PER_PAGE), min(jobs, 1))


def next_look(begun: int) -> int:
    """After so many more jobs the list is looked at, when the look before came after `begun`.

    Soon at first, since what makes one import fail may make all fail.
    """
    return min(2 * begun, MOST_BEGUN)


def bound_s(by_class: Mapping[LimitClass, int], limits: Limits) -> float:
    """The seconds that the tightest limit makes so many units take, from full windows on."""
    longest = 0.0
    for name, units in by_class.items():
        limit = limits.get(name)
        if limit is not None and limit.window_s is not None and limit.limit > 0:
            full_windows = max(0, -(-units // limit.limit) - 1)
            longest = max(longest, full_windows * limit.window_s)
    return longest


def batch_price(accounts: Iterable[tuple[Limits, Sequence[Price]]], parallel_limit: int) -> Price:
    """The price of several projects side by side: for each credential its limits, and what it pays for.

    A limit binds those who share it; a chain, and the number of projects at once, bind all.
    """
    total: Counter[LimitClass] = Counter()
    sums: Counter[str] = Counter()
    known, strict = _Longest(), _Longest()
    is_strict = False
    for limits, prices in accounts:
        own: Counter[LimitClass] = Counter()
        own_strict: Counter[LimitClass] = Counter()
        for price in prices:
            own.update(price.by_class)
            unseen = 0 if price.imports_are_content else price.imports
            own_strict.update(_strict(price.by_class, unseen))
            for name in ("requests", "reads", "writes", "content", "imports", "git_operations"):
                sums[name] += getattr(price, name)
            known.chains.append(price.hours)
            strict.chains.append(price.hours_if_imports_are_content)
            is_strict = is_strict or price.imports_are_content
        known.bound_s = max(known.bound_s, bound_s(own, limits))
        strict.bound_s = max(strict.bound_s, bound_s(own_strict, limits))
        total.update(own)
    return Price(
        requests=sums["requests"],
        reads=sums["reads"],
        writes=sums["writes"],
        content=sums["content"],
        imports=sums["imports"],
        git_operations=sums["git_operations"],
        by_class=dict(total),
        hours=known.hours(parallel_limit),
        imports_are_content=is_strict,
        hours_if_imports_are_content=strict.hours(parallel_limit),
    )


@dataclass(slots=True)
class _Longest:
    """What a batch takes at the least: by its limits, by its longest project, by all of them in turn."""

    bound_s: float = 0.0
    chains: list[float] = field(default_factory=list)

    def hours(self, parallel_limit: int) -> float:
        in_turn = sum(self.chains) / max(1, min(parallel_limit, len(self.chains)))
        return max(self.bound_s / 3600, in_turn, max(self.chains, default=0.0))


def _strict(by_class: Mapping[LimitClass, int], imports: int) -> Counter[LimitClass]:
    """The same with so many imports as created content."""
    units = Counter(by_class)
    for content in CONTENT_OF.values():
        units[content] += imports
    return units
