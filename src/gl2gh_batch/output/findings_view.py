"""Findings as rows of a table: what several projects have in common is said once; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gl2gh_batch.domain.people import UNRESOLVED_FINDING
from gl2gh_batch.output.escape import cell, code, prose

HEAD: Final = "| Project | Severity | What | What to do |\n|---|---|---|---|\n"
# Told by each plan for itself, and here as the sum of all.
PRICES: Final = "merge-request-prices"
_ORDER: Final = ("failed", "blocking", "warning", "notice")
_MOST_NAMES: Final = 3


@dataclass(slots=True)
class _Row:
    """One finding, and the projects that have it."""

    severity: str
    item: str
    message: str
    hint: str
    names: list[str] = field(default_factory=list)


def finding_rows(
    projects: Sequence[Mapping[str, Any]], *, errors: bool = False, least: str = "notice"
) -> list[str]:
    """A row for each finding down to the severity `least`, the worst first; with `errors`, failures too.

    People without a login are left out: the batch tells of them in one sentence.
    """
    found: dict[tuple[str, ...], _Row] = {}
    for project in projects:
        name = str(project.get("source") or project.get("project_id", ""))
        for row in _of_project(project, errors=errors):
            key = (row.severity, row.item, row.message, row.hint)
            found.setdefault(key, row).names.append(name)
    if prices := _prices(projects):
        found["notice", PRICES] = prices
    wanted = _ORDER[: _ORDER.index(least) + 1]
    rows = [row for row in found.values() if row.severity in wanted]
    return [_shown(row) for row in sorted(rows, key=lambda row: _ORDER.index(row.severity))]


def _of_project(project: Mapping[str, Any], *, errors: bool) -> Iterator[_Row]:
    error = project.get("error") or {}
    if error and errors:
        yield _row("failed", error)
    for one in project.get("findings") or ():
        told = one.get("message") == error.get("message")  # in its row, or as its failure
        if not told and one.get("code") not in {UNRESOLVED_FINDING, PRICES}:
            given = str(one.get("severity", ""))
            yield _row(given if given in _ORDER else "notice", one)


def _row(severity: str, said: Mapping[str, Any]) -> _Row:
    message, item = str(said.get("message", "")), str(said.get("item") or "")
    return _Row(severity, "" if item in message else item, message, str(said.get("hint", "")))


def _prices(projects: Sequence[Mapping[str, Any]]) -> _Row | None:
    """What merge requests cost under each policy, in all."""
    sums: dict[str, list[int]] = {}
    names = []
    for project in projects:
        kinds = (project.get("plan") or {}).get("kinds") or {}
        choices = (kinds.get("merge_requests") or {}).get("choices") or {}
        if choices:
            names.append(str(project.get("source") or project.get("project_id", "")))
        for policy, one in choices.items():
            total = sums.setdefault(str(policy), [0, 0])
            total[0] += int(one.get("content") or 0)
            total[1] += int(one.get("imports") or 0)
    if not sums:
        return None
    said = "; ".join(
        f"{policy}: {content:,} content-creating requests and {imports:,} imports"
        for policy, (content, imports) in sums.items()
    )
    chosen = "GitHub allows about 500 content-creating requests an hour; `merge_requests` chooses."
    return _Row("notice", "", f"what merge requests cost by policy: {said}", chosen, names)


def _shown(row: _Row) -> str:
    names = [code(name, 120) for name in row.names[:_MOST_NAMES]]
    if (more := len(row.names) - len(names)) > 0:
        names.append(f"and {more:,} more")
    item = f"{code(row.item)} " if row.item else ""
    return (
        f"| {', '.join(names)} | {row.severity} | {item}{cell(row.message, 400)} | {prose(row.hint, 400)} |\n"
    )
