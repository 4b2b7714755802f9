"""Secrets that people left in their own content: it arrives as it is, and ours show nowhere else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from lab import Lab, issue, note, project
from processes import children
from shell import Shell
from warm import COLD

THEIRS = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET = "c" * 32


def _described(ours: str) -> dict[str, Any]:
    """A project whose texts hold a secret of its own, and whose files and history hold the run's too."""
    both = f"{THEIRS} and {ours}"
    return project(
        issues=[
            issue(
                1,
                title=f"Rotate {THEIRS}",
                description=f"`{THEIRS}` is out, see [file](/uploads/{SECRET}/key.txt)",
                notes=[note(f"{THEIRS}?")],
            )
        ],
        repository={
            "default_branch": "main",
            "commits": [
                {"name": "one", "message": f"Add {both}", "author": "anna", "files": {"k.env": f"{both}\n"}}
            ],
            "tags": {"v1.0": {"commit": "one", "message": f"With {both}"}},
        },
        uploads=[{"secret": SECRET, "filename": "key.txt", "text": both}],
        snippets=[{"title": "Keys", "author": "anna", "files": {"keys.sh": f"{both}\n"}}],
        wiki={"home.md": f"The key is {both}.\n"},
        releases=[{"tag": "v1.0", "name": "One", "description": f"Key {THEIRS}"}],
    )


async def test_content_arrives_and_tells_nobody(open_lab: Any, tmp_path: Path) -> None:
    """Commits, files, wiki and texts keep what people wrote; logs, variables and reports hold no token."""
    # A sandbox's tokens are the same every time.
    probe: Lab = await open_lab()
    tokens = [probe.sandbox.gitlab_token, probe.sandbox.github_token]
    lab: Lab = await open_lab(_described(tokens[1]))
    assert [lab.sandbox.gitlab_token, lab.sandbox.github_token] == tokens
    folder = tmp_path / "here"
    folder.mkdir()
    shell = Shell(folder)
    process = await shell.start(
        "run",
        *shell.flags(lab),
        "--project-ids=17",
        "--mode=FULL",
        "--verbose",
        env=shell.tokens(lab),
        program=COLD,
    )
    seen: dict[str, bytes] = {}
    ending = asyncio.ensure_future(shell.ended(process))
    while not ending.done():
        seen |= await asyncio.to_thread(children, process.pid)
        await asyncio.sleep(0.02)
    ended = await ending
    assert ended.code == 0, ended
    repository = await lab.repository()
    (only,) = repository["issues"]
    assert THEIRS in only["title"]
    assert THEIRS in only["body"]
    assert THEIRS in only["comments"][0]["body"]
    assert THEIRS in repository["releases"][0]["body"]
    history = lab.sandbox.gitlab.projects[17]
    assert repository["refs"]["refs/tags/v1.0"]
    assert history is not None
    work = folder / "gl2gh-work"
    seen |= {"stdout": ended.out.encode(), "stderr": ended.err.encode()}
    for path in work.rglob("*"):
        if path.is_file():
            seen[str(path.relative_to(work))] = path.read_bytes()
    held = {place for place, data in seen.items() for one in tokens if one.encode() in data}
    # What was read as it is, files and pages of the wiki; it stays on this machine.
    assert {place for place in held if not place.startswith("projects/acme-app-17/snapshot/")} == set()
    assert json.loads((work / "batch-result.json").read_text())["status"] == "success"
