"""The machine that we run on: a clock that all its processes share, and which of them are alive."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import time
from pathlib import Path
from typing import Final, Protocol

_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_GONE: Final = frozenset({"Z", "X", "x"})


class Host(Protocol):
    """A place with a clock of its own; `clock_id` names the clock, `place` the set of process numbers."""

    @property
    def clock_id(self) -> str: ...
    @property
    def place(self) -> str: ...
    def seconds(self) -> float: ...
    def wall(self) -> float: ...
    def touch(self, path: Path) -> None: ...
    def process(self) -> tuple[int, int]: ...
    def is_alive(self, pid: int, started: int) -> bool | None: ...


class ThisHost:
    """Linux: CLOCK_BOOTTIME, one for all processes since the machine started, whatever is done to the date.

    Elsewhere the monotonic clock of this process alone, under a name of its own.
    """

    def __init__(self) -> None:
        boot_id = _read(_BOOT_ID)
        if boot_id and hasattr(time, "CLOCK_BOOTTIME"):
            self._clock = time.CLOCK_BOOTTIME
            # Containers share the boot id, but may have a time and process numbers of their own.
            self._clock_id = _short(boot_id, _namespace("time"))
            self._place = _short(boot_id, _namespace("pid"))
        else:
            self._clock = time.CLOCK_MONOTONIC
            self._clock_id = self._place = secrets.token_hex(8)

    @property
    def clock_id(self) -> str:
        """Whose `seconds` these are."""
        return self._clock_id

    @property
    def place(self) -> str:
        """Where process numbers mean what they mean here."""
        return self._place

    def seconds(self) -> float:
        """Seconds that only grow, also while the machine sleeps."""
        return time.clock_gettime(self._clock)

    def wall(self) -> float:
        """The date, as seconds since 1970; somebody may set it at any time."""
        return time.time()

    def touch(self, path: Path) -> None:
        """Give a file the present time of its volume; make it where it is missing."""
        path.touch()

    def process(self) -> tuple[int, int]:
        """The number of this process and when it started, which tells it from a later one of that number."""
        pid = os.getpid()
        return pid, _started(pid) or 0

    def is_alive(self, pid: int, started: int) -> bool | None:
        """Whether a process of this place lives; None when that cannot be seen."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError as error:
            if error.errno != errno.EPERM:
                return None
        now = _started(pid)
        return None if now is None else now == started


def _started(pid: int) -> int | None:
    """When a process started, in ticks; 0 for one that ended and was not waited for; None: not to be seen."""
    stat = _read(Path(f"/proc/{pid}/stat"))
    # man proc: the second field is the name in parentheses, which may hold anything
    fields = stat.rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return 0 if fields[0] in _GONE else int(fields[19])


def _namespace(kind: str) -> str:
    try:
        return str(Path(f"/proc/self/ns/{kind}").readlink())
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _short(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
