"""Branches that pull requests can be made of, pushed to the sandbox's GitHub."""

from __future__ import annotations

import asyncio
from typing import Any

LINES = [f"line {number}\n" for number in range(1, 41)]
# The second and the last line but one change on `topic`: two hunks, which show lines 1 to 5 and 36 to 40.
CHANGED = [*LINES[:1], "changed\n", *LINES[2:38], "changed too\n", *LINES[39:]]


def git_address(client: Any, name: str = "app.git") -> str:
    """Where git finds a repository of the organisation."""
    return f"{client.sandbox.github_url}/acme/{name}".replace("//", f"//x:{client.sandbox.github_token}@")


async def push(client: Any, worktree: Any, *refspecs: str) -> None:
    """Push, and see that it went well."""
    done = await worktree.push(git_address(client), *refspecs)
    assert done.returncode == 0, done.stderr


async def branched(client: Any, worktree: Any, *branches: str) -> dict[str, str]:
    """Push `main` and, from it, `topic` (or those named) with a commit each; the tips by name.

    A branch changes two lines of `long.txt`, removes `gone.txt` and adds a file of its own name.
    """
    names = branches or ("topic",)
    await asyncio.to_thread(_commit, worktree, names)
    await push(client, worktree, "refs/heads/*:refs/heads/*")
    return {name: worktree.git("rev-parse", name).stdout.strip() for name in ("main", *names)}


def _commit(worktree: Any, branches: tuple[str, ...]) -> None:
    (worktree.folder / "long.txt").write_text("".join(LINES))
    (worktree.folder / "gone.txt").write_text("to go\n")
    worktree.commit("kept.txt")
    for name in branches:
        worktree.git("checkout", "-q", "-b", name, "main")
        (worktree.folder / "long.txt").write_text("".join(CHANGED))
        (worktree.folder / "gone.txt").unlink()
        worktree.commit(f"{name}.txt", b"one\ntwo\n")
    worktree.git("checkout", "-q", "main")


async def opened(client: Any, path: str, head: str = "topic", **fields: Any) -> Any:
    """Open a pull request into `main`; its document."""
    made = await client(
        "POST", f"{path}/pulls", {"title": "A pull", "head": head, "base": "main", "body": "b", **fields}
    )
    assert made.status == 201, made.body
    return made.body
