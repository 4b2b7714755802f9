"""Raw HTML within Markdown: the texts between its tags, and the addresses in its attributes."""

from __future__ import annotations

import html
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, Run

_CHARACTER_REFERENCE: Final = re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[A-Za-z0-9]{1,32};?)")
_COMMENT_END: Final = re.compile(r"--!?>")
TAG: Final = re.compile(
    r"<(?:/[A-Za-z][A-Za-z0-9-]*\s*|[A-Za-z][A-Za-z0-9-]*"
    r"(?:\s+[A-Za-z_:][A-Za-z0-9_.:-]*(?:\s*=\s*(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?)*\s*/?)>"
)
# As a browser reads it: what is not even this takes in what follows its block, tags and quotes and all.
_BROWSERS_TAG: Final = re.compile(
    r"</?[A-Za-z](?:=\s*+(?:\"[^\"]*+\"|'[^']*+'|(?=>)|[^\s\"'>][^\s>]*+)|[^>=])*+>"
)
_TAG_BEGINS: Final = re.compile(r"</?[A-Za-z]")
# Whatever else stood in it could end it before its own end.
_CODE: Final = re.compile(
    r"<pre(?:\s[^<>]*)?>\s*(?:<code(?:\s[^<>]*)?>[^<]*</code>\s*|[^<]*)</pre>", re.IGNORECASE
)
_INLINE_COMMENT: Final = re.compile(r"<!--(?!-?>)(?:(?!--).)*(?<!-)-->", re.DOTALL)
_ATTRIBUTE: Final = re.compile(
    r"\s([A-Za-z_:][A-Za-z0-9_.:-]*)\s*=\s*(?:([^\s\"'=<>`]+)|'([^']*)'|\"([^\"]*)\")"
)
# Those that hold one address, of what GitHub's sanitizer lets through.
_ADDRESSES: Final = frozenset(("href", "src", "cite", "longdesc", "poster"))


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute with an address: its value as a browser reads it, and its place, quotes included."""

    tag: str
    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Insertion:
    """A text to be put in at a place of the source."""

    place: int
    text: str


class Html:
    """Raw HTML whose parts are at `ranges` of the source, in order."""

    def __init__(self, source: str, ranges: list[tuple[int, int]]) -> None:
        self._source = source
        self._ranges = ranges
        self._starts: list[int] = []
        length = 0
        for start, end in ranges:
            self._starts.append(length)
            length += end - start
        self._text = "".join(source[start:end] for start, end in ranges)

    @property
    def is_sure(self) -> bool:
        """True for what every Markdown takes for an inline tag or comment."""
        return bool(TAG.fullmatch(self._text) or _INLINE_COMMENT.fullmatch(self._text))

    def inline(self) -> Iterator[Run | Attribute]:
        """What one inline tag or comment holds."""
        if TAG.fullmatch(self._text):
            yield from self._attributes(0, len(self._text))
        elif not self.is_sure:
            # Older Markdown shows this as text, newer hides it: it is treated as text.
            yield self._run(0, len(self._text))

    def block(self, live_until: int) -> Iterator[Run | Attribute | Insertion]:
        """What a block of HTML holds: texts between tags and comments, and the tags' addresses.

        And where a tag or comment has no end in it, though live words follow (up to `live_until`), what keeps
        it from having one there.
        """
        position = 0
        for begin, end in self._hidden():
            if begin > position:
                yield self._run(position, begin)
            if not self._text.startswith("<!--", begin) and not _CODE.match(self._text, begin, end):
                yield from self._attributes(begin, end)
            position = end
        if len(self._text) > position:
            yield self._run(position, len(self._text))
        if self._ranges and self._ranges[-1][1] <= live_until:
            yield from self._unclosed()

    def _unclosed(self) -> Iterator[Insertion]:
        text = self._text
        position = text.find("<")
        any_end = True
        while position >= 0:
            end = position + 1
            if text.startswith("<!--", position):
                found = _COMMENT_END.search(text, position + 2)
                if found is None:
                    yield Insertion(self._place(len(text.rstrip()) - 1) + 1, "-->")
                    return
                end = found.end()
            elif _TAG_BEGINS.match(text, position):
                found = _BROWSERS_TAG.match(text, position) if any_end else None
                if any_end := found is not None:
                    end = found.end()
                else:
                    yield Insertion(self._place(position) + 1, ZERO_WIDTH_SPACE)
            position = text.find("<", end)

    def _hidden(self) -> Iterator[tuple[int, int]]:
        """Where comments, code and well-formed tags are; a malformed tag counts as text."""
        text = self._text
        position = text.find("<")
        any_end = True
        while position >= 0:
            end = None
            if text.startswith("<!--", position):
                # By HTML 5, where `<!-->` and `<!--->` are whole comments; an open end counts as text.
                found = _COMMENT_END.search(text, position + 2) if any_end else None
                any_end, end = found is not None, found.end() if found else None
            elif text.startswith(("<!", "<?"), position):
                # A browser ends it at the first `>`, other readers later: all that is in it counts as text.
                closing = "]]>" if text[position + 2 : position + 3] == "[" else ">"
                last = text.find(closing if text[position + 1] == "!" else "?>", position)
                position = text.find("<", last) if last >= 0 else -1
                continue
            elif found := _CODE.match(text, position) or TAG.match(text, position):
                end = found.end()
            if end is not None:
                yield position, end
            position = text.find("<", position + 1 if end is None else end)

    def _attributes(self, begin: int, end: int) -> Iterator[Attribute]:
        name_end = begin + 1
        while self._text[name_end].isalnum():
            name_end += 1
        tag = self._text[begin + 1 : name_end].lower()
        for found in _ATTRIBUTE.finditer(self._text, name_end, end):
            if (name := found.group(1).lower()) in _ADDRESSES:
                number = found.lastindex or 0
                start, stop = found.span(number)
                quotes = int(number > 2)
                yield Attribute(
                    tag,
                    name,
                    html.unescape(found.group(number)),
                    self._place(start - quotes),
                    self._place(stop + quotes - 1) + 1,
                )

    def _place(self, index: int) -> int:
        number = bisect_right(self._starts, index) - 1
        return self._ranges[number][0] + index - self._starts[number]

    def _run(self, begin: int, end: int) -> Run:
        run = Run(self._source, raw=True)
        position = begin
        while position < end:
            number = bisect_right(self._starts, position) - 1
            first, last = self._ranges[number]
            shift = first - self._starts[number]
            line_end = min(end, last - shift)
            for found in _CHARACTER_REFERENCE.finditer(self._text, position, line_end):
                run.add(
                    self._text[position : found.start()], position + shift, found.start() + shift, whole=False
                )
                decoded = html.unescape(found.group())
                run.add(decoded, found.start() + shift, found.end() + shift, whole=decoded != found.group())
                position = found.end()
            run.add(self._text[position:line_end], position + shift, line_end + shift, whole=False)
            position = line_end
        return run.close()
