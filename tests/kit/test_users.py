"""People are read from a file with errors that lead to the place, and asked for only once."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.people import Person, UserMapping, account_kind, login_from
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.kit.users_file import parse_users

CSV = "gitlab_username,gitlab_email,github_login\nann,ann@example.com,ann-gh\nbob,,\n,carl@example.com,carl\n"


def test_a_file_of_either_form_gives_the_same_people(tmp_path: Path) -> None:
    """CSV, a YAML list and a YAML mapping say the same; an empty login means: has no account."""
    (tmp_path / "u.csv").write_bytes(b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode())
    (tmp_path / "u.yml").write_text(
        "- {gitlab_username: ann, github_login: ann-gh}\n- gitlab_username: bob\n"
    )
    (tmp_path / "m.yaml").write_text("ann: ann-gh\nbob:\n")
    for name in ("u.csv", "u.yml", "m.yaml"):
        people = UserDirectory.from_file(tmp_path / name)
        assert people.lookup("ANN") == UserMapping(gitlab_username="ann", github_login="ann-gh")
        assert people.lookup("bob") == UserMapping(gitlab_username="bob", github_login=None)
        assert people.lookup("stranger") is None
    people = UserDirectory.from_file(tmp_path / "u.csv")
    carl = people.lookup_email("Carl@example.com")
    assert carl is not None
    assert carl.github_login == "carl"


@pytest.mark.parametrize(
    ("name", "text", "place", "words"),
    [
        ("u.csv", "", "line 1, column 1", "missing"),
        ("u.csv", "gitlab_user,gitlab_email,github_login\n", "line 1, column 1", "'gitlab_username'"),
        ("u.csv", "gitlab_username,github_login,github_login\n", "line 1, column 3", "twice"),
        ("u.csv", "gitlab_username,gitlab_email\n", "line 1, column 1", "github_login is missing"),
        ("u.csv", CSV + "dora,,not a login\n", "line 5, column 3", "'not a login'"),
        ("u.csv", CSV + "dora,,@dora\n", "line 5, column 3", "'@dora'"),
        ("u.csv", CSV + "Ann,,other\n", "line 5, column 1", "in line 2"),
        ("u.csv", CSV + "\n\n,,x\n", "line 7, column 1", "neither"),
        ("u.csv", CSV + "a b,,x\n", "line 5, column 1", "'a b'"),
        ("u.csv", CSV + "dora,nomail,x\n", "line 5, column 2", "'nomail'"),
        ("u.csv", CSV + "dora,,x,y\n", "line 5, column 4", "3 columns"),
        ("u.csv", CSV + 'dora,"x', "line 5, column 1", "not CSV"),
        ("u.yml", "- {gitlab_usrname: ann}", "line 1, column 4", "'gitlab_username'"),
        ("u.yml", "- {gitlab_username: ann, github_login: [x]}", "line 1, column 40", "single value"),
        ("u.yml", "- ann\n- bob\n", "line 1, column 3", "mapping"),
        ("u.yml", "ann: ann\nANN: other\n", "line 2, column 1", "in line 1"),
        ("u.yml", "a: b: c", "line 1, column 5", "not YAML"),
        ("u.yml", "just words", "line 1, column 1", "list or a mapping"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(name: str, text: str, place: str, words: str) -> None:
    """Every mistake in a users' file is a configuration error with line, column, words and a remedy."""
    with pytest.raises(ConfigurationError) as caught:
        parse_users(text, name)
    assert f"{name} {place}: " in caught.value.message
    assert words in caught.value.message
    assert "github_login" in caught.value.hint


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    """A missing file and one in another encoding are told as such."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        UserDirectory.from_file(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(CSV.encode() + "jürgen,,x".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="line 5 is not UTF-8"):
        UserDirectory.from_file(tmp_path / "latin.csv")


@given(st.text(), st.sampled_from(["u.csv", "u.yml"]))
def test_no_text_ends_in_another_error(text: str, name: str) -> None:
    """Whatever a users' file holds, it is read or refused with a configuration error."""
    with contextlib.suppress(ConfigurationError):
        parse_users(text, name)


def test_any_value_can_be_kept_and_known_forms_answer_look_ups() -> None:
    """Values come back as they were given; a mapping, a login and a `UserMapping` also answer `lookup`."""
    people = UserDirectory([("ann", UserMapping(gitlab_username="ann", github_login="ann-gh"))])
    value = {"github_login": "u-gh", "more": [1]}
    people.set("u", value)
    people.set("v", "v-gh")
    people.set("w", 7)
    assert people.get("u") is value
    assert people.get("w") == 7
    assert people.get("nobody") is None
    assert people.get("ann") == people.lookup("ann")
    found = [people.lookup(name) for name in ("u", "v", "w")]
    assert [one.github_login if one else None for one in found] == ["u-gh", "v-gh", None]


def test_what_a_spreadsheet_makes_of_the_file_is_read_too() -> None:
    """Semicolons and tabs separate as well, a guarded cell is the cell, and the report's columns may stay."""
    for separator in ",;\t":
        lines = [
            ["gitlab_username", "gitlab_email", "github_login", "name", "mentioned"],
            ["ann", "'+ann@example.com", "ann-gh", "'=1+1", "3"],
        ]
        found = dict(parse_users("\n".join(separator.join(line) for line in lines), "u.csv"))
        assert set(found) == {"ann", "+ann@example.com"}
        assert found["ann"].github_login == "ann-gh"


@pytest.mark.parametrize(
    ("pattern", "username", "login"),
    [
        ("{username}_acme", "ann", "ann_acme"),
        ("{username}_acme", "john.doe", "john-doe_acme"),
        ("{username}_acme", "j__d", None),
        ("{username}_acme", ".ann", None),
        ("{username}", "ann", "ann"),
        ("x-{username}", "ann_b", "x-ann-b"),
        ("{username}_acme", "a" * 35, None),
    ],
)
def test_a_pattern_makes_logins_as_identity_providers_do(
    pattern: str, username: str, login: str | None
) -> None:
    """What is neither letter nor digit becomes a dash, and what GitHub could not call anybody is none."""
    assert UserDirectory(patterns=[pattern]).patterns == (pattern,)
    assert login_from(pattern, username) == login


@pytest.mark.parametrize(
    "pattern",
    ["acme", "{username}{username}", "{user}_acme", "{username}_ac me", "@{username}", "{username}_"],
)
def test_a_pattern_that_makes_no_logins_is_refused(pattern: str) -> None:
    """It is named, with an example of a right one."""
    with pytest.raises(ConfigurationError, match="pattern") as caught:
        UserDirectory(patterns=[pattern])
    assert "{username}_acme" in caught.value.hint


@pytest.mark.parametrize(
    ("username", "kind"),
    [
        ("ann", "person"),
        ("ghost", "deleted"),
        ("ghost1", "deleted"),
        ("project_12_bot", "bot"),
        ("project_12_bot7", "bot"),
        ("project_12_bot_0123456789abcdef", "bot"),
        ("group_9_bot_0f", "bot"),
        ("support-bot", "bot"),
        ("alert-bot", "bot"),
        ("GitLab-Admin-Bot", "bot"),
        ("security_policy_bot_a1", "bot"),
        ("service_account_group_12_ab12", "service-account"),
        ("service_account_0a1b", "service-account"),
        ("ghostwriter", "person"),
        ("project_manager", "person"),
        ("abbot", "person"),
        ("jane-bot", "person"),
    ],
)
def test_accounts_of_nobody_are_told_from_people(username: str, kind: str) -> None:
    """Bots of tokens, internal users, service accounts and the ghost are known by GitLab's way of naming."""
    assert account_kind(Person(username=username, name="x")) == kind


def test_what_gitlab_marks_as_a_bot_is_one() -> None:
    """Whatever its name."""
    assert account_kind(Person(username="jane-bot", name="x", bot=True)) == "bot"


async def test_another_batch_asks_anew() -> None:
    """The map goes along, what is set later does not, and a login that was not there may be there by now."""
    users = UserDirectory(
        [("ann", UserMapping(gitlab_username="ann", github_login="ann-gh"))], patterns=["{username}_x"]
    )
    users.set("bob", "bob-gh")
    answers = iter([None, "made since"])

    async def ask() -> str | None:
        return next(answers)

    assert await users.questions.once("login", ask) is None
    again = users.fresh()
    assert (again.digest(), again.get("bob"), len(again)) == (users.digest(), "bob-gh", 2)
    assert await again.questions.once("login", ask) == "made since"
    assert await users.questions.once("login", ask) is None
    again.set("carl", "carl-gh")
    assert users.lookup("carl") is None
