"""Cutting a text that is too long for GitHub, at places where Markdown does not mind.

GitHub allows 65,536 characters in a body ("body is too long (maximum is 65536 characters)") and does not say
what it counts; bytes of UTF-8 are the strictest reading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import pyromark

from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS
from gl2gh_batch.rewrite.nesting import Nesting

BODY_LIMIT_BYTES: Final = 65_536
_SMALLEST_LIMIT: Final = 64
_LINE: Final = re.compile(rb"[^\n]*\n?")


def split(text: str, limit: int = BODY_LIMIT_BYTES) -> list[str]:
    """The text in pieces of at most `limit` bytes of UTF-8 each.

    Pieces end between blocks where they can. A block that is cut itself goes on as what it was: its lists,
    quotes, table and fence are opened again, and a fence is closed before the cut. The pieces joined are the
    text, but for that. A text that fits is returned as it is. Raises `ValueError` for a limit below 64.
    """
    if limit < _SMALLEST_LIMIT:
        msg = f"a text cannot be cut into pieces of {limit} bytes"
        raise ValueError(msg)
    data = text.encode()
    if len(data) <= limit:
        return [text]
    pieces: list[bytes] = []
    current = b""
    for block in _blocks(data):
        if current and len(current) + len(block) > limit:
            pieces.append(current)
            current = b""
        if len(block) <= limit:
            current += block
        else:
            *whole, current = _cut(block, limit)
            pieces += whole
    return [piece.decode() for piece in (*pieces, current) if piece]


def _blocks(data: bytes) -> Iterator[bytes]:
    """The top-level blocks with the space behind them."""
    starts: list[int] = []
    depth = 0
    for event, place in pyromark.events_with_range(data.decode(), options=GITHUB_OPTIONS):
        if isinstance(event, dict) and "Start" in event:
            if depth == 0:
                # Indentation in front of a block belongs to it.
                starts.append(data.rfind(b"\n", 0, place["start"]) + 1)
            depth += 1
        elif isinstance(event, dict) and "End" in event:
            depth -= 1
    places = [0, *starts, len(data)]
    for start, end in pairwise(places):
        if start < end:
            yield data[start:end]


def _cut(block: bytes, limit: int) -> Iterator[bytes]:
    """A block that is too long, in pieces."""
    nesting = Nesting(block)
    lines = [found.span() for found in _LINE.finditer(block) if found.group()]
    room = limit - nesting.longest_closing - 1
    first = 0
    while first < len(lines):
        start, end = lines[first]
        head, line, tail = nesting.opening(start), nesting.continued(start, end), nesting.closing(start)
        if len(head) + nesting.longest_closing > limit // 4:
            # Too deep to be opened again.
            yield from _characters(block[start:end], limit)
            first += 1
        elif len(head) + len(line) > room:
            for part in _characters(line, room - len(head)):
                yield head + part + (tail if part.endswith(b"\n") or not tail else b"\n" + tail)
            first += 1
        else:
            size = len(head) + len(line) - end
            last = first + 1
            while last < len(lines) and size + lines[last][1] <= room:
                last += 1
            if last < len(lines):
                last = nesting.best(lines, first + 1, last)
            piece = head + line + block[end : lines[last - 1][1]]
            yield piece + (nesting.closing(lines[last][0]) if last < len(lines) else b"")
            first = last


def _characters(data: bytes, limit: int) -> Iterator[bytes]:
    """Pieces of at most `limit` bytes: cut behind a space, else between characters."""
    start = 0
    while len(data) - start > limit:
        end = start + limit
        place = data.rfind(b" ", start, end)
        if place > start:
            end = place + 1
        else:
            while data[end] & 0xC0 == 0x80:
                end -= 1
        yield data[start:end]
        start = end
    yield data[start:]
