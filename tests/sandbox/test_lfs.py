"""Real git-lfs against both sides of the sandbox."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from branches import git_address

pytestmark = pytest.mark.lfs
SEED = """
project: {path: a/big, id: 5}
repository:
  commits:
    - {name: one, message: One, files: {.gitattributes: "*.bin filter=lfs\\n", a.bin: {lfs: first}}}
    - {name: two, message: Two, files: {a.bin: {lfs: second}, b.bin: {lfs: third}}}
"""


async def lfs(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git in a folder with nothing configured."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_LFS_SKIP_SMUDGE": "1"}
    return await asyncio.to_thread(
        subprocess.run,
        ["git", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
async def source(start: Any, tmp_path: Path) -> tuple[Any, Path]:
    """A client of a sandbox, and a mirror of its project with all LFS objects."""
    (tmp_path / "seed.yml").write_text(SEED)
    client = await start(profile="unlimited", projects=[tmp_path / "seed.yml"])
    await client.repository()
    address = f"{client.sandbox.gitlab_url}/a/big.git".replace(
        "//", f"//oauth2:{client.sandbox.gitlab_token}@"
    )
    assert (await lfs(tmp_path, "clone", "-q", "--mirror", address, "mirror")).returncode == 0
    fetched = await lfs(tmp_path / "mirror", "lfs", "fetch", "--all")
    assert fetched.returncode == 0, fetched.stderr
    return client, tmp_path / "mirror"


async def held(client: Any) -> dict[str, int]:
    """The objects that the GitHub repository has, with their sizes."""
    state = (await client.control("GET", "/state")).body
    objects: dict[str, int] = state["repositories"]["acme/app"]["lfs_objects"]
    return objects


async def test_objects_go_from_one_side_to_the_other(source: Any) -> None:
    """Fetched whole from GitLab, pushed to GitHub, there by oid and size; then the refs are taken."""
    client, mirror = source
    objects = {path.name: path.stat().st_size for path in (mirror / "lfs" / "objects").glob("*/*/*")}
    assert sorted(objects.values()) == [5, 5, 6]
    early = await lfs(mirror, "push", git_address(client), "refs/heads/main")
    assert "GH008: Your push referenced at least 3 unknown Git LFS object" in early.stderr
    pushed = await lfs(mirror, "lfs", "push", "--all", git_address(client))
    assert pushed.returncode == 0, pushed.stderr
    assert await held(client) == objects
    assert (await lfs(mirror, "push", git_address(client), "refs/heads/main")).returncode == 0
    again = await lfs(mirror, "lfs", "push", "--all", git_address(client))
    assert again.returncode == 0


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lfs_object_bytes", "Size must be less than or equal to 5"),
        ("lfs_quota_bytes", "exceeded its LFS budget"),
    ],
)
async def test_what_is_too_much_is_refused_by_object(source: Any, setting: str, words: str) -> None:
    """An object over the size, or over what the owner may hold, is named; the client ends with an error."""
    client, mirror = source
    await client.control("PATCH", "/state", [{"op": "replace", "path": f"/settings/{setting}", "value": 5}])
    pushed = await lfs(mirror, "lfs", "push", "--all", git_address(client))
    assert pushed.returncode != 0
    assert words in pushed.stderr


async def test_a_stranger_neither_reads_nor_writes(source: Any) -> None:
    """Without a token, with an unknown one, and with a reader's for an upload; signed addresses are exact."""
    client, mirror = source
    url = f"{client.sandbox.github_url}/acme/app.git/info/lfs/objects/batch"
    asked = {"operation": "upload", "objects": [{"oid": "a" * 64, "size": 1}]}
    assert (await client("POST", url, asked, token=None)).status == 401
    assert (await client("POST", url, asked, token="wrong")).status == 401
    weak = await client.token("weak", login="octocat", scopes=["repo"])
    assert (await client("POST", url, asked, token=weak)).status == 403
    stored = f"{client.sandbox.github_url}/acme/app.git/info/lfs/storage/{'a' * 64}?signature=x"
    assert (await client("GET", stored, token=None)).status == 403
    gone = {"operation": "download", "objects": [{"oid": "b" * 64, "size": 1}, {"oid": "x", "size": 1}]}
    for place, token in (
        (url, client.sandbox.github_token),
        (f"{client.sandbox.gitlab_url}/a/big.git/info/lfs/objects/batch", client.sandbox.gitlab_token),
    ):
        answer = await client("POST", place, gone, token=token)
        assert answer.status == 200
        assert "404" in str(answer.body)
        assert "422" in str(answer.body)
    assert mirror.exists()


async def test_a_lost_object_is_seen(source: Any) -> None:
    """One that is taken away by damage is not there for a client either."""
    client, mirror = source
    await lfs(mirror, "lfs", "push", "--all", git_address(client))
    oid = min(await held(client))
    path = f"/repositories/acme~1app/lfs_objects/{oid}"
    await client.control("PATCH", "/state", [{"op": "remove", "path": path}])
    url = f"{client.sandbox.github_url}/acme/app.git/info/lfs/objects/batch"
    asked = {"operation": "download", "objects": [{"oid": oid, "size": 5}]}
    assert "does not exist" in str((await client("POST", url, asked)).body)


async def test_a_pack_over_the_limit_is_refused(client: Any, worktree: Any) -> None:
    """A push is declined as a whole when its pack is larger than the setting."""
    await client.repository()
    await client.control(
        "PATCH", "/state", [{"op": "replace", "path": "/settings/push_bytes", "value": 9999}]
    )
    await asyncio.to_thread(worktree.commit, "noise.bin", os.urandom(100_000))
    done = await worktree.push(git_address(client), "HEAD:refs/heads/main")
    assert done.returncode != 0
    assert "exceeds maximum allowed size" in done.stderr
