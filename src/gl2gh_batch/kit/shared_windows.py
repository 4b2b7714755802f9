"""The windows of one credential that is shared through a rate-limit file, as this process sees them.

Tickets wait here. At each visit to the file they are told to the others as numbers, and what was granted to
us comes back. Everything that we spent is remembered here too, so that a file that forgot us is told again,
and so that this process can go on by itself, carefully, while the file cannot be used.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Final

from gl2gh_batch.domain.limits import CONTENT_OF, Costs, Limit, LimitClass, Limits, as_content
from gl2gh_batch.kit.allotments import DEAREST
from gl2gh_batch.kit.budgets import (
    DEFAULT_MARGIN_S,
    Blocked,
    Budgets,
    Spent,
    Standing,
    Told,
    Use,
    raised,
)
from gl2gh_batch.kit.host import Host
from gl2gh_batch.kit.rate_record import Account, Record, Share
from gl2gh_batch.kit.rate_turns import Dealt, Wanted, deal, merge_imports, standing_of, write_back
from gl2gh_batch.kit.windows import Decision

# Ends of holds are rounded up to a 500th of their window: the file stays small.
GRAINS: Final = 500
# One that goes on alone keeps to a fourth of what is free; to half of its part when there are more than two.
LEAST_DIVISOR: Final = 4
# After a loss: classes with windows up to this stay closed for one, longer ones go on with a fourth.
SHORT_WINDOW_S: Final = 120.0
LOST_SHARE: Final = 4
REJOIN_S: Final = 3.0
WORTH_A_VISIT_S: Final = 0.5
# So long others' requests are believed to be in flight while they cannot be asked.
IN_FLIGHT_S: Final = 30.0


def credential_key(side: str, origin: str, credential: str) -> str:
    """The name of a credential in the file: it says nothing of the credential, and is the same everywhere."""
    text = "\0".join(("gl2gh-batch rate-limit-file", side, origin.rstrip("/").lower(), credential))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


@dataclass(slots=True)
class _Unsaved:
    """What the file was not told yet; times are the host's."""

    finished: list[tuple[Costs, float]]
    heard: list[tuple[int | None, int | None, float | None, float]]
    told_units: int = 0


class SharedWindows:
    """Implements `Tickets` for one credential; made by `RateLimitFile.windows`.

    `limits` are those of the whole credential; `share_of` cuts out what this process may use of them. With
    `told_raises` a higher limit of the told class, named by an answer to anybody, takes the place of ours.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        host: Host,
        touched: Callable[[bool], None],
        visit_now: Callable[[], None],
        share_of: Callable[[Limits], Limits],
        margin_s: float = DEFAULT_MARGIN_S,
        told_class: LimitClass = LimitClass.PRIMARY,
        told_raises: bool = False,
        imports_are_content: bool = False,
    ) -> None:
        self._told_raises = told_raises
        self.one_by_one_until = 0.0
        self.margin_s = margin_s
        self.told_class = told_class
        self._whole = dict(limits)
        self._host = host
        self._touched = touched
        self._visit_now = visit_now
        self._share_of = share_of
        self._changed: Callable[[], None] = _nobody
        self._imports_are_content = imports_are_content
        self._next_ticket = 1
        self._waiting: dict[frozenset[tuple[LimitClass, int]], dict[int, None]] = {}
        self._grants: dict[int, dict[LimitClass, int]] = {}
        self._offered: list[Wanted] = []  # what the latest deal was about
        self._ready: list[int] = []
        self._blocked: tuple[Blocked, ...] = ()
        self._unsaved = _Unsaved([], [])
        # All that we spent, in the host's time, whether the file knows it or not.
        self._own = Budgets(
            limits, margin_s=margin_s, told_class=told_class, standing=Standing(), grains=GRAINS
        )
        # What the file said when we last saw it, in the host's time.
        self._base: dict[LimitClass, list[tuple[float, int]]] = {}
        self._base_told = Told()
        self._divisor = LEAST_DIVISOR
        self._careful_since = float("-inf")
        self._is_dirty = False

    # ── what a governor asks ─────────────────────────────────────────────────────────────────────

    @property
    def limits(self) -> Limits:
        """The limits that this process keeps: the whole credential's, or those of its shard."""
        return self._share_of(self._whole)

    @property
    def longest_told_s(self) -> float:
        """No reset is believed to be further away."""
        return self._own.longest_told_s

    @property
    def closed_until(self) -> float:
        """Nothing is granted before, in seconds of the event loop."""
        return self._own.standing.closed_until + self._to_loop()

    @property
    def in_flight(self) -> int:
        """How many requests of this process are granted and not finished."""
        return len(self._grants)

    @property
    def imports_are_content(self) -> bool:
        """Whether the platform has shown to any process that it counts imports as created content."""
        return self._imports_are_content

    def count_imports_as_content(self) -> None:
        """They are, it has been shown: what waits and what was spent so far is content; all shall know."""
        self._merge_imports()
        self._touch(urgent=True)

    def listen(self, changed: Callable[[], None]) -> None:
        """Call this when there is something new to `decide`."""
        self._changed = changed

    def add_limits(self, limits: Limits) -> None:
        """Keep these limits too, where there is none yet."""
        self._whole = {**limits, **self._whole}
        self._own.add_limits(limits)

    def impossible(self, costs: Costs) -> LimitClass | None:
        """The class that could never hold these costs; None when all can."""
        limits = self.limits
        return next(
            (name for name, units in costs.items() if name in limits and units > limits[name].limit), None
        )

    def ask(self, costs: Costs) -> int:
        """Queue a ticket; answers its number."""
        ticket = self._next_ticket
        self._next_ticket += 1
        key = frozenset((name, units) for name, units in costs.items() if units > 0)
        self._waiting.setdefault(key, {})[ticket] = None
        self._touch(urgent=True)
        return ticket

    def withdraw(self, ticket: int) -> None:
        """Forget a waiting ticket, or give back a grant whose request was never sent."""
        costs = self._grants.pop(ticket, None)
        if costs is not None:
            self._own.give_back(costs)
            self._unsaved.told_units -= costs.get(self.told_class, 0)
        for key, tickets in list(self._waiting.items()):
            if tickets.pop(ticket, 0) is None and not tickets:
                del self._waiting[key]
        self._touch(urgent=costs is not None)

    def finish(self, ticket: int, now: float) -> None:
        """The answer came (or never will)."""
        del now  # the host's clock is read, which the others share
        costs = self._grants.pop(ticket)
        finished_at = self._host.seconds()
        self._own.settle(costs, finished_at)
        self._unsaved.finished.append((costs, finished_at))
        self._touch(urgent=False)

    def close(self, until: float) -> None:
        """Grant nothing before `until`, to anybody who shares the file."""
        before = self._own.standing.closed_until
        self._own.close(until - self._to_loop())
        self._touch(urgent=True)
        if self._own.standing.closed_until > before + WORTH_A_VISIT_S:
            self._visit_now()  # each millisecond counts: others still send

    def hear(self, limit: int | None, remaining: int | None, reset_in_s: float | None, now: float) -> None:
        """Learn from the headers of an answer; call it before `finish` of the request that it answers."""
        del now
        if limit and remaining is not None and reset_in_s is not None:
            at = self._host.seconds()
            self._own.hear(limit, remaining, reset_in_s, at)
            self._heed(self._own.standing.told.limit)
            self._unsaved.heard.append((limit, remaining, reset_in_s, at))

    def use(self, now: float) -> dict[LimitClass, Use]:
        """What is taken: by this process now, or by all at our last look at the file, whichever is more."""
        del now
        here = self._host.seconds()
        found = {}
        for name, one in self._own.use(here).items():
            held = [(until, units) for until, units in self._base.get(name, ()) if until > here]
            used = max(one.used, min(one.limit, sum(units for _, units in held)))
            ends = [until - here for until, _ in held[-1:]]
            if one.resets_in_s is not None:
                ends.append(one.resets_in_s)
            found[name] = replace(one, used=used, resets_in_s=max(ends, default=None))
        return found

    def decide(self, now: float) -> Decision:
        """What was granted since the last call, and who waits for what; we wake by ourselves."""
        del now
        granted, self._ready = tuple(self._ready), []
        return Decision(granted=granted, blocked=self._blocked, look_again_at=None)

    # ── what the file asks ───────────────────────────────────────────────────────────────────────

    @property
    def is_active(self) -> bool:
        """Whether anybody waits or anything is in flight."""
        return bool(self._waiting or self._grants)

    @property
    def has_news(self) -> bool:
        """Whether the file should hear of us."""
        return self._is_dirty or self.is_active

    def visit(
        self,
        record: Record,
        key: str,
        me: str,
        *,
        now: float,
        offset: float,
        forgot_us: bool,
        present: Collection[str],
        away: Collection[str],
        regroups: bool = False,
        is_last: bool = False,
    ) -> Dealt:
        """Tell the file all that is new, and take what can be granted; `commit` it when the file is saved.

        `away` are members that live and were not here for a while: each may be going on alone.
        """
        account = record.accounts.setdefault(key, Account())
        self._heed(account.told.limit)
        if account.imports_are_content or self._imports_are_content:
            self._merge_imports()
            merge_imports(account)
        dead = {
            member: account.members.pop(member)
            for member in list(account.members)
            if member not in record.members
        }
        account.members[me] = replace(
            account.members.get(me) or Share(), in_flight={} if is_last else self._in_flight()
        )
        divisor = max(LEAST_DIVISOR, 2 * len(account.members))
        waiting_away = sum(
            1 for member in away if member in account.members and (regroups or _has_demand(account, member))
        )
        budgets = Budgets(
            {name: _less(limit, waiting_away, divisor) for name, limit in self.limits.items()},
            margin_s=self.margin_s,
            told_class=self.told_class,
            standing=standing_of(account),
            grains=GRAINS,
        )
        for share in dead.values():
            _hold_all(budgets, share.in_flight, now)
        if is_last:
            _hold_all(budgets, self._in_flight(), now)
        if record.lost_at is not None and account.lost_at != record.lost_at:
            account.lost_at = record.lost_at
            self._be_careful(budgets, record.lost_at, now)
        if forgot_us:
            self._tell_again(budgets.standing, offset)
        else:
            told = budgets.standing.told
            told.ours = max(0, told.ours + self._unsaved.told_units)
            for costs, finished_at in self._unsaved.finished:
                _hold_all(budgets, costs, finished_at + offset)
        for limit, remaining, reset_in_s, at in self._unsaved.heard:
            budgets.hear(limit, remaining, reset_in_s, at + offset)
        if self._own.standing.closed_until > 0:
            budgets.close(self._own.standing.closed_until + offset)
        self._offered = [] if is_last else self._wanted()
        dealt = deal(budgets, account, me, self._offered, present, now)
        write_back(budgets.standing, account, now)
        return dealt

    def commit(self, dealt: Dealt, account: Account, me: str, *, now: float, offset: float) -> None:
        """The file is saved: what it granted is granted, and what it was told is told."""
        self._unsaved = _Unsaved([], [])
        self._is_dirty = False
        own = self._own.standing
        self._own.expire(now - offset)
        own.told = _moved(account.told, -offset)
        own.closed_until = max(own.closed_until, account.closed_until - offset)
        self._base = {
            name: [(until - offset, units) for until, units in spending.held]
            for name, spending in account.spent.items()
        }
        for member, share in account.members.items():
            for name, units in share.in_flight.items():
                if member != me and units:
                    window_s = self._own.window_s(name) or IN_FLIGHT_S
                    self._base.setdefault(name, []).append((now - offset + window_s, units))
        self._base_told = replace(own.told)
        self._divisor = max(LEAST_DIVISOR, 2 * len(account.members))
        for costs in self._accept(dealt, now=now):
            for name, units in costs.items():
                self._own.spent(name).in_flight += units

    def start_alone(self) -> None:
        """What others did since we last saw the file is not known: be as careful as after a loss."""
        self._careful_since = self._host.seconds()

    def go_alone(self, me: str) -> Dealt:
        """Decide without the file, carefully, within a part of what was free when we last saw it."""
        now = self._host.seconds()
        self._own.expire(now)
        alone = Budgets(
            self._limits_alone(now),
            margin_s=self.margin_s,
            told_class=self.told_class,
            standing=self._own.standing,
        )
        self._offered = self._wanted()
        dealt = deal(alone, Account(members={me: Share()}), me, self._offered, (), now)
        for costs in self._accept(dealt, now=now):
            self._unsaved.told_units += costs.get(self.told_class, 0)
        return dealt

    def leave(self, record: Record, key: str, me: str, *, now: float, offset: float, forgot_us: bool) -> None:
        """Tell the file what is new and that we are gone."""
        self.visit(
            record,
            key,
            me,
            now=now,
            offset=offset,
            forgot_us=forgot_us,
            present=(),
            away=(),
            is_last=True,
        )
        del record.accounts[key].members[me]

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _accept(self, dealt: Dealt, *, now: float) -> list[dict[LimitClass, int]]:
        """Hand out what was dealt last; `now` is in the time of `dealt`. Answers with the costs of each."""
        accepted = []
        for one, count in zip(self._offered, dealt.granted, strict=True):
            tickets = self._waiting[frozenset(one.costs.items())]
            for ticket in list(tickets)[:count]:
                del tickets[ticket]
                self._grants[ticket] = one.costs
                self._ready.append(ticket)
                accepted.append(one.costs)
        self._waiting = {key: tickets for key, tickets in self._waiting.items() if tickets}
        to_loop = asyncio.get_running_loop().time() - now
        self._blocked = tuple(
            one if one.until is None else replace(one, until=one.until + to_loop) for one in dealt.blocked
        )
        return accepted

    def tell(self) -> None:
        """Let the governor look, when there is something to see."""
        if self._ready or self._blocked:
            self._changed()

    def _heed(self, told: int | None) -> None:
        """A limit that an answer named, to us or to another process, may be higher than ours."""
        if self._told_raises:
            self._whole = dict(raised(self._whole, self.told_class, told))
            self._own.limits = dict(raised(self._own.limits, self.told_class, told))

    def _merge_imports(self) -> None:
        """Let everything here that waits, is in flight, or was spent by imports be content."""
        self._imports_are_content = True
        self._own.merge_imports()
        waiting: dict[frozenset[tuple[LimitClass, int]], dict[int, None]] = {}
        for key, tickets in self._waiting.items():
            waiting.setdefault(frozenset(as_content(dict(key)).items()), {}).update(tickets)
        self._waiting = {key: dict(sorted(tickets.items())) for key, tickets in waiting.items()}
        self._grants = {ticket: as_content(costs) for ticket, costs in self._grants.items()}
        self._unsaved.finished = [(as_content(costs), at) for costs, at in self._unsaved.finished]
        for name, content in CONTENT_OF.items():
            self._base.setdefault(content, []).extend(self._base.pop(name, ()))

    def _touch(self, *, urgent: bool) -> None:
        self._is_dirty = True
        self._touched(urgent)

    def _wanted(self) -> list[Wanted]:
        one_by_one = asyncio.get_running_loop().time() < self.one_by_one_until
        if one_by_one and self._grants:
            return []
        return [
            Wanted(costs=dict(sorted(key)), count=1 if one_by_one else len(tickets))
            for key, tickets in self._waiting.items()
        ]

    def _in_flight(self) -> dict[LimitClass, int]:
        in_flight: Counter[LimitClass] = Counter()
        for costs in self._grants.values():
            in_flight.update(costs)
        return dict(in_flight)

    def _be_careful(self, budgets: Budgets, lost_at: float, now: float) -> None:
        """What was spent before is not known: assume the whole budget, or three fourths of a long one."""
        for name, limit in self.limits.items():
            if limit.window_s is None:
                budgets.close(lost_at + REJOIN_S, name)  # until all who live have told what is in flight
            elif now < lost_at + limit.window_s + self.margin_s:
                free = _free_after_loss(limit)
                if budgets.is_fixed(name):
                    told = budgets.standing.told
                    told.ours += limit.limit - free
                    told.resets_at = lost_at + limit.window_s + self.margin_s
                else:
                    budgets.hold(name, limit.limit - free, lost_at)

    def _tell_again(self, standing: Standing, offset: float) -> None:
        """The file does not know us: all that we spent, and what we last knew of the headers' window."""
        self._own.expire(self._host.seconds())
        for name, one in self._own.standing.spent.items():
            spent = standing.spent.setdefault(name, Spent())
            spent.held = sorted([*spent.held, *((until + offset, units) for until, units in one.held)])
            spent.held_units += one.held_units
        ours, told = _moved(self._own.standing.told, offset), standing.told
        if told.resets_at is None or ours.resets_at is None:
            if ours.resets_at is not None:
                standing.told = ours
            return
        told.ours, told.others = max(told.ours, ours.ours), max(told.others, ours.others)
        told.limit = told.limit if ours.limit is None else ours.limit

    def _limits_alone(self, now: float) -> dict[LimitClass, Limit]:
        """So much of each limit that all who may be alone now do not take more than what was free."""
        limits = {}
        same_window = self._base_told.resets_at == self._own.standing.told.resets_at
        for name, limit in self.limits.items():
            ours = 0
            known = sum(units for until, units in self._base.get(name, ()) if until > now)
            if self._own.is_fixed(name):
                known = ours = self._base_told.ours if same_window else 0
            if limit.window_s is not None and now < self._careful_since + limit.window_s + self.margin_s:
                known = max(known, limit.limit - _free_after_loss(limit))
            part = max(0, limit.limit - known) // self._divisor
            if not known:
                part = min(limit.limit, max(part, DEAREST.get(name, 1)))
            limits[name] = replace(limit, limit=part + ours)
        return limits

    def _to_loop(self) -> float:
        return asyncio.get_running_loop().time() - self._host.seconds()


def _free_after_loss(limit: Limit) -> int:
    return 0 if (limit.window_s or 0.0) <= SHORT_WINDOW_S else max(1, limit.limit // LOST_SHARE)


def _has_demand(account: Account, member: str) -> bool:
    share = account.members[member]
    return any(share.in_flight.values()) or any(one.count for one in share.demands)


def _hold_all(budgets: Budgets, costs: Costs, since: float) -> None:
    for name, units in costs.items():
        budgets.hold(name, units, since)


def _less(limit: Limit, away: int, divisor: int) -> Limit:
    """What is left of a limit when so many may be going on alone."""
    return replace(limit, limit=max(0, limit.limit - away * (limit.limit // divisor))) if away else limit


def _moved(told: Told, seconds: float) -> Told:
    return replace(told, resets_at=None if told.resets_at is None else told.resets_at + seconds)


def _nobody() -> None:
    """Nobody listens yet."""
