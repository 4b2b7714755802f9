"""The batches of one service: admitted, queued, run, stopped, resumed after a crash; each project once."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import deque
from dataclasses import replace
from typing import Any, Final

from gl2gh_batch.batch.pool import GovernorPool
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.domain.ports import Clock
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus, StoppedBy
from gl2gh_batch.interfaces.server.bodies import Approval, Resumption, Start
from gl2gh_batch.interfaces.server.config import ServerConfig
from gl2gh_batch.interfaces.server.feed import Feed, moment
from gl2gh_batch.interfaces.server.problems import Problem, conflict, not_found
from gl2gh_batch.interfaces.server.runs import Run, counts_of
from gl2gh_batch.interfaces.server.store import BatchRow, Store
from gl2gh_batch.interfaces.server.views import progress_view
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.output.board import Board

_log = logging.getLogger(__name__)

RATE_FILE: Final = "rate-limit.json"
RETRY_S: Final = 30
READ_GITLAB: Final = (MigrationMode.DISCOVER_ONLY, MigrationMode.EXPORT_ONLY)
_ENDED: Final = (ProjectStatus.SUCCESS, ProjectStatus.FAILED)


class Service:
    """Runs batches; `start` it in the event loop, `stop` it before the loop ends."""

    def __init__(
        self, config: ServerConfig, store: Store, *, redactor: Redactor, clock: Clock | None = None
    ) -> None:
        self.config = config
        self.store = store
        self.redactor = redactor
        self.clock: Clock = clock or SystemClock()
        self.pool = GovernorPool(config.work_dir / RATE_FILE)
        self.stopping = False
        self._rows: dict[str, BatchRow] = {}
        self._feeds: dict[str, Feed] = {}
        self._queue: deque[str] = deque()
        self._runs: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._admission = asyncio.Lock()
        self._number = 0

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Take up what had not ended when the service last did, in the order in which it was started."""
        self._number = await self.store.highest_number()
        for row in await self.store.active():
            if row.project not in self.config.projects:
                _log.error("a batch waits for the migration project %s, which is not configured", row.project)
                error = {
                    "reason": "config-invalid",
                    "message": f"{row.project} is no migration project any more",
                    "hint": "Put it back into the configuration and resume the batch.",
                }
                counts = counts_of(["not_started"] * len(row.project_ids))
                await self.store.put(
                    replace(row, status="failed", error=error, counts=counts, finished_at=moment(self.clock))
                )
                continue
            await self._admit(row)
        self._fill()

    async def stop(self) -> None:
        """Let running batches stop cleanly; they go on at the next start."""
        self.stopping = True
        for run in list(self._runs.values()):
            run.stop(StoppedBy.SIGNAL, "the service stops; it goes on when it is started again")
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self.pool.close()

    # ── what can be asked for ────────────────────────────────────────────────────────────────────

    async def begin(
        self, project: str, wanted: Start, *, who: str, key: str | None = None
    ) -> tuple[BatchRow, bool]:
        """Start a batch; False when the same key had started it before. Raises `Problem` 404, 409, 429."""
        if project not in self.config.projects:
            raise not_found(f"there is no migration project {project!r}")
        async with self._admission:
            if key is not None:
                used = await self.store.key(f"{project}/{who}", key)
                if used is not None:
                    return await self._again(used, wanted), False
            if self.config.projects[project].from_export is not None and wanted.mode in READ_GITLAB:
                raise conflict(
                    "reads-exports", f"{wanted.mode} reads from GitLab, and {project} goes on from exports"
                )
            self._refuse_overlap(project, wanted.project_ids)
            self._refuse_when_full()
            row = self._new(project, wanted, who)
            await self.store.add(row, owner=f"{project}/{who}", key=key, digest=wanted.digest)
            await self._admit(row)
        self._fill()
        return row, True

    async def cancel(self, batch_id: str) -> BatchRow:
        """Stop a batch so that it can be resumed; raises `Problem` 404, 409."""
        async with self._admission:
            row = await self.row(batch_id)
            if not row.is_active:
                raise conflict("not-active", f"the batch has ended: {row.status}", status_of_batch=row.status)
            run = self._runs.get(batch_id)
            if run is not None:
                run.stop(StoppedBy.CANCEL, "the batch was cancelled; resume it to go on")
                return row
            self._queue.remove(batch_id)
            feed = self._feeds[batch_id]
            row = replace(
                row,
                status=BatchStatus.PARTIAL_SUCCESS.value,
                stopped_by=StoppedBy.CANCEL.value,
                finished_at=moment(self.clock),
                counts=counts_of(
                    [
                        *self._kept_statuses(feed),
                        *["not_started"] * (len(row.project_ids) - feed.board.ended()),
                    ]
                ),
            )
            await feed.flush(
                replace(row, progress=progress_view(row, feed.board, self.clock.monotonic())), ends=True
            )
            self._forget(batch_id)
            return row

    async def resume(self, batch_id: str, wanted: Resumption) -> BatchRow:
        """Go on with a batch that did not succeed, keeping what did; raises `Problem` 404, 409, 429."""
        async with self._admission:
            row = await self.row(batch_id)
            if row.is_active:
                raise conflict("still-active", f"the batch is {row.status}", status_of_batch=row.status)
            resume_from = wanted.resume_from
            if row.status == BatchStatus.SUCCESS and resume_from is None:
                raise conflict("succeeded", "the batch succeeded: there is nothing to resume")
            if row.project not in self.config.projects:
                raise conflict("not-configured", f"{row.project} is no migration project any more")
            self._refuse_overlap(row.project, row.project_ids)
            self._refuse_when_full()
            results = await self.store.results(batch_id)
            again = [
                place
                for place, one in results.items()
                if resume_from is not None or one["status"] != ProjectStatus.SUCCESS
            ]
            row = replace(
                row,
                status="queued",
                resume_from=resume_from,
                accept_source_changes=row.accept_source_changes or wanted.accept_source_changes,
                finished_at=None,
                stopped_by=None,
                error=None,
                counts=None,
                progress=None,
            )
            await self.store.put(row, forget=again)
            await self._admit(row)
        self._fill()
        return row

    async def approve(self, batch_id: str, approval: Approval, *, who: str) -> tuple[BatchRow, bool]:
        """Carry out the plan of a batch; False when that was begun before. Raises `Problem` 404, 409, 429."""
        async with self._admission:
            row = await self.row(batch_id)
            if row.is_active or row.mode != MigrationMode.PLAN_ONLY or not row.plan_digest:
                raise conflict(
                    "no-plan", "only a batch of mode PLAN_ONLY that has made its plan can be approved"
                )
            if row.plan_digest != approval.digest:
                raise conflict(
                    "other-plan",
                    "this is not the digest of the batch's plan: read the plan again",
                    plan_digest=row.plan_digest,
                )
            if row.applied_by is not None:
                return await self.row(row.applied_by), False
            results = await self.store.results(batch_id)
            planned = [
                (row.project_ids[place], one) for place, one in sorted(results.items()) if one.get("plan")
            ]
            ids = tuple(project_id for project_id, _ in planned)
            self._refuse_overlap(row.project, ids)
            self._refuse_when_full()
            wanted = Start(
                project_ids=ids,
                mode=MigrationMode.APPLY,
                parallel_limit=row.parallel_limit,
                resume_from=None,
                accept_source_changes=approval.accept_source_changes,
            )
            applying = replace(
                self._new(row.project, wanted, who),
                plan_of=batch_id,
                approved={str(one["source"]): str(one["plan"]["digest"]) for _, one in planned},
            )
            await self.store.add_applied(applying, replace(row, applied_by=applying.batch_id))
            await self._admit(applying)
        self._fill()
        return applying, True

    # ── what can be seen ─────────────────────────────────────────────────────────────────────────

    async def row(self, batch_id: str) -> BatchRow:
        """One batch; raises `Problem` 404."""
        row = self._rows.get(batch_id) or await self.store.batch(batch_id)
        if row is None:
            raise not_found(f"there is no batch {batch_id}")
        return row

    def feed(self, batch_id: str) -> Feed | None:
        """The feed of a batch that has not ended."""
        return self._feeds.get(batch_id)

    def board(self, batch_id: str) -> Board | None:
        """The picture of a batch that has not ended."""
        feed = self._feeds.get(batch_id)
        return feed.board if feed else None

    async def progress(self, batch_id: str) -> dict[str, Any]:
        """Where each project of a batch is, and the number of the last event that is in this picture."""
        row = await self.row(batch_id)
        feed = self._feeds.get(batch_id)
        if feed is not None:
            found = progress_view(row, feed.board, self.clock.monotonic())
            return found | {"last_event_id": feed.last, "started_at": row.started_at}
        kept = dict(row.progress or progress_view(row, Board(), 0.0))
        last = await self.store.last_event(batch_id)
        return kept | {"status": row.status, "last_event_id": last, "started_at": row.started_at}

    @property
    def queued(self) -> int:
        """How many batches wait for their turn."""
        return len(self._queue)

    def projects_by_state(self) -> dict[str, int]:
        """How many projects of the batches that have not ended are in each state."""
        found = {"not_started": 0, "in_progress": 0, "success": 0, "failed": 0, "incomplete": 0}
        for batch_id, feed in self._feeds.items():
            rows = feed.board.rows
            for one in rows.values():
                state = one.status or "in_progress"
                found[state] = found.get(state, 0) + 1
            found["not_started"] += max(0, len(self._rows[batch_id].project_ids) - len(rows))
        return found

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    async def _again(self, used: tuple[str, str], wanted: Start) -> BatchRow:
        digest, batch_id = used
        if digest != wanted.digest:
            raise conflict("key-used", "this Idempotency-Key started another batch", batch_id=batch_id)
        return await self.row(batch_id)

    def _new(self, project: str, wanted: Start, who: str) -> BatchRow:
        self._number += 1
        return BatchRow(
            batch_id=str(uuid.uuid4()),
            number=self._number,
            project=project,
            mode=wanted.mode.value,
            project_ids=wanted.project_ids,
            parallel_limit=wanted.parallel_limit,
            resume_from=wanted.resume_from,
            accept_source_changes=wanted.accept_source_changes,
            status="queued",
            created_at=moment(self.clock),
            created_by=who,
        )

    def _refuse_overlap(self, project: str, ids: tuple[int, ...]) -> None:
        wanted = set(ids)
        for row in self._rows.values():
            shared = wanted.intersection(row.project_ids) if row.project == project else set()
            if shared:
                raise conflict(
                    "project-busy",
                    f"project {min(shared)} is in batch {row.batch_id}, which has not ended",
                    batch_id=row.batch_id,
                    project_ids=sorted(shared)[:20],
                )

    def _refuse_when_full(self) -> None:
        if self.stopping:
            raise Problem(503, "stopping", "the service stops", headers={"Retry-After": str(RETRY_S)})
        if len(self._queue) >= self.config.queued_batches:
            raise Problem(
                429,
                "queue-full",
                f"{len(self._queue)} batches wait already",
                headers={"Retry-After": str(RETRY_S)},
            )

    async def _admit(self, row: BatchRow) -> None:
        feed = Feed(
            row.batch_id,
            self.store,
            self.clock,
            self.redactor.redact,
            await self.store.last_event(row.batch_id),
        )
        self._rows[row.batch_id] = row
        self._feeds[row.batch_id] = feed
        await self._redraw(row, feed)
        self._queue.append(row.batch_id)

    async def _redraw(self, row: BatchRow, feed: Feed) -> None:
        """The projects that have ended in an earlier process stand in the picture as they ended."""
        for place, one in (await self._ended(row.batch_id)).items():
            feed.recall(place, one)

    async def _ended(self, batch_id: str) -> dict[int, dict[str, Any]]:
        """The results that stand: a project that was only stopped is run again."""
        results = await self.store.results(batch_id)
        return {place: one for place, one in results.items() if one["status"] in _ENDED}

    def _kept_statuses(self, feed: Feed) -> list[str]:
        return [one.status for one in feed.board.rows.values() if one.status]

    def _fill(self) -> None:
        """Run what there is room for."""
        while self._queue and len(self._runs) < self.config.running_batches and not self.stopping:
            batch_id = self._queue.popleft()
            row = self._rows[batch_id]
            row = replace(row, status="running", started_at=row.started_at or moment(self.clock))
            self._rows[batch_id] = row
            run = Run(
                row,
                self.config.projects[row.project],
                self._feeds[batch_id],
                pool=self.pool,
                redactor=self.redactor,
                limits=self.config.limits,
                clock=self.clock,
            )
            self._runs[batch_id] = run
            self._tasks[batch_id] = asyncio.create_task(self._run(run))

    async def _run(self, run: Run) -> None:
        batch_id = run.row.batch_id
        try:
            await self.store.put(run.row)
            await run.run(await self._ended(batch_id))
        except Exception:  # noqa: BLE001 - kept from the other batches
            # Its row stays as it is on disk: the next start takes it up again.
            _log.exception("a batch could not be written down")
        finally:
            self._forget(batch_id)
            self._fill()

    def _forget(self, batch_id: str) -> None:
        for kept in (self._rows, self._feeds, self._runs, self._tasks):
            kept.pop(batch_id, None)
