"""Reviews and review comments of the sandbox's GitHub."""

from __future__ import annotations

from typing import Any

import pytest
from branches import branched, opened, push

PULL = "/repos/acme/app/pulls/1"


@pytest.fixture
async def tips(client: Any, worktree: Any) -> dict[str, str]:
    """The tips of `main` and `topic`, with pull request 1 open between them."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await opened(client, path)
    return tips


async def test_a_review_carries_many_comments_in_one_request(client: Any, tips: dict[str, str]) -> None:
    """By line or position, on either side, over several lines, in added and removed files."""
    comments = [
        {"path": "long.txt", "line": 2, "body": "right"},
        {"path": "long.txt", "line": 2, "side": "LEFT", "body": "left"},
        {"path": "long.txt", "position": 1, "body": "by position"},
        {"path": "long.txt", "start_line": 36, "line": 39, "body": "several"},
        {"path": "topic.txt", "line": 1, "body": "added"},
        {"path": "gone.txt", "line": 1, "side": "LEFT", "body": "removed"},
        {"path": "long.txt", "start_line": 2, "start_side": "LEFT", "line": 2, "body": "both sides"},
    ]
    fields = {"event": "COMMENT", "body": "b", "commit_id": tips["topic"], "comments": comments}
    made = await client("POST", f"{PULL}/reviews", fields)
    assert (made.status, made.body["state"], made.body["body"]) == (200, "COMMENTED", "b")
    listed = (await client("GET", f"{PULL}/comments")).body
    assert [each["body"] for each in listed] == [each["body"] for each in comments]
    assert [(each["side"], each["line"]) for each in listed] == [
        ("RIGHT", 2),
        ("LEFT", 2),
        ("RIGHT", 1),
        ("RIGHT", 39),
        ("RIGHT", 1),
        ("LEFT", 1),
        ("RIGHT", 2),
    ]
    assert (listed[6]["start_line"], listed[6]["start_side"]) == (2, "LEFT")
    assert (listed[3]["start_line"], listed[3]["start_side"]) == (36, "RIGHT")
    assert listed[0]["diff_hunk"].startswith("@@ -1,5 +1,5 @@")
    assert listed[0]["diff_hunk"].endswith("\n+changed")
    of_review = (await client("GET", f"{PULL}/reviews/{made.body['id']}/comments")).body
    assert [each["id"] for each in of_review] == [each["id"] for each in listed]
    assert (await client("GET", f"{PULL}")).body["review_comments"] == 7
    assert [each["id"] for each in (await client("GET", f"{PULL}/reviews")).body] == [made.body["id"]]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"path": "other.txt", "line": 1}, "Path could not be resolved"),
        ({"line": 20}, "Line could not be resolved"),
        ({"line": 41}, "Line could not be resolved"),
        ({"position": 99}, "Line could not be resolved"),
        ({}, "Line could not be resolved"),
        ({"line": 2, "start_line": 2}, "start_line must precede the end line."),
        ({"line": 2, "side": "LEFT", "start_line": 2, "start_side": "RIGHT"}, "start_line must precede"),
        ({"line": 39, "start_line": 2, "start_side": "LEFT"}, "start_line must be part of the same hunk"),
        ({"line": 39, "start_line": 20, "start_side": "LEFT"}, "Start line could not be resolved"),
        ({"line": 39, "start_line": 38, "start_side": "BOTH"}, "start_side must be LEFT or RIGHT"),
        ({"line": 39, "start_line": 2}, "start_line must be part of the same hunk as the line."),
        ({"line": 2, "body": " "}, "Body cannot be blank"),
        ({"line": 2, "subject_type": "file"}, "not permitted keys"),
        ({"line": 2, "in_reply_to": 1}, "not permitted keys"),
    ],
)
async def test_one_bad_comment_refuses_the_whole_review_unnamed(
    client: Any, tips: dict[str, str], place: dict[str, Any], words: str
) -> None:
    """All or nothing: neither the review nor its good comments are there afterwards."""
    comments = [
        {"path": "long.txt", "line": 2, "body": "good"},
        {"path": "long.txt", "body": "bad", **place},
    ]
    fields = {"event": "COMMENT", "body": "b", "commit_id": tips["topic"], "comments": comments}
    refused = await client("POST", f"{PULL}/reviews", fields)
    assert refused.status == 422
    assert words in str(refused.body)
    assert (await client("GET", f"{PULL}/reviews")).body == []
    assert (await client("GET", f"{PULL}/comments")).body == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"event": "APPROVE", "body": "b"}, "Can not approve your own pull request"),
        ({"event": "REQUEST_CHANGES", "body": "b"}, "Can not request changes on your own pull request"),
        ({"event": "COMMENT"}, "Review body cannot be blank"),
        (
            {"event": "COMMENT", "body": "b", "commit_id": "0" * 40},
            "commit_id is not part of the pull request",
        ),
        ({"event": "COMMENT", "body": "b" * 65_537}, "Body is too long"),
        ({"event": "PRAISE", "body": "b"}, "is not a possible value"),
    ],
)
async def test_a_review_that_github_refuses(
    client: Any, tips: dict[str, str], fields: dict[str, Any], words: str
) -> None:
    """Each rule is 422 with its words."""
    refused = await client("POST", f"{PULL}/reviews", fields)
    assert (refused.status, tips["main"] in str(refused.body)) == (422, False)
    assert words in str(refused.body)


async def test_a_pending_review_is_alone_unseen_and_can_be_submitted(
    client: Any, tips: dict[str, str]
) -> None:
    """Only its author sees it, a second is 422, and its comments appear when it is submitted."""
    comment = {"path": "topic.txt", "line": 1, "body": "c"}
    made = await client("POST", f"{PULL}/reviews", {"comments": [comment]})
    assert (made.body["state"], made.body.get("submitted_at")) == ("PENDING", None)
    assert (await client("GET", f"{PULL}/comments")).body == []
    await client.control(
        "PATCH",
        "/state",
        [{"op": "add", "path": "/repositories/acme~1app/collaborators/octocat", "value": "push"}],
    )
    other = await client.token("other", login="octocat", scopes=["repo"])
    assert (await client("GET", f"{PULL}/reviews", token=other)).body == []
    for path, fields in (
        ("reviews", {"event": "COMMENT", "body": "b"}),
        ("comments", {**comment, "commit_id": tips["topic"]}),
    ):
        refused = await client("POST", f"{PULL}/{path}", fields)
        assert (refused.status, "one pending review" in str(refused.body)) == (422, True)
    url = f"{PULL}/reviews/{made.body['id']}"
    await client("PUT", url, {"body": "new"})
    sent = await client("POST", f"{url}/events", {"event": "COMMENT"})
    assert (sent.body["state"], sent.body["body"]) == ("COMMENTED", "new")
    assert len((await client("GET", f"{PULL}/comments")).body) == 1
    assert (await client("DELETE", url)).status == 422
    approved = await client("POST", f"{PULL}/reviews", {"event": "APPROVE"}, token=other)
    assert approved.body["state"] == "APPROVED"
    dismissed = await client("PUT", f"{PULL}/reviews/{approved.body['id']}/dismissals", {"message": "m"})
    assert dismissed.body["state"] == "DISMISSED"
    pending = await client("POST", f"{PULL}/reviews", {"body": "again"})
    assert (await client("DELETE", f"{PULL}/reviews/{pending.body['id']}")).status == 200


async def test_single_comments_stand_on_lines_files_and_under_others(
    client: Any, tips: dict[str, str]
) -> None:
    """A file comment has no line; a reply keeps the place of its parent; a reply to a reply is refused."""
    place = {"commit_id": tips["topic"], "path": "long.txt", "body": "c"}
    line = await client("POST", f"{PULL}/comments", {**place, "line": 39, "side": "RIGHT"})
    assert (line.status, line.body["position"], line.body["line"]) == (201, 12, 39)
    file = await client("POST", f"{PULL}/comments", {**place, "subject_type": "file"})
    assert (file.body["subject_type"], file.body.get("line")) == ("file", None)
    reply = await client("POST", f"{PULL}/comments/{line.body['id']}/replies", {"body": "r"})
    assert (reply.body["in_reply_to_id"], reply.body["line"]) == (line.body["id"], 39)
    second = await client(
        "POST",
        f"{PULL}/comments",
        {"body": "s", "in_reply_to": line.body["id"], "commit_id": tips["topic"], "path": "-"},
    )
    assert second.body["path"] == "long.txt"
    nested = await client("POST", f"{PULL}/comments/{reply.body['id']}/replies", {"body": "n"})
    assert nested.status == 422
    assert (await client("POST", f"{PULL}/comments/7/replies", {"body": "n"})).status == 404
    assert len((await client("GET", f"{PULL}/reviews")).body) == 4
    url = f"/repos/acme/app/pulls/comments/{file.body['id']}"
    assert (await client("PATCH", url, {"body": "new"})).body["body"] == "new"
    assert (await client("DELETE", url)).status == 204
    assert (await client("GET", url)).status == 404
    listed = (await client("GET", "/repos/acme/app/pulls/comments?sort=created&direction=desc")).body
    assert [each["body"] for each in listed] == ["s", "r", "c"]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"line": 20}, "pull_request_review_thread.line must be part of the diff"),
        ({"path": "other.txt", "line": 1}, "pull_request_review_thread.path"),
        ({"commit_id": "0" * 40, "line": 2}, "commit_id is not part of the pull request"),
        ({"start_line": 39, "line": 2}, "must precede the end line"),
        ({}, '"line" wasn'),
        ({"line": 2, "body": ""}, "missing_field"),
        ({"line": 2, "subject_type": "page"}, "subject_type"),
    ],
)
async def test_a_single_comment_that_github_refuses(
    client: Any, tips: dict[str, str], place: dict[str, Any], words: str
) -> None:
    """Each rule is 422 with its words, and no review is left behind."""
    fields = {"commit_id": tips["topic"], "path": "long.txt", "body": "c", **place}
    refused = await client("POST", f"{PULL}/comments", fields)
    assert refused.status == 422
    assert words in str(refused.body["errors"] or refused.body["message"])
    assert (await client("GET", f"{PULL}/reviews")).body == []


async def test_comments_are_outdated_when_their_lines_move(
    client: Any, worktree: Any, tips: dict[str, str]
) -> None:
    """A push that changes the file's diff takes the line away and leaves the original one; others stay."""
    comments = [{"path": "long.txt", "line": 2, "body": "c"}, {"path": "topic.txt", "line": 1, "body": "d"}]
    await client("POST", f"{PULL}/reviews", {"event": "COMMENT", "body": "b", "comments": comments})
    worktree.git("checkout", "-q", "topic")
    newer = worktree.commit("long.txt", b"all new\n")
    await push(client, worktree, "topic")
    first, second = (await client("GET", f"{PULL}/comments")).body
    assert (first["line"], first["position"], first["original_line"]) == (None, None, 2)
    assert first["original_commit_id"] == tips["topic"]
    assert (second["line"], second["commit_id"]) == (1, newer)
    older = await client(
        "POST",
        f"{PULL}/comments",
        {"commit_id": tips["topic"], "path": "long.txt", "line": 2, "body": "on the older commit"},
    )
    assert (older.status, older.body["line"], older.body["original_line"]) == (201, None, 2)


async def test_reviews_work_on_a_closed_pull_request_without_its_branch(
    client: Any, worktree: Any, tips: dict[str, str]
) -> None:
    """A rebuilt merge request gets its discussions after its temporary refs are gone."""
    await push(client, worktree, ":refs/heads/topic")
    fields = {
        "event": "COMMENT",
        "body": "b",
        "commit_id": tips["topic"],
        "comments": [{"path": "long.txt", "line": 2, "body": "c"}],
    }
    assert (await client("POST", f"{PULL}/reviews", fields)).status == 200
    assert (await client("GET", PULL)).body["state"] == "closed"


async def test_a_reviewer_who_answers_is_no_longer_asked(client: Any, tips: dict[str, str]) -> None:
    """A review of a requested reviewer takes the request away."""
    await client("POST", f"{PULL}/requested_reviewers", {"reviewers": ["octocat"]})
    other = await client.token("other", login="octocat", scopes=["repo"])
    fields = {"event": "REQUEST_CHANGES", "body": "b", "commit_id": tips["topic"]}
    assert (await client("POST", f"{PULL}/reviews", fields, token=other)).body["state"] == "CHANGES_REQUESTED"
    assert (await client("GET", PULL)).body["requested_reviewers"] == []
