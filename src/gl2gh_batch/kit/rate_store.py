"""The rate-limit file on disk: read, changed and written in one go under its lock, and never waited for."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.kit.file_lock import FileLock
from gl2gh_batch.kit.host import Host
from gl2gh_batch.kit.rate_record import Record, decode_record, encode_record, new_lineage, new_record

# Files made one after another by hosts whose dates agree: so exactly their times can be compared.
_ABOUT_S: Final = 1.0
# The clocks of two hosts that nobody keeps in step differ by minutes.
_MOST_SKEW_S: Final = 600.0
# No file of ours is nearly as large: what is larger is somebody else's, and not read.
_MOST_BYTES: Final = 64 * 1024 * 1024


class NewerFileError(Exception):
    """The file belongs to a newer version of this program: it is left as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The file, ours until the end of the transaction; `now` is in its time, and so is `offset` + the host's.

    `forgot_us`: what we wrote before is not in it. `set_aside`: the name under which a damaged one is kept.
    `is_new`: there was none, or a damaged one.
    """

    record: Record
    now: float
    offset: float
    forgot_us: bool
    is_new: bool
    set_aside: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """The file as we wrote it."""

    lineage: str
    serial: int
    now: float


class RateStore:
    """One rate-limit file, as one process uses it.

    Written beside and renamed, so that whoever dies leaves the old file or the new one; not synced to the
    disk, because what it says is not worth more than a window after the machine stopped. A link stands for
    what it leads to: a file renamed onto the link itself would be parted from the others'.
    """

    def __init__(self, path: Path, host: Host, lock: FileLock | None = None) -> None:
        with suppress(OSError, ValueError):  # the first visit tells what is wrong with it
            path = Path(os.path.realpath(path))
        self.path = path
        self._host = host
        # `/` has no name to put another one in the place of.
        self._lock = lock or FileLock(Path(f"{path}.lock"))
        self._beside = Path(f"{path}.new")
        self._last: _Last | None = None
        self._stamp: tuple[int, int] | None = None

    @contextmanager
    def transaction(self, *, after_trouble: bool = False) -> Iterator[Opened | None]:
        """The file, written back at the end unless the body raised; None when somebody else has the lock.

        `after_trouble`: we went on alone, as others may do still, so a new file does not know all.
        Raises `OSError`, or `NewerFileError`.
        """
        if not self._try_lock():
            yield None
            return
        try:
            opened = self._open(after_trouble=after_trouble)
            yield opened
            self._save(opened.record)
        finally:
            self._lock.release()

    def changed(self) -> bool:
        """Whether somebody wrote the file since we did."""
        return self._stamp_now() != self._stamp

    def close(self) -> None:
        """Let go of the lock's file."""
        self._lock.close()

    def _try_lock(self) -> bool:
        self._check_place()
        try:
            return self._lock.try_acquire()
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            return self._lock.try_acquire()

    def _check_place(self) -> None:
        """A pipe would be read for ever, and a device must not be renamed."""
        try:
            is_file = stat.S_ISREG(os.stat(self.path).st_mode)  # noqa: PTH116 - asked many times a second
        except FileNotFoundError:
            return
        except ValueError as error:  # a name that no file can have
            raise OSError(errno.EINVAL, str(error)) from error
        if not is_file:
            raise OSError(errno.EINVAL, "it is no file")

    def _open(self, *, after_trouble: bool) -> Opened:
        try:
            with self.path.open("rb", buffering=0) as file:
                is_ours = os.fstat(file.fileno()).st_size <= _MOST_BYTES
                data = file.read() if is_ours else b""
        except FileNotFoundError:
            # One that vanished under us held what we do not know; one that never was held nothing.
            lost = after_trouble or self._last is not None
            return self._opened(new_record(self._host, lost=lost), is_new=True)
        try:
            record = decode_record(data)
        except codec.NewerVersionError as error:
            raise NewerFileError(str(error)) from error
        except codec.DecodeError:
            aside = self._aside()
            self.path.rename(aside)
            return self._opened(new_record(self._host, lost=True), is_new=True, set_aside=aside.name)
        return self._opened(record)

    def _opened(self, record: Record, *, is_new: bool = False, set_aside: str = "") -> Opened:
        elapsed_s = 0.0 if record.time.knows(self._host) or is_new else self._elapsed_s(record)
        now = record.time.move(self._host, elapsed_s)
        last = self._last
        forgot_us = last is not None and (record.lineage != last.lineage or record.serial < last.serial)
        if last is not None and forgot_us and not is_new:
            # Another file than ours, made since after a loss, is as it should be. Anything else is an older
            # copy that somebody put back: it does not know the others either.
            is_heir = record.lineage != last.lineage and (record.lost_at or 0.0) >= last.now - _ABOUT_S
            if not is_heir:
                record.lineage, record.lost_at = new_lineage(), now
        return Opened(
            record=record,
            now=now,
            offset=now - self._host.seconds(),
            forgot_us=forgot_us,
            is_new=is_new,
            set_aside=set_aside,
        )

    def _elapsed_s(self, record: Record) -> float:
        """How long ago the file was written, by the clock of the volume.

        A copy may have a date of its own: where that is far from what our clock says, the less counts.
        """
        by_wall = self._host.wall() - record.time.wall
        self._host.touch(self._beside)
        by_volume = self._beside.stat().st_mtime - self.path.stat().st_mtime
        agree = abs(by_volume - by_wall) <= _MOST_SKEW_S
        return max(0.0, by_volume if agree else min(by_wall, by_volume))

    def _save(self, record: Record) -> None:
        record.serial += 1
        try:
            data = encode_record(record)
            with self._beside.open("wb", buffering=0) as file:
                while data:  # a full disk takes a part, and refuses the rest with an error
                    data = data[file.write(data) :]
            self._host.touch(self._beside)
            self._check_lock()
            self._beside.replace(self.path)
        except OSError:
            with suppress(OSError):
                self._beside.unlink()
            raise
        self._last = _Last(lineage=record.lineage, serial=record.serial, now=record.time.at)
        self._stamp = self._stamp_now()

    def _check_lock(self) -> None:
        if not self._lock.holds():
            msg = "its lock was taken away while we held it"
            raise OSError(msg)

    def _stamp_now(self) -> tuple[int, int] | None:
        try:
            stat = os.stat(self.path)  # noqa: PTH116 - asked many times a second
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns

    def _aside(self) -> Path:
        moment = datetime.fromtimestamp(self._host.wall(), UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = self.path.with_name(f"{self.path.name}.corrupt-{moment}")
        number = 1
        while aside.exists():
            number += 1
            aside = self.path.with_name(f"{self.path.name}.corrupt-{moment}-{number}")
        return aside
