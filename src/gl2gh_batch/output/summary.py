"""The job summary: one Markdown page that says what became of every project, and what to do next.

GitHub takes at most 1 MiB of summary for a step and shows nothing of a larger one ("Workflow commands for
GitHub Actions"), so the page is cut at the end of a row long before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gl2gh_batch.domain.errors import FailureReason
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus
from gl2gh_batch.output import timeline
from gl2gh_batch.output.board import duration, if_content
from gl2gh_batch.output.escape import cell, code, prose
from gl2gh_batch.output.findings_view import HEAD as FINDINGS_HEAD
from gl2gh_batch.output.findings_view import finding_rows
from gl2gh_batch.output.inventory_view import HEAD as INVENTORY_HEAD
from gl2gh_batch.output.inventory_view import inventory_opening, inventory_rows
from gl2gh_batch.output.kind_words import count_words, kind_words
from gl2gh_batch.output.losses_view import TABLE_HEAD as LOSSES_HEAD
from gl2gh_batch.output.losses_view import losses_table, sums_by_kind
from gl2gh_batch.output.numbers import number_words
from gl2gh_batch.output.people_words import people_words

LIMIT_BYTES: Final = 900 * 1024
_ROOM_FOR_MORE: Final = 200
_SHARE_OF_PROJECTS: Final = 0.6
_FINDINGS_LIMIT: Final = 100
_MOST_UNFOLDED: Final = 40
_LOSSES_LIMIT: Final = 60
_NUMBERS_LIMIT: Final = 20
_FOLD_END: Final = "\n</details>\n"
# Nothing else becomes a link: an address that Markdown takes literally.
_ADDRESS: Final = re.compile(r"https?://[A-Za-z0-9.:-]+(?:/[A-Za-z0-9._-]+)+", re.ASCII)
_TITLES: Final[dict[str, str]] = {
    BatchStatus.SUCCESS: "✅ All projects succeeded",
    BatchStatus.PARTIAL_SUCCESS: "⚠️ Some projects did not succeed",
    BatchStatus.FAILED: "❌ The batch failed",
}
_SIGNS: Final[dict[str, str]] = {
    ProjectStatus.SUCCESS: "✅&nbsp;success",
    ProjectStatus.FAILED: "❌&nbsp;failed",
    ProjectStatus.INCOMPLETE: "⏸️&nbsp;incomplete",
    ProjectStatus.NOT_STARTED: "⏹️&nbsp;not&nbsp;started",
}
_HEAD: Final = (
    "| Project → repository | Status | What | Time | Requests | Losses | What happened, what to do |\n"
    "|---|---|---|--:|--:|--:|---|\n"
)
_ALL_IN_RESULT: Final = "see `batch-result.json`"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Section:
    """A part of the page that can be cut after any of its rows; `share` of the whole page at most.

    Parts with one `purse` have that share together.
    """

    head: str
    rows: Iterable[str]
    total: int
    share: float = 1.0
    purse: str = ""
    more: str = _ALL_IN_RESULT
    foot: str = ""


def job_summary(
    result: Mapping[str, Any],
    *,
    inventory: Sequence[Mapping[str, str]] = (),
    limit: int = LIMIT_BYTES,
) -> str:
    """The page for a batch's result, at most `limit` bytes of UTF-8.

    `inventory`: the rows of `report/inventory.csv`, where the run was to make one; they stand for the rows of
    the projects that succeeded.
    """
    opening = "".join(_opening(result))
    closing = _closing(result)
    room = limit - len(opening.encode()) - len(closing.encode())
    parts = [opening]
    spent: Counter[str] = Counter()
    for section in _sections(result, inventory):
        allowed = int(limit * section.share) - spent[section.purse]
        part = "".join(_within(section, min(room, allowed)))
        room -= len(part.encode())
        spent[section.purse] += len(part.encode()) if section.purse else 0
        parts.append(part)
    return "".join((*parts, closing))


def _within(section: _Section, room: int) -> Iterator[str]:
    """As much of a section as there is room for: nothing, or its head, whole rows and its foot."""
    room -= len(section.head.encode()) + len(section.foot.encode()) + _ROOM_FOR_MORE
    if room < 0:
        return
    yield section.head
    for number, row in enumerate(section.rows):
        room -= len(row.encode())
        if room < 0:
            yield f"\n… and {section.total - number} more: {section.more}.\n"
            break
        yield row
    yield section.foot


def _sections(result: Mapping[str, Any], inventory: Sequence[Mapping[str, str]]) -> Iterator[_Section]:
    projects: Sequence[Mapping[str, Any]] = result.get("results", ())
    good = [] if inventory else [one for one in projects if one.get("status") == ProjectStatus.SUCCESS]
    rest = [one for one in projects if one.get("status") != ProjectStatus.SUCCESS]
    # What needs a person comes first, and is not lost among hundreds of others.
    folded = good if len(good) > _MOST_UNFOLDED else []
    if told := rest if folded else [*rest, *good]:
        yield _Section(
            head=_HEAD, rows=map(_row, told), total=len(told), share=_SHARE_OF_PROJECTS, purse="rows"
        )
    if folded:
        many = f"{len(folded):,} projects that succeeded"
        yield _Section(
            head=f"\n<details><summary>{many}</summary>\n\n{_HEAD}",
            rows=map(_row, folded),
            total=len(folded),
            share=_SHARE_OF_PROJECTS,
            purse="rows",
            foot=_FOLD_END,
        )
    if inventory:
        head = inventory_opening(inventory) + INVENTORY_HEAD
        yield _Section(
            head=head,
            rows=inventory_rows(inventory),
            total=len(inventory),
            share=_SHARE_OF_PROJECTS,
            more="see `report/inventory.csv`",
        )
    yield from _findings(projects)
    if people := people_words(result.get("users")):
        yield _Section(head=f"\n{people}", rows=(), total=0)
    yield from _losses(projects)
    yield from _numbers(projects)
    if shown := timeline.bars(projects):
        left_out = len(projects) - len(shown)
        longest = (
            f"The {len(shown)} that took longest. " if left_out and len(shown) == timeline.MOST_BARS else ""
        )
        yield _Section(
            head=f"\n### Timeline\n\n{longest}Grey bars are done, red failed, blue were stopped.\n\n"
            f"{timeline.gantt(shown)}\n{timeline.TABLE_HEAD}",
            rows=timeline.table_rows(shown),
            total=len(shown),
        )
    yield from _waits(result)


def failure_summary(reason: str, message: str, hint: str) -> str:
    """The page for a run without a result: it ended before there was a batch, or as nobody foresaw."""
    ended = "The run broke off" if reason == FailureReason.INTERNAL else "Nothing was migrated"
    lines = [f"## ❌ {ended}", "", f"**{cell(reason)}**: {cell(message, 2000)}"]
    return "\n".join([*lines, *(["", f"What to do: {prose(hint, 2000)}"] if hint else []), ""])


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
    for one in result.get("passed_over", ()):
        yield f" · {cell(one)}"
    if result.get("stopped_by"):
        yield f" · stopped by {cell(result['stopped_by'])}"
    yield f"{_price(result.get('price'))}\n\n"


def _price(price: Mapping[str, Any] | None) -> str:
    """The price of the batch, which is less than the sum of its projects': they run side by side."""
    if not price:
        return ""
    took = duration(float(price.get("hours", 0.0)) * 3600)
    unsure = if_content(price)
    other = f" ({unsure})" if unsure else ""
    return f" · planned: {int(price.get('requests', 0)):,} requests, about {took} for one token{other}"


def _row(project: Mapping[str, Any]) -> str:
    plan = project.get("plan") or {}
    requests = (plan.get("price") or {}).get("requests")
    columns = (
        f"{code(_name(project))}{_repository(project)}",
        _SIGNS.get(str(project.get("status")), cell(project.get("status", ""))),
        _kinds(project),
        _time(project),
        "" if requests is None else f"{int(requests):,}",
        cell(project.get("losses") or ""),
        _what(project),
    )
    return f"| {' | '.join(columns)} |\n"


def _repository(project: Mapping[str, Any]) -> str:
    """The target, a link to it where it is known to be there."""
    if not project.get("target"):
        return ""
    name, address = code(project["target"]), str(project.get("target_url") or "")
    return f" → [{name}]({address})" if _ADDRESS.fullmatch(address) else f" → {name}"


def _time(project: Mapping[str, Any]) -> str:
    """How long it took, and what the plan says that applying takes."""
    said = []
    began, ended = (timeline.moment(project.get(key)) for key in ("started_at", "finished_at"))
    if began is not None and ended is not None:
        said.append(_unbroken(duration((ended - began).total_seconds())))
    price = (project.get("plan") or {}).get("price")
    if price:
        said.append(_unbroken(f"planned: {duration(float(price.get('hours', 0.0)) * 3600)}"))
    return "<br>".join(said)


def _unbroken(words: str) -> str:
    """Words of ours that belong on one line."""
    return words.replace(" ", "&nbsp;")


def _kinds(project: Mapping[str, Any]) -> str:
    plan = project.get("plan") or {}
    counts = ((project.get("agents") or {}).get("discovery") or {}).get("counts") or {}
    return cell(kind_words(plan) if plan.get("kinds") else count_words(counts))


def _name(project: Mapping[str, Any]) -> object:
    return project.get("source") or project.get("project_id", "")


def _what(project: Mapping[str, Any]) -> str:
    error = project.get("error")
    if not error:
        verification = project.get("verification") or {}
        if "total_differences" in verification:
            many = int(verification["total_differences"] or 0)
            return f"verified, {many:,} differences" if many else "verified, no difference"
        return ""
    said = str(error.get("message", ""))
    item = f"{code(error['item'])} " if error.get("item") and str(error["item"]) not in said else ""
    hint = f"<br>{prose(error['hint'])}" if error.get("hint") else ""
    return f"<b>{cell(error.get('reason', ''))}</b>: {item}{cell(error.get('message', ''), 600)}{hint}"


def _waits(result: Mapping[str, Any]) -> Iterator[_Section]:
    """What each credential spent, and what it waited for, added up over the projects side by side."""
    budgets = [one for one in result.get("budgets") or () if one.get("requests")]
    if not budgets:
        return
    rows = []
    for one in budgets:
        waited = sorted(one.get("waited_s", {}).items(), key=lambda pair: -pair[1])
        said = ", ".join(f"{name} {duration(seconds)}" for name, seconds in waited if seconds >= 1)
        refused = ", ".join(f"{name} {times}" for name, times in one.get("refusals", {}).items() if times)
        name, requests = code(one.get("credential", "")), int(one["requests"])
        rows.append(f"| {name} | {requests:,} | {cell(said) or 'nothing'} | {cell(refused) or 'never'} |\n")
    parallelism = result.get("parallelism") or {}
    held = parallelism.get("held_back_s") or {}
    also = ""
    if parallelism.get("highest"):
        most, of = (cell(parallelism.get(key, "")) for key in ("highest", "limit"))
        also = f"At the most {most} of {of} projects at once. "
    reasons = ", ".join(f"{name} {duration(seconds)}" for name, seconds in held.items() if seconds >= 1)
    also += f"Projects were held back: {cell(reasons)}. " if reasons else ""
    margin_s = max(float(one.get("margin_s", 0.0)) for one in budgets)
    kept = f" A margin of {margin_s:g} s is kept against timers that fire early." if margin_s else ""
    yield _Section(
        head="\n### What waited for which limit\n\n"
        f"{also}Times are added up over projects side by side.{kept}\n\n"
        "| Credential | Requests | Waited for | Refused by the platform |\n|---|--:|---|---|\n",
        rows=rows,
        total=len(rows),
    )


def _losses(projects: Sequence[Mapping[str, Any]]) -> Iterator[_Section]:
    """What is not carried over, in words, what several projects lose once; and how much of each kind."""
    sums = sums_by_kind(projects)
    if not sums:
        return
    rows = losses_table(projects, _LOSSES_LIMIT)
    yield _Section(
        head=f"\n### What is not carried over\n\n{sums} Each with its reason: `report/losses.csv`.\n"
        + (f"\n<details><summary>In words</summary>\n\n{LOSSES_HEAD}" if rows else ""),
        rows=rows,
        total=len(rows),
        more="see `report/losses.csv`",
        foot=_FOLD_END if rows else "",
    )


def _findings(projects: Sequence[Mapping[str, Any]]) -> Iterator[_Section]:
    rows = finding_rows(projects)
    if rows:
        shown = rows[:_FINDINGS_LIMIT]
        if len(rows) > len(shown):
            shown.append(f"\n… and {len(rows) - len(shown)} more: {_ALL_IN_RESULT}.\n")
        yield _Section(head=f"\n### Findings\n\n{FINDINGS_HEAD}", rows=shown, total=len(rows))


def _numbers(projects: Sequence[Mapping[str, Any]]) -> Iterator[_Section]:
    said = [(one, words) for one in projects if (words := number_words(one.get("plan") or {}))]
    if said:
        shown = said[:_NUMBERS_LIMIT]
        rows = [f"- {code(_name(one), 120)} {cell(words, 300)}\n" for one, words in shown]
        if len(said) > len(shown):
            rows.append(f"- and {len(said) - len(shown)} projects more\n")
        yield _Section(
            head="\n<details><summary>Numbers of issues and merge requests</summary>\n\n"
            "The whole map: `report/numbers.csv`.\n\n",
            foot=_FOLD_END,
            rows=rows,
            total=len(said),
            more="see `report/numbers.csv`",
        )


def _closing(result: Mapping[str, Any]) -> str:
    if result.get("status") == BatchStatus.SUCCESS:
        return ""
    return (
        "\n### How to resume\n\n"
        "Remove the causes named above, then run again with the same inputs and the same work directory:"
        " in a workflow that fetches it, as `migrate.yml` does, by “Re-run failed jobs”; in any other,"
        " download the artifact of this run into it first. What is done stays done and is not sent again.\n"
    )
