"""An event loop whose time jumps: where a real loop would sleep, this one sets its clock forward.

Client and sandbox take their time from the loop they run in, so hours of waiting for a rate limit pass in
the moment in which nothing else is left to do. Work costs no time here, only waiting does: the same run
measures the same whatever else the machine is busy with.

What happens outside of the loop takes real time, and virtual time stands still meanwhile:

- a child process (git) is waited for;
- so is a thread of `run_in_executor`, for a moment in proportion to the jump, unless it waits for this loop:
  for a future that is not fulfilled, or for an answer of a server in this loop of which nothing has come.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import select
import selectors
import socket
import sys
import threading
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from types import FrameType
from typing import Any, Final, TypeVar

T = TypeVar("T")

STARTED_AT: Final = datetime(2026, 1, 5, 8, tzinfo=UTC)
# Real seconds that a thread with unknown business gets before a jump, for each second of the jump.
PATIENCE: Final = 0.05
LEAST_PATIENCE_S: Final = 0.005
MOST_PATIENCE_S: Final = 0.25
# Real seconds without any sign of life after which a child is taken to be waiting for virtual time.
CHILD_PATIENCE_S: Final = 5.0
LOOK_EVERY_S: Final = 0.002
# A jump of more than this makes sure, in real time, that nothing is on its way over loopback.
LONG_JUMP_S: Final = 5.0
# So many turns in one instant are taken for a task that waits for time to pass; each more moves the clock.
MOST_TURNS: Final = 20_000
TURN_S: Final = 1e-4

_RESULT: Final = concurrent.futures.Future.result.__code__
_READ: Final = socket.SocketIO.readinto.__code__


class VirtualClock:
    """Implements the port Clock on a `VirtualLoop`: the date moves with the loop's time."""

    def __init__(self, started_at: datetime = STARTED_AT) -> None:
        self._started_at = started_at

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._started_at + timedelta(seconds=self.monotonic())

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that starts at second 0 and never sleeps while only its own timers are waited for."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._turns = 0
        self.jumps = 0
        self._jobs: set[_Job] = set()
        self._children: list[asyncio.SubprocessTransport] = []
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        return self._seconds

    def run_in_executor(  # type: ignore[override]  # typeshed gives the base class two overlapping signatures
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        job = _Job()
        future: asyncio.Future[T] = super().run_in_executor(executor, job.call, func, *args)
        self._jobs.add(job)
        future.add_done_callback(lambda _: self._jobs.discard(job))
        return future

    async def subprocess_exec(self, *args: Any, **kwargs: Any) -> Any:
        transport, protocol = await super().subprocess_exec(*args, **kwargs)
        self._children.append(transport)
        return transport, protocol

    def turn(self) -> None:
        """Something was ready: no time passes, unless that goes on and on."""
        self._turns += 1
        if self._turns > MOST_TURNS:
            self._seconds += TURN_S

    def jump(self, seconds: float) -> None:
        """Set the clock forward to the next timer."""
        self._turns = 0
        self.jumps += 1
        self._seconds += seconds

    def patience_s(self, seconds: float) -> float:
        """How long in real time a jump has to wait for what happens outside; 0 when nothing does."""
        self._children = [child for child in self._children if child.get_returncode() is None]
        if self._children:
            return CHILD_PATIENCE_S
        if self._jobs:
            frames = sys._current_frames()
            if not all(job.waits_for_us(frames) for job in self._jobs):
                return min(max(PATIENCE * seconds, LEAST_PATIENCE_S), MOST_PATIENCE_S)
        return 0.0


class _Job:
    """What a thread does for the loop."""

    def __init__(self) -> None:
        self._thread: int | None = None

    def call(self, func: Callable[..., T], *args: Any) -> T:
        self._thread = threading.get_ident()
        return func(*args)

    def waits_for_us(self, frames: dict[int, FrameType]) -> bool:
        """Whether its thread is inside `Future.result()` or a socket's `recv`, and in vain so far."""
        frame = frames.get(self._thread or 0)
        for _ in range(4):
            if frame is None:
                return False
            if frame.f_code is _RESULT:
                future = frame.f_locals["self"]  # None when it is just about to return
                return future is not None and not future.done()
            if frame.f_code is _READ:
                return not _is_readable(frame.f_locals["self"])
            frame = frame.f_back
        return False


def _is_readable(stream: socket.SocketIO) -> bool:
    try:
        return bool(select.select([stream], [], [], 0)[0])
    except (OSError, ValueError):  # closed in this very moment
        return True


class _JumpingSelector(selectors.DefaultSelector):
    """Looks for real events; where there are none, the loop's clock jumps instead of sleeping."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events = super().select(0)
        if events or timeout == 0:
            self._loop.turn()
            return events
        if timeout is None:
            return super().select(None)
        if timeout > LONG_JUMP_S:
            events = super().select(LOOK_EVERY_S)
        waited = 0.0
        while not events and waited < self._loop.patience_s(timeout):
            events = super().select(LOOK_EVERY_S)
            waited += LOOK_EVERY_S
        # A thread that was found waiting for us may have told us why since the last look.
        events = events or super().select(0)
        if not events:
            self._loop.jump(timeout)
        return events


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own, as `asyncio.run` does."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
