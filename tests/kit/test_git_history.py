"""Questions to a mirror are answered from its commits, whatever their files are called or hold."""

from __future__ import annotations

import difflib
import os
import subprocess
from pathlib import Path

import pytest

from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_history import FileDiff, History, Hunk, is_object_id, object_ids

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    **{f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
LINES = "".join(f"{number}\n" for number in range(1, 31))
# Lines that look like what git prints itself.
TRAP = "--- a/other\n+++ b/other\n@@ -1 +1 @@\ndiff --git a/x b/x\n"


class Written:
    """A bare repository and the commits in it, by name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shas: dict[str, str] = {}
        self._git("init", "--bare", "--quiet", "--initial-branch=main")

    def commit(self, name: str, files: dict[str, str], *parents: str, ref: str = "") -> None:
        """One commit with just these files."""
        entries = []
        for path, text in files.items():
            blob = self._git("hash-object", "-w", "--stdin", data=text.encode())
            entries.append(f"100644 blob {blob}\t{path}".encode())
        tree = self._git("mktree", "-z", data=b"".join(entry + b"\0" for entry in entries))
        chain = [part for one in parents for part in ("-p", self.shas[one])]
        self.shas[name] = self._git("commit-tree", tree, "-m", f"{name}\n\nmore", *chain)
        if ref:
            self._git("update-ref", ref, self.shas[name])

    def _git(self, *arguments: str, data: bytes = b"") -> str:
        command = ["git", f"--git-dir={self.path}", *arguments]
        done = subprocess.run(command, input=data, capture_output=True, check=True, env=ENVIRONMENT)
        return done.stdout.decode().strip()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    """`one` and `two` on main, `side` from `one` on no branch, `alone` without a parent."""
    written = Written(tmp_path / "mirror.git")
    written.commit("one", {"a": LINES, "gone": "x\n", "trap": TRAP}, ref="refs/heads/main")
    written.commit("two", {"a": LINES + "more\n", "gone": "x\n", "trap": TRAP}, "one", ref="refs/heads/main")
    changed = LINES.replace("10\n", "10\nten\n").replace("\n25\n", "\n")
    odd = dict.fromkeys(('q"uo\\te', "ta\tb", "spa ce", "ünï"), "1\n")
    written.commit("side", {"a": changed, "trap": "0\n" + TRAP, **odd}, "one")
    written.commit("alone", {"z": "z\n"})
    return written


@pytest.fixture
def history(written: Written, tmp_path: Path) -> History:
    """Its history."""
    return Git(tmp_path).history(written.path)


async def test_what_lies_between(written: Written, history: History) -> None:
    """Bases, commits, parents and what a branch leads to."""
    shas = written.shas
    assert await history.merge_base(shas["two"], shas["side"]) == shas["one"]
    assert await history.merge_base(shas["two"], shas["alone"]) == ""
    assert await history.first_parent(shas["side"]) == shas["one"]
    assert await history.first_parent(shas["alone"]) == ""
    assert [one.title for one in await history.commits(shas["one"], shas["two"])] == ["two"]
    assert await history.count(shas["alone"], shas["two"]) == 2
    kept = {name: await history.is_kept(sha) for name, sha in shas.items()}
    assert kept == {"one": True, "two": True, "side": False, "alone": False}
    assert not await history.has("f" * 40)


@pytest.mark.parametrize("sha", ["", "--all", "HEAD", "main", "a" * 39, "refs/heads/main", "-" * 40])
async def test_nothing_but_object_ids_reaches_git(history: History, sha: str) -> None:
    """A name or an option that GitLab gives as a SHA is nothing that anything is known of."""
    assert not is_object_id(sha)
    assert object_ids([sha, None]) == []
    assert not await history.has(sha)
    assert not await history.is_kept(sha)
    assert await history.merge_base(sha, "a" * 40) == ""
    assert await history.first_parent(sha) == ""
    assert await history.commits(sha, "a" * 40) == []
    assert await history.count("a" * 40, sha) == 0
    assert await history.diff(sha, sha) == []


async def test_what_a_diff_shows(written: Written, history: History) -> None:
    """Every file by its name, however odd, with its hunks; lines that look like git's own are only lines."""
    found = await history.diff(written.shas["one"], written.shas["side"])
    files = {one.new_path or one.old_path: one for one in found}
    assert set(files) == {"a", "gone", "trap", 'q"uo\\te', "ta\tb", "spa ce", "ünï"}
    assert files["a"].hunks == (
        Hunk(old_start=8, old_count=6, new_start=8, new_count=7, changes=((11, 0, 11, 1),)),
        Hunk(old_start=22, old_count=7, new_start=23, new_count=6, changes=((25, 1, 26, 0),)),
    )
    assert files["gone"] == FileDiff(
        old_path="gone",
        new_path="",
        hunks=(Hunk(old_start=1, old_count=1, new_start=0, new_count=0, changes=((1, 1, 1, 0),)),),
    )
    assert files["ünï"].old_path == ""
    assert files["trap"].hunks[0].new_count == 4
    exact = await history.diff(written.shas["one"], written.shas["two"], context=0)
    added = Hunk(old_start=30, old_count=0, new_start=31, new_count=1, changes=((31, 0, 31, 1),))
    assert exact == [FileDiff(old_path="a", new_path="a", hunks=(added,))]


async def test_large_files_of_no_branch_are_found(written: Written, history: History) -> None:
    """A file over the limit counts where no branch holds it too; next to it, every commit is small."""
    written.commit("large", {"big": "x" * 5000}, "one")
    written.commit("after", {"small": "x"}, "large")
    assert not await history.is_oversized(written.shas["after"])
    found = {name: await history.is_oversized(sha, 4000) for name, sha in written.shas.items()}
    assert found == {name: name in {"large", "after"} for name in written.shas}
    assert not await history.is_oversized("--all")


async def test_a_renamed_file_has_both_names(written: Written, history: History) -> None:
    """A file that is called otherwise now is one file with two names."""
    written.commit("moved", {"b": LINES.replace("15\n", "x\n"), "gone": "x\n", "trap": TRAP}, "one")
    (only,) = await history.diff(written.shas["one"], written.shas["moved"])
    assert (only.old_path, only.new_path) == ("a", "b")
    (hunk,) = only.hunks
    assert hunk == Hunk(old_start=12, old_count=7, new_start=12, new_count=7, changes=((15, 1, 15, 1),))


async def test_the_rows_of_a_diff_are_told_apart(written: Written, history: History) -> None:
    """Of any two lines of a hunk it is known which the diff shows first, on whichever side they are."""
    old = "".join(f"{number}\n" for number in range(1, 16))
    new = old.replace("4\n5\n", "four\n4.5\nfive\n").replace("8\n", "").replace("11\n", "11\neleven\n")
    written.commit("before", {"a": old})
    written.commit("after", {"a": new.rstrip("\n")}, "before")
    (only,) = await history.diff(written.shas["before"], written.shas["after"])
    (hunk,) = only.hunks
    diff = difflib.ndiff(old.splitlines(), [*new.splitlines()[:-1], "15, without an end"])
    rows = [one for one in diff if one[0] != "?"]
    numbers = {"-": 0, "+": 0}
    first = hunk.old_start - 1
    for row, line in enumerate(rows):
        for sign, is_old in (("-", True), ("+", False)):
            if line[0] in {sign, " "}:
                numbers[sign] += 1
                assert row < first or hunk.row(numbers[sign], is_old=is_old) == row - first, line
    assert numbers == {"-": 15, "+": 16}


async def test_what_a_mirror_lacks_is_asked_at_once(written: Written, tmp_path: Path) -> None:
    """Of thousands of ids those that are not there, each once; what is no id names nothing."""
    there, away = written.shas["one"], [f"{number:040x}" for number in range(1, 3_000)]
    asked = [there, *away, *away, f"{there}\n{away[0]}", "--all", ""]
    assert await Git(tmp_path / "work").lacks(written.path, asked) == away
    assert await Git(tmp_path / "work").lacks(written.path, []) == []
