"""The work directory: each agent's file, written whole or not at all.

`projects/<slug>/` holds what one project's agents make; the root holds what the batch makes. A file
is written beside its place, synced and renamed; a file of lines has its count and digest in a
manifest, so that a torn or edited one is noticed.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import WorkDirectoryError

T = TypeVar("T")

MANIFEST: Final = "gl2gh-batch/manifest"
MANIFEST_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a manifest says of one file of lines."""

    sha256: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The files of one folder, and the digests of what they were made from."""

    files: Mapping[str, FileFacts]
    inputs: Mapping[str, str]
    made_at: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def slug(full_path: str, project_id: int | None = None) -> str:
    """A folder name for a project: readable, safe on every file system, unique by its id."""
    ascii_path = unicodedata.normalize("NFKD", full_path).encode("ascii", "ignore").decode()
    safe = re.sub(r"[^A-Za-z0-9._-]+", "-", ascii_path).strip("-.")[:80] or "project"
    return safe if project_id is None else f"{safe}-{project_id}"


def write_atomic(path: Path, data: bytes) -> None:
    """Write the file whole: beside its place, synced, then renamed over it."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def sync_folder(path: Path) -> None:
    """Make the names in a folder durable: a rename is lost with the power until its folder is synced."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LineWriter:
    """Writes lines and counts them; the file appears under its name when all went well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._sha256 = hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._file = self._beside.open("wb")

    def write(self, line: bytes) -> None:
        """Add one line (without its newline)."""
        data = line + b"\n"
        self._file.write(data)
        self._sha256.update(data)
        self.count += 1

    @property
    def facts(self) -> FileFacts:
        """Count and digest of what was written so far."""
        return FileFacts(sha256=self._sha256.hexdigest(), count=self.count)

    def finish(self) -> FileFacts:
        """Sync and give the file its name."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._beside.replace(self.path)
        sync_folder(self.path.parent)
        return self.facts

    def discard(self) -> None:
        """Leave nothing behind."""
        # On a full disk closing writes what is left, and fails like the write before it.
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._beside.unlink(missing_ok=True)


@contextmanager
def lines_to(path: Path) -> Iterator[LineWriter]:
    """A `LineWriter` that finishes at the end of the block, or leaves nothing after an error."""
    try:
        writer = LineWriter(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield writer
        writer.finish()
    except OSError as error:
        writer.discard()
        raise _unwritable(path, error) from error
    except BaseException:
        writer.discard()
        raise


def read_lines(path: Path) -> Iterator[bytes]:
    """The file's lines, one at a time."""
    with path.open("rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


def facts_of(path: Path) -> FileFacts:
    """Count and digest of a file of lines as it stands."""
    sha256 = hashlib.sha256()
    count = 0
    with path.open("rb") as file:
        for line in file:
            sha256.update(line)
            count += 1
    return FileFacts(sha256=sha256.hexdigest(), count=count)


class ProjectFolder:
    """The folder of one project, with a name for each agent's file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def inventory(self) -> Path:
        return self.path / "inventory.json"

    @property
    def snapshot(self) -> Path:
        return self.path / "snapshot"

    @property
    def files(self) -> Path:
        return self.snapshot / "files"

    @property
    def desired(self) -> Path:
        return self.path / "desired"

    @property
    def sent(self) -> Path:
        """`desired` and the plan as they were when records of theirs were sent; see `agents._sent`."""
        return self.path / "sent"

    @property
    def losses(self) -> Path:
        return self.desired / "losses.ndjson"

    @property
    def plan(self) -> Path:
        return self.path / "plan.json"

    @property
    def steps(self) -> Path:
        return self.path / "plan.ndjson"

    @property
    def numbers(self) -> Path:
        return self.path / "numbers.ndjson"

    @property
    def ledger(self) -> Path:
        return self.path / "ledger.sqlite"

    @property
    def verification(self) -> Path:
        return self.path / "verify.json"

    @property
    def certificate(self) -> Path:
        return self.path / "certificate.json"

    @property
    def differences(self) -> Path:
        return self.path / "verify.ndjson"

    @property
    def source_marks(self) -> Path:
        """What was changed on GitLab after the migration, and what was there before."""
        return self.path / "source.json"

    @property
    def mirror(self) -> Path:
        return self.path / "git" / "repository.git"

    @property
    def own_branches(self) -> Path:
        """A git bundle of the branches and tags of our own making; not there when there are none."""
        return self.path / "git" / "own.bundle"

    @property
    def scratch(self) -> Path:
        path = self.path / "scratch"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def lines_of(self, folder: Path, kind: str) -> Path:
        """The file of one kind's lines in `snapshot` or `desired`."""
        return folder / f"{kind}.ndjson"


def write_document(path: Path, schema: str, version: int, value: object) -> None:
    """Write a file of ours whole."""
    write_atomic(path, codec.encode_document(schema, version, value))


def read_document(path: Path, schema: str, version: int, type_: type[T], *, remedy: str) -> T | None:
    """The document, None when there is none; raises `WorkDirectoryError` for a damaged or newer one."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkDirectoryError(f"{path.name} cannot be read: {error.strerror}", hint=remedy) from error
    try:
        return codec.decode_document(data, schema, version, type_)
    except codec.NewerVersionError as error:
        raise WorkDirectoryError(
            f"{path.name}: {error}", hint="Use the version of gl2gh-batch that wrote it, or a newer one."
        ) from error
    except codec.DecodeError as error:
        raise WorkDirectoryError(f"{path.name} is damaged: {error}", hint=remedy) from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Seal a folder of lines."""
    write_document(folder / "manifest.json", MANIFEST, MANIFEST_VERSION, manifest)


def read_manifest(folder: Path, *, remedy: str) -> Manifest | None:
    """The seal of a folder of lines; None when the folder was never finished."""
    return read_document(folder / "manifest.json", MANIFEST, MANIFEST_VERSION, Manifest, remedy=remedy)


def is_whole(folder: Path, manifest: Manifest) -> bool:
    """True when every file that the manifest names is there with its count and digest."""
    return not damaged_files(folder, manifest)


def damaged_files(folder: Path, manifest: Manifest) -> list[str]:
    """The names of the files that are missing or differ from the manifest."""
    return [
        name
        for name, facts in manifest.files.items()
        if not (folder / name).is_file() or facts_of(folder / name) != facts
    ]


def _unwritable(path: Path, error: OSError) -> WorkDirectoryError:
    return WorkDirectoryError(
        f"{path.name} cannot be written: {error.strerror or error}",
        hint=f"Make room or give rights in {path.parent}, then run the same command again: it resumes.",
    )
