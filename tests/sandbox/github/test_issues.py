"""Issues of the sandbox's GitHub."""

from __future__ import annotations

import re
from typing import Any

import pytest


async def test_issues_and_comments_share_one_shape_with_github(client: Any) -> None:
    """Everything that a client can do with an issue is answered as GitHub's description says."""
    path = await client.repository()
    await client("POST", f"{path}/milestones", {"title": "v1", "due_on": "2024-05-01T00:00:00Z"})
    fields = {
        "title": " One ",
        "body": "b",
        "labels": ["bug", "new one"],
        "milestone": 1,
        "assignees": ["OctoCat"],
    }
    made = await client("POST", f"{path}/issues", fields)
    assert (made.status, made.body["number"], made.body["title"]) == (201, 1, "One")
    assert [label["name"] for label in made.body["labels"]] == ["bug", "new one"]
    assert made.body["assignee"]["login"] == "octocat"
    closed = await client("PATCH", f"{path}/issues/1", {"state": "closed", "state_reason": "not_planned"})
    assert (closed.body["state"], closed.body["state_reason"]) == ("closed", "not_planned")
    assert closed.body["closed_by"]["login"] == "acme-migrator"
    opened = await client("PATCH", f"{path}/issues/1", {"state": "open", "milestone": None, "labels": []})
    assert (opened.body["state_reason"], opened.body["closed_at"], opened.body["labels"]) == (
        "reopened",
        None,
        [],
    )
    comment = await client("POST", f"{path}/issues/1/comments", {"body": "c"})
    assert (await client("GET", f"{path}/issues/1")).body["comments"] == 1
    assert (await client("PATCH", f"{path}/issues/comments/{comment.body['id']}", {"body": "d"})).body[
        "body"
    ] == "d"
    assert (await client("PUT", f"{path}/issues/1/lock", {"lock_reason": "resolved"})).status == 204
    assert (await client("GET", f"{path}/issues/1")).body["active_lock_reason"] == "resolved"
    assert (await client("DELETE", f"{path}/issues/comments/{comment.body['id']}")).status == 204
    assert (await client("GET", f"{path}/issues/1/comments")).body == []


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({}, "title", "missing_field"),
        ({"title": "x" * 257}, "title", "custom"),
        ({"title": "x", "body": "b" * 65_537}, "body", "custom"),
        ({"title": "x", "assignees": ["stranger"]}, "assignees", "invalid"),
        ({"title": "x", "assignees": ["octocat"] * 11}, "assignees", "invalid"),
        ({"title": "x", "milestone": 99}, "milestone", "invalid"),
    ],
)
async def test_an_issue_that_github_refuses_is_refused_and_takes_no_number(
    client: Any, fields: dict[str, Any], field: str, code: str
) -> None:
    """Each rule is 422, and the next issue is still the first."""
    path = await client.repository()
    refused = await client("POST", f"{path}/issues", fields)
    assert refused.status == 422
    assert (refused.body["errors"][0]["field"], refused.body["errors"][0]["code"]) == (field, code)
    assert (await client("POST", f"{path}/issues", {"title": "ok", "body": "b" * 65_536})).body["number"] == 1


async def test_a_comment_has_a_body_of_bounded_length(client: Any) -> None:
    """Blank and too long bodies are refused with GitHub's words."""
    path = await client.repository()
    await client("POST", f"{path}/issues", {"title": "t"})
    blank = await client("POST", f"{path}/issues/1/comments", {"body": " "})
    long = await client("POST", f"{path}/issues/1/comments", {"body": "b" * 65_537})
    assert blank.body["errors"][0]["message"] == "Body cannot be blank"
    assert long.body["errors"][0]["message"] == "Body is too long (maximum is 65536 characters)"


async def test_issues_are_gone_where_they_are_turned_off(client: Any) -> None:
    """Writes of issues are 410 in a repository without issues."""
    path = await client.repository(has_issues=False)
    assert (await client("POST", f"{path}/issues", {"title": "t"})).status == 410


async def test_the_list_filters_sorts_and_pages(client: Any) -> None:
    """State, labels, milestone, assignee, since, sort and direction choose what is listed."""
    path = await client.repository()
    await client("POST", f"{path}/milestones", {"title": "v1"})
    days = ("2020-01-01", "2021-01-01", "2022-01-01")
    for number, day in enumerate(days, start=1):
        issue = {"title": f"i{number}", "created_at": f"{day}T00:00:00Z", "updated_at": f"{day}T00:00:00Z"}
        issue |= [{"labels": ["bug"], "closed": True}, {"milestone": 1}, {"assignee": "octocat"}][number - 1]
        await client.imported(path, issue, [{"body": "c"}] * (number % 2))

    async def numbers(query: str) -> list[int]:
        return [issue["number"] for issue in (await client("GET", f"{path}/issues?{query}")).body]

    assert await numbers("") == [3, 2]
    assert await numbers("state=all&direction=asc") == [1, 2, 3]
    assert await numbers("state=all&labels=BUG") == [1]
    assert await numbers("milestone=1") == [2]
    assert await numbers("milestone=none&state=all") == [3, 1]
    assert await numbers("assignee=Octocat") == [3]
    assert await numbers("state=all&since=2021-06-01T00:00:00Z") == [3]
    assert await numbers("state=all&sort=comments&direction=asc") == [2, 1, 3]
    assert await numbers("creator=somebody") == []


async def test_pages_follow_one_another_by_their_links(client: Any) -> None:
    """Following rel=next from the first page visits every item once; no page is larger than 100."""
    path = await client.repository()
    for number in range(120):
        await client("POST", f"{path}/labels", {"name": f"label {number}"})
    seen, address = [], f"{client.sandbox.github_api_url}{path}/labels?per_page=50"
    while address:
        page = await client("GET", address)
        seen += [label["name"] for label in page.body]
        links = {rel: url for url, rel in re.findall(r'<([^>]+)>; rel="(\w+)"', page.headers.get("Link", ""))}
        address = links.get("next", "")
    assert len(seen) == len(set(seen)) == 129
    assert len((await client("GET", f"{path}/labels?per_page=1000")).body) == 100
    assert len((await client("GET", f"{path}/labels")).body) == 30
    last = await client("GET", f"{path}/labels?per_page=100&page=2")
    assert 'rel="first"' in last.headers["Link"]
    assert 'rel="next"' not in last.headers["Link"]


async def test_assignees_are_members_and_collaborators(client: Any) -> None:
    """Whoever has no access cannot be assigned, and is left out in silence when added."""
    path = await client.repository()
    assert (await client("GET", f"{path}/assignees/octocat")).status == 204
    assert (await client("GET", f"{path}/assignees/stranger")).status == 404
    assert "monalisa" in [user["login"] for user in (await client("GET", f"{path}/assignees")).body]
    await client("POST", f"{path}/issues", {"title": "t"})
    added = await client("POST", f"{path}/issues/1/assignees", {"assignees": ["octocat", "stranger"]})
    assert [user["login"] for user in added.body["assignees"]] == ["octocat"]
    gone = await client("DELETE", f"{path}/issues/1/assignees", {"assignees": ["octocat"]})
    assert gone.body["assignees"] == []


async def test_only_graphql_deletes_an_issue_and_its_number_stays_consumed(client: Any) -> None:
    """A deleted issue is 410, and the next one gets a new number."""
    path = await client.repository()
    made = await client("POST", f"{path}/issues", {"title": "t"})
    assert (await client("DELETE", f"{path}/issues/1")).status in (404, 405)
    query = "mutation($id: ID!) { gone: deleteIssue(input: {issueId: $id}) { repository { nameWithOwner } } }"
    address = f"{client.sandbox.github_url}/api/graphql"
    variables = {"id": made.body["node_id"]}
    deleted = await client("POST", address, {"query": query, "variables": variables})
    assert deleted.body == {"data": {"gone": {"repository": {"nameWithOwner": "acme/app"}}}}
    again = await client("POST", address, {"query": query, "variables": variables})
    assert again.body["errors"][0]["type"] == "NOT_FOUND"
    assert (await client("GET", f"{path}/issues/1")).status == 410
    assert (await client("POST", f"{path}/issues", {"title": "t"})).body["number"] == 2
    viewer = await client("POST", address, {"query": "{ viewer { login } }"})
    assert viewer.body == {"data": {"viewer": {"login": "acme-migrator"}}}
    unknown = await client("POST", address, {"query": "{ nothing { x } }"})
    assert unknown.body["errors"][0]["type"] == "undefinedField"
