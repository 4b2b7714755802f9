"""What GitLab's Markdown has by the line: front matter, long quotes, contents, tasks that do not apply.

Front matter and quotes change how the lines within are read, so they come first, before the text is cut and
read; the rest is found by the reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from gl2gh_batch.rewrite.markdown import Backticks, Fence, LeftOut, Paragraph
from gl2gh_batch.rewrite.runs import Edit

# doc/user/markdown, "Front matter": three signs of one sort, a language behind the first ones.
_FRONT: Final = re.compile(r"\A\s{0,80}?(---|\+\+\+|;;;)([A-Za-z]{0,20})[ \t]*(?=\r?\n)")
_LANGUAGE: Final = {"---": "yaml", "+++": "toml", ";;;": "json"}
_PAIR: Final = re.compile(r"\s*(?:[\"'{]|[A-Za-z_][\w. -]{0,80}\s*[:=])")
_LINE: Final = re.compile(r"[^\n]*\n?")
_FENCE: Final = re.compile(r"[ ]{0,3}(`{3,}(?=[^`\n]*$)|~{3,})", re.MULTILINE)
_QUOTE: Final = re.compile(r"[ ]{0,3}(>{3,})[ \t]*\r?\n?")
_BACKTICKS: Final = re.compile(r"`{3,}")
_CONTENTS: Final = frozenset(("[[_TOC_]]", "[[TOC]]", "[TOC]"))
# lib/gitlab/diff/suggestions_parser.rb, SUGGESTION_CONTEXT: either count may be missing.
_SUGGESTION: Final = re.compile(r"suggestion(?::(?:-([0-9]+))?(?:\+([0-9]+))?)?(?!\S)")
# app/services/concerns/suggestible.rb, MAX_LINES_CONTEXT.
_MOST_LINES: Final = 100
_OPENING: Final = re.compile(r"[ \t]*(?:`{3,}|~{3,})")
_NOT_CARRIED_ON: Final = re.compile(r"[^>\s]")

# What becomes of a suggestion for so many lines above and below the commented one: the words in front of it,
# and whether it stays one that GitHub may commit.
Offer = Callable[[int, int], tuple[str, bool]]
_JSON_TABLE: Final = re.compile(r"json:table\b")


def line_edits(text: str) -> Iterator[Edit]:
    """The edits for front matter and for quotes between lines of `>>>`."""
    start = 0
    for edit in _front_matter(text):
        yield edit
        start = edit.end
    yield from _quotes(text, start)


def part_edits(
    part: Fence | Paragraph | LeftOut | Backticks, source: str, offer: Offer | None = None
) -> Iterator[Edit]:
    """The edits for what the reader found of this sort."""
    match part:
        case Fence(start, end, info):
            if found := _SUGGESTION.match(info):
                yield from _suggestion(source, start, end, found, offer)
            elif _JSON_TABLE.match(info):
                yield from _info(source, start, end, "json:table", "json")
        case Paragraph(start, end):
            words = source[start : min(end, start + 20)].strip()
            if words in _CONTENTS and len(source[start:end].strip()) == len(words):
                # GitHub makes no list of contents in issues: it is kept, and not shown.
                yield Edit(start, start + len(words), f"<!-- {words} -->")
        case Backticks(start, end):
            # The same to see, and GitHub's parser looks for no end of it.
            for place in range(start, end):
                yield Edit(place, place, "\\")
        case LeftOut(start, words_start, end):
            # GitHub has no such state, and a box would count as a task to do: struck through, as GitLab does.
            if words_start < end:
                yield Edit(start, words_start, "<del>")
                yield Edit(end, end, "</del>")


def _suggestion(
    source: str, start: int, end: int, found: re.Match[str], offer: Offer | None
) -> Iterator[Edit]:
    words, stays = ("", True) if offer is None else offer(_count(found[1]), _count(found[2]))
    if words:
        # In quotes and lists each line needs what its block begins with.
        line = source.rfind("\n", 0, start) + 1
        before = source[line:start]
        carried = _NOT_CARRIED_ON.sub(" ", before)
        above = source[source.rfind("\n", 0, max(line - 1, 0)) + 1 : line].strip(" \t\r\n>")
        apart = f"\n{carried}" if above and carried == before else ""
        yield Edit(start, start, f"{apart}{words}\n{carried}\n{carried}")
    if stays:
        yield from _info(source, start, end, found.group(), "suggestion")
    elif opening := _OPENING.match(source, start, end):
        line_end = source.find("\n", opening.end(), end)
        info = source[opening.end() : end if line_end < 0 else line_end].rstrip("\r")
        yield Edit(opening.end(), opening.end() + len(info), "")


def _count(digits: str | None) -> int:
    return min(int((digits or "").lstrip("0")[:9] or "0"), _MOST_LINES)


def _info(source: str, start: int, end: int, words: str, new: str) -> Iterator[Edit]:
    line_end = source.find("\n", start, end)
    place = source.find(words, start, end if line_end < 0 else line_end)
    if place >= 0 and words != new:
        yield Edit(place, place + len(words), new)


def _front_matter(text: str) -> Iterator[Edit]:
    opening = _FRONT.match(text)
    if opening is None:
        return
    sign, language = opening.groups()
    closing = re.compile(rf"^{re.escape(sign)}[ \t]*$", re.MULTILINE).search(
        text.replace("\r", " "), opening.end()
    )
    inside = text[opening.end() : closing.start()] if closing else ""
    if closing is None or not _PAIR.match(inside):
        return
    longest = max((len(one) for one in _BACKTICKS.findall(inside)), default=2)
    fence = "`" * (longest + 1)
    yield Edit(opening.start(1), opening.end(2), f"{fence}{language or _LANGUAGE[sign]}")
    yield Edit(closing.start(), closing.start() + len(sign), fence)


def _quotes(text: str, start: int) -> Iterator[Edit]:
    """GitLab's long quotes become GitHub's, with a sign on each line; an open one is left alone."""
    if ">>>" not in text:
        return
    lines = [found.span() for found in _LINE.finditer(text, start) if found.group()]
    opened: list[tuple[int, int]] = []
    pairs: list[tuple[int, int]] = []
    fence = ""
    for number, (begin, end) in enumerate(lines):
        if found := _FENCE.match(text, begin, end):
            if not fence:
                fence = found.group(1)
            elif found.group(1).startswith(fence) and not text[found.end() : end].strip():
                fence = ""
        elif not fence and (found := _QUOTE.fullmatch(text, begin, end)):
            length = len(found.group(1))
            if opened and opened[-1][1] == length:
                pairs.append((opened.pop()[0], number))
            elif not opened or length > opened[-1][1]:
                opened.append((number, length))
    yield from _quoted(text, lines, pairs)


def _quoted(text: str, lines: list[tuple[int, int]], pairs: list[tuple[int, int]]) -> Iterator[Edit]:
    change = [0] * (len(lines) + 1)
    marks = set()
    for first, last in pairs:
        change[first + 1] += 1
        change[last] -= 1
        marks |= {first, last}
    depth = 0
    for number, (begin, end) in enumerate(lines):
        depth += change[number]
        if number in marks:
            # An empty line, so that what follows is not read as part of the quote.
            stop = begin + len(text[begin:end].rstrip("\r\n"))
            yield Edit(begin, stop, ">" * depth)
        elif depth:
            yield Edit(begin, begin, "> " * depth)
