"""Several pieces of work side by side: in order, a few at a time, and nothing left over after an error."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from gl2gh_batch.kit.together import together


async def test_the_results_are_in_order_and_only_a_few_are_under_way() -> None:
    """Whoever ends first, each result is at the place of its work."""
    now = most = 0

    async def work(number: int) -> int:
        nonlocal now, most
        now += 1
        most = max(most, now)
        for _ in range(10 - number):
            await asyncio.sleep(0)
        now -= 1
        return number

    assert await together([partial(work, number) for number in range(10)], most=3) == list(range(10))
    assert most == 3
    assert await together([], most=3) == []


async def test_the_first_error_ends_the_others() -> None:
    """It is raised when nothing is under way any more; cancelling the whole does the same."""
    ended: list[str] = []

    async def stay() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("stayed")

    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError

    with pytest.raises(ValueError):
        await together([stay, fail, stay], most=3)
    assert ended == ["stayed", "stayed"]
    task = asyncio.create_task(together([stay], most=1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(ended) == 3
