"""The machine's own git clones from the sandbox's GitLab and pushes to its GitHub, asking for passwords."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gl2gh_batch.sandbox import Sandbox, seeds

ASKPASS = """#!/bin/sh
case $1 in Username*) echo "$ASKED_USER" ;; *) echo "$ASKED_PASSWORD" ;; esac
echo "$1" >>"$ASKED_LOG"
"""


class Git:
    """git with nothing configured; it asks a program for name and password when a server wants them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._askpass = folder / "askpass"
        self._askpass.write_text(ASKPASS)
        self._askpass.chmod(0o755)
        self.asked = folder / "asked"

    async def __call__(
        self, *arguments: str, user: str = "", password: str = "", cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run git; the caller looks at the outcome."""
        environment = {
            **os.environ,
            "GIT_ASKPASS": str(self._askpass),
            "GIT_TERMINAL_PROMPT": "0",
            "ASKED_USER": user,
            "ASKED_PASSWORD": password,
            "ASKED_LOG": str(self.asked),
            "LC_ALL": "C",
        }
        return await asyncio.to_thread(
            subprocess.run,
            ["git", *arguments],
            cwd=cwd or self.folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    async def lines(self, *arguments: str, **options: Any) -> list[str]:
        """What git prints when it succeeds."""
        done = await self(*arguments, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """The machine's git."""
    return Git(tmp_path)


@pytest.fixture
async def sandbox(open_sandbox: Any) -> Sandbox:
    """The sandbox with the first sample, and an empty private repository on its GitHub."""
    opened: Sandbox = await open_sandbox(projects=[seeds.SAMPLES[0]])
    headers = {"Authorization": f"Bearer {opened.github_token}"}
    body = {"name": "billing-api", "private": True}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{opened.github_api_url}/orgs/acme/repos", json=body, headers=headers) as answer,
    ):
        assert answer.status == 201
    return opened


def source(sandbox: Sandbox) -> str:
    """The sample's address, without any token in it."""
    return f"{sandbox.gitlab_url}/acme/platform/billing-api.git"


def target(sandbox: Sandbox) -> str:
    """The repository's address, without any token in it."""
    return f"{sandbox.github_url}/acme/billing-api.git"


def gitlab(sandbox: Sandbox) -> dict[str, str]:
    """Name and password for the GitLab."""
    return {"user": "oauth2", "password": sandbox.gitlab_token}


def github(sandbox: Sandbox) -> dict[str, str]:
    """Name and password for the GitHub."""
    return {"user": "x-access-token", "password": sandbox.github_token}


async def test_git_moves_a_repository(sandbox: Sandbox, git: Git) -> None:
    """Cloned, pushed and cloned again, every branch and tag has the same commit, and nothing is broken."""
    await git.lines("clone", "--quiet", "--mirror", source(sandbox), "mirror.git", **gitlab(sandbox))
    mirror = git.folder / "mirror.git"
    refspecs = ("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
    await git.lines("push", "--quiet", target(sandbox), *refspecs, cwd=mirror, **github(sandbox))
    prompts = git.asked.read_text().splitlines()
    assert [prompt.partition(" ")[0] for prompt in prompts] == ["Username", "Password"] * 2
    there = await git.lines("ls-remote", "--heads", "--tags", target(sandbox), **github(sandbox))
    here = await git.lines("ls-remote", "--heads", "--tags", source(sandbox), **gitlab(sandbox))
    assert there == here
    assert len(here) >= 5
    await git.lines("clone", "--quiet", target(sandbox), "again", **github(sandbox))
    again = git.folder / "again"
    await git.lines("fsck", "--strict", "--no-dangling", cwd=again)
    assert await git.lines("rev-parse", "HEAD", cwd=again) == await git.lines("rev-parse", "main", cwd=mirror)
    shallow = ("clone", "--quiet", "--depth", "1", "--no-tags", source(sandbox), "shallow")
    await git.lines(*shallow, **gitlab(sandbox))
    assert await git.lines("rev-list", "--count", "HEAD", cwd=git.folder / "shallow") == ["1"]


async def test_git_pushes_more_than_it_can_send_at_once(sandbox: Sandbox, git: Git) -> None:
    """A pack larger than git's buffer goes in chunks and arrives whole; what GitHub declines does not."""
    work = git.folder / "work"
    await git.lines("init", "--quiet", "--initial-branch=main", "work")
    (work / "large.bin").write_bytes(os.urandom(3_000_000))
    name = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    await git.lines("add", ".", cwd=work)
    await git.lines(*name, "commit", "--quiet", "--message=One", cwd=work)
    await git.lines("push", "--quiet", target(sandbox), "HEAD:main", cwd=work, **github(sandbox))
    await git.lines("clone", "--quiet", target(sandbox), "copy", **github(sandbox))
    assert (git.folder / "copy" / "large.bin").read_bytes() == (work / "large.bin").read_bytes()
    await git.lines(*name, "commit", "--quiet", "--amend", "--message=Two", cwd=work)
    refused = await git("push", target(sandbox), "HEAD:main", cwd=work, **github(sandbox))
    assert "rejected" in refused.stderr
    hidden = await git("push", target(sandbox), "HEAD:refs/pull/1/head", cwd=work, **github(sandbox))
    assert "deny updating a hidden ref" in hidden.stderr


@pytest.mark.parametrize("password", ["wrong", ""])
async def test_git_is_refused_with_a_wrong_token(sandbox: Sandbox, git: Git, password: str) -> None:
    """With a wrong or an empty password neither side gives or takes anything."""
    clone = await git("clone", source(sandbox), "stolen", user="oauth2", password=password)
    assert clone.returncode == 128
    assert "Authentication failed" in clone.stderr
    assert not (git.folder / "stolen").exists()
    await git.lines("init", "--quiet", "--initial-branch=main", "work")
    name = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    await git.lines(*name, "commit", "--quiet", "--allow-empty", "--message=x", cwd=git.folder / "work")
    push = await git(
        "push", target(sandbox), "HEAD:main", cwd=git.folder / "work", user="x", password=password
    )
    assert push.returncode == 128
    assert "Authentication failed" in push.stderr
    assert await git.lines("ls-remote", target(sandbox), **github(sandbox)) == []
