"""What commit messages name is counted by commit, whatever else they hold."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gl2gh_batch.domain.errors import GitError
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_messages import NamedNumbers

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def _git(folder: Path, *arguments: str, data: bytes = b"") -> str:
    command = ["git", f"--git-dir={folder}", *arguments]
    return (
        subprocess.run(command, input=data, capture_output=True, check=True, env=ENVIRONMENT)
        .stdout.decode()
        .strip()
    )


def _history(folder: Path, *messages: bytes, ref: str = "refs/heads/main") -> Path:
    _git(folder, "init", "--bare", "--quiet", "--initial-branch=main")
    tree = _git(folder, "mktree")
    chain: tuple[str, ...] = ()
    for message in messages:
        chain = ("-p", _git(folder, "commit-tree", tree, *chain, data=message))
    _git(folder, "update-ref", ref, chain[1])
    return folder


@pytest.mark.parametrize(
    ("message", "issues", "merge_requests"),
    [
        (b"Fix #12", [12], []),
        (b"Closes #12, #13 and #12 (see !7).\n\nSee merge request Acme/App!8", [12, 13], [7, 8]),
        (b"(#5)[#6]#7 \xff\xfe #8", [5, 6, 7, 8], []),
        (b"acme/app#3 other/app#4 acme/app/x#5 a#6 &#39; #039 #0 #1a ##2 #1234567890", [3], []),
        (b"Wow!2 nice !x !! !3!", [], [3]),
        (b"https://example.com/#9 /#9 C# #", [], []),
    ],
)
def test_what_a_message_names(message: bytes, issues: list[int], merge_requests: list[int]) -> None:
    """Issues and merge requests of the project itself, each once; another's, entities and words are none."""
    named = NamedNumbers()
    named.take(message, b"acme/app")
    assert sorted(named.issues.elements()) == issues
    assert sorted(named.merge_requests.elements()) == merge_requests


async def test_each_commit_counts_once(tmp_path: Path) -> None:
    """Of branches and tags, each commit once, also with a line of megabytes; no others."""
    long = b"x" * 3_000_000 + b" #4\n#4"
    mirror = _history(tmp_path / "mirror.git", b"One #1", b"Two #1 #2 #2", b"Three", long)
    _git(mirror, "tag", "v1", "main~1")
    _git(
        mirror,
        "update-ref",
        "refs/merge-requests/1/head",
        _git(mirror, "commit-tree", "-m", "#77", "main^{tree}"),
    )
    named = await Git(tmp_path).named_numbers(mirror, "acme/app")
    assert dict(named.issues) == {1: 2, 2: 1, 4: 1}
    empty = tmp_path / "empty.git"
    _git(empty, "init", "--bare", "--quiet", "--initial-branch=main")
    assert await Git(tmp_path).named_numbers(empty, "acme/app") == NamedNumbers()


async def test_what_is_no_repository_is_told(tmp_path: Path) -> None:
    """git's own words are the error's."""
    with pytest.raises(GitError, match="not a git repository"):
        await Git(tmp_path).named_numbers(tmp_path / "nothing.git", "acme/app")


def test_a_history_of_nothing_but_numbers_ends_somewhere() -> None:
    """Beyond the most that are kept, further ones are only counted."""
    named = NamedNumbers(most=3)
    named.take(b" ".join(b"#%d" % number for number in range(1, 9)), b"acme/app")
    named.take(b"#1 #2 #3 #4 #5 #6 #7 #8", b"acme/app")
    assert (len(named.issues), named.issues.total() + named.left_out) == (3, 16)
