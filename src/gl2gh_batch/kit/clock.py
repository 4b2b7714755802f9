"""The clock of the event loop."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime


class SystemClock:
    """Seconds of the running event loop, and the date in UTC.

    The loop's own time is used so that a loop with virtual time moves everything at once.
    """

    def monotonic(self) -> float:
        """Seconds that only grow; needs a running event loop."""
        return asyncio.get_running_loop().time()

    def now(self) -> datetime:
        """The date and time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait; not at all for zero or less, but others get their turn."""
        await asyncio.sleep(max(0.0, seconds))
