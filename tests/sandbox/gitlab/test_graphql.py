"""GitLab's GraphQL as far as designs need it: strict about what is asked, and by whom."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest

from gl2gh_batch.sandbox.seeds.records import Token

SEED = """
project: {{path: a/app, id: 2, creator: anna, visibility: {visibility}}}
users: {{anna: {{name: Anna}}}}
issues:
  - title: One
    designs: [{{filename: a.png, text: first, notes_count: 2}}, {{filename: b.png, text: second}}]
  - {{title: Secret, confidential: true, designs: [{{filename: c.png, text: third}}]}}
"""
DESIGNS = "designCollection { designs(first: 1) { pageInfo { hasNextPage endCursor } nodes { %s } } }"
NODES = "id filename image notesCount"


async def _ask(site: Any, query: str, token: str | None = "", **variables: Any) -> Any:
    value = site.world.token if token == "" else token
    headers = {"PRIVATE-TOKEN": value} if value else {}
    body = {"query": query, "variables": variables}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{site.world.url}/api/graphql", json=body) as response,
    ):
        return response.status, await response.json()


def _query(fields: str = NODES, *, path: str = "a/app", iid: str = '"1"') -> str:
    return f'{{ project(fullPath: "{path}") {{ one: issue(iid: {iid}) {{ {DESIGNS % fields} }} }} }}'


async def test_designs_are_told_by_the_page(open_site: Any) -> None:
    """Each with its file's address; a cursor leads on, and what is not there is null."""
    site = await open_site(SEED.format(visibility="public"))
    _, answer = await _ask(site, _query())
    page = answer["data"]["project"]["one"]["designCollection"]["designs"]
    assert page["pageInfo"]["hasNextPage"]
    (node,) = page["nodes"]
    assert (node["filename"], node["notesCount"]) == ("a.png", 2)
    assert (await site.ask(node["image"], token=None)).body == b"first"
    following = _query().replace("first: 1", "first: 1, after: $after")
    _, answer = await _ask(site, following, after=page["pageInfo"]["endCursor"])
    page = answer["data"]["project"]["one"]["designCollection"]["designs"]
    assert ([one["filename"] for one in page["nodes"]], page["pageInfo"]["hasNextPage"]) == (["b.png"], False)
    assert (await _ask(site, _query(iid='"9"')))[1] == {"data": {"project": {"one": None}}}
    assert (await _ask(site, _query(path="a/none")))[1] == {"data": {"project": None}}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (_query("id colour"), "Field 'colour' doesn't exist on type 'Design'"),
        (_query(iid="1"), "Argument 'iid'"),
        (_query().replace("nodes { id filename image notesCount }", "nodes"), "wrong selection"),
        (_query("id filename { x }"), "wrong selection"),
        ("{ project(fullPath: 5) { id } }", "Argument 'fullPath'"),
        ("mutation { project { id } }", "Mutations"),
        ("{ project(", "Unexpected end"),
        ("{ " + " ".join(f'p{n}: project(fullPath: "a") {{ id }}' for n in range(126)) + " }", "complexity"),
        ("{ x }" + " " * 10_000, "too large"),
    ],
)
async def test_what_is_not_understood_gets_no_data(open_site: Any, query: str, words: str) -> None:
    """Unknown fields, wrong arguments and queries too complex are answered with errors alone."""
    site = await open_site(SEED.format(visibility="public"))
    status, answer = await _ask(site, query)
    assert (status, list(answer)) == (200, ["errors"])
    assert words in answer["errors"][0]["message"]


async def test_what_may_not_be_seen_is_not_there(open_site: Any) -> None:
    """A private project is null without a token, a confidential issue too; a wrong token is refused."""
    site = await open_site(SEED.format(visibility="private"))
    assert (await _ask(site, _query(), token=None))[1] == {"data": {"project": None}}
    assert (await _ask(site, _query(), token="glpat-wrong"))[0] == 401
    site.world.tokens["reading"] = Token(username="migrator", scopes=frozenset({"read_api"}))
    assert (await _ask(site, _query(), token="reading"))[1]["data"]["project"]["one"]
    site = await open_site(SEED.format(visibility="public"))
    assert (await _ask(site, _query(iid='"2"'), token=None))[1]["data"]["project"]["one"] is None


async def test_pictures_of_other_than_public_projects_want_a_person(open_site: Any) -> None:
    """Whatever the token: the page of a picture leads to where people sign in."""
    site = await open_site(SEED.format(visibility="private"))
    _, answer = await _ask(site, _query())
    (node,) = answer["data"]["project"]["one"]["designCollection"]["designs"]["nodes"]
    async with (
        aiohttp.ClientSession(headers={"PRIVATE-TOKEN": site.world.token}) as session,
        session.get(node["image"], allow_redirects=False) as response,
    ):
        assert (response.status, response.headers["Location"]) == (302, f"{site.world.url}/users/sign_in")
