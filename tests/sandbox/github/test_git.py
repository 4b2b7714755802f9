"""Real git against the sandbox's GitHub."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest


def address(client: Any, name: str = "app.git", token: str | None = None) -> str:
    """Where git finds a repository of the organisation, with a token."""
    secret = client.sandbox.github_token if token is None else token
    return f"{client.sandbox.github_url}/acme/{name}".replace("//", f"//x-access-token:{secret}@")


async def test_a_mirror_arrives_with_every_id(client: Any, worktree: Any) -> None:
    """Branches, annotated and light tags and other refs are there afterwards, by SHA, without .git too."""
    await client.repository()
    worktree.commit("big.bin", bytes(range(256)) * 12_000)
    worktree.git("tag", "light")
    worktree.git("tag", "-a", "heavy", "-m", "note")
    worktree.git("update-ref", "refs/gl2gh/1", "HEAD")
    pushed = await worktree.push(address(client, "app"), "refs/*:refs/*")
    assert pushed.returncode == 0, pushed.stderr
    wanted = worktree.git("show-ref").stdout.split("\n")
    state = await client.control("GET", "/state")
    assert [f"{sha} {ref}" for ref, sha in state.body["repositories"]["acme/app"]["refs"].items()] == wanted[
        :-1
    ]
    listed = await asyncio.to_thread(worktree.git, "ls-remote", address(client))
    assert set(wanted[:-1]) <= set(listed.stdout.replace("\t", " ").split("\n"))


@pytest.mark.parametrize(
    ("branches", "default"),
    [
        (["develop"], "develop"),
        (["a", "master"], "master"),
        (["a", "main", "master"], "main"),
        (["b", "a"], "a"),
    ],
)
async def test_the_first_push_chooses_the_default_branch(
    client: Any, worktree: Any, branches: list[str], default: str
) -> None:
    """main, else master, else the first branch; and HEAD follows."""
    path = await client.repository()
    worktree.commit()
    await worktree.push(address(client), *(f"HEAD:refs/heads/{name}" for name in branches))
    repository = (await client("GET", path)).body
    assert repository["default_branch"] == default
    listed = await asyncio.to_thread(worktree.git, "ls-remote", "--symref", address(client), "HEAD")
    assert listed.stdout.startswith(f"ref: refs/heads/{default}")


async def test_the_default_branch_can_be_changed_to_one_that_exists(client: Any, worktree: Any) -> None:
    """An unknown branch is 422; a known one becomes HEAD."""
    path = await client.repository()
    worktree.commit()
    await worktree.push(address(client), "HEAD:refs/heads/main", "HEAD:refs/heads/stable")
    assert (await client("PATCH", path, {"default_branch": "none"})).status == 422
    assert (await client("PATCH", path, {"default_branch": "stable"})).body["default_branch"] == "stable"


async def test_hidden_refs_are_declined_and_the_others_accepted(client: Any, worktree: Any) -> None:
    """refs/pull is GitHub's own; a push with it takes the rest."""
    await client.repository()
    worktree.commit()
    pushed = await worktree.push(address(client), "HEAD:refs/heads/main", "HEAD:refs/pull/1/head")
    assert pushed.returncode != 0
    assert "deny updating a hidden ref" in pushed.stderr
    state = await client.control("GET", "/state")
    assert list(state.body["repositories"]["acme/app"]["refs"]) == ["refs/heads/main"]


async def test_long_refs_and_large_files_are_declined_whole(client: Any, worktree: Any) -> None:
    """The hook that github.com has declines the whole push."""
    await client.repository()
    worktree.commit()
    long = await worktree.push(address(client), "HEAD:refs/heads/main", "HEAD:refs/heads/" + "x" * 245)
    assert "pre-receive hook declined" in long.stderr
    with (worktree.folder / "huge.bin").open("wb") as file:
        file.truncate(101 * 1024 * 1024)
    worktree.git("add", ".")
    worktree.git("commit", "-q", "-m", "huge")
    huge = await worktree.push(address(client), "HEAD:refs/heads/main")
    assert "huge.bin is 101.00 MB; this exceeds GitHub's file size limit of 100.00 MB" in huge.stderr
    state = await client.control("GET", "/state")
    assert state.body["repositories"]["acme/app"]["refs"] == {}


async def test_tokens_open_git_as_they_open_the_api(client: Any, worktree: Any) -> None:
    """A wrong token, one without scopes, and none at all neither read what is private nor write at all."""
    await client.repository()
    await client.repository("open", private=False)
    await client.token("scopeless", login="acme-migrator", scopes=[])
    worktree.commit()
    for name, token in (("app", "wrong"), ("app", "scopeless"), ("open", "wrong"), ("open", "scopeless")):
        assert (await worktree.push(address(client, name, token), "main")).returncode != 0
    anonymous = f"{client.sandbox.github_url}/acme/open.git"
    assert (await asyncio.to_thread(worktree.git, "ls-remote", anonymous)).returncode == 0
    assert (await worktree.push(anonymous, "main")).returncode != 0
    await client("PATCH", "/repos/acme/open", {"archived": True})
    assert "archived" in (await worktree.push(address(client, "open"), "main")).stderr


async def test_a_wiki_exists_once_its_first_page_was_made(client: Any, worktree: Any) -> None:
    """Before, git finds nothing; control can play the person who makes the page."""
    await client.repository()
    worktree.commit("Home.md")
    assert (await worktree.push(address(client, "app.wiki.git"), "main:master")).returncode != 0
    made = await client.control(
        "PATCH", "/state", [{"op": "replace", "path": "/repositories/acme~1app/wiki", "value": {"refs": {}}}]
    )
    assert made.status == 200
    assert (await worktree.push(address(client, "app.wiki.git"), "main:master")).returncode == 0
    state = await client.control("GET", "/state")
    assert list(state.body["repositories"]["acme/app"]["wiki"]["refs"]) == ["refs/heads/master"]
    assert state.body["repositories"]["acme/app"]["refs"] == {}


async def test_the_time_of_a_push_is_kept(client: Any, worktree: Any) -> None:
    """pushed_at is told when the push is over."""
    await client.repository()
    worktree.commit()
    before = await client.control("GET", "/state")
    assert before.body["repositories"]["acme/app"]["pushed_at"] is None
    await worktree.push(address(client), "main")
    after = await client.control("GET", "/state")
    assert after.body["repositories"]["acme/app"]["pushed_at"] is not None


async def test_git_is_in_the_journal_and_in_no_limit(client: Any, worktree: Any) -> None:
    """A push is told with its credential and status, and counted in no class."""
    await client.repository()
    worktree.commit()
    await worktree.push(address(client), "main")
    pushes = [entry for entry in client.sandbox.journal if entry.path.endswith("/git-receive-pack")]
    assert [(entry.classes, entry.status, entry.method) for entry in pushes] == [((), 200, "POST")]
    assert pushes[0].credential.startswith("token-")


async def test_a_client_that_dies_in_the_middle_of_a_push_does_no_harm(client: Any, worktree: Any) -> None:
    """Half a pack leaves nothing behind, and the next push succeeds."""
    await client.repository()
    port = int(client.sandbox.github_url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    basic = base64.b64encode(f"x:{client.sandbox.github_token}".encode()).decode()
    head = (
        "POST /acme/app.git/git-receive-pack HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Basic {basic}",
        "Content-Type: application/x-git-receive-pack-request",
        "Transfer-Encoding: chunked",
    )
    writer.write("\r\n".join((*head, "", "ffff\r\nhalf a pack")).encode())
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    await writer.wait_closed()
    worktree.commit()
    assert (await worktree.push(address(client), "main")).returncode == 0


async def test_the_largest_file_is_a_setting(start: Any, worktree: Any) -> None:
    """What github.com declines from 100 MB on can be declined earlier."""
    client = await start(profile="unlimited", settings={"file_bytes": 1000})
    await client.repository()
    worktree.commit("small.bin", b"x" * 1000)
    assert (await worktree.push(address(client), "main")).returncode == 0
    worktree.commit("large.bin", b"x" * 1001)
    assert "large.bin" in (await worktree.push(address(client), "main")).stderr
