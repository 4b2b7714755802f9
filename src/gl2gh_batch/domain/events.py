"""What happens during a batch, as values; the batch stamps the time and fans them out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStarted:
    """A batch begins."""

    batch_id: str
    mode: str
    total_projects: int
    parallel_limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectStarted:
    """One project begins."""

    project: str
    index: int
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStarted:
    """An agent begins its work on a project."""

    project: str
    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFinished:
    """An agent ended; `status` is `done`, `passed-over` or `failed`, `summary` one line for people."""

    project: str
    agent: str
    status: str
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How far an agent is with a kind; `total` None when it is not known."""

    project: str
    agent: str
    kind: str
    done: int
    total: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The plan of a project is known: how many steps it has, and how long they take at the least."""

    project: str
    steps: int
    hours: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """A project is expected to end in so many `seconds` from now; with an empty `project`, the batch."""

    project: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A request waits for a budget; `seconds` from now until it is expected to go."""

    project: str
    credential: str
    limit_class: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowClosed:
    """The platform refused: nothing is sent with this credential for `seconds`."""

    credential: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Something that a reader should know; `level` is `notice`, `warning` or `error`."""

    project: str
    level: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFinished:
    """One project ended."""

    project: str
    index: int
    status: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinished:
    """The batch ended."""

    batch_id: str
    status: str


Event = (
    BatchStarted
    | ProjectStarted
    | AgentStarted
    | AgentFinished
    | Counted
    | Planned
    | Estimated
    | Waiting
    | WindowClosed
    | Noticed
    | ProjectFinished
    | BatchFinished
)
