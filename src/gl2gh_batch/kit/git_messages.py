"""Which numbers the messages of a history name: they stay as they were written."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gl2gh_batch.kit.git_process import Finished, GitProcess, failure

# GitLab docs, user/markdown ("GitLab-specific references"): `#12` and `!34`, with a path in front or without.
_NAMED: Final = re.compile(rb"(?<![\w./@&#!-])([\w.-]+(?:/[\w.-]+)*)?([#!])([1-9][0-9]{0,8})(?!\w)")
_READ_AT_ONCE: Final = 1 << 20
# A message is cut here: whatever stands behind was not typed.
_MOST_OF_A_MESSAGE: Final = 1 << 22
# Beyond so many different numbers further ones are only counted.
MOST_NUMBERS: Final = 100_000


@dataclass(slots=True, kw_only=True)
class NamedNumbers:
    """How many commits name each issue (`#12`) and each merge request (`!34`) of the project itself.

    `left_out` counts what was beyond the `most` different ones that are kept of each.
    """

    most: int = MOST_NUMBERS
    issues: Counter[int] = field(default_factory=Counter)
    merge_requests: Counter[int] = field(default_factory=Counter)
    left_out: int = 0

    def take(self, message: bytes, full_path: bytes) -> None:
        """Count what one message names, each once."""
        if b"#" not in message and b"!" not in message:
            return
        for sign, digits in {
            (found[2], found[3])
            for found in _NAMED.finditer(message)
            if not found[1] or found[1].lower() == full_path
        }:
            counts, number = self.issues if sign == b"#" else self.merge_requests, int(digits)
            if number not in counts and len(counts) >= self.most:
                self.left_out += 1
            else:
                counts[number] += 1


async def named_in_messages(process: GitProcess, mirror: Path, full_path: str) -> NamedNumbers:
    """What the messages of all commits name that branches and tags of the mirror lead to."""
    named, own = NamedNumbers(), full_path.lower().encode()
    left = b""
    arguments = ("log", "--branches", "--tags", "-z", "--no-show-signature", "--format=%B")
    async with process.started(*arguments, mirror=mirror) as git:
        assert git.stdout is not None
        assert git.stderr is not None
        complaining = asyncio.ensure_future(git.stderr.read())
        try:
            while chunk := await git.stdout.read(_READ_AT_ONCE):
                *messages, left = (left + chunk).split(b"\0")
                left = left[:_MOST_OF_A_MESSAGE]
                await asyncio.to_thread(_take_all, named, messages, own)
            await asyncio.to_thread(_take_all, named, [left], own)
            errors = await complaining
            code = await git.wait()
        finally:
            complaining.cancel()
            await asyncio.wait([complaining])
    if code:
        raise failure("log", Finished(code=code, output=b"", errors=process.clean(errors, None)))
    return named


def _take_all(named: NamedNumbers, messages: list[bytes], full_path: bytes) -> None:
    for message in messages:
        named.take(message, full_path)
