"""A push over the limit goes in several along the history, can be begun anew, and ends with all refs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from gl2gh_batch.domain.errors import Gl2ghError
from gl2gh_batch.kit.git import Git
from gl2gh_batch.sandbox.git_http import git_environment, serve_git

LIMIT = 64 * 1024
PIECE = 20 * 1024


def git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    """Plain git, apart from the code under test."""
    person = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        input=data,
        capture_output=True,
        check=True,
        env=git_environment(extra=person),
    )
    return done.stdout.decode().strip()


def grown(folder: Path, ref: str, commits: int, parent: str = "") -> list[str]:
    """Commits with a file each that no compression makes smaller, oldest first."""
    made = []
    for _ in range(commits):
        blob = git(folder, "hash-object", "-w", "--stdin", data=os.urandom(PIECE))
        tree = git(folder, "mktree", data=f"100644 blob {blob}\tfile\n".encode())
        parent = git(folder, "commit-tree", tree, "-m", "More", *(("-p", parent) if parent else ()))
        made.append(parent)
    git(folder, "update-ref", ref, parent)
    return made


@pytest.fixture
async def target(tmp_path: Path) -> AsyncIterator[tuple[str, Path, list[str]]]:
    """The address of an empty repository that takes no pack over the limit, its folder, and the pushes."""
    folder = tmp_path / "served" / "target.git"
    folder.mkdir(parents=True)
    git(folder, "init", "--bare", "--quiet")
    pushes: list[str] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/target.git")
        if path == "/git-receive-pack":
            pushes.append(request.method)
        return await serve_git(
            request,
            root=folder.parent,
            repository=folder.name,
            path_info=path,
            user="x",
            push_bytes=LIMIT,
        )

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{rest:.*}", serve)
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/target.git", folder, pushes
    await runner.cleanup()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A bare repository of 240 KiB: a long branch, another that leaves it, and tags."""
    folder = tmp_path / "mirror.git"
    folder.mkdir()
    git(folder, "init", "--bare", "--quiet")
    made = grown(folder, "refs/heads/main", 8)
    grown(folder, "refs/heads/side", 4, made[1])
    git(folder, "update-ref", "refs/tags/v1", made[3])
    return folder


async def test_a_push_over_the_limit_arrives_in_several(
    tmp_path: Path, target: tuple[str, Path, list[str]], mirror: Path
) -> None:
    """Every ref is there in the end; in one push nothing would be; small ones stay one push."""
    url, folder, pushes = target
    work = Git(tmp_path / "work", push_bytes=LIMIT * 9 // 10)
    refs = await work.refs(mirror)
    with pytest.raises(Gl2ghError):
        await Git(tmp_path / "other").push(mirror, url, refs)
    assert await work.refs(folder) == {}
    pushes.clear()
    report = await work.push(mirror, url, refs)
    assert await work.refs(folder) == refs
    assert {one.name for one in report.refs} == set(refs)
    assert 4 <= len(pushes) <= 7
    pushes.clear()
    await work.push(mirror, url, refs)
    assert pushes == []


async def test_what_was_begun_is_gone_on_with(
    tmp_path: Path, target: tuple[str, Path, list[str]], mirror: Path
) -> None:
    """A branch that stands half way is ours; one that stands elsewhere is not."""
    url, folder, _ = target
    work = Git(tmp_path / "work", push_bytes=LIMIT * 9 // 10)
    refs = await work.refs(mirror)
    begun = git(mirror, "rev-parse", "refs/heads/main~6")
    await work.push(mirror, url, {"refs/heads/main": begun})
    await work.push(mirror, url, refs)
    assert await work.refs(folder) == refs
    with pytest.raises(Gl2ghError, match="did not put there"):
        await work.push(mirror, url, {**refs, "refs/heads/main": begun})


async def test_a_commit_over_the_limit_goes_alone(
    tmp_path: Path, target: tuple[str, Path, list[str]], mirror: Path
) -> None:
    """It is not cut for ever: one push for each commit, and whether it is taken is GitHub's to say."""
    url, folder, pushes = target
    work = Git(tmp_path / "work", push_bytes=PIECE // 2)
    refs = await work.refs(mirror)
    await work.push(mirror, url, refs)
    assert await work.refs(folder) == refs
    assert 8 <= len(pushes) <= 14
