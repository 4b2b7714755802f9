"""The loop whose time jumps: what it may skip, and what it has to wait for."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from datetime import timedelta

import pytest
from aiohttp import web
from servers import serving
from virtual import STARTED_AT, VirtualClock, VirtualLoop, run_virtual

FAR_S = 100_000.0


async def _fetch(url: str) -> int:
    """Ask by a library that blocks, in a thread."""

    def ask() -> int:
        with urllib.request.urlopen(url) as answer:
            return len(answer.read())

    return await asyncio.get_running_loop().run_in_executor(None, ask)


def _now() -> float:
    return asyncio.get_running_loop().time()


def test_waiting_costs_next_to_nothing() -> None:
    """Many sleepers over a thousand seconds take less than a thousandth of that."""

    async def main() -> float:
        await asyncio.gather(*(asyncio.sleep(1000 * number / 200) for number in range(1, 201)))
        return _now()

    began = time.monotonic()
    assert run_virtual(main()) == pytest.approx(1000)
    assert (time.monotonic() - began) / 1000 < 0.001


def test_timers_fire_in_the_order_of_their_moments_each_at_its_own() -> None:
    """Whoever is due first wakes first, those of one moment in the order in which they went to sleep."""
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((name, _now()))

    async def main() -> None:
        plan = [("d", 3600.0), ("b", 2.0), ("a", 0.5), ("c", 2.0)]
        await asyncio.gather(*(sleeper(name, seconds) for name, seconds in plan))

    run_virtual(main())
    assert [name for name, _ in woken] == ["a", "b", "c", "d"]
    assert [at for _, at in woken] == pytest.approx([0.5, 2.0, 2.0, 3600.0])


def test_a_timeout_ends_what_takes_longer_and_nothing_else() -> None:
    """A timeout fires at its moment, and a cancelled timer moves no clock."""

    async def main() -> tuple[float, float]:
        async with asyncio.timeout(10):
            await asyncio.sleep(9.5)
        before = _now()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(FAR_S)
        return before, _now()

    assert list(run_virtual(main())) == pytest.approx([9.5, 14.5])


def test_work_without_waiting_takes_no_time() -> None:
    """Tasks that give each other turns see the same moment."""

    async def main() -> float:
        far = asyncio.create_task(asyncio.sleep(FAR_S))
        for _ in range(1000):
            await asyncio.sleep(0)
        far.cancel()
        return _now()

    assert run_virtual(main()) == 0


def test_a_task_that_never_rests_does_not_starve_the_timers() -> None:
    """Time passes for a task that asks in a loop whether it has."""

    async def main() -> int:
        waited = asyncio.create_task(asyncio.sleep(1))
        turns = 0
        while not waited.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert run_virtual(main()) > 0


def test_an_exchange_over_loopback_is_over_before_time_jumps() -> None:
    """A server in the same loop answers in the moment of the question, whatever timer waits."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"x" * 300_000)

    async def main() -> tuple[int, float]:
        far = asyncio.create_task(asyncio.sleep(FAR_S))
        async with serving(answer) as seen:
            sizes = [await _fetch(seen.url) for _ in range(20)]
            at = _now()
        far.cancel()
        return sum(sizes), at

    size, at = run_virtual(main())
    assert size == 20 * 300_000
    assert at < FAR_S / 1000


def test_a_thread_that_waits_for_an_answer_lets_time_go_on() -> None:
    """An answer that takes an hour comes at once, an hour later."""

    async def answer(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3600)
        return web.Response(text="at last")

    async def main() -> tuple[int, float]:
        async with serving(answer) as seen:
            return await _fetch(seen.url), _now()

    size, at = run_virtual(main())
    assert size == len("at last")
    assert at == pytest.approx(3600)


def test_a_thread_that_waits_for_the_loop_lets_time_go_on() -> None:
    """A thread may wait for a coroutine of the loop that sleeps."""

    async def main() -> float:
        loop = asyncio.get_running_loop()

        def ask() -> None:
            asyncio.run_coroutine_threadsafe(asyncio.sleep(500), loop).result()

        await asyncio.gather(*(loop.run_in_executor(None, ask) for _ in range(3)))
        return _now()

    assert run_virtual(main()) == pytest.approx(500)


def test_time_stands_still_while_a_thread_or_a_child_works() -> None:
    """What happens outside of the loop takes no virtual time."""

    async def main() -> list[float]:
        far = asyncio.create_task(asyncio.sleep(FAR_S))
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, 0.05)
        after_thread = _now()
        child = await asyncio.create_subprocess_exec("sleep", "0.3")
        await child.wait()
        far.cancel()
        return [after_thread, _now()]

    assert run_virtual(main()) == [0, 0]


def test_the_date_moves_with_the_time() -> None:
    """A day of sleep is a day later by the clock."""

    async def main() -> timedelta:
        clock = VirtualClock()
        await clock.sleep(86_400)
        return clock.now() - STARTED_AT

    assert run_virtual(main()) == timedelta(days=1)


def test_a_jump_is_counted_and_a_turn_is_not() -> None:
    """`jumps` tells how often the clock was set forward."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        for _ in range(5):
            await asyncio.sleep(1)
            await asyncio.sleep(0)
        return loop.jumps

    assert run_virtual(main()) == 5
