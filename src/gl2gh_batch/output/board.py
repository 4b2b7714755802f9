"""What a view of a running batch knows: fed by events, asked by whoever draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
    BatchFinished,
    BatchStarted,
    Counted,
    Estimated,
    Event,
    Noticed,
    Planned,
    ProjectFinished,
    ProjectStarted,
    Waiting,
    WindowClosed,
)

# The other price is told when it is longer by more than this.
WORTH_SAYING: Final = 1.1


@dataclass(slots=True)
class Row:
    """One project: where it is, how far, and what it waits for (until: seconds of the given clock).

    `states` says of each agent that began whether it is `running`, or how it ended.
    """

    project: str
    index: int
    agents: tuple[str, ...] = ()
    finished: int = 0
    agent: str = ""
    kind: str = ""
    done: int = 0
    total: int | None = None
    waits_for: str = ""
    waits_until: float = 0.0
    ends_at: float | None = None
    status: str = ""
    error: str = ""
    states: dict[str, str] = field(default_factory=dict)

    @property
    def progress(self) -> float:
        """The share that is done, from 0 to 1, each agent counted alike."""
        if self.status:
            return 1.0
        inner = min(self.done / self.total, 1.0) if self.total else 0.0
        return (self.finished + inner) / len(self.agents) if self.agents else 0.0

    @property
    def counts(self) -> str:
        """`issues 12/80`, or `issues 12` while nobody knows how many there are."""
        if not self.kind:
            return ""
        return f"{self.kind} {self.done:,}" + (f"/{self.total:,}" if self.total is not None else "")

    def waiting(self, now: float) -> str:
        """`waits for content_minute, 12 s`; empty when it does not wait."""
        left = self.waits_until - now
        return f"waits for {self.waits_for}, {duration(left)}" if self.waits_for and left > 0 else ""

    def left(self, now: float) -> str:
        """`about 12 min left`; empty while there is nothing to judge by."""
        return "" if self.status else left(self.ends_at, now)


@dataclass(slots=True)
class Board:
    """The state of a batch; it is expected to end at `ends_at`."""

    batch_id: str = ""
    mode: str = ""
    total: int = 0
    status: str = ""
    closed_reason: str = ""
    closed_until: float = 0.0
    ends_at: float | None = None
    rows: dict[str, Row] = field(default_factory=dict)
    notices: list[tuple[str, str, str]] = field(default_factory=list)

    def hear(self, event: Event, now: float) -> None:
        """Take one event in; `now` in seconds of any clock that only grows."""
        match event:
            case BatchStarted():
                self.batch_id, self.mode, self.total = event.batch_id, event.mode, event.total_projects
            case ProjectStarted():
                self.rows[event.project] = Row(project=event.project, index=event.index, agents=event.agents)
            case BatchFinished():
                self.status = event.status
            case WindowClosed():
                self.closed_reason, self.closed_until = event.reason, now + event.seconds
            case Estimated(project="", seconds=seconds):
                self.ends_at = now + seconds
            case Estimated(project=project, seconds=seconds):
                if (row := self.rows.get(project)) is not None:
                    row.ends_at = now + seconds
            case Planned():
                pass  # it is in the estimates
            case Noticed():
                self.notices.append((event.project, event.level, event.message))
            case AgentStarted() | AgentFinished() | Counted() | Waiting() | ProjectFinished():
                if (row := self.rows.get(event.project)) is not None:
                    _update(row, event, now)

    def ended(self) -> int:
        """How many projects ended."""
        return sum(bool(row.status) for row in self.rows.values())


def _update(
    row: Row, event: AgentStarted | AgentFinished | Counted | Waiting | ProjectFinished, now: float
) -> None:
    row.waits_for = ""
    match event:
        case AgentStarted():
            row.agent, row.kind, row.done, row.total = event.agent, "", 0, None
            row.states[event.agent] = "running"
        case AgentFinished():
            row.finished += 1
            row.states[event.agent] = event.status
            row.kind, row.done, row.total = "", 0, None
        case Counted():
            row.kind, row.done, row.total = event.kind, event.done, event.total
        case Waiting():
            row.waits_for, row.waits_until = event.limit_class, now + event.seconds
        case ProjectFinished():
            row.status, row.error = event.status, event.error


def duration(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h 5 min`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def left(ends_at: float | None, now: float) -> str:
    """`about 12 min left`; empty when nothing is known, or it should be over."""
    return f"about {duration(ends_at - now)} left" if ends_at is not None and ends_at > now else ""


def if_content(price: Mapping[str, Any]) -> str:
    """The other price, where it is not known how GitHub counts imports and that makes a difference."""
    hours = float(price.get("hours", 0.0))
    strict = float(price.get("hours_if_imports_are_content", 0.0))
    if price.get("imports_are_content") or strict <= hours * WORTH_SAYING:
        return ""
    return f"about {duration(strict * 3600)} if GitHub counts imports as created content"
