"""What the sandbox's GitLab lets be changed of a project, by whom, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

PROJECT = """
project: {path: group/app, id: 1, description: Before, visibility: private}
members: {mona: maintainer, olga: owner, dora: developer}
repository: {commits: [{name: a, message: A, files: {x: "1"}}]}
"""


@pytest.fixture
async def site(open_site: Any) -> Any:
    """A GitLab with one project, and people of every role."""
    site = await open_site(PROJECT)
    for name in ("mona", "olga", "dora", "stranger"):
        site.world.add_token(name, name)
    site.world.add_token("reader", "olga", scopes=("read_api", "read_repository"))
    return site


@pytest.mark.parametrize(
    ("who", "edits", "archives"),
    [("olga", 200, 201), ("mona", 200, 403), ("dora", 403, 403), ("stranger", 404, 404), (None, 401, 401)],
)
async def test_roles(site: Any, who: str | None, edits: int, archives: int) -> None:
    """Maintainers edit, owners archive; others are refused, or do not see the project."""
    put = await site.ask("/projects/1", method="PUT", token=who, json={"description": "After"})
    assert put.status == edits
    assert (await site.ask("/projects/1/archive", method="POST", token=who)).status == archives
    assert (await site.ask("/projects/1/unarchive", method="POST", token=who)).status == archives


@pytest.mark.parametrize(("method", "path"), [("PUT", ""), ("POST", "/archive"), ("POST", "/unarchive")])
async def test_reading_tokens_write_nothing(site: Any, method: str, path: str) -> None:
    """A token with read_api is told which scope it lacks, and nothing changes."""
    reply = await site.ask(f"/projects/1{path}", method=method, token="reader", json={"description": "x"})
    assert (reply.status, reply.body["error"], reply.body["scope"]) == (403, "insufficient_scope", "api")
    project = site.world.projects[1]
    assert (project.description, project.archived) == ("Before", False)


async def test_a_change_is_shown(site: Any) -> None:
    """The answer and every later one show the description, which may be null, and the archiving; twice is
    as good as once."""
    for text in ("After, “signs” & <b>", None, ""):
        put = await site.ask("/projects/group%2Fapp", method="PUT", json={"description": text})
        assert put.body["description"] == text
        assert (await site.ask("/projects/1")).body["description"] == text
    for action, archived in (
        ("archive", True),
        ("archive", True),
        ("unarchive", False),
        ("unarchive", False),
    ):
        reply = await site.ask(f"/projects/1/{action}", method="POST")
        assert (reply.status, reply.body["archived"]) == (201, archived)
        assert (await site.ask("/projects/1")).body["archived"] is archived


@pytest.mark.parametrize(
    "body", [{}, {"description": 5}, {"name": "Other"}, {"description": "x" * 2001}, [1]]
)
async def test_what_is_none_is_refused(site: Any, body: Any) -> None:
    """Nothing, another attribute, another type and what is too long are 400."""
    assert (await site.ask("/projects/1", method="PUT", json=body)).status == 400


async def test_an_archived_project_takes_no_settings(site: Any) -> None:
    """Its description stands until it is unarchived."""
    await site.ask("/projects/1/archive", method="POST")
    assert (await site.ask("/projects/1", method="PUT", json={"description": "x"})).status == 403
    await site.ask("/projects/1/unarchive", method="POST")
    assert (await site.ask("/projects/1", method="PUT", json={"description": "x"})).status == 200
