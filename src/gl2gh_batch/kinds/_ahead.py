"""Reading a little ahead: several answers are on their way while the first is waited for."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def ahead(items: AsyncIterator[T], work: Callable[[T], Awaitable[R]], *, most: int) -> AsyncIterator[R]:
    """The results of `work` for each item, in their order, with at most `most` under way at once.

    The first error ends it and is raised; what else was under way is cancelled.
    """
    under_way: deque[asyncio.Future[R]] = deque()
    try:
        async for item in items:
            under_way.append(asyncio.ensure_future(work(item)))
            if len(under_way) >= most:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for one in under_way:
            one.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
