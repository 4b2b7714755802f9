"""Histories and refs that are odd to the limit: nothing runs, nothing is written elsewhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lab import USERS, Lab, project

from gl2gh_batch.sandbox.seeds.history import run_git

# Refs of every odd sort, and whether GitHub is to have them.
REFS: dict[str, bool] = {
    "refs/heads/HEAD": True,
    "refs/tags/HEAD": True,
    "refs/heads/Main": True,
    "refs/heads/MAIN": True,
    "refs/tags/main": True,
    "refs/heads/-": True,
    "refs/heads/--": True,
    "refs/heads/-o": True,
    "refs/heads/@": True,
    "refs/heads/a%2e%2e": True,
    "refs/heads/'; touch owned; '": False,
    "refs/heads/x`id`": True,
    "refs/heads/é😀": True,
    "refs/heads/refs/heads/main": False,
    f"refs/heads/{'1' * 40}": False,
    f"refs/tags/{'a' * 250}": False,
    "refs/notes/commits": False,
    "refs/stash": False,
    "refs/remotes/origin/main": False,
    "refs/gl2gh-batch/claim": False,
    "refs/pull/7/head": False,
}


def _git(lab: Lab, *arguments: str, stdin: bytes = b"", wiki: bool = False) -> str:
    world = lab.sandbox.gitlab
    held = world.projects[17]
    folder = world.wiki_repository(held) if wiki else world.repository(held)
    return run_git(folder, *arguments, stdin=stdin).decode().strip()


def _commit(lab: Lab, tree: str, *parents: str, wiki: bool = False) -> str:
    who = "author x <x@x> 0 +0000\ncommitter x <x@x> 0 +0000\n"
    lines = f"tree {tree}\n" + "".join(f"parent {one}\n" for one in parents) + f"{who}\nx\n"
    return _git(lab, "hash-object", "-t", "commit", "-w", "--stdin", stdin=lines.encode(), wiki=wiki)


def _tree(lab: Lab, rows: list[str], *, wiki: bool = False) -> str:
    return _git(lab, "mktree", stdin="".join(f"{one}\n" for one in rows).encode(), wiki=wiki)


def _bomb(lab: Lab, levels: int, *, wiki: bool = False) -> str:
    """A tree of ten times itself, level by level: a few objects that stand for any number of files."""
    blob = _git(lab, "hash-object", "-w", "--stdin", stdin=b"x\n", wiki=wiki)
    tree = _tree(lab, [f"100644 blob {blob}\tf{number}.md" for number in range(10)], wiki=wiki)
    for _ in range(levels):
        tree = _tree(lab, [f"040000 tree {tree}\td{number}" for number in range(10)], wiki=wiki)
    return tree


async def test_odd_refs_arrive_or_are_listed(open_lab: Any) -> None:
    """Names like options, HEAD, other cases, and refs that are no branches: each is there or a loss."""
    lab = await open_lab(project())
    head = _git(lab, "rev-parse", "refs/heads/main")
    made = {}
    for ref, is_carried in REFS.items():
        try:
            _git(lab, "update-ref", "--stdin", "-z", stdin=f"create {ref}\0{head}\0".encode())
        except subprocess.CalledProcessError:  # git itself takes no such name
            continue
        made[ref] = is_carried
    assert len(made) >= 18
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result["error"]
    refs = (await lab.repository())["refs"]
    losses = (lab.folder_of() / "desired/losses.ndjson").read_text()
    for ref, is_carried in made.items():
        assert (ref in refs) is is_carried, ref
        is_read = ref.startswith(("refs/heads/", "refs/tags/"))
        assert is_carried or not is_read or f"repository/{ref}" in losses, ref
    assert (await lab.repository())["default_branch"] == "main"
    mark = lab.mark()
    assert (await lab.run("FULL", users=USERS))["status"] == "success"
    assert not lab.writes(mark)


async def test_replaced_objects_are_what_their_ids_say(open_lab: Any) -> None:
    """A ref that proposes another object in the place of one is neither followed nor carried."""
    lab = await open_lab(project())
    head = _git(lab, "rev-parse", "refs/heads/main")
    other = _commit(lab, _git(lab, "rev-parse", f"{head}^{{tree}}"))
    _git(lab, "update-ref", f"refs/replace/{head}", other)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result["error"]
    refs = (await lab.repository())["refs"]
    assert refs["refs/heads/main"] == head
    assert not any("replace" in ref for ref in refs)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("policy", ["docs-branch", "wiki"])
async def test_a_wiki_without_end_is_a_loss(open_lab: Any, policy: str) -> None:
    """A wiki of more files than anybody has is named as lost before it fills the memory; the rest arrives."""
    lab = await open_lab(project(wiki={"home.md": "x\n"}))
    bomb = _commit(lab, _bomb(lab, 9, wiki=True), wiki=True)
    _git(lab, "update-ref", "HEAD", bomb, wiki=True)
    # The list of its pages would be as long.
    refused = {"status": 404, "body": {"message": "404 Not Found"}}
    await lab.control("PUT", "faults", [{"side": "gitlab", "path": "*/wikis", "effect": refused}])
    async with asyncio.timeout(240):
        result = await lab.run("FULL", lab.config(wiki=policy), users=USERS)
    assert result["status"] == "success", result["error"]
    losses = [json.loads(one) for one in (lab.folder_of() / "desired/losses.ndjson").read_text().splitlines()]
    assert any(one["kind"] == "wiki" and "files" in one["reason"] for one in losses), losses


async def test_many_files_and_deep_folders_arrive(open_lab: Any) -> None:
    """A folder of 30,000 files, and one 1,000 folders deep, in the repository, and links in the wiki."""
    lab = await open_lab(project(wiki={"home.md": "x\n"}))
    blob = _git(lab, "hash-object", "-w", "--stdin", stdin=b"x\n")
    wide = _tree(lab, [f"100644 blob {blob}\tfile {number}.txt" for number in range(30_000)])
    deep = wide
    for _ in range(1_000):
        deep = _tree(lab, [f"040000 tree {deep}\td"])
    head = _git(lab, "rev-parse", "refs/heads/main")
    _git(lab, "update-ref", "refs/heads/deep", _commit(lab, deep, head))
    link = _git(lab, "hash-object", "-w", "--stdin", stdin=b"/etc", wiki=True)
    page = _git(lab, "hash-object", "-w", "--stdin", stdin=b"[x](uploads/a) ![y](../../x)\n", wiki=True)
    rows = [f"120000 blob {link}\tuploads", f"120000 blob {link}\tpage.md", f"100644 blob {page}\thome.md"]
    _git(lab, "update-ref", "HEAD", _commit(lab, _tree(lab, rows, wiki=True), wiki=True), wiki=True)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result["error"]
    assert "refs/heads/deep" in (await lab.repository())["refs"]
    work = Path(lab.work)
    assert not any(path.is_symlink() for path in work.rglob("*"))
