"""What was not carried over, as a table for people and as rows for a spreadsheet; pure."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from gl2gh_batch.output.escape import cell, code, words

COLUMNS: Final = ("source", "target", "kind", "item", "what", "reason")
# A cell that begins so is a formula to a spreadsheet (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def csv_row(row: Mapping[str, object]) -> str:
    """One line of the table, its end included; no text of GitLab's becomes a formula."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow([_harmless(row.get(name, "")) for name in COLUMNS])
    return line.getvalue()


def csv_head() -> str:
    """The first line."""
    return ",".join(COLUMNS) + "\n"


def losses_page(rows: Iterable[Mapping[str, object]]) -> str:
    """Totals by project and kind."""
    totals = Counter((str(row.get("source", "")), str(row.get("kind", ""))) for row in rows)
    lines = ["# What is not carried over", ""]
    if not totals:
        return "\n".join([*lines, "Nothing: every item has its place on GitHub.", ""])
    count = totals.total()
    lines += [
        f"{count} item{'' if count == 1 else 's'}; `losses.csv` and `losses.ndjson` name each, and why.",
        "",
        "| Project | Kind | Items |",
        "|---|---|--:|",
    ]
    lines += [f"| {code(source)} | {cell(kind)} | {number} |" for (source, kind), number in totals.items()]
    return "\n".join([*lines, ""])


def _harmless(value: object) -> str:
    text = words(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
