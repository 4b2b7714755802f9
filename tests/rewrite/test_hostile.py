"""Whatever a text from GitLab holds, what GitHub makes of it acts on no stranger."""

from __future__ import annotations

import os
import re
from typing import Final

from fragments import TEXTS
from github_scanner import Seen, rendered, scan, scan_title
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.lazy import lazy_edits
from gl2gh_batch.rewrite.runs import apply
from gl2gh_batch.rewrite.text import pieces, title_to_github, to_github

# `TORTURE=10000 pytest tests/rewrite/test_hostile.py` for the full number.
BODIES: Final = int(os.environ.get("TORTURE", "1500"))
KNOWN: Final = {"alice-gh", "jdoe"}


def assert_harmless(seen: Seen) -> None:
    """Only mapped people are mentioned, only items of the batch are referred to, and nothing is closed."""
    assert seen.mentions <= KNOWN
    for one in seen.references:
        path, _, number = one.partition("#")
        assert path in {"", "acme/lib"}
        assert 1001 <= int(number) <= 1020 or 2001 <= int(number) <= 2005
    assert seen.commits <= {"acme/lib"}
    assert seen.closing == set()
    assert seen.backlinks <= {"acme/app", "acme/lib"}


@settings(max_examples=BODIES, deadline=None)
@given(TEXTS)
@example("<div>\n@bob <!-- @bob\n@bob --> &#64bob\n</div>")
@example("Fixes\n#12\n\n| a | @bob\\|#12 |\n|-|-|\n| `@bob` | @bob |\n")
@example("wow!#99 [x]#99 ![x]#12 [x]\n\n[x]: http://y.z")
@example("~bug@bob %v1.0@bob &5@bob group/lib$4@bob")
@example('<img src="x" alt="@bob">@bob')
@example("@bob\n- @bob\n<b>\n[@bob](http://x.y)")
@example("> > a\n> <b>\n> `@bob`")
@example("[^1]: a\n</b>\n`@bob`")
@example("> [x]: u\n<b>\n`@bob`")
@example("1. a\n2. b\n<b>\n\n> c\n<i>\n`@bob`")
@example("> a\n\t> ```@bob")
@example("```\n```\t\n@bob")
@example("3)\n   \n    @bob")
@example("\f\n    @bob")
@example("<div>\n> \v \n`@bob`")
@example("> - \f\n    @bob")
@example("\\`` ``@bob`")
@example("https://x.y/$$ $$x$$#12$$ $$ https://x.y #12 $$")
@example("$$http://x.y #12$$ ")
@example("$$#9~g~$$ _g_~g_@bob")
@example("#12+[issue:group/lib/3] #12+!3")
@example("_@bob_\xa2x_@bob")
@example("<ahttps://github.com/o/r/issues/1>")
@example("`` `a` `@bob` `@bob`")
@example("<!X`> `@bob`")
@example(f"{'`' * 81}@bob{'`' * 81}")
@example("<div>\n<a x='\n\n' <b>`@bob` '")
@example("> <!-- a\n\n<b>x</b>\n\n[<!-- --> @bob](u)")
@example("<![CDATA[<a f='@bob'>")
@example("$$ @bob fixes #12 o/r#6 bob#7 $$ #12")
def test_nothing_that_acts_on_strangers_is_left(book: Book, text: str) -> None:
    """Rendered by GitHub's own parser, a rewritten text acts on nobody outside the batch."""
    assert_harmless(scan(to_github(text, book)))


# What may end a paragraph, in quotes and lists: GitHub's parser and ours have to agree on all of it.
MARKS: Final = st.sampled_from(("", "", "> ", ">", "- ", "1. ", "2. ", "  ", "   ", "    ", "\t", "> - "))
_LINES: Final = """
    a|`@bob`|[@bob](u)|<b>|</i>|<b x='y'> |<div>|<!-- x -->|<?x|<!A|<![CDATA[|<pre>|</pre>|<script>|```|~~~|#|
    # `@bob`|---|===|***|    `@bob`|-|2. x|1. `@bob`|2.|3)|+|[^1]: `@bob`|[x]: u|[x]: u '|'|`|``|<b a='|-->|
"""
LINES: Final = st.sampled_from(_LINES.replace("|\n    ", "|").strip().split("|"))
BLOCKS: Final = st.lists(st.tuples(MARKS, MARKS, LINES).map("".join), min_size=2, max_size=7).map("\n".join)


@settings(max_examples=BODIES, deadline=None)
@given(BLOCKS)
def test_no_line_ends_a_paragraph_for_github_alone(book: Book, text: str) -> None:
    """Whatever stands behind a paragraph of a list or quote, and whatever it ends there, nobody is told."""
    assert_harmless(scan(to_github(text, book)))


@settings(max_examples=BODIES, deadline=None)
@given(BLOCKS)
@example("- a\n<b>\nc")
@example("- a\n<b>x</b>\n\n- a\n<http://x.y>")
@example("> - a\n>   > b\n>   <b>\n> c")
@example("-    a\n    <b>\n   <b>")
@example(">\t- a\n>\t  <b>\n> <b>")
def test_an_empty_line_before_a_tag_changes_nothing_on_the_page(text: str) -> None:
    """GitHub's parser makes the same of it, but for the distance between the paragraphs."""
    after = apply(text, lazy_edits(text))
    before, after = (re.sub(r"\s+|</?p>", "", rendered(one)) for one in (text, after))
    assert before == after


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_titles_act_on_nobody(book: Book, text: str) -> None:
    """The same for titles, in which nothing is code or link."""
    assert_harmless(scan_title(title_to_github(text, book)))


@settings(max_examples=150, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=12), st.integers(300, 900))
def test_pieces_fit_and_are_each_harmless(book: Book, texts: list[str], limit: int) -> None:
    """However a text is cut, every piece keeps to the limit and acts on nobody by itself."""
    for piece in pieces("\n\n".join(texts), book, limit):
        assert len(piece.encode()) <= limit
        assert_harmless(scan(piece))
