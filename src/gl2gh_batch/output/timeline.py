"""When each project of a batch ran: a Mermaid gantt for the eye, and a table with the same; pure.

Sources: GitHub's page "Creating diagrams" (Mermaid in Markdown), Mermaid's page "Gantt diagrams".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any, Final

from gl2gh_batch.domain.result import ProjectStatus
from gl2gh_batch.output.board import duration
from gl2gh_batch.output.escape import cell, code

MOST_BARS: Final = 50
_LABEL_LENGTH: Final = 40
_NOT_IN_A_LABEL: Final = re.compile(r"[^A-Za-z0-9_-]+")
_STATES: Final[dict[str, str]] = {
    ProjectStatus.SUCCESS: "done, ",
    ProjectStatus.FAILED: "crit, ",
    ProjectStatus.INCOMPLETE: "active, ",
}
TABLE_HEAD: Final = "| Bar | Project | Began (UTC) | Took | Agents |\n|--:|---|---|--:|---|\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One project on the line of time."""

    project: Mapping[str, Any]
    began: datetime
    ended: datetime

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.ended - self.began).total_seconds()


def bars(projects: Sequence[Mapping[str, Any]]) -> list[Bar]:
    """The projects that ran, the longest `MOST_BARS` of them, in the order in which they began."""
    found = []
    for one in projects:
        began, ended = moment(one.get("started_at")), moment(one.get("finished_at"))
        if began is not None and ended is not None and ended >= began:
            found.append(Bar(project=one, began=began, ended=ended))
    longest = sorted(found, key=lambda bar: -bar.seconds)[:MOST_BARS]
    return sorted(longest, key=lambda bar: bar.began)


def gantt(shown: Sequence[Bar]) -> str:
    """The diagram, fenced; labels are the bar's number and letters, digits, `_`, `-`, spaces."""
    whole = max(bar.ended for bar in shown) - min(bar.began for bar in shown)
    lines = [
        "```mermaid",
        "gantt",
        "    dateFormat YYYY-MM-DD HH:mm:ss",
        f"    axisFormat {_axis(whole)}",
        "    todayMarker off",
        *(["    tickInterval 1second"] if whole < timedelta(seconds=10) else []),
    ]
    for number, bar in zip(count(1), shown, strict=False):
        # A bar without a length is not drawn.
        ended = max(bar.ended, bar.began + timedelta(seconds=1))
        state = _STATES.get(str(bar.project.get("status")), "")
        lines.append(f"    {number} {_label(bar.project)} :{state}{bar.began:%F %T}, {ended:%F %T}")
    return "\n".join([*lines, "```", ""])


def table_rows(shown: Sequence[Bar]) -> Iterator[str]:
    """A row for each bar of the diagram: what it stands for, and what took how long."""
    for number, bar in zip(count(1), shown, strict=False):
        name = code(_name(bar.project), 120)
        took = duration(bar.seconds)
        yield f"| {number} | {name} | {bar.began:%F %T} | {took} | {cell(_agents(bar.project))} |\n"


def moment(text: object) -> datetime | None:
    """A moment of the result; None for none, and for what is none."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def _agents(project: Mapping[str, Any]) -> str:
    """`discovery 3 s, export 12 s`: those that did something, with their times."""
    said = []
    for name, agent in (project.get("agents") or {}).items():
        began, ended = moment(agent.get("started_at")), moment(agent.get("finished_at"))
        if began is not None and ended is not None:
            said.append(f"{name} {duration((ended - began).total_seconds())}")
    return ", ".join(said)


def _label(project: Mapping[str, Any]) -> str:
    return _NOT_IN_A_LABEL.sub(" ", _name(project)).strip()[:_LABEL_LENGTH].strip()


def _name(project: Mapping[str, Any]) -> str:
    return str(project.get("source") or project.get("project_id", ""))


def _axis(whole: timedelta) -> str:
    if whole > timedelta(days=1):
        return "%a %H:%M"
    return "%H:%M" if whole > timedelta(hours=1) else "%H:%M:%S"
