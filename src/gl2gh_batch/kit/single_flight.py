"""Questions that many ask at once and that are sent once; one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class SingleFlight:
    """Answers by key: the first who wants one asks, all others wait for that answer or find it there."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, Any] = {}
        self._asking: dict[Hashable, asyncio.Task[Any]] = {}

    async def once(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` answers, which is asked once for all who wait; None is an answer, too.

        An error is not remembered, and reaches all who wait for this answer. That one of them is cancelled
        disturbs neither the others nor the question.
        """
        if key in self._answers:
            found: T = self._answers[key]
            return found
        task: asyncio.Task[T] | None = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._ask(key, ask))
            task.add_done_callback(_seen)
        return await asyncio.shield(task)

    async def _ask(self, key: Hashable, ask: Callable[[], Awaitable[T]]) -> T:
        try:
            found = await ask()
        finally:
            del self._asking[key]
        self._answers[key] = found
        return found


def _seen(task: asyncio.Task[Any]) -> None:
    """An answer that nobody waits for any more is no unhandled error."""
    if not task.cancelled():
        task.exception()
