"""Bare addresses in a text: where GitHub makes a link of its own, inside which nothing else is looked for."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.rewrite.runs import Run, open_brackets

# The autolink extension of GitHub Flavored Markdown, read strictly: what is not surely a link is text.
_URL: Final = re.compile(
    r"(?:(?<=[\s*_~(])|\A)(?:https?://|www\.)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]+)?(?:[/?#][^\s<]*)?"
)
_BEFORE: Final = frozenset(("", *" \t\r\n*_~("))
_PUNCTUATION: Final = frozenset("?!.,:*_~'\"")
_ENTITY: Final = re.compile(r"&[A-Za-z0-9]{1,32};\Z")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the bare addresses of a run are, from left to right; behind `unsure` they may be mere text."""

    spans: tuple[tuple[int, int], ...] = ()
    unsure: frozenset[int] = frozenset()

    def holds(self, index: int) -> bool:
        """True when the character at `index` is surely part of one."""
        span = self.around(index)
        return span is not None and span[0] not in self.unsure

    def around(self, index: int) -> tuple[int, int] | None:
        """The address that the character at `index` is part of."""
        number = bisect_right(self.spans, index, key=lambda span: span[0]) - 1
        return self.spans[number] if number >= 0 and index < self.spans[number][1] else None


def bare_addresses(run: Run) -> Addresses:
    """The bare addresses of a run; none between raw tags, where GitHub's Markdown makes no links."""
    if not run.markdown or ("://" not in run.text and "www." not in run.text):
        return Addresses()
    at_start = not run.glued_before and (run.first or run.before(0) in _BEFORE)
    found = ((one.start(), one.group()) for one in _URL.finditer(run.text) if one.start() or at_start)
    spans = tuple((start, start + _length(address)) for start, address in found)
    return Addresses(spans, _in_brackets(run, spans))


def _in_brackets(run: Run, spans: tuple[tuple[int, int], ...]) -> frozenset[int]:
    """Which of them begin behind a bracket that is open: GitHub's parser makes no links there."""
    if not run.brackets and "[" not in run.text:
        return frozenset()
    depth, done, found = run.brackets, 0, set()
    for start, _ in spans:
        depth = open_brackets(run.text[done:start], depth)
        done = start
        if depth:
            found.add(start)
    return frozenset(found)


def _length(address: str) -> int:
    """How much of it belongs to the link: not the punctuation of the sentence around it."""
    end = len(address)
    unopened = address.count(")") - address.count("(")
    while end:
        last = address[end - 1]
        if last in _PUNCTUATION:
            end -= 1
        elif last == ")" and unopened > 0:
            end, unopened = end - 1, unopened - 1
        elif last == ";" and (entity := _ENTITY.search(address, max(0, end - 34), end)):
            end = entity.start()
        else:
            break
    return end
