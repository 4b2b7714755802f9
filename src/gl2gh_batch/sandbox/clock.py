"""The sandbox's two clocks, both driven by the event loop, so that a test may run them on virtual time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta


class Clock:
    """Monotonic time is the running loop's; wall time is a start instant and the loop time since."""

    def __init__(self, started_at: datetime | None = None) -> None:
        self._started_at = started_at or datetime.now(UTC)
        self._origin = asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        """Seconds on the running loop's clock."""
        return asyncio.get_running_loop().time()

    def wall(self) -> datetime:
        """The present instant, in UTC."""
        return self._started_at + timedelta(seconds=self.monotonic() - self._origin)

    def wall_at(self, monotonic: float) -> datetime:
        """The instant, in UTC, that a reading of the monotonic clock stands for."""
        return self._started_at + timedelta(seconds=monotonic - self._origin)

    def stamp(self) -> str:
        """The present instant as GitHub writes it: whole seconds, `Z`."""
        return stamp(self.wall())


def stamp(instant: datetime) -> str:
    """An instant as GitHub writes it: UTC, whole seconds, `Z`."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_instant(text: str) -> datetime:
    """The instant that an ISO 8601 text names (a date alone is its midnight, no zone is UTC).

    Raises ValueError when it names none.
    """
    instant = datetime.fromisoformat(text)
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
