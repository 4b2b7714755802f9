"""One batch of the service from start to end, over what the library does for every door."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents.plan import read_plan
from gl2gh_batch.batch.exports import Exports
from gl2gh_batch.batch.files import batch_plan
from gl2gh_batch.batch.orchestrator import BatchOrchestrator
from gl2gh_batch.batch.pool import GovernorPool
from gl2gh_batch.batch.preflight import preflight, source_marks
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.errors import FailureReason, Gl2ghError, PlanRefusedError, StoppedError
from gl2gh_batch.domain.events import BatchFinished, Event, Waiting
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode
from gl2gh_batch.domain.ports import Clock
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus, StoppedBy, batch_status
from gl2gh_batch.interfaces.server.config import MigrationProject
from gl2gh_batch.interfaces.server.feed import FLUSH_S, Feed, moment
from gl2gh_batch.interfaces.server.store import BatchRow
from gl2gh_batch.interfaces.server.views import progress_view
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.kit.workdir import ProjectFolder, slug
from gl2gh_batch.target.limits import Overrides

_log = logging.getLogger(__name__)

REMEDY: Final = "Plan again, review the plan, and approve it."


class Run:
    """One batch that runs now."""

    def __init__(
        self,
        row: BatchRow,
        project: MigrationProject,
        feed: Feed,
        *,
        pool: GovernorPool,
        redactor: Redactor,
        limits: Overrides,
        clock: Clock,
    ) -> None:
        self.row = row
        self.feed = feed
        self._project = project
        self._pool = pool
        self._redactor = redactor
        self._limits = limits
        self._clock = clock
        self._orchestrator: BatchOrchestrator | None = None
        self._looking: asyncio.Future[None] | None = None
        self._stop: tuple[StoppedBy, str] | None = None

    def stop(self, by: StoppedBy, message: str) -> None:
        """End it so that it can go on later."""
        self._stop = self._stop or (by, message)
        if self._looking is not None:
            self._looking.cancel()
        if self._orchestrator is not None:
            self._orchestrator.stop(*self._stop)

    async def run(self, ended: Mapping[int, dict[str, Any]]) -> BatchRow | None:
        """Run it but for the projects that have ended before; the row at its end, already on disk.

        None when the service itself stops: then it goes on at the next start.
        """
        over = asyncio.Event()
        # It is told to end and never cancelled: what is half on its way to disk has to arrive.
        flushing = asyncio.create_task(self._flush(over))
        try:
            row = await self._run(ended)
        finally:
            over.set()
            await flushing
        if row.stopped_by == StoppedBy.SIGNAL:
            await self.feed.flush()
            return None
        # The last events are part of the picture that is kept, so they are written before it is taken.
        await self.feed.flush()
        last = replace(row, progress=progress_view(row, self.feed.board, self._clock.monotonic()))
        await self.feed.flush(last, ends=True)
        return last

    async def _run(self, ended: Mapping[int, dict[str, Any]]) -> BatchRow:
        try:
            async with SharedResources(
                limits=self._limits.limits,
                imports_are_content=self._limits.imports_are_content,
                work_dir=self._project.work_dir,
                users=self._project.users.fresh(),
                redactor=self._redactor,
                clock=self._clock,
                pool=self._pool,
            ) as resources:
                resources.subscribe(self._hear)
                self._refuse_if_stopped()
                self._check_approval(resources)
                self._project.work_dir.mkdir(parents=True, exist_ok=True)
                configs = self._configs()
                await self._look_ahead(resources, configs)
                self._orchestrator = orchestrator = BatchOrchestrator(
                    resources, batch_id=self.row.batch_id, ended=ended, on_result=self.feed.add_result
                )
                result = await orchestrator.execute_batch_migration(
                    configs,
                    mode=self.row.mode,
                    parallel_limit=self.row.parallel_limit,
                    resume_from=self.row.resume_from,
                )
                return self._ended(result)
        except StoppedError as error:
            return self._failed(error, stopped_by=self._stop[0] if self._stop else StoppedBy.CANCEL)
        except Gl2ghError as error:
            return self._failed(error)
        except OSError as error:
            return self._failed(
                Gl2ghError(
                    f"the work directory cannot be used: {error.strerror}", hint="Make room or give rights."
                )
            )
        except Exception as error:  # noqa: BLE001 - a batch's failure is kept from the other batches
            _log.exception("a batch failed in a way nobody foresaw")
            said = f"{type(error).__name__}: {error}"
            return self._failed(Gl2ghError(said, hint="Please report this with the log; resume goes on."))

    def _refuse_if_stopped(self) -> None:
        if self._stop is not None:
            raise StoppedError(self._stop[1])

    def _configs(self) -> list[dict[str, Any]]:
        said: dict[str, Any] = {"accept_source_changes": True} if self.row.accept_source_changes else {}
        exports = None if self._project.from_export is None else Exports.of(self._project.from_export)
        found = []
        for place, one in enumerate(self.row.project_ids):
            config = {**self._project.config, **said, "project_id": one, "origin": f"project_ids[{place}]"}
            if exports is not None:
                config["from_export"] = exports.named(one).path
            found.append(config)
        return found

    async def _look_ahead(self, resources: SharedResources, configs: Sequence[Mapping[str, Any]]) -> None:
        """The few looks before a batch; raises `ChecksFailedError` for what would make every project fail."""
        if not configs:
            return
        agents = set(AGENTS_OF[MigrationMode(self.row.mode)])
        if self._project.from_export is not None:  # GitLab is not asked
            agents.discard(AgentName.DISCOVERY)
        self._looking = asyncio.ensure_future(
            preflight(
                resources,
                self._project.config,
                agents,
                work_dir=self._project.work_dir,
                marks=source_marks(configs),
            )
        )
        try:
            await self._looking
        except asyncio.CancelledError:
            self._refuse_if_stopped()
            raise
        self._refuse_if_stopped()

    def _hear(self, event: Event) -> None:
        # A governor that several batches share tells each of them who waits: the others' are not ours.
        if isinstance(event, Waiting) and event.project not in self.feed.board.rows:
            return
        if isinstance(event, BatchFinished) and self._stop is not None and self._stop[0] is StoppedBy.SIGNAL:
            return  # it goes on at the next start
        self.feed.hear(event)

    async def _flush(self, over: asyncio.Event) -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_S):
                    await over.wait()
            await self.feed.flush()

    def _check_approval(self, resources: SharedResources) -> None:
        """Raise `PlanRefusedError` when a plan in the work directory is not the one that was approved."""
        if self.row.approved is None:
            return
        references = resources.references(self._project.work_dir)
        for project_id in self.row.project_ids:
            reference = references.named(project_id)
            path = reference.project.full_path if reference else str(project_id)
            found = None
            if reference is not None:
                folder = self._project.work_dir / "projects" / slug(path, reference.project.id)
                found = read_plan(ProjectFolder(folder))
            if found is None or found.digest != self.row.approved.get(path):
                raise PlanRefusedError(
                    "its plan is not the one that was approved",
                    missing=found is None,
                    hint=REMEDY,
                    project=path,
                )

    def _ended(self, result: Mapping[str, Any]) -> BatchRow:
        plan = batch_plan(result)
        for one in result["results"]:
            if one["status"] == ProjectStatus.NOT_STARTED:
                self.feed.add_result(one)
        return replace(
            self.row,
            status=str(result["status"]),
            finished_at=moment(self._clock),
            stopped_by=result["stopped_by"],
            plan_digest=plan["digest"],
            price=result.get("price"),
            counts=counts_of(str(one["status"]) for one in result["results"]),
            error=None,
        )

    def _failed(self, error: Gl2ghError, stopped_by: StoppedBy | None = None) -> BatchRow:
        """It ended before its projects could: none of them is to blame."""
        status = batch_status([ProjectStatus.NOT_STARTED]) if stopped_by else BatchStatus.FAILED
        if self._stop is None or self._stop[0] is not StoppedBy.SIGNAL:
            self.feed.hear(BatchFinished(batch_id=self.row.batch_id, status=status.value))
        failure = {
            "reason": str(error.reason if stopped_by is None else FailureReason.CANCELLED),
            "message": self._redactor.redact(error.message),
            "hint": self._redactor.redact(error.remedy),
        }
        return replace(
            self.row,
            status=status.value,
            finished_at=moment(self._clock),
            stopped_by=stopped_by.value if stopped_by else None,
            error=codec.plain(failure),
            counts=counts_of(["not_started"] * len(self.row.project_ids)),
        )


def counts_of(statuses: Any) -> dict[str, int]:
    """How many projects ended in each way."""
    found = {"success": 0, "failed": 0, "incomplete": 0, "not_started": 0}
    for status in statuses:
        found[status] = found.get(status, 0) + 1
    return found
