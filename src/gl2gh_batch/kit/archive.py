"""Unpacks a zip file that came from elsewhere: only plain files, only inside its folder, only so large."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from gl2gh_batch.domain.errors import WorkDirectoryError

MOST_BYTES: Final = 64 * 1024**3
MOST_FILES: Final = 1_000_000
_CHUNK: Final = 1 << 20


def unpack(archive: Path, folder: Path, *, most_bytes: int = MOST_BYTES) -> int:
    """Unpack the files of `archive` below `folder`, which must be empty; how many there were.

    Raises `WorkDirectoryError` for a file that is damaged, leads out of the folder, is a link, or is larger
    than `most_bytes` when unpacked; then the folder is removed again.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(archive) as zipped:
            return _unpack(zipped, folder, most_bytes)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise _refused(str(error) or type(error).__name__) from error
    except (OSError, WorkDirectoryError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise error if isinstance(error, WorkDirectoryError) else _refused(str(error)) from error


def _unpack(zipped: zipfile.ZipFile, folder: Path, most_bytes: int) -> int:
    count = 0
    left = most_bytes
    for entry, place in _files(zipped):
        count += 1
        if count > MOST_FILES:
            raise _refused(f"it holds more than {MOST_FILES:,} files")
        path = folder.joinpath(*place.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipped.open(entry) as packed, path.open("xb") as file:
            # The sizes that an archive states may be lies: what comes out is what counts.
            while chunk := packed.read(_CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise _refused(f"unpacked it is larger than {most_bytes:,} bytes")
                file.write(chunk)
    return count


def _files(zipped: zipfile.ZipFile) -> Iterator[tuple[zipfile.ZipInfo, PurePosixPath]]:
    for entry in zipped.infolist():
        mode = entry.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise _refused(f"{entry.filename[:200]!r} is a link")
        if entry.is_dir():
            continue
        place = PurePosixPath(entry.filename)
        parts = place.parts
        if place.is_absolute() or not parts or ".." in parts or any("\\" in one for one in parts):
            raise _refused(f"{entry.filename[:200]!r} leads out of its folder")
        yield entry, place


def _refused(what: str) -> WorkDirectoryError:
    return WorkDirectoryError(
        f"the archive cannot be unpacked: {what}", hint="Make the plan again, and use the new artifact."
    )
