"""What refs there are, which GitHub refuses, and what git says of a push."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from gl2gh_batch.kit.git_refs import (
    RemoteRefs,
    parse_push,
    refs_digest,
    refused_refs,
    remedy,
)


def test_the_digest_of_refs_does_not_depend_on_their_order() -> None:
    """Equal refs have equal digests; any changed name or id changes it."""
    one: Mapping[str, str] = {"refs/heads/a": "1" * 40, "refs/heads/b": "2" * 40}
    assert refs_digest(one) == refs_digest(dict(reversed(one.items())))
    assert refs_digest(one) != refs_digest({**one, "refs/heads/b": "3" * 40})
    assert refs_digest({}) != refs_digest(one)


def test_refs_that_github_refuses_are_known_beforehand() -> None:
    """Exactly the names that GitHub documents as refused are found, each with a reason."""
    fine = ["refs/heads/main", "refs/tags/v1", "refs/heads/" + "ü" * 122, "refs/heads/" + "a" * 39]
    bad = [
        "refs/heads/" + "ü" * 123,
        "refs/heads/" + "a" * 40,
        "refs/tags/" + "A" * 40,
        "refs/heads/refs/heads/x",
        "refs/keep-around/x",
        "refs/merge-requests/1/head",
        "refs/heads/\\xff",
        "HEAD",
    ]
    assert [one.name for one in refused_refs(fine + bad)] == sorted(bad)
    assert all(one.reason for one in refused_refs(bad))


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("remote: error: GH001: Large files detected.", "LFS"),
        ("remote: error: GH007: Your push would publish a private email address.", "e-mail"),
        ("remote: error: GH013: Repository rule violations found for refs/heads/main.", "ruleset"),
        ("remote: error: GH006: Protected branch update failed", "protected"),
        ("refusing to allow a Personal Access Token to create or update workflow", "workflow"),
        ("deny updating a hidden ref", "keeps this ref name"),
        ("remote: fatal: pack exceeds maximum allowed size", "2 GiB"),
        ("remote: error: GH099: something new", "GH099"),
        ("something else", "Read GitHub's words"),
    ],
)
def test_refusals_come_with_a_remedy(said: str, word: str) -> None:
    """For each of GitHub's refusals there is a sentence that says what to do."""
    output = (
        b"To x\n!\t" + b"a" * 40 + b":refs/heads/main\t[remote rejected] (pre-receive hook declined)\nDone\n"
    )
    (refused,) = parse_push(output, said).refused
    assert word in refused.hint
    assert refused.hint == remedy(refused.reason, said)


def test_the_ref_that_caused_it_is_named_before_those_held_back() -> None:
    """In an atomic push that failed, the ref with a cause of its own comes first."""
    output = (
        b"!\tx:refs/heads/a\t[rejected] (atomic push failed)\n"
        b"!\tx:refs/heads/b\t[rejected] (non-fast-forward)\n"
    )
    assert [one.name for one in parse_push(output, "").refused] == ["refs/heads/b", "refs/heads/a"]


def test_only_what_a_push_of_ours_makes_is_compared() -> None:
    """What a platform keeps for itself is not."""
    ours = {"refs/heads/a": "1", "refs/tags/t": "3", "refs/gitlab/merge-requests/4/head": "4"}
    assert RemoteRefs(refs={**ours, "refs/pull/1/head": "2", "refs/gitlab/x": "5"}).pushed() == ours
