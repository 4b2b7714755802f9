"""The files of a history are searched within bounds, and told by shape and place only."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_contents import FILE_BYTES, shape_in
from gl2gh_batch.sandbox.git_http import git_environment

PERSON = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}


def git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    """Plain git."""
    done = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments],
        input=data,
        capture_output=True,
        check=True,
        env=git_environment(extra=PERSON),
    )
    return done.stdout.decode().strip()


def commit(folder: Path, ref: str, files: dict[str, bytes], parent: str = "") -> str:
    """A commit of these files under a ref."""
    blobs = {name: git(folder, "hash-object", "-w", "--stdin", data=data) for name, data in files.items()}
    lines = "".join(f"100644 blob {sha}\t{name}\n" for name, sha in blobs.items())
    tree = git(folder, "mktree", data=lines.encode())
    sha = git(folder, "commit-tree", tree, "-m", "One", *(("-p", parent) if parent else ()))
    git(folder, "update-ref", ref, sha)
    return sha


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """An empty bare repository."""
    folder = tmp_path / "mirror.git"
    git(folder, "init", "--bare", "--quiet", "--initial-branch=main")
    return folder


def token(prefix: str, body: str) -> bytes:
    """A text with something of that shape, which stands in no file in one piece."""
    return f"x = '{prefix}{body}'\n".encode()


@pytest.mark.parametrize(
    ("content", "shape"),
    [
        (token("glpat-", "aB3" * 7), "GitLab access token"),
        (token("ghp_", "aB3d" * 9), "GitHub token"),
        (token("github_pat_", "a" * 22 + "_" + "b" * 59), "GitHub token"),
        (token("xoxb-", "1234567890-1234567890-" + "aB3d" * 6), "Slack token"),
        (token("npm_", "aB3d" * 9), "npm token"),
        (token("AKIA", "ABCDEFGHIJKLMNOP") + token("", "a1B2c3D4/+" * 4), "AWS access key"),
        (token("AKIA", "ABCDEFGHIJKLMNOP"), ""),
        (token("glpat-", "short"), ""),
        (token("my-ghp_", "aB3d" * 9), ""),
        (token("ghp_", "aB3d" * 12), ""),
        (b"-----BEGIN RSA PRIVATE KEY-----\nMII\n", ""),
        (b"", ""),
    ],
)
def test_only_shapes_that_are_declined_and_nothing_alike(content: bytes, shape: str) -> None:
    """Each shape is known; half an AWS key, longer words and key blocks, which GitHub lets pass, are none."""
    assert shape_in(content) == shape


async def test_old_commits_and_merge_requests_are_searched(mirror: Path, tmp_path: Path) -> None:
    """What a later commit took out again is found, and what only a merge request holds."""
    secret = token("ghp_", "aB3d" * 9)
    first = commit(mirror, "refs/heads/main", {"a.env": secret})
    commit(mirror, "refs/heads/main", {"b": b"clean"}, first)
    commit(mirror, "refs/merge-requests/1/head", {"c.env": secret + b"2"})
    found = await Git(tmp_path / "work").contents(mirror).secrets()
    assert [one.path for one in found.found] == ["a.env", "c.env"]
    assert (found.files_left, found.bytes_left) == (0, 0)


async def test_what_is_left_out_is_counted(mirror: Path, tmp_path: Path) -> None:
    """Files over the limit, and those beyond the sum, are not read, and how many they are is told."""
    files = {"large": b"x" * (FILE_BYTES + 1), **{f"f{n}": bytes([65 + n]) * 1000 for n in range(10)}}
    commit(mirror, "refs/heads/main", files)
    found = await Git(tmp_path / "work").contents(mirror).secrets(most_bytes=4000)
    assert (found.files_left, found.bytes_left) == (7, FILE_BYTES + 1 + 6000)


async def test_submodules_of_all_branches(mirror: Path, tmp_path: Path) -> None:
    """Each URL once, by git's own reading; what is no configuration, or includes one, tells nothing."""
    one = b'[submodule "a"]\n\tpath = a\n\turl = https://me:secret@example.com/a.git\n'
    commit(mirror, "refs/heads/main", {".gitmodules": one})
    commit(mirror, "refs/heads/copy", {".gitmodules": one, "more": b"1"})
    commit(mirror, "refs/heads/other", {".gitmodules": b"[include]\n\tpath = /etc/passwd\n"})
    commit(mirror, "refs/heads/broken", {".gitmodules": b"[submodule\n"})
    commit(mirror, "refs/heads/none", {"x": b"1"})
    refs = dict(line.split(" ")[::-1] for line in git(mirror, "show-ref").splitlines())
    found = await Git(tmp_path / "work").contents(mirror).submodules(refs)
    assert [(module.name, module.url) for module in found] == [("a", "https://example.com/a.git")]
    assert found[0].branch in {"main", "copy"}
