"""Many processes in one: an event loop whose time passes at once, hosts with clocks, and a strict server."""

from __future__ import annotations

import asyncio
import os
import random
import selectors
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from gl2gh_batch.domain.events import Event, Noticed
from gl2gh_batch.domain.limits import Costs, Limit, LimitClass, LimitReport
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.rate_file import RateLimitFile


class _Hurry(selectors.DefaultSelector):
    """Never waits: what it was asked to wait passes on the loop's clock."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if not ready and timeout is None:
            msg = "everybody waits for nothing"
            raise RuntimeError(msg)
        if not ready and timeout:
            self.now += timeout
        return ready


class HurryingLoop(asyncio.SelectorEventLoop):
    """An event loop in which sleeping takes no time."""

    def __init__(self) -> None:
        self._hurry = _Hurry()
        super().__init__(self._hurry)

    def time(self) -> float:
        return self._hurry.now


def hurry(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run to the end on a loop of its own in which time passes at once."""
    with asyncio.Runner(loop_factory=HurryingLoop) as runner:
        return runner.run(main())  # type: ignore[arg-type]  # an awaitable that is a coroutine


class FakeHost:
    """One process on a host whose clock began at `boot`; its date is off by `skew_s`, its volume's is not."""

    dead: set[int]

    def __init__(
        self,
        pid: int,
        *,
        host: str = "a",
        boot: float = 500.0,
        skew_s: float = 0.0,
        dead: set[int] | None = None,
    ) -> None:
        self.clock_id = self.place = f"host-{host}"
        self.pid = pid
        self.boot = boot
        self.skew_s = skew_s
        self.dead = set() if dead is None else dead

    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.boot

    def wall(self) -> float:
        return 1.8e9 + asyncio.get_running_loop().time() + self.skew_s

    def touch(self, path: Path) -> None:
        path.touch()
        os.utime(path, (self.wall() - self.skew_s,) * 2)

    def process(self) -> tuple[int, int]:
        return self.pid, 1

    def is_alive(self, pid: int, started: int) -> bool | None:
        return pid not in self.dead


class StrictServer:
    """Logs what arrives, by the loop's time, and knows when a window holds more than its limit."""

    def __init__(self, limits: Mapping[LimitClass, Limit]) -> None:
        self.limits = limits
        self.log: dict[LimitClass, deque[tuple[float, int]]] = {}
        self.by: Counter[str] = Counter()
        self.present = 0
        self.violations: list[str] = []

    def arrive(self, costs: Costs, who: str) -> None:
        now = asyncio.get_running_loop().time()
        self.by[who] += 1
        self.present += 1
        for name, units in costs.items():
            limit = self.limits[name]
            if limit.window_s is None:
                if self.present > limit.limit:
                    self.violations.append(f"{self.present} at once at {now}")
                continue
            log = self.log.setdefault(name, deque())
            while log and log[0][0] <= now - limit.window_s:
                log.popleft()
            log.append((now, units))
            if sum(one for _, one in log) > limit.limit:
                self.violations.append(f"{name} at {now}")


async def send(
    governor: RequestGovernor, server: StrictServer, costs: Costs, who: str, latency_s: float = 0.05
) -> None:
    """One request, with some of the latency before the server and some after it."""
    async with governor.request(costs, who=who) as permit:
        await asyncio.sleep(random.uniform(0, latency_s))
        server.arrive(costs, who)
        await asyncio.sleep(random.uniform(0, latency_s))
        server.present -= 1
        permit.report(LimitReport())


def governor_of(
    rate_file: RateLimitFile, limits: Mapping[LimitClass, Limit], key: str = "k", **more: Any
) -> RequestGovernor:
    """A governor on a file."""
    return RequestGovernor(
        credential=key, clock=SystemClock(), windows=rate_file.windows(key, limits=limits), **more
    )


class Fleet:
    """Processes that share a file in a folder, and the server that they ask."""

    def __init__(self, folder: Path, limits: dict[LimitClass, Limit], processes: int, **more: object) -> None:
        self.path = folder / "rate-limit.json"
        self.limits = limits
        self.server = StrictServer(limits)
        self.events: list[Event] = []
        self.dead: set[int] = set()
        self.files: list[RateLimitFile] = []
        self.governors: list[RequestGovernor] = []
        for number in range(processes):
            self.join(FakeHost(number, dead=self.dead), **more)

    def join(self, host: FakeHost, **more: object) -> int:
        """One more process."""
        self.files.append(RateLimitFile(self.path, host=host, emit=self.events.append, **more))  # type: ignore[arg-type]  # keywords of one test
        self.governors.append(governor_of(self.files[-1], self.limits))
        return len(self.files) - 1

    async def send(self, number: int, costs: dict[LimitClass, int], latency_s: float = 0.05) -> None:
        """One request of one process."""
        await send(self.governors[number], self.server, costs, str(number), latency_s)

    def close(self) -> None:
        """End all processes."""
        for one in self.files:
            one.close()

    def notices(self) -> list[str]:
        """What readers were told."""
        return [one.message for one in self.events if isinstance(one, Noticed)]


def now() -> float:
    """The loop's time."""
    return asyncio.get_running_loop().time()
