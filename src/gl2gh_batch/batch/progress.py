"""Live counts of a batch, kept by listening to its events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
    BatchStarted,
    Counted,
    Event,
    ProjectFinished,
    ProjectStarted,
    Waiting,
)
from gl2gh_batch.domain.ports import Clock


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


@dataclass(slots=True)
class Progress:
    """What `get_progress()` answers from."""

    clock: Clock
    total: int = 0
    projects: dict[str, ProjectProgress] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Take one event in."""
        match event:
            case BatchStarted():
                self.total = event.total_projects
                self.projects.clear()
            case ProjectStarted():
                self.projects[event.project] = ProjectProgress(
                    index=event.index, agents=event.agents, started_at=self.clock.monotonic()
                )
            case AgentStarted():
                if (one := self.projects.get(event.project)) is not None:
                    one.agent, one.kind, one.done, one.total = event.agent, None, 0, None
            case AgentFinished():
                if (one := self.projects.get(event.project)) is not None:
                    one.finished_agents += 1
                    one.waits_for = one.waits_until = None
            case Counted():
                if (one := self.projects.get(event.project)) is not None:
                    one.kind, one.done, one.total = event.kind, event.done, event.total
                    one.waits_for = one.waits_until = None
            case Waiting():
                if (one := self.projects.get(event.project)) is not None:
                    one.waits_for = event.limit_class
                    one.waits_until = self.clock.monotonic() + event.seconds
            case ProjectFinished():
                if (one := self.projects.get(event.project)) is not None:
                    one.status, one.agent = event.status, None
                    one.waits_for = one.waits_until = None
            case _:
                pass

    def snapshot(self) -> dict[str, Any]:
        """Counts by status, and for each project where it is, what it waits for, and its ETA in seconds."""
        now = self.clock.monotonic()
        by_status: dict[str, int] = {}
        for one in self.projects.values():
            by_status[one.status] = by_status.get(one.status, 0) + 1
        finished = sum(count for status, count in by_status.items() if status != "in_progress")
        return {
            "total_projects": self.total,
            "finished": finished,
            "in_progress": by_status.get("in_progress", 0),
            "not_started": max(0, self.total - len(self.projects)),
            "by_status": by_status,
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
                    "waits_for": one.waits_for,
                    "waits_s": None if one.waits_until is None else round(max(0.0, one.waits_until - now), 1),
                    "eta_s": _eta(one, now),
                }
                for name, one in self.projects.items()
            },
        }


def _eta(one: ProjectProgress, now: float) -> float | None:
    """Seconds left at the pace so far; None while there is nothing to judge by."""
    if one.status != "in_progress" or not one.agents:
        return None
    share = one.finished_agents / len(one.agents)
    if one.total:
        share += min(one.done / one.total, 1.0) / len(one.agents)
    if share <= 0:
        return None
    return round((now - one.started_at) * (1 - share) / share, 1)
