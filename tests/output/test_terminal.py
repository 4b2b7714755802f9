"""Views show what happens, without flooding a log and without letting a name take over a terminal."""

from __future__ import annotations

import io
import re
from typing import Any

from rich.console import Console

from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
    BatchFinished,
    BatchStarted,
    Counted,
    Estimated,
    Event,
    Noticed,
    ProjectFinished,
    ProjectStarted,
    Waiting,
    WindowClosed,
)
from gl2gh_batch.output.board import Board, duration
from gl2gh_batch.output.plan_view import plan_table
from gl2gh_batch.output.terminal import LiveView, PlainView, result_lines, result_table

NASTY = "\x1b[2J\x1b]0;title\x07::error::x ##[error]y \u202egnp [red]markup[/red]\n::set-env::z"


def story(project: str, text: str) -> list[Event]:
    return [
        BatchStarted(batch_id="b", mode="FULL", total_projects=2, parallel_limit=5),
        ProjectStarted(project=project, index=0, agents=("discovery", "export")),
        AgentStarted(project=project, agent="discovery"),
        AgentFinished(project=project, agent="discovery", status="done", summary=text),
        AgentStarted(project=project, agent="export"),
        Counted(project=project, agent="export", kind=text, done=5, total=10),
        Waiting(project=project, credential="c", limit_class="gitlab_requests", seconds=90),
        WindowClosed(credential="c", reason=text, seconds=60),
        Noticed(project=project, level="warning", message=text, hint=text),
        ProjectFinished(project=project, index=0, status="failed", error=text),
        BatchFinished(batch_id="b", status="failed"),
    ]


class Ticking:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def screen(width: int = 120) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=24, color_system=None)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_the_board_knows_where_everything_is() -> None:
    """After part of a story the board has agent, counts, share and what is waited for until when."""
    board = Board()
    for event in story("g/p", "issues")[:7]:
        board.hear(event, 100.0)
    row = board.rows["g/p"]
    assert (row.agent, row.counts, row.progress) == ("export", "issues 5/10", 0.75)
    assert row.waiting(110.0) == "waits for gitlab_requests, 80 s"
    assert row.waiting(200.0) == ""
    assert (board.ended(), board.total) == (0, 2)
    for event in story("g/p", "issues")[7:]:
        board.hear(event, 100.0)
    assert (board.ended(), board.status, row.progress) == (1, "failed", 1.0)


def test_a_live_view_draws_projects_and_the_whole() -> None:
    """The picture has the project, its agent, counts, what it waits for, the pause and the whole."""
    console, clock = screen(), Ticking()
    view = LiveView(console, clock)
    for event in story("g/p", "issues")[:9]:
        view.hear(event)
    console.print(view)
    text = shown(console)
    for words in ("g/p", "export", "issues 5/10", "waits for gitlab_requests, 90 s", "60 s", "0/2 projects"):
        assert words in text


def test_views_say_how_long_is_left() -> None:
    """The live picture for each project and the whole, counted down; so does a log; nothing at the end."""
    console, clock, lines = screen(), Ticking(), []
    view, plain = LiveView(console, clock), PlainView(lines.append, clock)
    told = [Estimated(project="g/p", seconds=720), Estimated(project="", seconds=7200)]
    for event in (*story("g/p", "issues")[:5], *told):
        view.hear(event)
        plain.hear(event)
    clock.now = 120.0
    console.print(view)
    assert "about 10 min left" in shown(console)
    assert "about 1 h 58 min left" in shown(console)
    plain.hear(Counted(project="g/p", agent="export", kind="issues", done=5, total=10))
    assert lines[-1] == "| g/p: export, issues 5/10, about 10 min left"
    clock.now = 9000.0
    over = screen()
    LiveView(over, clock)
    view.hear(ProjectFinished(project="g/p", index=0, status="success"))
    over.print(view)
    assert "left" not in shown(over)


def test_a_live_view_with_many_projects_fits_the_screen() -> None:
    """More projects than lines are summed up, so that nothing scrolls."""
    console = screen()
    view = LiveView(console, Ticking())
    for number in range(60):
        view.hear(ProjectStarted(project=f"g/p{number}", index=number, agents=("plan",)))
    console.print(view)
    text = shown(console)
    assert "and 44 more at work" in text
    assert len(text.splitlines()) < 24


def test_no_text_takes_over_the_terminal(hostile: dict[str, Any]) -> None:
    """Control sequences, bidirectional signs and rich's own markup in names are shown, not obeyed."""
    console = screen()
    view = LiveView(console, Ticking())
    for event in story(NASTY, NASTY):
        view.hear(event)
        console.print(view)
    console.print(result_table(hostile))
    console.print(plan_table(hostile))
    text = shown(console)
    assert not re.search(r"\x1b(?!\[[0-9;]*m)|\x07|\u202e", text)
    assert "\\x1b" in text


def test_plain_lines_are_harmless_and_complete() -> None:
    """Each event of weight is one line that no runner takes for a command."""
    lines: list[str] = []
    view = PlainView(lines.append, Ticking())
    for event in story(NASTY, NASTY):
        view.hear(event)
    assert len(lines) == 7
    for line in lines:
        assert line.startswith("| ")
        assert "\n" not in line
        assert "\x1b" not in line
        assert "##[" not in line


def test_progress_in_a_log_is_rare_and_only_what_changed() -> None:
    """A thousand counts make one line in 30 s for a project, and none when nothing changed."""
    lines: list[str] = []
    clock = Ticking()
    view = PlainView(lines.append, clock)
    view.hear(BatchStarted(batch_id="b", mode="FULL", total_projects=1, parallel_limit=1))
    view.hear(ProjectStarted(project="g/p", index=0, agents=("export",)))
    view.hear(AgentStarted(project="g/p", agent="export"))
    before = len(lines)
    for number in range(1000):
        clock.now = number * 0.1
        view.hear(Counted(project="g/p", agent="export", kind="issues", done=number, total=1000))
    assert lines[before:] == [f"| g/p: export, issues {number}/1,000" for number in (300, 600, 900)]
    for number in range(100):
        clock.now = 200.0 + 60 * number
        view.hear(Counted(project="g/p", agent="export", kind="issues", done=999, total=1000))
    assert len(lines) == before + 4


def test_the_end_is_told_with_remedies(friendly: dict[str, Any]) -> None:
    """Each project has its line, a failed one its error and what to do, and the counts come last."""
    friendly["results"][1]["error"] |= {"message": "it broke", "hint": "Mend it."}
    lines = result_lines(friendly)
    assert lines[1] == "| group/app -> group/app: failed: it broke - Mend it."
    assert lines[-1] == "| partial_success: 1 successful, 1 failed, 1 incomplete, 1 not started"
    console = screen()
    console.print(result_table(friendly))
    console.print(plan_table(friendly))
    assert "Mend it." in shown(console)
    assert "3 projects, 3,702 requests, about 45 min for one token, 9 losses" in shown(console)


def test_durations_read_well() -> None:
    """Seconds, minutes, hours: what a person would say."""
    assert [duration(one) for one in (-1, 0.4, 119, 600, 3600, 11100)] == [
        "0 s",
        "0 s",
        "119 s",
        "10 min",
        "1 h",
        "3 h 5 min",
    ]
