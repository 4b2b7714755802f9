"""A lock on a file that is tried and never waited for; by `flock`, or by a folder where there is no `flock`.

The kernel lets go of a `flock` when its holder dies, however it dies. A folder stays: when its holder has not
changed it for `stale_s`, by our own clock, it is moved away and the lock is free. A holder that was only
asleep finds out by `holds()`, which it must ask before it writes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

DEFAULT_STALE_S: Final = 10.0
_BUSY: Final = frozenset({errno.EAGAIN, errno.EACCES, errno.EINTR})
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})


class FileLock:
    """The lock `path`, which is never deleted; `path` + `.d` is the folder used where `flock` is refused.

    Raises `OSError` when neither can be made there. `flock` is what is called to lock.
    """

    def __init__(
        self,
        path: Path,
        *,
        stale_s: float = DEFAULT_STALE_S,
        flock: Callable[[int, int], None] = fcntl.flock,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._folder = path.with_name(path.name + ".d")
        self._stale_s = stale_s
        self._flock = flock
        self._seconds = seconds
        self._fd: int | None = None
        self._by_folder = False
        self._mark = ""
        self._seen: tuple[tuple[int, int], float] | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free."""
        if not self._by_folder:
            try:
                return self._try_flock()
            except OSError as error:
                if error.errno not in _NO_LOCKS:
                    raise
                self._by_folder = True
        return self._try_folder()

    def holds(self) -> bool:
        """Whether the lock is still ours."""
        if not self._by_folder:
            return True
        try:
            return os.listdir(self._folder) == [self._mark]  # noqa: PTH208 - one name is compared, no paths made
        except OSError:
            return False

    def release(self) -> None:
        """Let go; does nothing for a lock that was taken away from us."""
        if not self._by_folder:
            if self._fd is not None:
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        elif self.holds():
            with suppress(OSError):
                (self._folder / self._mark).unlink()
                self._folder.rmdir()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _try_flock(self) -> bool:
        for _ in range(3):
            if self._fd is None:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                self._flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in _BUSY:
                    return False
                self.close()
                raise
            if self._is_current(self._fd):
                return True
            self.close()  # somebody deleted the file: what we hold is not what others ask for
        return False

    def _is_current(self, fd: int) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        here = os.fstat(fd)
        return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)

    def _try_folder(self) -> bool:
        mark = secrets.token_hex(8)
        beside = self._folder.with_name(f"{self._folder.name}.{mark}")
        beside.mkdir()
        try:
            (beside / mark).touch()
            # A folder can be renamed onto an empty one only, so who comes second fails, with the mark inside.
            beside.rename(self._folder)
        except OSError as error:
            with suppress(OSError):
                (beside / mark).unlink()
            with suppress(OSError):
                beside.rmdir()
            if error.errno not in {errno.ENOTEMPTY, errno.EEXIST, errno.EACCES, errno.EPERM}:
                raise
            self._break_if_stale()
            return False
        self._mark = mark
        self._seen = None
        return True

    def _break_if_stale(self) -> None:
        try:
            stat = self._folder.stat()
        except OSError:
            self._seen = None
            return
        now, known = self._seconds(), (stat.st_ino, stat.st_mtime_ns)
        if self._seen is None or self._seen[0] != known:
            self._seen = (known, now)
            return
        if now - self._seen[1] < self._stale_s:
            return
        aside = self._folder.with_name(f"{self._folder.name}.{secrets.token_hex(8)}")
        with suppress(OSError):
            self._folder.rename(aside)
            if aside.stat().st_ino != known[0]:
                aside.rename(self._folder)  # somebody else broke it and took it in between
                return
            for name in aside.iterdir():
                name.unlink()
            aside.rmdir()
        self._seen = None
