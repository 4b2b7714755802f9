"""Which commits show which addresses: of a private one GitHub says that it is there, not where."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gl2gh_batch.kit.git_process import GitProcess

NAMED_AT_MOST: Final = 10
_KEPT_AT_MOST: Final = 10_000


async def commits_by_address(process: GitProcess, mirror: Path) -> list[str]:
    """The newest commit of each address, those first that most commits show; as many as one looks at.

    Of the branches and tags of the mirror. The addresses themselves are nobody's business.
    """
    newest: dict[bytes, bytes] = {}
    counts: dict[bytes, int] = {}
    arguments = ("log", "--branches", "--tags", "--no-show-signature", "--format=%H%x1f%ae%x1f%ce")
    async for line in process.lines(*arguments, mirror=mirror):
        sha, _, addresses = line.rstrip(b"\n").partition(b"\x1f")
        for address in {one.lower() for one in addresses.split(b"\x1f")}:
            if address in newest or len(newest) < _KEPT_AT_MOST:
                newest.setdefault(address, sha)
                counts[address] = counts.get(address, 0) + 1
    ranked = sorted(newest, key=lambda address: -counts[address])
    shas = dict.fromkeys(newest[address].decode("ascii", "replace") for address in ranked)
    return list(shas)[:NAMED_AT_MOST]
