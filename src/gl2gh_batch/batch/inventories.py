"""`report/inventory.csv`: what discovery found of every project, one a line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.agents.discovery import read_inventory
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.forecast import forecast
from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.kit.workdir import ProjectFolder, write_atomic
from gl2gh_batch.output.inventory_csv import inventory_csv
from gl2gh_batch.target.limits import GITHUB_COM

REPORT: Final = "report"
INVENTORY: Final = "inventory.csv"


def write_inventory(
    root: Path, result: Mapping[str, Any], folders: Mapping[int, tuple[str, ProjectFolder]]
) -> None:
    """Write the table of all projects that discovery has looked at; `folders` by the index of the result."""
    rows = list(_rows(result, folders))
    if rows:
        write_atomic(root / REPORT / INVENTORY, inventory_csv(rows).encode())


def discovered(root: Path, result: Mapping[str, Any]) -> list[dict[str, str]]:
    """The table's rows for the projects of a run that was to discover only; else none."""
    if result.get("mode") != MigrationMode.DISCOVER_ONLY:
        return []
    try:
        text = (root / REPORT / INVENTORY).read_text("utf-8")
    except OSError:
        return []
    wanted = {one.get("source") for one in result["results"]}
    return [row for row in csv.DictReader(io.StringIO(text)) if row.get("path") in wanted]


def _rows(
    result: Mapping[str, Any], folders: Mapping[int, tuple[str, ProjectFolder]]
) -> Iterator[dict[str, object]]:
    for one in result["results"]:
        known = folders.get(one["index"])
        try:
            inventory = None if known is None else read_inventory(known[1])
        except WorkDirectoryError:
            inventory = None  # the project's own agents tell that the file is damaged
        if inventory is not None:
            yield _row(one, inventory)


def _row(result: Mapping[str, Any], inventory: Inventory) -> dict[str, object]:
    counts = {**inventory.not_carried, **inventory.counts}
    plan = result.get("plan") or {}
    price = plan.get("price")
    if price is None:
        guess = forecast(inventory, GITHUB_COM)
        price = {"requests": guess.requests, "hours": guess.hours}
    return {
        **counts,
        "migrate": True,
        "id": inventory.project.id,
        "path": inventory.project.full_path,
        "target": result.get("target") or "",
        "priority": 0,
        "visibility": inventory.visibility,
        "archived": inventory.archived,
        "last_activity": inventory.watermark.last_activity_at[:10],
        "default_branch": inventory.default_branch,
        "repository_mb": _megabytes(inventory.sizes.get("repository")),
        "lfs_mb": _megabytes(inventory.sizes.get("lfs_objects")),
        "predicted_requests": price["requests"],
        "predicted_hours": f"{price['hours']:.2f}",
        "findings": " ".join(one.code for one in inventory.findings),
    }


def _megabytes(size: int | None) -> str | None:
    return None if size is None else f"{size / 1e6:.1f}"
