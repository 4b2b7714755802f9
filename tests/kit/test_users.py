"""People are read from a file with errors that lead to the place, and asked for only once."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.kit.users import UserDirectory, parse_users

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


async def test_a_person_is_asked_for_only_once() -> None:
    """However many wait for the same person, the resolver is asked once; also "nobody" is remembered."""
    asked: list[str] = []
    gate = asyncio.Event()

    async def resolver(username: str) -> UserMapping | None:
        asked.append(username)
        await gate.wait()
        return UserMapping(gitlab_username=username, github_login="x") if username == "ann" else None

    people = UserDirectory()
    waiting = [asyncio.create_task(people.resolve(name, resolver)) for name in ("ann", "Ann", "bob") * 20]
    await asyncio.sleep(0)
    gate.set()
    answers = await asyncio.gather(*waiting)
    assert asked == ["ann", "bob"]
    assert [one.github_login if one else None for one in answers] == ["x", "x", None] * 20
    assert await people.resolve("bob", resolver) is None
    assert await people.resolve("ann", resolver) == people.lookup("ann")
    assert asked == ["ann", "bob"]


async def test_an_error_reaches_all_who_wait_and_is_not_remembered() -> None:
    """A resolver that fails is asked again by the next one who wants to know."""
    asked = 0

    async def resolver(username: str) -> UserMapping | None:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0)
        if asked == 1:
            raise OSError
        return None

    people = UserDirectory()
    answers = await asyncio.gather(*(people.resolve("a", resolver) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in answers] == [OSError] * 3
    assert await people.resolve("a", resolver) is None
    assert asked == 2


async def test_cancelling_one_who_waits_leaves_the_others_alone() -> None:
    """The first to ask may be cancelled; the question goes on for the rest."""
    gate = asyncio.Event()

    async def resolver(username: str) -> UserMapping | None:
        await gate.wait()
        return UserMapping(gitlab_username=username, github_login="x")

    people = UserDirectory()
    first = asyncio.create_task(people.resolve("a", resolver))
    second = asyncio.create_task(people.resolve("a", resolver))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    answer = await second
    assert first.cancelled()
    assert answer is not None
    assert answer.github_login == "x"


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
