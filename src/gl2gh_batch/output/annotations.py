"""The result as annotations of a workflow run: the few things that a reader should not miss.

The runner keeps ten of each level for a step and 4,096 characters of a message (GitHub's page "Workflow
commands for GitHub Actions"; `ExecutionContext` of the runner). Escaping the command itself is left to
whoever prints it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from gl2gh_batch.domain.plan import Severity
from gl2gh_batch.domain.result import ProjectStatus
from gl2gh_batch.output.escape import terminal

AT_MOST: Final = 10
_MESSAGE_LIMIT: Final = 4000
_TITLE_LIMIT: Final = 200

Level = Literal["error", "warning", "notice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotation:
    """One annotation; title and message are one line each, without control signs."""

    level: Level
    title: str
    message: str


def annotations_of(result: Mapping[str, Any], used: Mapping[str, int] | None = None) -> list[Annotation]:
    """At most ten of each level with those that are `used`; where there are more, the tenth says how many."""
    found = [one for project in result.get("results", ()) for one in _of_project(project)]
    kept: list[Annotation] = []
    for level in ("error", "warning", "notice"):
        same = [one for one in found if one.level == level]
        room = AT_MOST - (used or {}).get(level, 0)
        if len(same) <= room:
            kept += same
            continue
        rest = len(same) - max(room - 1, 0)
        kept += same[: max(room - 1, 0)]
        kept.append(_annotation(level, "gl2gh-batch", f"and {rest} more: see the job summary"))
    return kept


def _of_project(project: Mapping[str, Any]) -> Iterator[Annotation]:
    name = project.get("source") or project.get("project_id", "")
    error = project.get("error") or {}
    match project.get("status"):
        case ProjectStatus.FAILED:
            yield _annotation("error", f"{name} failed: {error.get('reason', '')}", _sentences(error))
        case ProjectStatus.INCOMPLETE:
            said = _sentences(error) or "Run again with the same work directory to resume."
            yield _annotation("warning", f"{name} is incomplete", said)
        case ProjectStatus.NOT_STARTED:
            yield _annotation("notice", f"{name} was not started", "Run again with the same work directory.")
        case _:
            pass
    for finding in project.get("findings") or ():
        if finding.get("message") == error.get("message"):
            continue
        blocking = finding.get("severity") == Severity.BLOCKING
        level: Level = "error" if blocking else "warning"
        if blocking or finding.get("severity") == Severity.WARNING:
            yield _annotation(level, f"{name}: {finding.get('code', '')}", _sentences(finding))


def _sentences(said: Mapping[str, Any]) -> str:
    item = f"{said['item']}: " if said.get("item") else ""
    message, hint = str(said.get("message", "")), str(said.get("hint", ""))
    ended = "" if not message or not hint or message.endswith((".", "!", "?")) else "."
    return f"{item}{message}{ended} {hint}".strip()


def _annotation(level: Level, title: str, message: str) -> Annotation:
    return Annotation(
        level=level, title=terminal(title, _TITLE_LIMIT), message=terminal(message, _MESSAGE_LIMIT)
    )
