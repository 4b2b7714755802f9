"""Damage to pull requests and reviews, and what a reader then sees."""

from __future__ import annotations

from typing import Any

import pytest
from branches import branched, opened

AT = "/repositories/acme~1app"
PULL = "/repos/acme/app/pulls/1"
OTHER = "1" * 40
# What is done to the state, where a reader looks, and what has to be there: a path of keys, and a value.
DAMAGES: list[tuple[str, Any, str, tuple[Any, ...], Any]] = [
    ("pulls/0/head/ref", "elsewhere", "", ("head", "ref"), "elsewhere"),
    ("pulls/0/head/sha", OTHER, "", ("head", "sha"), OTHER),
    ("pulls/0/base/ref", "elsewhere", "", ("base", "ref"), "elsewhere"),
    ("pulls/0/base/sha", OTHER, "", ("base", "sha"), OTHER),
    ("pulls/0/draft", True, "", ("draft",), True),
    ("pulls/0/merged", True, "", ("merged",), True),
    ("pulls/0/merged_at", "2020-01-01T00:00:00Z", "", ("merged_at",), "2020-01-01T00:00:00Z"),
    ("pulls/0/merged_by", {"login": "octocat"}, "", ("merged_by", "login"), "octocat"),
    ("pulls/0/merge_commit_sha", OTHER, "", ("merge_commit_sha",), OTHER),
    (
        "pulls/0/requested_reviewers",
        [{"login": "octocat"}],
        "",
        ("requested_reviewers", 0, "login"),
        "octocat",
    ),
    ("pulls/0/reviews/0/body", "damaged", "/reviews", (0, "body"), "damaged"),
    ("pulls/0/reviews/0/state", "APPROVED", "/reviews", (0, "state"), "APPROVED"),
    ("pulls/0/reviews/0/user", {"login": "octocat"}, "/reviews", (0, "user", "login"), "octocat"),
    ("pulls/0/reviews/0/commit_id", OTHER, "/reviews", (0, "commit_id"), OTHER),
    (
        "pulls/0/reviews/0/submitted_at",
        "2020-01-01T00:00:00Z",
        "/reviews",
        (0, "submitted_at"),
        "2020-01-01T00:00:00Z",
    ),
    ("pulls/0/review_comments/0/body", "damaged", "/comments", (0, "body"), "damaged"),
    ("pulls/0/review_comments/0/user", {"login": "octocat"}, "/comments", (0, "user", "login"), "octocat"),
    ("pulls/0/review_comments/0/path", "other.txt", "/comments", (0, "path"), "other.txt"),
    ("pulls/0/review_comments/0/line", 1, "/comments", (0, "line"), 1),
    ("pulls/0/review_comments/0/side", "LEFT", "/comments", (0, "side"), "LEFT"),
    ("pulls/0/review_comments/0/start_line", 1, "/comments", (0, "start_line"), 1),
    ("pulls/0/review_comments/0/position", 1, "/comments", (0, "position"), 1),
    ("pulls/0/review_comments/0/commit_id", OTHER, "/comments", (0, "commit_id"), OTHER),
    ("pulls/0/review_comments/0/subject_type", "file", "/comments", (0, "subject_type"), "file"),
    ("pulls/0/review_comments/0/diff_hunk", "@@", "/comments", (0, "diff_hunk"), "@@"),
    ("pulls/0/review_comments/1/in_reply_to_id", 7, "/comments", (1, "in_reply_to_id"), 7),
    ("issues/0/title", "damaged", "", ("title",), "damaged"),
    ("issues/0/body", "damaged", "", ("body",), "damaged"),
    ("issues/0/state", "closed", "", ("state",), "closed"),
    ("issues/0/labels", ["bug"], "", ("labels", 0, "name"), "bug"),
    ("issues/0/assignees", [{"login": "octocat"}], "", ("assignee", "login"), "octocat"),
    ("issues/0/locked", True, "", ("locked",), True),
    ("pulls/0/review_comments", [], "/comments", (), []),
    ("pulls/0/reviews", [], "/reviews", (), []),
]


@pytest.fixture
async def filled(client: Any, worktree: Any) -> Any:
    """A client of a sandbox with one pull request, a review of two comments."""
    path = await client.repository()
    await branched(client, worktree)
    await opened(client, path)
    comments = [{"path": "long.txt", "line": 2, "body": "c"}, {"path": "topic.txt", "line": 2, "body": "d"}]
    await client("POST", f"{PULL}/reviews", {"event": "COMMENT", "body": "b", "comments": comments})
    return client


async def test_each_damage_is_what_a_reader_sees(filled: Any, oracle: Any, subtests: Any) -> None:
    """Whatever is put into the state is read from the API."""
    for pointer, value, place, keys, expected in DAMAGES:
        with subtests.test(damage=pointer):
            patch = [{"op": "add", "path": f"{AT}/{pointer}", "value": value}]
            done = await filled.control("PATCH", "/state", patch)
            assert done.status == 200, done.body
            seen = (await filled("GET", f"{PULL}{place}")).body
            for key in keys:
                seen = seen[key]
            assert seen == expected
    if oracle is not None:
        # Damaged documents need not be ones that GitHub could have answered.
        oracle.forget()


async def test_pull_requests_and_reviews_appear_and_vanish(filled: Any, oracle: Any) -> None:
    """A stray pull request, review or comment is there; a removed pull request takes its issue side."""
    shas = {"head": {"ref": "topic", "sha": OTHER}, "base": {"ref": "main", "sha": OTHER}}
    patch = [
        {"op": "add", "path": f"{AT}/pulls/-", "value": {"title": "stray", **shas}},
        {"op": "add", "path": f"{AT}/pulls/0/reviews/-", "value": {"body": "stray review"}},
        {"op": "add", "path": f"{AT}/pulls/0/review_comments/-", "value": {"body": "stray", "path": "a"}},
    ]
    assert (await filled.control("PATCH", "/state", patch)).status == 200
    assert (await filled("GET", "/repos/acme/app/pulls/2")).body["title"] == "stray"
    assert (await filled("GET", f"{PULL}/reviews")).body[1]["body"] == "stray review"
    assert (await filled("GET", f"{PULL}/comments")).body[-1]["body"] == "stray"
    gone = await filled.control("PATCH", "/state", [{"op": "remove", "path": f"{AT}/pulls/0"}])
    assert gone.status == 200
    assert (await filled("GET", PULL)).status == 404
    assert (await filled("GET", "/repos/acme/app/issues/1")).status == 410
    if oracle is not None:
        oracle.forget()


async def test_what_follows_from_other_things_is_refused(filled: Any) -> None:
    """A count, an address, or a text of the issue side is not changed here: 422 with its place."""
    for pointer, value in (("pulls/0/commits", 9), ("pulls/0/title", "x"), ("pulls/0/head/label", "x")):
        patch = [{"op": "replace", "path": f"{AT}/{pointer}", "value": value}]
        answer = await filled.control("PATCH", "/state", patch)
        assert (answer.status, "derived" in str(answer.body)) == (422, True)
