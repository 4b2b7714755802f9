"""Who started, stopped or approved what: one line for each attempt, appended and synced."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from gl2gh_batch import codec
from gl2gh_batch.interfaces.server.config import Access
from gl2gh_batch.interfaces.server.feed import moment
from gl2gh_batch.kit.clock import SystemClock

WHO: Final = web.RequestKey("who", Access)
DETAILS: Final = web.RequestKey("details", dict[str, Any])


class AuditLog:
    """The file `audit.ndjson`; refused attempts of people who are known are in it, too."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._clock = SystemClock()
        self._turn = asyncio.Lock()

    async def write(self, request: web.Request, action: str, status: int) -> None:
        """Remember one attempt."""
        who = request[WHO]
        line = {
            "at": moment(self._clock),
            "who": who.name,
            "role": str(who.role),
            "from": request.remote or "",
            "action": action,
            "status": status,
            **({"project": one} if (one := request.match_info.get("project_id")) else {}),
            **({"batch_id": one} if (one := request.match_info.get("batch_id")) else {}),
            **(request.get(DETAILS) or {}),
        }
        async with self._turn:
            await asyncio.to_thread(self._append, codec.encode(line) + b"\n")

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _append(self, line: bytes) -> None:
        os.write(self._fd, line)
        os.fsync(self._fd)
