"""The job summary: one Markdown page that says what became of every project, and what to do next.

GitHub takes at most 1 MiB of summary for a step and shows nothing of a larger one ("Workflow commands for
GitHub Actions"), so the page is cut at the end of a row long before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gl2gh_batch.domain.errors import FailureReason
from gl2gh_batch.domain.people import UNRESOLVED_FINDING
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus
from gl2gh_batch.output.board import duration, if_content
from gl2gh_batch.output.escape import cell, code

LIMIT_BYTES: Final = 900 * 1024
_ROOM_FOR_THE_REST: Final = 4 * 1024
_FINDINGS_LIMIT: Final = 100
_TITLES: Final[dict[str, str]] = {
    BatchStatus.SUCCESS: "✅ All projects succeeded",
    BatchStatus.PARTIAL_SUCCESS: "⚠️ Some projects did not succeed",
    BatchStatus.FAILED: "❌ The batch failed",
}
_SIGNS: Final[dict[str, str]] = {
    ProjectStatus.SUCCESS: "✅ success",
    ProjectStatus.FAILED: "❌ failed",
    ProjectStatus.INCOMPLETE: "⏸️ incomplete",
    ProjectStatus.NOT_STARTED: "⏹️ not started",
}
_HEAD: Final = (
    "| Project | Target | Status | Done | Steps | Requests | Losses | What happened, what to do |\n"
    "|---|---|---|---|--:|--:|--:|---|\n"
)


def job_summary(result: Mapping[str, Any], *, limit: int = LIMIT_BYTES) -> str:
    """The page for a batch's result, at most `limit` bytes of UTF-8."""
    projects: Sequence[Mapping[str, Any]] = result.get("results", ())
    parts = [*_opening(result), _HEAD] if projects else [*_opening(result)]
    size = sum(len(part.encode()) for part in parts)
    for number, row in enumerate(map(_row, _in_order(projects))):
        size += len(row.encode())
        if size > limit - _ROOM_FOR_THE_REST:
            parts.append(f"\n… and {len(projects) - number} more: see `batch-result.json`.\n")
            return "".join((*parts, _closing(result)))
        parts.append(row)
    closing = f"{_people(result.get('users'))}{_closing(result)}"
    size += len(closing.encode())
    for line in _findings(projects):
        size += len(line.encode())
        if size > limit:
            break
        parts.append(line)
    return "".join((*parts, closing))


def failure_summary(reason: str, message: str, hint: str) -> str:
    """The page for a run without a result: it ended before there was a batch, or as nobody foresaw."""
    ended = "The run broke off" if reason == FailureReason.INTERNAL else "Nothing was migrated"
    lines = [f"## ❌ {ended}", "", f"**{cell(reason)}**: {cell(message, 2000)}"]
    return "\n".join([*lines, *(["", f"What to do: {cell(hint, 2000)}"] if hint else []), ""])


def checked_summary(projects: int, groups: int, message: str) -> str:
    """The page for a configuration that was read and checked, and nothing more."""
    listed = f"{projects} project{'' if projects == 1 else 's'}"
    if groups:
        listed += f" and {groups} group{'' if groups == 1 else 's'}"
    return f"## ✅ The configuration is valid\n\nIt lists {listed}.\n\n{cell(message, 2000)}\n"


def _opening(result: Mapping[str, Any]) -> Iterator[str]:
    status = str(result.get("status", ""))
    yield f"## {_TITLES.get(status, cell(status))}\n\n"
    counts = [
        f"{result.get(key, 0)} {words}"
        for key, words in (
            ("successful", "succeeded"),
            ("failed", "failed"),
            ("incomplete", "incomplete"),
            ("not_started", "not started"),
        )
        if result.get(key)
    ]
    total = int(result.get("total_projects", 0))
    yield f"{total} project{'' if total == 1 else 's'}: {', '.join(counts) or 'nothing to do'}"
    yield f" · mode {code(result.get('mode', ''))} · batch {code(result.get('batch_id', ''))}"
    if result.get("missing_shards"):
        yield f" · no result of shard {cell(', '.join(result['missing_shards']))}"
    if result.get("stopped_by"):
        yield f" · stopped by {cell(result['stopped_by'])}"
    yield f"{_price(result.get('price'))}\n\n"


def _people(users: Mapping[str, Any] | None) -> str:
    """Who has no login on GitHub, and what to do about it."""
    if not users or not (users.get("unresolved") or users.get("logins_not_found")):
        return ""
    people, mapped, unresolved = (cell(users.get(key, 0)) for key in ("people", "mapped", "unresolved"))
    said = (
        f"\n**People**: {people} are named, {mapped} of them with a login on GitHub, {unresolved} without."
        f" Fill in {code(users.get('file', ''))} of the work directory and give it back as `users`.\n"
    )
    wrong = users.get("logins_not_found") or ()
    if wrong:
        said += f"\nThese logins of the map do not exist: {', '.join(code(one) for one in wrong)}.\n"
    return said


def _price(price: Mapping[str, Any] | None) -> str:
    """The price of the batch, which is less than the sum of its projects': they run side by side."""
    if not price:
        return ""
    took = duration(float(price.get("hours", 0.0)) * 3600)
    unsure = if_content(price)
    other = f" ({unsure})" if unsure else ""
    return f" · planned: {int(price.get('requests', 0)):,} requests, about {took} for one token{other}"


def _in_order(projects: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What needs a person comes first; else the order given."""
    return sorted(projects, key=lambda one: one.get("status") == ProjectStatus.SUCCESS)


def _row(project: Mapping[str, Any]) -> str:
    plan = project.get("plan") or {}
    requests = (plan.get("price") or {}).get("requests", "")
    columns = (
        code(project.get("source") or project.get("project_id", "")),
        code(project["target"]) if project.get("target") else "",
        _SIGNS.get(str(project.get("status")), cell(project.get("status", ""))),
        _kinds(project),
        cell(plan.get("steps", "")),
        cell(requests),
        cell(project.get("losses") or ""),
        _what(project),
    )
    return f"| {' | '.join(columns)} |\n"


def _kinds(project: Mapping[str, Any]) -> str:
    kinds = (project.get("plan") or {}).get("kinds") or {}
    if kinds:
        return cell(", ".join(f"{kind} {one.get('items', 0)}" for kind, one in kinds.items()))
    done = [name for name, agent in (project.get("agents") or {}).items() if agent.get("status") == "done"]
    return cell(", ".join(done))


def _what(project: Mapping[str, Any]) -> str:
    error = project.get("error")
    if not error:
        verification = project.get("verification") or {}
        if "total_differences" in verification:
            return f"{cell(verification['total_differences'])} differences"
        return ""
    item = f"{code(error['item'])} " if error.get("item") else ""
    hint = f"<br>{cell(error['hint'], 600)}" if error.get("hint") else ""
    return f"<b>{cell(error.get('reason', ''))}</b>: {item}{cell(error.get('message', ''), 600)}{hint}"


def _findings(projects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    found = [
        (project, one)
        for project in projects
        for one in project.get("findings") or ()
        if one.get("code") != UNRESOLVED_FINDING  # said once for the whole batch
    ]
    if not found:
        return
    found.sort(key=lambda pair: ("blocking", "warning", "notice").index(_severity(pair[1])))
    yield "\n### Findings\n\n| Project | Severity | Finding | What to do |\n|---|---|---|---|\n"
    for project, one in found[:_FINDINGS_LIMIT]:
        name = code(project.get("source") or project.get("project_id", ""))
        item = f"{code(one['item'])} " if one.get("item") else ""
        yield (
            f"| {name} | {_severity(one)} | {item}{cell(one.get('message', ''), 400)} "
            f"| {cell(one.get('hint', ''), 400)} |\n"
        )
    if len(found) > _FINDINGS_LIMIT:
        yield f"\n… and {len(found) - _FINDINGS_LIMIT} more: see `batch-result.json`.\n"


def _severity(finding: Mapping[str, Any]) -> str:
    given = str(finding.get("severity", ""))
    return given if given in {"blocking", "warning"} else "notice"


def _closing(result: Mapping[str, Any]) -> str:
    if result.get("status") == BatchStatus.SUCCESS:
        return ""
    return (
        "\n### How to resume\n\n"
        "Remove the causes named above, then run again with the same inputs and the same work directory"
        " (download the artifact of this run into it first). What is done stays done and is not sent again.\n"
    )
