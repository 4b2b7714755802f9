"""Texts as GitHub sees them, each character with its place in the source, and edits of such places."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

ZERO_WIDTH_SPACE: Final = "\u200b"
NO_PLACE: Final = -1

_BRACKET: Final = re.compile(r"[\[\]]")
_UNUSABLE: Final = re.compile("[\x00\ud800-\udfff]")


class Edit(msgspec.Struct, frozen=True, gc=False):
    """Replace `start:end` (of a run, or of the source) by `text`.

    `guard` is where a zero-width space goes instead, when another edit takes part of the place. A struct that
    the garbage collector passes over: a hostile text makes a million of them, and time must stay linear.
    """

    start: int
    end: int
    text: str
    guard: int = NO_PLACE


class Run:
    """A text as GitHub sees it.

    `glued_before`/`glued_after`: only a raw tag, which may vanish, parts it from other text. `markdown` is
    False where Markdown syntax means nothing. A `raw` one stands between raw tags, and what is malformed
    within it may vanish too, so that nothing in it can be trusted to stay apart. `brackets` is how many
    square ones are open where it begins; `first` when nothing stands before it in its paragraph; `inside_tag`
    when a raw tag of code or of a link stands open around it.
    """

    __slots__ = (
        "_length",
        "_parts",
        "_pieces",
        "_source",
        "_starts",
        "brackets",
        "first",
        "glued_after",
        "glued_before",
        "inside_tag",
        "markdown",
        "raw",
        "text",
    )

    def __init__(
        self, source: str, *, markdown: bool = True, glued_before: bool = False, raw: bool = False
    ) -> None:
        self.text = ""
        self.brackets = 0
        self.first = False
        self.inside_tag = False
        self._source = source
        self.markdown = markdown and not raw
        self.raw = raw
        self.glued_before = glued_before
        self.glued_after = False
        self._parts: list[str] = []
        self._length = 0
        self._starts: list[int] = []
        self._pieces: list[tuple[int, int, bool]] = []

    def add(self, text: str, start: int, end: int, *, whole: bool) -> None:
        """Append `text`, which is `start:end` of the source; `whole` when it cannot be cut inside."""
        if text:
            self._starts.append(self._length)
            self._pieces.append((start, end, whole))
            self._parts.append(text)
            self._length += len(text)

    @property
    def is_empty(self) -> bool:
        """True when nothing was added."""
        return not self._length

    def close(self) -> Run:
        """The run, complete."""
        self.text = "".join(self._parts)
        return self

    @property
    def span(self) -> tuple[int, int]:
        """Its place in the source; of a run that is not empty."""
        return self._pieces[0][0], self._pieces[-1][1]

    def before(self, index: int, length: int = 1) -> str:
        """At most `length` characters of the source before the place of `index`."""
        place = self._place(index, after=False)
        return self._source[max(0, place - length) : place]

    def in_source(self, edit: Edit) -> Edit:
        """The same edit in places of the source."""
        if edit.start == edit.end:
            place = self._place(edit.start - 1, after=True) if edit.start else self._place(0, after=False)
            return Edit(place, place, edit.text)
        return Edit(self._place(edit.start, after=False), self._place(edit.end - 1, after=True), edit.text)

    def _place(self, index: int, *, after: bool) -> int:
        number = bisect_right(self._starts, index) - 1
        start, end, whole = self._pieces[number]
        if whole:
            return end if after else start
        return start + index - self._starts[number] + after


def open_brackets(text: str, depth: int = 0) -> int:
    """How many square brackets are open behind the text, when `depth` were before it."""
    for found in _BRACKET.finditer(text):
        depth = depth + 1 if found.group() == "[" else max(0, depth - 1)
    return depth


def clean(text: str) -> str:
    """The text without NUL and lone surrogates, which neither UTF-8 nor GitHub can hold."""
    return _UNUSABLE.sub("", text)


def apply(text: str, edits: Iterable[Edit]) -> str:
    """The text with the edits carried out, from left to right; of two that overlap the first one holds."""
    parts: list[str] = []
    done = 0
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        if edit.start >= done:
            parts += (text[done : edit.start], edit.text)
            done = edit.end
    return "".join((*parts, text[done:]))


def settled(run: Run, edits: Iterable[Edit]) -> Iterator[Edit]:
    """The edits of one run without overlaps: the first one holds, others shrink to their guards.

    Behind a replacement, an `@` that followed on a letter would start to be a mention: it is guarded too.
    """
    done = 0
    guards: dict[int, None] = {}
    for edit in sorted(edits, key=lambda one: (one.start, one.end)):
        replaces = edit.end > edit.start
        if edit.start >= done:
            if not replaces and edit.text == ZERO_WIDTH_SPACE:
                guards[edit.start] = None
                continue
            yield edit
            if replaces:
                if edit.end > edit.start + 1:
                    guards.pop(edit.start + 1, None)  # of an `@` that is replaced itself
                done = edit.end
                if run.text[done : done + 1] == "@" and not edit.text.startswith("@"):
                    guards[done + 1] = None
        elif edit.guard >= done:
            guards[edit.guard] = None
        elif edit.end > done and replaces and edit.guard == NO_PLACE:
            guards[done] = None
    for place in guards:
        yield Edit(place, place, ZERO_WIDTH_SPACE)
