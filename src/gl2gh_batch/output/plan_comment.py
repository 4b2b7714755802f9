"""The comment on a pull request that shows the plan; it is found again by its hidden first line.

GitHub takes at most 65,536 characters of a comment; this one stays below `LIMIT` and is cut at the end of a
row. The first line says which plan it shows, so that the run after the merge applies exactly that one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from html import escape
from typing import Any, Final

from gl2gh_batch.domain.plan import Severity
from gl2gh_batch.output.board import duration
from gl2gh_batch.output.escape import cell, code, prose
from gl2gh_batch.output.findings_view import HEAD as FINDINGS_HEAD
from gl2gh_batch.output.findings_view import finding_rows
from gl2gh_batch.output.kind_words import kind_words
from gl2gh_batch.output.losses_view import TABLE_HEAD as LOSSES_HEAD
from gl2gh_batch.output.losses_view import losses_table, sums_by_kind
from gl2gh_batch.output.numbers import number_words
from gl2gh_batch.output.people_words import people_words

LIMIT: Final = 60_000
_ROOM_FOR_THE_REST: Final = 4_000
_MOST_FINDINGS: Final = 100
_MOST_LOSSES: Final = 40
_MOST_OF_NUMBERS: Final = 1_000
_ROOM_FOR_A_SENTENCE: Final = 100
_FIRST_LINE: Final = re.compile(r"\A<!-- gl2gh-batch:plan (\{[^\n]{1,4000}\}) -->\r?\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fold:
    """What stands around rows that are folded away; `{more}` in the foot says how many were left out."""

    head: str
    foot: str
    noun: str


_NOTICES: Final = _Fold(
    head=f"\n<details><summary>Notices</summary>\n\n{FINDINGS_HEAD}",
    foot="\n{more}\n</details>\n",
    noun="rows",
)
_NUMBERS: Final = _Fold(
    head="\n<details><summary>Numbers of issues and merge requests</summary>\n\n"
    "| Project | Numbers |\n|---|---|\n",
    foot="\n{more}The whole map is `report/numbers.csv` in the artifact.\n\n</details>\n",
    noun="projects",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPlan:
    """Which plan a comment shows, and where the run left it.

    `name` tells the batches of one repository apart (the path of the batch file); `run_id` and `artifact`
    name the artifact with the work directory; `digest` is the batch plan's, empty when there is no plan.
    """

    name: str
    digest: str
    run_id: int
    artifact: str
    head_sha: str = ""


def first_line(plan: ReviewedPlan) -> str:
    """The hidden line that a comment begins with; nothing in it can end the HTML comment."""
    text = json.dumps({"version": 1, **asdict(plan)}, separators=(",", ":"), sort_keys=True)
    for sign in "-<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f"<!-- gl2gh-batch:plan {text} -->\n"


def reviewed_plan(body: str) -> ReviewedPlan | None:
    """What a comment's first line says; None when it is none of ours, or of a version that we cannot read."""
    found = _FIRST_LINE.match(body)
    try:
        said = json.loads(found[1]) if found else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict) or said.get("version") != 1:
        return None
    values = {one.name: said.get(one.name, "") for one in fields(ReviewedPlan)}
    run_id = values.pop("run_id")
    if isinstance(run_id, bool) or not isinstance(run_id, int):
        return None
    if not all(isinstance(one, str) for one in values.values()):
        return None
    return ReviewedPlan(run_id=run_id, **values)


def plan_comment(
    result: Mapping[str, Any], plan: ReviewedPlan, *, run_url: str = "", limit: int = LIMIT
) -> str:
    """The comment for a batch's result of PLAN_ONLY, at most `limit` characters."""
    projects: Sequence[Mapping[str, Any]] = result.get("results", ())
    opening = [first_line(plan), *_opening(result, plan)]
    closing = "".join(_closing(plan, run_url))
    if people := people_words(result.get("users")):
        closing = f"\n{people}{closing}"
    parts = [*opening]
    room = limit - len(closing) - sum(len(part) for part in parts) - _ROOM_FOR_THE_REST
    # What is in the way and the projects leave some of the room for what is lost, and for the numbers.
    for section, share in ((_findings(projects), 0.4), (_table(projects), 0.7)):
        taken, left = _that_fit(list(section), int(room * share))
        room -= sum(len(one) for one in taken)
        parts += taken
        if left:
            parts.append(f"\n… and {left} more: see `batch-result.json` in the artifact.\n")
    rows = losses_table(projects, _MOST_LOSSES)
    notices = [one for one in finding_rows(projects) if f"| {Severity.NOTICE} |" in one][:_MOST_FINDINGS]
    for fold, lines, share in (
        (_NOTICES, notices, 0.3),
        (_losses_fold(projects), rows, 0.5),
        (_NUMBERS, _number_rows(projects), 1.0),
    ):
        room = limit - len(closing) - sum(len(part) for part in parts)
        parts += _folded(fold, lines, int(room * share))
    return "".join((*parts, closing))


def invalid_comment(name: str, message: str, hint: str, plan: ReviewedPlan) -> str:
    """The comment when there is no plan: what is wrong with the batch file, or why it was only checked."""
    lines = [first_line(plan), f"## Migration plan: {code(name)}\n\n", f"**{cell(message, 2000)}**\n"]
    return "".join([*lines, f"\n{prose(hint, 2000)}\n" if hint else ""])


def _that_fit(lines: Sequence[str], room: int) -> tuple[list[str], int]:
    """As many lines as fit, and how many rows are left; a section's head counts as no row."""
    taken: list[str] = []
    for place, line in enumerate(lines):
        room -= len(line)
        if room < 0:
            return taken, sum(one.startswith("| ") for one in lines[place:])
        taken.append(line)
    return taken, 0


def _opening(result: Mapping[str, Any], plan: ReviewedPlan) -> Iterator[str]:
    projects: Sequence[Mapping[str, Any]] = result.get("results", ())
    planned = [one for one in projects if one.get("plan")]
    blocked = [one for one in projects if _severities(one).get("blocking") or one.get("error")]
    yield f"## Migration plan: {code(plan.name or 'batch')}\n\n"
    if blocked:
        rest = len(projects) - len(blocked)
        others = f"; the other {rest:,} can" if rest else ""
        many = f"{len(blocked):,} of {_many(len(projects), 'project')}"
        yield f"❌ **{many} cannot be migrated yet{others}.**\n\n"
    else:
        yield f"✅ **{_many(len(projects), 'project')} can be migrated.**\n\n"
    price = result.get("price") or {}
    losses = sum(int(one.get("losses") or 0) for one in planned)
    steps = sum(int(one["plan"].get("steps") or 0) for one in planned)
    took = duration(float(price.get("hours", 0.0)) * 3600)
    yield "| Projects | Steps | Requests to GitHub | Time for one token | Not carried over |\n"
    yield "|--:|--:|--:|--:|--:|\n"
    requests = f"{int(price.get('requests', 0)):,}"
    yield f"| {len(projects):,} | {steps:,} | {requests} | about {took} | {losses:,} |\n"
    if plan.digest:
        yield f"\nPlan {code(plan.digest[:12])}, made from {code(plan.head_sha[:12] or 'this branch')}.\n"


def _table(projects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not projects:
        return
    yield "\n### Projects\n\n"
    yield "| Project | Target | What | Steps | Requests | Time | Losses | Findings |\n"
    yield "|---|---|---|--:|--:|--:|--:|---|\n"
    for project in sorted(projects, key=_urgency):
        plan = project.get("plan") or {}
        price = plan.get("price") or {}
        columns = (
            code(project.get("source") or project.get("project_id", "")),
            code(project["target"]) if project.get("target") else "",
            cell(kind_words(plan)),
            cell(plan.get("steps", "")),
            f"{int(price['requests']):,}" if "requests" in price else "",
            duration(float(price["hours"]) * 3600) if "hours" in price else "",
            cell(project.get("losses") or 0) if plan else "",
            cell(", ".join(_severity_words(project))),
        )
        yield f"| {' | '.join(columns)} |\n"


def _folded(fold: _Fold, rows: Sequence[str], room: int) -> Iterator[str]:
    """A part that is closed until somebody opens it, in what room the rest has left; cut after any row."""
    taken, left = _that_fit(rows, room - len(fold.head) - len(fold.foot) - _ROOM_FOR_A_SENTENCE)
    if taken:
        yield fold.head
        yield from taken
        yield fold.foot.format(more=f"… and {left:,} {fold.noun} more. " if left else "")


def _number_rows(projects: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which item gets which number, a row for each project."""
    return [
        f"| {code(one.get('source') or one.get('project_id', ''))} | {cell(words, _MOST_OF_NUMBERS)} |\n"
        for one in projects
        if (words := number_words(one.get("plan") or {}))
    ]


def _losses_fold(projects: Sequence[Mapping[str, Any]]) -> _Fold:
    return _Fold(
        head="\n<details><summary>What is not carried over</summary>\n\n"
        f"{sums_by_kind(projects)}\n\n"
        f"{LOSSES_HEAD}",
        foot="\n{more}All are in `report/losses.csv` in the artifact.\n\n</details>\n",
        noun="rows",
    )


def _findings(projects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    rows = finding_rows(projects, errors=True, least="warning")
    if not rows:
        return
    yield f"\n### What needs attention\n\n{FINDINGS_HEAD}"
    yield from rows[:_MOST_FINDINGS]
    if len(rows) > _MOST_FINDINGS:
        yield f"\n… and {len(rows) - _MOST_FINDINGS} more: see the job summary.\n"


def _severities(project: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in project.get("findings") or ():
        severity = str(one.get("severity", ""))
        if severity in {"blocking", "warning", "notice"}:
            counts[severity] = counts.get(severity, 0) + 1
    return counts


def _severity_words(project: Mapping[str, Any]) -> Iterator[str]:
    for name, many in _severities(project).items():
        yield f"{many} blocking" if name == "blocking" else _many(many, name)


def _urgency(project: Mapping[str, Any]) -> int:
    """What needs a person first: what is in the way, what is doubtful, the rest."""
    severities = _severities(project)
    if project.get("error") or severities.get("blocking"):
        return 0
    return 1 if severities.get("warning") else 2


def _closing(plan: ReviewedPlan, run_url: str) -> Iterator[str]:
    yield "\n---\n"
    if plan.digest:
        yield (
            "Merging this pull request approves this plan: the apply on the push carries out exactly it,"
            " or refuses when it, the target or the source has changed since. A project that is in the way"
            " is left out, and stops none of the others.\n"
        )
        yield f"\n<sub>digest {code(plan.digest)}</sub>\n"
    if run_url:
        yield f'\n<sub><a href="{escape(run_url)}">The run</a> has the whole report as an artifact.</sub>\n'


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
