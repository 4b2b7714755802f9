"""The log of the Action: a group for each agent of each project, and lines that say how far it is; pure.

Projects run side by side, and groups of the runner's log do not nest or interleave: what an agent has to say
is kept until it ends. What cannot wait (a project begins or ends, warnings, the progress) stands between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
    Counted,
    Event,
    Noticed,
    ProjectFinished,
    Waiting,
)
from gl2gh_batch.output.board import Board, Row, duration, left
from gl2gh_batch.output.escape import terminal
from gl2gh_batch.output.terminal import PlainView

MOST_LINES: Final = 1000
_SHOWN_AT_WORK: Final = 5
_NOT_IN_A_TITLE: Final = re.compile(r"[^A-Za-z0-9 _./()-]+")


class Log(Protocol):
    """Where lines go; both take lines that are cleaned and begin with a bar."""

    def line(self, text: str) -> None:
        """One line between the groups."""

    def group(self, title: str, lines: Sequence[str]) -> None:
        """A group; its title holds letters, digits, spaces and `_./()-` alone."""


class GroupedView:
    """Feeds a `Log` from events; `now` in seconds of a clock that only grows, `wall` the time of day."""

    def __init__(self, log: Log, now: Callable[[], float], wall: Callable[[], datetime]) -> None:
        self._log = log
        self._now = now
        self._wall = wall
        self._board = Board()
        self._kept: dict[str, list[str]] = {}
        self._left_out: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._written: list[str] = []
        self._plain = PlainView(self._written.append, now)

    def hear(self, event: Event) -> None:
        """Take one event in."""
        now = self._now()
        self._board.hear(event, now)
        self._plain.hear(event)
        lines = list(self._written)
        self._written.clear()
        match event:
            case AgentStarted():
                self._began[event.project] = now
                self._kept[event.project] = []
            case Counted() | Waiting() if event.project in self._kept:
                self._keep(event.project, lines)
            case Noticed() if event.level == "notice" and event.project in self._kept:
                self._keep(event.project, lines)
            case AgentFinished():
                self._keep(event.project, lines)
                self._close(event.project, event.agent, event.status)
            case ProjectFinished():
                if self._kept.get(event.project):  # its agent was stopped, and has not said that it ended
                    self._close(event.project, self._agent(event.project), event.status)
                self._kept.pop(event.project, None)
                self._say(lines)
            case _:
                self._say(lines)

    def beat(self) -> None:
        """Say what is done, what is at work, what it waits for and until when."""
        now, board = self._now(), self._board
        working = sorted((row for row in board.rows.values() if not row.status), key=lambda row: row.index)
        said = ["the batch has not begun yet"]
        if board.total:
            said = [f"{board.ended()}/{board.total} projects ended, {len(working)} at work"]
            if estimate := left(board.ends_at, now):
                said[0] += f", {estimate}"
        if board.closed_until > now:
            said.append(
                f"GitHub asked for a pause ({board.closed_reason}) {self._until(board.closed_until, now)}"
            )
        said += [self._state(row, now) for row in working[:_SHOWN_AT_WORK]]
        if (more := len(working) - _SHOWN_AT_WORK) > 0:
            said.append(f"and {more} more")
        self._log.line(f"| {terminal('; '.join(said))}")

    def _state(self, row: Row, now: float) -> str:
        parts = [part for part in (row.agent, row.counts) if part]
        if row.waits_for and row.waits_until > now:
            parts.append(f"waits for {row.waits_for} {self._until(row.waits_until, now)}")
        if estimate := row.left(now):
            parts.append(estimate)
        return f"{row.project}: {', '.join(parts) or 'begins'}"

    def _until(self, moment: float, now: float) -> str:
        left = moment - now
        return f"until {self._wall() + timedelta(seconds=left):%H:%M:%S} UTC ({duration(left)})"

    def _keep(self, project: str, lines: Sequence[str]) -> None:
        kept = self._kept.setdefault(project, [])
        room = max(0, MOST_LINES - len(kept))
        kept += lines[:room]
        self._left_out[project] = self._left_out.get(project, 0) + len(lines[room:])

    def _close(self, project: str, agent: str, status: str) -> None:
        lines = self._kept.pop(project, [])
        if left_out := self._left_out.pop(project, 0):
            lines.append(f"| and {left_out} lines more")
        took = duration(self._now() - self._began.pop(project, self._now()))
        title = _NOT_IN_A_TITLE.sub("?", f"{project} - {agent} {status} ({took})")
        self._log.group(title, lines)

    def _agent(self, project: str) -> str:
        row = self._board.rows.get(project)
        return row.agent if row is not None else ""

    def _say(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._log.line(line)
