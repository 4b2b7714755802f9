"""A process that applies plans and is killed in the middle, at a request that a test chooses."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from brisk import BriskClock
from lab import Lab, is_writing

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.kit.claim import LEASE_S
from gl2gh_batch.sandbox.journal import Entry, Exchange

# Its server imports everything once, and every victim is a fork of it.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["victim", "gl2gh_batch.batch.orchestrator", "github", "gitlab"])


def _apply(work: Path, configs: Sequence[Mapping[str, Any]], mode: str, lease_s: float = LEASE_S) -> None:
    async def run() -> None:
        async with SharedResources(work_dir=work, clock=BriskClock(), claim_lease_s=lease_s) as resources:
            await BatchOrchestrator(resources).execute_batch_migration(configs, mode=mode)

    asyncio.run(run())


class Killer:
    """Kills with SIGKILL at the nth request to a side: before it has an effect, or after, unanswered."""

    def __init__(
        self,
        nth: int,
        *,
        before: bool,
        number: signal.Signals = signal.SIGKILL,
        side: str = "github",
        writes: bool = False,
    ) -> None:
        self.side = side
        self.writes = writes
        self.nth = nth
        self.before = before
        self.number = number
        self.pid = 0
        self.seen = 0

    def is_due(self, request: Entry | Exchange, *, before: bool) -> bool:
        """Count a request, if it is of those that count; kill at the one that is chosen."""
        if before is not self.before or not self.pid or request.side != self.side:
            return False
        if self.writes and not is_writing(request):
            return False
        self.seen += 1
        if self.seen != self.nth:
            return False
        os.kill(self.pid, self.number)
        return True

    def observe(self, exchange: Exchange) -> None:
        """What the sandbox tells after an effect and before the answer."""
        self.is_due(exchange, before=False)


@contextlib.contextmanager
def _hooked(lab: Lab, killer: Killer) -> Iterator[None]:
    sandbox = lab.sandbox
    journal, observe = sandbox.journal, sandbox.observe
    add = journal.add

    def add_or_kill(entry: Entry) -> None:
        """Kill when a request arrives; the request itself goes no further."""
        add(entry)
        if killer.is_due(entry, before=True):
            raise ConnectionResetError

    # The guards hold the journal themselves: its method is what they meet.
    journal.add = add_or_kill  # type: ignore[method-assign] # because the guards keep this very journal
    sandbox.observe = killer.observe
    try:
        yield
    finally:
        journal.add = add  # type: ignore[method-assign] # because it is put back as it was
        sandbox.observe = observe


async def apply_until_killed(
    lab: Lab,
    nth: int,
    *,
    before: bool,
    mode: str = "APPLY",
    configs: Sequence[Mapping[str, Any]] | None = None,
    side: str = "github",
    writes: bool = False,
) -> bool:
    """Apply in a process of its own; True when it was killed, False when it came to its end before."""
    killer = Killer(nth, before=before, side=side, writes=writes)
    with _hooked(lab, killer):
        process = _PROCESSES.Process(target=_apply, args=(lab.work, configs or lab.configs(), mode))
        process.start()
        assert process.pid is not None
        killer.pid = process.pid
        await asyncio.to_thread(process.join, 60)
        assert process.exitcode is not None
    killed = process.exitcode == -signal.SIGKILL
    assert killed or process.exitcode == 0
    process.close()
    return killed


@contextlib.asynccontextmanager
async def paused_apply(lab: Lab, nth: int, *, lease_s: float) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """A process that applies and is stopped by SIGSTOP right after the nth request took effect.

    Yields what wakes it and waits for its end; the answer is its exit code.
    """
    killer = Killer(nth, before=False, number=signal.SIGSTOP)
    process = _PROCESSES.Process(target=_apply, args=(lab.work, lab.configs(), "APPLY", lease_s))

    async def wake() -> int:
        assert process.pid is not None
        os.kill(process.pid, signal.SIGCONT)
        await asyncio.to_thread(process.join, 60)
        assert process.exitcode is not None
        return process.exitcode

    with _hooked(lab, killer):
        process.start()
        assert process.pid is not None
        killer.pid = process.pid
        while killer.seen < nth:
            assert process.is_alive()
            await asyncio.sleep(0.02)
    try:
        yield wake
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        process.close()
