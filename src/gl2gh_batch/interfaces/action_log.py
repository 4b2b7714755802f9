"""The runner's log while a batch runs: commands are stopped wherever a text of GitLab's may stand.

Source: GitHub's page "Workflow commands for GitHub Actions" ("Stopping and starting workflow commands",
"Grouping log lines").
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import UTC, datetime
from typing import Final, Self, TextIO

from gl2gh_batch.domain.events import Event
from gl2gh_batch.interfaces.views import nobody_listens
from gl2gh_batch.output.grouped_log import GroupedView

BEAT_S: Final = 25.0


class ActionLog:
    """Writes lines and groups: `with ActionLog(sys.stdout, redact) as log: …`, heard events in between.

    Commands are off inside of the `with`. For the head and the foot of a group, which are ours, they are on
    for one line, and each time they are off with a new token: the last one can be read in the log.
    """

    def __init__(self, stream: TextIO, redact: Callable[[str], str] = str) -> None:
        self._stream = stream
        self._redact = redact
        self._token = ""
        self._view = GroupedView(self, time.monotonic, lambda: datetime.now(UTC))

    def __enter__(self) -> Self:
        self._write(self._stopped())
        return self

    def __exit__(self, *_: object) -> None:
        self._write(f"::{self._token}::")

    def hear(self, event: Event) -> None:
        """Take one event in."""
        self._view.hear(event)

    def line(self, text: str) -> None:
        """One line between the groups."""
        self._write(self._redact(text))

    def group(self, title: str, lines: Sequence[str]) -> None:
        """A group at once, so that nothing of another project can stand in it."""
        head = [f"::{self._token}::", f"::group::{self._redact(title)}", self._stopped()]
        foot = [f"::{self._token}::", "::endgroup::", self._stopped()]
        self._write("\n".join((*head, *(self._redact(line) for line in lines), *foot)))

    @asynccontextmanager
    async def beating(self, every_s: float = BEAT_S) -> AsyncIterator[None]:
        """Say how far the batch is, however quiet it is, until the end of the `with`."""
        task = asyncio.create_task(self._beat(every_s))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _beat(self, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            self._view.beat()

    def _stopped(self) -> str:
        self._token = secrets.token_hex(16)
        return f"::stop-commands::{self._token}"

    def _write(self, text: str) -> None:
        try:
            self._stream.write(f"{text}\n")
            self._stream.flush()
        except BrokenPipeError:
            nobody_listens(self._stream)


@contextmanager
def commands_stopped(stream: TextIO) -> Iterator[None]:
    """Whatever GitLab's texts hold, the runner takes no command from the log until the token comes."""
    token = secrets.token_hex(16)
    stream.write(f"::stop-commands::{token}\n")
    stream.flush()
    try:
        yield
    finally:
        stream.write(f"::{token}::\n")
        stream.flush()
