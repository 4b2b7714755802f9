"""What a credential has spent and may still spend, over several budgets at once; no I/O and no clock.

A grant holds its units while the request is in flight, and then for `window_s` after its *completion*. The
server counts a request at some moment between being sent and being answered; since the units are held
from before the first to `window_s` after the last of these moments, no set of requests that the server sees
inside one window can be larger than the limit, whatever the network does to their spacing. `margin_s` is
added for timers that fire early and clocks that differ in rate.

One class, the one that the answers' headers speak of (GitHub: `primary`), is counted by the server in a fixed
window that ends at a told moment, and others may draw on the same budget. What others took is
estimated from the told remainder: at least what the server counted beyond all that we were granted.

Imports are held in classes of their own that nobody waits for, over the windows of the content budgets; on
the day that the platform shows them to be content, what is held there is simply content spent.

All state is plain data (numbers, lists, mappings), so that it can be kept in a file; times are
seconds of whichever clock the caller reads.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from gl2gh_batch.domain.limits import CONTENT_OF, Costs, Limit, LimitClass, Limits

DEFAULT_MARGIN_S: Final = 0.05
DEFAULT_TOLD_WINDOW_S: Final = 3600.0
# A reset is told in whole seconds, by a server whose window need not be exactly ours.
ABOUT: Final = 1.5
ROUNDED_S: Final = 2.0
UNLIMITED: Final = 2**63
_NEVER: Final = 0.0


@dataclass(slots=True, kw_only=True)
class Spent:
    """Units of one class: `in_flight`, and those still held, as (until, units) in ascending order.

    `held_units` is the sum over `held`.
    """

    in_flight: int = 0
    held: list[tuple[float, int]] = field(default_factory=list)
    held_units: int = 0
    closed_until: float = _NEVER


@dataclass(slots=True, kw_only=True)
class Told:
    """The fixed window that the headers speak of; `ours` and `others` are units taken in it.

    `limit` None: the server has not named one in the open window. `resets_at` None: no window is open.
    Until the server was `heard` in the open window, its end is our own guess. `window_s` is the longest that
    an answer told of, where that is longer than the window of our own limit; it outlives the windows.
    """

    limit: int | None = None
    resets_at: float | None = None
    heard: bool = False
    ours: int = 0
    others: int = 0
    window_s: float | None = None


@dataclass(slots=True, kw_only=True)
class Standing:
    """What is remembered of one credential's budgets."""

    spent: dict[LimitClass, Spent] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    closed_until: float = _NEVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Requests of these costs wait for `limit_class`; `until` None: until something in flight ends.

    `limit_class` None means that the whole credential is closed.
    """

    costs: Mapping[LimitClass, int]
    limit_class: LimitClass | None
    until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How much of one class is taken now; `resets_in_s` until it is free again by itself, None when it is."""

    used: int
    limit: int
    resets_in_s: float | None = None


class Budgets:
    """The budgets of one credential: `limits` and `standing`, and the rules between them.

    `told_class` is the class that the headers of the answers speak of. GitHub's `primary` is counted in a
    fixed window; any other class in its sliding window, which the headers then narrow further. With `grains`
    the ends of holds are rounded up to that fraction of a window, so that a list of holds stays short.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        margin_s: float = DEFAULT_MARGIN_S,
        told_class: LimitClass = LimitClass.PRIMARY,
        standing: Standing,
        grains: int | None = None,
    ) -> None:
        self.limits = dict(limits)
        self.margin_s = margin_s
        self.told_class = told_class
        self.standing = standing
        self._grains = grains

    def impossible(self, costs: Costs) -> LimitClass | None:
        """The class that could never hold these costs, however long one waits; None when all can."""
        for name, units in costs.items():
            limit = self.limits.get(name)
            if limit is not None and units > limit.limit:
                return name
        return None

    def add_limits(self, limits: Limits) -> None:
        """Keep these limits too, where there is none yet."""
        self.limits = {**limits, **self.limits}

    def take(self, costs: Costs, now: float) -> None:
        """A request is granted: its units are in flight."""
        for name, units in costs.items():
            self.spent(name).in_flight += units
        told = self.standing.told
        units = costs.get(self.told_class, 0)
        if units:
            told.ours += units
            if told.resets_at is None:
                told.resets_at = now + self.told_window_s + self.margin_s

    def give_back(self, costs: Costs) -> None:
        """A grant whose request was never sent costs nothing."""
        for name, units in costs.items():
            self.spent(name).in_flight -= units
        told = self.standing.told
        told.ours = max(0, told.ours - costs.get(self.told_class, 0))

    def settle(self, costs: Costs, finished_at: float) -> None:
        """The answer came (or never will): the units stay held for one window from then."""
        for name, units in costs.items():
            self.spent(name).in_flight -= units
            self.hold(name, units, finished_at)

    def hold(self, name: LimitClass, units: int, since: float) -> None:
        """These units were spent at the latest at `since`."""
        window_s = self.window_s(name)
        if window_s is None or units <= 0:
            return
        until = since + window_s + self.margin_s
        if self._grains is not None:
            grain = window_s / self._grains
            until = math.ceil(until / grain) * grain
        spent = self.spent(name)
        spent.held_units += units
        at = bisect_left(spent.held, until, key=lambda one: one[0])
        if at < len(spent.held) and spent.held[at][0] == until:
            spent.held[at] = (until, spent.held[at][1] + units)
        else:
            spent.held.insert(at, (until, units))

    def close(self, until: float, limit_class: LimitClass | None = None) -> None:
        """Grant nothing before `until`: of one class, or at all. A closing is never shortened."""
        if limit_class is None:
            self.standing.closed_until = max(self.standing.closed_until, until)
        else:
            spent = self.spent(limit_class)
            spent.closed_until = max(spent.closed_until, until)

    def hear(self, limit: int | None, remaining: int | None, reset_in_s: float | None, now: float) -> None:
        """Learn from the headers of an answer; call it before `settle` of the request that it answers."""
        if limit is None or limit < 1 or remaining is None or reset_in_s is None or reset_in_s <= 0:
            return
        self.expire(now)
        told = self.standing.told
        reset_in_s = min(reset_in_s, self.longest_told_s)
        if reset_in_s > self._own_window_s * ABOUT + ROUNDED_S:
            told.window_s = max(told.window_s or 0.0, reset_in_s)
        length = self.told_window_s
        resets_at = now + reset_in_s + self.margin_s
        if told.resets_at is None or not told.heard:
            told.resets_at = resets_at
        elif resets_at < told.resets_at - length / 2:
            return  # a late answer from the window before
        elif resets_at > told.resets_at + length / 2:
            self._begin_told_window(resets_at)
        # Each estimate is late by the age of the answer and never early: the earliest is the best.
        told.resets_at = min(told.resets_at, resets_at)
        told.heard = True
        told.limit = limit
        told.others = max(told.others, limit - max(0, remaining) - told.ours)

    def merge_imports(self) -> None:
        """Imports are created content: what they spent, and have in flight, is content from now on."""
        for name, content in CONTENT_OF.items():
            shadow = self.standing.spent.pop(name, None)
            if shadow is not None:
                spent = self.spent(content)
                spent.in_flight += shadow.in_flight
                spent.held = merged(spent.held, shadow.held)
                spent.held_units += shadow.held_units

    def free(self, name: LimitClass, now: float) -> int | None:
        """How many units of a class are free now; None without a limit."""
        self.expire(now)
        room = self.room(name, now)
        return None if room == UNLIMITED else max(0, room)

    def use(self, now: float) -> dict[LimitClass, Use]:
        """What is taken of every class that has a limit."""
        self.expire(now)
        told, found = self.standing.told, {}
        for name, limit in self.limits.items():
            whole = told.limit if name is self.told_class and told.limit is not None else limit.limit
            spent = self.spent(name)
            ends = [until for until, _ in spent.held[-1:]]
            if name is self.told_class and told.resets_at is not None and told.ours + told.others:
                ends.append(told.resets_at)
            found[name] = Use(
                used=min(whole, max(0, whole - self.room(name, now))),
                limit=whole,
                resets_in_s=max(0.0, max(ends) - now) if ends else None,
            )
        return found

    @property
    def told_window_s(self) -> float:
        """The length of the window that the headers speak of: our own limit's, or a longer one as told."""
        return max(self._own_window_s, self.standing.told.window_s or 0.0)

    @property
    def longest_told_s(self) -> float:
        """No reset is believed to be further away."""
        return max(self._own_window_s, DEFAULT_TOLD_WINDOW_S)

    @property
    def _own_window_s(self) -> float:
        limit: Limit | None = self.limits.get(self.told_class)
        return DEFAULT_TOLD_WINDOW_S if limit is None or limit.window_s is None else limit.window_s

    def is_fixed(self, name: LimitClass) -> bool:
        """Whether our own limit of a class counts in the server's window.

        One of a shorter window than the server's, to leave room for others, is ours alone to count.
        """
        return is_fixed(name) and (name is not self.told_class or self.standing.told.window_s is None)

    def room(self, name: LimitClass, now: float) -> int:
        """How many units may be taken; below zero when more is spent than the limit of now."""
        spent = self.spent(name)
        if now < spent.closed_until:
            return 0
        room = UNLIMITED
        limit = self.limits.get(name)
        told = self.standing.told
        if limit is not None and self.is_fixed(name):
            room = limit.limit - told.ours
        elif limit is not None:
            room = limit.limit - spent.in_flight - spent.held_units
        if name is self.told_class and told.limit is not None:
            room = min(room, told.limit - told.ours - told.others)
        return room

    def room_at(self, name: LimitClass, units: int, now: float) -> float | None:
        """When there will be room without anything else happening; None when only an answer makes room."""
        spent = self.spent(name)
        times = [spent.closed_until] if now < spent.closed_until else []
        told = self.standing.told
        limit = self.limits.get(name)
        if name is self.told_class and told.resets_at is not None:
            fixed_room = told.limit is not None and told.limit - told.ours - told.others < units
            own_room = limit is not None and self.is_fixed(name) and limit.limit - told.ours < units
            if fixed_room or own_room:
                times.append(told.resets_at)
        if limit is not None and not self.is_fixed(name):
            room = limit.limit - spent.in_flight - spent.held_units
            until = now
            for held_until, one in spent.held:
                if room >= units:
                    break
                room += one
                until = held_until
            if room < units:
                return None
            if until > now:
                times.append(until)
        return max(times, default=None)

    def expire(self, now: float) -> None:
        """Let go of what is held no longer."""
        for spent in self.standing.spent.values():
            over = bisect_right(spent.held, now, key=lambda one: one[0])
            if over:
                spent.held_units -= sum(units for _, units in spent.held[:over])
                del spent.held[:over]
        told = self.standing.told
        if told.resets_at is not None and told.resets_at <= now:
            self._begin_told_window(None)

    def spent(self, name: LimitClass) -> Spent:
        """What is spent of one class."""
        return self.standing.spent.setdefault(name, Spent())

    def window_s(self, name: LimitClass) -> float | None:
        """The length of a class's sliding window; None for a class without one."""
        limit = self.limits.get(CONTENT_OF.get(name, name))
        return None if limit is None or self.is_fixed(name) else limit.window_s

    def _begin_told_window(self, resets_at: float | None) -> None:
        # What is in flight was sent before, and may still be counted in the new window.
        told = self.standing.told
        told.resets_at = resets_at
        told.heard = resets_at is not None
        told.ours = self.spent(self.told_class).in_flight
        told.others = 0
        told.limit = (
            None  # not every layer of a server sends headers: what they said does not outlive its window
        )


def merged(one: list[tuple[float, int]], other: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Two lists of holds as one, in ascending order."""
    holds = Counter(dict(one))
    holds.update(dict(other))
    return sorted(holds.items())


def raised(limits: Limits, told_class: LimitClass, told: int | None) -> Limits:
    """The limits with the one that an answer named, where that is higher than ours was guessed to be."""
    ours = limits.get(told_class)
    if told is None or ours is None or not is_fixed(told_class) or told <= ours.limit:
        return limits
    return {**limits, told_class: replace(ours, limit=told)}


def is_fixed(name: LimitClass) -> bool:
    """Whether the server counts a class in a window with a fixed end."""
    return name is LimitClass.PRIMARY


def why(
    costs: Mapping[LimitClass, int], waits: Mapping[LimitClass, float | None], reserved: set[LimitClass]
) -> Blocked:
    """What requests wait for: the class that has room last; behind others, one of theirs."""
    unknown = [name for name, at in waits.items() if at is None]
    known = [(at, name) for name, at in waits.items() if at is not None]
    if known and not unknown:
        at, name = max(known)
        return Blocked(costs=costs, limit_class=name, until=at)
    behind = unknown or [name for name in costs if name in reserved]
    return Blocked(costs=costs, limit_class=behind[0], until=None)
