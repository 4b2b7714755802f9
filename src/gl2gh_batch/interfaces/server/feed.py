"""The events of one batch on their way to disk and from there to whoever listens.

An event gets its number and is told to clients only once it is on disk, so a client that comes back after a
`kill -9` with its last number misses nothing and hears nothing twice. What is kept in memory for all clients
together is one short ring; who lags behind it reads from disk.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.domain.events import Counted, Estimated, Event, Waiting
from gl2gh_batch.domain.ports import Clock
from gl2gh_batch.interfaces.server.store import BatchRow, Store
from gl2gh_batch.output.board import Board, Row

RING: Final = 1000
CHUNK: Final = 200
HEARTBEAT_S: Final = 15.0
FLUSH_S: Final = 0.05
NOTICES: Final = 100


class Feed:
    """One batch that has not ended: its events and results, and the picture that they make."""

    def __init__(
        self, batch_id: str, store: Store, clock: Clock, redact: Callable[[str], str], last: int
    ) -> None:
        self.batch_id = batch_id
        self.board = Board()
        self.last = last
        self.ended = False
        self._store = store
        self._clock = clock
        self._redact = redact
        self._pending: dict[tuple[Any, ...], tuple[str, Event]] = {}
        self._results: list[dict[str, Any]] = []
        self._ring: deque[tuple[int, bytes]] = deque(maxlen=RING)
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()
        self._count = 0

    def hear(self, event: Event) -> None:
        """Take one event in; of counts, waits and estimates that follow at once the last is kept."""
        match event:
            case Counted():
                key: tuple[Any, ...] = ("counted", event.project, event.agent, event.kind)
            case Waiting():
                key = ("waiting", event.project, event.credential)
            case Estimated():
                key = ("estimated", event.project)
            case _:
                self._count += 1
                key = (self._count,)
        self._pending.pop(key, None)
        self._pending[key] = (moment(self._clock), event)

    def recall(self, place: int, result: Mapping[str, Any]) -> None:
        """A project that ended in an earlier process stands in the picture as it ended."""
        name = str(result.get("source") or result["project_id"])
        agents: Mapping[str, Mapping[str, Any]] = result.get("agents") or {}
        self.board.rows[name] = Row(
            project=name,
            index=place,
            agents=tuple(agents),
            finished=len(agents),
            status=str(result["status"]),
            error=str((result.get("error") or {}).get("message", "")),
            states={agent: str(one["status"]) for agent, one in agents.items()},
        )

    def add_result(self, result: dict[str, Any]) -> None:
        """Take the result of one project in."""
        self._results.append(codec.decode(self._redact(codec.encode(result).decode()), dict[str, Any]))

    async def flush(self, row: BatchRow | None = None, *, ends: bool = False) -> None:
        """Write down what came since the last time, with `row` where the batch changed; then tell it."""
        async with self._writing:
            if not self._pending and not self._results and row is None and not ends:
                return
            pending, self._pending = list(self._pending.values()), {}
            results, self._results = self._results, []
            numbered = [
                (seq, event_data(seq, at, event, self._redact))
                for seq, (at, event) in enumerate(pending, start=self.last + 1)
            ]
            await self._store.append(self.batch_id, numbered, results, row)
            now = self._clock.monotonic()
            for _, event in pending:
                self.board.hear(event, now)
            del self.board.notices[:-NOTICES]
            self.last += len(numbered)
            self._ring.extend(numbered)
            self.ended = self.ended or ends
            changed, self._changed = self._changed, asyncio.Event()
            changed.set()

    async def chunks(self, after: int) -> AsyncIterator[Sequence[tuple[int, bytes]]]:
        """Events above `after`, some at a time, until the batch ends; an empty chunk when nothing comes."""
        while True:
            changed = self._changed
            if after < self.last:
                chunk = await self._after(after)
                after = chunk[-1][0]
                yield chunk
            elif self.ended:
                return
            else:
                try:
                    async with asyncio.timeout(HEARTBEAT_S):
                        await changed.wait()
                except TimeoutError:
                    yield ()

    async def _after(self, after: int) -> Sequence[tuple[int, bytes]]:
        if self._ring and self._ring[0][0] <= after + 1:
            start = after + 1 - self._ring[0][0]
            return [self._ring[place] for place in range(start, min(len(self._ring), start + CHUNK))]
        return await self._store.events(self.batch_id, after=after, most=CHUNK)


async def stored_chunks(
    store: Store, batch_id: str, after: int
) -> AsyncIterator[Sequence[tuple[int, bytes]]]:
    """The events of a batch that has ended, some at a time."""
    while chunk := await store.events(batch_id, after=after, most=CHUNK):
        yield chunk
        after = chunk[-1][0]


def event_name(event: Event) -> str:
    """`agent-started` for `AgentStarted`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(event).__name__).lower()


def event_data(seq: int, at: str, event: Event, redact: Callable[[str], str]) -> bytes:
    """The event as one line of JSON, without secrets."""
    document = {"id": seq, "at": at, "type": event_name(event), **codec.plain(event)}
    return redact(codec.encode(document).decode()).encode()


def moment(clock: Clock) -> str:
    """Now, as ISO 8601 in UTC."""
    return clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
