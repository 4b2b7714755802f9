"""Reading a little ahead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gl2gh_batch.kinds._ahead import ahead


async def numbers(count: int) -> AsyncIterator[int]:
    """So many numbers from 0."""
    for number in range(count):
        yield number


@pytest.mark.parametrize("most", [1, 3, 50])
async def test_results_come_in_order_with_a_bounded_number_under_way(most: int) -> None:
    """Whatever takes longer, the order is that of the items, and never more than `most` are under way."""
    at_once = highest = 0

    async def work(number: int) -> int:
        nonlocal at_once, highest
        at_once += 1
        highest = max(highest, at_once)
        for _ in range(number * 7 % 5):
            await asyncio.sleep(0)
        at_once -= 1
        return number * 2

    assert [one async for one in ahead(numbers(20), work, most=most)] == [2 * one for one in range(20)]
    assert highest <= most
    assert highest > 1 or most == 1


async def test_an_error_ends_it_and_leaves_nothing_under_way() -> None:
    """What was read ahead is cancelled when an earlier answer fails."""
    cancelled = []

    async def work(number: int) -> int:
        if number == 2:
            msg = "no answer"
            raise ValueError(msg)
        try:
            if number > 2:
                await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.append(number)
            raise
        return number

    seen = []

    async def read() -> None:
        async for one in ahead(numbers(10), work, most=4):
            seen.append(one)

    with pytest.raises(ValueError, match="no answer"):
        await read()
    assert seen == [0, 1]
    assert set(cancelled) <= {3, 4, 5}
    assert asyncio.all_tasks() == {asyncio.current_task()}
