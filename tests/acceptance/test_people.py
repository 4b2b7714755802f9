"""Who is named on GitHub: people with a login that exists, and nobody else, ever."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from lab import USERS, Lab, issue, note, project

from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.output.users_csv import COLUMNS

PEOPLE = {
    "anna": {"name": "Anna Berg"},
    "ben": {"name": '=HYPERLINK("https://evil.example")'},
    "project_17_bot_0a1b": {"name": "Deploy token"},
    "eve.d": {"name": "Eve D", "public_email": "eve@example.com"},
}
ISSUES = [
    issue(
        1, description="See @anna, @ben, @eve.d, @all and @stranger; not `@anna`.", assignees=["anna", "ben"]
    ),
    issue(2, author="project_17_bot_0a1b", notes=[note("@anna", author="eve.d"), note("ok", author="ghost")]),
]


def _project(path: str = "acme/app", id: int = 17) -> dict[str, Any]:  # noqa: A002 - GitLab's word
    return project(path, id, users=PEOPLE, issues=ISSUES, labels=[], milestones=[])


def _map(**logins: str | None) -> UserDirectory:
    return UserDirectory(
        (name, UserMapping(gitlab_username=name, github_login=login)) for name, login in logins.items()
    )


def _table(lab: Lab) -> dict[str, dict[str, str]]:
    text = (lab.work / "report/users.csv").read_text("utf-8-sig")
    return {row["gitlab_username"]: row for row in csv.DictReader(text.splitlines())}


def _asked(lab: Lab, mark: int = 0) -> list[str]:
    """The logins that GitHub was asked for."""
    return [
        one.path.rpartition("/")[2]
        for one in lab.github(mark)
        if "/users/" in one.path or "/members/" in one.path
    ]


async def test_only_those_with_a_login_are_named(open_lab: Any) -> None:
    """A mapped person is mentioned and assigned; of all others stand the names, and no mention is live."""
    lab = await open_lab(_project())
    result = await lab.run("FULL", people=_map(anna="Anna", ben=None))
    assert result["status"] == "success", result
    first, second = (await lab.repository())["issues"]
    assert [one["login"] for one in first["assignees"]] == ["anna"]
    assert "@anna" in first["body"]
    for name in ("ben", "eve.d", "all", "stranger"):
        assert f"@\u200b{name}" in first["body"]
    assert "Deploy token" in second["body"]
    assert "Ghost User" in second["comments"][1]["body"]


async def test_nobody_is_mentioned_when_asked_to(open_lab: Any) -> None:
    """With `mentions: neutralise` a mapped person is linked in the header, and no `@` is live anywhere."""
    lab = await open_lab(_project())
    result = await lab.run("FULL", lab.config(mentions="neutralise"), people=_map(anna="anna"))
    assert result["status"] == "success", result
    issues = (await lab.repository())["issues"]
    texts = [text["body"] for one in issues for text in (one, *one["comments"])]
    assert all("@anna" not in text.replace("`@anna`", "") for text in texts)
    assert [one["login"] for one in issues[0]["assignees"]] == ["anna"]
    assert f"]({lab.sandbox.github_url}/anna)" in texts[0]


async def test_the_table_counts_and_can_be_given_back(open_lab: Any, tmp_path: Path) -> None:
    """`report/users.csv` holds each person once with counts; filled in and given back, it maps everybody."""
    lab = await open_lab(_project(), _project("acme/other", 18), users=("eve-gh",))
    batch = await lab.batch("PLAN_ONLY", people=_map(anna="anna"))
    table = _table(lab)
    assert list(table[next(iter(table))]) == list(COLUMNS)
    counts = {
        name: tuple(int(row[key]) for key in ("author", "assignee", "mentioned", "projects"))
        for name, row in table.items()
    }
    assert counts == {
        "anna": (2, 2, 4, 2),
        "ben": (0, 2, 2, 2),
        "eve.d": (2, 0, 2, 2),
        "project_17_bot_0a1b": (2, 0, 0, 2),
        "ghost": (2, 0, 0, 2),
        "all": (0, 0, 2, 2),
        "stranger": (0, 0, 2, 2),
    }
    assert {name: row["account"] for name, row in table.items()} == {
        "anna": "person",
        "ben": "person",
        "eve.d": "person",
        "project_17_bot_0a1b": "bot",
        "ghost": "deleted",
        "all": "unknown",
        "stranger": "unknown",
    }
    assert table["ben"]["name"].startswith("'=")
    assert batch["users"] == {
        "people": 7,
        "mapped": 1,
        "unresolved": 2,
        "logins_not_found": [],
        "file": "report/users.csv",
    }
    findings = [one for one in batch["results"][0]["findings"] if one["code"] == "people-unresolved"]
    assert "2 of the people" in findings[0]["message"]
    assert "report/users.csv" in findings[0]["hint"]
    path = tmp_path / "users.csv"
    text = (lab.work / "report/users.csv").read_text("utf-8-sig")
    path.write_text(text.replace("eve.d,eve@example.com,,", "eve.d,eve@example.com,eve-gh,"))
    again = await lab.batch("PLAN_ONLY", people=UserDirectory.from_file(path))
    assert {name: row["github_login"] for name, row in _table(lab).items() if row["github_login"]} == {
        "anna": "anna",
        "eve.d": "eve-gh",
    }
    assert again["users"]["unresolved"] == 0
    assert not [one for one in again["results"][0]["findings"] if one["code"] == "people-unresolved"]


async def test_managed_users_come_by_a_pattern_with_exceptions(open_lab: Any) -> None:
    """A pattern makes the logins of people, members who are only mentioned too; of bots and ghosts never."""
    lab = await open_lab(
        _project(), users=("ben_acme", "eve-d_acme", "ghost_acme", "all_acme", "stranger_acme")
    )
    directory = UserDirectory(
        [("anna", UserMapping(gitlab_username="anna", github_login="anna"))], patterns=["{username}_acme"]
    )
    result = await lab.run("FULL", people=directory)
    assert result["status"] == "success", result
    table = _table(lab)
    assert {name: row["github_login"] for name, row in table.items() if row["github_login"]} == {
        "anna": "anna",
        "ben": "ben_acme",
        "eve.d": "eve-d_acme",
    }
    body = (await lab.repository())["issues"][0]["body"]
    assert "@anna, @ben_acme, @eve-d_acme, @\u200ball and @\u200bstranger" in body
    assert not {"ghost_acme", "all_acme", "stranger_acme"} & set(_asked(lab))


async def test_a_pattern_without_a_short_code_names_members_only(open_lab: Any) -> None:
    """A stranger may have the same name on GitHub: who is no member of the owner is nobody."""
    lab = await open_lab(_project(), users=("eve-d",), members=("anna",))
    await lab.run("PLAN_ONLY", people=UserDirectory(patterns=["{username}"]))
    found = {name: row["github_login"] for name, row in _table(lab).items() if row["github_login"]}
    assert found == {"anna": "anna"}


async def test_a_login_that_does_not_exist_is_told_once_and_used_nowhere(open_lab: Any) -> None:
    """Twenty projects ask for a user once; a wrong login is one warning, no mention, and no failure."""
    lab = await open_lab(*(_project(f"acme/p{at}", at) for at in range(20, 40)))
    batch = await lab.batch("FULL", people=_map(anna="anna", ben="benn-typo"), parallel_limit=20)
    assert batch["status"] == "success", batch
    asked = [one for one in _asked(lab) if one in {"anna", "benn-typo"}]
    assert sorted(asked) == ["anna", "anna", "benn-typo"]  # anna as a user, and as a member for assigning
    warnings = [one.message for one in lab.events if getattr(one, "level", "") == "warning"]
    assert sum("benn-typo" in one for one in warnings) == 1
    assert batch["users"]["logins_not_found"] == ["benn-typo"]
    text = json.dumps(await lab.repositories())
    assert "benn-typo" not in text
    first = _asked(lab).index("benn-typo")
    assert lab.writes(first) or not lab.writes()


async def test_an_e_mail_address_names_a_person(open_lab: Any) -> None:
    """Where the map names somebody by e-mail only, the address that GitLab shows decides."""
    lab = await open_lab(_project(), users=("eve-gh",))
    directory = UserDirectory([("Eve@Example.com", UserMapping(gitlab_username="", github_login="eve-gh"))])
    await lab.run("PLAN_ONLY", people=directory)
    assert _table(lab)["eve.d"]["github_login"] == "eve-gh"
    assert _table(lab)["ben"]["github_login"] == ""


async def test_nothing_is_asked_again_when_nothing_changed(open_lab: Any) -> None:
    """A finished project that is run again asks GitHub for nobody; another map transforms it anew."""
    lab = await open_lab(_project())
    await lab.run("PLAN_ONLY", people=_map(anna="anna"))
    mark = lab.mark()
    result = await lab.run("TRANSFORM_ONLY", people=_map(anna="anna"))
    assert result["agents"]["transform"]["status"] == "passed-over"
    assert _asked(lab, mark) == []
    result = await lab.run("TRANSFORM_ONLY", people=_map(anna=None))
    assert result["agents"]["transform"]["status"] == "done"
    assert _table(lab)["anna"]["status"] == "no-account"


async def test_twenty_projects_ask_once(open_lab: Any) -> None:
    """One user of the map in twenty projects side by side is one request, and so is the owner of them all."""
    lab = await open_lab(
        *(
            project(f"acme/p{n}", 100 + n, issues=[issue(1)], repository=None, labels=[], milestones=[])
            for n in range(20)
        )
    )
    result = await lab.batch("PLAN_ONLY", users=USERS, parallel_limit=20)
    assert result["status"] == "success"
    asked = [one.path.rpartition("/")[2] for one in lab.github() if "/users/" in one.path]
    assert sorted(asked) == ["acme", "anna"]
