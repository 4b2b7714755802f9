"""Our hidden markers in bodies: `<!-- gl2gh:<source identity> -->`.

A marker counts only in content that our own login wrote; text from GitLab that looks like one is defanged
before it becomes part of such content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote, unquote

from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, Edit, apply

_MARKER: Final = re.compile(r"<!-- gl2gh:([A-Za-z0-9_.~/:%+-]+) -->")
_LOOKS_LIKE_ONE: Final = re.compile(r"<!--(\s*)gl2gh(?=:)", re.IGNORECASE)


def marker(identity: str) -> str:
    """The marker of an item; any identity can be given and is read back as it was."""
    # Two hyphens would end the comment for some parsers.
    return f"<!-- gl2gh:{quote(identity, safe='/:+').replace('--', '-%2D')} -->"


def find_marker(body: str) -> str | None:
    """The identity in a body; None without a marker, or with markers that contradict each other."""
    found = {unquote(text) for text in _MARKER.findall(body)}
    return found.pop() if len(found) == 1 else None


def defang(text: str) -> str:
    """The text with whatever could be taken for a marker broken by a zero-width space."""
    return apply(text, marker_edits(text))


def marker_edits(text: str) -> Iterator[Edit]:
    """The edits that do so."""
    for found in _LOOKS_LIKE_ONE.finditer(text):
        yield Edit(found.end(), found.end(), ZERO_WIDTH_SPACE)


def without_markers(body: str) -> str:
    """The body as a reader sees it, for comparisons."""
    return _MARKER.sub("", body).rstrip()
