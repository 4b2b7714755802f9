"""The inventory for the job summary: what there is, and what moving it would cost; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gl2gh_batch.output.board import duration
from gl2gh_batch.output.escape import cell, code

NO_BREAK_HYPHEN: Final = "&#8209;"
_COUNTS: Final = ("issues", "merge_requests", "branches", "tags", "releases")
HEAD: Final = (
    "| Project | Last activity | Repository | LFS | Issues | Merge requests | Branches | Tags | Releases "
    "| Requests | Time | Findings |\n"
    "|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n"
)


def inventory_opening(rows: Sequence[Mapping[str, str]]) -> str:
    """The sums, and what the table can be used for."""
    size = sum(_number(row.get("repository_mb")) + _number(row.get("lfs_mb")) for row in rows)
    requests = sum(_number(row.get("predicted_requests")) for row in rows)
    hours = sum(_number(row.get("predicted_hours")) for row in rows)
    sums = ", ".join(
        f"{sum(_number(row.get(name)) for row in rows):,.0f} {name.replace('_', ' ')}"
        for name in ("issues", "merge_requests")
    )
    return (
        f"\n### Inventory\n\n{len(rows)} projects: {sums}, {size:,.1f} MB."
        f" Moving them takes about {requests:,.0f} requests;"
        f" one after the other, {duration(hours * 3600)}.\n\n"
        "`report/inventory.csv` holds this table: edit it (say in `migrate` what moves, in `target` where to)"
        " and give it back as `config`.\n\n"
    )


def inventory_rows(rows: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """A row for each project, those that take longest first."""
    for row in sorted(rows, key=lambda one: -_number(one.get("predicted_hours"))):
        name = code(row.get("path", ""))
        archived = " (archived)" if row.get("archived") == "yes" else ""
        columns = (
            f"{name}{archived}",
            cell(row.get("last_activity", "")).replace("&#45;", NO_BREAK_HYPHEN),
            _size(row.get("repository_mb")),
            _size(row.get("lfs_mb")),
            *(cell(row.get(column, "")) for column in _COUNTS),
            cell(row.get("predicted_requests", "")),
            _time(_number(row.get("predicted_hours"))),
            cell(row.get("findings", "")),
        )
        yield f"| {' | '.join(columns)} |\n"


def _size(megabytes: str | None) -> str:
    if not megabytes:
        return ""
    return f"{cell(megabytes)}&nbsp;MB" if _number(megabytes) else "0"


def _time(hours: float) -> str:
    """In minutes and more: the table is for waves, and its hours have two places."""
    if hours * 60 < 1:
        return "&lt;&nbsp;1&nbsp;min"
    return duration(round(hours * 60) * 60).replace(" ", "&nbsp;").replace("60&nbsp;s", "1&nbsp;min")


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
