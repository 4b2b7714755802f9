"""The windows: exact on the server's side of the wire, in order, and never idle for nothing."""

from __future__ import annotations

import heapq
import json
from collections import deque
from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.limits import CONTENT_COSTS, READ_COSTS, WRITE_COSTS, Costs, Limit, LimitClass
from gl2gh_batch.kit.windows import Decision, State, Windows

POINTS = {LimitClass.POINTS: Limit(limit=3, window_s=10.0)}
ONE: Costs = {LimitClass.POINTS: 1}
LIMITS = {
    LimitClass.PRIMARY: Limit(limit=40, window_s=50.0),
    LimitClass.POINTS: Limit(limit=20, window_s=10.0),
    LimitClass.CONTENT_MINUTE: Limit(limit=3, window_s=10.0),
    LimitClass.CONTENT_HOUR: Limit(limit=7, window_s=40.0),
    LimitClass.CONCURRENCY: Limit(limit=4),
}


def ask(windows: Windows, now: float, *costs: Costs) -> tuple[list[int], Decision]:
    """Queue tickets and decide."""
    tickets = [windows.ask(one) for one in costs]
    return tickets, windows.decide(now)


def test_a_full_window_opens_one_length_after_the_completion_and_not_after_the_grant() -> None:
    """Units are held while a request is in flight and for one window after its answer."""
    windows = Windows(POINTS, margin_s=0.0)
    tickets, decision = ask(windows, 0.0, ONE, ONE, ONE, ONE)
    assert decision.granted == tuple(tickets[:3])
    assert decision.look_again_at is None
    for ticket, done_at in zip(tickets, (4.0, 5.0, 6.0), strict=False):
        windows.finish(ticket, done_at)
    assert windows.decide(6.0).look_again_at == 14.0
    assert windows.decide(13.9).granted == ()
    assert windows.decide(14.0).granted == (tickets[3],)


def test_three_hundred_creations_need_three_minutes() -> None:
    """Windows are not spaced evenly: 300 creations under 80/min and 500/h end within four windows."""
    limits = {
        LimitClass.CONTENT_MINUTE: Limit(limit=80, window_s=60.0),
        LimitClass.CONTENT_HOUR: Limit(limit=500, window_s=3600.0),
    }
    windows = Windows(limits)
    for _ in range(300):
        windows.ask(CONTENT_COSTS)
    now, granted = 0.0, 0
    while granted < 300:
        decision = windows.decide(now)
        granted += len(decision.granted)
        for ticket in decision.granted:
            windows.finish(ticket, now)
        now = max(now, decision.look_again_at or now)
    assert now < 3 * 60 + 1


def test_reads_flow_past_a_write_that_waits_for_the_hour() -> None:
    """A ticket that lacks room in one class holds nobody up in the others."""
    windows = Windows(LIMITS, margin_s=0.0)
    for _ in range(7):
        windows.ask({LimitClass.CONTENT_HOUR: 1})
    for ticket in windows.decide(0.0).granted:
        windows.finish(ticket, 0.0)
    (write, read), decision = ask(windows, 1.0, CONTENT_COSTS, READ_COSTS)
    assert decision.granted == (read,)
    [blocked] = decision.blocked
    assert blocked.limit_class is LimitClass.CONTENT_HOUR
    assert blocked.until == 40.0
    windows.finish(read, 1.0)
    assert windows.decide(40.0).granted == (write,)


def test_a_cheap_request_does_not_overtake_a_dear_one_in_the_class_that_it_waits_for() -> None:
    """A write that lacks points reserves them: reads that came later wait behind it."""
    windows = Windows({LimitClass.POINTS: Limit(limit=5, window_s=10.0)}, margin_s=0.0)
    (first, write, read), decision = ask(windows, 0.0, READ_COSTS, WRITE_COSTS, READ_COSTS)
    assert decision.granted == (first,)
    windows.finish(first, 0.0)
    assert windows.decide(9.0).granted == ()
    assert windows.decide(10.0).granted == (write,)
    windows.finish(write, 10.0)
    assert windows.decide(20.0).granted == (read,)


def test_a_closed_credential_grants_nothing_and_a_closed_class_only_stops_its_own() -> None:
    """Closings hold for all or for one class, and are never shortened."""
    windows = Windows(LIMITS)
    windows.close(5.0)
    windows.close(3.0)
    (read,), decision = ask(windows, 4.0, READ_COSTS)
    assert decision.granted == ()
    assert decision.look_again_at == 5.0
    assert windows.decide(5.0).granted == (read,)
    windows.close(9.0, LimitClass.CONTENT_MINUTE)
    (content, other), decision = ask(windows, 6.0, CONTENT_COSTS, WRITE_COSTS)
    assert decision.granted == (other,)
    assert decision.look_again_at == 9.0
    assert windows.decide(9.0).granted == (content,)


def test_the_header_ends_the_primary_window_and_shows_what_others_took() -> None:
    """The told remainder counts requests that we never made; the told reset frees all at once."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=10, window_s=3600.0)}, margin_s=0.0)
    (first,), _ = ask(windows, 0.0, READ_COSTS)
    windows.hear(10, 2, 100.0, 1.0)
    windows.finish(first, 1.0)
    assert windows.free(LimitClass.PRIMARY, 1.0) == 2
    tickets, decision = ask(windows, 2.0, READ_COSTS, READ_COSTS, READ_COSTS)
    assert decision.granted == tuple(tickets[:2])
    assert decision.look_again_at == 101.0
    for ticket in tickets[:2]:
        windows.finish(ticket, 3.0)
    assert windows.decide(101.0).granted == (tickets[2],)
    assert windows.free(LimitClass.PRIMARY, 101.0) == 9


@pytest.mark.parametrize(("told_raises", "granted"), [(True, 14), (False, 4)])
def test_a_token_that_may_more_is_used_so_where_nobody_named_a_number(
    told_raises: bool, granted: int
) -> None:
    """An App may have 15,000 requests an hour: the header says it; a limit that somebody set stays."""
    limits = {LimitClass.PRIMARY: Limit(limit=5, window_s=3600.0)}
    windows = Windows(limits, margin_s=0.0, told_raises=told_raises)
    (first,), _ = ask(windows, 0.0, READ_COSTS)
    windows.hear(15, 14, 100.0, 1.0)
    windows.finish(first, 1.0)
    _, decision = ask(windows, 2.0, *[READ_COSTS] * 20)
    assert len(decision.granted) == granted
    assert decision.look_again_at == 101.0
    windows.hear(8, 0, 100.0, 102.0)  # it has less in the next window
    assert windows.free(LimitClass.PRIMARY, 102.0) == 0


@pytest.mark.parametrize(
    ("limit", "remaining", "reset_in_s"), [(-5, 3, 60.0), (0, 0, 60.0), (10, 9, -1.0), (10, 9, 0.0)]
)
def test_headers_that_no_server_means_teach_nothing(limit: int, remaining: int, reset_in_s: float) -> None:
    """A broken proxy's numbers close no window."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=10, window_s=3600.0)}, margin_s=0.0, told_raises=True)
    windows.hear(limit, remaining, reset_in_s, 0.0)
    assert windows.free(LimitClass.PRIMARY, 0.0) == 10


def test_a_remainder_below_nothing_is_nothing() -> None:
    """What others took is no more than the whole."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=10, window_s=3600.0)}, margin_s=0.0)
    windows.hear(10, -90, 60.0, 0.0)
    assert windows.use(0.0)[LimitClass.PRIMARY].used == 10
    assert windows.state.told.others == 10


def test_requests_in_flight_are_not_taken_for_those_of_others() -> None:
    """A remainder that does not yet count what is in flight does not reduce the room twice."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=10, window_s=3600.0)}, margin_s=0.0)
    (first, second, _), _ = ask(windows, 0.0, READ_COSTS, READ_COSTS, READ_COSTS)
    windows.hear(10, 9, 3600.0, 1.0)
    windows.finish(first, 1.0)
    windows.hear(10, 8, 3599.0, 2.0)
    windows.finish(second, 2.0)
    assert windows.free(LimitClass.PRIMARY, 2.0) == 7


def test_what_is_in_flight_when_the_window_ends_counts_in_the_new_one() -> None:
    """A request sent before the reset may arrive after it: its place is kept."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=3, window_s=100.0)}, margin_s=0.0)
    ask(windows, 0.0, READ_COSTS, READ_COSTS)
    assert windows.free(LimitClass.PRIMARY, 100.0) == 1


def test_a_new_window_is_learned_from_the_header_before_our_own_count_ends() -> None:
    """The server's window began earlier than ours: its reset opens the next one."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=5, window_s=100.0)}, margin_s=0.0)
    tickets, _ = ask(windows, 0.0, *[READ_COSTS] * 5)
    windows.hear(5, 1, 90.0, 1.0)
    windows.finish(tickets[0], 1.0)
    assert windows.free(LimitClass.PRIMARY, 1.0) == 0
    windows.hear(5, 4, 99.0, 60.0)
    windows.finish(tickets[1], 60.0)
    assert windows.state.told.resets_at == 159.0
    # three still in flight and the one that was just answered
    assert windows.free(LimitClass.PRIMARY, 60.0) == 1


def test_a_late_answer_of_the_window_before_changes_nothing() -> None:
    """Its remainder is that of a window which is over."""
    windows = Windows({LimitClass.PRIMARY: Limit(limit=100, window_s=100.0)}, margin_s=0.0)
    (late, early), _ = ask(windows, 0.0, READ_COSTS, READ_COSTS)
    windows.hear(100, 99, 100.0, 50.0)
    windows.finish(early, 50.0)
    before = windows.free(LimitClass.PRIMARY, 51.0)
    windows.hear(100, 0, 20.0, 51.0)
    windows.finish(late, 51.0)
    assert windows.free(LimitClass.PRIMARY, 51.0) == before == 98


def test_what_headers_said_does_not_outlive_its_window() -> None:
    """An instance whose layers send headers only at times is not held to an old remainder."""
    windows = Windows({}, margin_s=0.0, told_class=LimitClass.GITLAB_REQUESTS)
    cost = {LimitClass.GITLAB_REQUESTS: 1}
    (first,), _ = ask(windows, 0.0, cost)
    windows.hear(2000, 0, 30.0, 1.0)
    windows.finish(first, 1.0)
    (waiting,), decision = ask(windows, 2.0, cost)
    assert (decision.granted, decision.look_again_at) == ((), 31.0)
    assert windows.decide(31.0).granted == (waiting,)
    assert windows.free(LimitClass.GITLAB_REQUESTS, 31.0) is None


def test_without_headers_and_without_a_limit_there_is_no_primary_budget() -> None:
    """GitHub Enterprise Server without limits tells nothing, and nothing is rationed."""
    windows = Windows({})
    tickets, decision = ask(windows, 0.0, *[READ_COSTS] * 500)
    assert decision.granted == tuple(tickets)
    windows.hear(None, None, None, 1.0)
    assert windows.free(LimitClass.PRIMARY, 1.0) is None


def test_a_withdrawn_ticket_leaves_no_trace_and_a_withdrawn_grant_gives_its_units_back() -> None:
    """Cancelling costs no budget, whether the ticket waited or was just granted."""
    windows = Windows(POINTS, margin_s=0.0)
    tickets, _ = ask(windows, 0.0, ONE, ONE, ONE, ONE, ONE)
    windows.withdraw(tickets[3])
    windows.withdraw(tickets[0])
    assert windows.decide(0.0).granted == (tickets[4],)
    assert windows.state.queues == []


def test_costs_above_a_whole_limit_are_named() -> None:
    """What no wait could satisfy is said, and not waited for."""
    windows = Windows({LimitClass.POINTS: Limit(limit=4, window_s=60.0)})
    assert windows.impossible(WRITE_COSTS) is LimitClass.POINTS
    assert windows.impossible(READ_COSTS) is None


def test_the_state_survives_a_file() -> None:
    """State is plain data: written as JSON and read again it decides the same."""
    windows = Windows(LIMITS)
    tickets, _ = ask(windows, 0.0, *[CONTENT_COSTS] * 6)
    windows.finish(tickets[0], 1.0)
    windows.hear(40, 30, 20.0, 1.0)
    text = json.dumps(msgspec.to_builtins(windows.state))
    again = Windows(LIMITS, state=msgspec.convert(json.loads(text), State, str_keys=True))
    assert again.state == windows.state
    assert again.decide(11.2) == windows.decide(11.2)


@dataclass
class Server:
    """Counts what arrives: sliding windows, one fixed window, and how many are there at once."""

    sliding: dict[LimitClass, deque[tuple[float, int]]] = field(default_factory=dict)
    fixed_ends: float = float("-inf")
    fixed_used: int = 0
    present: int = 0

    def arrive(self, costs: Costs, now: float) -> tuple[int, float]:
        """Book, and fail on any violation; answers with remainder and reset of the fixed window."""
        for name, units in costs.items():
            limit = LIMITS[name]
            if name is LimitClass.CONCURRENCY:
                self.present += units
                assert self.present <= limit.limit
            elif name is LimitClass.PRIMARY:
                if now >= self.fixed_ends:
                    self.fixed_ends, self.fixed_used = now + limit.window_s, 0
                self.fixed_used += units
                assert self.fixed_used <= limit.limit
            else:
                log = self.sliding.setdefault(name, deque())
                while log and log[0][0] <= now - limit.window_s:
                    log.popleft()
                log.append((now, units))
                assert sum(one for _, one in log) <= limit.limit, f"{name} is violated at {now}"
        return LIMITS[LimitClass.PRIMARY].limit - self.fixed_used, self.fixed_ends - now

    def leave(self, costs: Costs) -> None:
        """The answer is on its way."""
        self.present -= costs.get(LimitClass.CONCURRENCY, 0)


request_plans = st.lists(
    st.tuples(
        st.sampled_from([READ_COSTS, WRITE_COSTS, CONTENT_COSTS]),
        st.floats(0, 30),  # when it is asked for
        st.floats(0, 8),  # on the way to the server
        st.floats(0, 8),  # on the way back
    ),
    min_size=1,
    max_size=60,
)


@given(request_plans)
def test_the_server_never_sees_a_violation_and_everybody_is_served_in_order(
    plans: list[tuple[Costs, float, float, float]],
) -> None:
    """Whatever the latencies: no limit is exceeded on the server, nobody starves, equals keep their order."""
    windows, server = Windows(LIMITS, margin_s=0.001), Server()
    events = [(at, number, "ask") for number, (_, at, _, _) in enumerate(plans)]
    heapq.heapify(events)
    plan_of: dict[int, int] = {}
    told: dict[int, tuple[int, float, float]] = {}
    granted_order: list[int] = []
    steps = 0
    while events:
        steps += 1
        assert steps < 50 * len(plans) + 100, "it never ends"
        now, number, what = heapq.heappop(events)
        costs, _, there, back = plans[number] if number >= 0 else (READ_COSTS, 0, 0, 0)
        if what == "ask":
            plan_of[windows.ask(costs)] = number
        elif what == "arrive":
            remaining, reset_in = server.arrive(costs, now)
            told[number] = (remaining, reset_in, now)
            heapq.heappush(events, (now + back, number, "finish"))
            server.leave(costs) if back == 0 else heapq.heappush(events, (now + back / 2, number, "leave"))
        elif what == "leave":
            server.leave(costs)
        elif what == "finish":
            remaining, reset_in, _ = told[number]
            windows.hear(LIMITS[LimitClass.PRIMARY].limit, remaining, reset_in, now)
            windows.finish(next(t for t, n in plan_of.items() if n == number), now)
        decision = windows.decide(now)
        for ticket in decision.granted:
            granted_order.append(plan_of[ticket])
            heapq.heappush(events, (now + plans[plan_of[ticket]][2], plan_of[ticket], "arrive"))
        if decision.look_again_at is not None:
            assert decision.look_again_at > now
            heapq.heappush(events, (decision.look_again_at, -1, "tick"))
        del there
    assert sorted(granted_order) == list(range(len(plans)))
    asked = {number: at for number, (_, at, _, _) in enumerate(plans)}
    for kind in (READ_COSTS, WRITE_COSTS, CONTENT_COSTS):
        same = [number for number in granted_order if plans[number][0] is kind]
        assert same == sorted(same, key=lambda number: (asked[number], number))


@given(st.integers(1, 60), st.integers(1, 9))
def test_nothing_is_idle_for_nothing(requests: int, limit: int) -> None:
    """With answers at once, n requests under l per window end after ceil(n / l) - 1 windows."""
    windows = Windows({LimitClass.POINTS: Limit(limit=limit, window_s=10.0)}, margin_s=0.0)
    for _ in range(requests):
        windows.ask(ONE)
    now, left = 0.0, requests
    while left:
        decision = windows.decide(now)
        left -= len(decision.granted)
        for ticket in decision.granted:
            windows.finish(ticket, now)
        if left:
            now = windows.decide(now).look_again_at or now
    assert now == pytest.approx(10.0 * (-(-requests // limit) - 1))
