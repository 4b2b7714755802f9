"""What a person sees while a batch runs: a live picture on a terminal, plain lines in a pipe."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, Self, TextIO

from rich.console import Console

from gl2gh_batch.domain.errors import ChecksFailedError, Gl2ghError
from gl2gh_batch.domain.events import Event
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, parse_mode
from gl2gh_batch.output.checks_view import check_lines, verdict_line
from gl2gh_batch.output.escape import terminal
from gl2gh_batch.output.plan_view import plan_table
from gl2gh_batch.output.terminal import LiveView, PlainView, result_lines, result_table

MOST_OF_A_MESSAGE: Final = 600


class View(Protocol):
    """What a door needs of a view: open while the batch runs, then the conclusion."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def hear(self, event: Event) -> None: ...
    def conclude(self, result: Mapping[str, Any]) -> None: ...


class LiveConsole:
    """For a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = LiveView(console, time.monotonic)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._live.__exit__(*exc)

    def hear(self, event: Event) -> None:
        """Take one event in."""
        self._live.hear(event)

    def conclude(self, result: Mapping[str, Any]) -> None:
        """Show the plan that was made, or what became of each project."""
        self._console.print()
        if is_plan(result):
            self._console.print(plan_table(result))
            failed = {**result, "results": [one for one in result["results"] if not one.get("plan")]}
            if failed["results"]:
                self._console.print(result_table(failed))
        else:
            self._console.print(result_table(result))
        self._console.print()


class PlainConsole:
    """For a pipe or a log."""

    def __init__(self, stream: TextIO, redact: Callable[[str], str] = str) -> None:
        self._stream = stream
        self._redact = redact
        self._plain = PlainView(self._write, time.monotonic)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def hear(self, event: Event) -> None:
        """Take one event in."""
        self._plain.hear(event)

    def conclude(self, result: Mapping[str, Any]) -> None:
        """One line for each project, and the plan's table when one was made."""
        if is_plan(result):
            page = io.StringIO()
            Console(file=page, width=160, no_color=True, highlight=False).print(plan_table(result))
            for line in page.getvalue().splitlines():
                self._write(f"| {line}".rstrip())
        for line in result_lines(result):
            self._write(line)

    def _write(self, line: str) -> None:
        try:
            self._stream.write(f"{self._redact(line)}\n")
            self._stream.flush()
        except BrokenPipeError:
            # Whoever read this went away; the batch goes on, and its result is in the work directory.
            nobody_listens(self._stream)


def nobody_listens(stream: TextIO) -> None:
    """Let go of a pipe that nobody reads, so that nothing fails at it any more."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def view_for(stream: TextIO, redact: Callable[[str], str] = str) -> View:
    """The view that fits where the output goes."""
    if stream.isatty():
        return LiveConsole(Console(file=stream, highlight=False))
    return PlainConsole(stream, redact)


def is_plan(result: Mapping[str, Any]) -> bool:
    """True when the run ended with a plan to be read."""
    agents = AGENTS_OF[parse_mode(str(result["mode"]))]
    return agents[-1] is AgentName.PLAN and any(one.get("plan") for one in result["results"])


def error_text(error: Gl2ghError, redact: Callable[[str], str] = str) -> str:
    """What stopped a run before it began: what happened, and what to do."""
    if isinstance(error, ChecksFailedError):
        lines = [redact(line) for one in error.checks for line in check_lines(one)]
        return "".join(f"{line}\n" for line in (*lines, "", f"  {verdict_line(error.checks)}"))
    remedy = terminal(redact(error.remedy), MOST_OF_A_MESSAGE)
    lines = [f"gl2gh-batch: {what_happened(error, redact)}", f"  {remedy}"]
    return "".join(f"{line}\n" for line in lines)


def what_happened(error: Gl2ghError, redact: Callable[[str], str] = str) -> str:
    """The error in one line without its remedy; what it quotes may be hostile and long."""
    where = " ".join(part for part in (error.project, error.item) if part)
    said = f"{where}: {error.message}" if where else error.message
    return terminal(redact(said), MOST_OF_A_MESSAGE)


def say(*lines: str) -> None:
    """Print lines of our own."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
