"""Verify finds every difference between the pull requests that were planned and those that are there."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import lab as labs
import pytest
from lab import USERS, Lab
from merging import CLOSED, DELETED, MERGED, OPEN, hide_branches, merging

from gl2gh_batch.sandbox.github.pull_state import Review
from gl2gh_batch.sandbox.github.repositories import git_of

FIRST = 3
PEOPLE = [*USERS, ("ben", "ben")]
OPENED, TAKEN, REFUSED, DRAFT = (f"merge_requests/{FIRST + iid}" for iid in (OPEN, MERGED, CLOSED, DELETED))
TALK = f"{OPENED}/comments/merge_requests/{OPEN}/talk/1"
Damage = Callable[[Any], object]


def _issue(iid: int = OPEN) -> Callable[[Any], Any]:
    return lambda repository: repository.issues[FIRST + iid]


def _pull(iid: int = OPEN) -> Callable[[Any], Any]:
    return lambda repository: repository.pulls[FIRST + iid]


def _line(place: int = 0) -> Callable[[Any], Any]:
    return lambda repository: list(_pull()(repository).review_comments.values())[place]


def _talk(repository: Any) -> Any:
    return next(iter(_issue()(repository).comments.values()))


def _set(find: Callable[[Any], Any], name: str, value: Any) -> Damage:
    return lambda repository: setattr(find(repository), name, value)


def _again(find: Callable[[Any], Any], name: str) -> Damage:
    """The first of a mapping of things is there twice."""

    def damage(repository: Any) -> None:
        things = getattr(find(repository), name)
        first = copy.copy(next(iter(things.values())))
        first.id = max(things) + 1_000_000
        things[first.id] = first

    return damage


def _drop(find: Callable[[Any], Any], name: str) -> Damage:
    def damage(repository: Any) -> None:
        things = getattr(find(repository), name)
        del things[next(iter(things))]

    return damage


def _review(repository: Any) -> Any:
    return next(iter(_pull()(repository).reviews.values()))


def _reviewed(iid: int = OPEN, **fields: Any) -> Damage:
    """Somebody else reviews it."""
    made = {"id": 9_000_000, "user": "anna", "body": "LGTM", "state": "APPROVED", "commit_id": "0" * 40}

    def damage(repository: Any) -> None:
        review = Review(**{**made, **fields})
        _pull(iid)(repository).reviews[review.id] = review

    return damage


def _approvals(repository: Any) -> None:
    """More reviews than come with the list of pull requests."""
    for place in range(30):
        _reviewed(id=9_000_000 + place, body=f"Fine {place}")(repository)


def _gone(iid: int) -> Damage:
    def damage(repository: Any) -> None:
        del repository.issues[FIRST + iid]
        repository.pulls.pop(FIRST + iid, None)

    return damage


# What is damaged → how, and the item that verify has to name.
DAMAGES: dict[str, tuple[Damage, str]] = {
    "title": (_set(_issue(), "title", "Other"), OPENED),
    "body": (_set(_issue(), "body", "Other"), OPENED),
    "body emptied": (_set(_issue(), "body", None), OPENED),
    "closed": (_set(_issue(), "state", "closed"), OPENED),
    "opened": (_set(_issue(MERGED), "state", "open"), TAKEN),
    "labels": (_set(_issue(), "labels", []), OPENED),
    "milestone": (_set(_issue(), "milestone", None), OPENED),
    "assignees": (_set(_issue(), "assignees", []), OPENED),
    "unlocked": (_set(_issue(MERGED), "locked", False), TAKEN),
    "locked": (_set(_issue(), "locked", True), OPENED),
    "head": (_set(_pull(), "head_ref", "release/1.0"), OPENED),
    "base": (_set(_pull(), "base_ref", "release/1.0"), OPENED),
    "draft ended": (_set(_pull(DELETED), "draft", False), DRAFT),
    "draft": (_set(_pull(), "draft", True), OPENED),
    "reviewers lost": (_set(_pull(), "requested_reviewers", ["ben"]), OPENED),
    "reviewers added": (_set(_pull(CLOSED), "requested_reviewers", ["ben"]), REFUSED),
    "comment changed": (_set(_talk, "body", "Other"), TALK),
    "comment cut": (lambda repository: setattr(_talk(repository), "body", _talk(repository).body[60:]), TALK),
    "comment gone": (_drop(_issue(), "comments"), TALK),
    "comment twice": (_again(_issue(), "comments"), TALK),
    "comment of another": (_set(_talk, "body", "Extra"), f"{OPENED}/comments/without-a-marker"),
    "line changed": (_set(_line(), "body", "Other"), f"{OPENED}/review"),
    "line gone": (_drop(_pull(), "review_comments"), f"{OPENED}/review"),
    "line twice": (_again(_pull(), "review_comments"), f"{OPENED}/review"),
    "line elsewhere": (_set(_line(), "line", 3), f"{OPENED}/review"),
    "line on the other side": (_set(_line(), "side", "LEFT"), f"{OPENED}/review"),
    "line of another file": (_set(_line(), "path", "README.md"), f"{OPENED}/review"),
    "review changed": (_set(_review, "body", "Other"), f"{OPENED}/reviews"),
    "review changed behind its marker": (
        lambda repository: setattr(_review(repository), "body", f"{_review(repository).body} Fine."),
        f"{OPENED}/reviews/merge_requests/{OPEN}/review",
    ),
    "review approves": (_set(_review, "state", "APPROVED"), f"{OPENED}/reviews"),
    "review refuses": (_set(_review, "state", "CHANGES_REQUESTED"), f"{OPENED}/reviews"),
    "review twice": (_again(_pull(), "reviews"), f"{OPENED}/reviews"),
    "review gone": (_drop(_pull(), "reviews"), f"{OPENED}/reviews"),
    "approved by a stranger": (_reviewed(), f"{OPENED}/reviews/without-a-marker"),
    "approved without a word": (_reviewed(body=""), f"{OPENED}/reviews/without-a-marker"),
    "approved often": (_approvals, f"{OPENED}/reviews/without-a-marker"),
    "a closed one approved": (_reviewed(CLOSED), f"{REFUSED}/reviews/without-a-marker"),
    "merged": (_set(_pull(CLOSED), "merged_at", "2024-01-01T00:00:00Z"), REFUSED),
    "an issue in its place": (lambda repository: repository.pulls.pop(FIRST + CLOSED), REFUSED),
    "pull request gone": (_gone(OPEN), OPENED),
    "merged one gone": (_gone(MERGED), TAKEN),
}
REFS = {
    "kept commit": (f"refs/pull/{FIRST + MERGED}/head", TAKEN),
    "kept commit of an open one": (f"refs/pull/{FIRST + OPEN}/head", OPENED),
    "branch of an open one": (
        f"refs/heads/gitlab-merge-requests/{DELETED}/head",
        f"repository/refs/heads/gitlab-merge-requests/{DELETED}/head",
    ),
}


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab with a finished migration of all merge requests as pull requests."""
    async with labs.open_lab(tmp_path, [merging()]) as lab:
        hide_branches(lab)
        result = await lab.run("FULL", lab.config(merge_requests="all-as-pull-request"), users=PEOPLE)
        assert result["status"] == "success", result
        yield lab


async def _found(lab: Lab) -> list[str]:
    """The items in which verify finds a difference."""
    config = lab.config(merge_requests="all-as-pull-request")
    result = await lab.run("APPLY", config, resume_from="verify", users=PEOPLE)
    if result["status"] == "success":
        return []
    assert result["error"]["reason"] == "verify-differences", result
    lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
    return [json.loads(line)["item"] for line in lines]


async def test_every_damage_is_found(filled: Lab, subtests: Any) -> None:
    """Forty kinds of damage, planted one after the other, are each found and named; nothing else is."""
    repository = filled.sandbox.github.repository("acme/app")
    assert repository is not None
    assert await _found(filled) == []
    for name, (damage, item) in DAMAGES.items():
        with subtests.test(name):
            before = copy.deepcopy((repository.issues, repository.pulls))
            damage(repository)
            items = await _found(filled)
            assert any(one.startswith(item) for one in items), items
            repository.issues, repository.pulls = before


async def test_damaged_refs_are_found(filled: Lab, subtests: Any) -> None:
    """A commit that GitHub keeps of a pull request, or a branch made for one, is missed when it is gone."""
    repository = filled.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(filled.sandbox.github, repository)
    for name, (ref, item) in REFS.items():
        with subtests.test(name):
            sha = (await git.refs())[ref]
            await git.run("update-ref", "-d", ref)
            assert item in await _found(filled)
            await git.run("update-ref", ref, sha)


@pytest.mark.parametrize(
    "ref", ["refs/gitlab/extra", "refs/gitlab/merge-requests/3/head", "refs/notes/commits"]
)
async def test_extra_refs_are_found(filled: Lab, ref: str) -> None:
    """Whatever somebody pushed beside the branches and tags, wherever it is."""
    repository = filled.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(filled.sandbox.github, repository)
    await git.run("update-ref", ref, (await git.refs())["refs/heads/main"])
    assert await _found(filled) == [f"repository/{ref}"]


@pytest.mark.parametrize(
    "effect", [{"status": 403, "body": {"message": "no"}}, {"status": 502}, {"truncate": 7}]
)
async def test_reviews_are_read_one_by_one_where_graphql_is_not_to_be_had(
    filled: Lab, effect: dict[str, Any]
) -> None:
    """A proxy that lets only REST through costs a request for each pull request, and no sight."""
    repository = filled.sandbox.github.repository("acme/app")
    assert repository is not None
    await filled.faults({"path": "/api/graphql", "method": "POST", "effect": effect})
    assert await _found(filled) == []
    _reviewed(CLOSED)(repository)
    assert await _found(filled) == [f"{REFUSED}/reviews/without-a-marker"]


async def test_reviews_cost_a_request_for_a_hundred_pull_requests(filled: Lab) -> None:
    """None where there is no pull request; never one for each, and nothing is written."""
    mark = filled.mark()
    assert await _found(filled) == []
    asked = [one.path for one in filled.github(mark)]
    assert sum(one.endswith("/graphql") for one in asked) == 1
    assert not [one for one in asked if one.endswith("/reviews")]
    assert filled.writes(mark) == []
