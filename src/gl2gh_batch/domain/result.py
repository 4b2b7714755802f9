"""The outcome of a project and of a batch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class ProjectStatus(StrEnum):
    """How a project ended."""

    SUCCESS = "success"
    FAILED = "failed"
    INCOMPLETE = "incomplete"
    NOT_STARTED = "not_started"


class BatchStatus(StrEnum):
    """How a batch ended."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"


class StoppedBy(StrEnum):
    """What ended a run before its end."""

    DEADLINE = "deadline"
    SIGNAL = "signal"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a project failed, for people and for programs."""

    reason: str
    message: str
    hint: str = ""
    item: str = ""
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentResult:
    """What one agent did; `status` is `done`, `passed-over`, `failed` or `not-started`."""

    status: str
    started_at: str | None = None
    finished_at: str | None = None
    summary: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectResult:
    """The outcome of one project."""

    project_id: int | str
    status: ProjectStatus
    source: str = ""
    target: str = ""
    started_at: str | None = None
    finished_at: str | None = None
    agents: Mapping[str, AgentResult] = field(default_factory=dict)
    findings: tuple[Mapping[str, str], ...] = ()
    losses: int = 0
    error: Failure | None = None


class DifferenceSort(StrEnum):
    """In which way the target differs from what was desired."""

    MISSING = "missing"
    CHANGED = "changed"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference between what was desired and what was seen, down to the field."""

    kind: str
    item: str
    sort: DifferenceSort
    field: str = ""
    expected: str = ""
    seen: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindVerification:
    """How many items of a kind were expected and seen, and how many differ; the digest of what was seen."""

    expected: int
    seen: int
    differences: int
    seen_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What verify found; `differences` holds the first ones, `verify.ndjson` all of them.

    `repository_id` is that of the repository which was looked at.
    """

    repo: str
    plan_digest: str
    verified_at: str
    tool_version: str
    phase: str
    kinds: Mapping[str, KindVerification]
    total_differences: int
    differences: tuple[Difference, ...] = ()
    repository_id: int | None = None


def batch_status(statuses: Iterable[ProjectStatus]) -> BatchStatus:
    """The status of a batch from those of its projects; an empty batch is a success."""
    seen = set(statuses)
    if seen <= {ProjectStatus.SUCCESS}:
        return BatchStatus.SUCCESS
    if seen == {ProjectStatus.FAILED}:
        return BatchStatus.FAILED
    return BatchStatus.PARTIAL_SUCCESS
