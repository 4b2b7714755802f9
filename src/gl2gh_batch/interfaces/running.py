"""A batch from start to end: listeners, signals, deadline, approval; the same for every door."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.orchestrator import BatchOrchestrator
from gl2gh_batch.batch.preflight import preflight
from gl2gh_batch.domain.errors import ConfigurationError, FailureReason, StoppedError
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, Task
from gl2gh_batch.domain.ports import Emit
from gl2gh_batch.domain.result import BatchStatus, StoppedBy
from gl2gh_batch.interfaces.approval import check_approval
from gl2gh_batch.interfaces.projects import expand_groups
from gl2gh_batch.interfaces.publicity import refuse_private_sources
from gl2gh_batch.interfaces.wiring import Batch, resources_for
from gl2gh_batch.kit.rate_file import write_allotments
from gl2gh_batch.kit.redact import Redactor

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a run ended: its result, and the signal that stopped it, if one did."""

    result: Mapping[str, Any]
    signal: int | None = None

    @property
    def exit_code(self) -> int:
        """0 success, 1 partial or failed, 128 and the signal's number when one stopped it."""
        if self.signal is not None:
            return 128 + self.signal
        return 0 if self.result["status"] == BatchStatus.SUCCESS else 1


async def run_batch(
    batch: Batch,
    redactor: Redactor,
    listen: Emit,
    *,
    only_verify: bool = False,
    task: Task | None = None,
    force: bool = False,
    public_in: str = "",
) -> Outcome:
    """Run the batch, or do one task; INT, TERM, HUP and the deadline stop it cleanly.

    `public_in` is the repository whose readers see all that this run leaves, when that is everybody.

    Raises `Gl2ghError` for what no project can be blamed for.
    """
    async with resources_for(batch, redactor) as resources:
        resources.subscribe(listen)
        orchestrator = BatchOrchestrator(resources, shard=batch.shard, shards=batch.shards)
        listing = asyncio.ensure_future(expand_groups(batch, resources))
        with _stoppable(orchestrator, listing, batch.deadline_s) as received:
            try:
                configs = await listing
            except asyncio.CancelledError:
                if not listing.cancelled():
                    listing.cancel()
                    raise
                stopped = StoppedError(
                    "stopped before the batch began", hint="Run again: nothing was done yet."
                )
                if received:
                    stopped.exit_code = 128 + received[0]
                raise stopped from None
            if public_in:
                await refuse_private_sources(configs, resources, public_in)
            check_approval(batch, configs, resources)
            _make_folder(batch.work_dir)
            if only_verify:
                task = Task.VERIFY
            if task in {None, Task.VERIFY}:
                agents = set(AGENTS_OF[batch.mode] if task is None else ())
                if batch.exports is not None:  # GitLab is not asked
                    agents.discard(AgentName.DISCOVERY)
                await preflight(resources, batch.shared, agents, work_dir=batch.work_dir)
            if task is not None:
                result = await orchestrator.execute_batch_task(
                    configs, task, batch.parallel_limit, force=force
                )
            else:
                result = await orchestrator.execute_batch_migration(
                    configs,
                    mode=batch.mode,
                    parallel_limit=batch.parallel_limit,
                    resume_from=batch.resume_from,
                )
            if result.get("shards"):
                write_allotments(batch.rate_limit_file, result["shards"], resources.all_limits())
        return Outcome(result=result, signal=received[0] if received else None)


@contextmanager
def _stoppable(
    orchestrator: BatchOrchestrator, listing: asyncio.Future[Any], deadline_s: float | None
) -> Iterator[list[int]]:
    """Hear signals and the deadline from now on; yields the signals received."""
    received: list[int] = []
    heard: list[int] = []
    loop = asyncio.get_running_loop()

    def stop(by: StoppedBy, message: str) -> None:
        orchestrator.stop(by, message)
        listing.cancel()

    def on_signal(number: int) -> None:
        received.append(number)
        stop(StoppedBy.SIGNAL, f"stopped by {signal.Signals(number).name}; run again to resume")

    number: int
    for number in SIGNALS:
        # Not every event loop hears signals, and none outside the main thread: then somebody else does.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, on_signal, number)
            heard.append(number)
    timer = None
    if deadline_s is not None:
        said = "the deadline came; run again with the same work directory to resume"
        timer = loop.call_later(deadline_s, stop, StoppedBy.DEADLINE, said)
    try:
        yield received
    finally:
        if timer is not None:
            timer.cancel()
        for number in heard:
            loop.remove_signal_handler(number)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be made: {error.strerror}",
            field="work_dir",
            hint="Name a folder that can be written.",
        ) from error


def failure_reason(result: Mapping[str, Any]) -> str:
    """The reason that outputs name: that of all failed projects when they agree, else `partial`."""
    if result["status"] == BatchStatus.SUCCESS:
        return ""
    if result.get("stopped_by"):
        return FailureReason.CANCELLED.value
    reasons = {str(one["error"]["reason"]) for one in result["results"] if one.get("error") is not None}
    if result["status"] == BatchStatus.FAILED and len(reasons) == 1:
        return reasons.pop()
    return FailureReason.PARTIAL.value
