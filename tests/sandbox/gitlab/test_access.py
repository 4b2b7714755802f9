"""Who may see what on the sandbox's GitLab (docs: user/permissions)."""

from __future__ import annotations

from typing import Any

import pytest

SEEDS = [
    """
project: {path: open/shown, id: 1, visibility: public}
users: {anna: {name: Anna}}
issues:
  - {title: One, author: anna}
  - {title: Two, author: anna, confidential: true, assignees: [gus]}
  - {title: Three, author: anna, notes: [{body: seen}, {body: hidden, internal: true}]}
members: {gus: guest, rita: reporter, mona: maintainer}
settings: {variables: [{key: A, value: b}], hooks: [{id: 1, url: "https://x.example"}]}
""",
    "project: {path: open/inside, id: 2, visibility: internal}\n",
    """
project: {path: open/deep/hidden, id: 3}
groups: {open: {members: {olga: owner}}}
members: {gus: guest}
""",
]


@pytest.fixture
async def site(open_site: Any) -> Any:
    """Three projects, one of each visibility, with a token `<name>` for everybody."""
    site = await open_site(*SEEDS)
    for name in ("gus", "rita", "mona", "olga", "nobody", "anna"):
        site.world.add_token(name, name)
    return site


@pytest.mark.parametrize(
    ("token", "seen"),
    [
        (None, [1]),
        ("nobody", [1, 2]),
        ("gus", [1, 2, 3]),
        ("olga", [1, 2, 3]),
        ("", [1, 2, 3]),
    ],
)
async def test_a_project_is_seen_by_those_who_may(site: Any, token: str | None, seen: list[int]) -> None:
    """Lists hold what the caller may see, and the rest is 404 by id and by path."""
    assert sorted(row["id"] for row in await site.all("/projects", token=token)) == seen
    for number, path in ((1, "open%2Fshown"), (2, "open%2Finside"), (3, "open%2Fdeep%2Fhidden")):
        for reference in (number, path):
            reply = await site.ask(f"/projects/{reference}", token=token)
            assert reply.status == (200 if number in seen else 404)
            if number not in seen:
                assert reply.body == {"message": "404 Project Not Found"}


async def test_membership_means_ones_own(site: Any) -> None:
    """`membership=true` leaves out what is merely visible, and counts groups above."""
    assert sorted(row["id"] for row in await site.all("/projects?membership=true", token="gus")) == [1, 3]
    assert sorted(row["id"] for row in await site.all("/projects?membership=true", token="olga")) == [1, 2, 3]
    assert await site.all("/projects?membership=true", token="nobody") == []


async def test_tokens_that_do_not_count(site: Any) -> None:
    """An unknown token is refused even for what is public; a revoked one and a blocked user say so."""
    wrong = await site.ask("/projects/1", token="wrong")
    assert (wrong.status, wrong.body) == (401, {"message": "401 Unauthorized"})
    site.world.tokens["gus"].revoked = True
    assert (await site.ask("/projects/1", token="gus")).body["error"] == "invalid_token"
    site.world.users["rita"].state = "blocked"
    assert (await site.ask("/projects/1", token="rita")).status == 403
    for path in ("/user", "/version"):
        assert (await site.ask(path, token=None)).status == 401


async def test_bearer_is_as_good_as_private_token(site: Any) -> None:
    """The same token by `Authorization: Bearer`."""
    reply = await site.ask("/user", token=None, headers={"Authorization": "Bearer gus"})
    assert reply.body["username"] == "gus"


@pytest.mark.parametrize(
    ("scopes", "path", "method", "status"),
    [
        (["read_api"], "/projects/1", "GET", 200),
        (["read_api"], "/projects/1/export", "POST", 403),
        (["api"], "/projects/1/export", "POST", 202),
        (["read_user"], "/user", "GET", 200),
        (["read_user"], "/projects/1", "GET", 403),
        (["read_repository"], "/projects/1", "GET", 403),
    ],
)
async def test_scopes_bound_a_token(
    site: Any, scopes: list[str], path: str, method: str, status: int
) -> None:
    """A token without the scope is refused with `insufficient_scope`."""
    site.world.add_token("narrow", "mona", scopes=scopes)
    reply = await site.ask(path, token="narrow", method=method)
    assert reply.status == status
    if status == 403:
        assert reply.body["error"] == "insufficient_scope"


@pytest.mark.parametrize(
    ("token", "iids"),
    [(None, [1, 3]), ("nobody", [1, 3]), ("gus", [1, 2, 3]), ("rita", [1, 2, 3]), ("anna", [1, 2, 3])],
)
async def test_confidential_issues_are_hidden(site: Any, token: str | None, iids: list[int]) -> None:
    """Below Reporter only the author and the assignees of a confidential issue see that it exists."""
    rows = await site.all("/projects/1/issues", token=token)
    assert sorted(row["iid"] for row in rows) == iids
    for path in ("", "/notes", "/discussions", "/award_emoji"):
        reply = await site.ask(f"/projects/1/issues/2{path}", token=token)
        assert reply.status == (200 if 2 in iids else 404)


async def test_internal_notes_are_hidden(site: Any) -> None:
    """Internal notes are for Reporters and up, in notes and discussions."""
    for token, bodies in (("rita", ["seen", "hidden"]), ("gus", ["seen"]), (None, ["seen"])):
        notes = await site.all("/projects/1/issues/3/notes?sort=asc", token=token)
        assert [note["body"] for note in notes] == bodies
        threads = await site.all("/projects/1/issues/3/discussions", token=token)
        assert [note["body"] for thread in threads for note in thread["notes"]] == bodies


async def test_settings_need_a_level(site: Any) -> None:
    """Variables and hooks are for Maintainers; others are forbidden, not told that there are none."""
    for kind in ("variables", "hooks"):
        assert len(await site.all(f"/projects/1/{kind}", token="mona")) == 1
        assert (await site.ask(f"/projects/1/{kind}", token="rita")).status == 403


async def test_guests_of_a_private_project_do_not_read_its_code(site: Any) -> None:
    """Issues yes, repository no."""
    assert (await site.ask("/projects/3/issues", token="gus")).status == 200
    for path in ("repository/branches", "repository/commits", "merge_requests"):
        assert (await site.ask(f"/projects/3/{path}", token="gus")).status == 403
    assert (await site.ask("/projects/3/repository/branches", token="olga")).status == 200


async def test_what_is_no_endpoint_is_not_found(site: Any) -> None:
    """An unknown path is 404 in the form of the API, and writing is not offered."""
    reply = await site.ask("/nothing/here")
    assert (reply.status, reply.body) == (404, {"error": "404 Not Found"})
    assert (await site.ask("/projects/1/issues", method="POST")).status == 404
