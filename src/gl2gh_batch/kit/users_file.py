"""The users' file: CSV or YAML, with errors that lead to the place."""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.people import (
    MAP_COLUMNS,
    REPORT_COLUMNS,
    UserMapping,
    is_email,
    is_login,
    is_username,
)

_HINT: Final = (
    "Write one line for each person: gitlab_username,gitlab_email,github_login "
    "(github_login empty: has no account on GitHub)."
)
_SIZE_LIMIT: Final = 16 * 1024 * 1024
# How zip files begin: workbooks are such files.
_ARCHIVE: Final = b"PK\x03\x04"
# The sign that keeps a spreadsheet from taking a cell for a formula, as our own report writes it.
_GUARDED: Final = re.compile(r"'(?=[=+\-@])")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    value: str
    line: int
    column: int


def read_users(path: Path) -> list[tuple[str, UserMapping]]:
    """What a users' file says, see `parse_users`; raises `ConfigurationError` with line and column."""
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise ConfigurationError(f"{path.name} is larger than 16 MiB", field="users", hint=_HINT)
        data = path.read_bytes()
        refuse_workbook(data, path.name, "users")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{path.name} cannot be read: {error.strerror}", field="users", hint="Check the path."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path.name} line {line} is not UTF-8", field="users", hint="Save the file as UTF-8."
        ) from None
    return parse_users(text, path.name)


def refuse_workbook(data: bytes, name: str, field: str) -> None:
    """Raise `ConfigurationError` for what spreadsheet programs write unless they are asked for CSV."""
    if data.startswith(_ARCHIVE):
        raise ConfigurationError(
            f"{name} is a workbook of a spreadsheet program, or another archive",
            field=field,
            hint="Save the table as CSV in UTF-8.",
        )


def parse_users(text: str, name: str) -> list[tuple[str, UserMapping]]:
    """Username (or e-mail address, where that is all) → mapping, from a users' file.

    `name` is the file's: `.yml` and `.yaml` are YAML, anything else CSV. Raises `ConfigurationError` that
    names line and column.
    """
    rows = _yaml_rows(text, name) if name.lower().endswith((".yml", ".yaml")) else _csv_rows(text, name)
    found: list[tuple[str, UserMapping]] = []
    lines: dict[str, int] = {}
    for row in rows:
        for key, mapping, cell in _entries(row, name):
            if (first := lines.setdefault(_key(key), cell.line)) != cell.line:
                raise _wrong(name, cell, f"{key!r} is there already, in line {first}")
            found.append((key, mapping))
    return found


def _entries(row: Mapping[str, _Cell], name: str) -> Iterator[tuple[str, UserMapping, _Cell]]:
    username, email, login = (row.get(column) for column in MAP_COLUMNS)
    if login and login.value and not is_login(login.value):
        raise _wrong(name, login, f"{login.value!r} is not a login of GitHub's")
    if username and username.value and not is_username(username.value):
        raise _wrong(name, username, f"{username.value!r} is not a username of GitLab's")
    if email and email.value and not is_email(email.value):
        raise _wrong(name, email, f"{email.value!r} is not an e-mail address")
    keys = [cell for cell in (username, email) if cell and cell.value]
    if not keys:
        raise _wrong(name, next(iter(row.values())), "neither gitlab_username nor gitlab_email is given")
    mapping = UserMapping(
        gitlab_username=username.value if username else "",
        github_login=(login.value or None) if login else None,
    )
    for cell in keys:
        yield cell.value, mapping, cell


def _csv_rows(text: str, name: str) -> Iterator[dict[str, _Cell]]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    # Spreadsheets of some languages separate by semicolons, and what is copied out of one by tabs.
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    columns: list[str] | None = None
    try:
        start = 1
        for row in reader:
            cells = [
                _Cell(value=_GUARDED.sub("", value.strip(), count=1), line=start, column=number)
                for number, value in enumerate(row, start=1)
            ]
            start = reader.line_num + 1
            if not any(cell.value for cell in cells):
                continue
            if columns is None:
                columns = _header(cells, name)
            elif len(cells) > len(columns):
                raise _wrong(
                    name, cells[len(columns)], f"there are only {len(columns)} columns in the first line"
                )
            else:
                yield dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        place = _Cell(value="", line=max(reader.line_num, 1), column=1)
        raise _wrong(name, place, f"this is not CSV ({error})") from None
    if columns is None:
        raise _wrong(
            name, _Cell(value="", line=1, column=1), "the line with the names of the columns is missing"
        )


def _header(cells: list[_Cell], name: str) -> list[str]:
    columns: list[str] = []
    for cell in cells:
        column = cell.value.lower()
        _check_column(name, cell, column)
        if column in columns:
            raise _wrong(name, cell, f"column {column!r} is there twice")
        columns.append(column)
    if missing := {"github_login", "gitlab_username"} - set(columns):
        raise _wrong(name, cells[0], f"the column {min(missing)} is missing")
    return columns


def _check_column(name: str, cell: _Cell, column: str) -> None:
    if column not in MAP_COLUMNS and column not in REPORT_COLUMNS:
        near = difflib.get_close_matches(column, MAP_COLUMNS, n=1, cutoff=0.4)
        meant = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(MAP_COLUMNS)}"
        raise _wrong(name, cell, f"unknown column {cell.value!r}{meant}")


def _yaml_rows(text: str, name: str) -> Iterator[dict[str, _Cell]]:
    """Either a list of entries with our columns as keys, or one mapping of usernames to logins."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = _Cell(value="", line=mark.line + 1 if mark else 1, column=mark.column + 1 if mark else 1)
        raise _wrong(name, place, f"this is not YAML ({error.problem})") from None
    except (yaml.YAMLError, RecursionError):
        raise _wrong(name, _Cell(value="", line=1, column=1), "this is not YAML") from None
    match root:
        case None:
            return
        case yaml.MappingNode():
            for key, value in root.value:
                yield {"gitlab_username": _scalar(key, name), "github_login": _scalar(value, name)}
        case yaml.SequenceNode():
            for entry in root.value:
                if not isinstance(entry, yaml.MappingNode) or not entry.value:
                    raise _wrong(name, _cell(entry, ""), "an entry has to be a mapping")
                row = {}
                for key, value in entry.value:
                    column = _scalar(key, name)
                    _check_column(name, column, column.value)
                    row[column.value] = _scalar(value, name)
                yield row
        case _:
            raise _wrong(name, _cell(root, ""), "the file has to hold a list or a mapping")


def _scalar(node: yaml.Node, name: str) -> _Cell:
    if not isinstance(node, yaml.ScalarNode):
        raise _wrong(name, _cell(node, ""), "a single value is wanted here")
    empty = node.tag == "tag:yaml.org,2002:null"
    return _cell(node, "" if empty else str(node.value).strip())


def _cell(node: yaml.Node, value: str) -> _Cell:
    mark = node.start_mark
    return _Cell(value=value, line=mark.line + 1, column=mark.column + 1)


def _wrong(name: str, cell: _Cell, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{name} line {cell.line}, column {cell.column}: {what}", field="users", hint=_HINT
    )


def _key(text: str) -> str:
    # GitLab compares usernames and addresses without regard to case.
    return text.strip().lower()
