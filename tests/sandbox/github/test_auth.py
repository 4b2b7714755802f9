"""Credentials and headers of the sandbox's GitHub."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest


async def test_each_way_of_sending_a_token_is_understood(client: Any) -> None:
    """Bearer, token, and Basic with the token as password or as user."""
    secret = client.sandbox.github_token
    for header in (f"Bearer {secret}", f"token {secret}"):
        answer = await client("GET", "/user", token=None, headers={"Authorization": header})
        assert answer.body["login"] == "acme-migrator"
    for pair in (("x-access-token", secret), ("anybody", secret), (secret, "x-oauth-basic")):
        header = aiohttp.encode_basic_auth(*pair)
        answer = await client("GET", "/user", token=None, headers={"Authorization": header})
        assert answer.status == 200


async def test_a_bad_credential_is_401_everywhere(client: Any) -> None:
    """Even what is public is refused to an unknown or expired token."""
    await client.repository("open", private=False)
    await client.token("old", login="octocat", expires_at="2020-01-01T00:00:00Z")
    for token in ("nonsense", "old"):
        refused = await client("GET", "/repos/acme/open", token=token)
        assert (refused.status, refused.body["message"]) == (401, "Bad credentials")
    assert (await client("GET", "/repos/acme/open", token=None)).status == 200
    assert (await client("GET", "/user", token=None)).status == 401


async def test_what_a_token_may_not_see_is_not_there(client: Any) -> None:
    """A private repository is 404 without the scope, the membership or the grant."""
    path = await client.repository()
    await client.control("PATCH", "/state", [{"op": "add", "path": "/users/outsider", "value": {}}])
    await client.token("scopeless", login="acme-migrator", scopes=["public_repo"])
    await client.token("outsider", login="outsider", scopes=["repo"])
    await client.token(
        "elsewhere", login="acme-migrator", kind="fine-grained", permissions={}, repositories=["acme/other"]
    )
    for token in (None, "scopeless", "outsider", "elsewhere"):
        assert (await client("GET", path, token=token)).status == 404


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"login": "octocat"}, "Must have push access."),
        (
            {"login": "acme-migrator", "kind": "fine-grained", "permissions": {"issues": "read"}},
            "Resource not accessible by personal access token",
        ),
        (
            {"login": "acme-migrator", "kind": "installation", "permissions": {"contents": "write"}},
            "Resource not accessible by integration",
        ),
    ],
)
async def test_a_write_without_the_right_is_403(client: Any, fields: dict[str, Any], message: str) -> None:
    """Who sees a repository and may not write is told so."""
    path = await client.repository()
    await client.token("weak", **{"scopes": ["repo"], **fields})
    refused = await client("POST", f"{path}/labels", {"name": "x"}, token="weak")
    assert (refused.status, refused.body["message"]) == (403, message)


async def test_deleting_needs_its_own_scope(client: Any) -> None:
    """An administrator's token without delete_repo cannot delete."""
    path = await client.repository()
    await client.token("keeper", login="acme-migrator", scopes=["repo"])
    assert (await client("DELETE", path, token="keeper")).status == 403


async def test_every_answer_carries_githubs_headers(client: Any) -> None:
    """Request id, date, scopes, rate and media type are there, on refusals too."""
    for path in ("/user", "/nothing"):
        headers = (await client("GET", path)).headers
        assert headers["X-OAuth-Scopes"] == "admin:org, delete_repo, repo, workflow"
        assert {"X-GitHub-Request-Id", "Date", "X-RateLimit-Remaining", "X-RateLimit-Reset"} <= set(headers)


async def test_an_unchanged_answer_is_304_and_free(start: Any) -> None:
    """If-None-Match with the ETag of before costs no primary request."""
    client = await start(profile="github.com")
    first = await client("GET", "/user")
    again = await client("GET", "/user", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.body) == (304, "")
    assert again.headers["X-RateLimit-Used"] == first.headers["X-RateLimit-Used"]
    other = await client("GET", "/users/octocat", headers={"If-None-Match": first.headers["ETag"]})
    assert other.status == 200


async def test_accounts_root_meta_and_search_answer(client: Any) -> None:
    """What a client asks about GitHub and its people is answered in GitHub's shape."""
    path = await client.repository()
    await client("POST", f"{path}/issues", {"title": "Needle in hay", "labels": ["bug"]})
    for each in ("/", "/meta", "/user", "/users/octocat", "/orgs/acme", "/orgs/acme/members", "/rate_limit"):
        assert (await client("GET", each)).status == 200
    assert (await client("GET", "/users/nobody")).status == 404
    assert (await client("GET", "/orgs/octocat")).status == 404
    assert (await client("GET", "/users/acme/repos")).body[0]["name"] == "app"
    found = await client("GET", "/search/issues?q=needle+repo:acme/app+is:open+label:bug")
    assert [each["number"] for each in found.body["items"]] == [1]
    assert (await client("GET", "/search/issues?q=needle+is:closed")).body["total_count"] == 0
    assert (await client("GET", "/search/issues?q=")).status == 422
    users = await client("GET", "/search/users?q=octocat@example.com+in:email")
    assert [each["login"] for each in users.body["items"]] == ["octocat"]
    assert (await client("GET", "/search/repositories?q=app+org:acme")).body["total_count"] == 1
