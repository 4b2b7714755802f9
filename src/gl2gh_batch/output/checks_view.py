"""The doctor's findings on one screen, and as Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from gl2gh_batch.domain.checks import Check, CheckState
from gl2gh_batch.output.escape import cell, prose, terminal

_SIGNS: Final[dict[CheckState, str]] = {
    CheckState.GOOD: "✓",
    CheckState.WARNING: "!",
    CheckState.BAD: "✗",
    CheckState.UNKNOWN: "?",
}
_EMOJI: Final[dict[CheckState, str]] = {
    CheckState.GOOD: "✅",
    CheckState.WARNING: "⚠️",
    CheckState.BAD: "❌",
    CheckState.UNKNOWN: "❔",
}
_INDENT: Final = "      "


def check_lines(check: Check, width: int = 100) -> Iterator[str]:
    """One check for a terminal or a log: what was found, and below it what to do."""
    yield f"  {_SIGNS[check.state]}   {terminal(check.name)}: {terminal(check.found, 300)}"
    if check.remedy:
        yield from textwrap.wrap(
            f"→ {terminal(check.remedy, 400)}",
            width,
            initial_indent=_INDENT,
            subsequent_indent=f"{_INDENT}  ",
        )


def verdict_line(checks: Sequence[Check]) -> str:
    """What it all comes to."""
    wrong = sum(one.state is CheckState.BAD for one in checks)
    doubts = sum(one.state is CheckState.WARNING for one in checks)
    if wrong:
        return f"{_many(wrong, 'thing')} to be mended before a migration can work."
    if doubts:
        return f"Fit for a migration, with {_many(doubts, 'thing')} to think of."
    return "Fit for a migration."


def checks_markdown(checks: Sequence[Check]) -> str:
    """The same for the job summary."""
    sign = "❌" if any(one.state is CheckState.BAD for one in checks) else "✅"
    lines = [f"## {sign} {verdict_line(checks)}", "", "| | Check | Found | What to do |", "|---|---|---|---|"]
    for one in checks:
        found, remedy = cell(one.found, 400), prose(one.remedy)
        lines.append(f"| {_EMOJI[one.state]} | {cell(one.name)} | {found} | {remedy} |")
    return "\n".join(lines) + "\n"


def _many(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
