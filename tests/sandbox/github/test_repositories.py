"""Repositories of the sandbox's GitHub."""

from __future__ import annotations

from typing import Any

import pytest


async def test_a_repository_lives_from_creation_to_deletion(client: Any) -> None:
    """Creating, changing, listing and deleting a repository are answered as GitHub does."""
    path = await client.repository("app", description="An app", has_wiki=False)
    made = await client("GET", path)
    assert (made.body["private"], made.body["has_wiki"], made.body["default_branch"]) == (True, False, "main")
    changed = await client("PATCH", path, {"visibility": "public", "homepage": "https://x.example"})
    assert (changed.body["private"], changed.body["visibility"]) == (False, "public")
    assert [each["name"] for each in (await client("GET", "/orgs/acme/repos")).body] == ["app"]
    own = await client("POST", "/user/repos", {"name": "mine", "auto_init": True})
    assert own.status == 201
    assert (await client("GET", "/repos/acme-migrator/mine/branches")).body[0]["name"] == "main"
    assert (await client("DELETE", path)).status == 204
    assert (await client("GET", path)).status == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "app"}, "name already exists on this account"),
        ({"name": "APP"}, "name already exists on this account"),
        ({"name": "x" * 101}, "name is too long (maximum is 100 characters)"),
        ({"name": "new", "description": "two\nlines"}, "description control characters are not allowed"),
        ({"name": "new", "description": "x" * 351}, "description is too long (maximum is 350 characters)"),
    ],
)
async def test_a_repository_that_github_refuses_is_refused(
    client: Any, fields: dict[str, Any], words: str
) -> None:
    """Names and descriptions that GitHub does not take are 422 with GitHub's words."""
    await client.repository()
    refused = await client("POST", "/orgs/acme/repos", fields)
    assert refused.status == 422
    assert refused.body["errors"][0]["message"] == words


async def test_characters_that_a_name_cannot_have_become_hyphens(client: Any) -> None:
    """GitHub renames in silence, which a migration has to foresee."""
    made = await client("POST", "/orgs/acme/repos", {"name": "my app (old)"})
    assert made.body["name"] == "my-app-old-"


async def test_an_archived_repository_is_read_only_until_it_is_unarchived(client: Any) -> None:
    """Every write is 403 but the one that ends it."""
    path = await client.repository()
    assert (await client("PATCH", path, {"archived": True})).body["archived"] is True
    for method, tail, body in (
        ("POST", "/labels", {"name": "x"}),
        ("POST", "/issues", {"title": "x"}),
        ("PATCH", "", {"description": "x"}),
    ):
        refused = await client(method, path + tail, body)
        assert (refused.status, refused.body["message"]) == (403, "Repository was archived so is read-only.")
    assert (await client("PATCH", path, {"archived": False})).status == 200
    assert (await client("POST", f"{path}/labels", {"name": "x"})).status == 201


async def test_a_renamed_repository_redirects_by_its_id(client: Any) -> None:
    """The old name leads to the new one, for reads by 301 and for writes by 307."""
    path = await client.repository()
    await client("PATCH", path, {"name": "renamed"})
    moved = await client("GET", f"{path}/labels?per_page=1")
    assert moved.status == 301
    assert len((await client("GET", moved.headers["Location"])).body) == 1
    written = await client("POST", f"{path}/labels", {"name": "x"})
    assert written.status == 307
    assert (await client("POST", written.headers["Location"], {"name": "x"})).status == 201


async def test_topics_keep_githubs_rules(client: Any) -> None:
    """Topics are lower case, few, and of letters, digits and hyphens."""
    path = await client.repository()
    assert (await client("PUT", f"{path}/topics", {"names": ["GitLab", "a-b"]})).body["names"] == [
        "gitlab",
        "a-b",
    ]
    assert (await client("PUT", f"{path}/topics", {"names": [f"t{n}" for n in range(21)]})).status == 422
    assert (await client("PUT", f"{path}/topics", {"names": ["c++"]})).status == 422
    assert (await client("PUT", f"{path}/topics", {"names": ["x" * 51]})).status == 422
    assert (await client("GET", f"{path}/topics")).body["names"] == ["gitlab", "a-b"]


async def test_actions_can_be_turned_off_and_on(client: Any) -> None:
    """The permissions that were put are those that are read."""
    path = await client.repository()
    assert (await client("PUT", f"{path}/actions/permissions", {"enabled": False})).status == 204
    assert (await client("GET", f"{path}/actions/permissions")).body == {"enabled": False}
    await client("PUT", f"{path}/actions/permissions", {"enabled": True, "allowed_actions": "local_only"})
    assert (await client("GET", f"{path}/actions/permissions")).body["allowed_actions"] == "local_only"


async def test_a_new_repository_may_be_unknown_for_a_moment(start: Any) -> None:
    """With a lag, what was created answers 404 at first, and its default labels come later still."""
    client = await start(profile="unlimited", settings={"repository_lag_s": 3600})
    await client.repository()
    assert (await client("GET", "/repos/acme/app")).status == 404
    late = await start(profile="unlimited", settings={"default_labels_lag_s": 3600})
    path = await late.repository()
    assert (await late("GET", f"{path}/labels")).body == []
    assert (await late("POST", f"{path}/labels", {"name": "Bug"})).body["errors"][0][
        "code"
    ] == "already_exists"
