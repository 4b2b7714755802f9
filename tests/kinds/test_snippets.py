"""Where a snippet's files lie: plain paths, each once, none outside of its folder."""

from __future__ import annotations

import posixpath
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.kinds.snippets import SnippetContent, SnippetRecord, SnippetsKind, _paths
from gl2gh_batch.source import published as gitlab

HOSTILE = [
    "../../x",
    "/etc/passwd",
    ".git/config",
    "a/../../b",
    "a\\b",
    "a\nb",
    "",
    ".",
    "..",
    "A",
    "a",
    "a/b",
]


@given(st.lists(st.one_of(st.text(max_size=12), st.sampled_from(HOSTILE)), max_size=8))
def test_paths_are_plain_and_distinct(wanted: list[str]) -> None:
    """Whatever a snippet's files are called, git takes the tree and nothing leads out of the folder."""
    paths = list(_paths(wanted))
    assert len(paths) == len(wanted)
    lower = [path.lower() for path in paths]
    assert len(set(lower)) == len(lower)
    for path in paths:
        assert path == posixpath.normpath(path)
        assert not path.startswith(("/", "../"))
        assert path not in {".", "..", ""}
        assert ".git" not in path.lower().split("/")
        assert path.isprintable()
        assert not any(other.startswith(f"{path.lower()}/") for other in lower)


def test_what_could_not_be_read_is_a_loss(setting: Any) -> None:
    """The snippet is carried without it, and earlier versions are named as lost."""
    record = SnippetRecord(
        snippet=gitlab.Snippet(id=3, title="T", created_at="2024-01-01", updated_at="2024-01-02"),
        files=(
            SnippetContent(path="a", problem="404"),
            SnippetContent(path="b", sha256="0" * 64, blob="1" * 40),
        ),
    )
    shaped = SnippetsKind().shape(record, setting())
    assert shaped.desired is not None
    assert set(shaped.desired.blobs) == {"README.md", "b"}
    assert [one.what for one in shaped.losses] == ["the file 'a'", "its earlier versions"]
