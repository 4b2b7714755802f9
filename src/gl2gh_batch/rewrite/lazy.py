"""Lines of one tag right behind a list's or a quote's paragraph, which two parsers read in two ways.

By CommonMark's words a tag alone on its line cannot end a paragraph, so that below `- a` the line `<b>`, not
indented, carries that paragraph on. GitHub's parser (and GitLab's, made after it) lets it begin raw HTML
all the same, up to the next empty line: there `[@x](y)` and code in backticks are words, and mentions in
them are live. An empty line before the tag says to every parser what GitHub's reads.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyromark

from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS, character_offsets
from gl2gh_batch.rewrite.raw_html import TAG
from gl2gh_batch.rewrite.runs import Edit, apply

_TAG_LINE: Final = re.compile(r"^([ \t>]*)(</?[A-Za-z][^\n]*>)[ \t\v\f\r]*$", re.MULTILINE)
_TAB_BEFORE_QUOTE: Final = re.compile(r"^([ >]*\t[ \t>]*)(?=>)", re.MULTILINE)
_MARK: Final = re.compile(r"[-+*]|[0-9]{1,9}[.)]")
_EMPTY_LINE: Final = re.compile(r"\n[ \t>]*\r?\n")
_LEAVES: Final = frozenset(("HtmlBlock", "CodeBlock", "MetadataBlock", "Table", "TableHead", "TableRow"))
_BOXES: Final = frozenset(("Item", "BlockQuote", "FootnoteDefinition"))
_BLOCKS: Final = _LEAVES | _BOXES | {"List", "Paragraph", "Heading", "TableCell"}
_TAB: Final = 4
_LONGEST_PADDING: Final = 4
_NEVER: Final = 1 << 30
# Each empty line can show the next place; who builds a text to need more of them gets one at every tag.
_ROUNDS: Final = 6


def lazy_edits(text: str) -> Iterator[Edit]:
    """Empty lines, with the signs of the quotes around, before the lines of one tag that need them."""
    found = [
        one.span(1)
        for one in _TAG_LINE.finditer(text)
        if TAG.fullmatch(one[2]) and _is_behind_words(text, one.start())
    ]
    return _settled(
        text, found, [Edit(start, start, f"{text[start:end].rstrip()}\n") for start, end in found]
    )


def tab_edits(text: str) -> Iterator[Edit]:
    """Spaces for tabs before the signs of quotes: our parser would not count them as GitHub's does."""
    found = [one.span(1) for one in _TAB_BEFORE_QUOTE.finditer(text)] if "\t" in text else []
    return _settled(text, found, [Edit(*one, text[slice(*one)].expandtabs(_TAB)) for one in found])


def _settled(text: str, places: list[tuple[int, int]], edits: list[Edit]) -> Iterator[Edit]:
    """Those of the edits, one a place, that are needed for both parsers to read the same."""
    chosen: set[int] = set()
    for _ in range(_ROUNDS if places else 0):
        moved, shift = [], 0
        for number, ((start, end), edit) in enumerate(zip(places, edits, strict=True)):
            # A line that is inserted stands before its place.
            shift += len(edit.text) if number in chosen and edit.end == edit.start else 0
            moved.append((start + shift, end + shift))
            shift += (
                len(edit.text) - (edit.end - edit.start) if number in chosen and edit.end > edit.start else 0
            )
        done = apply(text, (edits[number] for number in sorted(chosen)))
        if not (more := set(_Boxes(done).unlike(moved, chosen))):
            break
        chosen |= more
    else:
        chosen = set(range(len(places)))
    yield from (edits[number] for number in sorted(chosen))


def _is_behind_words(text: str, start: int) -> bool:
    above = text.rfind("\n", 0, max(start - 1, 0)) + 1
    return bool(text[above:start].strip())


@dataclass(frozen=True, slots=True)
class _Box:
    """A list item, a quote (`width` 0) or a footnote: its first line, and the column of its words there.

    `stop` is where its sign ends, in the source, and `behind_sign` the column of that.
    """

    name: str
    line: int
    stop: int
    behind_sign: int
    column: int
    width: int


class _Boxes:
    """Reads a text's blocks, and tells which lines do not stand in all the boxes that they carry on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._offsets: array[int] | None = None if text.isascii() else character_offsets(text)
        self._boxes: list[_Box] = []
        self._blocks: list[str] = []

    def unlike(self, places: list[tuple[int, int]], done: set[int]) -> Iterator[int]:
        """The numbers of the places, which are lines' marks, that our parser reads unlike GitHub's.

        Of lazy ones without an empty line between them the first alone: it changes how the others are read.
        """
        number, raw_until = 0, -1
        for event, place in pyromark.events_with_range(self._text, options=GITHUB_OPTIONS):
            if event.__class__ is not dict:
                continue
            if (tag := event.get("Start") or event.get("End")) is None:
                continue
            name = tag if tag.__class__ is str else next(iter(tag))
            if name not in _BLOCKS:
                continue
            begins = "Start" in event
            at = place["start"] if begins else place["end"]
            at = at if self._offsets is None else self._offsets[at]
            while number < len(places) and places[number][1] < at:
                start, words = places[number]
                if number in done or (self._blocks and self._blocks[-1] in _LEAVES):
                    pass
                elif self._text[words] == ">":
                    if self._boxes and self._is_deep(start, words):
                        yield number
                elif start >= raw_until and self._is_lazy(start, words):
                    yield number
                    found = _EMPTY_LINE.search(self._text, words)
                    raw_until = found.end() if found else len(self._text)
                number += 1
            if number == len(places):
                return
            self._step(name, at, begins=begins)

    def _step(self, name: str, at: int, *, begins: bool) -> None:
        if begins:
            self._blocks.append(name)
            if name in _BOXES:
                self._boxes.append(self._box(name, at))
        else:
            self._blocks.pop()
            if name in _BOXES:
                self._boxes.pop()

    def _is_lazy(self, start: int, words: int) -> bool:
        _, all_stand = self._walk(self._text[start:words].expandtabs(_TAB), self._boxes)
        return not all_stand and not self._is_deep(start, words)

    def _is_deep(self, start: int, words: int) -> bool:
        """True when it would be code, if no paragraph stood before it: so it carries that on for GitHub."""
        prefix = self._text[start:words].expandtabs(_TAB)
        return prefix.startswith(" " * _TAB, self._walk(prefix, self._boxes)[0])

    def _box(self, name: str, at: int) -> _Box:
        line = self._text.rfind("\n", 0, at) + 1
        # Behind a tab the parser may say that an item begins where its line does.
        signs = " \t>" if name == "Item" else " \t"
        while self._text[at : at + 1] in signs and at < len(self._text):
            at += 1
        outer = self._boxes[-1] if self._boxes else None
        if outer and outer.line == line and outer.stop <= at:
            before = outer.behind_sign + _width(self._text[outer.stop : at], outer.behind_sign)
            base = outer.column
        else:
            prefix = self._text[line:at].expandtabs(_TAB)
            before, base = len(prefix), self._walk(prefix, self._boxes)[0]
        mark = _MARK.match(self._text, at) if name == "Item" else None
        sign = len(mark.group()) if mark else 1
        column, stop = before + sign, at + sign
        behind = self._text[stop : stop + 2 * _TAB].partition("\n")[0].rstrip("\r")
        padding = _width(behind[: len(behind) - len(behind.lstrip(" \t"))], column)
        if name == "FootnoteDefinition":
            return _Box(name, line, stop, column, _NEVER, _TAB)
        if name == "BlockQuote":
            return _Box(name, line, stop, column, column + min(padding, 1), 0)
        if mark is None:
            return _Box(name, line, stop, column, _NEVER, _NEVER)
        padding = padding if 1 <= padding <= _LONGEST_PADDING and behind.strip() else 1
        return _Box(name, line, stop, column, column + padding, column + padding - base)

    @staticmethod
    def _walk(prefix: str, boxes: list[_Box]) -> tuple[int, bool]:
        """The column behind the marks of the boxes in a line's beginning, and whether all are there."""
        column = 0
        for box in boxes:
            spaces = 0
            while prefix.startswith(" ", column + spaces) and spaces < max(box.width, _TAB):
                spaces += 1
            if box.name != "BlockQuote":
                if spaces < box.width:
                    return column, False
                column += box.width
            elif spaces >= _TAB or not prefix.startswith(">", column + spaces):
                return column, False
            else:
                column += spaces + 1
                column += prefix.startswith(" ", column)
        return column, True


def _width(space: str, column: int) -> int:
    """How many columns a text takes that begins at one, its tabs counted."""
    return len((" " * (column % _TAB) + space).expandtabs(_TAB)) - column % _TAB
