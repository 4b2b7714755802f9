"""Formulas between double dollar signs, in which neither GitLab nor GitHub finds references.

They stay as they are, `#1` of a macro included. What would call or tell a stranger is still kept from it, in
case GitHub takes the signs for no formula: a zero-width space is nothing to see in one.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from gl2gh_batch.rewrite.references import ends_in_keyword
from gl2gh_batch.rewrite.runs import NO_PLACE, ZERO_WIDTH_SPACE, Edit, Run

_FORMULA: Final = re.compile(r"(?<!\$)\$\$(?!\$)[^$]{1,2000}\$\$(?!\$)")
# An address takes in the signs behind it, two tildes may strike: GitHub looks for formulas in parts then.
_SPLITS: Final = re.compile(r"://|www\.|~[^~]*~", re.IGNORECASE)
_WIDTH: Final = 2


def outside_formulas(run: Run, edits: Iterable[Edit], *, guarded: bool) -> Iterator[Edit]:
    """The edits of a run, those in its formulas reduced to what makes them harmless; or left out."""
    spans = [] if _SPLITS.search(run.text) else [found.span() for found in _FORMULA.finditer(run.text)]
    spans = [(start, end) for start, end in spans if _is_plain(run, start) and _is_plain(run, end - _WIDTH)]
    starts = [start for start, _ in spans]
    for edit in edits:
        number = bisect_right(starts, edit.start) - 1
        if number < 0 or edit.start >= spans[number][1]:
            yield edit
        elif not guarded:
            continue
        elif edit.start == edit.end:
            if edit.text == ZERO_WIDTH_SPACE and (
                run.text[edit.start - 1] != "#" or _acts(run, edit.start - 1)
            ):
                yield edit
        elif edit.text == "redirect.github.com":
            yield edit
        elif edit.guard != NO_PLACE and ("@" in run.text[edit.start : edit.end] or _acts_at(run, edit)):
            yield Edit(edit.guard, edit.guard, ZERO_WIDTH_SPACE)


def _is_plain(run: Run, place: int) -> bool:
    """True for two dollar signs that are written as such, without a backslash or as entities."""
    written = run.in_source(Edit(place, place + _WIDTH, ""))
    return written.end - written.start == _WIDTH


def _acts_at(run: Run, edit: Edit) -> bool:
    sign = run.text.find("#", edit.start, edit.end)
    return sign >= 0 and (_acts(run, sign) or ends_in_keyword(run.text, edit.start))


def _acts(run: Run, sign: int) -> bool:
    """True for the `#` of `owner/repo#1`, `owner#1` and `fixes #1`; `#1` and `x_#1` are words of TeX."""
    before = run.text[sign - 1]
    return (before.isascii() and (before.isalnum() or before in "./-")) or ends_in_keyword(run.text, sign)
