"""Readers see who wrote what and when, and no name can break the page or call a stranger."""

from __future__ import annotations

import re

import pyromark
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_book import KnownBook

from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.attribution import (
    Marks,
    TimelineEntry,
    attributed,
    header,
    moment_text,
    plain_words,
    timeline,
)
from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS
from gl2gh_batch.rewrite.text import title_to_github, to_github

ANN = Person(username="alice", name="Alice A.", web_url="https://gitlab.example.com/alice")
URL = "https://gitlab.example.com/group/app/-/issues/1"


def test_the_header_names_links_and_dates(book: Book) -> None:
    """Name with profile, login where it is known, moment in UTC and the original."""
    assert header(book, author=ANN, at="2020-01-31T13:00:00.123+01:00", url=URL) == (
        "**[Alice A.](https://gitlab.example.com/alice)** (@alice-gh) wrote on 2020-01-31 12:00 UTC"
        f" · [original]({URL})"
    )
    assert attributed("text", book, author=ANN, at="", url="") == (
        "> **[Alice A.](https://gitlab.example.com/alice)** (@alice-gh) wrote\n\ntext"
    )


@pytest.mark.parametrize(
    ("marks", "said"),
    [
        (Marks(), ""),
        (Marks(edited_at="2020-01-31T12:00:30Z"), ""),
        (Marks(edited_at="2020-02-01T08:00:00Z"), " · edited on 2020-02-01 08:00 UTC"),
        (Marks(edited_at="soon"), ""),
        (Marks(internal=True), " · internal note"),
        (Marks(resolved=True), " · thread resolved"),
        (Marks(resolved=True, resolved_by=ANN), " · thread resolved by **Alice A.** (@alice-gh)"),
    ],
)
def test_what_else_is_to_know_stands_in_the_line(book: Book, marks: Marks, said: str) -> None:
    """Edits a minute later or more, internal notes and resolved threads are said in the header."""
    bob = Person(username="bob", name="Bob")
    line = header(book, author=bob, at="2020-01-31T12:00:00Z", url=URL, marks=marks)
    start = "**[Bob](https://gitlab.example.com/bob)** wrote on 2020-01-31 12:00 UTC"
    assert line == f"{start}{said} · [original]({URL})"


def test_the_policy_can_forbid_every_mention() -> None:
    """Where nobody is to be mentioned, a known person is linked instead, and texts call nobody."""
    silent = KnownBook(mentions=False)
    assert "([alice-gh](https://github.com/alice-gh))" in header(silent, author=ANN, at="", url="")
    assert to_github("@alice and @bob", silent) == "@\u200balice and @\u200bbob"
    assert title_to_github("@alice", silent) == "@\u200balice"


def test_commits_in_the_timeline_are_words(book: Book) -> None:
    """GitLab lists commits in its notes as HTML, which a line of ours does not show."""
    note = "added 1 commit\n\n<ul><li>9ba12248 - Fix @bob</li></ul>\n\n[Compare](/group/app/-/compare/a...b)"
    (text,) = timeline([TimelineEntry(author=ANN, at="", text=note)], book)
    assert text.endswith(
        "added 1 commit 9ba12248 - Fix @\u200bbob [Compare](https://github.com/acme/app/compare/a...b)"
    )


def test_somebody_unknown_is_not_mentioned(book: Book) -> None:
    """Without a mapping there is no mention; without an author there is still a header."""
    bob = Person(username="bob", name="Bob")
    line = header(book, author=bob, at="", url="")
    assert line == "**[Bob](https://gitlab.example.com/bob)** wrote"
    assert "Somebody" in header(book, author=None, at="", url=URL)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x/)[a](b", "https://x/ y", "https://x/<b>", "data:text/html,x"]
)
def test_addresses_that_are_none_are_left_out(book: Book, url: str) -> None:
    """Only a plain HTTP(S) address becomes a link."""
    assert "original" not in header(book, author=ANN, at="", url=url)
    mallory = Person(username="bob/../x y", name="B", web_url=url)
    assert "(https://gitlab.example.com/bob%2F..%2Fx%20y)" in header(book, author=mallory, at="", url="")


@given(st.text())
def test_no_name_is_more_than_words(book: Book, name: str) -> None:
    """Whatever a user is called, the header keeps its shape: one link, no HTML, no mention, one line."""
    line = header(book, author=Person(username="u", name=name), at="", url="")
    events = list(pyromark.events(line, options=GITHUB_OPTIONS))
    assert sum("Link" in str(event) and "Start" in event for event in events) == 1
    assert not any(
        isinstance(event, dict) and {"InlineHtml", "Html", "Code"} & event.keys() for event in events
    )
    html = pyromark.html(line, options=GITHUB_OPTIONS)
    assert not re.search(r"(?:^|\W)@[A-Za-z0-9]", html, re.ASCII)
    assert "\n" not in line


@given(st.text(max_size=200))
def test_plain_words_render_as_they_are(text: str) -> None:
    """Rendered, the words are the text without control characters and doubled spaces."""
    words = plain_words(text, 1000)
    shown = "".join(
        event["Text"]
        for event in pyromark.events(f"x{words}x", options=GITHUB_OPTIONS)
        if isinstance(event, dict) and "Text" in event
    )
    assert shown.replace("\u200b", "") == f"x{words}x".replace("\u200b", "").replace("\\\\", "\0").replace(
        "\\", ""
    ).replace("\0", "\\")


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("2020-01-31T12:00:00Z", "2020-01-31 12:00 UTC"),
        ("2020-01-31", "2020-01-31 00:00 UTC"),
        ("0001-01-01T00:00:00+23:00", ""),
        ("yesterday", ""),
        ("", ""),
    ],
)
def test_moments_are_in_utc(at: str, text: str) -> None:
    """A moment is shown in UTC; what is none is not shown."""
    assert moment_text(at) == text


def test_the_timeline_has_a_line_for_each_note(book: Book) -> None:
    """Notes of GitLab's own keep their order, one line each, harmless and without live HTML."""
    hostile = TimelineEntry(author=None, at="", text="changed </details>\n\n<!-- title --> to @bob #12")
    (text,) = timeline([TimelineEntry(author=ANN, at="2020-01-31T12:00:00Z", text="closed"), hostile], book)
    assert text == (
        "**History on GitLab**\n\n"
        "- 2020-01-31 12:00 UTC: **Alice A.** (@alice-gh) closed\n"
        "- at some time: **Somebody without an account today** "
        "changed &lt;/details> &lt;!-- title --> to @\u200bbob #1012"
    )
    assert timeline([], book) == []


def test_a_long_timeline_is_several_comments(book: Book) -> None:
    """However many notes there are, each comment fits, and each line is whole."""
    entries = [TimelineEntry(author=ANN, at="", text=f"note {number}") for number in range(3000)]
    texts = timeline(entries, book)
    assert len(texts) > 1
    assert all(len(text.encode()) <= 65_536 for text in texts)
    lines = [line for text in texts for line in text.splitlines() if line.startswith("- ")]
    assert [line.split()[-1] for line in lines] == [str(number) for number in range(3000)]


def test_a_long_note_has_several_lines(book: Book) -> None:
    """A push of hundreds of commits, which older GitLabs list whole, is carried to the last one."""
    commits = "".join(f"<li>{number:08x} - Work on #{number}</li>" for number in range(1, 401))
    note = f"added 400 commits\n<ul>{commits}</ul>"
    (text,) = timeline([TimelineEntry(author=ANN, at="", text=note)], book)
    lines = text.splitlines()[2:]
    assert len(lines) > 1
    assert all(line.startswith("- at some time: **Alice A.** (@alice-gh) ") for line in lines)
    words = " ".join(line.partition("(@alice-gh) ")[2].removeprefix("… ") for line in lines)
    assert re.findall(r"[0-9a-f]{8} - Work", words) == [f"{number:08x} - Work" for number in range(1, 401)]
    (unbroken,) = timeline([TimelineEntry(author=ANN, at="", text="x" * 5000)], book)
    assert unbroken.count("x") == 5000


def test_details_stand_in_the_quote_above_the_text(book: Book) -> None:
    """Below the text they could be inside a fence that was never closed: above it they are always read."""
    body = attributed("```\nopen", book, author=ANN, at="", url="", details="Due on 2024-05-01 · Weight: 5")
    quote, _, text = body.partition("\n\n")
    assert quote.splitlines()[1] == "> Due on 2024-05-01 · Weight: 5"
    assert text == "```\nopen"
    html = pyromark.html(body, options=GITHUB_OPTIONS)
    assert "Weight: 5" in html.split("</blockquote>")[0]


@pytest.mark.parametrize(
    "text", ["``` \n~~~ @octocat", "1. @octocat", "    @octocat", "# @octocat", "> @octocat"]
)
def test_a_line_of_the_timeline_is_within_a_line(book: Book, text: str) -> None:
    """What would be a fence or another block at the start of a text is none behind a name and a date."""
    (comment,) = timeline([TimelineEntry(author=ANN, at="2020-01-31T12:00:00Z", text=text)], book)
    assert "@octocat" not in comment
    assert "octocat" in comment
