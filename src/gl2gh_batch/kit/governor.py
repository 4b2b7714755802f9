"""Who grants requests, for one credential.

The rules are in `windows` for one process alone, and in `rate_file` for several that share a file.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from gl2gh_batch.domain.errors import AuthenticationError, ConfigurationError, RateLimitedError, StoppedError
from gl2gh_batch.domain.events import Waiting, WindowClosed
from gl2gh_batch.domain.limits import (
    CONTENT_COSTS,
    IMPORT_COSTS,
    READ_COSTS,
    WRITE_COSTS,
    Costs,
    LimitClass,
    LimitReport,
    Limits,
    as_content,
)
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.kit.budgets import DEFAULT_MARGIN_S, Blocked, Use
from gl2gh_batch.kit.windows import Decision, Windows

# "wait at least one minute … exponentially increasing" (GitHub docs, rate-limits-for-the-rest-api)
# A refused credential is not tried again before so long: no storm of requests with a dead token.
REVOKED_FOR_S: Final = 60.0
SECONDARY_FIRST_S: Final = 60.0
SECONDARY_MOST_S: Final = 960.0
# No platform closes for longer; what a broken server says would stay in the rate-limit file for years.
MOST_CLOSED_S: Final = 86400.0
DEFAULT_PATIENCE_S: Final = 2 * 3600.0
WORTH_TELLING_S: Final = 1.0
# A reset that has come is told in whole seconds, and so may have a part of one to go; where the platform goes
# on refusing after the time that it told, this doubles each time.
LEAST_CLOSED_S: Final = 1.0
# After such a closing one request at a time looks whether it is over; a slow one holds up the others so long.
LOOKED_FOR_S: Final = 1.0
CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """What a project waits for; `until` in seconds of the clock, None until an answer comes."""

    limit_class: str
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GovernorSnapshot:
    """Counters of one credential: requests granted and units by class, waits, refusals, who waits now."""

    credential: str
    requests: int
    units: Mapping[LimitClass, int]
    in_flight: int
    waiting: int
    waited_s: Mapping[str, float]
    refusals: Mapping[str, int]
    closed_for_s: float
    imports_are_content: bool
    margin_s: float
    waits: Mapping[str, Wait]


class Tickets(Protocol):
    """Where tickets wait: `Windows`, or the windows of a shared file. Times are seconds of the clock."""

    margin_s: float
    # Until then nothing is granted while a request of ours is under way: who knows whether it is open again.
    one_by_one_until: float

    @property
    def imports_are_content(self) -> bool: ...
    @property
    def limits(self) -> Limits: ...
    @property
    def longest_told_s(self) -> float: ...
    @property
    def closed_until(self) -> float: ...
    @property
    def in_flight(self) -> int: ...
    def listen(self, changed: Callable[[], None]) -> None: ...
    def count_imports_as_content(self) -> None: ...
    def add_limits(self, limits: Limits) -> None: ...
    def impossible(self, costs: Costs) -> LimitClass | None: ...
    def ask(self, costs: Costs) -> int: ...
    def withdraw(self, ticket: int) -> None: ...
    def finish(self, ticket: int, now: float) -> None: ...
    def close(self, until: float) -> None: ...
    def hear(
        self, limit: int | None, remaining: int | None, reset_in_s: float | None, now: float
    ) -> None: ...
    def use(self, now: float) -> Mapping[LimitClass, Use]: ...
    def decide(self, now: float) -> Decision: ...


class GrantedPermit:
    """One granted request; the limits that its answer tells are reported through it."""

    def __init__(self, governor: RequestGovernor, number: int, costs: Costs) -> None:
        self._governor = governor
        self._number = number
        self._costs = costs

    def report(self, report: LimitReport) -> None:
        """Learn from the answer; call it inside the context of the request."""
        self._governor.learn(report, number=self._number, costs=self._costs)


@dataclass(slots=True, kw_only=True)
class _Waiter:
    future: asyncio.Future[None]
    costs: Costs
    who: str
    since: float


@dataclass(slots=True, kw_only=True)
class _Counts:
    requests: int = 0
    units: Counter[LimitClass] = field(default_factory=Counter)
    waited_s: dict[str, float] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)


class RequestGovernor:
    """Grants the requests of one credential, first come first served within each budget.

    Waiting costs a future and no thread. A refusal by the platform closes the credential for all who
    use it, at once. `patience_s` bounds a closing: a longer one ends the waits with `RateLimitedError`.
    `limits_when_told` are added to `limits` when the first answer speaks of a limit: an instance of one's
    own has none until its administrator turns them on, and then it says so. With `told_raises` the limit of
    `told_class` is what the answers say, also where that is more. `windows` are those of a rate-limit file
    (then `limits`, `told_class`, `told_raises`, `margin_s` and `imports_are_content` were given there);
    without, this process counts alone. `imports_are_content` says from the start what else a refusal
    teaches. All methods belong to the thread of the event loop.
    """

    def __init__(
        self,
        *,
        credential: str,
        limits: Limits | None = None,
        clock: Clock,
        emit: Emit | None = None,
        told_class: LimitClass = LimitClass.PRIMARY,
        told_raises: bool = False,
        margin_s: float = DEFAULT_MARGIN_S,
        patience_s: float = DEFAULT_PATIENCE_S,
        limits_when_told: Limits | None = None,
        windows: Tickets | None = None,
        imports_are_content: bool = False,
    ) -> None:
        self.credential = credential
        self._clock = clock
        self._emit: Emit = emit or _silent
        self._patience_s = patience_s
        if windows is None:
            windows = Windows(limits or {}, margin_s=margin_s, told_class=told_class, told_raises=told_raises)
            if imports_are_content:
                windows.count_imports_as_content()
        self._windows: Tickets = windows
        self._windows.listen(self._pump)
        self._limits_when_told = limits_when_told
        self._waiters: dict[int, _Waiter] = {}
        self._who_waits: dict[frozenset[tuple[LimitClass, int]], Counter[str]] = {}
        self._merged = False  # whether those who wait with an import are known as waiting with content
        self._waits: dict[str, Wait] = {}
        self._told: dict[tuple[str, str], float] = {}
        self._counts = _Counts()
        self._last_grant = 0
        self._strikes = 0
        self._last_struck = 0  # the last grant before the latest strike
        self._struck: Costs = {}  # what was refused: a read that goes through says nothing of content
        self._stopped: str | None = None
        self._revoked: AuthenticationError | None = None
        self._revoked_until = 0.0
        self._timer: asyncio.Task[None] | None = None
        self._timer_at = float("inf")
        self._writers: dict[str, tuple[asyncio.Lock, int]] = {}

    @property
    def limits(self) -> Limits:
        """The limits that are kept now."""
        return self._windows.limits

    @property
    def imports_are_content(self) -> bool:
        """Whether imports are paced as created content."""
        return self._windows.imports_are_content

    @asynccontextmanager
    async def request(self, costs: Costs, *, who: str = "") -> AsyncIterator[GrantedPermit]:
        """Wait for room in every class of `costs`; the request is sent inside the context.

        Raises `StoppedError` once stopped, `RateLimitedError` when the platform closed for longer than
        our patience, `ConfigurationError` for costs that no wait could ever satisfy.
        """
        ticket = await self._acquire(costs, who)
        try:
            self.check_credential()  # it may have been refused between the grant and this moment
            self._last_grant += 1
            yield GrantedPermit(self, self._last_grant, costs)
        finally:
            self._windows.finish(ticket, self._clock.monotonic())
            self._pump()

    @asynccontextmanager
    async def writer(self, repo_key: str) -> AsyncIterator[None]:
        """Be the only writer of one repository, among all who use this governor."""
        lock, users = self._writers.get(repo_key, (asyncio.Lock(), 0))
        self._writers[repo_key] = (lock, users + 1)
        try:
            async with lock:
                if self._stopped is not None:
                    raise StoppedError(self._stopped)
                yield
        finally:
            lock, users = self._writers[repo_key]
            if users == 1:
                del self._writers[repo_key]
            else:
                self._writers[repo_key] = (lock, users - 1)

    def costs_for(self, pace: Pace) -> Costs:
        """The budgets that a request of that pace draws on, as far as the platform has shown."""
        match pace:
            case Pace.READ:
                return READ_COSTS
            case Pace.WRITE:
                return WRITE_COSTS
            case Pace.CONTENT:
                return CONTENT_COSTS
            case Pace.IMPORT:
                return CONTENT_COSTS if self.imports_are_content else IMPORT_COSTS

    def refused(self, pace: Pace, report: LimitReport) -> None:
        """A request of that pace was refused: after a secondary refusal imports are paced as content.

        Those that wait and those that were sent before are content then, too: no more are refused than are
        under way.
        """
        if pace is Pace.IMPORT and report.refused == "secondary" and not self.imports_are_content:
            self._windows.count_imports_as_content()
            self._pump()

    def learn(self, report: LimitReport, *, number: int, costs: Costs) -> None:
        """Learn from the answer to the grant of that number, which drew on so much."""
        now = self._clock.monotonic()
        if report.limit is not None and self._limits_when_told is not None:
            self._windows.add_limits(self._limits_when_told)
            self._limits_when_told = None
        self._windows.hear(report.limit, report.remaining, report.reset_in_s, now)
        # Requests that were already under way when the window closed are the same offence.
        is_new = number > self._last_struck
        if report.refused is None:
            known = as_content(costs)
            if is_new and all(known.get(name, 0) >= units for name, units in self._struck.items()):
                self._strikes, self._struck = 0, {}
                self._windows.one_by_one_until = 0.0
            return
        if is_new:
            self._strikes += 1
            self._last_struck, self._struck = self._last_grant, as_content(costs)
        self._counts.refusals[report.refused] += 1
        if report.retry_after_s is not None:
            seconds = report.retry_after_s
        elif report.reset_in_s is not None and (report.refused == "primary" or report.remaining == 0):
            seconds = min(report.reset_in_s, self._windows.longest_told_s)
        else:
            seconds = self._growing_s(SECONDARY_FIRST_S)
        least_s = self._growing_s(LEAST_CLOSED_S)
        is_guess = seconds < least_s
        seconds = min(max(seconds, least_s), MOST_CLOSED_S)
        self._windows.one_by_one_until = now + seconds + LOOKED_FOR_S if is_guess else 0.0
        self.close(seconds, reason=report.refused)

    def _growing_s(self, first_s: float) -> float:
        return min(first_s * float(2 ** min(max(0, self._strikes - 1), 32)), SECONDARY_MOST_S)

    def close(self, seconds: float, *, reason: str) -> None:
        """Grant nothing for so many seconds, to anybody who uses this credential."""
        now = self._clock.monotonic()
        until = now + seconds + self._windows.margin_s
        if until > self._windows.closed_until + WORTH_TELLING_S:
            self._emit(WindowClosed(credential=self.credential, reason=reason, seconds=seconds))
        self._windows.close(until)
        self._pump()

    def stop(self, message: str = "the run was stopped") -> None:
        """Grant nothing any more: who waits, and who asks later, gets `StoppedError`."""
        self._stopped = message
        self._fail_waiters(StoppedError(message))
        self._pump()

    def revoke(self, message: str, hint: str) -> None:
        """The platform refused the credential: grant nothing for a while, and then see whether it still does.

        Who waits, and who asks meanwhile, gets `AuthenticationError`.
        """
        self._revoked = AuthenticationError(message, hint=hint)
        self._revoked_until = self._clock.monotonic() + REVOKED_FOR_S
        self._fail_waiters(self._revoked)
        self._pump()

    def check_open(self) -> None:
        """Raise `StoppedError` once stopped, and whatever else forbids any request; git has to ask here."""
        if self._stopped is not None:
            raise StoppedError(self._stopped)
        self.check_credential()

    def check_credential(self) -> None:
        """Raise `AuthenticationError` while the credential is known to be refused."""
        if self._revoked is not None and self._clock.monotonic() < self._revoked_until:
            raise AuthenticationError(self._revoked.message, hint=self._revoked.hint)

    def snapshot(self) -> GovernorSnapshot:
        """What was granted so far, and who waits for what."""
        now = self._clock.monotonic()
        return GovernorSnapshot(
            credential=self.credential,
            requests=self._counts.requests,
            units=dict(self._counts.units),
            in_flight=self._windows.in_flight,
            waiting=len(self._waiters),
            waited_s=dict(self._counts.waited_s),
            refusals=dict(self._counts.refusals),
            closed_for_s=max(0.0, self._windows.closed_until - now),
            imports_are_content=self.imports_are_content,
            margin_s=self._windows.margin_s,
            waits=dict(self._waits),
        )

    def use(self) -> Mapping[LimitClass, Use]:
        """What is taken now of each budget that has a limit."""
        return self._windows.use(self._clock.monotonic())

    async def _acquire(self, costs: Costs, who: str) -> int:
        self._check(costs)
        now = self._clock.monotonic()
        ticket = self._windows.ask(costs)
        waiter = _Waiter(future=asyncio.get_running_loop().create_future(), costs=costs, who=who, since=now)
        self._waiters[ticket] = waiter
        self._who_waits.setdefault(self._key(costs), Counter())[who] += 1
        self._pump()
        try:
            await waiter.future
        except BaseException:
            self._forget(ticket)
            self._windows.withdraw(ticket)
            self._pump()
            raise
        return ticket

    def _check(self, costs: Costs) -> None:
        self.check_open()
        impossible = self._windows.impossible(costs)
        if impossible is not None:
            raise ConfigurationError(
                f"a request needs {costs[impossible]} units of {impossible}, more than the whole limit",
                field="limits",
                hint=f"Raise the limit of {impossible}.",
            )
        closed_for = self._windows.closed_until - self._clock.monotonic()
        if closed_for > self._patience_s:
            raise self._too_long(closed_for)

    def _too_long(self, seconds: float) -> RateLimitedError:
        return RateLimitedError(
            f"{self.credential} may send nothing for the next {seconds / 3600:.1f} hours",
            hint="Run again later with the same work directory; what was done is kept.",
        )

    def _pump(self) -> None:
        """Grant what can be granted, tell who waits, and set the timer for the next look."""
        now = self._clock.monotonic()
        if self._windows.imports_are_content and not self._merged:
            self._merged = True
            self._who_waits.clear()
            for waiting in self._waiters.values():
                self._who_waits.setdefault(self._key(waiting.costs), Counter())[waiting.who] += 1
        decision = self._windows.decide(now)
        closed_for = self._windows.closed_until - now
        if closed_for > self._patience_s:
            self._fail_waiters(self._too_long(closed_for))
        for ticket in decision.granted:
            waiter = self._forget(ticket)
            if waiter is None or waiter.future.done():
                continue  # given up in this very moment: its task gives the grant back
            self._counts.requests += 1
            self._counts.units.update(waiter.costs)
            waits = self._waits.get(waiter.who)
            if waits is not None and now > waiter.since:
                name = waits.limit_class
                self._counts.waited_s[name] = self._counts.waited_s.get(name, 0.0) + now - waiter.since
            waiter.future.set_result(None)
        self._tell(decision.blocked, now)
        self._set_timer(decision.look_again_at, now)

    def _key(self, costs: Costs) -> frozenset[tuple[LimitClass, int]]:
        """What waiters of the same costs have in common."""
        known = as_content(costs) if self._merged else costs
        return frozenset((name, units) for name, units in known.items() if units > 0)

    def _forget(self, ticket: int) -> _Waiter | None:
        waiter = self._waiters.pop(ticket, None)
        if waiter is not None:
            key = self._key(waiter.costs)
            counter = self._who_waits[key]
            counter[waiter.who] -= 1
            if counter[waiter.who] <= 0:
                del counter[waiter.who]
            if not counter:
                del self._who_waits[key]
        return waiter

    def _tell(self, blocked: Iterable[Blocked], now: float) -> None:
        """Tell each project what it waits for; again only when that changed by a second or more."""
        waits: dict[str, Wait] = {}
        told: dict[tuple[str, str], float] = {}
        for one in blocked:
            name = CLOSED if one.limit_class is None else str(one.limit_class)
            for who in self._who_waits.get(self._key(one.costs), ()):
                known = waits.get(who)
                if known is None or (one.until or 0.0) > (known.until or 0.0):
                    waits[who] = Wait(limit_class=name, until=one.until)
                if one.until is None or one.until - now <= WORTH_TELLING_S:
                    continue
                before = self._told.get((who, name), 0.0)
                told[who, name] = before
                if abs(before - one.until) > WORTH_TELLING_S:
                    told[who, name] = one.until
                    self._emit(
                        Waiting(
                            project=who,
                            credential=self.credential,
                            limit_class=name,
                            seconds=one.until - now,
                        )
                    )
        self._waits = waits
        self._told = told

    def _set_timer(self, at: float | None, now: float) -> None:
        if at is None:
            self._cancel_timer()
        elif self._timer is None or at != self._timer_at:
            self._cancel_timer()
            self._timer_at = at
            self._timer = asyncio.get_running_loop().create_task(self._wake_after(at - now))

    async def _wake_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._timer = None
        self._timer_at = float("inf")
        self._pump()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._timer_at = float("inf")

    def _fail_waiters(self, error: StoppedError | RateLimitedError | AuthenticationError) -> None:
        for waiter in list(self._waiters.values()):
            if not waiter.future.done():
                waiter.future.set_exception(type(error)(error.message, hint=error.hint))


def _silent(_: object) -> None:
    """Nobody listens."""
