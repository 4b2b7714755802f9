"""Mentions: a known person's becomes the GitHub login, every other one is made harmless.

Harmless means a zero-width space behind the `@`. It works where a code span would not (titles, headings,
links between raw tags), changes nothing to the eye, and is what the known update bots do: GitHub's rule wants
a letter or digit directly behind the `@`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, Edit, Run
from gl2gh_batch.rewrite.urls import Addresses

Mapped = Callable[[str], str | None]

# GitHub's \W is ASCII: a mention also follows directly on an `é`.
_MENTION: Final = re.compile(
    r"(?<![A-Za-z0-9_])@([A-Za-z0-9_.](?:[A-Za-z0-9_.-]*[A-Za-z0-9_-])?)((?:/[A-Za-z0-9_.][A-Za-z0-9_.-]*)*)"
)
# Behind one of these a tag may vanish, too.
_RAW: Final = re.compile(r"(?<![A-Za-z0-9_])@(?=[A-Za-z0-9<]|\Z)")
# By old rules and by new ones, another `_` begins or ends emphasis beside such a sign as `¢` or `~`.
_AFTER_MARK: Final = re.compile(r"(?<=_)(?:@(?=[A-Za-z0-9])|[Gg][Hh]-(?=[0-9]))")
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})(?:_[A-Za-z0-9]+)?")


def mention_edits(run: Run, mapped: Mapped, addresses: Addresses) -> Iterator[Edit]:
    """The edits for one run; `addresses` are the bare ones in it."""
    if run.raw:
        for found in _RAW.finditer(run.text):
            yield Edit(found.end(), found.end(), ZERO_WIDTH_SPACE)
        return
    for found in _MENTION.finditer(run.text) if "@" in run.text else ():
        if addresses.holds(found.start()):
            continue
        at = found.start() + 1
        login = None if found.group(2) else mapped(found.group(1))
        glued = run.glued_after and found.end() == len(run.text)
        if login is not None and _LOGIN.fullmatch(login) and not glued:
            yield Edit(found.start(), found.end(), f"@{login}", at)
        elif found.group(1)[0] not in "_.":
            yield Edit(at, at, ZERO_WIDTH_SPACE)
    if run.markdown and "_" in run.text and ("~" in run.text or not run.text.isascii()):
        for found in _AFTER_MARK.finditer(run.text):
            if not addresses.holds(found.start()):
                yield Edit(found.end(), found.end(), ZERO_WIDTH_SPACE)
    if run.glued_after and run.text.endswith(("@", "#", "-")):
        # A tag or comment that GitHub drops would join this to the text behind it.
        yield Edit(len(run.text), len(run.text), ZERO_WIDTH_SPACE)
