"""A table of projects as a batch: the inventory of DISCOVER_ONLY, edited in a spreadsheet and given back."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.config import is_number
from gl2gh_batch.batch.fields import shown
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.kit.users_file import refuse_workbook
from gl2gh_batch.output.inventory_csv import COLUMNS, READ_COLUMNS

LISTED_PATH: Final = "listed_path"
YES: Final = ("", "yes", "y", "true", "1", "x")
NO: Final = ("no", "n", "false", "0")
SIZE_LIMIT: Final = 64 * 1024 * 1024
_SAYS_SEPARATOR: Final = re.compile(r'"?sep=([,;\t])"?\n')


def read_table(path: Path, field: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each project that is to be migrated, with the place where it stands, as an entry of a batch file.

    The columns `migrate`, `id`, `path`, `target` and `priority` count, by their names in the first line and
    in any order; other columns are passed over. A path beside an id is `LISTED_PATH` of the entry, for
    GitLab's word to be compared with. Commas, semicolons or tabs separate them. Raises `ConfigurationError`.
    """
    text = _text(path, field).replace("\r\n", "\n").replace("\r", "\n")
    # The line by which Excel is told what separates the columns is its own affair.
    said = _SAYS_SEPARATOR.match(text)
    if said:
        text = "\n" + text[said.end() :]
    rows = csv.reader(io.StringIO(text), delimiter=said[1] if said else _separator(text), strict=True)
    names: list[str] = []
    try:
        for cells in rows:
            place = f"{path.name}, line {rows.line_num}"
            if not any(one.strip() for one in cells):
                continue
            if not names:
                names = _heads(cells, place)
                continue
            row = {name: text for name, cell in zip(names, cells, strict=False) if (text := _plain(cell))}
            if _is_wanted(row.get("migrate", ""), place):
                yield place, _entry(row, place)
    except csv.Error as error:
        raise ConfigurationError(
            f"{path.name}, line {rows.line_num} is no line of a table: {error}",
            field=field,
            hint="Save it as CSV in UTF-8.",
        ) from error
    if not names:
        raise ConfigurationError(f"{path.name} is empty", field=field, hint=_HEADS)


_HEADS: Final = f"The first line names the columns: {','.join(READ_COLUMNS)}."


def _separator(text: str) -> str:
    """What separates the columns: Excel takes a semicolon wherever the comma stands in numbers, or a tab."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _heads(cells: list[str], place: str) -> list[str]:
    names = [one.strip().lower() for one in cells]
    if not {"id", "path"} & set(names):
        raise ConfigurationError(
            "there is neither a column `id` nor a column `path`", field=place, hint=_HEADS
        )
    for name in names:
        near = get_close_matches(name, READ_COLUMNS, n=1)
        if name and name not in COLUMNS and near:
            raise ConfigurationError(
                f"unknown column {shown(name)}", field=place, hint=f"Did you mean {near[0]!r}?"
            )
        if name and names.count(name) > 1:
            raise ConfigurationError(f"column {name!r} is there twice", field=place, hint="Keep one of them.")
    return names


def _is_wanted(text: str, place: str) -> bool:
    if text.lower() not in (*YES, *NO):
        raise ConfigurationError(
            f"{shown(text)} is neither yes nor no", field=f"{place}: migrate", hint="Write yes or no."
        )
    return text.lower() in YES


def _entry(row: dict[str, str], place: str) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    identity = row.get("id", "")
    if identity and not is_number(identity):
        raise ConfigurationError(
            f"{shown(identity)} is not a whole number", field=f"{place}: id", hint="Write GitLab's number."
        )
    if identity:
        entry["id"] = int(identity)
        entry[LISTED_PATH] = row.get("path", "")
    elif "path" in row:
        entry["path"] = row["path"]
    if "target" in row:
        entry["target"] = row["target"]
    if "priority" in row:
        priority = row["priority"].removeprefix("-")
        if not is_number(priority):
            raise ConfigurationError(
                f"{shown(row['priority'])} is not a whole number",
                field=f"{place}: priority",
                hint="Write digits; a higher one goes first.",
            )
        entry["priority"] = int(row["priority"])
    return entry


def _plain(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:2] in tuple("=+-@") else text


def _text(path: Path, field: str) -> str:
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise ConfigurationError(f"{path.name} is larger than 64 MiB", field=field, hint=_HEADS)
        data = path.read_bytes()
        refuse_workbook(data, path.name, field)
        return data.decode("utf-8-sig").replace("\0", "")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path.name} is not in UTF-8", field=field, hint="Save it as CSV in UTF-8."
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", field=field, hint="Check the path."
        ) from error
