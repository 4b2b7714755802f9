"""Pull requests of the sandbox's GitHub."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from branches import branched, git_address, opened, push


async def test_a_pull_request_shares_numbers_and_an_issue_side_with_issues(
    client: Any, worktree: Any
) -> None:
    """It takes the next number; labels, assignees, milestone, lock and comments go through the issue."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await client("POST", f"{path}/issues", {"title": "first"})
    await client("POST", f"{path}/milestones", {"title": "v1"})
    made = await opened(client, path, draft=True)
    assert (made["number"], made["draft"], made["mergeable"]) == (2, True, None)
    assert (made["head"]["label"], made["head"]["sha"]) == ("acme:topic", tips["topic"])
    assert (made["base"]["ref"], made["base"]["sha"]) == ("main", tips["main"])
    assert (made["commits"], made["changed_files"], made["additions"], made["deletions"]) == (1, 3, 4, 3)
    fields = {"labels": ["bug"], "assignees": ["octocat"], "milestone": 1}
    issue = (await client("PATCH", f"{path}/issues/2", fields)).body
    assert issue["pull_request"]["url"] == made["url"]
    assert issue["state_reason"] is None
    await client("POST", f"{path}/issues/2/comments", {"body": "c"})
    assert (await client("PUT", f"{path}/issues/2/lock", {"lock_reason": "resolved"})).status == 204
    read = (await client("GET", f"{path}/pulls/2")).body
    assert [label["name"] for label in read["labels"]] == ["bug"]
    assert (read["milestone"]["title"], read["assignee"]["login"]) == ("v1", "octocat")
    assert (read["comments"], read["locked"], read["mergeable"]) == (1, True, True)
    assert [each["number"] for each in (await client("GET", f"{path}/issues")).body] == [2, 1]
    assert (await client("GET", f"{path}/pulls/1")).status == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"base": None}, "supplied"),
        ({"title": " "}, "missing_field"),
        ({"title": "x" * 257}, "title is too long"),
        ({"body": "b" * 65_537}, "body is too long"),
        ({"head": "absent"}, "'field': 'head'"),
        ({"head": "stranger:topic"}, "'field': 'head'"),
        ({"base": "absent"}, "'field': 'base'"),
        ({"head": "main"}, "No commits between main and main"),
        ({"head": "main", "base": "topic"}, "No commits between topic and main"),
        ({"issue": 7}, "'field': 'issue'"),
    ],
)
async def test_a_pull_request_that_github_refuses_is_refused_and_takes_no_number(
    client: Any, worktree: Any, fields: dict[str, Any], words: str
) -> None:
    """Each rule is 422 with GitHub's words, and the next pull request is still the first."""
    path = await client.repository()
    await branched(client, worktree)
    asked = {"title": "t", "head": "topic", "base": "main", **fields}
    refused = await client(
        "POST", f"{path}/pulls", {key: value for key, value in asked.items() if value is not None}
    )
    assert refused.status == 422
    assert words in str(refused.body)
    assert (await opened(client, path))["number"] == 1


async def test_the_second_pull_request_of_two_branches_waits_for_the_end_of_the_first(
    client: Any, worktree: Any
) -> None:
    """While one is open, another is 422; once it is closed, it is made."""
    path = await client.repository()
    await branched(client, worktree)
    await opened(client, path)
    again = await client("POST", f"{path}/pulls", {"title": "t", "head": "acme:topic", "base": "main"})
    assert again.body["errors"][0]["message"] == "A pull request already exists for acme:topic."
    await client("PATCH", f"{path}/pulls/1", {"state": "closed"})
    assert (await opened(client, path))["number"] == 2


async def test_an_issue_becomes_a_pull_request(client: Any, worktree: Any) -> None:
    """`issue` converts an open issue, which keeps its number and text."""
    path = await client.repository()
    await branched(client, worktree)
    await client("POST", f"{path}/issues", {"title": "was an issue"})
    made = await client("POST", f"{path}/pulls", {"issue": 1, "head": "topic", "base": "main"})
    assert (made.body["number"], made.body["title"]) == (1, "was an issue")


async def test_the_head_stays_in_reach_when_the_branch_is_gone(client: Any, worktree: Any) -> None:
    """Deleting the head's branch closes; refs/pull/N/head can be fetched, and nobody can push to it."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await opened(client, path)
    listed = (await asyncio.to_thread(worktree.git, "ls-remote", git_address(client))).stdout
    assert "refs/pull/1/head" in listed
    assert "refs/pull/1/merge" in listed
    await push(client, worktree, ":refs/heads/topic")
    read = (await client("GET", f"{path}/pulls/1")).body
    assert (read["state"], read["merged"], read["head"]["sha"]) == ("closed", False, tips["topic"])
    listed = (await asyncio.to_thread(worktree.git, "ls-remote", git_address(client))).stdout
    assert "refs/pull/1/merge" not in listed
    await asyncio.to_thread(worktree.git, "fetch", "-q", git_address(client), "refs/pull/1/head")
    assert worktree.git("rev-parse", "FETCH_HEAD").stdout.strip() == tips["topic"]
    await asyncio.to_thread(worktree.git, "fetch", "-q", git_address(client), tips["topic"])
    denied = await worktree.push(git_address(client), "main:refs/pull/1/head")
    assert "deny updating a hidden ref" in denied.stderr
    assert (await client("DELETE", f"{path}/git/refs/pull/1/head")).status == 422


async def test_many_heads_on_temporary_refs_end_closed_and_unmerged(client: Any, worktree: Any) -> None:
    """Base and head of a rebuilt merge request may both be deleted in one push: closed, never merged."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await push(client, worktree, "topic:refs/heads/tmp/1/head", "main:refs/heads/tmp/1/base")
    await client("POST", f"{path}/pulls", {"title": "t", "head": "tmp/1/head", "base": "tmp/1/base"})
    await push(client, worktree, ":refs/heads/tmp/1/head", ":refs/heads/tmp/1/base")
    read = (await client("GET", f"{path}/pulls/1")).body
    assert (read["state"], read["merged"], read["head"]["sha"]) == ("closed", False, tips["topic"])


async def test_a_push_that_brings_the_head_into_the_base_merges(client: Any, worktree: Any) -> None:
    """By a fast-forward or a merge commit, even when the same push deletes the head's branch."""
    path = await client.repository()
    tips = await branched(client, worktree, "topic", "second")
    await opened(client, path)
    await opened(client, path, head="second")
    await push(client, worktree, "topic:refs/heads/main", ":refs/heads/topic")
    first = (await client("GET", f"{path}/pulls/1")).body
    assert (first["state"], first["merged"], first["merge_commit_sha"]) == ("closed", True, tips["topic"])
    assert first["merged_by"]["login"] == "acme-migrator"
    assert (await client("GET", f"{path}/pulls/1/merge")).status == 204
    second = (await client("GET", f"{path}/pulls/2")).body
    assert (second["state"], second["base"]["sha"]) == ("open", tips["topic"])
    worktree.git("checkout", "-q", "-B", "main", "topic")
    worktree.git("merge", "-q", "-X", "ours", "-m", "Merge second", "second")
    await push(client, worktree, "main")
    merged = (await client("GET", f"{path}/pulls/2")).body
    assert merged["merge_commit_sha"] == worktree.git("rev-parse", "main").stdout.strip()
    refused = await client("PATCH", f"{path}/pulls/1", {"state": "open"})
    assert "cannot be reopened" in str(refused.body)


async def test_the_head_follows_its_branch_while_open(client: Any, worktree: Any) -> None:
    """A push moves head, counts and refs/pull/N/head; one without commits closes; the API does the same."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await opened(client, path)
    worktree.git("checkout", "-q", "topic")
    newer = worktree.commit("more.txt")
    await push(client, worktree, "topic")
    read = (await client("GET", f"{path}/pulls/1")).body
    assert (read["head"]["sha"], read["commits"], read["changed_files"]) == (newer, 2, 4)
    assert (await client("GET", f"{path}/git/ref/pull/1/head")).body["object"]["sha"] == newer
    moved = await client("PATCH", f"{path}/git/refs/heads/topic", {"sha": tips["main"], "force": True})
    assert moved.status == 200
    read = (await client("GET", f"{path}/pulls/1")).body
    assert (read["state"], read["merged"], read["head"]["sha"]) == ("closed", False, newer)


async def test_reopening_needs_the_branches_as_they_were(client: Any, worktree: Any) -> None:
    """Closed by hand it opens again; with a deleted, recreated or merged branch it does not."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await opened(client, path)
    closed = (await client("PATCH", f"{path}/issues/1", {"state": "closed"})).body
    assert (closed["state"], closed["state_reason"], closed["closed_by"]["login"]) == (
        "closed",
        None,
        "acme-migrator",
    )
    assert (await client("PATCH", f"{path}/pulls/1", {"state": "open"})).body["closed_at"] is None
    await client("PATCH", f"{path}/pulls/1", {"state": "closed"})
    await push(client, worktree, ":refs/heads/topic")
    gone = await client("PATCH", f"{path}/issues/1", {"state": "open"})
    assert "The topic branch has been deleted." in str(gone.body)
    await client("POST", f"{path}/git/refs", {"ref": "refs/heads/topic", "sha": tips["main"]})
    other = await client("PATCH", f"{path}/pulls/1", {"state": "open"})
    assert "force-pushed or recreated" in str(other.body)


async def test_the_base_can_change_while_open(client: Any, worktree: Any) -> None:
    """To a branch that exists and leaves commits; a closed pull request keeps its base."""
    path = await client.repository()
    await branched(client, worktree)
    await push(client, worktree, "main:refs/heads/stable", "topic:refs/heads/same")
    await opened(client, path)
    assert (await client("PATCH", f"{path}/pulls/1", {"base": "stable"})).body["base"]["ref"] == "stable"
    for base, words in (("absent", "was not found"), ("same", "There are no new commits")):
        assert words in str((await client("PATCH", f"{path}/pulls/1", {"base": base})).body)
    await client("PATCH", f"{path}/pulls/1", {"state": "closed", "title": "new", "body": "c"})
    refused = await client("PATCH", f"{path}/pulls/1", {"base": "main"})
    assert "Cannot change the base branch of a closed pull request" in str(refused.body)


async def test_a_draft_is_refused_where_the_plan_has_none(client: Any, worktree: Any) -> None:
    """Private repositories of a plan without drafts say so."""
    path = await client.repository()
    await branched(client, worktree)
    await client.control(
        "PATCH", "/state", [{"op": "replace", "path": "/settings/has_drafts", "value": False}]
    )
    fields = {"title": "t", "head": "topic", "base": "main", "draft": True}
    refused = await client("POST", f"{path}/pulls", fields)
    assert refused.body["message"] == "Draft pull requests are not supported in this repository."


async def test_the_list_filters_and_sorts(client: Any, worktree: Any) -> None:
    """State, head, base, sort and direction choose what is listed."""
    path = await client.repository()
    await branched(client, worktree, "a", "b")
    await opened(client, path, head="a")
    await opened(client, path, head="b")
    await client("PATCH", f"{path}/pulls/1", {"state": "closed"})

    async def numbers(query: str) -> list[int]:
        return [each["number"] for each in (await client("GET", f"{path}/pulls?{query}")).body]

    assert await numbers("") == [2]
    assert await numbers("state=all") == [2, 1]
    assert await numbers("state=all&direction=asc") == [1, 2]
    assert await numbers("state=closed") == [1]
    assert await numbers("state=all&head=acme:a") == [1]
    assert await numbers("state=all&head=stranger:a") == []
    assert await numbers("state=all&base=other") == []
    assert (await client("GET", f"{path}/pulls?sort=size")).status == 422


async def test_commits_and_files_are_those_that_the_base_has_not(client: Any, worktree: Any) -> None:
    """Commits come oldest first; files with status, counts and patch, a rename with its former name."""
    path = await client.repository()
    tips = await branched(client, worktree)
    worktree.git("checkout", "-q", "topic")
    worktree.git("mv", "kept.txt", "renamed.txt")
    (worktree.folder / "binary").write_bytes(b"\0\1\2")
    newer = worktree.commit("z.txt")
    await push(client, worktree, "topic")
    await opened(client, path)
    commits = (await client("GET", f"{path}/pulls/1/commits")).body
    assert [each["sha"] for each in commits] == [tips["topic"], newer]
    files = {each["filename"]: each for each in (await client("GET", f"{path}/pulls/1/files")).body}
    statuses = {name: each["status"] for name, each in files.items()}
    assert statuses == {
        "binary": "added",
        "gone.txt": "removed",
        "long.txt": "modified",
        "renamed.txt": "renamed",
        "topic.txt": "added",
        "z.txt": "added",
    }
    assert files["renamed.txt"]["previous_filename"] == "kept.txt"
    assert files["long.txt"]["patch"].count("@@ -") == 2
    assert (files["long.txt"]["additions"], files["long.txt"]["deletions"]) == (2, 2)
    assert "patch" not in files["binary"]
    found = (await client("GET", f"{path}/commits/{newer}/pulls")).body
    assert [each["number"] for each in found] == [1]
    assert (await client("GET", f"{path}/commits/{tips['main']}/pulls")).body == []


async def test_a_merge_by_the_api_is_a_commit_on_the_base(client: Any, worktree: Any) -> None:
    """It needs the head that was seen; a second one is 405."""
    path = await client.repository()
    tips = await branched(client, worktree)
    await opened(client, path)
    assert (await client("PUT", f"{path}/pulls/1/merge", {"sha": tips["main"]})).status == 409
    merged = await client("PUT", f"{path}/pulls/1/merge", {"sha": tips["topic"]})
    read = (await client("GET", f"{path}/pulls/1")).body
    assert (read["merged"], read["merge_commit_sha"]) == (True, merged.body["sha"])
    tip = (await client("GET", f"{path}/git/ref/heads/main")).body["object"]["sha"]
    assert tip == merged.body["sha"]
    assert (await client("PUT", f"{path}/pulls/1/merge", {})).status == 405


async def test_reviewers_are_collaborators_and_not_the_author(client: Any, worktree: Any) -> None:
    """Who can be asked is asked; the author and strangers are refused with GitHub's words."""
    path = await client.repository()
    await branched(client, worktree)
    await opened(client, path)
    url = f"{path}/pulls/1/requested_reviewers"
    asked = await client("POST", url, {"reviewers": ["OctoCat"]})
    assert [each["login"] for each in asked.body["requested_reviewers"]] == ["octocat"]
    assert (
        "pull request author" in (await client("POST", url, {"reviewers": ["acme-migrator"]})).body["message"]
    )
    assert "from collaborators" in (await client("POST", url, {"reviewers": ["stranger"]})).body["message"]
    assert [each["login"] for each in (await client("GET", url)).body["users"]] == ["octocat"]
    assert (await client("DELETE", url, {"reviewers": ["octocat"]})).body["requested_reviewers"] == []


async def test_a_pull_request_cannot_be_deleted(client: Any, worktree: Any) -> None:
    """`deleteIssue` knows issues alone, by either id of a pull request."""
    path = await client.repository()
    await branched(client, worktree)
    made = await opened(client, path)
    issue = (await client("GET", f"{path}/issues/1")).body
    assert issue["node_id"] == made["node_id"]
    query = f'mutation {{deleteIssue(input: {{issueId: "{issue["node_id"]}"}}) {{clientMutationId}}}}'
    graphql = client.sandbox.github_api_url.replace("/v3", "/graphql")
    answer = await client("POST", graphql, {"query": query})
    assert answer.body["errors"][0]["type"] == "NOT_FOUND"
