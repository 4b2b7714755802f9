"""Which parts of a Markdown text GitHub reads as words, addresses or code.

GitHub looks for mentions and references in the text nodes of the rendered page, outside `code`, `pre` and
`a`. A `Run` is such a text as a reader sees it (entities and escapes resolved), with the place of every
character in the source. What the parser calls code, link or image never becomes part of a run; the text
between raw HTML tags does, since GitHub reads that too.
"""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pyromark
from pyromark import Options

from gl2gh_batch.rewrite.raw_html import Attribute, Html, Insertion
from gl2gh_batch.rewrite.runs import Run, open_brackets

# What GitHub's own Markdown has; no more, so that nothing is taken for code that GitHub shows as text.
GITHUB_OPTIONS: Final = (
    Options.ENABLE_TABLES
    | Options.ENABLE_FOOTNOTES
    | Options.ENABLE_STRIKETHROUGH
    | Options.ENABLE_TASKLISTS
    | Options.ENABLE_GFM
)

# Without any of these nothing in a text is a reference, a mention or an address.
_TELLING: Final = re.compile(
    r"[@#!~%&$]|:/|::|[Gg][Hh]-|GL-|(?:issue|work_item|epic):|[Ww][Ww][Ww]\.|[\[{][+-]|[0-9a-f]{7}\.\.",
    re.ASCII,
)
# GitLab finds no references within these.
_INERT_TAG: Final = re.compile(r"<(/?)(a|code|pre|style)(?![A-Za-z0-9-])", re.IGNORECASE)
_LEFT_OUT: Final = re.compile(r"\[~\][ \t]+(?=\S)")
# What may call or tell somebody, wherever GitHub reads it as words.
_LIVE: Final = re.compile(r"[@#][A-Za-z0-9<&]|[Gg][Hh]-|github\.com/", re.IGNORECASE)
_BACKTICKS: Final = re.compile(r"`+")
# A longer row of them never begins code to GitHub's parser (MAXBACKTICKS).
_MOST_BACKTICKS: Final = 80
_INLINE: Final = frozenset(("Emphasis", "Strong", "Strikethrough", "Link", "Image"))
_BLOCKS_IN_ITEM: Final = frozenset(
    "List Paragraph BlockQuote CodeBlock Heading Table HtmlBlock FootnoteDefinition".split()  # noqa: SIM905 - one list of words
)


@dataclass(frozen=True, slots=True)
class Link:
    """A link or an image: `inside_end` is where its words end; `plain` when they are nothing but text."""

    start: int
    inside_end: int
    end: int
    url: str
    title: str
    words: str
    style: str
    image: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class Definition:
    """The definition of a link's address, `[label]: address "title"`."""

    start: int
    end: int
    url: str
    title: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block of code, by its first line's words."""

    start: int
    end: int
    info: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph that begins with a bracket."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The words of a task that does not apply, from its `[~]` on: `start:words` is the mark."""

    start: int
    words: int
    end: int


@dataclass(frozen=True, slots=True)
class Backticks:
    """A row of backticks that begins no code, with code behind it that GitHub's parser may miss for it.

    Once it has looked in vain for the end of such a row, it finds only the first code of each length behind.
    """

    start: int
    end: int


Part = Run | Attribute | Link | Definition | Fence | Paragraph | LeftOut | Backticks | Insertion


def plain_run(text: str) -> Run:
    """A text without Markdown as one run."""
    run = Run(text, markdown=False)
    run.add(text, 0, len(text), whole=False)
    return run.close()


def parts(text: str, *, telling: bool = True) -> Iterator[Part]:
    """What matters in a Markdown text that is free of NUL and lone surrogates, from left to right.

    Of the runs those alone that may hold something to rewrite, unless `telling` is False.
    """
    yield from _Reader(text, telling=telling).read()


class _Open:
    """A link or image whose end is not reached yet."""

    __slots__ = ("_image", "_start", "_tag", "plain", "words")

    def __init__(self, start: int, tag: dict[str, str], *, image: bool) -> None:
        self._start, self._tag, self._image = start, tag, image
        self.plain = True
        self.words: list[str] = []

    def closed(self, inside_end: int, end: int) -> Link:
        """The link, complete."""
        return Link(
            self._start,
            inside_end,
            end,
            self._tag["dest_url"],
            self._tag["title"],
            "".join(self.words),
            self._tag["link_type"],
            self._image,
            self.plain,
        )


class _Reader:
    """Goes through the parser's events once, and collects what is text to GitHub."""

    def __init__(self, text: str, *, telling: bool) -> None:
        self._source = text
        self._telling = telling
        self._offsets = None if text.isascii() else character_offsets(text)
        self._found: list[Part] = []
        self._run = Run(text)
        self._end = 0
        self._inert = 0
        self._open: list[_Open] = []
        self._html: list[tuple[int, int]] | None = None
        self._item = False
        self._brackets = 0
        self._first = True
        self._inert_tags = Counter[str]()
        self._left_out: list[tuple[int, int]] = []
        self._backticks: list[Backticks] = []
        self._live_until = max((found.start() for found in _LIVE.finditer(text)), default=-1)

    def read(self) -> Iterator[Part]:
        offsets, found = self._offsets, self._found
        for event, place in pyromark.events_with_range(self._source, options=GITHUB_OPTIONS):
            start, end = place["start"], place["end"]
            if offsets is not None:
                start, end = offsets[start], offsets[end]
            self._event(event, start, end)
            if found:
                yield from found
                found.clear()
        self._flush()
        yield from found
        yield from self._definitions()

    def _event(self, event: Any, start: int, end: int) -> None:
        if event.__class__ is dict:
            # One key each; plain look-ups, since a `match` on 200,000 events a megabyte is felt.
            if (words := event.get("Text")) is not None:
                self._text(words, start, end)
            elif (tag := event.get("Start")) is not None:
                self._start(tag, start, end)
                end = start
            elif (tag := event.get("End")) is not None:
                self._stop(tag, end)
            else:
                self._other(next(iter(event)), start, end)
        elif event == "SoftBreak":
            if not self._inert:
                self._run.add("\n", start, end, whole=True)
            for one in self._open:
                one.words.append(" ")
        else:
            self._other(event, start, end)
        self._end = end

    def _text(self, words: str, start: int, end: int) -> None:
        source = self._source
        for one in self._open:
            one.words.append(words)
        if self._item:
            self._item = False
            if source[start] == "[" and (mark := _LEFT_OUT.match(source, start)):
                self._left_out.append((start, mark.end()))
        if "`" in words and self._inert == len(self._open):
            self._rows(start + (start > self._end and source[start - 1] == "\\"), end)
        if self._inert:
            return
        if start > self._end and source[start - 1] == "\\" and source[start : start + 1] == words[:1]:
            # An escaped sign: the backslash belongs to it, so that an edit takes both or none.
            self._run.add(words[:1], start - 1, start + 1, whole=True)
            words, start = words[1:], start + 1
        self._run.add(words, start, end, whole=source[start:end] != words)

    def _start(self, tag: Any, start: int, end: int) -> None:
        self._flush()
        name = tag if tag.__class__ is str else next(iter(tag))
        self._first = name not in _INLINE
        if self._first:
            self._brackets = 0
            self._backticks.clear()
            self._inert_tags.clear()
            if self._left_out and name in _BLOCKS_IN_ITEM:
                self._leave_out()
        if name in {"Link", "Image"}:
            self._inert += 1
            self._impure()
            self._open.append(_Open(start, tag[name], image=name == "Image"))
        elif name == "CodeBlock":
            self._inert += 1
            if tag[name].__class__ is dict and (info := tag[name].get("Fenced")):
                self._found.append(Fence(start, end, info))
        elif name == "HtmlBlock":
            self._html = []
        elif name == "Item":
            self._item = True
        elif name == "Paragraph":
            if self._source.startswith("[", start):
                self._found.append(Paragraph(start, end))
        else:
            self._impure()

    def _stop(self, tag: Any, end: int) -> None:
        self._flush()
        if tag in ("Link", "Image"):
            self._inert -= 1
            self._found.append(self._open.pop().closed(self._end, end))
        elif tag == "CodeBlock":
            self._inert -= 1
        elif tag == "HtmlBlock":
            self._found.extend(Html(self._source, self._html or []).block(self._live_until))
            self._html = None
        elif tag in ("Item", "Paragraph"):
            self._item = False
            if self._left_out:
                self._leave_out()

    def _other(self, name: Any, start: int, end: int) -> None:
        if name == "Html":
            if self._html is not None:
                self._html.append((start, end))
            return
        self._first = False
        self._impure()
        if name == "Code":
            self._code(start, end)
        elif name == "Rule" and self._left_out:
            self._leave_out()
        if name == "InlineHtml":
            self._flush(glued=True)
            if tag := _INERT_TAG.match(self._source, start, end):
                self._tag(tag.group(2).lower(), closes=bool(tag.group(1)))
            html = Html(self._source, [(start, end)])
            if "`" in self._source[start:end] and not html.is_sure:
                self._rows(start, end)
            found = html.inline()
            self._found.extend(one for one in found if not self._inert or isinstance(one, Attribute))
            self._run = Run(self._source, glued_before=True)
        else:
            self._flush()

    def _rows(self, start: int, end: int) -> None:
        found = _BACKTICKS.finditer(self._source, start, end)
        self._backticks += (Backticks(*one.span()) for one in found)

    def _code(self, start: int, end: int) -> None:
        self._flush()
        if not _TELLING.search(self._source, start, end):
            return
        self._found += self._backticks
        self._backticks.clear()
        if self._source.startswith("`" * (_MOST_BACKTICKS + 1), start):
            run = Run(self._source, raw=True)
            run.add(self._source[start:end], start, end, whole=False)
            self._found.append(run.close())

    def _tag(self, name: str, *, closes: bool) -> None:
        if not closes:
            self._inert_tags[name] += 1
        elif self._inert_tags[name]:
            self._inert_tags[name] -= 1

    def _impure(self) -> None:
        self._item = False
        for one in self._open:
            one.plain = False

    def _leave_out(self) -> None:
        self._found.append(LeftOut(*self._left_out.pop(), self._end))

    def _flush(self, *, glued: bool = False) -> None:
        run = self._run
        if not run.is_empty:
            self._run = Run(self._source)
            text = run.close().text
            run.glued_after = glued
            run.brackets, run.first = self._brackets, self._first
            run.inside_tag = self._inert_tags.total() > 0
            self._first = False
            if "[" in text or (self._brackets and "]" in text):
                self._brackets = open_brackets(text, self._brackets)
            if not self._telling or _TELLING.search(text) or (glued and text.endswith("-")):
                self._found.append(run)
        elif run.glued_before:
            self._run = Run(self._source)

    def _definitions(self) -> Iterator[Definition]:
        if "]:" not in self._source:
            return
        offsets = self._offsets
        found = pyromark.reference_definitions(self._source, options=GITHUB_OPTIONS)
        for one in found.values():
            start, end = one["span"]["start"], one["span"]["end"]
            if offsets is not None:
                start, end = offsets[start], offsets[end]
            yield Definition(start, end, one["dest"], one["title"] or "")


def character_offsets(text: str) -> array[int]:
    """For each byte of the UTF-8 form, the index of its character; one more for the end."""
    offsets = array("L")
    for index, sign in enumerate(text):
        code = ord(sign)
        offsets.extend((index,) * (1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4))
    offsets.append(len(text))
    return offsets
