"""Several texts in one comment: none swallows the next."""

from __future__ import annotations

import pytest
from github_scanner import scan
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.rewrite.folding import BETWEEN, fold, joined, marked, self_contained
from gl2gh_batch.rewrite.markers import find_marker

OPEN = [
    "```py\nx",
    "~~~~\nx\n```",
    "<!-- a",
    "<pre>\nx",
    "<?php",
    "- ```\n  x",
    "> ```\n> x",
    "<details><summary>x</summary>\n\nfoo",
    "`<!--`",
    "| a |\n|---|\n| b |",
    "    code",
    "[a]: <",
    "text <!-- x",
    "<script>\nx",
]


@pytest.mark.parametrize("text", OPEN)
def test_what_is_open_is_closed(text: str) -> None:
    """Whatever a text leaves open ends with it, and what it says stays."""
    closed = self_contained(text)
    assert closed.startswith(text)
    assert self_contained(closed) == closed


@pytest.mark.parametrize("text", [*OPEN, "plain", "````\nx\n```", "```a\nx\n```\n~~~"])
def test_no_marker_is_shown_as_code(text: str) -> None:
    """The marker is no part of a fence that the text leaves open, and the text itself stays."""
    body = marked(text, "issues/1")
    assert body.startswith(text)
    assert find_marker(body) == "issues/1"
    assert not any("gl2gh:" in code for code in scan(body).code)


def test_a_whole_text_stays_as_it_is() -> None:
    """Nothing is added to a text that ends where it ends."""
    for text in ("", "Hello", "```\nx\n```", "<details>\n\nx\n\n</details>", "- a\n- b", "> q"):
        assert self_contained(text) == text
    assert joined(["a", "b"]) == f"a{BETWEEN}b"


@given(sizes=st.lists(st.integers(min_value=0, max_value=400), max_size=40))
def test_as_few_as_fit(sizes: list[int]) -> None:
    """All texts are there once, in order; no comment is too long, and none has room for the next."""
    texts = ["x" * size for size in sizes]
    groups = fold(texts, 500)
    assert [place for group in groups for place in group] == list(range(len(texts)))
    lengths = [sum(len(texts[place]) + len(BETWEEN) for place in group) for group in groups]
    assert all(length <= 500 for length in lengths)
    for length, following in zip(lengths, groups[1:], strict=False):
        assert length + len(texts[following[0]]) + len(BETWEEN) > 500
