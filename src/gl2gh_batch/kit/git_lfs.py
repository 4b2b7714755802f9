"""Git LFS: which objects a history names, and how they travel.

git-lfs moves them, with the environment of every other git of ours: what a repository's own `.lfsconfig` says
(another host, what not to fetch) is overruled by a configuration that is given with each command. Which
objects there are is found by reading the pointers themselves; whether a server has them is asked of it by
other code than that which sent them (`git_lfs_server`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import SourceError, TargetError, WorkDirectoryError
from gl2gh_batch.kit.git_lfs_server import LfsObject, LfsServer, endpoint_of
from gl2gh_batch.kit.git_process import (
    PAUSES_S,
    Finished,
    GitAuth,
    GitProcess,
    StalledError,
    drawn,
    failure,
    is_of_the_moment,
    is_refused,
)
from gl2gh_batch.kit.git_trees import contents

# "Pointer files must be less than 1024 bytes" (git-lfs docs/spec.md).
POINTER_BYTES: Final = 1024
_POINTER: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*"
    rb"oid sha256:(?P<oid>[0-9a-f]{64})\nsize (?P<size>\d{1,18})\n"
)
_OID: Final = re.compile(r"[0-9a-f]{64}")
_MADE_BY_HAND: Final = "Run again with resume_from=export; from an export: copy the whole folder again."
_BLOBS_AT_ONCE: Final = 2000
# An argument list ends at about 2 MB: so many ids of 65 bytes are well below.
_OIDS_AT_ONCE: Final = 4000


class GitLfs:
    """Git LFS for the mirrors below one work directory."""

    def __init__(self, process: GitProcess, *, timeout_s: float = 60.0) -> None:
        self._process = process
        self._server = LfsServer(timeout_s=timeout_s, sleep=process.sleep)

    async def pointers(self, mirror: Path) -> list[LfsObject]:
        """The objects that any pointer in the mirror names, by oid; each once."""
        found: dict[str, int] = {}
        async for blobs in self._small_blobs(mirror.resolve()):
            done = await self._process.run(
                "cat-file", "--batch=%(objectsize)", mirror=mirror.resolve(), stdin=blobs
            )
            if done.code:
                raise failure("cat-file", done)
            for content in contents(done.output):
                if (match := _POINTER.match(content)) is not None:
                    found[match["oid"].decode()] = int(match["size"])
        return [LfsObject(oid=oid, size=size) for oid, size in sorted(found.items())]

    async def _small_blobs(self, mirror: Path) -> AsyncIterator[bytes]:
        """The ids of blobs that may be pointers, one a line, some thousand at a time."""
        lines: list[bytes] = []
        every = self._process.lines(
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--buffer",
            "--batch-check=%(objecttype) %(objectsize) %(objectname)",
            mirror=mirror,
        )
        async for line in every:
            kind, size, sha = line.split()
            if kind == b"blob" and int(size) < POINTER_BYTES:
                lines.append(sha)
                if len(lines) == _BLOBS_AT_ONCE:
                    yield b"\n".join(lines) + b"\n"
                    lines.clear()
        if lines:
            yield b"\n".join(lines) + b"\n"

    def held(self, mirror: Path, objects: Iterable[LfsObject]) -> set[str]:
        """Those of the objects that lie whole beside the mirror, by oid."""
        return {one.oid for one in objects if _size_of(lfs_place(mirror, one.oid)) == one.size}

    async def fetch(
        self, url: str, mirror: Path, objects: Iterable[LfsObject], auth: GitAuth | None = None
    ) -> list[LfsObject]:
        """Bring the objects beside the mirror; those that the source does not have either are returned.

        Can be run again at any time: what is there whole is kept. An object that the source has and does not
        give raises `SourceError`.
        """
        wanted = list(objects)
        if self.held(mirror, wanted) == {one.oid for one in wanted}:
            return []
        pauses = iter(PAUSES_S)
        while True:
            # It ends with an error for one object that is missing at the source: so what counts is what came.
            done = await self._run("fetch", url, mirror, ("--all", "source"), auth)
            lacking = [one for one in wanted if one.oid not in self.held(mirror, wanted)]
            there = await self.present(url, lacking, auth)
            if not there:
                return lacking
            pause_s = next(pauses, None)
            if pause_s is None:
                raise _trouble(SourceError, "fetch", done, f"{len(there)} LFS objects were not fetched")
            await self._process.sleep(drawn(pause_s))

    async def push(
        self, url: str, mirror: Path, objects: Mapping[str, int], auth: GitAuth | None = None
    ) -> int:
        """Send the objects (oid → bytes) that the target does not have yet; how many those were."""
        for oid in objects:
            if not _OID.fullmatch(oid):
                raise WorkDirectoryError(f"{oid[:80]!r} is no id of an LFS object", hint=_MADE_BY_HAND)
        wanted = [LfsObject(oid=oid, size=size) for oid, size in sorted(objects.items())]
        there = await self.present(url, wanted, auth)
        missing = [one for one in wanted if one.oid not in there]
        for start in range(0, len(missing), _OIDS_AT_ONCE):
            some = missing[start : start + _OIDS_AT_ONCE]
            await self._send(url, mirror, some, auth)
        return len(missing)

    async def _send(self, url: str, mirror: Path, some: list[LfsObject], auth: GitAuth | None) -> None:
        """Send them; what counts is what the server has then, whatever git-lfs says of it."""
        pauses, oids = iter(PAUSES_S), [one.oid for one in some]
        while True:
            # It passes over an object that storage answers with 422, and ends well.
            done = await self._run("push", url, mirror, ("--object-id", "source", *oids), auth)
            if len(await self.present(url, some, auth)) == len(some):
                return
            pause_s = next(pauses, None)
            if pause_s is None or not is_of_the_moment(done):
                raise _trouble(TargetError, "push", done, "GitHub did not take all LFS objects")
            await self._process.sleep(drawn(pause_s))

    async def _run(
        self, command: str, url: str, mirror: Path, arguments: tuple[str, ...], auth: GitAuth | None
    ) -> Finished:
        """Run git-lfs (3.3 waits for ever for objects that an answer of the server does not speak of)."""
        with tempfile.TemporaryDirectory(dir=self._process.home, prefix="lfs-") as name:
            config, progress = Path(name) / "config", Path(name).resolve() / "progress"
            config.write_text(_config(url), encoding="utf-8")
            try:
                done = await self._process.run(
                    "lfs",
                    command,
                    *arguments,
                    mirror=mirror.resolve(),
                    url=url,
                    auth=auth,
                    config_file=config,
                    more={"GIT_LFS_PROGRESS": str(progress)},
                    progress=progress,
                )
            except StalledError as error:
                return Finished(code=1, output=b"", errors=error.message)
        if done.code and is_refused(done):
            raise failure(f"lfs {command}", done)
        return done

    async def present(
        self, url: str, objects: Iterable[LfsObject], auth: GitAuth | None = None
    ) -> dict[str, int]:
        """Those of the objects that the server has, with their sizes; nothing is transferred."""
        return await self._server.present(url, objects, auth)

    async def seen(
        self, url: str, objects: Iterable[LfsObject], auth: GitAuth | None = None
    ) -> dict[str, int]:
        """The same, without those that do not hold what they are called by: small ones are read back."""
        return await self._server.present(url, objects, auth, read_back=True)


# Why a file of that content can be in no branch on GitHub (GH008).
POINTER_PROBLEM: Final = "it is a pointer of Git LFS to an object that GitLab does not give with it"


def is_pointer(content: bytes) -> bool:
    """True for the content of a file that stands for an LFS object."""
    return _POINTER.match(content) is not None


def is_pointer_file(path: Path) -> bool:
    """The same for a file."""
    with path.open("rb") as file:
        content = file.read(POINTER_BYTES)
    return len(content) < POINTER_BYTES and is_pointer(content)


def _config(url: str) -> str:
    """What overrules a repository's own `.lfsconfig`, and everything that could ask somebody."""
    endpoint = endpoint_of(url)
    return "\n".join(
        (
            '[remote "source"]',
            f"\turl = {url}",
            f"\tlfsurl = {endpoint}",
            f"\tlfspushurl = {endpoint}",
            "[lfs]",
            f"\turl = {endpoint}",
            f"\tpushurl = {endpoint}",
            "\tlocksverify = false",
            "\tbasictransfersonly = true",
            "\tskipdownloaderrors = false",
            "\tfetchinclude = ",
            "\tfetchexclude = ",
            "\tgitprotocol = https",
            f'[lfs "{endpoint}"]',
            "\taccess = basic",
            "",
        )
    )


def lfs_place(mirror: Path, oid: str) -> Path:
    """Where an object lies beside a mirror."""
    return mirror / "lfs" / "objects" / oid[:2] / oid[2:4] / oid


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None


def _trouble(
    sort: type[SourceError | TargetError], command: str, done: Finished, what: str
) -> SourceError | TargetError:
    said = [line for line in done.errors.splitlines() if line.strip()]
    ended = f"git lfs {command} ended with {done.code}" if done.code else "some were passed over"
    words = said[-1].strip() if said else ended
    return sort(
        f"{what}: {words}",
        hint=(
            "Look at the LFS budget of the owner on GitHub and the largest object that its plan allows; what"
            " arrived is kept, and running again goes on from there."
            if command == "push"
            else "Running again is safe: what was fetched is kept."
        ),
    )
