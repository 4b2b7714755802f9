"""The clock follows the event loop."""

from __future__ import annotations

import asyncio
from datetime import UTC

from gl2gh_batch.kit.clock import SystemClock


async def test_the_seconds_are_those_of_the_loop() -> None:
    """Monotonic time is the loop's own, so that a loop with virtual time moves it."""
    before = asyncio.get_running_loop().time()
    seen = SystemClock().monotonic()
    assert before <= seen <= asyncio.get_running_loop().time()


async def test_the_date_is_in_utc() -> None:
    """Dates carry UTC as their zone."""
    assert SystemClock().now().tzinfo is UTC


async def test_a_sleep_of_nothing_lets_others_run() -> None:
    """Zero or less does not wait, and still gives the others their turn."""
    order: list[str] = []
    other = asyncio.create_task(_append(order, "other"))
    await SystemClock().sleep(-1.0)
    order.append("after")
    await other
    assert order == ["other", "after"]


async def _append(order: list[str], word: str) -> None:
    order.append(word)
