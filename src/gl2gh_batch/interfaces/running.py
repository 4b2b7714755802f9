"""A batch from start to end: listeners, signals, deadline, approval; the same for every door."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from gl2gh_batch.batch.orchestrator import BatchOrchestrator
from gl2gh_batch.batch.preflight import preflight, source_marks
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.errors import (
    ConfigurationError,
    FailureReason,
    StoppedError,
    WorkDirectoryError,
)
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, Task
from gl2gh_batch.domain.ports import Emit
from gl2gh_batch.domain.result import BatchStatus, StoppedBy
from gl2gh_batch.interfaces.approval import check_approval
from gl2gh_batch.interfaces.projects import expand_groups
from gl2gh_batch.interfaces.publicity import refuse_private_sources
from gl2gh_batch.interfaces.wiring import Batch, resources_for
from gl2gh_batch.kit.rate_file import give_up_allotment, write_allotments
from gl2gh_batch.kit.redact import Redactor

T = TypeVar("T")
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
        return 0 if _is_success(self.result) else 1


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
        with _stoppable(orchestrator, batch.deadline_s) as stop:
            configs = await stop.unless_stopped(expand_groups(batch, resources))
            if public_in:
                await stop.unless_stopped(refuse_private_sources(configs, resources, public_in))
            check_approval(batch, configs, resources)
            _make_folder(batch.work_dir)
            if only_verify:
                task = Task.VERIFY
            if task in {None, Task.VERIFY}:
                agents = set(AGENTS_OF[batch.mode] if task is None else ())
                if batch.exports is not None:  # GitLab is not asked
                    agents.discard(AgentName.DISCOVERY)
                looking = preflight(
                    resources, batch.shared, agents, work_dir=batch.work_dir, marks=source_marks(configs)
                )
                with suppress(StoppedError):  # the result then says that no project was begun
                    await stop.unless_stopped(looking)
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
                _allot(batch.rate_limit_file, result["shards"], resources)
        if batch.shard is not None and AgentName.APPLY in AGENTS_OF[batch.mode] and _is_success(result):
            with suppress(WorkDirectoryError):  # who cannot give it away has merely kept it
                give_up_allotment(batch.rate_limit_file, str(batch.shard))
        return Outcome(result=result, signal=stop.signal)


class _Stop:
    """Whether and by what a run was stopped, and what it was just looking at before the batch began."""

    def __init__(self, orchestrator: BatchOrchestrator) -> None:
        self._orchestrator = orchestrator
        self._looking: asyncio.Task[Any] | None = None
        self._is_asked = False
        self.signal: int | None = None

    def ask(self, by: StoppedBy, message: str) -> None:
        """Stop, whatever is going on."""
        self._is_asked = True
        self._orchestrator.stop(by, message)
        if self._looking is not None:
            self._looking.cancel()

    def ask_by(self, number: int) -> None:
        """Stop because of a signal; the first one counts."""
        self.signal = self.signal or number
        self.ask(StoppedBy.SIGNAL, f"stopped by {signal.Signals(number).name}")

    async def unless_stopped(self, work: Coroutine[Any, Any, T]) -> T:
        """What the work answers; raises `StoppedError` as soon as the run is stopped."""
        self._looking = task = asyncio.create_task(work)
        if self._is_asked:
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not self._is_asked or (current is not None and current.cancelling()):
                raise
            stopped = StoppedError("stopped before the batch began", hint="Run again: nothing was done yet.")
            if self.signal is not None:
                stopped.exit_code = 128 + self.signal
            raise stopped from None
        finally:
            self._looking = None


@contextmanager
def _stoppable(orchestrator: BatchOrchestrator, deadline_s: float | None) -> Iterator[_Stop]:
    """Hear signals and the deadline from now on."""
    stop = _Stop(orchestrator)
    heard: list[int] = []
    loop = asyncio.get_running_loop()
    number: int
    for number in SIGNALS:
        # Not every event loop hears signals, and none outside the main thread: then somebody else does.
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, stop.ask_by, number)
            heard.append(number)
    timer = None
    if deadline_s is not None:
        timer = loop.call_later(deadline_s, stop.ask, StoppedBy.DEADLINE, "the deadline came")
    try:
        yield stop
    finally:
        if timer is not None:
            timer.cancel()
        for number in heard:
            loop.remove_signal_handler(number)


def _allot(path: Path, shards: Sequence[str], resources: SharedResources) -> None:
    """Write what each shard may use; where that cannot be written, each divides the limits by itself."""
    try:
        write_allotments(path, shards, resources.all_limits())
    except WorkDirectoryError as error:
        said = f"{error.message}; each shard takes an equal part of the limits that it knows"
        resources.emit(Noticed(project="", level="warning", message=said, hint=error.hint))


def _is_success(result: Mapping[str, Any]) -> bool:
    return bool(result["status"] == BatchStatus.SUCCESS)


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
