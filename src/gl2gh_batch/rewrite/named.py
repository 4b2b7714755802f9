"""Whom a text of GitLab's mentions, found just as `to_github` finds them."""

from __future__ import annotations

from collections.abc import Iterator

from gl2gh_batch.rewrite.markdown import parts
from gl2gh_batch.rewrite.mentions import mention_edits
from gl2gh_batch.rewrite.runs import Run, clean
from gl2gh_batch.rewrite.urls import bare_addresses


def mentioned_names(text: str) -> Iterator[str]:
    """The usernames in the order of their mentions, each as often as it is mentioned; groups' paths are none.

    Whether a name is somebody's is for GitLab to say: `@all` is one of them.
    """
    if "@" not in text and "&" not in text:  # the sign can be written as an entity, too
        return
    names: list[str] = []

    def note(name: str) -> None:
        names.append(name)

    for part in parts(clean(text)):
        if isinstance(part, Run) and not part.raw:
            for _ in mention_edits(part, note, bare_addresses(part)):
                pass
            yield from names
            names.clear()
