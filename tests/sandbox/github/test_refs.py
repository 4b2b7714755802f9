"""Git data over REST of the sandbox's GitHub."""

from __future__ import annotations

import base64
from typing import Any


async def test_an_empty_repository_says_so(client: Any) -> None:
    """Without a push, git endpoints are 409, branches are none, contents are 404."""
    path = await client.repository()
    assert (await client("GET", f"{path}/git/ref/heads/main")).status == 409
    assert (await client("GET", f"{path}/commits")).status == 409
    assert (await client("GET", f"{path}/branches")).body == []
    assert (await client("GET", f"{path}/contents/")).status == 404
    refused = await client("PATCH", path, {"default_branch": "main"})
    assert refused.status == 422
    assert "empty repository" in refused.body["message"]


async def test_refs_are_made_moved_and_deleted(client: Any, worktree: Any) -> None:
    """Each rule of GitHub's about refs holds over REST."""
    path = await client.repository()
    first = worktree.commit()
    second = worktree.commit("b.txt")
    address = f"{client.sandbox.github_url}/acme/app.git".replace("//", f"//x:{client.sandbox.github_token}@")
    await worktree.push(address, f"{first}:refs/heads/main", f"{second}:refs/heads/topic/a")
    refs = f"{path}/git/refs"
    made = await client("POST", refs, {"ref": "refs/heads/new", "sha": first})
    assert (made.status, made.body["object"]["type"]) == (201, "commit")
    assert (await client("POST", refs, {"ref": "refs/heads/new", "sha": first})).body["message"] == (
        "Reference already exists"
    )
    assert (await client("POST", refs, {"ref": "refs/heads/x", "sha": "0" * 39 + "1"})).status == 422
    assert (await client("POST", refs, {"ref": "heads", "sha": first})).status == 422
    assert (await client("POST", refs, {"ref": "refs/pull/1/head", "sha": first})).status == 422
    assert (await client("PATCH", f"{refs}/heads/new", {"sha": second})).status == 200
    assert (await client("PATCH", f"{refs}/heads/new", {"sha": first})).status == 422
    assert (await client("PATCH", f"{refs}/heads/new", {"sha": first, "force": True})).status == 200
    matching = await client("GET", f"{path}/git/matching-refs/heads/to")
    assert [ref["ref"] for ref in matching.body] == ["refs/heads/topic/a"]
    assert (await client("GET", f"{path}/git/ref/heads/topic/a")).body["object"]["sha"] == second
    assert (await client("DELETE", f"{refs}/heads/topic/a")).status == 204
    assert (await client("DELETE", f"{refs}/heads/topic/a")).status == 422
    assert (await client("DELETE", f"{refs}/heads/main")).status == 422


async def test_commits_contents_and_tags_are_those_that_were_pushed(client: Any, worktree: Any) -> None:
    """What REST shows of a repository is what git holds."""
    path = await client.repository()
    worktree.commit("a.txt", b"hello\n")
    (worktree.folder / "folder").mkdir()
    head = worktree.commit("folder/b.txt", b"inside\n")
    worktree.git("tag", "-a", "v1", "-m", "one")
    address = f"{client.sandbox.github_url}/acme/app.git".replace("//", f"//x:{client.sandbox.github_token}@")
    assert (await worktree.push(address, "main", "v1")).returncode == 0
    commits = (await client("GET", f"{path}/commits?per_page=1")).body
    assert [(each["sha"], each["commit"]["message"]) for each in commits] == [(head, "Add folder/b.txt")]
    assert (await client("GET", f"{path}/commits/v1")).body["sha"] == head
    assert (await client("GET", f"{path}/branches/main")).body["commit"]["sha"] == head
    assert (await client("GET", f"{path}/tags")).body[0]["commit"]["sha"] == head
    root = (await client("GET", f"{path}/contents")).body
    assert [(each["name"], each["type"]) for each in root] == [("a.txt", "file"), ("folder", "dir")]
    inside = (await client("GET", f"{path}/contents/folder")).body
    assert [each["path"] for each in inside] == ["folder/b.txt"]
    file = (await client("GET", f"{path}/contents/folder/b.txt")).body
    assert base64.b64decode(file["content"]) == b"inside\n"
    assert (await client("GET", f"{path}/contents/none")).status == 404
