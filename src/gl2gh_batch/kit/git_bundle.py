"""Whole histories as single files that any git can clone: out of a mirror, and into one again."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.kit.git_process import Finished, GitProcess, failure
from gl2gh_batch.kit.git_refs import parse_refs

HEAD: Final = "HEAD"


class GitBundles:
    """Bundles, for the mirrors below one work directory."""

    def __init__(self, process: GitProcess) -> None:
        self._process = process

    async def write(self, mirror: Path, refs: Mapping[str, str], dest: Path, *, head: str = "") -> None:
        """Put these refs (full name → object id) with their whole history into one file.

        `head` is the branch, one of the refs, that a clone of the file checks out. The names need not be
        those of the mirror.
        """
        with tempfile.TemporaryDirectory(dir=self._process.home, prefix="bundle-") as place:
            apart = Path(place) / "refs.git"
            await self._git("init", "--bare", "--quiet", "--template=", mirror=apart)
            # The objects stay where they are; only the names are others.
            (apart / "objects" / "info").mkdir(parents=True, exist_ok=True)
            borrowed = apart / "objects" / "info" / "alternates"
            borrowed.write_text(f"{mirror.resolve() / 'objects'}\n", encoding="utf-8")
            await self._set(apart, refs)
            if head:
                await self._git("symbolic-ref", "--", HEAD, head, mirror=apart)
            dest.parent.mkdir(parents=True, exist_ok=True)
            await self._git("bundle", "create", "--quiet", str(dest.resolve()), "--all", mirror=apart)

    async def read(
        self, bundle: Path, mirror: Path, names: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Bring what a bundle holds into a mirror that is there; what it holds, by the bundle's names.

        `names` gives prefixes of the bundle's names → prefixes that they have in the mirror; without it they
        stay as they are. A bundle that is none raises `WorkDirectoryError`.
        """
        mirror = mirror.resolve()
        done = await self._process.run("bundle", "unbundle", str(bundle.resolve()), mirror=mirror)
        if done.code:
            raise WorkDirectoryError(
                f"{bundle.name} is no bundle that git can read: {_last_line(done)}",
                hint="Copy it again from where it was written.",
                item=bundle.name,
            )
        held = parse_refs(done.output)
        renamed = {}
        for name, sha in held.items():
            for prefix, place in (names or {"refs/": "refs/"}).items():
                if name.startswith(prefix):
                    renamed[f"{place}{name.removeprefix(prefix)}"] = sha
                    break
        await self._set(mirror, renamed)
        return held

    async def _set(self, mirror: Path, refs: Mapping[str, str]) -> None:
        lines = "".join(f"update {name} {sha}\n" for name, sha in sorted(refs.items()))
        await self._git("update-ref", "--stdin", mirror=mirror, stdin=lines.encode())

    async def _git(self, *arguments: str, mirror: Path, stdin: bytes | None = None) -> None:
        done = await self._process.run(*arguments, mirror=mirror, stdin=stdin)
        if done.code:
            raise failure(arguments[0], done)


async def emptied(mirror: Path) -> None:
    """Take a mirror away, whatever it is, so that a new one can be made in its place."""
    await asyncio.to_thread(shutil.rmtree, mirror, ignore_errors=True)


def _last_line(done: Finished) -> str:
    said = [line for line in done.errors.splitlines() if line.strip()]
    return said[-1].strip() if said else f"git ended with {done.code}"
