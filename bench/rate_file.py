"""Figures of the rate-limit file: many processes against one strict server that keeps a log.

Run `python bench/rate_file.py` for all figures, with `--only shared-4 stopped` for some.
The server is another process than those that it watches, and knows nothing of the file: a violation is any
window, placed anywhere, in which more requests arrived than the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.domain.events import Event, Noticed
from gl2gh_batch.domain.limits import Limit, LimitClass, LimitReport
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.file_lock import FileLock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.rate_file import RateLimitFile
from gl2gh_batch.kit.shared_windows import credential_key

COSTS: Final = {LimitClass.POINTS: 1, LimitClass.CONCURRENCY: 1}


def chance() -> float:
    """Some number from 0 to 1."""
    return random.random()  # noqa: S311 - no secret depends on it


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other processes bring about."""
    while not condition():  # noqa: ASYNC110 - they set no event of ours
        await asyncio.sleep(0.01)


# ── the server: it alone says what is a violation ────────────────────────────────────────────────────────


@dataclass
class Arbiter:
    """Answers each line with a line after some milliseconds, and logs when it came and from whom."""

    limit: int
    window_s: float
    at_once: int
    arrivals: list[tuple[float, str]] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    closed_until: float = 0.0
    refuse_next_for_s: float = 0.0
    under_way: int = 0
    most_at_once: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    ready: Counter[str] = field(default_factory=Counter)
    port: int = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            name = (await reader.readline()).decode().strip()
            self.ready[name] += 1
            await self.go.wait()
            writer.write(b"go\n")
            while await reader.readline():
                writer.write(await self._answer(name))
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, name: str) -> bytes:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await asyncio.sleep(0.02 * chance())
        now = time.monotonic()
        if self.refuse_next_for_s and now > self.closed_until:
            self.closed_until = now + self.refuse_next_for_s
            self.refuse_next_for_s = 0.0
        if now < self.closed_until:
            self.refused.append(now)
            answer = f"{self.closed_until - now:.3f}\n"
        else:
            self.arrivals.append((now, name))
            answer = "ok\n"
        await asyncio.sleep(0.02 * chance())
        self.under_way -= 1
        return answer.encode()

    def violations(self) -> int:
        """How many arrivals came when the window that ends with them was full."""
        times = [at for at, _ in self.arrivals]
        late = sum(
            1 for one, more in zip(times, times[self.limit :], strict=False) if more - one < self.window_s
        )
        return late + max(0, self.most_at_once - self.at_once)

    def use(self, windows: int, since: float = 0.0) -> float:
        """The time that so many full windows must take, by the time that they took."""
        times = [at for at, _ in self.arrivals if at >= since]
        if len(times) <= windows * self.limit:
            return 0.0
        return windows * self.window_s / (times[windows * self.limit] - times[0])

    def fairness(self, windows: int, names: list[str]) -> float:
        counts = Counter(name for _, name in self.arrivals[: windows * self.limit])
        return min(counts[name] for name in names) / max(counts[name] for name in names)

    def full_rate_at(self, since: float) -> float:
        """When the first window begins that is full to 95 %."""
        times = [at for at, _ in self.arrivals if at >= since]
        need = max(1, int(self.limit * 0.95)) - 1
        for one, more in zip(times, times[need:], strict=False):
            if more - one <= self.window_s:
                return one
        return float("inf")


# ── a process that works under the limits ────────────────────────────────────────────────────────────────


class FatalLock(FileLock):
    """Sends its own process a signal while it holds the lock."""

    signal_at: float = float("inf")
    signal_number: int = signal.SIGKILL

    def try_acquire(self) -> bool:
        taken = super().try_acquire()
        if taken and time.monotonic() >= self.signal_at:
            self.signal_at = float("inf")
            os.kill(os.getpid(), self.signal_number)
        return taken


async def work(order: dict[str, Any]) -> dict[str, Any]:
    """Send requests as fast as the governor allows until told; answers with what was noticed."""
    path = Path(order["path"])
    notices: list[str] = []

    def emit(event: Event) -> None:
        if isinstance(event, Noticed):
            notices.append(event.message)

    lock = FatalLock(path.with_name(path.name + ".lock"))
    rate_file = RateLimitFile(path, emit=emit, lock=lock)
    limits = {
        LimitClass.POINTS: Limit(limit=order["limit"], window_s=order["window_s"]),
        LimitClass.CONCURRENCY: Limit(limit=order["at_once"]),
    }
    key = credential_key("github", "https://api.test", "a token")
    windows = rate_file.windows(key, limits=limits)
    governor = RequestGovernor(credential="github-1", clock=SystemClock(), windows=windows)
    waits: list[float] = []
    sent: list[tuple[float, float]] = []
    refusals: list[float] = []
    ends: list[float] = []

    async def requests() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", order["port"])
        writer.write(f"{order['name']}\n".encode())
        await reader.readline()
        if not ends:
            ends.append(time.monotonic() + order["seconds"])
            if order.get("signal_after_s"):
                lock.signal_number = order["signal"]
                lock.signal_at = time.monotonic() + order["signal_after_s"]
        while time.monotonic() < ends[0]:
            if order["pause_s"]:
                await asyncio.sleep(order["pause_s"] * (0.5 + chance()))
            asked = time.perf_counter()
            async with governor.request(COSTS) as permit:
                waits.append(time.perf_counter() - asked)
                sent_at = time.monotonic()
                writer.write(b"?\n")
                answer = (await reader.readline()).decode().strip()
                if not answer:
                    break
                sent.append((sent_at, time.monotonic()))
                refused = None if answer == "ok" else "secondary"
                permit.report(LimitReport(refused=refused, retry_after_s=float(answer) if refused else None))
                if refused:
                    refusals.append(time.monotonic())
        writer.close()

    tasks = [asyncio.create_task(requests()) for _ in range(order["tasks"])]
    await asyncio.wait(tasks, timeout=order["seconds"] + order["window_s"] + 30)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    rate_file.close()
    return {"waits": waits, "sent": sent, "refusals": refusals, "notices": notices}


# ── the scenes ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Scene:
    """So many processes on one file, for so long."""

    processes: int
    limit: int
    window_s: float
    seconds: float
    at_once: int = 60
    tasks: int = 0  # each process has so many requests at once; 0: half as many again as there is room for
    pause_s: float = 0.0
    first: dict[str, Any] = field(default_factory=dict)  # what only the first process is told

    async def play(
        self, during: Callable[[Arbiter, list[asyncio.subprocess.Process]], Any] | None = None
    ) -> tuple[Arbiter, list[dict[str, Any]]]:
        self.tasks = self.tasks or max(6, 3 * self.limit // (2 * self.processes))
        arbiter = Arbiter(self.limit, self.window_s, self.at_once)
        with tempfile.TemporaryDirectory() as folder:
            async with arbiter.serve():
                order = {
                    "path": f"{folder}/rate-limit.json",
                    "port": arbiter.port,
                    "limit": self.limit,
                    "window_s": self.window_s,
                    "at_once": self.at_once,
                    "seconds": self.seconds,
                    "tasks": self.tasks,
                    "pause_s": self.pause_s,
                }
                started = [
                    await asyncio.create_subprocess_exec(
                        sys.executable,
                        __file__,
                        "--work",
                        json.dumps({**order, "name": str(number), **(self.first if number == 0 else {})}),
                        stdout=asyncio.subprocess.PIPE,
                    )
                    for number in range(self.processes)
                ]
                try:
                    await until(lambda: sum(arbiter.ready.values()) == self.processes * self.tasks)
                    arbiter.go.set()
                    helper = asyncio.ensure_future(during(arbiter, started)) if during else None
                    outputs = [await process.communicate() for process in started]
                    if helper is not None:
                        await helper
                finally:
                    for process in started:
                        if process.returncode is None:
                            process.kill()
        return arbiter, [json.loads(output) for output, _ in outputs if output]


async def shared(processes: int, window_s: float, windows: int, limit: int = 80) -> dict[str, float]:
    """All processes wait all the time: how much of the budget is used, and by whom."""
    scene = Scene(processes, limit, window_s, seconds=(windows + 0.5) * window_s)
    arbiter, _ = await scene.play()
    return {
        "use": arbiter.use(windows),
        "violations": arbiter.violations(),
        "fairness": arbiter.fairness(windows, [str(one) for one in range(processes)]),
    }


async def killed(window_s: float, windows: int, limit: int = 80) -> dict[str, float]:
    """Of four, one is killed by signal 9 while it holds the lock."""
    first = {"signal_after_s": window_s * 1.3, "signal": signal.SIGKILL}
    arbiter, results = await Scene(4, limit, window_s, (windows + 0.5) * window_s, first=first).play()
    return {
        "use": arbiter.use(windows),
        "violations": arbiter.violations(),
        "killed": 4 - len(results),
        "fairness of the others": arbiter.fairness(windows, ["1", "2", "3"]),
    }


async def stopped(window_s: float, windows: int, limit: int = 80) -> dict[str, float]:
    """Of four, one is stopped while it holds the lock, and goes on seven seconds later."""
    after_s, pause_s = window_s * 0.7, 7.0
    first = {"signal_after_s": after_s, "signal": signal.SIGSTOP}
    seen = {"while": 0}

    async def during(arbiter: Arbiter, processes: list[asyncio.subprocess.Process]) -> None:
        await asyncio.sleep(after_s + 0.5)
        began = time.monotonic()
        await asyncio.sleep(pause_s)
        seen["while"] = sum(1 for at, _ in arbiter.arrivals if at > began)
        processes[0].send_signal(signal.SIGCONT)

    seconds = (windows + 0.5) * window_s + pause_s
    arbiter, results = await Scene(4, limit, window_s, seconds, first=first).play(during)
    notices = sum(1 for result in results for text in result["notices"] if "not used" in text)
    return {
        "violations": arbiter.violations(),
        "sent while it was stopped": seen["while"],
        "notices": notices,
        "use at the end": arbiter.use(1, arbiter.arrivals[-1][0] - 2.2 * window_s),
    }


async def refused(processes: int, retry_after_s: float = 3.0, before_s: float = 3.0) -> dict[str, float]:
    """One answer is a 403 with Retry-After: who else still sends, and when is all as before."""
    scene = Scene(processes, limit=40, window_s=1.0, seconds=before_s + retry_after_s + 4)
    moments: list[float] = []

    async def during(arbiter: Arbiter, _: list[asyncio.subprocess.Process]) -> None:
        await asyncio.sleep(before_s)
        arbiter.refuse_next_for_s = retry_after_s
        await until(lambda: bool(arbiter.refused))
        moments.append(arbiter.refused[0])

    arbiter, results = await scene.play(during)
    sent = [tuple(times) for result in results for times in result["sent"]]
    closed_at = min(at for result in results for at in result["refusals"])
    return {
        "sent after it was told": sum(1 for at, _ in sent if closed_at < at < arbiter.closed_until),
        "in flight then": sum(1 for at, end in sent if at <= closed_at < end),
        "full rate after s": arbiter.full_rate_at(moments[0]) - moments[0],
        "goal s": retry_after_s + 2,
        "violations": arbiter.violations(),
    }


async def overhead(processes: int = 16, seconds: float = 12.0) -> dict[str, float]:
    """Requests that never have to wait, about 15 a second in all: what asking costs."""
    scene = Scene(processes, 100_000, 60.0, seconds, tasks=1, pause_s=processes / 15)
    _, results = await scene.play()
    waits = sorted(wait for result in results for wait in result["waits"][1:])
    return {
        "requests": len(waits),
        "p50 ms": 1000 * waits[len(waits) // 2],
        "p99 ms": 1000 * waits[int(len(waits) * 0.99)],
        "most ms": 1000 * waits[-1],
    }


def scenes(*, quick: bool) -> dict[str, Callable[[], Any]]:
    """Every figure by its name."""
    if quick:
        return {
            "shared-4": lambda: shared(4, 2.5, 3, limit=40),
            "killed": lambda: killed(2.5, 3, limit=40),
            "refused": lambda: refused(4, 1.5, before_s=1.5),
        }
    return {
        "shared-1": lambda: shared(1, 6.0, 4),
        "shared-4": lambda: shared(4, 6.0, 4),
        "shared-16": lambda: shared(16, 6.0, 4),
        "killed": lambda: killed(6.0, 4),
        "stopped": lambda: stopped(6.0, 3),
        "refused": lambda: refused(4),
        "refused-16": lambda: refused(16),
        "overhead": overhead,
    }


def main() -> None:
    """Print one line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        json.dump(asyncio.run(work(json.loads(options.work))), sys.stdout)
        return
    all_figures = {}
    for name, scene in scenes(quick=options.quick).items():
        if options.only and name not in options.only:
            continue
        figures = asyncio.run(scene())
        all_figures[name] = figures
        if not options.json:
            told = "  ".join(f"{what} {value:.3f}".removesuffix(".000") for what, value in figures.items())
            print(f"{name:<11} {told}", flush=True)
    if options.json:
        json.dump(all_figures, sys.stdout)


if __name__ == "__main__":
    main()
