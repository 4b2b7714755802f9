"""The runner's log while a batch runs: no text of GitLab's in it is a command.

Sources: GitHub's page "Workflow commands for GitHub Actions" ("Stopping and starting workflow commands",
"Grouping log lines"); the runner's `ActionCommandManager`, which shows the lines that stop and wake commands.
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
from gl2gh_batch.output.escape import terminal
from gl2gh_batch.output.grouped_log import GroupedView

BEAT_S: Final = 25.0
# The runner takes a line for a command that begins with two colons.
_BAR: Final = "| "


class ActionLog:
    """Writes lines and groups: `with ActionLog(sys.stdout, redact) as log: …`, heard events in between.

    Commands are stopped inside of each group, with a new token each time, since the last can be read in the
    log. Between groups, where a reader would see nothing but those lines, each line is taken apart instead
    until none is left in it that the runner could take for a command.
    """

    def __init__(self, stream: TextIO, redact: Callable[[str], str] = str) -> None:
        self._stream = stream
        self._redact = redact
        self._view = GroupedView(self, time.monotonic, lambda: datetime.now(UTC))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open: groups are written whole."""

    def hear(self, event: Event) -> None:
        """Take one event in."""
        self._view.hear(event)

    def line(self, text: str) -> None:
        """One line between the groups, whatever it holds."""
        line = terminal(self._redact(text))
        self._write(line if line.startswith(_BAR) else f"{_BAR}{line}")

    def group(self, title: str, lines: Sequence[str]) -> None:
        """A group at once, so that nothing of another project can stand in it."""
        token = secrets.token_hex(16)
        head = [f"::group::{self._redact(title)}", f"::stop-commands::{token}"]
        foot = [f"::{token}::", "::endgroup::"]
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
