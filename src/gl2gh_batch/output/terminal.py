"""A running batch on a terminal, and as plain lines for pipes and logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gl2gh_batch.domain.events import (
    AgentFinished,
    BatchFinished,
    BatchStarted,
    Counted,
    Event,
    Noticed,
    ProjectFinished,
    ProjectStarted,
    Waiting,
    WindowClosed,
)
from gl2gh_batch.domain.result import ProjectStatus
from gl2gh_batch.output.board import Board, Row, duration, left
from gl2gh_batch.output.escape import terminal

Now = Callable[[], float]

PLAIN_EVERY_S: Final = 30.0
_ROOM_AROUND: Final = 8
_NOTICES_SHOWN: Final = 3
_STYLES: Final[dict[str, str]] = {
    ProjectStatus.SUCCESS: "green",
    ProjectStatus.FAILED: "red",
    ProjectStatus.INCOMPLETE: "yellow",
    ProjectStatus.NOT_STARTED: "dim",
    "error": "red",
    "warning": "yellow",
}
_SIGNS: Final[dict[str, str]] = {
    ProjectStatus.SUCCESS: "✓",
    ProjectStatus.FAILED: "✗",
    ProjectStatus.INCOMPLETE: "‖",
    ProjectStatus.NOT_STARTED: "·",
}


class LiveView:
    """A live picture: a bar for the whole, a line for each project that works, the latest notices.

    `with LiveView(console, now) as view: … view.hear(event)`; `now` is a clock that only grows, in seconds.
    """

    def __init__(self, console: Console, now: Now) -> None:
        self._board = Board()
        self._now = now
        self._live = Live(self, console=console, refresh_per_second=4, transient=True)
        self._console = console

    def hear(self, event: Event) -> None:
        """Take one event in; a project that ended gets a line that stays."""
        self._board.hear(event, self._now())
        if isinstance(event, ProjectFinished) and (row := self._board.rows.get(event.project)) is not None:
            self._console.print(_ended(row))

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        now, board = self._now(), self._board
        working = sorted((row for row in board.rows.values() if not row.status), key=lambda row: row.index)
        shown = working[: max(1, (options.max_height or console.height) - _ROOM_AROUND)]
        table = Table.grid(padding=(0, 2), expand=True)
        for ratio, width in ((2, None), (None, 9), (None, 12), (None, 20), (3, None)):
            table.add_column(ratio=ratio, width=width, no_wrap=True, overflow="ellipsis")
        for row in shown:
            table.add_row(
                Text(terminal(row.project), style="bold"),
                Text(row.agent, style="cyan"),
                ProgressBar(total=1.0, completed=row.progress, width=12),
                Text(terminal(row.counts)),
                _words((terminal(row.waiting(now)), "yellow"), (row.left(now), "dim")),
            )
        parts: list[RenderableType] = [table]
        if len(working) > len(shown):
            parts.append(Text(f"… and {len(working) - len(shown)} more at work", style="dim"))
        if board.closed_until > now:
            left = duration(board.closed_until - now)
            parts.append(
                Text(f"GitHub asked for a pause ({terminal(board.closed_reason)}): {left}", style="yellow")
            )
        for project, level, message in board.notices[-_NOTICES_SHOWN:]:
            style = _STYLES.get(level, "dim")
            line = Text(terminal(f"{project}: {message}"), style=style, no_wrap=True, overflow="ellipsis")
            parts.append(line)
        parts.append(self._whole())
        yield Group(*parts)

    def _whole(self) -> RenderableType:
        board = self._board
        share = sum(row.progress for row in board.rows.values())
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            ProgressBar(total=float(max(board.total, 1)), completed=share, width=40),
            Text(f"{board.ended()}/{board.total} projects"),
            Text(board.mode, style="dim"),
            Text("" if board.status else left(board.ends_at, self._now()), style="bold"),
        )
        return grid


class PlainView:
    """Plain lines: what begins and ends at once, progress at most every 30 s for a project and if changed.

    No line can hold a terminal's control signs or a workflow command, whatever a project is called.
    """

    def __init__(self, write: Callable[[str], None], now: Now, *, every_s: float = PLAIN_EVERY_S) -> None:
        self._board = Board()
        self._write = write
        self._now = now
        self._every_s = every_s
        self._said_at: dict[str, float] = {}
        self._said: dict[str, str] = {}

    def hear(self, event: Event) -> None:
        """Take one event in, and write a line when there is something to say."""
        now = self._now()
        self._board.hear(event, now)
        for line in self._lines(event, now):
            # The bar in front: whatever the text is, the line does not begin with it.
            self._write(f"| {terminal(line)}")

    def _lines(self, event: Event, now: float) -> list[str]:
        match event:
            case BatchStarted():
                size = f"{event.total_projects} projects, {event.parallel_limit} at once"
                return [f"batch {event.batch_id}: {event.mode}, {size}"]
            case ProjectStarted():
                self._said_at[event.project] = now
                return [f"{event.project}: starts ({', '.join(event.agents)})"]
            case AgentFinished():
                return [f"{event.project}: {event.agent} {event.status}{_colon(event.summary)}"]
            case Noticed():
                whose = f"{event.project}: " if event.project else ""  # what was seen before any project
                return [f"{whose}{event.level}: {event.message}{_dash(event.hint)}"]
            case WindowClosed():
                return [f"a pause of {duration(event.seconds)} was asked for: {event.reason}"]
            case ProjectFinished():
                done = f"{self._board.ended()}/{self._board.total}"
                return [f"{event.project}: {event.status}{_colon(event.error)} [{done} projects]"]
            case BatchFinished():
                return [f"batch {event.batch_id}: {event.status}"]
            case Counted() | Waiting():
                return self._progress(event.project, now)
            case _:
                return []

    def _progress(self, project: str, now: float) -> list[str]:
        row = self._board.rows.get(project)
        if row is None or now - self._said_at.get(project, now) < self._every_s:
            return []
        parts = [row.agent, row.counts, row.waiting(now), row.left(now)]
        state = f"{row.agent} {row.counts} {row.waits_for}"
        if state == self._said.get(project):
            return []
        self._said[project], self._said_at[project] = state, now
        return [f"{project}: {', '.join(part for part in parts if part)}"]


def result_table(result: Mapping[str, Any]) -> RenderableType:
    """The end of a batch for a terminal: a line for each project, with what to do where it failed."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "project", "target", "status", "losses", "what happened, what to do"):
        table.add_column(name, overflow="fold")
    for project in result.get("results", ()):
        status = str(project.get("status", ""))
        error = project.get("error") or {}
        said = Text(terminal(error.get("message", "")))
        if error.get("hint"):
            said.append(f"\n{terminal(error['hint'])}", style="dim")
        table.add_row(
            Text(_SIGNS.get(status, "?"), style=_STYLES.get(status, "")),
            Text(terminal(project.get("source") or project.get("project_id", ""))),
            Text(terminal(project.get("target", ""))),
            Text(terminal(status.replace("_", " ")), style=_STYLES.get(status, "")),
            Text(str(project.get("losses") or ""), justify="right"),
            said,
        )
    return table


def result_lines(result: Mapping[str, Any]) -> list[str]:
    """The same as plain lines."""
    lines = []
    for project in result.get("results", ()):
        error = project.get("error") or {}
        name = project.get("source") or project.get("project_id", "")
        target = f" -> {project['target']}" if project.get("target") else ""
        words = f"{name}{target}: {project.get('status', '')}{_colon(error.get('message', ''))}"
        lines.append(f"| {terminal(words + _dash(error.get('hint', '')))}")
    counts = ", ".join(
        f"{result.get(key, 0)} {key.replace('_', ' ')}"
        for key in ("successful", "failed", "incomplete", "not_started")
    )
    lines.append(f"| {terminal(result.get('status', ''))}: {counts}")
    missing = result.get("missing_shards")
    if missing:
        lines.append(f"| no result yet of shard {terminal(', '.join(missing))}: run it, then merge again")
    lines += [f"| {terminal(one)}" for one in result.get("passed_over", ())]
    return lines


def _words(*parts: tuple[str, str]) -> Text:
    """Those that say something, with commas between."""
    return Text(", ").join(Text(words, style=style) for words, style in parts if words)


def _ended(row: Row) -> Text:
    style = _STYLES.get(row.status, "")
    line = Text.assemble(
        (f"{_SIGNS.get(row.status, '?')} ", style), (terminal(row.project), "bold"), f"  {row.status}"
    )
    return line.append(f"  {terminal(row.error)}", style="dim") if row.error else line


def _colon(text: object) -> str:
    return f": {text}" if text else ""


def _dash(text: object) -> str:
    return f" - {text}" if text else ""
