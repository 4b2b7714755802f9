"""Limits as data: the classes of requests, their windows, and what an answer says of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


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
    # What imports would have spent of the content budgets: only counted, as long as they are no content.
    IMPORT_MINUTE = "import_minute"
    IMPORT_HOUR = "import_hour"


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
IMPORT_COSTS: Costs = {
    **WRITE_COSTS,
    LimitClass.IMPORT_MINUTE: 1,
    LimitClass.IMPORT_HOUR: 1,
}
# Where imports are created content, they draw on the budgets on the right.
CONTENT_OF: Final[Mapping[LimitClass, LimitClass]] = {
    LimitClass.IMPORT_MINUTE: LimitClass.CONTENT_MINUTE,
    LimitClass.IMPORT_HOUR: LimitClass.CONTENT_HOUR,
}
GITLAB_COSTS: Costs = {LimitClass.GITLAB_REQUESTS: 1}


def as_content(costs: Costs) -> dict[LimitClass, int]:
    """The costs where imports are created content."""
    found: dict[LimitClass, int] = {}
    for name, units in costs.items():
        budget = CONTENT_OF.get(name, name)
        found[budget] = found.get(budget, 0) + units
    return found
