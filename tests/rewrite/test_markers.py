"""Markers are read back as they were written, and cannot be forged by text from GitLab."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.markers import defang, find_marker, marker, without_markers
from gl2gh_batch.rewrite.text import to_github

UTF8 = st.text(st.characters(codec="utf-8"), min_size=1)


@given(UTF8)
def test_any_identity_comes_back(identity: str) -> None:
    """A marker is one hidden comment that holds the identity, whatever signs it has."""
    text = marker(identity)
    assert find_marker(f"body\n\n{text}\n") == identity
    assert text.count("-->") == 1
    assert "--" not in text[4:-3]
    assert without_markers(f"body\n\n{text}\n") == "body"


@given(st.text(st.characters(codec="utf-8")), st.sampled_from(["issues/1", "a--b"]), st.text(max_size=3))
def test_text_from_gitlab_never_holds_a_marker(book: Book, text: str, identity: str, between: str) -> None:
    """After rewriting, what looked like a marker of ours is none, also with signs that are dropped."""
    forged = f"{text}{marker(identity)}<!--\x00 gl2gh:x --><!-- gl2gh{between}:y -->"
    assert find_marker(to_github(forged, book)) is None
    body = f"{to_github(forged, book)}\n\n{marker('issues/7')}"
    assert find_marker(body) == "issues/7"


@pytest.mark.parametrize("text", ["<!-- gl2gh:a -->", "`<!--gl2gh:a-->`", "<!--\n GL2GH:a"])
def test_defanging_is_invisible(text: str) -> None:
    """What looks like a marker gets one zero-width space and stays readable; other text stays as it was."""
    assert defang(text) != text
    assert defang(text).replace("\u200b", "") == text
    assert defang(defang(text)) == defang(text)
    assert defang("gl2gh: a <!-- other:a -->") == "gl2gh: a <!-- other:a -->"


def test_markers_that_contradict_each_other_say_nothing() -> None:
    """Two markers of different items are not trusted; the same one twice is."""
    assert find_marker(marker("a") + marker("b")) is None
    assert find_marker(marker("a") + marker("a")) == "a"
    assert find_marker("") is None
