"""A hostile repository executes nothing, writes nothing outside the work directory and calls nobody."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, open_lab, project

from gl2gh_batch.sandbox.git_http import git_environment

LONG = f"refs/heads/{'a' * 140}/{'b' * 149}"


def tree(folder: Path, entries: dict[str, tuple[str, str]]) -> str:
    """A tree of (mode, content or id of a tree) by name, also of names that git itself would refuse."""
    body = b""
    for name, (mode, content) in sorted(entries.items()):
        sha = content if mode in {"40000", "160000"} else _blob(folder, content)
        body += f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha)
    return _git(folder, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", data=body)


def _blob(folder: Path, content: str) -> str:
    return _git(folder, "hash-object", "-w", "--stdin", data=content.encode())


def _git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    person = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        input=data,
        capture_output=True,
        check=True,
        env=git_environment(extra=person),
    )
    return done.stdout.decode().strip()


def evil_tree(folder: Path, host: str, canary: Path) -> str:
    """Everything that a checkout, a submodule, LFS or a careless program would fall for."""
    run = f"touch {canary}"
    hooks = tree(folder, {"post-checkout": ("100755", f"#!/bin/sh\n{run}\n")})
    return tree(
        folder,
        {
            "--upload-pack=touch": ("100644", "option"),
            "-rf": ("100644", "option"),
            ".gitattributes": ("100644", "* filter=evil diff=evil merge=evil\n"),
            ".gitconfig": ("100644", f"[core]\n\tsshCommand = {run}\n"),
            ".lfsconfig": ("100644", f"[lfs]\n\turl = {host}\n\tpushurl = {host}\n"),
            ".gitmodules": (
                "100644",
                (
                    f'[submodule "a"]\n\tpath = sub\n\turl = ext::{run}\n\tupdate = !{run}\n'
                    f'[submodule "b"]\n\tpath = -x\n\turl = {host}/b.git\n'
                    f'[submodule "../../c"]\n\tpath = c\n\turl = --upload-pack={run}\n'
                ),
            ),
            "hooks": ("40000", hooks),
            "link.md": ("120000", "/etc/passwd"),
            "home.md": ("120000", "../../../../../etc/passwd"),
            "folder": ("120000", "/tmp"),
            "sub": ("160000", "1" * 40),
            "page.md": ("100644", "[[link]] and ![x](../../../../../../etc/passwd)\n"),
            "ext::sh -c.md": ("100644", f"[x](ext::{run}) #1\n"),
        },
    )


@asynccontextmanager
async def evil_host() -> AsyncIterator[tuple[str, list[bytes]]]:
    """The address of a host that nobody may reach, and what reached it."""
    reached: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", reached


def poisoned_home(home: Path, host: str, gitlab: str, canary: Path) -> None:
    """A configuration of the user's that would run programs and lead elsewhere."""
    home.mkdir()
    (home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {home}\n\tfsmonitor = touch {canary}\n\tsshCommand = touch {canary}\n"
        f'[url "{host}/"]\n\tinsteadOf = {gitlab}/\n[protocol "ext"]\n\tallow = always\n'
        f'[credential]\n\thelper = "!touch {canary}"\n[init]\n\ttemplateDir = {home}\n',
        encoding="utf-8",
    )
    for name in ("pre-push", "post-checkout", "reference-transaction"):
        hook = home / name
        hook.write_text(f"#!/bin/sh\ntouch {canary}\n", encoding="utf-8")
        hook.chmod(0o755)


def poison(lab: Lab, host: str, canary: Path) -> str:
    """Give project 17 hostile refs, a hostile tree and a hostile wiki; the commit of the tree."""
    world = lab.sandbox.gitlab
    folder = world.repository(world.projects[17])
    commit = _git(folder, "commit-tree", evil_tree(folder, host, canary), "-m", "--evil")
    refs = (
        "refs/heads/--upload-pack=touch",
        "refs/heads/-f",
        "refs/heads/$(touch${IFS}owned)",
        "refs/tags/--delete",
        "refs/tags/;touch",
        "refs/heads/ext%3A%3Ash",
        LONG,
    )
    for ref in refs:
        _git(folder, "update-ref", ref, commit)
    wiki = world.wiki_repository(world.projects[17])
    page = _git(wiki, "commit-tree", evil_tree(wiki, host, canary), "-p", "HEAD", "-m", "evil")
    _git(wiki, "update-ref", "HEAD", page)
    return commit


def files_outside(folder: Path, work: Path) -> set[str]:
    """The files below a folder that are not in the work directory."""
    return {
        str(Path(root, name).relative_to(folder))
        for root, _, names in os.walk(folder)
        for name in names
        if not Path(root).is_relative_to(work)
    }


@pytest.mark.parametrize("policy", ["docs-branch", "skip"])
async def test_nothing_is_executed_written_outside_or_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    """Names like options, ext:: URLs, hooks, links and configurations travel as data, and are that."""
    canary, home = tmp_path / "owned", tmp_path / "home"
    described: dict[str, Any] = project(wiki={"other.md": "text\n"})
    async with evil_host() as (host, reached), open_lab(tmp_path, [described]) as lab:
        commit = poison(lab, host, canary)
        poisoned_home(home, host, lab.sandbox.gitlab_url, canary)
        for name in ("HOME", "XDG_CONFIG_HOME"):
            monkeypatch.setenv(name, str(home))
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / ".gitconfig"))
        monkeypatch.setenv("GIT_SSH_COMMAND", f"touch {canary}")
        monkeypatch.setenv("GIT_TEMPLATE_DIR", str(home))
        before = files_outside(tmp_path, lab.work)
        result = await lab.run("FULL", lab.config(wiki=policy))
        assert result["status"] == "success", result["error"]
        assert files_outside(tmp_path, lab.work) == before
        refs = (await lab.repository())["refs"]
        assert refs["refs/heads/--upload-pack=touch"] == refs["refs/tags/--delete"] == commit
        assert LONG not in refs
        losses = (lab.folder_of() / "desired" / "losses.ndjson").read_text()
        assert f"repository/{LONG}" in losses
        if policy == "docs-branch":
            mirror = lab.folder_of() / "git" / "repository.git"
            listed = _git(mirror, "ls-tree", "-r", refs["refs/heads/wiki"])
            assert "120000" in listed
            assert _git(mirror, "show", f"{refs['refs/heads/wiki']}:link.md") == "/etc/passwd"
    assert not canary.exists()
    assert reached == []


async def test_a_file_that_github_refuses_is_in_the_plan_before_anything_is_written(tmp_path: Path) -> None:
    """The finding names the path, the object and the remedy; what GitHub says afterwards has them, too."""
    async with open_lab(tmp_path, [project()]) as lab:
        world = lab.sandbox.gitlab
        folder = world.repository(world.projects[17])
        large = tmp_path / "large"
        with large.open("wb") as file:
            file.truncate(100 * 1024 * 1024 + 1)
        blob = _git(folder, "hash-object", "-w", "--", str(large))
        listed = _git(folder, "mktree", data=f"100644 blob {blob}\tbig.iso\n".encode())
        commit = _git(folder, "commit-tree", listed, "-m", "Large")
        _git(folder, "update-ref", "refs/heads/large", commit)
        planned = await lab.run("PLAN_ONLY")
        found = [
            one for one in planned["agents"]["plan"]["details"]["findings"] if one["code"] == "large-file"
        ]
        assert [one["item"] for one in found] == [blob]
        assert "'big.iso'" in found[0]["message"]
        assert "git lfs migrate" in found[0]["hint"]
        assert not lab.writes()
        result = await lab.run("APPLY")
        assert (result["status"], "100 MiB" in result["error"]["hint"]) == ("failed", True)
        assert (await lab.repository())["refs"] == {}
