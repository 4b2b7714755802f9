"""Limits as data: the classes of requests, their windows, and what an answer says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class LimitClass(StrEnum):
    """One budget that a request may draw on."""

    PRIMARY = "primary"
    POINTS = "points"
    CONTENT_MINUTE = "content_minute"
    CONTENT_HOUR = "content_hour"
    SEARCH = "search"
    CONCURRENCY = "concurrency"
    GITLAB_REQUESTS = "gitlab_requests"
    GITLAB_EXPORTS = "gitlab_exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `limit` units in any `window_s` seconds; without a window, at most `limit` at once."""

    limit: int
    window_s: float | None = None


Limits = Mapping[LimitClass, Limit]
Costs = Mapping[LimitClass, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitReport:
    """What one answer said of the limits; durations are seconds from the moment of the answer.

    `refused` names why the request was not carried out: `primary`, `secondary`, or None when it was.
    Absent headers stay None: GitHub Enterprise Server without limits sends none.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_in_s: float | None = None
    retry_after_s: float | None = None
    refused: str | None = None


READ_COSTS: Costs = {LimitClass.PRIMARY: 1, LimitClass.POINTS: 1, LimitClass.CONCURRENCY: 1}
WRITE_COSTS: Costs = {LimitClass.PRIMARY: 1, LimitClass.POINTS: 5, LimitClass.CONCURRENCY: 1}
CONTENT_COSTS: Costs = {
    **WRITE_COSTS,
    LimitClass.CONTENT_MINUTE: 1,
    LimitClass.CONTENT_HOUR: 1,
}
GITLAB_COSTS: Costs = {LimitClass.GITLAB_REQUESTS: 1}
