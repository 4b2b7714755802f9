"""Who wrote something and when, in front of what GitHub shows as written by the token's owner."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.length import split
from gl2gh_batch.rewrite.markers import defang
from gl2gh_batch.rewrite.runs import ZERO_WIDTH_SPACE, clean
from gl2gh_batch.rewrite.text import PIECE_LIMIT_BYTES, shortened, to_github

_LOGIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:_[A-Za-z0-9]+)?")
_MARKUP: Final = re.compile(r"([\\`*_\[\]<>#!|~&$:^])")
_LIVE: Final = re.compile(r"(?:@|#|\b[Gg][Hh]-)(?=\w)")
_SPACE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_ADDRESS: Final = re.compile(r"https?://[^\s<>()\[\]\"'`\\|]+")
# GitLab lists commits in its notes as HTML.
_LIST_TAG: Final = re.compile(r"</?(?:ul|li|p|br)[ ]?/?>", re.IGNORECASE)
_SAME_MOMENT: Final = timedelta(minutes=1)
_NAME_LIMIT: Final = 100
_WITHIN: Final = "x "
# Its references become links, and the whole has to be shorter than a comment.
_NOTE_LIMIT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEntry:
    """One thing that GitLab noted by itself: who, when (ISO 8601) and its words, as GitLab has them."""

    author: Person | None
    at: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What else a reader should know of a text; `edited_at` is shown when it is a minute later or more."""

    edited_at: str = ""
    internal: bool = False
    resolved: bool = False
    resolved_by: Person | None = None


def attributed(
    text: str,
    book: Book,
    *,
    author: Person | None,
    at: str,
    url: str,
    wrote: str = "wrote",
    marks: Marks | None = None,
    details: str = "",
) -> str:
    """A text that is rewritten already, below a line that says who wrote it, when and where.

    `at` is ISO 8601, `url` the address of the original; an address that is not plain HTTP(S) is left out.
    `details` is a line of safe Markdown for the same quote: below the text it could be inside an open fence.
    """
    line = f"> {header(book, author=author, at=at, url=url, wrote=wrote, marks=marks)}"
    if details:
        line = f"{line}\n> {details}"
    return f"{line}\n\n{text}" if text.strip() else line


def header(
    book: Book, *, author: Person | None, at: str, url: str, wrote: str = "wrote", marks: Marks | None = None
) -> str:
    """The line itself, `**[Ann](https://…)** (@ann) wrote on 2020-01-31 12:00 UTC · [original](…)`."""
    moment = moment_text(at)
    said = [f"{_who(author, book)} {wrote}{f' on {moment}' if moment else ''}"]
    if marks is not None:
        said += _marks(marks, at, book)
    if _ADDRESS.fullmatch(url):
        said.append(f"[original]({url})")
    return " · ".join(said)


def _marks(marks: Marks, at: str, book: Book) -> Iterator[str]:
    written, edited = _moment(at), _moment(marks.edited_at)
    if edited is not None and (written is None or edited - written >= _SAME_MOMENT):
        yield f"edited on {moment_text(marks.edited_at)}"
    if marks.internal:
        yield "internal note"
    if marks.resolved:
        yield "thread resolved" + (
            f" by {_who(marks.resolved_by, book, link=False)}" if marks.resolved_by else ""
        )


def timeline(entries: Sequence[TimelineEntry], book: Book) -> list[str]:
    """What GitLab noted by itself, as few comments as it takes: one line for each, in the order given.

    One that is very long, as a list of pushed commits or the words of a task can be, has several lines.
    """
    if not entries:
        return []
    lines = []
    for one in entries:
        start = f"- {moment_text(one.at) or 'at some time'}: {_who(one.author, book, link=False)}"
        for place, words in enumerate(_one_line(one.text, book)):
            lines.append(f"{start}{' … ' if place else ' '}{words}\n")
    # Each line is a list item of its own, so that cutting between them changes no meaning.
    return [f"**History on GitLab**\n\n{part.rstrip()}" for part in split("".join(lines), PIECE_LIMIT_BYTES)]


def plain_words(text: str, limit: int = _NAME_LIMIT) -> str:
    """Words for people within Markdown: no markup, no HTML, no mention, one line, at most `limit` units."""
    words = shortened(_SPACE.sub(" ", defang(clean(text))).strip(), limit)
    harmless = _LIVE.sub(lambda found: found.group() + ZERO_WIDTH_SPACE, words)
    return _MARKUP.sub(r"\\\1", harmless)


def moment_text(at: str) -> str:
    """`2020-01-31 12:00 UTC` for an ISO 8601 moment; empty for what is none."""
    moment = _moment(at)
    return "" if moment is None else moment.strftime("%Y-%m-%d %H:%M UTC")


def _moment(at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _who(author: Person | None, book: Book, *, link: bool = True) -> str:
    if author is None:
        return "**Somebody without an account today**"
    name = plain_words(author.name) or plain_words(author.username) or "Somebody"
    mapping = book.user(author.username)
    login = mapping.github_login if mapping and mapping.github_login else ""
    known = _known(login, book) if _LOGIN.fullmatch(login) else ""
    if not link:
        return f"**{name}**{known}"
    return f"**[{name}]({_profile(author, book)})**{known}"


def _known(login: str, book: Book) -> str:
    # A link tells a reader who it is, and calls nobody.
    return f" (@{login})" if book.mentions else f" ([{login}]({book.github_url.rstrip('/')}/{login}))"


def _profile(author: Person, book: Book) -> str:
    gitlab = book.gitlab_url.rstrip("/")
    given = author.web_url or ""
    if given.startswith(f"{gitlab}/") and _ADDRESS.fullmatch(given):
        return given
    return f"{gitlab}/{quote(clean(author.username), safe='')}"


def _one_line(text: str, book: Book) -> Iterator[str]:
    # GitLab's own notes hold titles, which may hold tags; none may swallow the lines below.
    words = _LIST_TAG.sub(" ", clean(text))
    for part in _cut(_SPACE.sub(" ", words).strip()):
        # At the start of a text three backticks open a fence, and a number a list; within a line they do not.
        yield to_github(f"{_WITHIN}{part.replace('<', '&lt;')}", book).removeprefix(_WITHIN)


def _cut(words: str) -> Iterator[str]:
    while len(words) > _NOTE_LIMIT:
        end = words.rfind(" ", 1, _NOTE_LIMIT)
        end = end if end > 0 else _NOTE_LIMIT
        yield words[:end]
        words = words[end:].lstrip()
    yield words
