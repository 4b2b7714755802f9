"""Questions to the history in a mirror: what lies between two commits, and what still leads to one.

Reads only. Object ids come from GitLab and are checked: nothing else reaches git.
"""

from __future__ import annotations

import asyncio
import codecs
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from gl2gh_batch.kit.git_process import GitProcess
from gl2gh_batch.kit.git_refs import BLOB_LIMIT_BYTES

MOST_COMMITS: Final = 250
_OBJECT_ID: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_HUNK: Final = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_CHANGE: Final = re.compile(rb"(-*)(\+*)( *)")
_FIELDS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One commit: its author's name, when it was written (ISO 8601), its first line."""

    sha: str
    author: str
    at: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunk:
    """A stretch of lines that a diff shows, three lines of context included; lines are counted from 1.

    `changes` are, for each change within, its first line in the old file and how many were removed there, the
    same of the new file and how many were added.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    changes: tuple[tuple[int, int, int, int], ...] = ()

    def has_new(self, line: int) -> bool:
        """True when the diff shows this line of the new file."""
        return self.new_start <= line < self.new_start + self.new_count

    def has_old(self, line: int) -> bool:
        """True when the diff shows this line of the old file."""
        return self.old_start <= line < self.old_start + self.old_count

    def row(self, line: int, *, is_old: bool) -> int:
        """Which row of the stretch shows a line that is in it, counted from 0; removed ones come first."""
        if is_old:
            return line - self.old_start + sum(one[3] for one in self.changes if one[0] + one[1] <= line)
        return line - self.new_start + sum(one[1] for one in self.changes if one[2] <= line)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDiff:
    """What a diff shows of one file; `old_path` is empty for a new one, `new_path` for a removed one."""

    old_path: str
    new_path: str
    hunks: tuple[Hunk, ...] = ()


class History:
    """The history in one mirror."""

    def __init__(self, process: GitProcess, mirror: Path) -> None:
        self._process = process
        self._mirror = mirror.resolve()
        self._large: frozenset[bytes] | None = None
        self._large_limit = 0
        self._looking = asyncio.Lock()

    async def has(self, sha: str) -> bool:
        """True when the mirror holds this commit."""
        if not is_object_id(sha):
            return False
        done = await self._process.run("cat-file", "-e", f"{sha}^{{commit}}", mirror=self._mirror)
        return done.code == 0

    async def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor of two commits; empty when they have none."""
        if not (is_object_id(one) and is_object_id(other)):
            return ""
        done = await self._process.run("merge-base", one, other, mirror=self._mirror)
        return done.output.decode("ascii", "replace").strip() if done.code == 0 else ""

    async def first_parent(self, sha: str) -> str:
        """The first parent of a commit; empty when it has none or is not there."""
        if not is_object_id(sha):
            return ""
        done = await self._process.run(
            "rev-parse", "--verify", "--quiet", f"{sha}^1^{{commit}}", mirror=self._mirror
        )
        return done.output.decode("ascii", "replace").strip() if done.code == 0 else ""

    async def is_kept(self, sha: str) -> bool:
        """True when a branch or a tag leads to the commit: only then it reaches the target by itself."""
        if not is_object_id(sha):
            return False
        done = await self._process.run(
            "rev-list",
            "--max-count=1",
            f"{sha}^{{commit}}",
            "--not",
            "--branches",
            "--tags",
            mirror=self._mirror,
        )
        return done.code == 0 and not done.output.strip()

    async def is_oversized(self, head: str, limit: int = BLOB_LIMIT_BYTES) -> bool:
        """True when what leads to `head` and to no branch or tag holds a file larger than `limit` bytes."""
        if not is_object_id(head):
            return False
        async with self._looking:
            if self._large is None or self._large_limit != limit:
                # One look at all objects for all questions; next to no repository has any.
                self._large = await self._large_blobs(limit)
                self._large_limit = limit
        if not self._large:
            return False
        found = False
        walk = self._process.lines(
            "rev-list", "--objects", head, "--not", "--branches", "--tags", mirror=self._mirror
        )
        async for line in walk:
            found = found or line[: len(head)] in self._large
        return found

    async def _large_blobs(self, limit: int) -> frozenset[bytes]:
        every = self._process.lines(
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--buffer",
            "--batch-check=%(objecttype) %(objectsize) %(objectname)",
            mirror=self._mirror,
        )
        large = set()
        async for line in every:
            kind, size, sha = line.split()
            if kind == b"blob" and int(size) > limit:
                large.add(sha)
        return frozenset(large)

    async def commits(self, base: str, head: str, most: int = MOST_COMMITS) -> list[Commit]:
        """The commits that `head` has and `base` has not, oldest first; the newest `most` of them."""
        if not (is_object_id(base) and is_object_id(head)):
            return []
        done = await self._process.run(
            "log",
            f"--max-count={most}",
            "--topo-order",
            "--no-show-signature",
            "-z",
            "--format=%H%x1f%an%x1f%aI%x1f%s",
            f"{base}..{head}",
            "--",
            mirror=self._mirror,
        )
        found = []
        for line in done.output.split(b"\0") if done.code == 0 else ():
            parts = line.decode("utf-8", "replace").split("\x1f", maxsplit=_FIELDS - 1)
            if len(parts) == _FIELDS:
                found.append(Commit(sha=parts[0].strip(), author=parts[1], at=parts[2], title=parts[3]))
        return found[::-1]

    async def count(self, base: str, head: str) -> int:
        """How many commits `head` has and `base` has not."""
        if not (is_object_id(base) and is_object_id(head)):
            return 0
        done = await self._process.run("rev-list", "--count", f"{base}..{head}", "--", mirror=self._mirror)
        return int(done.output) if done.code == 0 else 0

    async def diff(self, base: str, head: str, *, context: int = 3) -> list[FileDiff]:
        """What changed from one commit to another, file by file, with the stretches that a diff shows."""
        if not (is_object_id(base) and is_object_id(head)):
            return []
        lines = self._process.lines(
            "-c",
            "core.quotePath=false",
            "diff",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "--find-renames",
            f"--unified={context}",
            "--src-prefix=a/",
            "--dst-prefix=b/",
            base,
            head,
            "--",
            mirror=self._mirror,
        )
        return [one async for one in _files(lines)]


def is_object_id(sha: str) -> bool:
    """True for what git could have named an object."""
    return bool(_OBJECT_ID.fullmatch(sha))


def object_ids(shas: Iterable[str | None]) -> list[str]:
    """Those that could name an object, each once, in their order."""
    return list(dict.fromkeys(sha for sha in shas if sha and is_object_id(sha)))


async def _files(lines: AsyncIterator[bytes]) -> AsyncIterator[FileDiff]:
    """The files of `git diff`; what stands in the files themselves is counted past and never read."""
    old_path = new_path = ""
    hunks: list[Hunk] = []
    is_open = False
    signs = bytearray()
    old_left = new_left = 0
    async for line in lines:
        if old_left > 0 or new_left > 0:
            sign = line[:1]
            old_left -= sign in {b" ", b"-"}
            new_left -= sign in {b" ", b"+"}
            if sign in {b" ", b"-", b"+"}:
                signs += sign  # not what git says of a last line without an end
            if old_left <= 0 and new_left <= 0:
                hunks[-1] = replace(hunks[-1], changes=tuple(_changes(hunks[-1], bytes(signs))))
                signs.clear()
        elif line.startswith(b"diff --git "):
            if is_open:
                yield FileDiff(old_path=old_path, new_path=new_path, hunks=tuple(hunks))
            old_path = new_path = ""
            hunks, is_open = [], True
        elif line.startswith(b"rename from "):
            old_path = _path(line.removeprefix(b"rename from "), b"")
        elif line.startswith(b"rename to "):
            new_path = _path(line.removeprefix(b"rename to "), b"")
        elif line.startswith(b"--- "):
            old_path = _path(line.removeprefix(b"--- "), b"a/")
        elif line.startswith(b"+++ "):
            new_path = _path(line.removeprefix(b"+++ "), b"b/")
        elif found := _HUNK.match(line):
            old_start, old_count, new_start, new_count = (
                1 if group is None else int(group) for group in found.groups()
            )
            hunks.append(
                Hunk(old_start=old_start, old_count=old_count, new_start=new_start, new_count=new_count)
            )
            old_left, new_left = old_count, new_count
    if is_open:
        yield FileDiff(old_path=old_path, new_path=new_path, hunks=tuple(hunks))


def _changes(hunk: Hunk, signs: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The changes in a stretch, by the first signs of its lines."""
    # Of an empty side git names the line before it.
    old, new = hunk.old_start + (not hunk.old_count), hunk.new_start + (not hunk.new_count)
    for removed, added, both in _CHANGE.findall(signs):
        if removed or added:
            yield old, len(removed), new, len(added)
        old, new = old + len(removed) + len(both), new + len(added) + len(both)


def _path(raw: bytes, prefix: bytes) -> str:
    # Behind a name with a space git puts a tab.
    name = raw.rstrip(b"\n").removesuffix(b"\t")
    if name == b"/dev/null":
        return ""
    if name.startswith(b'"') and name.endswith(b'"'):
        name = codecs.escape_decode(name[1:-1])[0]
    return name.removeprefix(prefix).decode("utf-8", "backslashreplace")
