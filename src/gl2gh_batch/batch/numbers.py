"""The map of numbers of a whole batch: `report/numbers.csv`, a line for each range of items."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents import read_numbers
from gl2gh_batch.batch.reports import REPORT
from gl2gh_batch.kit.workdir import ProjectFolder, lines_to
from gl2gh_batch.output.numbers import numbers_head, numbers_row

NAME: Final = "numbers.csv"


def write_numbers(
    root: Path, result: Mapping[str, Any], folders: Mapping[int, tuple[str, ProjectFolder]]
) -> None:
    """Write which item of which project gets which number; `folders` by the index of the project's result."""
    with lines_to(root / REPORT / NAME) as lines:
        lines.write(numbers_head().encode())
        for one in result["results"]:
            known = folders.get(one["index"])
            for found in read_numbers(known[1].numbers) if known else ():
                row = numbers_row(str(one.get("source", "")), str(one.get("target", "")), codec.plain(found))
                lines.write(row.encode())
