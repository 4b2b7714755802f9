"""A push that is larger than what GitHub takes at once, cut into several by history.

Source: "Repository limits" of GitHub's documentation: at most 2 GiB in one push. A branch arrives in steps
along its first parents, each of which is a fast-forward of the one before; nothing is ever forced.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Final

from gl2gh_batch.kit.git_process import GitProcess, failure

# 2 GiB, less what a pack made for the push may be larger by than the objects as they lie in the mirror.
PUSH_BYTES: Final = 2 * 1024**3 * 9 // 10


def lies_in(mirror: Path) -> int:
    """The bytes of all objects in a mirror: no push of it is larger by much."""
    return sum(file.stat().st_size for file in (mirror / "objects").rglob("*") if file.is_file())


class PushParts:
    """Cuts pushes of one mirror into parts of at most `limit` bytes."""

    def __init__(self, process: GitProcess, mirror: Path, limit: int) -> None:
        self._process = process
        self._mirror = mirror
        self._limit = limit

    async def of(self, refs: Mapping[str, str], held: Iterable[str]) -> list[dict[str, str]]:
        """The pushes (ref → object id) that bring `refs` to a target with the objects `held`, in order.

        A commit that is too large by itself, or that merges what is, makes a part over the limit: only GitHub
        can say whether it takes that.
        """
        known = set(held)
        parts: list[dict[str, str]] = []
        group: dict[str, str] = {}
        # Branches first: a tag cannot be moved, and mostly is on one.
        for name, sha in sorted(refs.items(), key=lambda one: (not one[0].startswith("refs/heads/"), one[0])):
            if await self._bytes([*group.values(), sha], known) > self._limit and group:
                parts.append(group)
                known |= set(group.values())
                group = {}
            if name.startswith("refs/heads/"):
                async for cut in self._cuts(sha, known):
                    parts.append({name: cut})
                    known.add(cut)
            group[name] = sha
        return [*parts, group] if group else parts

    async def _cuts(self, sha: str, known: set[str]) -> AsyncIterator[str]:
        while await self._bytes([sha], known) > self._limit:
            chain = await self._chain(sha, known)
            low, high = 0, len(chain) - 1
            # The furthest commit that is not too much; sizes grow along the chain.
            while low < high:
                middle = (low + high + 1) // 2
                if await self._bytes([chain[middle]], known) <= self._limit:
                    low = middle
                else:
                    high = middle - 1
            if not chain or chain[low] == sha:
                return
            yield chain[low]

    async def _chain(self, sha: str, known: Iterable[str]) -> list[str]:
        """The commits along the first parents that the target lacks, oldest first."""
        return (await self._rev_list([sha], known, "--first-parent", "--reverse")).split()

    async def _bytes(self, wanted: Iterable[str], known: Iterable[str]) -> int:
        return int(await self._rev_list(wanted, known, "--objects", "--disk-usage"))

    async def _rev_list(self, wanted: Iterable[str], known: Iterable[str], *options: str) -> str:
        lines = [*wanted, *(f"^{sha}" for sha in known)]
        done = await self._process.run(
            "rev-list",
            *options,
            "--ignore-missing",
            "--stdin",
            mirror=self._mirror,
            stdin="".join(f"{line}\n" for line in lines).encode(),
        )
        if done.code:
            raise failure("rev-list", done)
        return done.output.decode("ascii")
