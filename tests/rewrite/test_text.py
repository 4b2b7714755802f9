"""Texts from GitLab are harmless on GitHub, and what need not change does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.text import PIECE_LIMIT_BYTES, pieces, title_to_github, to_github

Z = "\u200b"


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=60))
def test_any_text_at_all_can_be_rewritten(book: Book, text: str) -> None:
    """NUL and lone surrogates are dropped, everything else passes, and titles are never empty."""
    to_github(text, book).encode()
    title = title_to_github(text, book)
    assert title
    assert "\n" not in title
    assert len(title.encode("utf-16-le")) // 2 <= 256


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("@bob and @alice", f"@{Z}bob and @alice-gh"),
        ("@john.doe.", "@jdoe."),
        ("@dora, @mallory", f"@{Z}dora, @{Z}mallory"),
        ("@group/sub @all", f"@{Z}group/sub @{Z}all"),
        ("mail a.b@example.com", "mail a.b@example.com"),
        ("`@bob` [@bob](http://x.y) <!-- @bob -->", "`@bob` [@bob](http://x.y) <!-- @bob -->"),
        ("    @bob\n\n```\n@bob\n```", "    @bob\n\n```\n@bob\n```"),
        ("&#64;bob \\@bob \\@alice", f"&#64;{Z}bob \\@{Z}bob @alice-gh"),
        ("see #12, #99", f"see #1012, [#{Z}99](https://gitlab.example.com/group/app/-/issues/99)"),
        ("group/lib#3 lib#4 group/app#5", "acme/lib#1003 acme/lib#1004 #1005"),
        ("o/r#5 word#5", f"[o/r#{Z}5](https://gitlab.example.com/o/r/-/issues/5) word#{Z}5"),
        ("!3 !99", "#2003 [!99](https://gitlab.example.com/group/app/-/merge_requests/99)"),
        ("Fixes #12, closes: !3", f"Fixes {Z}#1012, closes: {Z}#2003"),
        ("GH-12 C#12 #12x &#39; #0 #123456789", f"GH-{Z}12 C#{Z}12 #12x &#39; #{Z}0 #{Z}123456789"),
        ("wow!#99", f"wow!{Z}[#{Z}99](https://gitlab.example.com/group/app/-/issues/99)"),
        ("https://gitlab.example.com/group/lib/-/issues/3.", "acme/lib#1003."),
        ("https://gitlab.example.com/group/lib/-/issues/3+ x", "acme/lib#1003 x"),
        ("[issue:12], GL-12, GL-99 fixes [work_item:lib/3]", f"#1012, #1012, GL-99 fixes {Z}acme/lib#1003"),
        ("[issue:12]1 `[issue:12]` [issue:12](a:b)", f"#1012{Z}1 `[issue:12]` [issue:12](a:b)"),
        ("[issue:99]", "[\\[issue:99\\]](https://gitlab.example.com/group/app/-/issues/99)"),
        ("[epic:5]", "[\\[epic:5\\]](https://gitlab.example.com/groups/group/-/epics/5)"),
        (
            "https://gitlab.example.com/group/lib/-/issues/3#note_1",
            "https://github.com/acme/lib/issues/1003#note_1",
        ),
        ("https://github.com/o/r/pull/7", "https://redirect.github.com/o/r/pull/7"),
        ("www.github.com/o/r/pull/7", "redirect.github.com/o/r/pull/7"),
        ("https://github.com/o/r", "https://github.com/o/r"),
        ("https://x.y/@bob/#12", "https://x.y/@bob/#12"),
        ("# Heading @bob", f"# Heading @{Z}bob"),
        ("@alice#12", f"@alice-gh#{Z}12"),
        ("@alice/app#12", f"@{Z}[alice/app#{Z}12](https://gitlab.example.com/alice/app/-/issues/12)"),
    ],
)
def test_examples(book: Book, before: str, after: str) -> None:
    """The table of what becomes of what."""
    assert to_github(before, book) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Fix @bob's #12", f"Fix @{Z}bob's #1012"),
        ("Fixes #12 for @alice", f"Fixes {Z}#1012 for @alice-gh"),
        ("a\n\x1b[31mb", "a [31mb"),
        ("see #99 & o/r#1", f"see #{Z}99 & o/r#{Z}1"),
        ("", "(no title)"),
        ("x" * 300, "x" * 255 + "…"),
    ],
)
def test_titles(book: Book, before: str, after: str) -> None:
    """Titles hold no Markdown, so nothing in them becomes a link."""
    assert title_to_github(before, book) == after


def test_a_text_that_fits_is_one_piece(book: Book) -> None:
    """Only what is too long is cut."""
    assert pieces("short #12", book) == ["short #1012"]
    assert len(pieces("word " * (PIECE_LIMIT_BYTES // 5 + 10), book)) == 2
