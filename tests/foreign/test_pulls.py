"""PyGithub and @octokit/rest, as they are, open pull requests on the sandbox's GitHub and review them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any

import aiohttp
import pytest

OPENERS = ("opens_pulls_with_pygithub.py", "opens_pulls_with_octokit.mjs")
LINES = [f"line {number}\n" for number in range(1, 41)]


def commit_branches(folder: Path) -> str:
    """A repository with `main` and a `topic` that changes two lines and adds a file; the id of its tip."""
    folder.mkdir()

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
        command = ["git", *identity, *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q", "-b", "main")
    (folder / "long.txt").write_text("".join(LINES))
    git("add", ".")
    git("commit", "-q", "-m", "Begin")
    git("checkout", "-q", "-b", "topic")
    (folder / "long.txt").write_text("".join([*LINES[:1], "two\n", *LINES[2:38], "almost\n", *LINES[39:]]))
    (folder / "new.txt").write_text("new\n")
    git("add", ".")
    git("commit", "-q", "-m", "Change")
    return git("rev-parse", "HEAD")


@pytest.mark.parametrize("opener", OPENERS)
async def test_an_opener_sees_what_it_made(
    open_sandbox: Any, run_script: Any, judges: Any, tmp_path: Path, opener: str
) -> None:
    """A draft made ready, labelled, reviewed in one request, answered, closed; and a second one refused."""
    sandbox = await open_sandbox()
    head = await asyncio.to_thread(commit_branches, tmp_path / "work")
    headers = {"Authorization": f"Bearer {sandbox.github_token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        url = f"{sandbox.github_api_url}/orgs/{sandbox.owner}/repos"
        async with session.post(url, json={"name": "app", "private": True}) as answer:
            assert answer.status == 201
    address = f"{sandbox.github_url}/{sandbox.owner}/app.git".replace("//", f"//x:{sandbox.github_token}@")
    push = await asyncio.create_subprocess_exec(
        "git", "push", "-q", address, "main", "topic", cwd=tmp_path / "work"
    )
    assert await push.wait() == 0
    seen = await run_script(
        opener,
        URL=sandbox.github_api_url,
        TOKEN=sandbox.github_token,
        REPOSITORY=f"{sandbox.owner}/app",
        HEAD=head,
    )
    assert seen == {
        "number": 1,
        "state": "closed",
        "merged": False,
        "draft": False,
        "labels": ["bug"],
        "reviewers": ["octocat"],
        "commits": [head],
        "files": [["long.txt", "modified", 4], ["new.txt", "added", 1]],
        "reviews": ["COMMENTED", "COMMENTED"],
        "of_review": ["on 1", "on 2", "on 39"],
        "comments": [
            ["on 1", "long.txt", 1],
            ["on 2", "long.txt", 3],
            ["on 39", "long.txt", 12],
            ["Answer", "long.txt", 1],
        ],
        "reply_to_first": True,
        "conversation": ["Conversation"],
        "listed": [1],
        "refused": 422,
    }
    assert len(judges.github.operations) >= 12
