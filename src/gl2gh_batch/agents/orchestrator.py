"""All agents of one project, in the order of its mode."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import Agent
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._watermark import refuse_changed_source
from gl2gh_batch.agents.apply import CLOSED, Apply, perform_phase, phase_is_done, require_target
from gl2gh_batch.agents.backup import BackUp
from gl2gh_batch.agents.certificate import certify, is_certified, read_certificate
from gl2gh_batch.agents.discovery import Discovery
from gl2gh_batch.agents.export import Export
from gl2gh_batch.agents.plan import PlanAgent, is_begun, read_losses, read_plan, require_plan
from gl2gh_batch.agents.repair import cleanup, recover, unlock
from gl2gh_batch.agents.source_marks import UNDO, SourceMarks, mark_source, undo_source
from gl2gh_batch.agents.transform import Transform
from gl2gh_batch.agents.verify import (
    Verify,
    read_verification,
    remedy_of,
    result_of,
    verify,
    verify_closed,
)
from gl2gh_batch.domain.certificate import Certificate
from gl2gh_batch.domain.errors import (
    CapabilityMissingError,
    DifferencesFoundError,
    FailureReason,
    Gl2ghError,
    StoppedError,
    WorkDirectoryError,
)
from gl2gh_batch.domain.events import AgentFinished, AgentStarted
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode, Task, parse_mode, parse_resume_from
from gl2gh_batch.domain.plan import Capability, Loss, Phase, Plan
from gl2gh_batch.domain.result import AgentResult, Failure, ProjectStatus, Verification

ALL_AGENTS: Final[dict[AgentName, Agent]] = {
    AgentName.DISCOVERY: Discovery(),
    AgentName.EXPORT: Export(),
    AgentName.TRANSFORM: Transform(),
    AgentName.PLAN: PlanAgent(),
    AgentName.APPLY: Apply(),
    AgentName.VERIFY: Verify(),
}


# The import of issues, and each capability, may be found missing once.
MOST_MISSING: Final = 1 + len(Capability)
LOSSES_SHOWN: Final = 50
PASSED_OVER: Final = "passed-over"
# What they find or do may make untrue what was certified before.
_OF_THE_TARGET: Final = frozenset({AgentName.PLAN, AgentName.APPLY, AgentName.VERIFY})
OF_THE_DISK: Final = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.EFBIG, errno.EMFILE}
)


class Resources(Protocol):
    """Whoever lays out the desk for a project's configuration."""

    def desk(
        self, config: Mapping[str, Any], *, asks_source: bool = True
    ) -> AbstractAsyncContextManager[Desk]: ...


class AgentOrchestrator:
    """Runs the agents of one project."""

    def __init__(self, shared_resources: Resources) -> None:
        self._resources = shared_resources

    async def run_migration(
        self,
        *,
        mode: MigrationMode | str,
        config: Mapping[str, Any],
        resume_from: str | None = None,
    ) -> dict[str, Any]:
        """Run the mode's agents on the project of `config`; its result as a dict.

        Keys: `status`, `source`, `target`, `agents` (name → result), `findings`, `losses`, and
        `error` when it failed. Errors of ours become a failed result; a stop becomes `incomplete`.
        """
        mode = parse_mode(mode)
        start = parse_resume_from(resume_from, mode)
        async with self._resources.desk(config) as desk:
            run = _Run(desk, mode, start)
            try:
                await run.all_agents()
            except StoppedError as error:
                return run.result(ProjectStatus.INCOMPLETE, error)
            except Gl2ghError as error:
                return run.result(ProjectStatus.FAILED, error)
            return run.result(ProjectStatus.SUCCESS, None)

    async def verify_only(self, *, config: Mapping[str, Any]) -> dict[str, Any]:
        """Compare an applied project with its target again, writing nothing to it; the result as a dict."""
        return await self.run_task(Task.VERIFY, config=config)

    async def run_task(self, task: Task, *, config: Mapping[str, Any], force: bool = False) -> dict[str, Any]:
        """Do one thing outside the modes; the result as a dict. `force` takes a live claim away.

        All but the undoing of marks do without GitLab, and without a token for it.
        """
        async with self._resources.desk(config, asks_source=task is Task.UNDO_SOURCE) as desk:
            name = AgentName.VERIFY if task is Task.VERIFY else AgentName.APPLY
            run = _Run(desk, MigrationMode.APPLY, name, task=task)
            try:
                match task:
                    case Task.VERIFY:
                        await run.verify_only()
                    case Task.RECOVER:
                        await run.one(name, lambda: recover(desk))
                    case Task.CLEANUP:
                        await run.one(name, lambda: cleanup(desk))
                    case Task.UNLOCK:
                        await run.one(name, lambda: unlock(desk, force=force))
                    case Task.UNDO_SOURCE:
                        await run.one(name, lambda: undo_source(desk))
            except StoppedError as error:
                return run.result(ProjectStatus.INCOMPLETE, error)
            except Gl2ghError as error:
                return run.result(ProjectStatus.FAILED, error)
            return run.result(ProjectStatus.SUCCESS, None)


class _Run:
    """One pass over one project's agents."""

    def __init__(
        self, desk: Desk, mode: MigrationMode, start: AgentName | None, *, task: Task | None = None
    ) -> None:
        self._desk = desk
        self._mode = mode
        self._task = task
        self._names = AGENTS_OF[mode]
        self._redo = self._names[self._names.index(start) :] if start else ()
        self._results: dict[str, AgentResult] = {}
        self._marks: SourceMarks | None = None
        self._certifies = AgentName.VERIFY in self._names and task in {None, Task.VERIFY}
        self._is_verified = False

    async def all_agents(self) -> None:
        names, missing = self._names, 0
        while True:
            try:
                return await self._agents(names)
            except CapabilityMissingError as error:
                # The plan is made again at its real price; FULL may carry that out, APPLY may not.
                missing += 1
                if AgentName.PLAN not in self._names or missing > MOST_MISSING:
                    raise
                self._desk.notice("warning", error.message, "The plan is made again without it.")
                names = self._redo = (AgentName.PLAN, AgentName.APPLY, AgentName.VERIFY)

    async def verify_only(self) -> None:
        async def work() -> AgentResult:
            plan = require_plan(self._desk)
            closed = phase_is_done(self._desk, CLOSED, plan)
            verification = await self._compare(plan, Phase.CLOSE if closed else Phase.FILL)
            return result_of(verification)

        await self.one(AgentName.VERIFY, work)

    async def _agents(self, names: tuple[AgentName, ...]) -> None:
        for name in names:
            match name:
                case AgentName.VERIFY:
                    await self.one(name, self._verify_and_close)
                case AgentName.APPLY if self._mode is MigrationMode.APPLY:
                    await self.one(name, self._apply_as_reviewed)
                case _:
                    await self.one(name, None)
        if AgentName.VERIFY in names:
            await self._mark_source()

    def _agent(self, name: AgentName) -> Agent:
        if name is AgentName.EXPORT and self._mode is MigrationMode.EXPORT_ONLY:
            return BackUp(anew=name in self._redo)
        return ALL_AGENTS[name]

    async def one(self, name: AgentName, work: Callable[[], Awaitable[AgentResult]] | None) -> None:
        desk, agent = self._desk, self._agent(name)
        desk.emit(AgentStarted(project=desk.label, agent=name))
        started = desk.now()
        if name in self._redo:
            agent.forget(desk)
        try:
            if name not in self._redo and await self._is_current(agent):
                result = AgentResult(status=PASSED_OVER, summary="nothing changed since it was done")
            else:
                if name in _OF_THE_TARGET and self._certifies:
                    # Until this run has verified, nothing is certified.
                    desk.folder.certificate.unlink(missing_ok=True)
                result = await _on_disk(desk.folder.path, work() if work else agent.run(desk))
        except Gl2ghError as error:
            if error.project is None:
                error.project = desk.label
            status = "stopped" if isinstance(error, StoppedError) else "failed"
            self._results[name] = AgentResult(
                status=status, started_at=started, finished_at=desk.now(), summary=error.message
            )
            desk.emit(AgentFinished(project=desk.label, agent=name, status=status, summary=error.message))
            raise
        self._results[name] = _stamped(result, started, desk.now())
        desk.emit(AgentFinished(project=desk.label, agent=name, status=result.status, summary=result.summary))

    async def _is_current(self, agent: Agent) -> bool:
        """What was finished is taken for finished as long as the repository is there, and certified."""
        if not await agent.is_current(self._desk):
            return False
        if agent.name is not AgentName.VERIFY:
            return True
        plan = require_plan(self._desk)
        if not is_certified(self._desk, plan):
            return False
        await require_target(self._desk, plan)
        return True

    async def _apply_as_reviewed(self) -> AgentResult:
        """Between plan and APPLY people may have gone on; what has begun goes on with what was exported."""
        plan = require_plan(self._desk)
        if not is_begun(self._desk, plan):
            await refuse_changed_source(self._desk, plan.inputs)
        return await ALL_AGENTS[AgentName.APPLY].run(self._desk)

    async def _verify_and_close(self) -> AgentResult:
        desk = self._desk
        plan = require_plan(desk)
        if self._results[AgentName.APPLY].status == PASSED_OVER:
            await require_target(desk, plan)
        if phase_is_done(desk, CLOSED, plan):
            return result_of(await self._compare(plan, Phase.CLOSE))
        # Also where an earlier run has verified: before anything is closed or opened this one has looked.
        filled = await self._compare(plan, Phase.FILL)
        await perform_phase(desk, plan, Phase.CLOSE, CLOSED)
        verification = await verify_closed(desk, plan, filled)
        self._refuse_differences(verification)
        return result_of(verification)

    async def _compare(self, plan: Plan, phase: Phase) -> Verification:
        verification = await verify(self._desk, plan, phase)
        self._is_verified = True
        self._refuse_differences(verification)
        return verification

    async def _mark_source(self) -> None:
        """Last of all, and only for what was found complete: a note on GitLab, if it was asked for."""
        desk = self._desk
        if await ALL_AGENTS[AgentName.VERIFY].is_current(desk):
            self._marks = await mark_source(desk, require_plan(desk))
            if self._marks is not None and self._marks.is_set:
                desk.notice("notice", f"the project on GitLab says that it moved to {desk.repo}", UNDO)

    def _refuse_differences(self, verification: Verification) -> None:
        count, first = verification.total_differences, verification.differences[:1]
        if count:
            raise DifferencesFoundError(
                f"{count} difference{'' if count == 1 else 's'} between the plan and {self._desk.repo}",
                hint=remedy_of(self._desk),
                item=first[0].item if first else "",
            )

    def result(self, status: ProjectStatus, error: Gl2ghError | None) -> dict[str, Any]:
        desk = self._desk
        plan = read_plan(desk.folder) if AgentName.PLAN in self._results or error is None else None
        # What stands in the way of the plan does not stand in the way of finding out what is there.
        is_blocked = plan is not None and plan.blocking and self._task is None
        if status is ProjectStatus.SUCCESS and plan is not None and is_blocked:
            first = plan.blocking[0]
            status = ProjectStatus.FAILED
            failure: Failure | None = Failure(
                reason=FailureReason.FINDINGS_BLOCK,
                message=first.message,
                hint=first.hint,
                item=first.item,
            )
        else:
            failure = None if error is None else _failure(error)
        verification = read_verification(desk.folder) if AgentName.VERIFY in self._results else None
        certificate = self._certificate()
        result: dict[str, Any] = {
            "status": status.value,
            "project_id": desk.request.project,
            "source": desk.reference.project.full_path,
            "target": str(desk.repo),
            "agents": {name: codec.plain(one) for name, one in self._results.items()},
            "findings": codec.plain(plan.findings) if plan else [],
            "losses": plan.losses if plan else 0,
        }
        if plan is not None:
            result["plan"] = {
                "digest": plan.digest,
                "steps": plan.steps,
                "price": codec.plain(plan.price),
                "kinds": codec.plain(plan.kinds),
                "numbers": codec.plain(plan.numbers),
                "number_ranges": plan.number_ranges,
                "losses_by_kind": dict(plan.losses_by_kind),
                "losses_shown": codec.plain(self._losses()),
            }
        if verification is not None:
            result["verification"] = codec.plain(verification)
        if certificate is not None:
            result["certificate"] = {"verdict": certificate.verdict.value, "digest": certificate.digest}
        if self._marks is not None:
            marks = {"note": self._marks.note, "archive": self._marks.archive}
            result["source_after"] = {name: one.state.value for name, one in marks.items() if one is not None}
        if failure is not None:
            result["error"] = codec.plain(failure)
        return result

    def _certificate(self) -> Certificate | None:
        """The certificate after the run: what it compared, or the earlier one where all was passed over."""
        if not self._certifies:
            return None
        verified = self._results.get(AgentName.VERIFY)
        if verified is not None and verified.status == PASSED_OVER:
            return read_certificate(self._desk)
        return certify(self._desk, is_verified=self._is_verified)

    def _losses(self) -> list[Loss]:
        """The first of what is not carried over; all of it is in `desired/losses.ndjson`."""
        folder = self._desk.folder
        return list(islice(read_losses(folder), LOSSES_SHOWN)) if folder.losses.is_file() else []


async def _on_disk(folder: Path, work: Awaitable[AgentResult]) -> AgentResult:
    """What the disk refuses, wherever it does, as an error of ours; what is durable stays so."""
    try:
        return await work
    except (OSError, sqlite3.Error) as error:
        if isinstance(error, OSError) and error.errno not in OF_THE_DISK:
            raise
        raise WorkDirectoryError(
            f"the work directory cannot be written: {getattr(error, 'strerror', None) or error}",
            hint=f"Make room or give rights in {folder}, then run the same command again: it resumes.",
        ) from error


def _failure(error: Gl2ghError) -> Failure:
    return Failure(
        reason=error.reason,
        message=error.message,
        hint=error.remedy,
        item=error.item or "",
        retryable=error.retryable,
    )


def _stamped(result: AgentResult, started: str, finished: str) -> AgentResult:
    return AgentResult(
        status=result.status,
        started_at=started,
        finished_at=finished,
        summary=result.summary,
        counts=result.counts,
        details=result.details,
    )
