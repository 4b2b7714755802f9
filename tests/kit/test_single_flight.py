"""What many want to know at once is asked once."""

from __future__ import annotations

import asyncio

import pytest

from gl2gh_batch.kit.single_flight import SingleFlight


async def test_a_question_is_asked_only_once() -> None:
    """However many wait for the same answer, one asks; also "nobody" is remembered."""
    asked: list[str] = []
    gate = asyncio.Event()
    flight = SingleFlight()

    async def want(name: str) -> str | None:
        async def ask() -> str | None:
            asked.append(name)
            await gate.wait()
            return "x" if name == "ann" else None

        return await flight.once(name, ask)

    waiting = [asyncio.create_task(want(name)) for name in ("ann", "ann", "bob") * 20]
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*waiting) == ["x", "x", None] * 20
    assert (await want("bob"), await want("ann")) == (None, "x")
    assert asked == ["ann", "bob"]


async def test_an_error_reaches_all_who_wait_and_is_not_remembered() -> None:
    """A question that fails is asked again by the next one who wants to know."""
    asked = 0
    flight = SingleFlight()

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 1:
            raise OSError
        return asked

    answers = await asyncio.gather(*(flight.once("a", ask) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in answers] == [OSError] * 3
    assert await flight.once("a", ask) == 2
    assert await flight.once("a", ask) == 2


async def test_cancelling_one_who_waits_leaves_the_others_alone() -> None:
    """The first to ask may be cancelled; the question goes on for the rest."""
    gate = asyncio.Event()
    flight = SingleFlight()

    async def ask() -> str:
        await gate.wait()
        return "x"

    first = asyncio.create_task(flight.once("a", ask))
    second = asyncio.create_task(flight.once("a", ask))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    gate.set()
    assert await second == "x"
