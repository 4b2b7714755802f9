"""The governor: first come first served, wakes nobody for nothing, and closes for all at once."""

from __future__ import annotations

import asyncio
import threading

import pytest
from clocks import HandClock, RushingClock, settle
from hypothesis import given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import ConfigurationError, RateLimitedError, StoppedError
from gl2gh_batch.domain.events import Event, Waiting, WindowClosed
from gl2gh_batch.domain.limits import (
    CONTENT_COSTS,
    IMPORT_COSTS,
    READ_COSTS,
    WRITE_COSTS,
    Limit,
    LimitClass,
    LimitReport,
)
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.kit.governor import RequestGovernor

TWO_A_MINUTE = {LimitClass.CONTENT_MINUTE: Limit(limit=2, window_s=60.0)}
SECONDARY = LimitReport(refused="secondary")


def make(
    clock: HandClock, limits: dict[LimitClass, Limit] | None = None, events: list[Event] | None = None
) -> RequestGovernor:
    """A governor over a clock that the test moves."""
    return RequestGovernor(
        credential="github:test",
        limits=limits or {},
        clock=clock,
        emit=None if events is None else events.append,
        margin_s=0.0,
    )


async def one(governor: RequestGovernor, done: list[str], name: str, costs=CONTENT_COSTS) -> None:
    """One request that is answered at once."""
    async with governor.request(costs, who=name):
        done.append(name)


async def test_waiters_go_in_the_order_in_which_they_came() -> None:
    """Six requests under two a minute go in three pairs, in order."""
    clock, done = HandClock(), []
    governor = make(clock, TWO_A_MINUTE)
    tasks = [asyncio.create_task(one(governor, done, name)) for name in "abcdef"]
    await settle()
    assert done == ["a", "b"]
    await clock.advance(59.9)
    assert done == ["a", "b"]
    await clock.advance(0.1)
    assert done == ["a", "b", "c", "d"]
    await clock.advance(60)
    assert done == ["a", "b", "c", "d", "e", "f"]
    await asyncio.gather(*tasks)


async def test_five_thousand_waiters_cost_no_thread_and_wake_in_order() -> None:
    """Thousands wait on futures: no thread more than before, and all are served."""
    clock, done = RushingClock(), []
    governor = make(clock, {LimitClass.CONTENT_MINUTE: Limit(limit=80, window_s=60.0)})
    before = threading.active_count()
    names = [str(number) for number in range(5000)]

    async def request(name: str) -> None:
        async with governor.request(CONTENT_COSTS, who=f"project {int(name) % 20}"):
            done.append(name)

    tasks = [asyncio.create_task(request(name)) for name in names]
    await settle()
    assert threading.active_count() == before
    await asyncio.gather(*tasks)
    assert done == names
    # 5000 / 80 windows: one sleep each, not one for each waiter
    assert len(clock.slept) < 200


async def test_a_cancelled_waiter_takes_nothing_and_holds_up_nobody() -> None:
    """Cancelling a waiter, or one that was granted in the same moment, costs no budget."""
    clock, done = HandClock(), []
    governor = make(clock, TWO_A_MINUTE)
    tasks = [asyncio.create_task(one(governor, done, name)) for name in "abcd"]
    await settle()
    tasks[2].cancel()
    await clock.advance(60)
    assert done == ["a", "b", "d"]
    assert tasks[2].cancelled()
    last = asyncio.create_task(one(governor, done, "e"))
    await settle()
    assert done == ["a", "b", "d", "e"]
    await asyncio.gather(tasks[0], tasks[1], tasks[3], last)


async def test_a_task_cancelled_between_its_grant_and_its_turn_gives_the_grant_back() -> None:
    """A grant that nobody picks up is not lost."""
    clock, done = HandClock(), []
    governor = make(clock, {LimitClass.CONCURRENCY: Limit(limit=1)})
    first_done = asyncio.Event()

    async def first() -> None:
        async with governor.request(READ_COSTS):
            await first_done.wait()

    holder = asyncio.create_task(first())
    await settle()
    waiter = asyncio.create_task(one(governor, done, "waiter", READ_COSTS))
    await settle()
    first_done.set()
    await holder
    waiter.cancel()
    await settle()
    await asyncio.wait_for(one(governor, done, "next", READ_COSTS), 1)
    assert done[-1] == "next"
    assert governor.snapshot().in_flight == 0


async def test_a_grant_to_a_waiter_that_was_just_cancelled_is_given_back() -> None:
    """Cancelled and granted before its task could run: the next one gets the place."""
    clock, done = HandClock(), []
    governor = make(clock, {LimitClass.CONCURRENCY: Limit(limit=1)})
    async with governor.request(READ_COSTS):
        waiter = asyncio.create_task(one(governor, done, "waiter", READ_COSTS))
        await settle()
        waiter.cancel()
    await asyncio.wait_for(one(governor, done, "next", READ_COSTS), 1)
    assert done == ["next"]
    assert waiter.cancelled()
    assert governor.snapshot().requests == 2


async def test_a_refusal_with_retry_after_closes_for_all_and_reopens_for_all() -> None:
    """Nobody who shares the credential sends before the told moment, and everybody may after it."""
    clock, done, events = HandClock(), [], []
    governor = make(clock, events=events)
    async with governor.request(WRITE_COSTS) as permit:
        permit.report(LimitReport(refused="secondary", retry_after_s=30.0))
    tasks = [asyncio.create_task(one(governor, done, name)) for name in "abc"]
    await clock.advance(29.9)
    assert done == []
    await clock.advance(0.2)
    assert done == ["a", "b", "c"]
    await asyncio.gather(*tasks)
    assert [one for one in events if isinstance(one, WindowClosed)] == [
        WindowClosed(credential="github:test", reason="secondary", seconds=30.0)
    ]


async def test_secondary_refusals_without_a_time_wait_a_minute_then_double() -> None:
    """60 s, 120 s, 240 s; those already under way when it closed are the same offence; a success forgives."""
    clock = HandClock()
    governor = make(clock)
    waits: list[float] = []
    for _ in range(3):
        async with (
            governor.request(WRITE_COSTS) as permit,
            governor.request(WRITE_COSTS) as another,
        ):
            permit.report(SECONDARY)
            another.report(SECONDARY)
        waits.append(governor.snapshot().closed_for_s)
        await clock.advance(waits[-1])
    assert waits == [60.0, 120.0, 240.0]
    async with governor.request(WRITE_COSTS) as permit:
        permit.report(LimitReport())
    async with governor.request(WRITE_COSTS) as permit:
        permit.report(SECONDARY)
    assert governor.snapshot().closed_for_s == 60.0


async def test_a_primary_refusal_closes_until_the_reset() -> None:
    """`x-ratelimit-reset` ends the closing; one far beyond an hour is not believed."""
    clock = HandClock()
    governor = make(clock)
    async with governor.request(READ_COSTS) as permit:
        permit.report(LimitReport(limit=5000, remaining=0, reset_in_s=90.0, refused="primary"))
    assert governor.snapshot().closed_for_s == 90.0
    await clock.advance(91)
    async with governor.request(READ_COSTS) as permit:
        permit.report(LimitReport(limit=5000, remaining=0, reset_in_s=1e9, refused="primary"))
    assert governor.snapshot().closed_for_s == 3600.0


@pytest.mark.parametrize(
    "over",
    [
        LimitReport(limit=5000, remaining=0, reset_in_s=0.0, refused="primary"),
        LimitReport(refused="secondary", retry_after_s=0.0),
        LimitReport(refused="secondary", retry_after_s=-5.0),
    ],
)
async def test_a_refusal_whose_time_is_over_closes_for_a_second_and_then_for_twice_as_long(
    over: LimitReport,
) -> None:
    """A clock that is a little off costs a second; a server that means something else is not hammered."""
    clock = HandClock()
    governor = make(clock)
    waits: list[float] = []
    for _ in range(4):
        async with governor.request(WRITE_COSTS) as permit:
            permit.report(over)
        waits.append(governor.snapshot().closed_for_s)
        await clock.advance(waits[-1])
    assert waits == [1.0, 2.0, 4.0, 8.0]
    async with governor.request(WRITE_COSTS) as permit:  # a longer time that is told is what counts
        permit.report(LimitReport(refused="secondary", retry_after_s=30.0))
    assert governor.snapshot().closed_for_s == 30.0
    await clock.advance(30)
    async with governor.request(READ_COSTS) as permit:  # it says nothing of writes
        permit.report(LimitReport())
    async with governor.request(WRITE_COSTS) as permit:
        permit.report(over)
    assert governor.snapshot().closed_for_s == 32.0
    await clock.advance(32)
    async with governor.request(CONTENT_COSTS) as permit:
        permit.report(LimitReport())
    async with governor.request(WRITE_COSTS) as permit:
        permit.report(over)
    assert governor.snapshot().closed_for_s == 1.0


async def test_a_limit_of_a_short_window_does_not_shorten_the_hour_of_the_platform() -> None:
    """80 a minute to leave room for others: kept, and an exhausted hour is waited for as a whole."""
    clock, sent = RushingClock(), []
    governor = make(clock, {LimitClass.PRIMARY: Limit(limit=80, window_s=60.0)})
    began = clock.monotonic()
    resets_at, left, refused = began + 3000.0, 100, 0

    async def send() -> None:
        nonlocal left, resets_at, refused
        while True:
            async with governor.request(READ_COSTS) as permit:
                now = clock.monotonic()
                if now >= resets_at:
                    resets_at, left = resets_at + 3600.0, 5000
                refused += left == 0
                reason = None if left else "primary"
                left = max(0, left - 1)
                permit.report(
                    LimitReport(limit=5000, remaining=left, reset_in_s=resets_at - now, refused=reason)
                )
                if reason is None:
                    sent.append(now - began)
                    return

    await asyncio.gather(*(send() for _ in range(300)))
    assert refused == 0
    assert max(sent[:100]) < 61
    assert 3000 <= min(sent[100:]) < 3002
    assert max(sent) < 3000 + 3 * 61
    assert all(later - before >= 60 for before, later in zip(sent, sent[80:], strict=False))


async def test_a_refusal_under_a_limit_of_a_short_window_closes_until_the_reset() -> None:
    """Also where others have taken the hour, and the first answer is the refusal."""
    governor = make(HandClock(), {LimitClass.PRIMARY: Limit(limit=80, window_s=60.0)})
    async with governor.request(READ_COSTS) as permit:
        permit.report(LimitReport(limit=5000, remaining=0, reset_in_s=3000.0, refused="primary"))
    assert governor.snapshot().closed_for_s == 3000.0


async def test_where_the_platform_opens_later_than_it_told_one_request_looks_for_all() -> None:
    """Twenty are refused at once, and then one at a time until one gets through; then all go at once."""
    clock, done = HandClock(), []
    governor = make(clock, events=[])
    opens_at = clock.monotonic() + 3.0
    refused: list[float] = []

    async def send(name: str) -> None:
        while True:
            async with governor.request(CONTENT_COSTS, who=name) as permit:
                await clock.sleep(0.1)
                if clock.monotonic() >= opens_at:
                    permit.report(LimitReport(limit=5000, remaining=4999, reset_in_s=3600.0))
                    done.append(name)
                    return
                refused.append(clock.monotonic())
                permit.report(LimitReport(limit=5000, remaining=0, reset_in_s=0.0, refused="primary"))

    tasks = [asyncio.create_task(send(str(number))) for number in range(20)]
    await clock.advance(0.2)
    assert len(refused) == 20
    await clock.advance(10.0)
    await asyncio.gather(*tasks)
    assert len(done) == 20
    assert len(refused) <= 22


async def test_who_looks_and_is_slow_or_gets_no_answer_holds_up_nobody_for_long() -> None:
    """A second after the opening all may go, also where the one that looks, or one from before, goes on."""
    clock, done = HandClock(), []
    governor = make(clock)
    async with governor.request(READ_COSTS) as permit, governor.request(READ_COSTS):
        permit.report(LimitReport(refused="secondary", retry_after_s=0.0))
        tasks = [asyncio.create_task(one(governor, done, name)) for name in "abc"]
        await clock.advance(1.9)
        assert done == []
        await clock.advance(0.2)
        assert done == ["a", "b", "c"]
    await asyncio.gather(*tasks)


async def test_no_answer_closes_a_credential_for_more_than_a_day() -> None:
    """A broken server in between says anything; the rate-limit file would keep it for years."""
    governor = make(HandClock())
    async with governor.request(READ_COSTS) as permit:
        permit.report(LimitReport(refused="secondary", retry_after_s=9e11))
    assert governor.snapshot().closed_for_s == 86400.0


async def test_a_closing_beyond_all_patience_ends_the_waits() -> None:
    """Told to wait for a day, those who wait and those who come get `RateLimitedError`."""
    clock = HandClock()
    governor = make(clock, {LimitClass.CONCURRENCY: Limit(limit=1)})
    waiter = None
    async with governor.request(READ_COSTS) as permit:
        waiter = asyncio.create_task(one(governor, [], "a", READ_COSTS))
        await settle()
        permit.report(LimitReport(refused="secondary", retry_after_s=86400.0))
    with pytest.raises(RateLimitedError):
        await waiter
    with pytest.raises(RateLimitedError, match=r"24\.0 hours"):
        await one(governor, [], "b")


async def test_stopping_ends_waits_and_grants_nothing_more() -> None:
    """Who waits and who comes later gets `StoppedError`; what is in flight ends in peace."""
    clock, done = HandClock(), []
    governor = make(clock, TWO_A_MINUTE)
    async with governor.request(CONTENT_COSTS):
        tasks = [asyncio.create_task(one(governor, done, name)) for name in "abc"]
        await settle()
        governor.stop("a signal came")
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert done == ["a"]
    assert [type(result) for result in results] == [type(None), StoppedError, StoppedError]
    with pytest.raises(StoppedError, match="a signal came"):
        await one(governor, done, "d")
    with pytest.raises(StoppedError):
        async with governor.writer("acme/app"):
            pass


async def test_waiting_is_told_once_for_each_project_and_never_for_short_waits() -> None:
    """An event names the project, the budget and the seconds; a hundred waiters of one project make one."""
    clock, done, events = HandClock(), [], []
    governor = make(clock, TWO_A_MINUTE, events)
    tasks = [asyncio.create_task(one(governor, done, "app")) for _ in range(100)]
    tasks.append(asyncio.create_task(one(governor, done, "web")))
    await settle()
    assert events == [
        Waiting(project="app", credential="github:test", limit_class="content_minute", seconds=60.0),
        Waiting(project="web", credential="github:test", limit_class="content_minute", seconds=60.0),
    ]
    waits = governor.snapshot().waits
    assert waits["web"].limit_class == "content_minute"
    assert waits["web"].until == clock.monotonic() + 60.0
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert governor.snapshot().waiting == 0
    assert governor.snapshot().waits == {}

    events.clear()
    quick = make(clock, {LimitClass.POINTS: Limit(limit=1, window_s=0.5)}, events)
    tasks = [asyncio.create_task(one(quick, done, "app", READ_COSTS)) for _ in range(2)]
    await clock.advance(1)
    await asyncio.gather(*tasks)
    assert events == []


async def test_one_writer_for_each_repository() -> None:
    """Two writers of one repository take turns; of two repositories they do not."""
    governor, order = make(HandClock()), []

    async def write(repo: str, name: str) -> None:
        async with governor.writer(repo):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(write("acme/app", "a"), write("acme/app", "b"), write("acme/web", "c"))
    assert order.index("a out") < order.index("b in")
    assert order.index("c in") < order.index("a out")


async def test_imports_are_paced_as_content_after_a_secondary_refusal() -> None:
    """Imports draw on the content budgets only once the platform refused one by its secondary limit."""
    governor = make(HandClock())
    assert governor.costs_for(Pace.IMPORT) == IMPORT_COSTS
    governor.refused(Pace.IMPORT, LimitReport(refused="primary"))
    governor.refused(Pace.CONTENT, SECONDARY)
    assert governor.costs_for(Pace.IMPORT) == IMPORT_COSTS
    governor.refused(Pace.IMPORT, SECONDARY)
    assert governor.costs_for(Pace.IMPORT) == CONTENT_COSTS
    assert governor.snapshot().imports_are_content


async def test_an_instance_that_tells_no_limit_has_none() -> None:
    """Enterprise Server without headers is not paced; from the first header on it is."""
    clock, done = HandClock(), []
    governor = RequestGovernor(
        credential="ghes", limits={}, clock=clock, limits_when_told=TWO_A_MINUTE, margin_s=0.0
    )
    for number in range(50):
        await one(governor, done, str(number))
    assert len(done) == 50
    async with governor.request(READ_COSTS) as permit:
        permit.report(LimitReport(limit=5000, remaining=4999, reset_in_s=3600.0))
    tasks = [asyncio.create_task(one(governor, done, name)) for name in "abc"]
    await settle()
    assert done[50:] == ["a", "b"]
    await clock.advance(60)
    assert done[50:] == ["a", "b", "c"]
    await asyncio.gather(*tasks)


async def test_impossible_costs_are_refused_at_once() -> None:
    """A limit that is smaller than one request is a configuration error, not an endless wait."""
    governor = make(HandClock(), {LimitClass.POINTS: Limit(limit=4, window_s=60.0)})
    with pytest.raises(ConfigurationError, match="points"):
        await one(governor, [], "a")


async def test_the_snapshot_counts_requests_units_and_refusals() -> None:
    """Counters by class, for reports."""
    governor = make(RushingClock())
    async with governor.request(CONTENT_COSTS) as permit:
        assert governor.snapshot().in_flight == 1
        permit.report(LimitReport(refused="secondary", retry_after_s=0.0))
    await one(governor, [], "a", READ_COSTS)
    snapshot = governor.snapshot()
    assert snapshot.requests == 2
    assert snapshot.units[LimitClass.POINTS] == 6
    assert snapshot.units[LimitClass.CONTENT_HOUR] == 1
    assert snapshot.refusals == {"secondary": 1}


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("rwc"), st.integers(0, 3), st.booleans()), min_size=1, max_size=40))
def test_whoever_is_not_cancelled_is_served_and_nothing_stays_held(
    plans: list[tuple[str, int, bool]],
) -> None:
    """Any mixture of requests and cancels ends with everybody served and no request left in flight."""
    asyncio.run(_mixture(plans))


async def _mixture(plans: list[tuple[str, int, bool]]) -> None:
    clock, done = RushingClock(), []
    limits = {
        LimitClass.POINTS: Limit(limit=7, window_s=10.0),
        LimitClass.CONTENT_MINUTE: Limit(limit=2, window_s=30.0),
        LimitClass.CONCURRENCY: Limit(limit=3),
    }
    governor = make(clock, limits)
    costs = {"r": READ_COSTS, "w": WRITE_COSTS, "c": CONTENT_COSTS}

    async def request(name: str, kind: str, turns: int) -> None:
        async with governor.request(costs[kind], who=name):
            for _ in range(turns):
                await asyncio.sleep(0)
            done.append(name)

    tasks = []
    for number, (kind, turns, cancelled) in enumerate(plans):
        task = asyncio.create_task(request(str(number), kind, turns))
        tasks.append(task)
        if cancelled:
            await asyncio.sleep(0)
            task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    kept = [str(number) for number, (_, _, cancelled) in enumerate(plans) if not cancelled]
    assert set(kept) <= set(done)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    snapshot = governor.snapshot()
    assert (snapshot.in_flight, snapshot.waiting) == (0, 0)
