"""The batch: many projects at once, one failure never stopping the rest, one result."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from gl2gh_batch import codec
from gl2gh_batch.agents import AgentOrchestrator
from gl2gh_batch.batch.config import ProjectConfig, parse_config, project_of
from gl2gh_batch.batch.credentials import Load, deal, read_dealt, refuse_one_user_twice, write_dealt
from gl2gh_batch.batch.files import planned_hours, write_batch_files
from gl2gh_batch.batch.leavings import Leavings
from gl2gh_batch.batch.listing import listed_twice, names_of, place_of
from gl2gh_batch.batch.progress import Progress
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.batch.schedule import Room, budgets_report, order, predicted_s
from gl2gh_batch.batch.shards import Shard
from gl2gh_batch.batch.surveying import survey_all
from gl2gh_batch.domain.errors import ConfigurationError, FailureReason, Gl2ghError, StoppedError
from gl2gh_batch.domain.events import (
    BatchFinished,
    BatchStarted,
    ProjectFinished,
    ProjectStarted,
)
from gl2gh_batch.domain.limits import Limits
from gl2gh_batch.domain.modes import (
    AGENTS_OF,
    AgentName,
    MigrationMode,
    Task,
    parse_mode,
    parse_resume_from,
)
from gl2gh_batch.domain.plan import Price
from gl2gh_batch.domain.pricing import batch_price
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.request import DEFAULT_PARALLEL_LIMIT, check_parallel_limit
from gl2gh_batch.domain.result import ProjectStatus, StoppedBy
from gl2gh_batch.kit.redact import redacted
from gl2gh_batch.output.artifact_v1 import batch_artifact

_log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[AgentOrchestrator, Mapping[str, Any]], Awaitable[dict[str, Any]]]

RESUME: Final = (
    "Run again with the same inputs and the same work directory (in a workflow: with the artifact of this run"
    " in it). What is done stays done, and nothing is sent twice."
)
# What is in flight after a stop may end by itself for so long.
GRACE_S: Final = 2.5


class BatchOrchestrator:
    """Runs a mode's agents over many projects that share budgets, users and numbers."""

    def __init__(
        self,
        shared_resources: SharedResources | None = None,
        *,
        shard: Shard | None = None,
        shards: int | None = None,
        batch_id: str | None = None,
        ended: Mapping[int, dict[str, Any]] | None = None,
        on_result: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        """`shard`: the part of a batch that this run does; `shards`: into how many to cut it (0: auto).

        A batch that goes on after its process died has its `batch_id`, and in `ended` the results, by index,
        of the projects that are not run again. `on_result` hears each new result before its event.
        """
        self.shared_resources = shared_resources or SharedResources()
        self._shard = shard
        self._shards = shards
        self._batch_id = batch_id
        self._ended = dict(ended or {})
        self._on_result = on_result
        self._progress = Progress(clock=self.shared_resources.clock, emit=self.shared_resources.emit)
        self.shared_resources.subscribe(self._progress.hear)
        self._stopped_by: StoppedBy | None = None
        self._run: _BatchRun | None = None

    def get_progress(self) -> dict[str, Any]:
        """Live counts: projects by status, and for each its agent, counts, what it waits for, ETA."""
        return self._progress.snapshot()

    def stop(self, by: StoppedBy, message: str) -> None:
        """Start nothing any more and grant no request: all projects end as resumable."""
        if self._stopped_by is None:
            self._stopped_by = by
            self.shared_resources.stop(message)
            if self._run is not None:
                asyncio.get_running_loop().call_later(GRACE_S, self._run.cancel)

    async def execute_batch_migration(
        self,
        project_configs: Sequence[Mapping[str, Any]],
        mode: MigrationMode | str = MigrationMode.PLAN_ONLY,
        parallel_limit: int = DEFAULT_PARALLEL_LIMIT,
        resume_from: str | None = None,
    ) -> dict[str, Any]:
        """Run the batch and return its result (schema: docs/schemas/batch-result.v1.schema.json).

        Raises `ConfigurationError` for a mode, limit, agent or list of projects that no batch can have;
        whatever happens to a single project is in its result.
        """
        mode = parse_mode(mode)
        parse_resume_from(resume_from, mode)

        async def work(orchestrator: AgentOrchestrator, config: Mapping[str, Any]) -> dict[str, Any]:
            return await orchestrator.run_migration(mode=mode, config=config, resume_from=resume_from)

        return await self._execute(project_configs, mode, parallel_limit, AGENTS_OF[mode], work)

    async def execute_batch_verification(
        self,
        project_configs: Sequence[Mapping[str, Any]],
        parallel_limit: int = DEFAULT_PARALLEL_LIMIT,
    ) -> dict[str, Any]:
        """Compare applied projects with their targets again; writes nothing there. The same result."""

        return await self.execute_batch_task(project_configs, Task.VERIFY, parallel_limit)

    async def execute_batch_task(
        self,
        project_configs: Sequence[Mapping[str, Any]],
        task: Task,
        parallel_limit: int = DEFAULT_PARALLEL_LIMIT,
        *,
        force: bool = False,
    ) -> dict[str, Any]:
        """Verify, recover, clean up or unlock every project; the same kind of result."""

        async def work(orchestrator: AgentOrchestrator, config: Mapping[str, Any]) -> dict[str, Any]:
            return await orchestrator.run_task(task, config=config, force=force)

        agent = AgentName.VERIFY if task is Task.VERIFY else AgentName.APPLY
        return await self._execute(project_configs, MigrationMode.APPLY, parallel_limit, (agent,), work)

    async def _execute(
        self,
        project_configs: Sequence[Mapping[str, Any]],
        mode: MigrationMode,
        parallel_limit: int,
        agents: tuple[AgentName, ...],
        work: Work,
    ) -> dict[str, Any]:
        check_parallel_limit(parallel_limit)
        names = names_of(project_configs)
        self._progress.batch_id = batch_id = self._batch_id or str(uuid.uuid4())
        run = _BatchRun(self.shared_resources, mode, parallel_limit, agents, work, batch_id, self._ended)
        run.on_result = self._on_result
        self._run = run
        self.shared_resources.emit(
            BatchStarted(
                batch_id=run.batch_id,
                mode=mode,
                total_projects=len(names),
                parallel_limit=parallel_limit,
            )
        )
        run.parse(project_configs)
        if self._stopped_by is None:
            await run.unless_cancelled(run.survey(), None)
        run.refuse_two_names(project_configs)
        if self._stopped_by is None:
            dealing = run.deal_credentials(project_configs)
            project_configs = await run.unless_cancelled(dealing, list(project_configs))
        self._progress.expect(run.expected(project_configs, names), agents)
        results = await run.all_projects(project_configs, names, lambda: self._stopped_by)
        # Platforms and proxies repeat what they were sent, and their words are in it.
        redact = self.shared_resources.redactor.redact
        result: dict[str, Any] = redacted(run.result(results, self._stopped_by), redact)
        if project_configs:
            if AgentName.TRANSFORM in agents:
                result |= run.report_people(self._shard)
            if self._shard is not None:
                result["shard"] = str(self._shard)
            shards = write_batch_files(run.root, result, shard=self._shard, shards=self._shards)
            if shards:
                result["shards"] = shards
            run.leave(result)
        self.shared_resources.emit(BatchFinished(batch_id=run.batch_id, status=result["status"]))
        return result


class _BatchRun:
    """One execution."""

    def __init__(
        self,
        resources: SharedResources,
        mode: MigrationMode,
        parallel_limit: int,
        agents: tuple[AgentName, ...],
        work: Work,
        batch_id: str,
        ended: Mapping[int, dict[str, Any]],
    ) -> None:
        self.batch_id = batch_id
        self.on_result: Callable[[dict[str, Any]], None] | None = None
        self._ended = ended
        self._resources = resources
        self._mode = mode
        self._parallel_limit = parallel_limit
        self._agents = agents
        self._work = work
        self._started_at = self._now()
        self._parsed: dict[int, ProjectConfig] = {}
        self._tasks: list[asyncio.Task[Any]] = []
        self._cancelled = False
        self._credentials: dict[int, str] = {}
        self._room: Room | None = None
        self.root = Path()

    async def unless_cancelled(self, work: Coroutine[Any, Any, T], otherwise: T) -> T:
        """What it answers; `otherwise` when the batch was stopped and it did not end by itself."""
        task = asyncio.create_task(work)
        self._tasks.append(task)
        try:
            return await task
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not self._cancelled or (current is not None and current.cancelling()):
                raise
            return otherwise
        finally:
            self._tasks.remove(task)

    def parse(self, configs: Sequence[Mapping[str, Any]]) -> None:
        """Read the configurations; one that is wrong is for its own project to report."""
        for index, raw in enumerate(configs):
            try:
                self._parsed[index] = parse_config(raw)
            except ConfigurationError as error:
                _log.debug("configuration of project %d is refused: %s", index, error.field)
        self.root = self._resources.root_for(list(self._parsed.values()))
        for one in self._parsed.values():
            self._resources.place(one, self.root)

    async def survey(self) -> None:
        """Put every project on the map before any project runs, as far as they can be reached."""
        if (
            self._mode is not MigrationMode.APPLY
        ):  # its plan was made with the map that is in the work directory
            await survey_all(self._resources, list(self._parsed.values()), self.root)

    def refuse_two_names(self, configs: Sequence[Mapping[str, Any]]) -> None:
        """Raise `ConfigurationError` for a project that is listed by its id and by its path."""
        first: dict[tuple[str, int], str] = {}
        for index, config in self._parsed.items():
            reference = self._reference(config.request.project)
            if reference is None:
                continue
            key = (config.gitlab_url.lower(), reference.project.id)
            place = place_of(configs[index], index)
            if key in first:
                raise listed_twice(config.request.project, first[key], place)
            first[key] = place

    async def deal_credentials(self, configs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """The configurations, each with the credential that pays for it, where the batch has several.

        Raises `ConfigurationError` for two tokens of one user: GitHub counts their requests as one's.
        """
        credentials = self._resources.github_credentials
        if not credentials:
            return list(configs)
        owners = {
            index: one.request.target.owner if one.request.target else one.owner
            for index, one in self._parsed.items()
        }
        seconds = self._predicted_s(configs)
        loads = [
            Load(name=self._label(project_of(configs[index])), owner=owner, seconds=seconds[index])
            for index, owner in owners.items()
        ]
        dealt = deal(loads, credentials, read_dealt(self.root))
        names = {index: load.name for index, load in zip(owners, loads, strict=True)}
        settled = []
        for index, raw in enumerate(configs):
            credential = dealt.get(names.get(index, ""))
            config = raw if credential is None else {**raw, **credential.settings()}
            if credential is not None:
                self._parsed[index] = parse_config(config)
                self._credentials[index] = credential.name
            settled.append(config)
        used = {name: self._parsed[index] for index, name in sorted(self._credentials.items())}
        await refuse_one_user_twice(used, self._resources.github_login)
        write_dealt(self.root, dealt)
        return settled

    def expected(self, configs: Sequence[Mapping[str, Any]], names: Sequence[int | str]) -> dict[str, float]:
        """The seconds that the writes of each project are expected to take; of those that are yet to run."""
        seconds = self._predicted_s(configs)
        return {
            self._label(name): seconds[index] for index, name in enumerate(names) if index not in self._ended
        }

    async def all_projects(
        self,
        configs: Sequence[Mapping[str, Any]],
        names: Sequence[int | str],
        stopped_by: Any,
    ) -> list[dict[str, Any]]:
        """Run every project, at most `parallel_limit` at once; their results in the order given."""
        self._room = room = Room(
            limit=self._parallel_limit,
            clock=self._resources.clock,
            governors=self._resources.governors,
            writing=AgentName.APPLY in self._agents and len(self._agents) == 2,
        )
        results: list[dict[str, Any] | None] = [None] * len(configs)

        async def one(index: int) -> None:
            async with room.enter(partial(self._resources.governors_of, self._parsed.get(index))):
                if stopped_by() is None:
                    results[index] = await self._project(index, names[index], configs[index])

        results[:] = [self._ended.get(index) for index in range(len(configs))]
        self._tasks = [
            asyncio.create_task(one(index)) for index in self._order(configs) if index not in self._ended
        ]
        try:
            await asyncio.gather(*self._tasks)
        except asyncio.CancelledError:
            if not self._cancelled:
                for task in self._tasks:
                    task.cancel()
                raise
            # Those that waited for their turn end here; those that ran say how far they came.
            if self._tasks:
                await asyncio.wait(self._tasks)
        return [
            result
            or {
                "project_id": names[index],
                "index": index,
                "status": ProjectStatus.NOT_STARTED.value,
                "started_at": None,
                "finished_at": None,
                "agents": {},
            }
            for index, result in enumerate(results)
        ]

    def cancel(self) -> None:
        """End what did not end by itself after a stop: a long transfer, a wait for a job."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    def _order(self, configs: Sequence[Mapping[str, Any]]) -> list[int]:
        """Higher priority first, then what takes longest."""
        parsed = [self._parsed.get(index) for index in range(len(configs))]
        return order([one.request.priority if one else 0 for one in parsed], self._predicted_s(configs))

    def _predicted_s(self, configs: Sequence[Mapping[str, Any]]) -> list[float]:
        """The seconds that each project takes: by its plan, else by its numbers."""
        hours = planned_hours(self.root)
        costs = []
        for index in range(len(configs)):
            parsed = self._parsed.get(index)
            reference = self._reference(parsed.request.project) if parsed else None
            known = hours.get(reference.project.full_path) if reference else None
            costs.append(predicted_s(reference.numbers if reference else None, known))
        return costs

    async def _project(self, index: int, name: int | str, config: Mapping[str, Any]) -> dict[str, Any]:
        resources = self._resources
        label = self._label(name)
        started = self._now()
        resources.emit(ProjectStarted(project=label, index=index, agents=self._agents))
        try:
            orchestrator = AgentOrchestrator(shared_resources=resources)
            self.leavings.begin(self._parsed.get(index), applies=AgentName.APPLY in self._agents)
            result = dict(await self._work(orchestrator, config))
        except (asyncio.CancelledError, StoppedError) as error:  # the latter: before its first agent began
            if isinstance(error, asyncio.CancelledError) and not self._cancelled:
                raise
            result = {"status": ProjectStatus.INCOMPLETE.value}
        except Gl2ghError as error:
            result = _failed(error.reason, error.message, error.remedy, error.item, retryable=error.retryable)
        except Exception as error:  # noqa: BLE001 - the one place where a project's failure is kept from the others
            _log.exception("a project failed in a way nobody foresaw")
            result = _failed(
                FailureReason.INTERNAL,
                f"{type(error).__name__}: {self._resources.redactor.redact(str(error))}",
                "This is a fault of gl2gh-batch: please report it with the log. What was done is kept.",
                None,
                retryable=True,
            )
        status = _status(result.get("status"))
        result |= {
            "project_id": name,
            "index": index,
            "status": status.value,
            "started_at": started,
            "finished_at": self._now(),
        }
        if index in self._credentials:
            result["credential"] = self._credentials[index]
        result.setdefault("agents", {})
        if AgentName.APPLY in self._agents and result.get("target") and index in self._parsed:
            result["target_url"] = f"{self._parsed[index].github_url}/{result['target']}"
        self.leavings.end(self._parsed.get(index), label)
        if self.on_result is not None:
            self.on_result(result)
        error_text = str((result.get("error") or {}).get("message", ""))
        resources.emit(ProjectFinished(project=label, index=index, status=status.value, error=error_text))
        return result

    @property
    def leavings(self) -> Leavings:
        """What this run leaves for others."""
        return Leavings(self._resources, self.root)

    def report_people(self, shard: Shard | None) -> dict[str, Any]:
        """Write who is named in the projects; the result's entry about it."""
        return self.leavings.people(self._parsed.values(), shard)

    def leave(self, result: Mapping[str, Any]) -> None:
        """Write the report and the batch's part of the handover."""
        self.leavings.conclude(result, self._parsed)

    def _label(self, name: int | str) -> str:
        reference = self._reference(name)
        return reference.project.full_path if reference is not None else str(name)

    def _reference(self, name: int | str) -> ProjectReference | None:
        """What the map says of a project; a damaged map is for the project's own agents to report."""
        try:
            return self._resources.references(self.root).named(name) if self._parsed else None
        except Gl2ghError:
            return None

    def result(self, results: list[dict[str, Any]], stopped_by: StoppedBy | None) -> dict[str, Any]:
        """The batch's result from those of its projects."""
        accounts: dict[str, tuple[Limits, list[Price]]] = {}
        for one in results:
            if one.get("plan"):
                name, limits = self._resources.github_account(self._parsed[one["index"]])
                price = codec.convert(one["plan"]["price"], Price)
                accounts.setdefault(name, (limits, []))[1].append(price)
        result = batch_artifact(
            results,
            batch_id=self.batch_id,
            mode=self._mode,
            started_at=self._started_at,
            finished_at=self._now(),
            parallel_limit=self._parallel_limit,
            stopped_by=stopped_by,
            tool_version=self._resources.tool_version,
            work_dir=str(self.root),
        )
        if accounts:
            result["price"] = codec.plain(batch_price(accounts.values(), self._parallel_limit))
        if self._room is not None:
            result["parallelism"] = self._room.report()
        result["budgets"] = budgets_report(self._resources.governors())
        if stopped_by is not None or result["incomplete"] or result["not_started"]:
            result["resume"] = RESUME
        return result

    def _now(self) -> str:
        now = self._resources.clock.now()
        return now.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _status(value: object) -> ProjectStatus:
    try:
        return ProjectStatus(str(value))
    except ValueError:
        return ProjectStatus.FAILED


def _failed(
    reason: FailureReason, message: str, hint: str, item: str | None, *, retryable: bool
) -> dict[str, Any]:
    return {
        "status": ProjectStatus.FAILED.value,
        "agents": {},
        "error": {
            "reason": reason.value,
            "message": message,
            "hint": hint,
            "item": item or "",
            "retryable": retryable,
        },
    }
