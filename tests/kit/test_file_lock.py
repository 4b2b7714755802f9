"""The lock: one holder at a time, free when its holder dies, by a folder where there is no flock."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gl2gh_batch.kit.file_lock import FileLock


def refuse(fd: int, operation: int) -> None:
    """A file system without locks."""
    raise OSError(errno.ENOLCK, "no locks available")


class Watch:
    """A clock that the test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("flock", ["kernel", "folder"])
def test_one_holds_it_at_a_time(tmp_path: Path, flock: str) -> None:
    """Who comes second is told so at once, and has it when the first lets go."""
    more = {} if flock == "kernel" else {"flock": refuse}
    one, two = FileLock(tmp_path / "lock", **more), FileLock(tmp_path / "lock", **more)
    for first, second in [(one, two), (two, one)] * 3:
        assert first.try_acquire()
        assert not second.try_acquire()
        assert first.holds()
        first.release()
        assert second.try_acquire()
        second.release()
    one.close()
    two.close()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    """Signal 9 leaves a lock that is free."""
    script = (
        "import sys; from pathlib import Path; from gl2gh_batch.kit.file_lock import FileLock;"
        "print(FileLock(Path(sys.argv[1])).try_acquire(), flush=True); input()"
    )
    path = tmp_path / "lock"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        lock = FileLock(path)
        assert not lock.try_acquire()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert lock.try_acquire()
        lock.release()
        lock.close()


def test_a_deleted_lock_file_does_not_make_two_holders(tmp_path: Path) -> None:
    """A lock on a file that is not there any more is not taken for the lock."""
    path = tmp_path / "lock"
    one, two = FileLock(path), FileLock(path)
    assert one.try_acquire()
    one.release()
    path.unlink()
    assert two.try_acquire()
    assert not one.try_acquire()
    two.release()
    assert one.try_acquire()
    one.close()
    two.close()


def test_a_folder_that_nobody_leaves_is_broken_after_its_time_and_its_holder_finds_out(
    tmp_path: Path,
) -> None:
    """A holder that slept does not hold any more, and its release takes nothing from the next one."""
    watch = Watch()
    sleeper = FileLock(tmp_path / "lock", flock=refuse)
    other = FileLock(tmp_path / "lock", flock=refuse, stale_s=10.0, seconds=watch)
    assert sleeper.try_acquire()
    for watch.now in (0.0, 9.9):
        assert not other.try_acquire()
    watch.now = 10.0
    assert not other.try_acquire()
    assert other.try_acquire()
    assert not sleeper.holds()
    sleeper.release()
    assert other.holds()
    other.release()
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_empty_folder_of_one_that_died_while_letting_go_is_taken(tmp_path: Path) -> None:
    """Between the two steps of letting go the lock is free already."""
    (tmp_path / "lock.d").mkdir()
    lock = FileLock(tmp_path / "lock", flock=refuse)
    assert lock.try_acquire()


def test_where_nothing_can_be_made_it_says_so(tmp_path: Path) -> None:
    """A path below a file raises `OSError`."""
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        FileLock(tmp_path / "file" / "lock").try_acquire()
