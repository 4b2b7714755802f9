"""`report/`: what people read of a batch; small enough to keep, and without a text that was not cleaned."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.batch.inventories import discovered
from gl2gh_batch.kit.workdir import ProjectFolder, lines_to, read_lines, write_atomic
from gl2gh_batch.output.certificate import certificate_page
from gl2gh_batch.output.losses import csv_head, csv_row, losses_page
from gl2gh_batch.output.summary import job_summary

REPORT: Final = "report"


def write_report(
    root: Path, result: Mapping[str, Any], folders: Mapping[int, tuple[str, ProjectFolder]]
) -> None:
    """Write summary, results, certificates and losses; `folders` by the index of the project's result.

    Files that this does not know (such as the table of users) stay as they are.
    """
    place = root / REPORT
    summary = job_summary(result, inventory=discovered(root, result))
    write_atomic(place / "summary.md", summary.encode())
    write_atomic(place / "results.json", codec.encode_pretty(result))
    for name, folder in folders.values():
        _certificate(place / "certificates", name, folder)
    _losses(place, result, folders)


def _certificate(place: Path, name: str, folder: ProjectFolder) -> None:
    path, page = place / f"{name}.json", place / f"{name}.md"
    if not folder.certificate.is_file():
        # What was certified once and is not any more must not go on lying about.
        path.unlink(missing_ok=True)
        page.unlink(missing_ok=True)
        return
    data = folder.certificate.read_bytes()
    write_atomic(path, data)
    write_atomic(page, certificate_page(json.loads(data)).encode())


def _losses(place: Path, result: Mapping[str, Any], folders: Mapping[int, tuple[str, ProjectFolder]]) -> None:
    with lines_to(place / "losses.ndjson") as lines, lines_to(place / "losses.csv") as table:
        table.write(csv_head().rstrip("\n").encode())
        for row in _rows(result, folders):
            lines.write(codec.encode(row))
            table.write(csv_row(row).rstrip("\n").encode())
    write_atomic(place / "losses.md", losses_page(_rows(result, folders)).encode())


def _rows(
    result: Mapping[str, Any], folders: Mapping[int, tuple[str, ProjectFolder]]
) -> Iterator[dict[str, object]]:
    for one in result["results"]:
        known = folders.get(one["index"])
        if known is None or not known[1].losses.is_file():
            continue
        for line in read_lines(known[1].losses):
            try:
                loss = codec.decode(line, dict[str, object])
            except codec.DecodeError:
                return  # the project's own agents tell that the file is damaged
            yield {"source": one.get("source", ""), "target": one.get("target", ""), **loss}
