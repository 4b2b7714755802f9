"""Pages of the sandbox's GitLab (docs: api/rest, section pagination)."""

from __future__ import annotations

from typing import Any

import pytest


async def test_a_list_comes_in_pages_with_all_headers(many: Any) -> None:
    """Offset pages have GitLab's links and numbers, the first and the last without the missing neighbour."""
    first = await many.ask("/projects/7/issues?per_page=20")
    assert len(first.body) == 20
    assert {name: first.headers[f"X-{name}"] for name in ("Page", "Per-Page", "Next-Page", "Prev-Page")} == {
        "Page": "1",
        "Per-Page": "20",
        "Next-Page": "2",
        "Prev-Page": "",
    }
    assert (first.headers["X-Total"], first.headers["X-Total-Pages"]) == ("45", "3")
    assert sorted(first.links()) == ["first", "last", "next"]
    last = await many.ask(first.links()["last"])
    assert len(last.body) == 5
    assert last.headers["X-Next-Page"] == ""
    assert sorted(last.links()) == ["first", "last", "prev"]
    beyond = await many.ask("/projects/7/issues?page=9")
    assert (beyond.status, beyond.body) == (200, [])


async def test_following_the_links_gives_every_row_once(many: Any) -> None:
    """`rel="next"` leads through the whole list, with the filters kept."""
    rows = await many.all("/projects/7/issues?per_page=7&state=opened&sort=asc")
    every = await many.all("/projects/7/issues?per_page=100")
    assert [row["iid"] for row in rows] == sorted(row["iid"] for row in every if row["state"] == "opened")
    assert len({row["id"] for row in every}) == 45


async def test_sizes_are_bounded(many: Any) -> None:
    """20 rows by default, 100 at most, and numbers that are none are refused."""
    assert len((await many.ask("/projects/7/issues")).body) == 20
    assert (await many.ask("/projects/7/issues?per_page=1000")).headers["X-Per-Page"] == "100"
    for query in ("per_page=0", "per_page=x", "page=0", "page=-1"):
        refused = await many.ask(f"/projects/7/issues?{query}")
        assert refused.status == 400, query
        assert refused.body["error"].startswith(query.partition("=")[0])


async def test_long_lists_do_not_tell_their_length(open_site: Any) -> None:
    """Above 10,000 rows there is no `X-Total` and no `rel="last"`, and at 10,000 there still is."""
    site = await open_site("project: {path: a/long, id: 1}\nvolume: {issues: 10001}\n")
    reply = await site.ask("/projects/1/issues?per_page=100")
    assert "X-Total" not in reply.headers
    assert "X-Total-Pages" not in reply.headers
    assert sorted(reply.links()) == ["first", "next"]
    site.world.edit(1).delete_issue(5)
    reply = await site.ask("/projects/1/issues?per_page=100")
    assert reply.headers["X-Total"] == "10000"
    assert "last" in reply.links()


async def test_projects_can_be_paged_by_key(open_site: Any) -> None:
    """Keyset pages of projects need the order by id, give no totals, and end without a next."""
    site = await open_site(
        *(f"project: {{path: a/p{at}, id: {at}}}\nrepository: {{}}\n" for at in range(1, 6))
    )
    first = await site.ask("/projects?pagination=keyset&order_by=id&sort=asc&per_page=2")
    assert [row["id"] for row in first.body] == [1, 2]
    assert "X-Total" not in first.headers
    assert list(first.links()) == ["next"]
    for sort, numbers in (("asc", [1, 2, 3, 4, 5]), ("desc", [5, 4, 3, 2, 1])):
        rows = await site.all(f"/projects?pagination=keyset&order_by=id&sort={sort}&per_page=2")
        assert [row["id"] for row in rows] == numbers
    groups = await site.all("/groups?pagination=keyset&order_by=name&per_page=1")
    assert [row["full_path"] for row in groups] == ["a"]
    users = await site.all("/users?pagination=keyset&order_by=id&sort=asc&per_page=1")
    assert [row["username"] for row in users] == [
        row["username"] for row in await site.all("/users?order_by=id&sort=asc")
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/projects?pagination=keyset",
        "/projects?pagination=keyset&order_by=name",
        "/groups?pagination=keyset&order_by=path",
        "/projects/7/issues?pagination=keyset",
        "/projects/7/issues/1/notes?pagination=keyset",
        "/projects/7/labels?pagination=keyset",
    ],
)
async def test_where_there_is_no_key_it_is_refused(many: Any, path: str) -> None:
    """Keyset paging elsewhere, or in another order, is answered with 405."""
    reply = await many.ask(path)
    assert reply.status == 405
    assert reply.body == {"error": "Keyset pagination is not yet available for this type of request"}


async def test_far_offsets_are_refused_where_there_are_keys(many: Any) -> None:
    """An offset beyond 50,000 is refused for projects, and for issues it is an empty page."""
    near = await many.ask("/projects?page=501&per_page=100")
    assert near.status == 200
    far = await many.ask("/projects?page=502&per_page=100")
    assert far.status == 405
    assert "maximum allowed offset of 50000" in far.body["error"]
    assert (await many.ask("/projects/7/issues?page=502&per_page=100")).body == []


async def test_commits_are_not_counted(many: Any) -> None:
    """The list of commits has links and no totals."""
    reply = await many.ask("/projects/7/repository/commits")
    assert reply.body
    assert "X-Total" not in reply.headers


async def test_head_and_etag(many: Any) -> None:
    """HEAD gives the headers alone, and an ETag that is known already gives 304."""
    head = await many.ask("/projects/7/issues", method="HEAD")
    assert (head.status, head.body, head.headers["X-Total"]) == (200, b"", "45")
    again = await many.ask("/projects/7/issues", headers={"If-None-Match": head.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    many.world.edit(7).edit_issue(45, title="Another")
    assert (
        await many.ask("/projects/7/issues", headers={"If-None-Match": head.headers["ETag"]})
    ).status == 200
