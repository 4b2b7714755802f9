"""The people of a batch as a table that is also a users' file: to be filled in and given back; pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from gl2gh_batch.domain.people import (
    MAP_COLUMNS,
    REPORT_COLUMNS,
    AccountKind,
    PersonResolved,
    PersonStatus,
)
from gl2gh_batch.output.escape import words

COLUMNS: Final = (*MAP_COLUMNS, *REPORT_COLUMNS)
_LONGEST_CELL: Final = 300
# What a spreadsheet takes for a formula (OWASP, "CSV Injection").
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_GUARD: Final = re.compile(r"\A'(?=[=+\-@])")
# Of two that differ between projects the first counts; what a person has to look at comes first in the table.
_SURER: Final = (
    PersonStatus.MAPPED,
    PersonStatus.NO_ACCOUNT,
    PersonStatus.LOGIN_NOT_FOUND,
    PersonStatus.UNRESOLVED,
)
_FIRST: Final = (
    PersonStatus.LOGIN_NOT_FOUND,
    PersonStatus.UNRESOLVED,
    PersonStatus.NO_ACCOUNT,
    PersonStatus.MAPPED,
)
_ACCOUNTS: Final = (
    AccountKind.PERSON,
    AccountKind.SERVICE,
    AccountKind.BOT,
    AccountKind.DELETED,
    AccountKind.UNKNOWN,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow:
    """One person in all projects of a batch."""

    username: str
    email: str = ""
    login: str = ""
    name: str = ""
    account: AccountKind = AccountKind.UNKNOWN
    status: PersonStatus = PersonStatus.UNRESOLVED
    author: int = 0
    assignee: int = 0
    mentioned: int = 0
    projects: int = 1
    note: str = ""

    @property
    def is_open(self) -> bool:
        """True for a person of whom nothing is known on GitHub."""
        return self.account is AccountKind.PERSON and self.status in {
            PersonStatus.UNRESOLVED,
            PersonStatus.LOGIN_NOT_FOUND,
        }


def row_of(person: PersonResolved) -> UserRow:
    """The person of one project as a row."""
    seen = person.seen
    return UserRow(
        username=seen.username,
        email=seen.email,
        login=person.github_login or "",
        name=seen.name,
        account=seen.account,
        status=person.status,
        author=seen.author,
        assignee=seen.assignee,
        mentioned=seen.mentioned,
        note=person.note,
    )


def merged(rows: Iterable[UserRow]) -> list[UserRow]:
    """One row for each person, their counts added up; what has to be filled in comes first."""
    found: dict[str, UserRow] = {}
    for row in rows:
        key = row.username.lower()
        found[key] = row if key not in found else _joined(found[key], row)
    return sorted(found.values(), key=_place)


def users_csv(rows: Iterable[UserRow]) -> str:
    """The table: no cell is a formula, and each row is one line."""
    page = io.StringIO(newline="")
    table = csv.writer(page, lineterminator="\n")
    table.writerow(COLUMNS)
    for row in rows:
        table.writerow([_cell(value) for value in _values(row)])
    return page.getvalue()


def read_users_csv(text: str) -> list[UserRow]:
    """The rows of a table that this program wrote; raises `ValueError` for any other."""
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError("the columns are others")
    try:
        return [_read(row) for row in reader]
    except (csv.Error, AttributeError, TypeError) as error:
        raise ValueError(str(error)) from error


def _read(row: dict[str, Any]) -> UserRow:
    plain = {name: _GUARD.sub("", str(value)) for name, value in row.items()}
    return UserRow(
        username=plain["gitlab_username"],
        email=plain["gitlab_email"],
        login=plain["github_login"],
        name=plain["name"],
        account=AccountKind(plain["account"]),
        status=PersonStatus(plain["status"]),
        author=int(plain["author"]),
        assignee=int(plain["assignee"]),
        mentioned=int(plain["mentioned"]),
        projects=int(plain["projects"]),
        note=plain["note"],
    )


def _joined(one: UserRow, other: UserRow) -> UserRow:
    surer = min(one, other, key=lambda row: _SURER.index(row.status))
    known = min(one, other, key=lambda row: _ACCOUNTS.index(row.account))
    return replace(
        known,
        email=one.email or other.email,
        login=surer.login,
        status=surer.status,
        note=surer.note,
        author=one.author + other.author,
        assignee=one.assignee + other.assignee,
        mentioned=one.mentioned + other.mentioned,
        projects=one.projects + other.projects,
    )


def _place(row: UserRow) -> tuple[bool, int, int, int, str]:
    weight = row.author + row.assignee + row.mentioned
    return (
        row.account is AccountKind.UNKNOWN,
        _FIRST.index(row.status),
        _ACCOUNTS.index(row.account),
        -weight,
        row.username.lower(),
    )


def _values(row: UserRow) -> tuple[object, ...]:
    return (
        row.username,
        row.email,
        row.login,
        row.name,
        row.account.value,
        row.status.value,
        row.author,
        row.assignee,
        row.mentioned,
        row.projects,
        row.note,
    )


def _cell(value: object) -> str:
    text = words(value, _LONGEST_CELL)
    return f"'{text}" if text.startswith(_FORMULA) else text
