"""The Action's log has a group for each agent of each project, and says how far it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
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
from gl2gh_batch.output.grouped_log import MOST_LINES, GroupedView

NASTY = "\x1b[2J::error::x ##[error]y \u202egnp\n::set-env::z%0A::group::a"


class Heard:
    """A log that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[str | tuple[str, list[str]]] = []
        self.now = 0.0
        self.view = GroupedView(self, lambda: self.now, lambda: datetime(2026, 1, 1, 12, tzinfo=UTC))

    def line(self, text: str) -> None:
        self.said.append(text)

    def group(self, title: str, lines: Sequence[str]) -> None:
        self.said.append((title, list(lines)))

    def hear(self, *events: Event) -> None:
        for event in events:
            self.view.hear(event)


def began(*projects: str) -> list[Event]:
    return [
        BatchStarted(batch_id="b", mode="FULL", total_projects=20, parallel_limit=5),
        *(
            ProjectStarted(project=one, index=index, agents=("export", "apply"))
            for index, one in enumerate(projects)
        ),
        *(AgentStarted(project=one, agent="export") for one in projects),
    ]


def test_what_agents_say_side_by_side_comes_apart() -> None:
    """Lines of two projects alternate in time, and each stands in the group of its own agent."""
    log = Heard()
    log.hear(*began("g/a", "g/b"))
    log.said.clear()
    for done in range(1, 4):
        log.now += 40
        for name in ("g/a", "g/b"):
            log.hear(Counted(project=name, agent="export", kind="issues", done=done, total=3))
    log.hear(Noticed(project="g/a", level="notice", message="by the way"))
    for name in ("g/b", "g/a"):
        log.hear(AgentFinished(project=name, agent="export", status="done", summary="3 issues"))
    first, second = log.said
    assert first[0] == "g/b - export done (2 min)"
    assert second[0] == "g/a - export done (2 min)"
    assert first[1] == [
        *(f"| g/b: export, issues {done}/3" for done in (1, 2, 3)),
        "| g/b: export done: 3 issues",
    ]
    assert second[1][-2:] == ["| g/a: notice: by the way", "| g/a: export done: 3 issues"]


def test_warnings_and_endings_do_not_wait() -> None:
    """A warning, an error, a pause that was asked for and the end of a project are told at once."""
    log = Heard()
    log.hear(*began("g/a"))
    log.said.clear()
    log.hear(
        Noticed(project="g/a", level="warning", message="look", hint="there"),
        WindowClosed(credential="c", reason="secondary", seconds=60),
        ProjectFinished(project="g/a", index=0, status="failed", error="gone"),
    )
    assert log.said == [
        "| g/a: warning: look - there",
        "| a pause of 60 s was asked for: secondary",
        "| g/a: failed: gone [1/20 projects]",
    ]


def test_an_agent_that_was_stopped_still_has_its_group() -> None:
    """What an agent had said before its project was stopped is not swallowed."""
    log = Heard()
    log.hear(*began("g/a"))
    log.now = 31
    log.hear(Counted(project="g/a", agent="export", kind="issues", done=5))
    log.hear(ProjectFinished(project="g/a", index=0, status="incomplete"))
    assert ("g/a - export incomplete (31 s)", ["| g/a: export, issues 5"]) in log.said


def test_the_beat_says_what_is_done_and_what_is_waited_for() -> None:
    """How many ended, where the others are, what they wait for and until when, in one line."""
    log = Heard()
    log.hear(*began("g/a", "g/b", *(f"g/{number}" for number in range(6))))
    log.hear(
        ProjectFinished(project="g/b", index=1, status="success"),
        Counted(project="g/a", agent="export", kind="issues", done=40, total=120),
        Waiting(project="g/a", credential="c", limit_class="content_hour", seconds=2460),
    )
    log.now = 60
    log.said.clear()
    log.view.beat()
    [said] = log.said
    assert isinstance(said, str)
    assert said.startswith(
        "| 1/20 projects ended, 7 at work; g/a: export, issues 40/120,"
        " waits for content_hour until 12:40:00 UTC (40 min); g/0: export; "
    )
    assert said.endswith("; and 2 more")
    log.hear(Estimated(project="", seconds=11100), Estimated(project="g/a", seconds=3000))
    log.view.beat()
    said = str(log.said[-1])
    assert said.startswith(
        "| 1/20 projects ended, 7 at work, about 3 h 5 min left; g/a: export, issues 40/120,"
    )
    assert "(40 min), about 50 min left; g/0: export" in said
    log.hear(WindowClosed(credential="c", reason="secondary", seconds=600))
    log.view.beat()
    assert "GitHub asked for a pause (secondary) until 12:10:00 UTC (10 min)" in str(log.said[-1])


def test_no_text_reaches_a_line_or_a_title_as_it_is() -> None:
    """Whatever a project is called or says, lines begin with a bar, and titles hold harmless signs alone."""
    log = Heard()
    log.hear(*began(NASTY))
    log.hear(
        Noticed(project=NASTY, level="error", message=NASTY, hint=NASTY),
        AgentFinished(project=NASTY, agent="export", status="done", summary=NASTY),
    )
    log.view.beat()
    lines = [one for one in log.said if isinstance(one, str)]
    groups = [one for one in log.said if isinstance(one, tuple)]
    assert groups
    for title, kept in groups:
        assert re.fullmatch(r"[A-Za-z0-9 _./()?-]+", title)
        lines += kept
    for line in lines:
        assert line.startswith("| ")
        assert not re.search(r"[\x00-\x1f\u202e]|::|##\[", line)


def test_a_group_has_an_end() -> None:
    """An agent with a great deal to say says the first of it, and how much more there was."""
    log = Heard()
    log.hear(*began("g/a"))
    for number in range(MOST_LINES + 5):
        log.hear(Noticed(project="g/a", level="notice", message=str(number)))
    log.hear(AgentFinished(project="g/a", agent="export", status="done"))
    [(_, lines)] = [one for one in log.said if isinstance(one, tuple)]
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "| and 6 lines more"


def test_it_beats_before_the_batch() -> None:
    """While a plan is fetched there are no projects yet, and the log says so."""
    log = Heard()
    log.view.beat()
    assert log.said == ["| the batch has not begun yet"]
