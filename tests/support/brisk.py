"""A clock that runs faster than the world, so that pauses cost a test nothing."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class BriskClock:
    """Implements the port Clock; the date is the true one, as servers know it."""

    def __init__(self, factor: float = 50.0) -> None:
        self.factor = factor

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time() * self.factor

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.factor)
