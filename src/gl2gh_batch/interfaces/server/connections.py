"""Connections that ask for nothing are closed: one that sends its headers a byte a minute, or none at all."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from aiohttp import web

IDLE_S = 20.0


class Server(Protocol):
    """What is known of the server: its open connections."""

    @property
    def connections(self) -> Iterable[Any]: ...


class Connections:
    """Knows which connections have a request in hand; `server` is set when there is one."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self.server: Server | None = None
        self.idle_s = idle_s
        self._busy: Counter[int] = Counter()
        self._idle_since: dict[int, float] = {}

    @contextmanager
    def busy(self, request: web.Request) -> Iterator[None]:
        """A request is in hand."""
        key = id(request.protocol)
        self._busy[key] += 1
        try:
            yield
        finally:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
                self._idle_since[key] = time.monotonic()

    def sweep(self, now: float) -> int:
        """Close what was idle for too long; how many."""
        closed, seen = 0, set()
        for one in list(self.server.connections) if self.server is not None else ():
            key = id(one)
            seen.add(key)
            if key in self._busy:
                continue
            since = self._idle_since.setdefault(key, now)
            if now - since > self.idle_s:
                one.force_close()
                closed += 1
        self._idle_since = {key: at for key, at in self._idle_since.items() if key in seen}
        return closed

    async def watch(self, app: web.Application) -> AsyncIterator[None]:
        """Sweep while the application runs."""
        del app
        task = asyncio.create_task(self._sweeping())
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _sweeping(self) -> None:
        while True:
            await asyncio.sleep(self.idle_s / 4)
            self.sweep(time.monotonic())
