"""First-come tickets over several budgets at once, in one process; no I/O and no clock.

A *ticket* asks for units of several classes. Tickets are looked at in the order in which they came. One is
granted when every class that it needs has room, and none of these is reserved by an earlier ticket that
lacks room in it. So reads flow past a write that waits for the hour's content budget, but within a budget
nobody overtakes. Nobody starves either, as long as the classes are nested: a class that only some
tickets need goes with classes that all need (content with points and primary), which is how both platforms
count. What the budgets hold and when they have room is in `budgets`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gl2gh_batch.domain.limits import Costs, LimitClass, Limits, as_content
from gl2gh_batch.kit.budgets import DEFAULT_MARGIN_S, Blocked, Budgets, Standing, raised, why


@dataclass(slots=True, kw_only=True)
class Queue:
    """Waiting tickets that ask for the same costs, in the order in which they came."""

    costs: dict[LimitClass, int]
    tickets: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class State(Standing):
    """All that is remembered of one credential."""

    next_ticket: int = 1
    queues: list[Queue] = field(default_factory=list)
    grants: dict[int, dict[LimitClass, int]] = field(default_factory=dict)
    imports_are_content: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which tickets may go now, who waits for what, and when to look again at the latest."""

    granted: tuple[int, ...]
    blocked: tuple[Blocked, ...]
    look_again_at: float | None


class Windows(Budgets):
    """The budgets of one credential, and the tickets that wait for them.

    With `told_raises` a higher limit of the told class, named by an answer, takes the place of ours.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        margin_s: float = DEFAULT_MARGIN_S,
        told_class: LimitClass = LimitClass.PRIMARY,
        told_raises: bool = False,
        state: State | None = None,
    ) -> None:
        self._told_raises = told_raises
        self.one_by_one_until = 0.0
        self.state = State() if state is None else state
        super().__init__(limits, margin_s=margin_s, told_class=told_class, standing=self.state)

    @property
    def closed_until(self) -> float:
        """Nothing is granted before."""
        return self.state.closed_until

    @property
    def in_flight(self) -> int:
        """How many requests are granted and not finished."""
        return len(self.state.grants)

    @property
    def imports_are_content(self) -> bool:
        """Whether the platform has shown that it counts imports as created content."""
        return self.state.imports_are_content

    def count_imports_as_content(self) -> None:
        """They are, it has been shown: what waits and what was spent so far is content, too."""
        state = self.state
        state.imports_are_content = True
        self.merge_imports()
        queues: dict[frozenset[tuple[LimitClass, int]], Queue] = {}
        for queue in state.queues:
            costs = as_content(queue.costs)
            known = queues.setdefault(frozenset(costs.items()), Queue(costs=costs))
            known.tickets = sorted([*known.tickets, *queue.tickets])
        state.queues = list(queues.values())
        state.grants = {ticket: as_content(costs) for ticket, costs in state.grants.items()}

    def listen(self, changed: Callable[[], None]) -> None:
        """Nothing changes here but by whom it belongs to: there is nothing to be told."""

    def ask(self, costs: Costs) -> int:
        """Queue a ticket; answers its number. `impossible` must be asked before."""
        state = self.state
        ticket = state.next_ticket
        state.next_ticket += 1
        if state.imports_are_content:
            costs = as_content(costs)
        wanted = {name: units for name, units in costs.items() if units > 0}
        for queue in state.queues:
            if queue.costs == wanted:
                queue.tickets.append(ticket)
                return ticket
        state.queues.append(Queue(costs=wanted, tickets=[ticket]))
        return ticket

    def withdraw(self, ticket: int) -> None:
        """Forget a waiting ticket, or give back a grant whose request was never sent."""
        costs = self.state.grants.pop(ticket, None)
        if costs is not None:
            self.give_back(costs)
            return
        for queue in self.state.queues:
            if ticket in queue.tickets:
                queue.tickets.remove(ticket)
                break
        self._drop_empty_queues()

    def hear(self, limit: int | None, remaining: int | None, reset_in_s: float | None, now: float) -> None:
        """Learn from the headers of an answer; call it before `finish` of the request that it answers."""
        super().hear(limit, remaining, reset_in_s, now)
        if self._told_raises:
            self.limits = dict(raised(self.limits, self.told_class, self.standing.told.limit))

    def finish(self, ticket: int, now: float) -> None:
        """The answer came (or never will)."""
        self.settle(self.state.grants.pop(ticket), now)

    def decide(self, now: float) -> Decision:
        """Grant what can be granted now, in order."""
        self.expire(now)
        state = self.state
        granted: list[int] = []
        blocked: list[Blocked] = []
        if now < state.closed_until:
            return Decision(
                granted=(),
                blocked=tuple(
                    Blocked(costs=queue.costs, limit_class=None, until=state.closed_until)
                    for queue in state.queues
                ),
                look_again_at=state.closed_until if state.queues else None,
            )
        reserved: set[LimitClass] = set()
        look_again: list[float] = []
        open_queues = list(state.queues)
        while open_queues:
            if state.grants and now < self.one_by_one_until:
                look_again.append(self.one_by_one_until)
                break
            queue = min(open_queues, key=lambda one: one.tickets[0])
            lacking = [name for name, units in queue.costs.items() if self.room(name, now) < units]
            if not lacking and reserved.isdisjoint(queue.costs):
                granted.append(queue.tickets.pop(0))
                self._grant(granted[-1], queue.costs, now)
                if not queue.tickets:
                    open_queues.remove(queue)
                continue
            open_queues.remove(queue)
            reserved.update(lacking)
            waits = {name: self.room_at(name, queue.costs[name], now) for name in lacking}
            look_again.extend(at for at in waits.values() if at is not None)
            blocked.append(why(queue.costs, waits, reserved))
        self._drop_empty_queues()
        return Decision(
            granted=tuple(granted),
            blocked=tuple(blocked),
            look_again_at=min(look_again, default=None),
        )

    def _grant(self, ticket: int, costs: Mapping[LimitClass, int], now: float) -> None:
        self.state.grants[ticket] = dict(costs)
        self.take(costs, now)

    def _drop_empty_queues(self) -> None:
        self.state.queues = [one for one in self.state.queues if one.tickets]
