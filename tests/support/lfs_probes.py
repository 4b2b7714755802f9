"""For each row of the sandbox's table that is about LFS and large pushes: whether its rule is met."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any, Final

from branches import git_address

Probe = Callable[[Any, Any], Awaitable[bool]]
POINTER: Final = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 1\n"


async def _set(client: Any, setting: str, value: Any) -> None:
    patch = [{"op": "replace", "path": f"/settings/{setting}", "value": value}]
    assert (await client.control("PATCH", "/state", patch)).status == 200


async def _unknown(client: Any, worktree: Any) -> bool:
    await asyncio.to_thread(worktree.commit, ".gitattributes", b"*.bin filter=lfs\n")
    await asyncio.to_thread(worktree.commit, "big.bin", POINTER.encode())
    return (await worktree.push(git_address(client), "HEAD:refs/heads/main")).returncode != 0


async def _pack(client: Any, worktree: Any) -> bool:
    await _set(client, "push_bytes", 9999)
    await asyncio.to_thread(worktree.commit, "noise.bin", os.urandom(100_000))
    return (await worktree.push(git_address(client), "HEAD:refs/heads/main")).returncode != 0


async def _secret(client: Any, worktree: Any) -> bool:
    await _set(client, "secrets", "secret-[0-9]+")
    await asyncio.to_thread(worktree.commit, "a.env", b"T=secret-123\n")
    return (await worktree.push(git_address(client), "HEAD:refs/heads/main")).returncode != 0


async def _email(client: Any, worktree: Any) -> bool:
    await asyncio.to_thread(worktree.commit, "a.txt", b"text\n")
    await _set(client, "private_emails", [worktree.git("log", "-1", "--format=%ae").stdout.strip()])
    return (await worktree.push(git_address(client), "HEAD:refs/heads/main")).returncode != 0


def _object(setting: str) -> Probe:
    async def probe(client: Any, worktree: Any) -> bool:
        await _set(client, setting, 5)
        url = f"{client.sandbox.github_url}/acme/app.git/info/lfs/objects/batch"
        asked = {"operation": "upload", "objects": [{"oid": "a" * 64, "size": 6}]}
        return "error" in (await client("POST", url, asked)).body["objects"][0]

    return probe


LFS_PROBES: Final[dict[str, Probe]] = {
    "push_bytes": _pack,
    "lfs_unknown": _unknown,
    "push_protection": _secret,
    "private_emails": _email,
    "lfs_object_bytes": _object("lfs_object_bytes"),
    "lfs_quota_bytes": _object("lfs_quota_bytes"),
}
