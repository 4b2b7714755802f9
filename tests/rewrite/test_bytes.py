"""What is not rewritten stays as it was, byte for byte."""

from __future__ import annotations

import html
import os
import re
from itertools import pairwise
from typing import Final

from fragments import TEXTS
from github_scanner import scan
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.runs import Edit, clean
from gl2gh_batch.rewrite.text import stages, to_github

BODIES: Final = int(os.environ.get("TORTURE", "1500"))
# All that may ever be taken away from a text, read as a reader sees it.
_PATH: Final = r"(?:[\w.-]+/)*[\w.-]*"
REWRITTEN: Final = re.compile(
    rf"""
    {_PATH}[#!]\d+(?:\+s?)?                                # references
    | @[\w.-]+                                             # people
    | {_PATH}[~%](?:"[^"\n]+"|[^\s"]+)                     # labels, milestones
    | {_PATH}[&$]\d+                                       # epics, snippets
    | (?:{_PATH}@)?[0-9a-f]{{7,40}}(?:\.{{2,3}}[0-9a-f]+)? # commits
    | (?:www\.)?github\.com                                # strangers' hosts
    | \S+ | <[^<>\n]*> | "[^"]*" | '[^']*'          # addresses, plain or in quotes
    | !\[[^\n]*\]\([^\n]*\)\{{[^{{}}]*\}}                  # sized images
    | \{{[^{{}}]*\}} | !                                   # sizes, and the sign of an image that is a film
    | ::include\{{file=[^\s}}]+\}}
    | \[~\][ \t]+                                          # tasks that do not apply
    | [\[{{][+-][ \t]*|[ \t]*[+-][\]}}]                    # inserted and deleted words
    | [ ]{{0,3}}>{{3,}}[ \t]* | (?:---|\+\+\+|;;;)\w*      # long quotes, front matter
    | \[\[?_?TOC_?\]?\] | suggestion:\S+ | json:table
    | [\r \t\v\f]+                                          # what the two parsers read in two ways
    """,
    re.VERBOSE | re.ASCII,
)
WORDS: Final = """
    word Ünï ✓🎉 *a* **b** `c` [x](https://x.y/z) ![i](https://x.y/i.png) <b>t</b> <!-- c --> 3.14 a_b (p)
    \\* &amp; &copy; <https://x.y> https://x.y/z - + 1. # > ``` ~~~ --- | |-|-| [^1] [^1]: ~~s~~ 5$ 10%
"""
SPACES: Final = (" ", "\n", "\n\n", "\r\n", "\t", "    ", "  \n")
NEUTRAL: Final = st.lists(
    st.tuples(st.sampled_from(WORDS.split()), st.sampled_from(SPACES)), max_size=20
).map(lambda parts: "".join(word + space for word, space in parts))


def undone(text: str, edits: list[Edit], before: str) -> str:
    """The text that was there before the edits, from the one behind them: the edits mapped back."""
    parts: list[str] = []
    place = shift = 0
    for edit in edits:
        start = edit.start + shift
        assert text[start : start + len(edit.text)] == edit.text
        parts += (text[place:start], before[edit.start : edit.end])
        place = start + len(edit.text)
        shift += len(edit.text) - (edit.end - edit.start)
    return "".join((*parts, text[place:]))


@settings(max_examples=BODIES, deadline=None)
@given(TEXTS)
@example("~bug#12 group/lib~bug@alice")
@example("[issue:12]@alice")
def test_nothing_changes_outside_the_reported_edits(book: Book, text: str) -> None:
    """The edits do not overlap, and mapped back they give the text that was there, byte for byte."""
    steps = list(stages(text, book))
    results = [*(before for before, _ in steps[1:]), to_github(text, book)]
    assert steps[0][0] == clean(text)
    for (before, edits), after in zip(steps, results, strict=True):
        assert all(one.end <= two.start for one, two in pairwise(edits))
        assert undone(after, edits, before).encode() == before.encode()


@settings(max_examples=BODIES // 3, deadline=None)
@given(TEXTS)
def test_only_what_is_gitlabs_is_taken_away(book: Book, text: str) -> None:
    """Whatever an edit takes away is a reference, a mention, an address or another sign of GitLab's."""
    for before, edits in stages(text, book):
        for edit in edits:
            gone = before[edit.start : edit.end]
            seen = html.unescape(re.sub(r"\\(?=[!-/:-@\[-`{-~])", "", gone))
            assert not gone or REWRITTEN.fullmatch(seen) or REWRITTEN.fullmatch(gone), gone


@settings(max_examples=BODIES // 3, deadline=None)
@given(NEUTRAL)
def test_a_text_without_anything_of_gitlabs_is_not_touched(book: Book, text: str) -> None:
    """Markdown that both platforms read alike comes out as it went in."""
    assume(not re.match(r"\s*---[ \t]*\n", text))
    # Our parser reads a fence with a tab behind it unlike GitHub's: the tab goes.
    assume(not re.search(r"^[ \t>]*(?:```|~~~)[ ]*\t", text, re.MULTILINE))
    assert to_github(text, book) == text


@settings(max_examples=BODIES // 3, deadline=None)
@given(TEXTS)
def test_code_stays_as_it_was(book: Book, text: str) -> None:
    """What GitHub's own parser shows as code is the same before and after."""
    assume(not any(sign in text for sign in (">>>", "---", "\x00", "\r", "<pre>", "<code>")))
    assert scan(to_github(text, book)).code == scan(text).code
