"""In which lists, quotes, tables and fences each line of a block stands, and how to open them again."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import pyromark

from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS

_MARK: Final = re.compile(rb"(?:[-+*]|[0-9]{1,9}[.)])(?:[ ]{1,4}(?=[^ \n])|[ ]?)")
_QUOTE: Final = re.compile(rb"[ ]{0,3}>[ ]?")
_FENCE: Final = re.compile(rb"(`{3,}|~{3,})[^\n]*")
_LONGEST_FENCE: Final = 200
_INSIDE_FENCE: Final = 100


@dataclass(frozen=True, slots=True)
class _Box:
    """A list item or a quote: `mark` opens it, its words begin at `column`."""

    start: int
    end: int
    mark: bytes
    quote: bool
    column: int
    parent: int | None

    @property
    def width(self) -> int:
        return len(self.mark)


@dataclass(frozen=True, slots=True)
class _Fenced:
    start: int
    end: int
    opening: bytes
    fence: bytes


class Nesting:
    """One block of Markdown, in bytes; places are offsets of lines' beginnings in it."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._boxes: list[_Box] = []
        self._fences: list[_Fenced] = []
        self._table: tuple[int, int, bytes] | None = None
        inner: int | None = None
        for event, place in pyromark.events_with_range(block.decode(), options=GITHUB_OPTIONS):
            if not isinstance(event, dict) or "Start" not in event:
                continue
            tag, start, end = event["Start"], place["start"], place["end"]
            while inner is not None and self._boxes[inner].end <= start:
                inner = self._boxes[inner].parent
            if tag == "Item" or (isinstance(tag, dict) and "BlockQuote" in tag):
                self._boxes.append(self._box(start, end, inner, quote=tag != "Item"))
                inner = len(self._boxes) - 1
            elif isinstance(tag, dict) and isinstance(tag.get("CodeBlock"), dict):
                self._fence(start, end)
            elif isinstance(tag, dict) and "Table" in tag and inner is None:
                second = block.find(b"\n", block.find(b"\n", start) + 1) + 1
                self._table = (second, end, block[self._line(start) : second])
        self._fence_starts = [one.start for one in self._fences]
        self._box_starts = [one.start for one in self._boxes]
        self.longest_closing = max((len(self.closing(one.start + 1)) for one in self._fences), default=0)

    def opening(self, place: int) -> bytes:
        """What has to stand in front of the line at `place` when a new text begins with it."""
        if self._table and self._table[0] <= place < self._table[1]:
            return self._table[2]
        marks = self._marks(place)
        fence = self._fenced(place)
        return marks + (fence.opening + b"\n" if fence else b"")

    def closing(self, place: int) -> bytes:
        """What has to stand behind the line before `place` when a text ends with it."""
        fence = self._fenced(place)
        return self._marks(fence.start, spaces=True) + fence.fence + b"\n" if fence else b""

    def continued(self, start: int, end: int) -> bytes:
        """The line from `start` to `end`, as it stands behind its `opening`."""
        line = self._block[start:end]
        if self._fenced(start):
            return line
        for box in self._open(start):
            if box.quote:
                found = _QUOTE.match(line)
                line = line[found.end() :] if found else line
            else:
                spaces = len(line) - len(line.lstrip(b" "))
                line = line[min(spaces, box.width) :]
        return line

    def best(self, lines: list[tuple[int, int]], first: int, last: int) -> int:
        """The number of the line to begin a new text with: the least nested of the later half."""
        low = max(first, last - max(1, (last - first) // 2))
        numbers = range(last, low - 1, -1)
        return min(numbers, key=lambda number: self._depth(lines[number][0]))

    def _depth(self, place: int) -> int:
        depth = len(self._open(place)) + (_INSIDE_FENCE if self._fenced(place) else 0)
        blank_before = self._block[max(0, place - 2) : place] in {b"\n\n", b"\n"}
        # A mark with nothing behind it would open no list.
        blank = not self._block[place : self._block.find(b"\n", place) + 1 or None].strip(b" >\n")
        return 2 * depth - blank_before + blank * _INSIDE_FENCE

    def _line(self, place: int) -> int:
        return self._block.rfind(b"\n", 0, place) + 1

    def _box(self, start: int, end: int, parent: int | None, *, quote: bool) -> _Box:
        column = 0 if parent is None else self._boxes[parent].column
        indent = max(0, min(start - self._line(start) - column, 3))
        found = (_QUOTE if quote else _MARK).match(self._block, start)
        mark = b" " * indent + (found.group() if found else b"- ")
        if not mark.endswith(b" "):
            mark += b" "
        return _Box(start, end, mark, quote, column + len(mark), parent)

    def _fence(self, start: int, end: int) -> None:
        found = _FENCE.match(self._block, start)
        if found and len(found.group()) <= _LONGEST_FENCE:
            self._fences.append(_Fenced(start, end, found.group(), found.group(1)))

    def _fenced(self, place: int) -> _Fenced | None:
        number = bisect_left(self._fence_starts, place) - 1
        if number < 0:
            return None
        fence = self._fences[number]
        # The closing line is part of the block: a cut before it would leave an empty one.
        return fence if fence.start < place < fence.end else None

    def _open(self, place: int) -> list[_Box]:
        """The boxes that stand open at a place, the outermost first."""
        number: int | None = bisect_left(self._box_starts, place) - 1
        found: list[_Box] = []
        while number is not None and number >= 0:
            box = self._boxes[number]
            if place < box.end:
                found.append(box)
            number = box.parent
        return found[::-1]

    def _marks(self, place: int, *, spaces: bool = False) -> bytes:
        boxes = self._open(place)
        return b"".join(b" " * one.width if spaces and not one.quote else one.mark for one in boxes)
