"""Drafts and threads of reviews through GraphQL."""

from __future__ import annotations

from typing import Any

import pytest
from branches import branched, opened

from gl2gh_batch.sandbox.github.graphql_pages import score_of
from gl2gh_batch.sandbox.graphql_syntax import parse_operation

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

REVIEWS = """query($first: Int!, $after: String, $reviews: Int) {
  repository(owner: "acme", name: "app") {
    pullRequests(first: $first, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
      totalCount
      nodes {
        number state merged
        reviews(first: $reviews) { totalCount nodes { state body author { login } } }
      }
      pageInfo { hasNextPage endCursor }
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


async def test_pull_requests_are_listed_with_their_reviews(ask: Any) -> None:
    """In pages, oldest first; a review that was not submitted is seen by its author alone."""
    client = ask.client
    await client("POST", f"{PULL}/reviews", {"body": "not yet"})
    listed = (await ask(REVIEWS, first=1, reviews=1))["data"]["repository"]["pullRequests"]
    (pull,) = listed["nodes"]
    assert (listed["totalCount"], listed["pageInfo"]["hasNextPage"]) == (1, False)
    assert (pull["number"], pull["state"], pull["merged"]) == (1, "OPEN", False)
    assert pull["reviews"]["totalCount"] == 2
    (review,) = pull["reviews"]["nodes"]
    assert (review["state"], review["body"], set(review["author"])) == ("COMMENTED", "b", {"login"})
    other = await client.token("other", login="octocat", scopes=["repo"])
    listed = (await ask(REVIEWS, other, first=1, reviews=9))["data"]["repository"]["pullRequests"]
    assert [each["state"] for each in listed["nodes"][0]["reviews"]["nodes"]] == ["COMMENTED"]
    behind = await ask(REVIEWS, first=1, reviews=9, after=listed["pageInfo"]["endCursor"])
    assert behind["data"]["repository"]["pullRequests"]["nodes"] == []


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"first": 101, "reviews": 1}, "EXCESSIVE_PAGINATION"),
        ({"first": 1, "reviews": None}, "MISSING_PAGINATION_BOUNDARIES"),
        ({"first": 1, "reviews": 1, "after": "1"}, "INVALID_CURSOR_ARGUMENTS"),
        ({"first": 100, "reviews": 5001}, "MAX_NODE_LIMIT_EXCEEDED"),
    ],
)
async def test_a_list_that_asks_for_too_much_is_refused(ask: Any, asked: dict[str, Any], kind: str) -> None:
    """Each connection says how many it wants, a hundred at most."""
    assert (await ask(REVIEWS, **asked))["errors"][0]["type"] == kind


async def test_an_installation_needs_the_permission(ask: Any) -> None:
    """Whose permissions do not name pull requests does not see them."""
    for permissions, seen in (({"metadata": "read"}, False), ({"pull_requests": "read"}, True)):
        token = await ask.client.token(
            f"app-{seen}", kind="installation", login="octocat", permissions=permissions
        )
        answer = await ask(REVIEWS, token, first=1, reviews=1)
        assert ("errors" not in answer) is seen, answer


async def test_what_a_query_costs(ask: Any) -> None:
    """A hundredth of the calls that it takes when every page is full, and a point of the secondary limit."""

    async def used() -> tuple[int, int]:
        await ask(REVIEWS, first=100, reviews=10)
        (entry,) = list(ask.client.sandbox.journal)[-1:]
        limits = (await ask.client("GET", "/rate_limit")).body["resources"]["graphql"]
        return limits["used"], entry.points

    first, points = await used()
    again, _ = await used()
    assert (again - first, points) == (1, 1)
    deep = "{ a(first: 100) { b(first: 50) { c(first: 60) { d } } } }"
    assert score_of(parse_operation(deep, {}).selection) == 51
