"""What a batch does not carry over, for people: what holds for several projects is said once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from rich.text import Text

from gl2gh_batch.output.escape import cell, code, terminal, words

LOSSES_FILE: Final = "desired/losses.ndjson"
# A job's summary holds 1 MiB: this many losses in all, and for one project.
MARKDOWN_LOSSES: Final = 400
PROJECT_LOSSES: Final = 40
TABLE_LOSSES: Final = 10
_LONG_WORD: Final = re.compile(r"(\S{40})\S{4,}")
TABLE_HEAD: Final = "| Kind | What | Why | Where |\n|---|---|---|---|\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One loss, as a view shows it."""

    kind: str
    item: str
    what: str
    reason: str


def common_losses(projects: Sequence[Mapping[str, Any]]) -> dict[Told, int]:
    """The losses that more than one project has, word for word, and how many have them; most first."""
    counts: dict[Told, int] = {}
    for project in projects:
        for one in dict.fromkeys(_told(project)):
            counts[one] = counts.get(one, 0) + 1
    several = {one: count for one, count in counts.items() if count > 1}
    return dict(sorted(several.items(), key=lambda pair: -pair[1]))


def losses_lines(projects: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    """For a terminal: what several projects lose, then what each loses besides."""
    common = common_losses(projects)
    if common:
        yield Text("what does not arrive", style="bold")
    for one, count in common.items():
        yield _line(one, f"{count} of {len(projects)} projects")
    for project in projects:
        own = [one for one in _told(project) if one not in common]
        if own:
            yield Text(terminal(f"{_name(project)} has {by_kind(project)}"), style="bold")
        for one in own[:TABLE_LOSSES]:
            yield _line(one, one.item)
        # Those that hold for others, too, were told above.
        told = sum(one in common for one in _told(project)) + min(len(own), TABLE_LOSSES)
        if own and (rest := _total(project) - told) > 0:
            yield Text(f"  and {rest} more, in {LOSSES_FILE} of the project", style="dim")


def losses_markdown(projects: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same as Markdown: totals for each project, then item by item."""
    losing = [project for project in projects if project.get("losses")]
    if not losing:
        return
    yield from ("", "### What is not carried over", "")
    for project in losing:
        yield f"- {code(_name(project))} {cell(by_kind(project))}"
    yield from ("", "### Item by item", "", "| Project | Item | What | Why |", "|---|---|---|---|")
    common = common_losses(losing)
    for one, count in common.items():
        where = "all projects" if count == len(losing) else f"{count} projects"
        yield f"| {where} | {code(one.item)} | {cell(one.what, 400)} | {cell(one.reason, 400)} |"
    room = MARKDOWN_LOSSES
    for project in losing:
        name = code(_name(project))
        own = [one for one in _told(project) if one not in common]
        shown = own[: max(0, min(room, PROJECT_LOSSES))]
        room -= len(shown)
        for one in shown:
            yield f"| {name} | {code(one.item)} | {cell(one.what, 400)} | {cell(one.reason, 400)} |"
        told = sum(one in common for one in _told(project)) + len(shown)
        if (rest := _total(project) - told) > 0:
            yield f"| {name} | | and {rest} more | all are in `{LOSSES_FILE}` |"


def losses_table(projects: Sequence[Mapping[str, Any]], most: int) -> list[str]:
    """Rows of the table with `TABLE_HEAD`, at most so many: what several lose, then what each loses."""
    losing = [project for project in projects if project.get("losses")]
    common = common_losses(losing)
    several = f"of {len(projects):,} projects"
    rows = [_table_row(one, f"{count:,} {several}") for one, count in islice(common.items(), most)]
    for project in losing:
        if len(rows) >= most:
            break
        own = [one for one in _told(project) if one not in common][:TABLE_LOSSES]
        rows += [_table_row(one, code(_name(project), 120)) for one in own]
    return rows[:most]


def sums_by_kind(projects: Sequence[Mapping[str, Any]]) -> str:
    """`12 entries: issues 9, labels 3` over all projects, and what an entry is; empty for none."""
    counts: Counter[str] = Counter()
    for project in projects:
        counts.update((project.get("plan") or {}).get("losses_by_kind") or {})
    kinds = ", ".join(f"{kind.replace('_', ' ')} {count:,}" for kind, count in counts.most_common())
    total = counts.total()
    several = f"{total:,} {'entry' if total == 1 else 'entries'}: {cell(kinds)}."
    return f"{several} One is a whole item, or what GitHub has no place for of many." if total else ""


def _table_row(one: Told, where: str) -> str:
    # A word that no line can break would make the other columns narrow.
    what, why = (_LONG_WORD.sub(r"\1…", words(text, 300)) for text in (one.what, one.reason))
    return f"| {cell(one.kind.replace('_', ' '))} | {cell(what)} | {cell(why)} | {where} |\n"


def by_kind(project: Mapping[str, Any]) -> str:
    """`12 losses: labels 3, issues 9`."""
    total = _total(project)
    counts = (project.get("plan") or {}).get("losses_by_kind") or {}
    kinds = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f"{total} loss{'' if total == 1 else 'es'}{f': {kinds}' if kinds else ''}"


def _told(project: Mapping[str, Any]) -> list[Told]:
    shown = (project.get("plan") or {}).get("losses_shown") or ()
    return [
        Told(**{name: str(one.get(name, "")) for name in ("kind", "item", "what", "reason")}) for one in shown
    ]


def _line(one: Told, where: str) -> Text:
    return Text("  " + terminal(f"{where}: {one.what}", 400)).append(
        terminal(f" ({one.reason})", 400), style="dim"
    )


def _total(project: Mapping[str, Any]) -> int:
    return int(project.get("losses") or 0)


def _name(project: Mapping[str, Any]) -> str:
    return str(project.get("source") or project.get("project_id", ""))
