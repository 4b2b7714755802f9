"""Live counts of a batch, kept by listening to its events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gl2gh_batch.batch.estimate import Estimate, batch_left_s, expected_s
from gl2gh_batch.batch.schedule import PROJECT_S
from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
    BatchFinished,
    BatchStarted,
    Counted,
    Estimated,
    Event,
    Planned,
    ProjectFinished,
    ProjectStarted,
    Waiting,
)
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.kit.governor import CLOSED

# An estimate is told again when it changed by this share, and not more often than so.
WORTH_TELLING: Final = 0.1
TELL_EVERY_S: Final = 2.0


@dataclass(slots=True)
class ProjectProgress:
    """Where one project is."""

    index: int
    agents: tuple[str, ...] = ()
    status: str = "in_progress"
    agent: str | None = None
    finished_agents: int = 0
    kind: str | None = None
    done: int = 0
    total: int | None = None
    waits_for: str | None = None
    waits_until: float | None = None
    started_at: float = 0.0
    ended_at: float = 0.0
    closed_s: float = 0.0
    closed_until: float = 0.0
    estimate: Estimate | None = None


@dataclass(slots=True)
class Progress:
    """What `get_progress()` answers from; it tells `emit` how long each project and the batch still take.

    Several batches may share one stream of events: only what is of `batch_id` counts, and of the projects
    that are expected in it.
    """

    clock: Clock
    emit: Emit | None = None
    batch_id: str = ""
    total: int = 0
    parallel_limit: int = 1
    projects: dict[str, ProjectProgress] = field(default_factory=dict)
    _chains_s: dict[str, float] = field(default_factory=dict)
    _expected_s: dict[str, float] = field(default_factory=dict)
    _told: dict[str, tuple[float, float]] = field(default_factory=dict)
    _is_over: bool = True

    def expect(self, chains_s: Mapping[str, float], agents: Iterable[str]) -> None:
        """The projects of the batch with the seconds that the writes of each should take, and what runs."""
        agents = tuple(agents)
        self._chains_s = dict(chains_s)
        self._expected_s = {name: expected_s(agents, chain_s) for name, chain_s in chains_s.items()}

    def hear(self, event: Event) -> None:
        """Take one event in."""
        now = self.clock.monotonic()
        match event:
            case BatchStarted() if event.batch_id == self.batch_id:
                self.total, self.parallel_limit = event.total_projects, event.parallel_limit
                self.projects.clear()
                self._chains_s.clear()
                self._told.clear()
                self._is_over = False
            case BatchFinished() if event.batch_id == self.batch_id:
                self._is_over = True
            case _ if self._is_over:
                pass
            case ProjectStarted() if event.project in self._chains_s:
                chain_s = self._chains_s[event.project]
                self.projects[event.project] = ProjectProgress(
                    index=event.index,
                    agents=event.agents,
                    started_at=now,
                    estimate=Estimate(agents=event.agents, chain_s=chain_s),
                )
            case AgentStarted() | AgentFinished() | Planned() | Counted() | Waiting() | ProjectFinished() if (
                one := self.projects.get(event.project)
            ) is not None:
                _update(one, event, now)
                self._tell(event.project, one, now)
            case _:
                pass

    def snapshot(self) -> dict[str, Any]:
        """Counts by status; for each project where it is and what it waits for; ETAs in seconds from now."""
        now = self.clock.monotonic()
        by_status: dict[str, int] = {}
        for one in self.projects.values():
            by_status[one.status] = by_status.get(one.status, 0) + 1
        finished = sum(count for status, count in by_status.items() if status != "in_progress")
        eta_s = self._left_s(now)
        return {
            "total_projects": self.total,
            "finished": finished,
            "in_progress": by_status.get("in_progress", 0),
            "not_started": max(0, self.total - len(self.projects)),
            "by_status": by_status,
            "eta_s": None if eta_s is None else round(eta_s, 1),
            "projects": {
                name: {
                    "index": one.index,
                    "status": one.status,
                    "agent": one.agent,
                    "agents_done": one.finished_agents,
                    "agents_total": len(one.agents),
                    "kind": one.kind,
                    "done": one.done,
                    "total": one.total,
                    **_wait(one, now),
                    "eta_s": None if (left_s := _left_s(one, now)) is None else round(left_s, 1),
                }
                for name, one in self.projects.items()
            },
        }

    def _tell(self, name: str, one: ProjectProgress, now: float) -> None:
        if self.emit is None:
            return
        for whose, left_s in ((name, _left_s(one, now)), ("", self._left_s(now))):
            if left_s is None:
                continue
            told_at, ends_at = self._told.get(whose, (float("-inf"), float("-inf")))
            differs = abs(now + left_s - ends_at) > WORTH_TELLING * max(left_s, TELL_EVERY_S)
            if differs and now - told_at >= TELL_EVERY_S:
                self._told[whose] = (now, now + left_s)
                self.emit(Estimated(project=whose, seconds=round(left_s, 1)))

    def _left_s(self, now: float) -> float | None:
        """How long the batch still takes; None before a project began, and once all have ended.

        Those that have not begun take as much longer than was expected as those that have ended did, apart
        from the time in which the platform was closed.
        """
        running, took_s, foreseen_s = [], 0.0, 0.0
        for name, one in self.projects.items():
            left_s = _left_s(one, now)
            if left_s is not None:
                running.append(left_s)
            elif one.ended_at:
                took_s += one.ended_at - one.started_at - one.closed_s
                foreseen_s += self._expected_s.get(name, PROJECT_S)
        if not self.projects or (not running and len(self.projects) >= self.total):
            return None
        factor = took_s / foreseen_s if foreseen_s else 1.0
        known = [seconds for name, seconds in self._expected_s.items() if name not in self.projects]
        missing = max(0, self.total - len(self.projects) - len(known))
        waiting = [seconds * factor for seconds in (*known, *[PROJECT_S] * missing)]
        return batch_left_s(running, waiting, self.parallel_limit)


def _update(
    one: ProjectProgress,
    event: AgentStarted | AgentFinished | Planned | Counted | Waiting | ProjectFinished,
    now: float,
) -> None:
    assert one.estimate is not None
    match event:
        case AgentStarted():
            one.agent, one.kind, one.done, one.total = event.agent, None, 0, None
            one.estimate.begin(event.agent, now)
        case AgentFinished():
            one.finished_agents += 1
            one.waits_for = one.waits_until = None
            one.estimate.end()
        case Planned():
            one.estimate.plan(event.steps, event.hours * 3600)
        case Counted():
            one.kind, one.done, one.total = event.kind, event.done, event.total
            one.waits_for = one.waits_until = None
            one.estimate.count(event.kind, event.done, event.total, now)
        case Waiting():
            one.waits_for, one.waits_until = event.limit_class, now + event.seconds
            one.estimate.wait(one.waits_until, now)
            if event.limit_class == CLOSED:
                one.closed_s += max(0.0, one.waits_until - max(now, one.closed_until))
                one.closed_until = max(one.closed_until, one.waits_until)
        case ProjectFinished():
            one.status, one.agent, one.ended_at = event.status, None, now
            one.closed_s -= max(0.0, one.closed_until - now)
            one.waits_for = one.waits_until = None


def _wait(one: ProjectProgress, now: float) -> dict[str, Any]:
    """What a project waits for, and how long; nothing as soon as that has passed."""
    if one.waits_until is None or one.waits_until <= now:
        return {"waits_for": None, "waits_s": None}
    return {"waits_for": one.waits_for, "waits_s": round(one.waits_until - now, 1)}


def _left_s(one: ProjectProgress, now: float) -> float | None:
    """How long a project still takes; None once it has ended."""
    if one.status != "in_progress" or one.estimate is None:
        return None
    return one.estimate.left_s(now, one.waits_until)
