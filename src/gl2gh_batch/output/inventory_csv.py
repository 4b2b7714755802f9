"""The inventory as a table for a spreadsheet: to slice waves with, and to be given back as a batch; pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

from gl2gh_batch.output.escape import words

# What a batch reads of it; the rest is for people.
READ_COLUMNS: Final = ("migrate", "id", "path", "target", "priority")
COLUMNS: Final = (
    *READ_COLUMNS,
    "visibility",
    "archived",
    "last_activity",
    "default_branch",
    "repository_mb",
    "lfs_mb",
    "issues",
    "merge_requests",
    "labels",
    "milestones",
    "branches",
    "tags",
    "releases",
    "snippets",
    "wiki",
    "variables",
    "pipeline_schedules",
    "predicted_requests",
    "predicted_hours",
    "findings",
)
# A cell that begins so is a formula to a spreadsheet (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def inventory_csv(rows: Iterable[Mapping[str, object]]) -> str:
    """The whole table; a fact that is not known is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in COLUMNS])
    return text.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = words(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
