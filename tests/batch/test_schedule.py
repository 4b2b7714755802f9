"""In which order projects go, and how many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from brisk import BriskClock
from clocks import HandClock
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.batch.schedule import Room, budgets_report, memory_share, order, predicted_s
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor


@given(st.lists(st.tuples(st.integers(-3, 3), st.floats(0, 1e6))))
def test_priority_comes_first_and_then_the_costlier(projects: list[tuple[int, float]]) -> None:
    """The order is a permutation, sorted by priority and then by cost, stable among equals."""
    places = order([one for one, _ in projects], [cost for _, cost in projects])
    assert sorted(places) == list(range(len(projects)))
    keys = [(-projects[place][0], -projects[place][1], place) for place in places]
    assert keys == sorted(keys)


def test_a_plan_tells_more_than_numbers_and_numbers_more_than_nothing() -> None:
    """The prediction uses the best that is known."""
    numbers = Numbers(highest_issue=1000)
    assert predicted_s(numbers, 2.0) == 7200
    assert predicted_s(numbers, None) > 1000
    assert predicted_s(None, None) < predicted_s(Numbers(highest_issue=10), None)


async def run(room: Room, count: int) -> tuple[int, list[int]]:
    """Let so many through; the most that were in at once, and the order in which they got in."""
    inside = highest = 0
    came: list[int] = []

    async def one(number: int) -> None:
        nonlocal inside, highest
        async with room.enter():
            came.append(number)
            inside += 1
            highest = max(highest, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(one(number) for number in range(count)))
    return highest, came


def room(limit: int, *, memory: Callable[[], float] = lambda: 0.0) -> Room:
    """A room without budgets."""
    return Room(limit=limit, clock=SystemClock(), governors=tuple, writing=True, memory_used=memory)


async def test_never_more_than_the_limit_and_in_the_order_of_coming() -> None:
    """All get in, at most `limit` at once, first come first served."""
    for limit in (1, 3, 20):
        opened = room(limit)
        highest, came = await run(opened, 30)
        assert highest == min(limit, 30)
        assert came == list(range(30))
        assert opened.report()["highest"] == highest


async def test_without_memory_they_go_one_at_a_time_and_the_result_says_why() -> None:
    """A full memory holds back all but one; nobody waits for ever."""
    opened = room(5, memory=lambda: 0.9)
    highest, _ = await run(opened, 4)
    assert highest == 1
    assert opened.report()["held_back_s"]["memory"] > 0


async def test_when_all_wait_long_for_a_budget_no_more_are_let_in() -> None:
    """Two share an hour's window: a third would only wait with them, and the result says why."""
    clock = BriskClock(500)
    limits = {LimitClass.CONTENT_HOUR: Limit(limit=1, window_s=3600.0)}
    governor = RequestGovernor(credential="g", clock=clock, limits=limits)
    opened = Room(limit=5, clock=clock, governors=lambda: (governor,), writing=True, memory_used=lambda: 0.0)

    async def one(name: str) -> None:
        async with opened.enter(), governor.request({LimitClass.CONTENT_HOUR: 1}, who=name):
            pass

    tasks = [asyncio.create_task(one(name)) for name in "abcd"]
    while not opened.report()["held_back_s"]:  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0)
    assert opened.report()["held_back_s"].keys() == {"budget"}
    assert opened.report()["highest"] == 2
    (spent,) = budgets_report([governor])
    assert (spent["requests"], spent["margin_s"]) == (1, governor.snapshot().margin_s)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_who_has_another_credential_is_not_held_back_by_those_that_wait() -> None:
    """Two wait for A's hour: what also draws on A stays outside, and what draws on B passes it by."""
    clock = HandClock()
    limits = {LimitClass.CONTENT_HOUR: Limit(limit=10, window_s=3600.0)}
    source = RequestGovernor(credential="source", clock=clock, limits={})
    a, b = (RequestGovernor(credential=name, clock=clock, limits=limits) for name in "ab")
    opened = Room(
        limit=20,
        clock=clock,
        governors=lambda: (source, a, b),
        writing=True,
        memory_used=lambda: 0.0,
    )
    came: dict[str, float] = {}

    async def one(name: str, governor: RequestGovernor) -> None:
        async with opened.enter(lambda: (source, governor)):
            came[name] = clock.monotonic()
            for _ in range(20):
                async with governor.request({LimitClass.CONTENT_HOUR: 1}, who=name):
                    pass

    began = clock.monotonic()
    tasks = [asyncio.create_task(one(name, a)) for name in ("a1", "a2")]
    await clock.advance(30)
    tasks += [asyncio.create_task(one(name, a)) for name in ("a3", "a4")]
    tasks += [asyncio.create_task(one(name, b)) for name in ("b1", "b2")]
    await clock.advance(60)
    tasks += [asyncio.create_task(one("b3", b))]
    await clock.advance(60)
    assert {name: at - began for name, at in came.items()} == {"a1": 0, "a2": 0, "b1": 30, "b2": 30}
    assert 100 <= opened.report()["held_back_s"]["budget"] <= 125
    await clock.advance(5 * 3600)
    assert list(came) == ["a1", "a2", "b1", "b2", "a3", "a4", "b3"]
    await clock.advance(20 * 3600)
    await asyncio.gather(*tasks)


async def test_who_is_cancelled_at_the_door_holds_up_nobody() -> None:
    """The next one in line gets in."""
    opened = room(1)
    order: list[str] = []

    async def one(name: str) -> None:
        async with opened.enter():
            order.append(name)
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(one(name)) for name in "abc"]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == ["a", "c"]


def test_the_share_of_memory_is_read_from_the_machine() -> None:
    """A test process uses some memory, and not nearly all."""
    assert 0.0 < memory_share() < 0.9
