"""Imports are counted beside the content budgets, and are content from the first refusal on, for all."""

from __future__ import annotations

import asyncio
import json
import random
from collections import deque
from pathlib import Path

import pytest
from fleets import FakeHost, governor_of, hurry, now
from hypothesis import given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.events import Event, Waiting
from gl2gh_batch.domain.limits import (
    CONTENT_COSTS,
    IMPORT_COSTS,
    WRITE_COSTS,
    Limit,
    LimitClass,
    LimitReport,
    as_content,
)
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.kit.budgets import merged
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.rate_file import RateLimitFile

LIMITS = {
    LimitClass.POINTS: Limit(limit=900, window_s=60.0),
    LimitClass.CONTENT_MINUTE: Limit(limit=80, window_s=60.0),
    LimitClass.CONTENT_HOUR: Limit(limit=500, window_s=3600.0),
    LimitClass.CONCURRENCY: Limit(limit=90),
}
IN_FLIGHT = 20


class StrictGitHub:
    """Counts imports as content in two windows, refused ones too, and says for how long it is closed."""

    def __init__(self) -> None:
        self.windows = [(80, 60.0, deque[float]()), (500, 3600.0, deque[float]())]
        self.refused = 0
        self.taken = 0

    async def take(self, governor: RequestGovernor, pace: Pace, who: str = "") -> None:
        """Send one request until it is taken."""
        while True:
            async with governor.request(governor.costs_for(pace), who=who) as permit:
                await asyncio.sleep(random.uniform(0.1, 0.5))
                report = self._answer()
                permit.report(report)
                await asyncio.sleep(0.1)
            if report.refused is None:
                self.taken += 1
                return
            governor.refused(pace, report)

    def _answer(self) -> LimitReport:
        waits = [0.0]
        for limit, window_s, log in self.windows:
            while log and log[0] <= now() - window_s:
                log.popleft()
            log.append(now())
            if len(log) > limit:
                waits.append(log[len(log) - limit] + window_s - now())
        if len(waits) == 1:
            return LimitReport()
        self.refused += 1
        return LimitReport(refused="secondary", retry_after_s=max(waits))


async def work(github: StrictGitHub, governors: list[RequestGovernor], imports: int) -> None:
    """So many imports by workers that are shared out among the governors."""
    left = iter(range(imports))

    async def one(governor: RequestGovernor) -> None:
        for _ in left:
            await github.take(governor, Pace.IMPORT, "acme/app")

    await asyncio.gather(*(one(governors[number % len(governors)]) for number in range(IN_FLIGHT)))


def alone() -> RequestGovernor:
    """A governor without a file."""
    return RequestGovernor(credential="g", clock=SystemClock(), limits=LIMITS)


def test_no_more_imports_are_refused_than_are_in_flight() -> None:
    """The first refusal makes all that was imported before content: the pace is right at once."""

    async def main() -> None:
        github, governor = StrictGitHub(), alone()
        began = now()
        await work(github, [governor], 1300)
        assert 1 <= github.refused <= IN_FLIGHT
        assert governor.imports_are_content
        # 1300 of 500 an hour: two full hours, and the rest at 80 a minute
        assert now() - began <= (2 * 3600 + 300) * 1.05

    hurry(main)


def test_processes_on_one_file_learn_it_together(tmp_path: Path) -> None:
    """What others imported is in the history too, and who waited with an import waits for content."""

    async def main() -> None:
        github = StrictGitHub()
        files = [RateLimitFile(tmp_path / "rate.json", host=FakeHost(number)) for number in range(3)]
        governors = [governor_of(one, LIMITS) for one in files]
        began = now()
        await work(github, governors, 620)
        assert 1 <= github.refused <= IN_FLIGHT
        assert now() - began <= (3600 + 120) * 1.05
        assert all(one.imports_are_content for one in governors)
        for one in files:
            one.close()

    hurry(main)


def test_it_is_known_after_a_restart_and_when_all_windows_are_over(tmp_path: Path) -> None:
    """The file keeps it although nothing of the account is left to remember: nobody is refused again."""

    async def main() -> None:
        github = StrictGitHub()
        first = RateLimitFile(tmp_path / "rate.json", host=FakeHost(1))
        governor = governor_of(first, LIMITS)
        await work(github, [governor], 100)
        first.close()
        await asyncio.sleep(3 * 3600)
        other = RateLimitFile(tmp_path / "rate.json", host=FakeHost(2))
        stranger = governor_of(other, LIMITS, "another")
        async with stranger.request(WRITE_COSTS):
            pass
        other.close()
        assert accounts(tmp_path)["k"]["imports_are_content"] is True
        assert accounts(tmp_path)["k"]["spent"] == {}
        refused = github.refused
        second = RateLimitFile(tmp_path / "rate.json", host=FakeHost(3))
        await work(github, [governor_of(second, LIMITS)], 600)
        assert github.refused == refused
        second.close()

    hurry(main)


def accounts(folder: Path) -> dict[str, dict[str, object]]:
    """What the file holds of credentials."""
    found = json.loads((folder / "rate.json").read_text())["accounts"]
    assert isinstance(found, dict)
    return found


def test_said_from_the_start_nothing_is_refused(tmp_path: Path) -> None:
    """With and without a file: the first import is paced as content."""

    async def main() -> None:
        file = RateLimitFile(tmp_path / "rate.json", host=FakeHost(1))
        windows = file.windows("k", limits=LIMITS, imports_are_content=True)
        for governor in (
            RequestGovernor(credential="k", clock=SystemClock(), windows=windows),
            RequestGovernor(credential="k", clock=SystemClock(), limits=LIMITS, imports_are_content=True),
        ):
            github = StrictGitHub()
            await work(github, [governor], 200)
            assert github.refused == 0
        file.close()

    hurry(main)


def test_imports_wait_for_no_content_while_they_are_none() -> None:
    """A thousand of them go by the points alone, and content has its whole budget."""

    async def main() -> None:
        governor = alone()
        began = now()

        async def one() -> None:
            async with governor.request(governor.costs_for(Pace.IMPORT)):
                pass

        await asyncio.gather(*(one() for _ in range(1000)))
        assert now() - began < 6 * 60
        assert not governor.imports_are_content
        began = now()
        await asyncio.gather(*(StrictGitHub().take(governor, Pace.CONTENT) for _ in range(50)))
        assert now() - began < 10

    hurry(main)


def test_who_waits_with_an_import_is_told_what_for() -> None:
    """Once imports are content, a project that waits with one hears of the content budget."""

    async def main() -> None:
        events: list[Event] = []
        governor = RequestGovernor(
            credential="g", clock=SystemClock(), limits=LIMITS, emit=events.append, margin_s=0.0
        )
        await work(StrictGitHub(), [governor], 300)
        told = [one for one in events if isinstance(one, Waiting)]
        assert {one.project for one in told} == {"acme/app"}
        assert "content_minute" in {one.limit_class for one in told}

    hurry(main)


@pytest.mark.parametrize("refused", ["primary", None])
def test_other_refusals_teach_nothing_of_imports(refused: str | None) -> None:
    """Only a secondary refusal, and only of an import."""
    governor = RequestGovernor(credential="g", clock=SystemClock(), limits=LIMITS)
    governor.refused(Pace.IMPORT, LimitReport(refused=refused))
    governor.refused(Pace.CONTENT, LimitReport(refused="secondary"))
    assert governor.costs_for(Pace.IMPORT) == IMPORT_COSTS


def test_an_import_that_is_content_costs_what_content_costs() -> None:
    """Nothing else of its price changes."""
    assert as_content(IMPORT_COSTS) == CONTENT_COSTS
    assert as_content(WRITE_COSTS) == WRITE_COSTS


HOLDS = st.dictionaries(st.floats(0, 100), st.integers(1, 9)).map(lambda one: sorted(one.items()))


@given(HOLDS, HOLDS)
@settings(max_examples=50)
def test_holds_of_both_are_one_history(one: list[tuple[float, int]], other: list[tuple[float, int]]) -> None:
    """Ascending, each moment once, and nothing is lost."""
    both = merged(one, other)
    assert [until for until, _ in both] == sorted({until for until, _ in [*one, *other]})
    assert sum(units for _, units in both) == sum(units for _, units in [*one, *other])
