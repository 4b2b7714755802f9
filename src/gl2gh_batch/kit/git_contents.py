"""What the files of a history hold that a push or a clone from GitHub would stumble over.

Reads the mirror only. Shapes of secrets are few and precise: those that GitHub's push protection declines and
that nothing else looks like. What is found is told by its shape and place, never by its text.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gl2gh_batch.kit.git_process import GitProcess, failure
from gl2gh_batch.kit.git_trees import contents

# A secret is typed into a file of text; a larger one is data.
FILE_BYTES: Final = 1024 * 1024
# What is read of one history: some seconds, whatever its size.
SEARCHED_BYTES: Final = 128 * 1024 * 1024
_READ_AT_ONCE: Final = 16 * 1024 * 1024
_FOUND_AT_MOST: Final = 100
_BRANCHES_AT_MOST: Final = 2000
_FILES_AT_MOST: Final = 200

# Source: GitHub's page "Supported secret scanning patterns", those with push protection. Each with a text
# that it cannot be without: looking for that is what makes the search fast.
_SHAPES: Final[tuple[tuple[str, bytes, re.Pattern[bytes]], ...]] = tuple(
    (name, part, re.compile(rb"(?<![0-9A-Za-z_-])" + pattern))
    for name, part, pattern in (
        ("GitLab access token", b"glpat-", rb"glpat-[0-9A-Za-z_-]{20,}"),
        ("GitHub token", b"ghp_", rb"ghp_[0-9A-Za-z]{36}(?![0-9A-Za-z_])"),
        ("GitHub token", b"gho_", rb"gho_[0-9A-Za-z]{36}(?![0-9A-Za-z_])"),
        ("GitHub token", b"ghs_", rb"ghs_[0-9A-Za-z]{36}(?![0-9A-Za-z_])"),
        ("GitHub token", b"ghr_", rb"ghr_[0-9A-Za-z]{36}(?![0-9A-Za-z_])"),
        ("GitHub token", b"github_pat_", rb"github_pat_[0-9A-Za-z]{22}_[0-9A-Za-z]{59}(?![0-9A-Za-z_])"),
        ("Slack token", b"xoxb-", rb"xoxb-\d{10,13}-\d{10,13}-[0-9A-Za-z]{24}(?![0-9A-Za-z])"),
        ("Slack token", b"xoxp-", rb"xoxp-\d{10,13}-\d{10,13}-\d{10,13}-[0-9a-f]{32}(?![0-9a-f])"),
        ("Stripe secret key", b"sk_live_", rb"sk_live_[0-9A-Za-z]{24,}"),
        ("npm token", b"npm_", rb"npm_[0-9A-Za-z]{36}(?![0-9A-Za-z_])"),
        ("SendGrid key", b"SG.", rb"SG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}(?![0-9A-Za-z_-])"),
        ("DigitalOcean token", b"dop_v1_", rb"dop_v1_[0-9a-f]{64}(?![0-9a-f])"),
    )
)
# GitHub declines the two halves of an AWS key only together.
_AWS_ID: Final = re.compile(rb"(?<![0-9A-Z])(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Z])")
_AWS_SECRET: Final = re.compile(rb"(?<![0-9A-Za-z/+])[0-9A-Za-z/+]{40}(?![0-9A-Za-z/+=])")

_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@]*@")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """One file of the history that holds something of that shape; `path` is one place where it is."""

    sha: str
    path: str
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretSearch:
    """What a search found, and how many files and bytes of the history it left out."""

    found: list[FoundSecret] = field(default_factory=list)
    files_left: int = 0
    bytes_left: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Submodule:
    """One entry of a `.gitmodules` at the head of a branch, without what a URL tells of credentials."""

    name: str
    url: str
    branch: str


class Contents:
    """The files in one mirror."""

    def __init__(self, process: GitProcess, mirror: Path) -> None:
        self._process = process
        self._mirror = mirror.resolve()

    async def submodules(self, refs: Mapping[str, str]) -> list[Submodule]:
        """The submodules that the heads of branches name, each URL once, with one branch that has it."""
        branches = sorted(name for name in refs if name.startswith("refs/heads/"))[:_BRANCHES_AT_MOST]
        asked = "".join(f"{refs[name]}:.gitmodules\n" for name in branches).encode()
        if not asked:
            return []
        done = await self._process.run(
            "cat-file", "--batch-check=%(objecttype) %(objectname)", mirror=self._mirror, stdin=asked
        )
        if done.code:
            raise failure("cat-file", done)
        files: dict[str, str] = {}
        for name, line in zip(branches, done.output.splitlines(), strict=False):
            kind, _, sha = line.decode("utf-8", "replace").partition(" ")
            if kind == "blob":
                files.setdefault(sha, name.removeprefix("refs/heads/"))
        found: dict[tuple[str, str], Submodule] = {}
        for sha, branch in list(files.items())[:_FILES_AT_MOST]:
            for name, url in await self._urls(sha):
                found.setdefault((name, url), Submodule(name=name, url=url, branch=branch))
        return list(found.values())

    async def _urls(self, sha: str) -> list[tuple[str, str]]:
        """The names and URLs of one `.gitmodules`, as git itself reads it; none of one that it cannot."""
        done = await self._process.run(
            "config",
            f"--blob={sha}",
            "--no-includes",
            "--null",
            "--get-regexp",
            r"^submodule\..*\.url$",
            mirror=self._mirror,
        )
        urls = []
        for entry in done.output.decode("utf-8", "replace").split("\0") if done.code == 0 else ():
            key, _, url = entry.partition("\n")
            if key:
                name = key.removeprefix("submodule.").removesuffix(".url")
                urls.append((name, _CREDENTIALS.sub("", url)))
        return urls

    async def secrets(self, most_bytes: int = SEARCHED_BYTES) -> SecretSearch:
        """What looks like a secret in any file that the mirror holds, up to so many bytes in all."""
        shapes: dict[bytes, str] = {}
        files_left = bytes_left = read = 0
        batch: list[bytes] = []
        size_of_batch = 0
        async for sha, size in self._blobs():
            if size > FILE_BYTES or read + size > most_bytes:
                files_left, bytes_left = files_left + 1, bytes_left + size
                continue
            read, size_of_batch = read + size, size_of_batch + size
            batch.append(sha)
            if size_of_batch >= _READ_AT_ONCE:
                await self._search(batch, shapes)
                batch, size_of_batch = [], 0
        await self._search(batch, shapes)
        found = await self._places(shapes) if shapes else []
        return SecretSearch(found=found, files_left=files_left, bytes_left=bytes_left)

    async def _blobs(self) -> AsyncIterator[tuple[bytes, int]]:
        every = self._process.lines(
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--buffer",
            "--batch-check=%(objecttype) %(objectsize) %(objectname)",
            mirror=self._mirror,
        )
        async for line in every:
            kind, size, sha = line.split()
            if kind == b"blob":
                yield sha, int(size)

    async def _search(self, batch: Iterable[bytes], shapes: dict[bytes, str]) -> None:
        wanted = list(batch)
        if not wanted:
            return
        done = await self._process.run(
            "cat-file", "--batch=%(objectsize)", mirror=self._mirror, stdin=b"\n".join(wanted) + b"\n"
        )
        if done.code:
            raise failure("cat-file", done)
        shapes |= await asyncio.to_thread(_shapes_in, wanted, done.output)

    async def _places(self, shapes: Mapping[bytes, str]) -> list[FoundSecret]:
        """Only now the walk through the whole history, which says where they are, and if at all."""
        left = dict(shapes)
        found: list[FoundSecret] = []
        walk = self._process.lines("rev-list", "--objects", "--all", mirror=self._mirror)
        async for line in walk:
            sha, _, path = line.rstrip(b"\n").partition(b" ")
            if (shape := left.pop(sha, None)) is not None and len(found) < _FOUND_AT_MOST:
                name = path.decode("utf-8", "backslashreplace")
                found.append(FoundSecret(sha=sha.decode(), path=name, shape=shape))
        return sorted(found, key=lambda one: (one.path, one.sha))


def _shapes_in(shas: Iterable[bytes], output: bytes) -> dict[bytes, str]:
    each = ((sha, shape_in(content)) for sha, content in zip(shas, contents(output), strict=True))
    return {sha: shape for sha, shape in each if shape}


def shape_in(content: bytes) -> str:
    """The name of the first shape of a secret in these bytes; empty for none."""
    for name, part, pattern in _SHAPES:
        if part in content and pattern.search(content):
            return name
    has_id = (b"AKIA" in content or b"ASIA" in content) and _AWS_ID.search(content)
    if has_id and _AWS_SECRET.search(content):
        return "AWS access key"
    return ""
