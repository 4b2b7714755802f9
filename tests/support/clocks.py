"""A clock that tests move by hand."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class HandClock:
    """Implements the port Clock; time stands still until `advance`."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._date_off_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = itertools.count()
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self._now

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._now + self._date_off_s)

    def set_date(self, *, seconds: float) -> None:
        """Set the date so much forward, and nothing else, as after a sleep of the machine; or back."""
        self._date_off_s += seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._number), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move on, waking every sleeper at its moment, and let all that it causes happen."""
        end = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, at)
            if not future.done():
                future.set_result(None)
            await settle()
        self._now = end
        await settle()


class RushingClock(HandClock):
    """Sleeps at once: the time asked for passes in the moment."""

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._now += max(0.0, seconds)
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait in real time for what another thread brings about."""
    while not condition():  # noqa: ASYNC110 - a thread sets no event of ours
        await asyncio.sleep(0.01)


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)
