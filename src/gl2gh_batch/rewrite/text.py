"""Texts of GitLab as GitHub should have them: all the rewriting there is.

Descriptions and comments go through `to_github` (or `pieces`, when they may be too long), titles through
`title_to_github`. Nothing else may carry text from GitLab to GitHub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.blocks import Offer, line_edits, part_edits
from gl2gh_batch.rewrite.formulas import outside_formulas
from gl2gh_batch.rewrite.lazy import lazy_edits, tab_edits
from gl2gh_batch.rewrite.length import split
from gl2gh_batch.rewrite.links import attribute_edits, definition_edits, link_edits
from gl2gh_batch.rewrite.markdown import Definition, Link, Part, parts, plain_run
from gl2gh_batch.rewrite.markers import defang, marker_edits
from gl2gh_batch.rewrite.mentions import Mapped, mention_edits
from gl2gh_batch.rewrite.raw_html import Attribute, Insertion
from gl2gh_batch.rewrite.references import reference_edits
from gl2gh_batch.rewrite.runs import Edit, Run, apply, clean, settled
from gl2gh_batch.rewrite.shorthands import commit_edits, shorthand_edits
from gl2gh_batch.rewrite.urls import bare_addresses

TITLE_LIMIT: Final = 256
# 65,536 characters are allowed; the rest is for our header and marker.
PIECE_LIMIT_BYTES: Final = 64_000
_SMALLEST_CUT: Final = 64
_LONE_RETURN: Final = re.compile(r"\r(?!\n)")
_TAB_AFTER_FENCE: Final = re.compile(r"^[ \t>]*(?:`{3,}|~{3,})([ ]*\t[ \t]*)(?=\r?$)", re.MULTILINE)
_SPACES_IN_EMPTY_ITEM: Final = re.compile(
    r"^[ \t>]*(?:(?:[-+*]|[0-9]{1,9}[.)])[ \t>]*)+\r?\n[ \t>]*?([ \t]+)(?=\r?\n[ \t>]*(?: {4}|\t)[^\n]*[@#])",
    re.MULTILINE,
)
_FORM_FEEDS: Final = re.compile(
    r"^[ \t>]*(?:(?:[-+*]|[0-9]{1,9}[.)])[ \t>]+)*([\v\f][ \t\v\f]*)(?=\r?$)", re.MULTILINE
)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def logins(book: Book) -> Mapped:
    """GitLab username → GitHub login, for those whom the book lets us mention."""

    def login(username: str) -> str | None:
        mapping = book.user(username) if book.mentions else None
        return None if mapping is None else mapping.github_login

    return login


def to_github(text: str, book: Book) -> str:
    """A Markdown text with its mentions, references, addresses and markers made right and harmless."""
    return rewritten(prepared(text), book)


def stages(text: str, book: Book) -> Iterator[tuple[str, list[Edit]]]:
    """What `to_github` does: each text with the edits, in places of that text, that make the next one.

    The first text is `text` without NUL and lone surrogates; outside of the edits no byte changes.
    """
    text = clean(text)
    for find in (*_LINES, lambda one: part_by_part(one, book)):
        edits = sorted(find(text), key=lambda one: (one.start, one.end))
        yield text, edits
        text = apply(text, edits)


def title_to_github(title: str, book: Book) -> str:
    """A title: one line, at most 256 characters, never empty."""
    line = _CONTROL.sub(" ", clean(title)).strip()
    line = defang(line)
    line = apply(line, _edits_of_run(plain_run(line), book, logins(book)))
    return shortened(line, TITLE_LIMIT) or "(no title)"


def pieces(text: str, book: Book, limit: int = PIECE_LIMIT_BYTES, offer: Offer | None = None) -> list[str]:
    """A Markdown text as one or more texts of at most `limit` bytes of UTF-8, each safe by itself.

    It is cut first and rewritten then, since a cut can turn code into text. `offer` is asked about each
    suggestion of new lines.
    """
    return list(_pieces(prepared(text), book, limit, limit, offer))


def beginning(text: str, book: Book, room: int) -> tuple[str, bool]:
    """As much of a Markdown text as `room` UTF-16 units hold, safe by itself, and whether that is all."""
    text = prepared(text)
    done = rewritten(text, book)
    if units(done) <= room:
        return done, True
    # It is cut by bytes: at first by as many as there would be room for if nothing were rewritten.
    limit = len(text.encode("utf-16-le")[: 2 * room].decode("utf-16-le", "ignore").encode())
    while units(done := rewritten(split(text, limit)[0], book)) > room and limit > _SMALLEST_CUT:
        limit = max(min(limit * room // units(done), limit - limit // 64), _SMALLEST_CUT)
    return done, False


def _pieces(text: str, book: Book, limit: int, raw_limit: int, offer: Offer | None) -> Iterator[str]:
    for part in split(text, raw_limit):
        done = rewritten(part, book, offer)
        if len(done.encode()) <= limit:
            yield done
        else:
            # Links make a text longer; a smaller part of it will fit.
            yield from _pieces(part, book, limit, raw_limit // 2, offer)


def prepared(text: str) -> str:
    """The first half of `to_github`: what changes how the lines are read, before our parser reads them."""
    text = clean(text)
    for find in _LINES:
        text = apply(text, find(text))
    return text


def _first_edits(text: str) -> Iterator[Edit]:
    if text.startswith("\ufeff"):
        # GitHub's parser passes over it, ours would take it for a word.
        yield Edit(0, 1, "")
    yield from marker_edits(text)
    for found in _LONE_RETURN.finditer(text):
        # The end of a line to GitHub's parser, and only now and then to ours.
        yield Edit(found.start(), found.end(), "\n")
    for found in _TAB_AFTER_FENCE.finditer(text) if "\t" in text else ():
        # It closes code for GitHub's parser, and not for ours.
        yield Edit(*found.span(1), "")
    for found in _FORM_FEEDS.finditer(text) if "\f" in text or "\v" in text else ():
        # Words to GitHub's parser; to ours such a line is empty, as it is to the eye.
        yield Edit(*found.span(1), "")
    for found in _SPACES_IN_EMPTY_ITEM.finditer(text):
        # They keep the item open for GitHub's parser, and what is code to ours would be words in it.
        yield Edit(*found.span(1), "")


_LINES: Final = (_first_edits, line_edits, tab_edits, lazy_edits)


def rewritten(text: str, book: Book, offer: Offer | None = None) -> str:
    """The second half, for a text that is `prepared`."""
    return apply(text, part_by_part(text, book, offer))


def part_by_part(text: str, book: Book, offer: Offer | None = None) -> Iterator[Edit]:
    """The edits for a text whose front matter and long quotes are done."""
    mapped = logins(book)
    for part in parts(text):
        yield from _edits(part, text, book, mapped, offer)


def _edits(part: Part, source: str, book: Book, mapped: Mapped, offer: Offer | None) -> Iterator[Edit]:
    match part:
        case Run():
            for edit in _edits_of_run(part, book, mapped):
                yield part.in_source(edit)
        case Link():
            yield from link_edits(part, source, book)
        case Attribute():
            yield from attribute_edits(part, book)
        case Definition():
            yield from definition_edits(part, source, book)
        case Insertion(place, words):
            yield Edit(place, place, words)
        case _:
            yield from part_edits(part, source, offer)


def _edits_of_run(run: Run, book: Book, mapped: Mapped) -> Iterator[Edit]:
    if book.in_file and (run.raw or run.inside_tag):
        # Nothing in a file acts on anybody, and between raw tags Markdown makes no link; it may be code.
        return
    addresses = bare_addresses(run)
    found = [
        *reference_edits(run, book, addresses),
        *mention_edits(run, mapped, addresses),
        *commit_edits(run, book, addresses),
    ]
    if run.markdown:
        found += shorthand_edits(run, book, addresses)
        if "$$" in run.text:
            found = list(outside_formulas(run, found, guarded=not book.in_file))
    yield from settled(run, found)


def shortened(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of the text, with an ellipsis where it has more."""
    if units(text) <= limit:
        return text
    kept, size = [], 0
    for sign in text:
        size += units(sign)
        if size > limit - 1:
            break
        kept.append(sign)
    return "".join(kept).rstrip() + "…"


def units(text: str) -> int:
    """How many UTF-16 units a text has, the strictest reading of "characters"."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
