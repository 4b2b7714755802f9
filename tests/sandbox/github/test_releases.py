"""Releases and assets of the sandbox's GitHub."""

from __future__ import annotations

import hashlib
from typing import Any

import aiohttp
import pytest


async def _pushed(client: Any, worktree: Any, **fields: Any) -> str:
    path = str(await client.repository(**fields))
    worktree.commit()
    worktree.git("tag", "v1")
    address = f"{client.sandbox.github_url}/acme/app.git".replace(
        "http://", f"http://x-access-token:{client.sandbox.github_token}@"
    )
    done = await worktree.push(address, "main", "v1")
    assert done.returncode == 0, done.stderr
    return path


async def _upload(client: Any, release: Any, name: str, content: bytes, **options: Any) -> Any:
    address = release["upload_url"].partition("{")[0]
    headers = {"Content-Type": "application/octet-stream", **options.pop("headers", {})}
    query = {"name": name, **options.pop("query", {})}
    return await client("POST", address, data=content, headers=headers, params=query, **options)


async def test_a_release_is_made_changed_and_deleted(client: Any, worktree: Any) -> None:
    """A release of a pushed tag; one with the same tag is refused; only drafts make no tag."""
    path = await _pushed(client, worktree)
    first = await client("POST", f"{path}/releases", {"tag_name": "v1", "name": "One", "body": "Notes"})
    assert (first.status, first.body["draft"], first.body["published_at"] is None) == (201, False, False)
    again = await client("POST", f"{path}/releases", {"tag_name": "v1"})
    assert (again.status, again.body["errors"][0]["code"]) == (422, "already_exists")
    draft = await client("POST", f"{path}/releases", {"tag_name": "v2", "draft": True})
    assert "untagged" in draft.body["html_url"]
    assert (await client("GET", f"{path}/git/ref/tags/v2")).status == 404
    assert (await client("GET", f"{path}/releases/tags/v2")).status == 404
    await client("PATCH", f"{path}/releases/{draft.body['id']}", {"draft": False, "prerelease": True})
    assert (await client("GET", f"{path}/git/ref/tags/v2")).status == 200
    assert (await client("GET", f"{path}/releases/tags/v2")).body["prerelease"] is True
    assert (await client("GET", f"{path}/releases/latest")).body["tag_name"] == "v1"
    assert len((await client("GET", f"{path}/releases")).body) == 2
    assert (await client("DELETE", f"{path}/releases/{draft.body['id']}")).status == 204
    assert (await client("GET", f"{path}/releases/{draft.body['id']}")).status == 404


@pytest.mark.parametrize(
    "fields",
    [
        {"tag_name": ""},
        {"tag_name": "a b"},
        {"tag_name": "v9", "target_commitish": "nowhere"},
        {"tag_name": "v9", "body": "x" * 125_001},
        {"tag_name": "v9", "body": "🎉" * 62_500 + "x"},
        {"tag_name": "v9", "make_latest": "true", "prerelease": True},
        {"tag_name": "v9", "draft": "yes"},
    ],
)
async def test_refused_releases(client: Any, worktree: Any, fields: dict[str, Any]) -> None:
    """What GitHub refuses is a 422, and nothing is made."""
    path = await _pushed(client, worktree)
    assert (await client("POST", f"{path}/releases", fields)).status == 422
    assert (await client("GET", f"{path}/releases")).body == []


async def test_an_empty_repository_has_no_published_release(client: Any) -> None:
    """Without a commit only drafts can be made."""
    path = await client.repository()
    assert (await client("POST", f"{path}/releases", {"tag_name": "v1"})).status == 422
    assert (await client("POST", f"{path}/releases", {"tag_name": "v1", "draft": True})).status == 201


async def test_assets_are_renamed_refused_and_downloaded(client: Any, worktree: Any) -> None:
    """Names become what GitHub keeps; a name is used once; the bytes come from another origin."""
    path = await _pushed(client, worktree)
    release = (await client("POST", f"{path}/releases", {"tag_name": "v1"})).body
    made = await _upload(client, release, "a (1) ü.txt", b"hello", query={"label": "a (1) ü.txt"})
    assert (made.status, made.body["name"], made.body["label"]) == (201, "a.1.txt", "a (1) ü.txt")
    assert made.body["digest"] == "sha256:" + hashlib.sha256(b"hello").hexdigest()
    assert (await _upload(client, release, ".env", b"x")).body["name"] == "default.env"
    again = await _upload(client, release, "a.1.txt", b"other")
    assert (again.status, again.body["errors"][0]["code"]) == (422, "already_exists")
    assert (await _upload(client, release, "empty", b"")).status == 400
    asset = made.body["url"]
    found = await client("GET", asset, headers={"Accept": "application/octet-stream"})
    assert found.status == 302
    assert not found.headers["Location"].startswith(client.sandbox.github_url)
    assert (await client("GET", found.headers["Location"], token=None)).body == "hello"
    assert (await client("GET", found.headers["Location"])).status == 400
    assert client.sandbox.storage.leaks == 1
    listed = await client("GET", f"{path}/releases/{release['id']}/assets")
    assert [each["name"] for each in listed.body] == ["a.1.txt", "default.env"]
    assert (await client("DELETE", asset)).status == 204
    assert (await client("GET", asset)).status == 404


async def test_a_broken_upload_leaves_a_starter(start: Any, worktree: Any) -> None:
    """A 502, and a client that goes away, leave an asset in state starter that holds its name."""
    client = await start(profile="unlimited", settings={"broken_uploads": 1}, observe=None)
    path = await _pushed(client, worktree)
    release = (await client("POST", f"{path}/releases", {"tag_name": "v1"})).body
    assert (await _upload(client, release, "a.bin", b"x" * 10)).status == 502

    async def breaks() -> Any:
        yield b"y" * 5
        raise ConnectionError("gone")

    with pytest.raises((aiohttp.ClientError, ConnectionError)):
        await _upload(client, release, "b.bin", breaks(), headers={"Content-Length": "10"})
    listed = (await client("GET", f"{path}/releases/{release['id']}/assets")).body
    assert [(each["name"], each["state"], each["digest"]) for each in listed] == [
        ("a.bin", "starter", None),
        ("b.bin", "starter", None),
    ]
    assert (await _upload(client, release, "a.bin", b"x" * 10)).status == 422


async def test_too_large_assets_are_refused(start: Any, worktree: Any) -> None:
    """A file as large as the setting is refused."""
    client = await start(profile="unlimited", settings={"asset_bytes": 10})
    path = await _pushed(client, worktree)
    release = (await client("POST", f"{path}/releases", {"tag_name": "v1"})).body
    assert (await _upload(client, release, "a.bin", b"x" * 10)).status == 422
    assert (await _upload(client, release, "a.bin", b"x" * 9)).status == 201


async def test_trees_are_listed_whole(client: Any, worktree: Any) -> None:
    """A tree by branch, with all below it when asked for."""
    path = await _pushed(client, worktree)
    tree = (await client("GET", f"{path}/git/trees/main", params={"recursive": "1"})).body
    assert [(each["path"], each["type"], each["size"]) for each in tree["tree"]] == [("a.txt", "blob", 5)]
    assert tree["truncated"] is False
    assert (await client("GET", f"{path}/git/trees/nowhere")).status == 404
