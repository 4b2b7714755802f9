"""Drafts and threads of reviews through GraphQL."""

from __future__ import annotations

from typing import Any

import pytest
from branches import branched, opened

PULL = "/repos/acme/app/pulls/1"
THREADS = """query($after: String) {
  repository(owner: "acme", name: "app") {
    pullRequest(number: 1) {
      reviewThreads(first: 2, after: $after) {
        totalCount
        nodes { id isResolved path line comments(first: 1) { nodes { databaseId } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }
}"""


@pytest.fixture
async def ask(client: Any, worktree: Any) -> Any:
    """Sends GraphQL to a sandbox with one pull request, three threads in it."""
    path = await client.repository()
    await branched(client, worktree)
    await opened(client, path)
    comments = [{"path": "long.txt", "line": line, "body": "c"} for line in (1, 2, 3)]
    await client("POST", f"{PULL}/reviews", {"event": "COMMENT", "body": "b", "comments": comments})
    url = client.sandbox.github_api_url.replace("/v3", "/graphql")

    async def send(query: str, token: str | None = "", **variables: Any) -> Any:
        answer = await client("POST", url, {"query": query, "variables": variables}, token=token)
        assert answer.status == 200
        return answer.body

    send.client = client  # type: ignore[attr-defined] # the one place where both are needed
    return send


async def test_threads_are_paged_and_can_be_resolved(ask: Any) -> None:
    """Each first comment is a thread; resolving one is seen, and can be taken back."""
    first = (await ask(THREADS))["data"]["repository"]["pullRequest"]["reviewThreads"]
    assert (first["totalCount"], len(first["nodes"]), first["pageInfo"]["hasNextPage"]) == (3, 2, True)
    cursor = first["pageInfo"]["endCursor"]
    second = (await ask(THREADS, after=cursor))["data"]["repository"]["pullRequest"]["reviewThreads"]
    assert [each["line"] for each in (*first["nodes"], *second["nodes"])] == [1, 2, 3]
    thread = first["nodes"][1]["id"]
    for mutation, expected in (("resolveReviewThread", True), ("unresolveReviewThread", False)):
        query = f"mutation($id: ID!) {{ {mutation}(input: {{threadId: $id}}) {{ thread {{ isResolved }} }} }}"
        assert (await ask(query, id=thread))["data"][mutation]["thread"]["isResolved"] is expected
    query = 'mutation { resolveReviewThread(input: {threadId: "PRRT_x"}) { thread { id } } }'
    assert (await ask(query))["errors"][0]["type"] == "NOT_FOUND"


async def test_a_pull_request_becomes_a_draft_and_ready_again(ask: Any) -> None:
    """Both need the right to write; a closed one stays what it is."""
    client = ask.client
    identity = (await client("GET", PULL)).body["node_id"]
    form = "mutation($id: ID!) {{ {}(input: {{pullRequestId: $id}}) {{ pullRequest {{ isDraft }} }} }}"
    draft, ready = form.format("convertPullRequestToDraft"), form.format("markPullRequestReadyForReview")
    assert (await ask(draft, id=identity))["data"]["convertPullRequestToDraft"]["pullRequest"]["isDraft"]
    assert (await client("GET", PULL)).body["draft"] is True
    weak = await client.token("weak", login="octocat", scopes=["repo"])
    assert (await ask(ready, weak, id=identity))["errors"][0]["type"] == "FORBIDDEN"
    assert "errors" not in await ask(ready, id=identity)
    assert (await client("GET", PULL)).body["draft"] is False
    await client("PATCH", PULL, {"state": "closed"})
    assert (await ask(draft, id=identity))["errors"][0]["type"] == "UNPROCESSABLE"
