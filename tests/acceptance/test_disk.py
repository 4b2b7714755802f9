"""A disk that is full or read-only: one clear message, everything kept, and the next run goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, differing, issue, project
from shell import Shell
from torture import in_parts, turns

# A file system of its own, without rights: user and mount namespaces.
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]
SCRIPT = """
set -u
mount -t tmpfs -o size={size}k none "$DISK" || exit 99
cp -r "$PLANNED/." "$DISK/" 2>/dev/null
{first}
"$@" >"$OUT.1" 2>&1; echo "$?" >"$OUT.code"
{second}
"$@" >"$OUT.2" 2>&1; echo "$?" >>"$OUT.code"
"""


def _has_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    probe = [*UNSHARE, "sh", "-c", "mount -t tmpfs none /mnt"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(not _has_namespaces(), reason="no user namespaces on this machine")


async def _planned(open_lab: Any, tmp_path: Path) -> tuple[Lab, Shell, Any, int]:
    lab = await open_lab(project(issues=[issue(one) for one in range(1, 7)]))
    folder = tmp_path / "here"
    folder.mkdir()
    shell = Shell(folder)
    assert (await shell.run(lab, "--project-ids=17")).code == 0
    shutil.move(folder / "gl2gh-work", folder / "planned")
    shutil.copytree(folder / "planned", folder / "gl2gh-work")
    assert (await shell.run(lab, "--project-ids=17", "--mode=APPLY")).code == 0
    wanted = await lab.settled()
    planned_kb = sum(one.stat().st_blocks for one in (folder / "planned").rglob("*")) // 2
    return lab, shell, wanted, planned_kb


async def _twice(lab: Lab, shell: Shell, size_kb: int, first: str, second: str) -> list[tuple[int, str]]:
    """Apply on a small disk, change the disk, apply again; both exit codes and what was said."""
    disk, out = shell.folder / "disk", shell.folder / "out"
    disk.mkdir(exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *UNSHARE, "sh", "-c", SCRIPT.format(size=size_kb, first=first, second=second), "sh",
        sys.executable, "-m", "gl2gh_batch", "run", *shell.flags(lab),
        "--project-ids=17", "--mode=APPLY", f"--work-dir={disk}",
        # Elsewhere, since a run whose file of limits cannot be written goes on, as slowly as is safe.
        f"--rate-limit-file={shell.folder / 'rate-limit.json'}",
        cwd=shell.folder,
        env={
            "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **shell.tokens(lab),
            "DISK": str(disk), "PLANNED": str(shell.folder / "planned"), "OUT": str(out),
        },
    )  # fmt: skip
    assert await process.wait() == 0
    codes = Path(f"{out}.code").read_text().split()
    return [(int(code), Path(f"{out}.{number}").read_text()) for number, code in enumerate(codes, start=1)]


@in_parts
@pytest.mark.timeout(3600)
async def test_a_full_disk(open_lab: Any, tmp_path: Path, subtests: Any, part: int) -> None:
    """Wherever the room ends: no traceback, a remedy, and after making room the very same target."""
    lab, shell, wanted, planned_kb = await _planned(open_lab, tmp_path)
    failed = 0
    for _, rng in turns("full disk", part, 3, 60):
        spare_kb = rng.randint(0, 260)
        with subtests.test(f"{spare_kb} kB left"):
            await lab.control("POST", "reset")
            bigger = 'mount -o remount,size=200m none "$DISK"; cp -rn "$PLANNED/." "$DISK/"'
            (code, said), (again, told) = await _twice(lab, shell, planned_kb + spare_kb, ":", bigger)
            assert "Traceback" not in said
            if code:
                failed += 1
                assert code == 1, said
                assert any(word in said for word in ("room", "space", "rights", "Delete", "again")), said
            assert (again, "Traceback" in told) == (0, False), (said, told)
            assert differing(await lab.settled(), wanted) == []
    assert failed


async def test_a_read_only_disk(open_lab: Any, tmp_path: Path) -> None:
    """On a read-only disk nothing is written to GitHub, and the message says what to do."""
    lab, shell, wanted, planned_kb = await _planned(open_lab, tmp_path)
    await lab.control("POST", "reset")
    mark = lab.mark()
    read_only = 'mount -o remount,ro none "$DISK"'
    (code, said), (again, told) = await _twice(
        lab, shell, planned_kb + 20_000, read_only, 'mount -o remount,rw none "$DISK"'
    )
    assert code in {1, 2}, said
    assert "Traceback" not in said
    assert "rights" in said or "written" in said, said
    assert again == 0, told
    assert len([one for one in lab.writes(mark) if one.endswith("/import/issues")]) == 6
    assert differing(await lab.settled(), wanted) == []
