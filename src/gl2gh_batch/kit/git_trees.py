"""Branches of our own making: files that become commits without a past, the same ones on every machine.

git-fast-import(1) reads them as one stream, so that neither memory nor processes grow with their number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.kit.git_history import is_object_id
from gl2gh_batch.kit.git_process import Finished, GitProcess, failure

# Refs below here keep what we made alive in a mirror; they are neither branches nor tags of the project.
OWN_PREFIX: Final = "refs/gl2gh-batch/"
# A push can be cut between commits only, and GitHub takes 2 GiB at once.
COMMIT_BYTES: Final = 1 << 30
# "The maximum number of merge commands per commit" was once 15 (git-fast-import(1)); it reads well, too.
PARENTS_AT_MOST: Final = 15
_MODES: Final = frozenset({"100644", "100755", "120000", "160000"})
_ANEW: Final = "Run again with resume_from=export; from an export: copy the whole folder again."
CHUNK_BYTES: Final = 1 << 18
COMMITTER: Final = "gl2gh-batch <noreply@gl2gh-batch.invalid>"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeFile:
    """One file of a branch: its bytes, or where on disk they are; `path` is relative, with slashes.

    With `blob` it is a file that the repository has already, with that `mode`.
    """

    path: str
    content: bytes = b""
    file: Path | None = None
    blob: str = ""
    mode: str = "100644"

    @property
    def size(self) -> int:
        """Its size in bytes; 0 for one that is there already."""
        return len(self.content) if self.file is None else self.file.stat().st_size


async def write_branch(
    process: GitProcess,
    mirror: Path,
    name: str,
    files: Iterable[TreeFile],
    *,
    message: str,
    seconds: int,
    commit_bytes: int = COMMIT_BYTES,
    parent: str = "",
    removed: Iterable[str] = (),
    joined: Sequence[str] = (),
) -> str:
    """Make a branch of these files in the repository and return the id of its last commit.

    The first commit has no parent, or `parent`, of whose files it lacks the `removed` ones; without any file
    the branch is that one. As many follow as are needed to keep each below `commit_bytes`, and all
    have the date `seconds` (since 1970, UTC). What leads to the commits `joined`, which are read after the
    files, becomes part of the history without changing a file. The same files give the same id. Raises
    `GitError`.
    """
    ref = f"{OWN_PREFIX}{name}"
    if parent:
        _require_id(parent)
    async with process.started(
        "fast-import", "--quiet", "--force", "--done", mirror=mirror, stdin=True
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        output = asyncio.ensure_future(child.stdout.read())
        errors = asyncio.ensure_future(child.stderr.read())
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # git says why, in its own words
                await _send(child.stdin, ref, files, message, seconds, commit_bytes, parent, removed, joined)
            said = process.clean(await errors, None)
            done = Finished(output=await output, errors=said, code=await child.wait())
        finally:
            output.cancel()
            errors.cancel()
    if done.code:
        raise failure("fast-import", done)
    made = done.output.decode("ascii").split()
    return made[-1] if made else parent


async def _send(
    pipe: asyncio.StreamWriter,
    ref: str,
    files: Iterable[TreeFile],
    message: str,
    seconds: int,
    commit_bytes: int,
    parent: str,
    removed: Iterable[str],
    joined: Sequence[str],
) -> None:
    pipe.write(f"reset {ref}\n".encode())
    mark, left, words = 0, 0, message.encode()
    for one in files:
        _require_mode(one.mode)
        size = one.size
        if mark == 0 or size > left:
            mark += 1
            left = commit_bytes
            pipe.write(f"commit {ref}\nmark :{mark}\ncommitter {COMMITTER} {seconds} +0000\n".encode())
            pipe.write(f"data {len(words)}\n".encode() + words + b"\n")
            if mark > 1:
                pipe.write(f"from :{mark - 1}\n".encode())
            elif parent:
                pipe.write(f"from {parent}\n".encode())
                for path in removed:
                    pipe.write(f"D {_quoted(path)}\n".encode())
        left -= size
        if one.blob:
            _require_id(one.blob)
            pipe.write(f"M {one.mode} {one.blob} {_quoted(one.path)}\n".encode())
            await pipe.drain()
            continue
        pipe.write(f"M {one.mode} inline {_quoted(one.path)}\ndata {size}\n".encode())
        if one.file is None:
            pipe.write(one.content)
        else:
            await _send_file(pipe, one.file, size)
        pipe.write(b"\n")
        await pipe.drain()
    for start in range(0, len(joined) if mark else 0, PARENTS_AT_MOST):
        mark += 1
        pipe.write(f"commit {ref}\nmark :{mark}\ncommitter {COMMITTER} {seconds} +0000\n".encode())
        pipe.write(f"data {len(words)}\n".encode() + words + b"\n" + f"from :{mark - 1}\n".encode())
        for sha in joined[start : start + PARENTS_AT_MOST]:
            _require_id(sha)
            pipe.write(f"merge {sha}\n".encode())
        pipe.write(b"\n")
    if mark == 0 and parent:
        pipe.write(f"from {parent}\n\n".encode())
    else:
        pipe.write(f"get-mark :{mark}\n".encode())
    pipe.write(b"done\n")
    await pipe.drain()
    pipe.close()
    await pipe.wait_closed()


def _require_id(sha: str) -> None:
    """Raise `WorkDirectoryError` for what is no object id: in the stream it could be a command of its own."""
    if not is_object_id(sha):
        raise WorkDirectoryError(f"a record names {sha[:80]!r} in the place of an object of git", hint=_ANEW)


def _require_mode(mode: str) -> None:
    if mode not in _MODES:
        raise WorkDirectoryError(f"a record names {mode[:80]!r} in the place of a file's mode", hint=_ANEW)


async def _send_file(pipe: asyncio.StreamWriter, path: Path, size: int) -> None:
    sent = 0
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            sent += len(chunk)
            pipe.write(chunk)
            await pipe.drain()
    if sent != size:
        raise WorkDirectoryError(
            f"{path.name} changed while it was read", hint="Run again with resume_from=export."
        )


def _quoted(path: str) -> str:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def contents(output: bytes) -> Iterable[bytes]:
    """The bodies of `git cat-file --batch=%(objectsize)`."""
    at = 0
    while at < len(output):
        end = output.index(b"\n", at)
        size = int(output[at:end])
        yield output[end + 1 : end + 1 + size]
        at = end + 2 + size
