"""The table of people is a users' file, harmless in a spreadsheet, and can be joined."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.people import AccountKind, PersonStatus
from gl2gh_batch.kit.users_file import parse_users
from gl2gh_batch.output.users_csv import COLUMNS, UserRow, merged, read_users_csv, users_csv

names = st.from_regex(r"[A-Za-z0-9_.][A-Za-z0-9_.-]{0,20}", fullmatch=True)
rows = st.builds(
    UserRow,
    username=names,
    email=st.sampled_from(["", "a@b.c", "=cmd@b.c", "+x@b.c"]),
    login=st.sampled_from(["", "ann", "bob_acme"]),
    name=st.text() | st.sampled_from(["=1+1", "@SUM(A1)", "-2", "\t=1", "a\nb", '"', "'=x"]),
    account=st.sampled_from(AccountKind),
    status=st.sampled_from(PersonStatus),
    author=st.integers(0, 9),
    assignee=st.integers(0, 9),
    mentioned=st.integers(0, 9),
    projects=st.integers(1, 9),
    note=st.text(),
)


@given(st.lists(rows, max_size=8, unique_by=(lambda row: row.username.lower(), lambda row: row.email or row)))
def test_no_cell_is_a_formula_and_the_table_is_a_users_file(people: list[UserRow]) -> None:
    """Whatever names hold: one line a person, no cell begins a formula, and reading it gives the logins."""
    text = users_csv(people)
    table = list(csv.reader(text.splitlines(), strict=True))
    assert table[0] == list(COLUMNS)
    assert len(table) == len(people) + 1
    for line in table:
        assert len(line) == len(COLUMNS)
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)
    found = {key.lower(): mapping.github_login for key, mapping in parse_users(text, "users.csv")}
    for row in people:
        assert found[row.username.lower()] == (row.login or None)
        if row.email:
            assert found[row.email] == (row.login or None)
    again = read_users_csv(text)
    keys = ("username", "email", "login", "account", "status", "author", "assignee", "mentioned", "projects")
    assert [[getattr(row, key) for key in keys] for row in again] == [
        [getattr(row, key) for key in keys] for row in people
    ]


def test_projects_are_joined_and_what_is_open_comes_first() -> None:
    """One row a person with all counts; the surer answer counts, and strangers of texts come last."""
    person, unknown = AccountKind.PERSON, AccountKind.UNKNOWN
    found = merged(
        [
            UserRow(username="ann", account=person, status=PersonStatus.UNRESOLVED, author=1),
            UserRow(username="zoe", account=unknown, mentioned=9),
            UserRow(username="bob", account=person, status=PersonStatus.UNRESOLVED, author=5),
            UserRow(username="Ann", account=unknown, mentioned=2, status=PersonStatus.MAPPED, login="ann-gh"),
            UserRow(username="carl", account=person, status=PersonStatus.UNRESOLVED, author=7),
        ]
    )
    assert [row.username for row in found] == ["carl", "bob", "ann", "zoe"]
    ann = found[2]
    assert (ann.account, ann.login, ann.author, ann.mentioned, ann.projects) == (person, "ann-gh", 1, 2, 2)


@pytest.mark.parametrize("text", ["", "a,b\n", ",".join(COLUMNS) + "\nann,,,x,nobody,mapped,1,1,1,1,\n"])
def test_another_table_is_refused(text: str) -> None:
    """A foreign or damaged table is an error and no guess."""
    with pytest.raises(ValueError, match=r"."):
        read_users_csv(text)
