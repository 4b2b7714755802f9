"""The reports of all shards as one `report/`: what people read of the whole batch."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.batch.inventories import INVENTORY
from gl2gh_batch.batch.numbers import NAME as NUMBERS
from gl2gh_batch.batch.reports import REPORT
from gl2gh_batch.kit.workdir import lines_to, write_atomic
from gl2gh_batch.output.losses import losses_page
from gl2gh_batch.output.summary import job_summary

RESULTS: Final = "results.json"
LOSSES: Final = "losses.ndjson"
CERTIFICATES: Final = "certificates"


def join_reports(root: Path, result: Mapping[str, Any]) -> None:
    """Write the report of the merged `result` from all that are found below `root`, its own among them.

    Of two reports on a project the later counts, whole. The tables are streamed; only the names of projects
    are held.
    """
    place = root / REPORT
    reports = _reports(root)
    for name, key in (
        (NUMBERS, _first_cell),
        (INVENTORY, _cell_called("path")),
        ("losses.csv", _first_cell),
        (LOSSES, _source_in_json),
    ):
        _join(reports, name, place / name, key, has_head=name != LOSSES)
    if (place / LOSSES).is_file():
        write_atomic(place / "losses.md", losses_page(map(json.loads, _lines(place / LOSSES))).encode())
    for folder in (one.folder for one in reports if one.folder != place):
        for path in sorted((folder / CERTIFICATES).glob("*")):
            (place / CERTIFICATES).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place / CERTIFICATES / path.name)
    write_atomic(place / "summary.md", job_summary(result).encode())
    write_atomic(place / RESULTS, codec.encode_pretty(result))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """A folder `report/`, and the projects that it is about."""

    folder: Path
    projects: frozenset[str]


def _reports(root: Path) -> list[_Report]:
    """All reports, the oldest first; one that does not tell what it is about, and when, is none."""
    found = []
    for path in sorted(root.rglob(f"{REPORT}/{RESULTS}")):
        try:
            said = json.loads(path.read_bytes())
            made, projects = (
                str(said["finished_at"]),
                frozenset(str(one["source"]) for one in said["results"]),
            )
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            continue
        report = _Report(folder=path.parent, projects=projects)
        found.append((made, path.parent != root / REPORT, str(path), report))
    return [report for *_, report in sorted(found, key=lambda one: one[:3])]


Key = Callable[[str, Sequence[str]], str]


def _join(reports: Sequence[_Report], name: str, target: Path, key: Key, *, has_head: bool) -> None:
    """Write the lines of each project from the last report on it; nothing where none has such a file."""
    there = [(one.folder / name, one) for one in reports if (one.folder / name).is_file()]
    if not there:
        return
    # A table of another version has other columns: it would not fit below one head.
    head = next(_lines(there[-1][0]), "") if has_head else ""
    there = [(path, one) for path, one in there if not has_head or next(_lines(path), "") == head]
    last = {project: path for path, one in there for project in one.projects}
    columns = _cells(head)
    with lines_to(target) as lines:
        if has_head:
            lines.write(head.encode())
        for path, _ in there:
            for line in _body(path, has_head=has_head):
                if last.get(key(line, columns), path) == path:
                    lines.write(line.encode())


def _body(path: Path, *, has_head: bool) -> Iterator[str]:
    lines = _lines(path)
    if has_head:
        next(lines, None)
    return lines


def _lines(path: Path) -> Iterator[str]:
    """The lines without their ends; none of our tables has a cell of two lines."""
    with path.open(encoding="utf-8", newline="\n") as file:
        for line in file:
            if text := line.rstrip("\r\n"):
                yield text


def _cells(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _first_cell(line: str, _: Sequence[str]) -> str:
    return next(iter(_cells(line)), "")


def _cell_called(name: str) -> Key:
    def cell(line: str, columns: Sequence[str]) -> str:
        return dict(zip(columns, _cells(line), strict=False)).get(name, "")

    return cell


def _source_in_json(line: str, _: Sequence[str]) -> str:
    try:
        return str(json.loads(line).get("source", ""))
    except (ValueError, AttributeError, RecursionError):
        return ""
