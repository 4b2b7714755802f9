"""A disk that breaks at any write, and a death in the middle of one: everything kept, nothing sent twice."""

from __future__ import annotations

import asyncio
import errno
import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, differing, issue, project
from shell import Shell
from torture import in_parts, turns
from warm import COLD

SOURCE = Path(__file__).parent.parent / "support" / "failing_disk.c"
ERRORS = {
    errno.EIO: "Input/output error",
    errno.ENOSPC: "No space left",
    errno.EROFS: "Read-only file system",
}
DAMAGED = "work-dir-damaged"
KILLED = 0  # no error: the process dies there

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler on this machine")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that breaks the disk of whoever preloads it."""
    built = tmp_path_factory.mktemp("shim") / "failing_disk.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(built), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True, capture_output=True)
    return built


class Disk:
    """A folder whose disk breaks for the program that is run in it."""

    def __init__(self, lab: Lab, shell: Shell, shim: Path) -> None:
        self.lab = lab
        self.shell = shell
        self.shim = shim
        self.work = shell.folder / "gl2gh-work"
        self.planned = shell.folder / "planned"

    async def apply(self, nth: int, number: int = errno.EIO, *, stays: bool = False) -> tuple[int, str, int]:
        """Apply with a disk that breaks at the nth write: exit code, all that was said, writes seen."""
        told = self.shell.folder / "seen"
        # A rate-limit file that cannot be written makes a run slow on purpose (test_rate_file_trouble.py).
        process = await self.shell.start(
            "run",
            *self.shell.flags(self.lab),
            f"--rate-limit-file={self.shell.folder / 'rate-limit.json'}",
            "--project-ids=17",
            "--mode=APPLY",
            env={
                **self.shell.tokens(self.lab),
                "LD_PRELOAD": str(self.shim),
                "FAILING_BELOW": str(self.work),
                "FAILING_AT": str(nth),
                "FAILING_ERRNO": str(number),
                "FAILING_ON": "1" if stays else "0",
                "FAILING_SEEN": str(told),
            },
            program=COLD,  # a library is loaded before the first line of Python
        )
        ended = await asyncio.wait_for(self.shell.ended(process), 60)
        return ended.code, ended.out + ended.err, int(told.read_text()) if ended.code >= 0 else 0

    async def resume(self, said: str) -> None:
        """The same once more on a disk that is whole; in this process, which costs no start of another."""
        result = await self.lab.run("APPLY", work=self.work)
        assert result["status"] == "success", (said, result.get("error"))

    async def again(self) -> None:
        """Everything as it was after the plan."""
        await self.lab.control("POST", "reset")
        shutil.rmtree(self.work)
        shutil.copytree(self.planned, self.work)


@pytest.fixture
async def disk(open_lab: Any, tmp_path: Path, shim: Path) -> Disk:
    """A plan to apply; the folder is at a path without links, as the kernel tells it."""
    lab: Lab = await open_lab(project(issues=[issue(1), issue(2), issue(4)]))
    folder = tmp_path.resolve() / "here"
    folder.mkdir()
    shell = Shell(folder)
    assert (await shell.run(lab, "--project-ids=17")).code == 0
    shutil.copytree(folder / "gl2gh-work", folder / "planned")
    return Disk(lab, shell, shim)


@in_parts
@pytest.mark.timeout(2 * 3600)
async def test_a_write_that_fails_anywhere(disk: Disk, subtests: Any, part: int) -> None:
    """At the Nth write, once or from then on: it says where and what to do, and the next run goes on."""
    lab = disk.lab
    code, said, writes = await disk.apply(10**9)
    assert code == 0, said
    wanted = await lab.settled()
    refused = 0
    for number, rng in turns("failing disk", part, 3, 300):
        nth, kind, stays = rng.randint(1, writes), rng.choice(list(ERRORS)), bool(number % 2)
        with subtests.test(f"write {nth} of {writes}: {errno.errorcode[kind]}{' and on' if stays else ''}"):
            await disk.again()
            code, said, _ = await disk.apply(nth, kind, stays=stays)
            assert "Traceback" not in said
            assert code in {0, 1}, said
            if code:
                refused += 1
                assert any(words in said for words in ERRORS[kind]), said
                assert disk.work.name in said, said
                assert "run the same command again: it resumes" in said, said
                result = disk.work / "batch-result.json"
                found = json.loads(result.read_bytes())["results"] if result.is_file() else []
                if not stays:
                    assert {one["error"]["reason"] for one in found if one.get("error")} <= {DAMAGED}, found
            await disk.resume(said)
            assert differing(await lab.settled(), wanted) == []
    print(f"{writes} writes, {refused} runs refused to go on")
    assert refused


@in_parts
@pytest.mark.timeout(2 * 3600)
async def test_killed_in_the_middle_of_a_write(disk: Disk, subtests: Any, part: int) -> None:
    """With half of any write on disk, of the ledger or of any other file, the next run goes on."""
    lab = disk.lab
    code, said, writes = await disk.apply(10**9)
    assert code == 0, said
    wanted = await lab.settled()
    kills = 0
    for _, rng in turns("torn writes", part, 5, 300):
        nth = rng.randint(1, writes)
        with subtests.test(f"write {nth} of {writes}"):
            await disk.again()
            code, said, _ = await disk.apply(nth, KILLED)
            # Timers make some more or fewer writes: the last ones are not met in every run.
            assert code in {0, -signal.SIGKILL}, said
            kills += code != 0
            await disk.resume(said)
            assert differing(await lab.settled(), wanted) == []
    print(f"{writes} writes, {kills} kills")
    assert kills
