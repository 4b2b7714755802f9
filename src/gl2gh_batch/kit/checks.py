"""Whether this machine is fit for a migration: git, git-lfs, room and rights in the work directory."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.checks import Check, bad, good, warning
from gl2gh_batch.domain.errors import GitError
from gl2gh_batch.kit.git_process import GitProcess

# `GIT_CONFIG_COUNT` (git 2.31) carries credentials past the command line.
OLDEST_GIT: Final = (2, 32)
LITTLE_BYTES: Final = 5 * 1000**3
_VERSION: Final = re.compile(r"(\d+)\.(\d+)")


async def check_machine(work_dir: Path) -> AsyncIterator[Check]:
    """git and git-lfs by their versions, then the work directory."""
    with tempfile.TemporaryDirectory(prefix="gl2gh-doctor-") as scratch:
        git = GitProcess(Path(scratch))
        yield await _git(git)
        yield await _git_lfs(git)
    yield _room(work_dir)


async def _git(git: GitProcess) -> Check:
    try:
        said = (await git.run("--version")).output.decode(errors="replace").strip()
    except GitError as error:
        return bad("git", error.message, error.remedy)
    found = _VERSION.search(said)
    if found is None or tuple(int(part) for part in found.groups()) < OLDEST_GIT:
        oldest = ".".join(map(str, OLDEST_GIT))
        return bad("git", said, f"Install git {oldest} or newer.")
    return good("git", said)


async def _git_lfs(git: GitProcess) -> Check:
    try:
        done = await git.run("lfs", "version")
    except GitError as error:
        return bad("git-lfs", error.message, error.remedy)
    if done.code:
        return warning(
            "git-lfs",
            "not installed",
            "Install git-lfs: projects with LFS objects cannot be moved whole without it.",
        )
    return good("git-lfs", done.output.decode(errors="replace").strip())


def _room(work_dir: Path) -> Check:
    place = work_dir
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return bad(
            "work directory", f"{place} cannot be written", "Name another work_dir, or change its rights."
        )
    free = shutil.disk_usage(place).free
    said = f"{work_dir}, {free / 1000**3:,.0f} GB free"
    if free < LITTLE_BYTES:
        return warning(
            "work directory",
            said,
            "The repositories, their LFS objects and files are kept here while they move: DISCOVER_ONLY tells"
            " their sizes.",
        )
    return good("work directory", said)
