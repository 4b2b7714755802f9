"""Whose turn it is among the members of one account; pure rules, no I/O and no clock.

Each member takes for itself, and leaves alone what is due to the others: their waiting requests are gone
through in the same order as its own, and what they could take is set aside. So a grant is only ever made by
the process that uses it at once.

Order is by turns (start-time fair queueing): every demand has the number of its next turn, a grant moves it
one on, and the lowest goes first. So a process that waits for a thousand requests gets no more than one that
waits for ten. As in `windows`, a request that lacks room in one class reserves only that class. A demand that
was away for a moment keeps its number, up to `LAG` turns behind the last.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.domain.limits import CONTENT_OF, LimitClass, as_content
from gl2gh_batch.kit.budgets import Blocked, Budgets, Spent, Standing, merged, why
from gl2gh_batch.kit.rate_record import Account, Demand, Share, Spending

LAG: Final = 32
# More are never told to the others: no window has room for them.
MOST_TOLD: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """How many requests of the same costs wait."""

    costs: dict[LimitClass, int]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """How many of each `Wanted` were granted, in the order given; who waits; when to look again.

    `on_others`: only the end of a request in flight, perhaps another process's, can make room.
    """

    granted: tuple[int, ...]
    blocked: tuple[Blocked, ...]
    look_again_at: float | None
    on_others: bool


def standing_of(account: Account) -> Standing:
    """The account as `Budgets` work on it; lists are not copied."""
    in_flight: Counter[LimitClass] = Counter()
    for share in account.members.values():
        in_flight.update(share.in_flight)
    names = {*account.spent, *in_flight}
    spent: dict[LimitClass, Spent] = {}
    for name in names:
        spending = account.spent.get(name) or Spending()
        spent[name] = Spent(
            in_flight=in_flight[name],
            held=spending.held,
            held_units=sum(units for _, units in spending.held),
            closed_until=spending.closed_until,
        )
    return Standing(spent=spent, told=account.told, closed_until=account.closed_until)


def write_back(standing: Standing, account: Account, now: float) -> None:
    """Put into the account what `Budgets` made of it, apart from what is in flight."""
    account.closed_until = standing.closed_until
    account.told = standing.told
    account.spent = {
        name: Spending(held=one.held, closed_until=one.closed_until)
        for name, one in standing.spent.items()
        if one.held or one.closed_until > now
    }


def merge_imports(account: Account) -> None:
    """Let the account say that imports are created content, of all that its members spent and wait for."""
    account.imports_are_content = True
    for name, content in CONTENT_OF.items():
        shadow = account.spent.pop(name, None)
        if shadow is not None:
            spending = account.spent.setdefault(content, Spending())
            spending.held = merged(spending.held, shadow.held)
    for share in account.members.values():
        share.in_flight = as_content(share.in_flight)
        demands: dict[frozenset[tuple[LimitClass, int]], Demand] = {}
        for demand in share.demands:
            demand.costs = as_content(demand.costs)
            known = demands.setdefault(_key(demand.costs), demand)
            if known is not demand:
                known.count += demand.count
                known.turn = max(known.turn, demand.turn)
        share.demands = list(demands.values())


def set_demands(account: Account, share: Share, wanted: Sequence[Wanted]) -> list[Demand]:
    """Tell what a member waits for; answers with its demands in the order of `wanted`."""
    known = {_key(demand.costs): demand for demand in share.demands}
    for demand in share.demands:
        demand.count = 0
    demands = []
    for one in wanted:
        demand = known.get(_key(one.costs)) or Demand(costs=one.costs, count=0, turn=0)
        if demand not in share.demands:
            share.demands.append(demand)
        demand.turn = max(demand.turn, account.turn - LAG)
        demand.count = min(one.count, MOST_TOLD)
        demands.append(demand)
    share.demands = [one for one in share.demands if one.count or one.turn > account.turn - LAG]
    return demands


@dataclass(slots=True)
class _Flow:
    turn: int
    member: str
    number: int  # among our own `wanted`, else -1
    count: int
    costs: Mapping[LimitClass, int]


class _Deal:
    def __init__(self, budgets: Budgets, account: Account, now: float) -> None:
        self.budgets = budgets
        self.account = account
        self.now = now
        self.left: dict[LimitClass, int] = {}
        self.set_aside: Counter[LimitClass] = Counter()
        self.in_line: Counter[LimitClass] = Counter()
        self.reserved: set[LimitClass] = set()

    def lacking(self, costs: Mapping[LimitClass, int]) -> list[LimitClass]:
        """The classes without room for that."""
        for name in costs:
            if name not in self.left:
                self.left[name] = self.budgets.room(name, self.now)
        return [name for name, units in costs.items() if self.left[name] < units]

    def go(self, flow: _Flow) -> None:
        """It can go now: take it if it is ours, else set it aside."""
        for name, units in flow.costs.items():
            self.left[name] -= units
        if flow.number >= 0:
            self.budgets.take(flow.costs, self.now)
            self.account.turn = max(self.account.turn, flow.turn)
        else:
            self.set_aside.update(flow.costs)
        flow.turn += 1
        flow.count -= 1

    def wait(self, flow: _Flow, lacking: list[LimitClass]) -> dict[LimitClass, float | None]:
        """It cannot go: it stands in line, and reserves what it lacks; ours learn until when."""
        names = [name for name in flow.costs if name in self.reserved or name in lacking]
        waits: dict[LimitClass, float | None] = {}
        if flow.number >= 0:
            for name in names:
                need = flow.costs[name] + self.set_aside[name] + self.in_line[name]
                limit = self.budgets.limits.get(name)
                need = need if limit is None else max(flow.costs[name], min(need, limit.limit))
                waits[name] = self.budgets.room_at(name, need, self.now)
        for name in names:
            self.in_line[name] += flow.costs[name]
        self.reserved.update(lacking)
        return waits


def deal(
    budgets: Budgets,
    account: Account,
    me: str,
    wanted: Sequence[Wanted],
    present: Collection[str],
    now: float,
) -> Dealt:
    """Grant to `me` what can be granted now, leaving to those who are `present` what is due to them."""
    budgets.expire(now)
    share = account.members[me]
    demands = set_demands(account, share, wanted)
    granted = [0] * len(wanted)
    until = budgets.standing.closed_until
    if now < until:
        return Dealt(
            granted=tuple(granted),
            blocked=tuple(Blocked(costs=one.costs, limit_class=None, until=until) for one in wanted),
            look_again_at=until if wanted else None,
            on_others=False,
        )
    flows = [
        _Flow(demand.turn, me, number, wanted[number].count, demand.costs)
        for number, demand in enumerate(demands)
    ]
    flows += [
        _Flow(max(demand.turn, account.turn - LAG), member, -1, demand.count, demand.costs)
        for member in present
        if member != me and member in account.members
        for demand in account.members[member].demands
        if demand.count > 0
    ]
    heap = [(flow.turn, flow.member, number) for number, flow in enumerate(flows)]
    heapq.heapify(heap)
    table = _Deal(budgets, account, now)
    blocked: list[Blocked] = []
    times: list[float] = []
    on_others = False
    ours_open = len(demands)
    while heap and ours_open:
        _, _, number = heap[0]
        flow = flows[number]
        lacking = table.lacking(flow.costs)
        if lacking or not table.reserved.isdisjoint(flow.costs):
            heapq.heappop(heap)
            waits = table.wait(flow, lacking)
            if flow.number >= 0:
                ours_open -= 1
                blocked.append(why(flow.costs, waits, table.reserved))
                known = [at for at in waits.values() if at is not None]
                times.extend([max(known)] if known else [])
                on_others = on_others or len(known) < len(waits)
            continue
        table.go(flow)
        if flow.number >= 0:
            granted[flow.number] += 1
        if flow.count:
            heapq.heapreplace(heap, (flow.turn, flow.member, number))
        else:
            heapq.heappop(heap)
            ours_open -= flow.number >= 0
    for number, demand in enumerate(demands):
        demand.turn = flows[number].turn
        demand.count = min(flows[number].count, MOST_TOLD)
        for name, units in demand.costs.items():
            share.in_flight[name] = share.in_flight.get(name, 0) + units * granted[number]
    return Dealt(
        granted=tuple(granted),
        blocked=tuple(blocked),
        look_again_at=min(times, default=None),
        on_others=on_others,
    )


def _key(costs: Mapping[LimitClass, int]) -> frozenset[tuple[LimitClass, int]]:
    return frozenset(costs.items())
