"""Differences between two commits, file by file, and the places in them that a review comment may name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.sandbox.github.git import BareGit

STATUSES: Final = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "R": "renamed",
    "C": "copied",
    "T": "changed",
}
HUNK: Final = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
# "A single file's diff": more is not shown (github/docs repository-limits, section diff limits).
MAX_PATCH_LINES: Final = 20_000
MAX_PATCH_BYTES: Final = 512_000
NO_SHA: Final = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One line of a patch: `position` counts from its first hunk, `hunk` is the number of the hunk.

    `left` and `right` are the line's numbers in the old and the new file, as far as it is in them.
    """

    position: int
    hunk: int
    left: int | None
    right: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """What became of one file; `patch` is None for what has no text or too much of it."""

    path: str
    previous_path: str | None
    status: str
    sha: str
    additions: int
    deletions: int
    patch: str | None

    def places(self) -> Iterator[Place]:
        """The lines that a comment may name: those of the hunks."""
        left = right = hunk = 0
        for position, line in enumerate((self.patch or "").split("\n")):
            if (match := HUNK.match(line)) is not None:
                left, right, hunk = int(match[1]), int(match[2]), hunk + 1
            elif line.startswith("-"):
                yield Place(position=position, hunk=hunk, left=left, right=None)
                left += 1
            elif line.startswith("+"):
                yield Place(position=position, hunk=hunk, left=None, right=right)
                right += 1
            elif line.startswith(" "):
                yield Place(position=position, hunk=hunk, left=left, right=right)
                left, right = left + 1, right + 1

    def place_of_line(self, line: int, side: str) -> Place | None:
        """The place of a line of the old (`LEFT`) or the new file (`RIGHT`)."""
        return next(
            (each for each in self.places() if (each.left if side == "LEFT" else each.right) == line), None
        )

    def place_at(self, position: int) -> Place | None:
        """The place at a position."""
        return next((each for each in self.places() if each.position == position), None)

    def hunk_until(self, place: Place) -> str:
        """The hunk of a place, from its header to the place."""
        lines = (self.patch or "").split("\n")
        start = max(index for index in range(place.position + 1) if HUNK.match(lines[index]))
        return "\n".join(lines[start : place.position + 1])


async def changed_files(git: BareGit, old: str, new: str) -> list[FileChange]:
    """The files that differ between two commits, in git's order."""
    options = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-abbrev", "-M")
    raw = await git.run("diff", "--raw", "-z", *options, old, new, "--")
    patch = await git.run("diff", "--patch", *options, old, new, "--")
    bodies = re.split(r"^diff --git .*\n", patch.decode(errors="replace"), flags=re.MULTILINE)[1:]
    return [_change(facts, body) for facts, body in zip(_entries(raw), bodies, strict=True)]


def _entries(raw: bytes) -> Iterator[tuple[str, str, str | None, str]]:
    """Status, path, previous path and the blob's id of each entry of `git diff --raw -z`."""
    words = iter(raw.decode(errors="replace").split("\0"))
    for facts in words:
        if not facts:
            return
        _, _, old_sha, new_sha, status = facts.split()
        path, previous = next(words), None
        if status[0] in "RC":
            previous, path = path, next(words)
        yield status[0], path, previous, old_sha if new_sha == NO_SHA else new_sha


def _change(facts: tuple[str, str, str | None, str], body: str) -> FileChange:
    status, path, previous, sha = facts
    start = re.search(r"^@@ ", body, flags=re.MULTILINE)
    patch = "" if start is None else body[start.start() :].removesuffix("\n")
    lines = patch.split("\n")
    is_shown = patch and len(lines) <= MAX_PATCH_LINES and len(patch.encode()) <= MAX_PATCH_BYTES
    return FileChange(
        path=path,
        previous_path=previous,
        status=STATUSES.get(status, "changed"),
        sha=sha,
        additions=sum(line.startswith("+") for line in lines),
        deletions=sum(line.startswith("-") for line in lines),
        patch=patch if is_shown else None,
    )
