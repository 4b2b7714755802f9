"""Rate limits as the platforms keep them: profiles as data, exact windows, the strictest reading.

Windows slide, and a refused request counts too; only the primary limit is a fixed window, which its
`x-ratelimit-reset` ends (github/docs: rate-limits-for-the-rest-api).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gl2gh_batch.sandbox.credentials import ANONYMOUS
from gl2gh_batch.sandbox.rules import Rules

# The classes, in the order in which a violation is told.
CLASSES: Final = (
    "concurrency",
    "primary",
    "search",
    "points",
    "content_minute",
    "content_hour",
    "gitlab_requests",
    "gitlab_exports",
)
CONCURRENCY: Final = "concurrency"
FIXED_WINDOW: Final = "primary"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """At most `limit` in `window_s` seconds; no window means: at once."""

    limit: float
    window_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The limits of one kind of target."""

    limits: Mapping[str, Limit]
    imports_are_content: bool = False


_GITHUB_COM: Final[Mapping[str, Limit]] = {
    "primary": Limit(limit=5000, window_s=3600),
    "points": Limit(limit=900, window_s=60),
    "content_minute": Limit(limit=80, window_s=60),
    "content_hour": Limit(limit=500, window_s=3600),
    "search": Limit(limit=30, window_s=60),
    "concurrency": Limit(limit=100),
    "gitlab_requests": Limit(limit=2000, window_s=60),
    "gitlab_exports": Limit(limit=6, window_s=60),
}

PROFILES: Final[Mapping[str, Profile]] = {
    # Imports notify nobody, and so are not content creation (GitHub support, gavinr/github-csv-tools#3).
    "github.com": Profile(limits=_GITHUB_COM),
    # The other statement: imports are "affected by regular API rate limits and abuse rate limits" (the gist).
    "github.com-strict": Profile(limits=_GITHUB_COM, imports_are_content=True),
    # On GitHub Enterprise Server they are off unless an administrator turns them on: no headers at all.
    "ghes": Profile(limits={}),
    # For measuring everything but waiting; the headers are there, with a number that nobody reaches.
    "unlimited": Profile(limits={"primary": Limit(limit=1_000_000_000, window_s=3600)}),
}


def parse_limits(document: Mapping[str, Any]) -> dict[str, Limit]:
    """The limits of a limits file `{class: {"limit", "window_s"}}`; ValueError names what is wrong."""
    limits: dict[str, Limit] = {}
    for name, entry in document.items():
        if name not in CLASSES:
            raise ValueError(f"unknown limit class {name!r}; the classes are {', '.join(sorted(CLASSES))}")
        if not isinstance(entry, Mapping) or not isinstance(entry.get("limit"), int | float):
            raise ValueError(f'limit class {name!r} needs a number "limit"')  # noqa: TRY004 - one error for a bad file
        window = entry.get("window_s")
        if name != CONCURRENCY and not (isinstance(window, int | float) and window > 0):
            raise ValueError(f'limit class {name!r} needs a positive number "window_s"')
        limits[name] = Limit(limit=entry["limit"], window_s=None if name == CONCURRENCY else window)
    return limits


@dataclass(slots=True)
class _Sliding:
    """What was booked in the last `window_s` seconds, refused bookings included."""

    limit: Limit
    booked: deque[tuple[float, int]] = field(default_factory=deque)
    total: int = 0

    def expire(self, now: float) -> None:
        window_s = self.limit.window_s or 0.0
        while self.booked and self.booked[0][0] <= now - window_s:
            self.total -= self.booked.popleft()[1]

    def book(self, weight: int, now: float) -> float | None:
        """Book `weight`; None when that was allowed, else the seconds until it would be."""
        self.expire(now)
        self.booked.append((now, weight))
        self.total += weight
        if self.total <= self.limit.limit:
            return None
        excess = self.total + weight - self.limit.limit
        for moment, amount in self.booked:
            excess -= amount
            if excess <= 0:
                return moment + (self.limit.window_s or 0.0) - now
        return self.limit.window_s or 0.0


@dataclass(slots=True)
class _Fixed:
    """A window that begins with its first request."""

    limit: Limit
    used: int = 0
    ends_at: float = -math.inf

    def open_at(self, now: float) -> None:
        if now >= self.ends_at:
            self.used, self.ends_at = 0, now + (self.limit.window_s or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A class that is used up, and the seconds until it is not."""

    limit_class: str
    retry_after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the headers of an answer say about one window; `ends_at` is monotonic."""

    limit: int
    used: int
    ends_at: float

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)


class Limiter:
    """The books of one side of the sandbox, by account and class."""

    def __init__(self, profile: Profile, overrides: Mapping[str, Limit], rules: Rules) -> None:
        self.profile = profile
        self._rules = rules
        self._limits: dict[str, Limit] = {}
        self._sliding: dict[tuple[str, str], _Sliding] = {}
        self._fixed: dict[tuple[str, str], _Fixed] = {}
        self._in_flight: dict[str, int] = {}
        self.set_overrides(overrides)

    def set_overrides(self, overrides: Mapping[str, Limit]) -> None:
        """Keep the profile's limits with `overrides` in their place, from empty books."""
        self._limits = {**self.profile.limits, **overrides}
        self._sliding.clear()
        self._fixed.clear()

    @property
    def limits(self) -> Mapping[str, Limit]:
        """The limits that are kept, by class."""
        return self._limits

    @property
    def has_headers(self) -> bool:
        """Whether answers tell the state of the primary limit."""
        return FIXED_WINDOW in self._limits

    def enter(self, account: str) -> None:
        """Count one more request in flight."""
        self._in_flight[account] = self._in_flight.get(account, 0) + 1

    def leave(self, account: str) -> None:
        """Count one request in flight less."""
        self._in_flight[account] -= 1

    def book(self, account: str, resource: str, bookings: Mapping[str, int], now: float) -> Refusal | None:
        """Book a request in all its classes at once; the first class that is used up, if any.

        `resource` is the primary bucket that the request draws on (`core`, `graphql`).
        """
        refusal: Refusal | None = None
        for name in CLASSES:
            if name not in bookings:
                continue
            wait_s = self._book_one(account, resource, name, bookings[name], now)
            if wait_s is not None and refusal is None:
                refusal = Refusal(limit_class=name, retry_after_s=wait_s)
        return refusal

    def _book_one(self, account: str, resource: str, name: str, weight: int, now: float) -> float | None:
        limit = self._limits.get(name)
        if limit is None or not self._rules.holds(name):
            return None
        if name == CONCURRENCY:
            return 1.0 if self._in_flight.get(account, 0) > limit.limit else None
        if name == FIXED_WINDOW:
            window = self._window(account, resource, limit)
            window.open_at(now)
            if window.used + weight > window.limit.limit:
                return window.ends_at - now
            window.used += weight
            return None
        sliding = self._sliding.setdefault((account, name), _Sliding(limit))
        return sliding.book(weight, now)

    def _window(self, account: str, resource: str, limit: Limit) -> _Fixed:
        # Whatever the profile says.
        if account == ANONYMOUS:
            limit = Limit(limit=min(limit.limit, self._rules.most("anonymous")), window_s=limit.window_s)
        return self._fixed.setdefault((account, resource), _Fixed(limit))

    def refund(self, account: str, resource: str) -> None:
        """Take back one primary request: an answer 304 costs none."""
        if (window := self._fixed.get((account, resource))) is not None and window.used:
            window.used -= 1

    def standing(self, account: str, name: str, resource: str, now: float) -> Standing | None:
        """What the headers say about a class for an account; None where it has no limit."""
        limit = self._limits.get(name)
        if limit is None:
            return None
        if name == FIXED_WINDOW:
            window = self._window(account, resource, limit)
            window.open_at(now)
            return Standing(limit=int(window.limit.limit), used=window.used, ends_at=window.ends_at)
        sliding = self._sliding.setdefault((account, name), _Sliding(limit))
        sliding.expire(now)
        ends_at = (sliding.booked[0][0] if sliding.booked else now) + (limit.window_s or 0.0)
        return Standing(limit=int(limit.limit), used=sliding.total, ends_at=ends_at)
