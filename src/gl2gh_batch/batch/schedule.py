"""In which order projects go, and how many at once: what budget and memory can feed."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.domain.ports import Clock
from gl2gh_batch.domain.pricing import LATENCY_S
from gl2gh_batch.kit.governor import RequestGovernor

# Beyond this share of the memory that we may use, nothing more is begun.
MEMORY_SHARE: Final = 0.6
# A budget that makes everyone wait this long feeds no further project.
STARVED_S: Final = 60.0
LOOK_EVERY_S: Final = 1.0
PROJECT_S: Final = 5.0


def order(priorities: Sequence[int], costs: Sequence[float]) -> list[int]:
    """The projects' places in the order in which they go: higher priority first, then the costlier.

    Largest first comes within 4/3 of the best makespan (Graham, "Bounds on multiprocessing timing
    anomalies", 1969); equal ones keep the order given.
    """
    return sorted(range(len(costs)), key=lambda place: (-priorities[place], -costs[place], place))


def predicted_s(numbers: Numbers | None, hours: float | None) -> float:
    """The seconds that a project's chain of writes takes: by its plan, else by its highest numbers."""
    if hours is not None:
        return hours * 3600
    if numbers is None:
        return PROJECT_S
    pace = Pace.IMPORT if numbers.promised else Pace.WRITE
    return numbers.highest_issue * LATENCY_S[pace] + PROJECT_S


Governors = Callable[[], Sequence[RequestGovernor]]


@dataclass(slots=True, kw_only=True, eq=False)
class _Guest:
    """One project at the door, or inside; `governors` tells who grants its requests."""

    governors: Governors


@dataclass(slots=True)
class Room:
    """Lets at most `limit` projects in, and fewer while memory or budget cannot feed more.

    The first one always gets in. `report()` says what it did and why.
    """

    limit: int
    clock: Clock
    governors: Governors
    writing: bool
    memory_used: Callable[[], float] = field(default_factory=lambda: memory_share)
    _highest: int = 0
    _held: Counter[str] = field(default_factory=Counter)
    _line: list[_Guest] = field(default_factory=list)
    _inside: list[_Guest] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def enter(self, governors: Governors | None = None) -> AsyncIterator[None]:
        """Wait for room, be in, and make room again; first come, first served.

        `governors` tells who grants the project's requests, by default all of the room's. Whoever only waits
        for a budget that its own credential has not got is passed by those of another.
        """
        guest = _Guest(governors=governors or self.governors)
        self._line.append(guest)
        try:
            while (reason := self._held_by(guest)) is not None:
                if reason and guest is self._line[0]:
                    self._held[reason] += 1
                await self._changed(None if not reason else LOOK_EVERY_S)
            self._inside.append(guest)
        finally:
            self._line.remove(guest)
            self._moved.set()
        self._highest = max(self._highest, len(self._inside))
        try:
            yield
        finally:
            self._inside.remove(guest)
            self._moved.set()

    def report(self) -> Mapping[str, Any]:
        """`limit`, `highest` at once, and `held_back`: seconds by reason."""
        return {"limit": self.limit, "highest": self._highest, "held_back_s": dict(self._held)}

    def _held_by(self, guest: _Guest) -> str | None:
        """Why this one does not get in now: empty when it is not its turn, None when there is room for it."""
        if len(self._inside) >= self.limit:
            return ""
        seen: set[tuple[int, ...]] = set()
        for one in self._line:  # of those with the same credentials, the first speaks for all
            granting = one.governors()
            key = tuple(id(governor) for governor in granting)
            if key not in seen:
                reason = self._no_room(granting)
                if one is guest:
                    return reason
                if reason is None:
                    break
            elif one is guest:
                break
            seen.add(key)
        return ""

    def _no_room(self, granting: Sequence[RequestGovernor]) -> str | None:
        if not self._inside:
            return None
        if self.memory_used() > MEMORY_SHARE:
            return "memory"
        if self.writing and (self._is_starved(granting) or any(self._is_starved([one]) for one in granting)):
            return "budget"
        return None

    def _is_starved(self, granting: Sequence[RequestGovernor]) -> bool:
        """True when all who draw on these wait for them, and for long: one more would only wait with them."""
        now = self.clock.monotonic()
        running = sum(1 for one in self._inside if any(governor in granting for governor in one.governors()))
        waits = [
            wait.until
            for governor in granting
            for wait in governor.snapshot().waits.values()
            if wait.until is not None
        ]
        return running > 1 and len(waits) >= running and min(waits) - now > STARVED_S

    async def _changed(self, seconds: float | None) -> None:
        """Until somebody leaves or gets in, or for so many seconds."""
        self._moved.clear()
        if seconds is None:
            await self._moved.wait()
            return
        waiting = asyncio.ensure_future(self._moved.wait())
        sleeping = asyncio.ensure_future(self.clock.sleep(seconds))
        try:
            await asyncio.wait({waiting, sleeping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            if not waiting.done():
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)


def budgets_report(governors: Sequence[RequestGovernor]) -> list[dict[str, Any]]:
    """What each credential spent and waited for; `margin_s` is kept against timers that fire early."""
    return [
        {
            "credential": seen.credential,
            "requests": seen.requests,
            "units": {str(name): units for name, units in seen.units.items()},
            "waited_s": {name: round(seconds, 1) for name, seconds in seen.waited_s.items()},
            "refusals": dict(seen.refusals),
            "imports_are_content": seen.imports_are_content,
            "margin_s": seen.margin_s,
        }
        for seen in (governor.snapshot() for governor in governors)
        if seen.requests
    ]


def memory_share() -> float:
    """The share of the memory that this process may use which it uses; 0 where that cannot be read."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        used = pages * os.sysconf("SC_PAGE_SIZE")
        return used / _allowed_bytes(used)
    except (OSError, ValueError, IndexError, ZeroDivisionError):
        return 0.0


def _allowed_bytes(used: int) -> int:
    """What the machine has left for us, or what the container's limit allows."""
    meminfo = Path("/proc/meminfo").read_text("ascii")
    available = next(int(line.split()[1]) for line in meminfo.splitlines() if line.startswith("MemAvailable"))
    allowed = available * 1024 + used
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text("ascii").strip()
        except OSError:
            continue
        if text.isdigit():
            allowed = min(allowed, int(text))
    return allowed
