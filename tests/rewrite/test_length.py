"""Texts that are too long are cut so that every part fits and reads as before."""

from __future__ import annotations

import re

import pyromark
import pytest
from github_scanner import rendered
from hypothesis import given, settings
from hypothesis import strategies as st

from gl2gh_batch.rewrite.length import BODY_LIMIT_BYTES, split
from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS

WORDS = st.sampled_from(
    ["word ", "ü✓🎉", "\n", "\n\n", "- item\n", "> quote\n", "x" * 70, "# h\n", "`c` ", "| a |\n"]
)


@settings(deadline=None)
@given(st.lists(WORDS, max_size=80), st.integers(64, 400))
def test_parts_fit_and_are_the_text(words: list[str], limit: int) -> None:
    """But for marks of lists and quotes, the parts joined are the text; none is longer than allowed."""
    text = "".join(words)
    parts = split(text, limit)
    assert re.sub(r"[->|\s]", "", "".join(parts)) == re.sub(r"[->|\s]", "", text)
    assert all(len(part.encode()) <= limit for part in parts)
    assert all(parts) or text == ""


@pytest.mark.parametrize("fence", ["```python", "~~~~", "````"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_cut_fence_is_closed_and_opened_again(fence: str, end: str) -> None:
    """Each part of a long code block is a code block of the same language, and no line is lost."""
    lines = [f"line {number} @bob #1" for number in range(400)]
    closing = re.match(r"[`~]+", fence)
    assert closing is not None
    text = "before\n\n" + "\n".join([fence, *lines, closing.group() + end])
    parts = split(text, 1000)
    assert all(len(part.encode()) <= 1000 for part in parts)
    seen: list[str] = []
    for part in parts:
        inside = False
        for event in pyromark.events(part, options=GITHUB_OPTIONS):
            match event:
                case {"Start": {"CodeBlock": {"Fenced": info}}}:
                    assert info == fence.lstrip("`~")
                    inside = True
                case {"End": "CodeBlock"}:
                    inside = False
                case {"Text": words} if inside:
                    seen += words.split("\n")
                case {"Text": words}:
                    assert words == "before"
                case _:
                    pass
    assert [line for line in seen if line] == lines


def test_the_limit_is_exact() -> None:
    """A text of just the allowed length is left alone, one byte more makes two."""
    assert split("x" * BODY_LIMIT_BYTES) == ["x" * BODY_LIMIT_BYTES]
    assert len(split("x" * (BODY_LIMIT_BYTES + 1))) == 2
    assert len(split("é" * (BODY_LIMIT_BYTES // 2 + 1))) == 2
    with pytest.raises(ValueError, match="cannot be cut"):
        split("x" * 100, 10)


def test_cuts_are_between_blocks_where_they_can_be() -> None:
    """Paragraphs that fit are not torn."""
    paragraphs = [f"paragraph {number} " + "word " * 10 for number in range(20)]
    parts = split("\n\n".join(paragraphs), 200)
    assert [one.strip() for part in parts for one in part.strip().split("\n\n")] == [
        one.strip() for one in paragraphs
    ]


NESTED = """\
- one{n}
  - two{n}

    two{n} again
    > quoted{n}
    > - in quote{n}

    ```py
    code{n}
    more{n}
    ```

7. seventh{n}

   | a{n} | b |
   |---|---|
   | c{n} | d |

> outer{n}
> lazy{n}
> 1. counted{n}
>
>    para{n}
"""


def nesting(markdown: str) -> dict[str, tuple[str, ...]]:
    """For each numbered word the elements that it stands in, as GitHub's own parser nests them."""
    found: dict[str, tuple[str, ...]] = {}
    open_tags: list[str] = []
    for tag, words in re.findall(r"<(/?[a-z0-9]+)[^>]*>|([^<]+)", rendered(markdown)):
        if tag.startswith("/"):
            while open_tags.pop() != tag[1:]:
                pass
        elif tag and tag not in {"br", "hr", "input"}:
            open_tags.append(tag)
        for word in re.findall(r"[a-z]+[0-9]+", words):
            # Whether a list is loose, or the first cell a heading, is no matter of place.
            found[word] = tuple(one for one in open_tags if one in {"ul", "ol", "li", "blockquote", "pre"})
    return found


@pytest.mark.parametrize("limit", [150, 200, 300, 500, 1000])
def test_what_is_cut_goes_on_where_it_stood(limit: int) -> None:
    """However a nested text is cut, each word stands in the same lists, quotes and fences as before."""
    text = "".join(NESTED.format(n=number) for number in range(9))
    whole: dict[str, tuple[str, ...]] = {}
    for part in split(text, limit):
        assert len(part.encode()) <= limit
        whole |= nesting(part)
    assert whole == nesting(text)


def test_a_cut_table_has_its_head_again() -> None:
    """Each part of a long table begins with the head."""
    text = "| name | value |\n|---|---|\n" + "".join(f"| n{number} | {number} |\n" for number in range(200))
    parts = split(text, 500)
    assert len(parts) > 5
    assert all(rendered(part).count("<th>name</th>") == 1 for part in parts)
    assert sum(rendered(part).count("<td>n") for part in parts) == 200
