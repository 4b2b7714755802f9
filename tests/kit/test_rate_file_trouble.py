"""Whatever happens to the file, its lock or its disk: slower, with a notice, never wrong, never an error."""

from __future__ import annotations

import asyncio
import errno
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fleets import FakeHost, Fleet, hurry, now
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.kit.file_lock import FileLock

# An example takes half a second: a failing one is not made smaller.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
ONE_POINT = {LimitClass.POINTS: 1}


def test_a_dead_process_leaves_its_turn_and_what_it_had_in_flight_stays_held(tmp_path: Path) -> None:
    """Its waiting requests hold nobody up; its requests under way count as ended when that is noticed."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=10, window_s=20.0)}, 2)
        cost = {LimitClass.POINTS: 1}
        tasks = [asyncio.create_task(fleet.send(0, cost, 500.0)) for _ in range(30)]
        await asyncio.sleep(1.0)
        fleet.files[0]._cancel_timer()
        fleet.dead.add(0)
        began = now()
        await fleet.send(1, cost)
        assert 20.0 <= now() - began <= 22.0
        for task in tasks:
            task.cancel()
        fleet.close()

    hurry(main)


def newer(path: Path) -> None:
    """Belongs to a newer version."""
    path.write_text('{"schema":"gl2gh-batch/rate-limit-file","version":9}')


def folder(path: Path) -> None:
    """Is a folder."""
    path.mkdir()


def pipe(path: Path) -> None:
    """Is a pipe, which nobody fills."""
    os.mkfifo(path)


def device(path: Path) -> None:
    """Leads to a device, which must stay where it is."""
    path.symlink_to("/dev/null")


@pytest.mark.parametrize("spoil", [newer, folder, pipe, device])
def test_a_file_that_cannot_be_used_makes_it_slow_and_not_fail(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """Alone and slowly while it lasts, with one notice; together again when the file is gone."""

    async def main() -> None:
        spoil(tmp_path / "rate-limit.json")
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=40, window_s=10.0)}, 3)
        began = now()
        await asyncio.gather(*(fleet.send(n, ONE_POINT) for n in range(3) for _ in range(30)))
        assert now() - began > 10 * 90 / 40
        assert fleet.server.violations == []
        assert len(fleet.notices()) == 3
        assert Path("/dev/null").is_char_device()
        if spoil is not device:  # what that leads to was settled when they began
            fleet.path.rmdir() if fleet.path.is_dir() else fleet.path.unlink()
            await asyncio.gather(*(fleet.send(n, ONE_POINT) for n in range(3) for _ in range(60)))
            assert [one.alone_because for one in fleet.files] == ["", "", ""]
            assert len(fleet.notices()) == 6
            assert fleet.server.violations == []
        fleet.close()

    hurry(main)


def test_a_name_that_no_file_can_have_makes_it_slow_and_not_hang(tmp_path: Path) -> None:
    """The library may be given any text."""

    async def main() -> None:
        fleet = Fleet(tmp_path / "a\0b", {LimitClass.POINTS: Limit(limit=40, window_s=10.0)}, 1)
        await asyncio.gather(*(fleet.send(0, ONE_POINT) for _ in range(3)))
        assert len(fleet.notices()) == 1
        fleet.close()

    hurry(main)


def test_a_lock_that_nobody_leaves_is_not_waited_for_forever(tmp_path: Path) -> None:
    """Whoever waited two seconds goes on alone, within what was free, and comes back afterwards."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=40, window_s=10.0)}, 2)
        await asyncio.gather(*(fleet.send(n, ONE_POINT) for n in range(2)))
        holder = FileLock(fleet.path.with_name(fleet.path.name + ".lock"))
        assert holder.try_acquire()
        began = now()
        await asyncio.gather(*(fleet.send(n, ONE_POINT) for n in range(2) for _ in range(5)))
        assert 2.0 < now() - began < 4.0
        assert all("lock" in one.alone_because for one in fleet.files)
        holder.release()
        holder.close()
        await asyncio.gather(*(fleet.send(n, ONE_POINT) for n in range(2) for _ in range(60)))
        assert [one.alone_because for one in fleet.files] == ["", ""]
        assert fleet.server.violations == []
        fleet.close()

    hurry(main)


def test_a_file_system_without_locks_is_as_exact(tmp_path: Path) -> None:
    """Where flock is refused a folder does the same."""

    def refuse(fd: int, operation: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=20, window_s=10.0)}, 0)
        for number in range(3):
            fleet.join(FakeHost(number), lock=FileLock(tmp_path / "l", flock=refuse, seconds=now))
        began = now()
        await asyncio.gather(*(fleet.send(n, ONE_POINT) for n in range(3) for _ in range(20)))
        assert 20 <= now() - began <= 20 / 0.95
        assert fleet.server.violations == []
        assert fleet.notices() == []
        fleet.close()

    hurry(main)


def test_a_full_disk_is_survived_and_the_old_file_stays(tmp_path: Path) -> None:
    """A process that may write no byte goes on alone, and the file is as it was."""
    script = """
import asyncio, resource, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from fleets import FakeHost, StrictServer, governor_of, hurry, send
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.kit.rate_file import RateLimitFile
LIMITS = {LimitClass.POINTS: Limit(limit=8, window_s=10.0)}
async def main():
    path = Path(sys.argv[1])
    file = RateLimitFile(path, host=FakeHost(1))
    governor, server = governor_of(file, LIMITS), StrictServer(LIMITS)
    await send(governor, server, {LimitClass.POINTS: 1}, "a")
    await asyncio.sleep(1)
    before = path.read_bytes()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
    await asyncio.gather(*(send(governor, server, {LimitClass.POINTS: 1}, "a") for _ in range(12)))
    assert path.read_bytes() == before and not path.with_name("r.json.new").exists()
    assert server.violations == [] and file.alone_because
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await asyncio.gather(*(send(governor, server, {LimitClass.POINTS: 1}, "a") for _ in range(12)))
    assert server.violations == [] and not file.alone_because
    file.close()
hurry(main)
print("done")
"""
    support = Path(__file__).resolve().parent.parent / "support"
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "r.json"), str(support)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("done\n", "")


@settings(max_examples=15, phases=WITHOUT_SHRINKING)
@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 20),
            st.sampled_from(["cut", "flip", "garbage", "delete", "old", "empty"]),
            st.floats(0, 1),
            st.integers(1, 255),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 2**32),
)
def test_whatever_is_done_to_the_file_the_limit_is_kept_and_all_are_served(
    attacks: list[tuple[float, str, float, int]], seed: int
) -> None:
    """Cut, changed, foreign, deleted, or an older copy put back, at any moment: no error and no violation."""

    async def main(folder: Path) -> None:
        fleet = Fleet(folder, {LimitClass.POINTS: Limit(limit=20, window_s=10.0)}, 4)
        copies: list[bytes] = []

        async def attack() -> None:
            for wait_s, how, where, bits in attacks:
                await asyncio.sleep(wait_s)
                if not fleet.path.is_file():
                    continue
                data = bytearray(fleet.path.read_bytes())
                copies.append(bytes(data))
                if how == "cut":
                    fleet.path.write_bytes(data[: int(where * len(data))])
                elif how == "flip" and data:
                    data[int(where * (len(data) - 1))] ^= bits
                    fleet.path.write_bytes(data)
                elif how == "garbage":
                    fleet.path.write_bytes(random.randbytes(50))
                elif how == "delete":
                    fleet.path.unlink()
                elif how == "old":
                    fleet.path.write_bytes(copies[0])
                else:
                    fleet.path.write_bytes(b"")

        attacking = asyncio.create_task(attack())
        sends = [fleet.send(n, ONE_POINT, 0.3) for n in range(4) for _ in range(15)]
        await asyncio.gather(*sends)
        await attacking
        assert fleet.server.violations == []
        assert sum(fleet.server.by.values()) == 60
        fleet.close()

    random.seed(seed)
    with TemporaryDirectory() as folder:
        hurry(lambda: main(Path(folder)))
