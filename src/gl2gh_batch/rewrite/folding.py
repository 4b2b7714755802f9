"""Several texts in one comment, none of which can swallow the next."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import pyromark

from gl2gh_batch.rewrite.length import BODY_LIMIT_BYTES
from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS
from gl2gh_batch.rewrite.markers import marker

BETWEEN: Final = "\n\n---\n\n"
_SENTINEL: Final = "gl2ghfoldedend"
_FENCE: Final = re.compile(r"`{3,}|~{3,}")
# Closing one takes as many signs as opening it, and a comment has its limit.
_LONGEST_FENCE: Final = 40
# Elements whose opening hides or swallows what follows as long as nothing closes them.
_ELEMENTS: Final = (
    "details",
    "pre",
    "table",
    "ul",
    "ol",
    "blockquote",
    "sub",
    "sup",
    "s",
    "del",
    "code",
    "div",
)
_TAG: Final = re.compile(rf"<(/?)({'|'.join(_ELEMENTS)})\b[^>]*>", re.IGNORECASE)


def fold(texts: Iterable[str], limit: int = BODY_LIMIT_BYTES) -> list[list[int]]:
    """Which of the texts go into one comment: their places, in order, as few comments as `limit` bytes allow.

    A text longer than the limit stays alone.
    """
    folded: list[list[int]] = []
    room = 0
    for place, text in enumerate(texts):
        size = len(text.encode()) + len(BETWEEN)
        if not folded or size > room:
            folded.append([])
            room = limit
        folded[-1].append(place)
        room -= size
    return folded


def joined(texts: Iterable[str]) -> str:
    """The texts below one another, each made to end where it ends."""
    return BETWEEN.join(self_contained(text) for text in texts)


def marked(text: str, identity: str) -> str:
    """The text with our hidden marker, which a fence that the text leaves open would show."""
    return f"{_fence_closed(text)}\n\n{marker(identity)}"


def self_contained(text: str) -> str:
    """The text with whatever it leaves open closed: fences, comments, elements that hide what follows."""
    text = _closed(text)
    opened: list[str] = []
    for found in _TAG.finditer(text):
        name = found[2].lower()
        if not found[1]:
            opened.append(name)
        elif name in opened:
            opened.remove(name)
    tail = "".join(f"</{name}>" for name in reversed(opened))
    return f"{text}\n\n{tail}" if tail else text


def _closed(text: str) -> str:
    if _ends(text):
        return text
    for tail in ("-->", *_fences(text), "?>", "]]>", "</script>", "</style>", "</textarea>", "</pre>", ">"):
        if _ends(f"{text}\n{tail}"):
            return f"{text}\n{tail}"
    # Nothing that is known closes it: as a quote it ends where the quote ends.
    return "\n".join(f"> {line}" for line in text.split("\n"))


def _fence_closed(text: str) -> str:
    if not _FENCE.search(text) or _ends(text):
        return text
    for fence in _fences(text):
        if len(fence) <= _LONGEST_FENCE and _ends(f"{text}\n{fence}"):
            return f"{text}\n{fence}"
    return text


def _fences(text: str) -> list[str]:
    return sorted({found.group() for found in _FENCE.finditer(text)}, key=len, reverse=True)


def _ends(text: str) -> bool:
    """True when a paragraph behind the text is a paragraph of its own."""
    depth = 0
    paragraph = False
    for event in pyromark.events(f"{text}\n\n{_SENTINEL}\n", options=GITHUB_OPTIONS):
        match event:
            case {"Start": tag}:
                depth += 1
                paragraph = depth == 1 and tag == "Paragraph"
            case {"End": _}:
                depth -= 1
            case {"Text": words}:
                if paragraph and _is_end(words):
                    return True
            case _:
                pass
    return False


def _is_end(words: Any) -> bool:
    return isinstance(words, str) and words == _SENTINEL
