"""A plan for people: what would be done, what it costs, what is lost, what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from gl2gh_batch.domain.plan import Severity
from gl2gh_batch.output.board import duration, if_content
from gl2gh_batch.output.escape import cell, code, terminal
from gl2gh_batch.output.kind_words import kind_words
from gl2gh_batch.output.losses_view import losses_lines, losses_markdown
from gl2gh_batch.output.numbers import number_words

_STYLES: Final[dict[str, str]] = {Severity.BLOCKING: "red", Severity.WARNING: "yellow"}


def plan_markdown(result: Mapping[str, Any]) -> str:
    """The plans of a batch's result as Markdown."""
    planned = _planned(result)
    lines = [
        "## The plan",
        "",
        _total(result, planned),
        "",
        "| Project | Target | Kinds | Steps | Requests | Time | Losses |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for project in planned:
        plan = project["plan"]
        columns = (
            code(_name(project)),
            code(project.get("target", "")),
            cell(_kinds(plan)),
            cell(plan.get("steps", 0)),
            cell(_requests(plan)),
            cell(_time(plan)),
            cell(project.get("losses") or 0),
        )
        lines.append(f"| {' | '.join(columns)} |")
    numbers = [
        f"- {code(_name(project))} {cell(words, 2000)}"
        for project in planned
        if (words := number_words(project["plan"]))
    ]
    if numbers:
        lines += ["", "### Numbers", "", *numbers]
    findings = list(_findings(planned))
    if findings:
        lines += ["", "### Findings", ""]
    for project, one in findings:
        item = f" {code(one['item'])}" if one.get("item") else ""
        hint = f" {cell(one['hint'], 600)}" if one.get("hint") else ""
        words = f"{cell(one.get('severity', ''))}: {cell(one.get('message', ''), 600)}{hint}"
        lines.append(f"- {code(_name(project))}{item} {words}")
    lines += losses_markdown(planned)
    return "\n".join(lines) + "\n"


def plan_table(result: Mapping[str, Any]) -> RenderableType:
    """The same for a terminal."""
    planned = _planned(result)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("project", overflow="fold")
    table.add_column("target", overflow="fold")
    table.add_column("kinds", overflow="fold")
    for name in ("steps", "requests", "time", "losses"):
        table.add_column(name, justify="right", no_wrap=True)
    for project in planned:
        plan = project["plan"]
        table.add_row(
            Text(terminal(_name(project)), style="bold"),
            Text(terminal(project.get("target", ""))),
            Text(terminal(_kinds(plan))),
            Text(terminal(plan.get("steps", 0))),
            Text(_requests(plan)),
            Text(_time(plan)),
            Text(terminal(project.get("losses") or 0)),
        )
    parts: list[RenderableType] = [table, Text(_total(result, planned), style="bold")]
    parts += [
        Text(terminal(f"{_name(project)}: {words}"), style="dim")
        for project in planned
        if (words := number_words(project["plan"]))
    ]
    for hint, group in groupby(_findings(planned), key=lambda pair: str(pair[1].get("hint") or "")):
        for project, one in group:
            style = _STYLES.get(str(one.get("severity")), "dim")
            parts.append(Text(terminal(f"{_name(project)}: {one.get('message', '')}"), style=style))
        if hint:  # the same advice for several is given once
            parts.append(Text(f"  {terminal(hint)}", style="dim"))
    parts += losses_lines(planned)
    return Group(*parts)


def _planned(result: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [project for project in result.get("results", ()) if project.get("plan")]


def _findings(planned: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """What blocks comes first, and what has the same remedy together."""
    order = {Severity.BLOCKING.value: 0, Severity.WARNING.value: 1}
    found = [(project, one) for project in planned for one in project.get("findings") or ()]

    def place(pair: tuple[Mapping[str, Any], Mapping[str, Any]]) -> tuple[int, str]:
        return order.get(str(pair[1].get("severity")), 2), str(pair[1].get("hint") or "")

    yield from sorted(found, key=place)


def _name(project: Mapping[str, Any]) -> str:
    return str(project.get("source") or project.get("project_id", ""))


def _kinds(plan: Mapping[str, Any]) -> str:
    return kind_words(plan)


def _requests(plan: Mapping[str, Any]) -> str:
    return f"{int((plan.get('price') or {}).get('requests', 0)):,}"


def _time(plan: Mapping[str, Any]) -> str:
    return duration(float((plan.get("price") or {}).get("hours", 0.0)) * 3600)


def _total(result: Mapping[str, Any], planned: Sequence[Mapping[str, Any]]) -> str:
    """The price is the batch's own: less than the sum of its projects', which run side by side."""
    losses = sum(int(project.get("losses") or 0) for project in planned)
    many = len(planned)
    parts = [f"{many} project{'' if many == 1 else 's'}"]
    if price := result.get("price"):
        took = duration(float(price.get("hours", 0.0)) * 3600)
        parts.append(f"{int(price.get('requests', 0)):,} requests, about {took} for one token")
        if unsure := if_content(price):
            parts.append(unsure)
    parts.append(f"{losses} loss{'' if losses == 1 else 'es'}")
    return ", ".join(parts)
