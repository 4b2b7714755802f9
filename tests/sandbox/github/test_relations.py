"""Sub-issues, dependencies and issue types, as GitHub keeps and shows them."""

from __future__ import annotations

from typing import Any

APP = "/repos/acme/app"


async def _three(client: Any) -> list[dict[str, Any]]:
    await client.repository()
    return [(await client("POST", f"{APP}/issues", {"title": f"Issue {n}"})).body for n in range(3)]


async def test_a_sub_issue_shows_on_both_sides(client: Any) -> None:
    """The parent counts its parts, a part names its parent, and lists tell both."""
    first, second, _ = await _three(client)
    made = await client("POST", f"{APP}/issues/1/sub_issues", {"sub_issue_id": second["id"]})
    assert (made.status, made.body["number"]) == (201, 1)
    assert made.body["sub_issues_summary"] == {"total": 1, "completed": 0, "percent_completed": 0}
    await client("PATCH", f"{APP}/issues/2", {"state": "closed"})
    parent, part = (await client("GET", f"{APP}/issues?state=all&direction=asc")).body[:2]
    assert parent["sub_issues_summary"] == {"total": 1, "completed": 1, "percent_completed": 100}
    assert part["parent_issue_url"] == first["url"]
    assert (await client("GET", f"{APP}/issues/2/parent")).body["number"] == 1
    assert (await client("GET", f"{APP}/issues/1/parent")).status == 404
    assert [one["number"] for one in (await client("GET", f"{APP}/issues/1/sub_issues")).body] == [2]


async def test_a_dependency_shows_on_both_sides(client: Any) -> None:
    """The blocked one counts open blockers and all of them, the blocker what it blocks."""
    first, _, third = await _three(client)
    for blocker in (first, third):
        path = f"{APP}/issues/2/dependencies/blocked_by"
        assert (await client("POST", path, {"issue_id": blocker["id"]})).status == 201
    await client("PATCH", f"{APP}/issues/3", {"state": "closed"})
    blocked = (await client("GET", f"{APP}/issues/2")).body["issue_dependencies_summary"]
    assert blocked == {"blocked_by": 1, "total_blocked_by": 2, "blocking": 0, "total_blocking": 0}
    blocking = (await client("GET", f"{APP}/issues/1")).body["issue_dependencies_summary"]
    assert (blocking["blocking"], blocking["total_blocking"]) == (1, 1)
    listed = await client("GET", f"{APP}/issues/2/dependencies/blocked_by")
    assert [one["number"] for one in listed.body] == [1, 3]
    listed = await client("GET", f"{APP}/issues/1/dependencies/blocking")
    assert [one["number"] for one in listed.body] == [2]


async def test_a_relation_needs_an_issue_that_is_there(client: Any) -> None:
    """An id that no issue has, or a number taken for an id, is not found."""
    await _three(client)
    for path, field in (("sub_issues", "sub_issue_id"), ("dependencies/blocked_by", "issue_id")):
        for wrong in (2, 999, None, "2"):
            assert (await client("POST", f"{APP}/issues/1/{path}", {field: wrong})).status == 404


async def test_an_issue_has_a_type_of_its_organisation(client: Any) -> None:
    """Types are listed, set by name whatever the case, and shown with their own spelling."""
    await _three(client)
    types = [one["name"] for one in (await client("GET", "/orgs/acme/issue-types")).body]
    assert types == ["Task", "Bug", "Feature"]
    assert (await client("PATCH", f"{APP}/issues/1", {"type": "bug"})).body["type"]["name"] == "Bug"
    assert (await client("GET", f"{APP}/issues/2")).body["type"] is None
    made = await client("POST", f"{APP}/issues", {"title": "x", "type": "Task"})
    assert made.body["type"]["name"] == "Task"
