"""`export/<project>/`: everything of one project in a folder that needs neither GitLab nor this machine.

`manifest.json` is the head, `files.ndjson` names every other file with its digest and size. What is read
from such a folder came from elsewhere: nothing outside of it is touched, and no file is used unchecked.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import ConfigurationError, WorkDirectoryError
from gl2gh_batch.domain.refs import ProjectRef
from gl2gh_batch.kit.workdir import (
    FileFacts,
    LineWriter,
    facts_of,
    read_document,
    read_lines,
    write_document,
)

SCHEMA: Final = "gl2gh-batch/export"
VERSION: Final = 1
HEAD: Final = "manifest.json"
FILES: Final = "files.ndjson"
INVENTORY: Final = "inventory.json"
RECORDS: Final = "records"
STORED: Final = "files"
LFS: Final = "lfs"
REPOSITORY: Final = "repository.bundle"
WIKI: Final = "wiki.bundle"
SNIPPETS: Final = "snippets.bundle"
CHUNK_BYTES: Final = 1 << 20
REMEDY: Final = (
    "Copy the whole folder again from where EXPORT_ONLY wrote it, or run EXPORT_ONLY once more with another"
    " work directory."
)
_OWN_PATH: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*(?:/[A-Za-z0-9_][A-Za-z0-9._-]*){0,4}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedFile:
    """One file of an export: its path below the folder, with slashes, its digest, and its size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportHead:
    """What `manifest.json` says; `digest` covers all of it, and through `files` every other file.

    `records` counts the lines of each kind, `skipped` are the kinds that were left out, `choices` the
    policies that decide what is read. `snapshot` is the digest of the export in the work directory.
    """

    project: ProjectRef
    gitlab_url: str
    gitlab_version: str
    made_at: str
    tool_version: str
    highest_issue: int
    highest_merge_request: int
    records: Mapping[str, int]
    skipped: tuple[str, ...]
    choices: Mapping[str, str]
    refs: int
    snapshot: str
    files: FileFacts
    bytes: int
    facts: Mapping[str, object] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """An export that can be read: where it is, and what its head says."""

    path: Path
    head: ExportHead

    def files(self) -> Iterator[ExportedFile]:
        """Every file that it names; raises `WorkDirectoryError` when the list is not the one of the head."""
        listed = self.path / FILES
        if not _is_plain(self.path, FILES) or facts_of(listed) != self.head.files:
            raise _damaged(FILES, "is missing or was changed")
        for line in read_lines(listed):
            try:
                one = codec.decode(line, ExportedFile)
            except codec.DecodeError as error:
                raise _damaged(FILES, f"holds a line that is none: {error}") from error
            if not _OWN_PATH.fullmatch(one.path):
                raise _damaged(FILES, f"names {one.path!r}, which is no file of an export")
            yield one

    def checked(self, file: ExportedFile) -> Path:
        """Where a file lies, once it was read and found to be what the list says."""
        path = self.path / file.path
        if not _is_plain(self.path, file.path):
            raise _damaged(file.path, "is missing")
        size = path.stat().st_size
        if size != file.size:
            raise _damaged(file.path, f"has {size} bytes instead of {file.size}")
        if digest_of(path) != file.sha256:
            raise _damaged(file.path, "was changed: its digest is another one")
        return path

    def check(self) -> None:
        """Read every file; raises `WorkDirectoryError` at the first one that is not as listed."""
        for file in self.files():
            self.checked(file)


class ExportWriter:
    """Writes an export beside its place; `finish` gives it its name, in the place of an earlier one."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.path = place.with_name(f".{place.name}.new")
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True)
        self._lines = LineWriter(self.path / FILES)
        self._bytes = 0

    def has(self, path: str) -> bool:
        """True when there is a file of that path already."""
        return (self.path / path).exists()

    def take(self, source: Path, path: str, *, sha256: str = "") -> None:
        """Put a file there under its path; raises `WorkDirectoryError` when it is not what it should be."""
        if not source.is_file():
            raise WorkDirectoryError(f"{source.name} is missing in the work directory", hint=_AGAIN)
        to = self.path / path
        to.parent.mkdir(parents=True, exist_ok=True)
        link_or_copy(source, to)
        self.listed(path, sha256=sha256)

    def listed(self, path: str, *, sha256: str = "") -> None:
        """Write down a file that lies there."""
        file = self.path / path
        found = digest_of(file)
        if sha256 and found != sha256:
            raise WorkDirectoryError(f"{file.name} is damaged in the work directory", hint=_AGAIN)
        size = file.stat().st_size
        self._bytes += size
        self._lines.write(codec.encode(ExportedFile(path=path, sha256=found, size=size)))

    def finish(self, head: ExportHead) -> ExportHead:
        """Seal it and give it its name."""
        facts = self._lines.finish()
        head = sealed(replace(head, files=facts, bytes=self._bytes))
        write_document(self.path / HEAD, SCHEMA, VERSION, head)
        gone = self._place.with_name(f".{self._place.name}.gone")
        shutil.rmtree(gone, ignore_errors=True)
        if self._place.exists():
            self._place.rename(gone)
        self.path.rename(self._place)
        shutil.rmtree(gone, ignore_errors=True)
        return head

    def discard(self) -> None:
        """Leave nothing behind."""
        self._lines.discard()
        shutil.rmtree(self.path, ignore_errors=True)


_AGAIN: Final = "Run again with resume_from=export: it is read anew."


def read_export(path: Path) -> Exported:
    """The export in a folder; raises `ConfigurationError` for a folder that is none."""
    head = read_document(path / HEAD, SCHEMA, VERSION, ExportHead, remedy=REMEDY)
    if head is None:
        raise ConfigurationError(
            f"{path.name!r} is no export: it has no {HEAD}",
            field="from_export",
            hint="Name the folder export/ of a work directory in which EXPORT_ONLY came to its end, or one"
            " project's folder in it.",
        )
    if sealed(head).digest != head.digest:
        raise _damaged(f"{path.name}/{HEAD}", "was changed")
    return Exported(path=path, head=head)


def sealed(head: ExportHead) -> ExportHead:
    """The head with its digest."""
    return replace(head, digest=codec.digest(replace(head, digest="")))


def digest_of(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def link_or_copy(source: Path, to: Path) -> None:
    """The same file under a second name where that is possible: ours are replaced, never changed."""
    to.unlink(missing_ok=True)
    try:
        os.link(source, to)
    except OSError:
        shutil.copyfile(source, to)


def _is_plain(folder: Path, path: str) -> bool:
    """True for a file that is there and to which no link leads."""
    place = folder
    for part in path.split("/"):
        place = place / part
        if place.is_symlink():
            return False
    return place.is_file()


def _damaged(path: str, what: str) -> WorkDirectoryError:
    return WorkDirectoryError(f"the export is damaged: {path} {what}", hint=REMEDY, item=path)
