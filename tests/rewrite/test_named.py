"""Whom a text mentions is found as the rewriting finds it."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest
from fragments import TEXTS
from hypothesis import given, settings
from known_book import KnownBook

from gl2gh_batch.domain.people import UserMapping
from gl2gh_batch.rewrite.named import mentioned_names
from gl2gh_batch.rewrite.text import to_github


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("no one", []),
        ("@ann and @bob, again @ann.", ["ann", "bob", "ann"]),
        ("`@ann` [@bob](http://x.y) a@b.c", []),
        ("```\n@ann\n```\n@group/sub @john.doe", ["john.doe"]),
        ("<div>@ann</div>", []),
    ],
)
def test_mentions_are_counted_where_they_are_mentions(text: str, names: Sequence[str]) -> None:
    """Code, links' words, raw HTML and groups hold none; a name counts as often as it is mentioned."""
    assert list(mentioned_names(text)) == names


class _Everybody(KnownBook):
    """Knows everybody, under a login of the same letters."""

    def user(self, username: str) -> UserMapping | None:
        login = re.sub(r"[^A-Za-z0-9]", "", username)
        return UserMapping(gitlab_username=username, github_login=f"gh{login}x")


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_nobody_is_mentioned_who_was_not_found(text: str) -> None:
    """Whoever the rewriting would mention is among the names, whatever the text."""
    found = {f"gh{re.sub(r'[^A-Za-z0-9]', '', name)}x" for name in mentioned_names(text)}
    mentioned = set(re.findall(r"@(gh[A-Za-z0-9]*x)\b", to_github(text, _Everybody())))
    assert mentioned <= found | set(re.findall(r"@(gh[A-Za-z0-9]*x)\b", text))
