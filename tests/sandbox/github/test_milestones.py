"""Milestones of the sandbox's GitHub."""

from __future__ import annotations

from typing import Any


async def test_milestones_are_numbered_counted_closed_and_deleted(client: Any) -> None:
    """Numbers are in sequence and never used again; counts follow the issues."""
    path = await client.repository()
    first = await client("POST", f"{path}/milestones", {"title": "v1", "due_on": "2024-03-01T00:00:00Z"})
    assert (first.status, first.body["number"], first.body["due_on"]) == (201, 1, "2024-03-01T00:00:00Z")
    closed = await client("POST", f"{path}/milestones", {"title": "v2", "state": "closed"})
    assert (closed.body["number"], closed.body["state"]) == (2, "closed")
    assert closed.body["closed_at"] is not None
    await client("POST", f"{path}/issues", {"title": "t", "milestone": 1})
    assert (await client("GET", f"{path}/milestones/1")).body["open_issues"] == 1
    await client("PATCH", f"{path}/issues/1", {"state": "closed"})
    counted = (await client("GET", f"{path}/milestones/1")).body
    assert (counted["open_issues"], counted["closed_issues"]) == (0, 1)
    assert [each["number"] for each in (await client("GET", f"{path}/milestones")).body] == [1]
    assert (await client("DELETE", f"{path}/milestones/2")).status == 204
    assert (await client("POST", f"{path}/milestones", {"title": "v3"})).body["number"] == 3
    assert (await client("DELETE", f"{path}/milestones/1")).status == 204
    assert (await client("GET", f"{path}/issues/1")).body["milestone"] is None


async def test_a_title_is_used_once(client: Any) -> None:
    """The same title again is already_exists, on creation and on renaming."""
    path = await client.repository()
    await client("POST", f"{path}/milestones", {"title": "v1"})
    await client("POST", f"{path}/milestones", {"title": "v2"})
    again = await client("POST", f"{path}/milestones", {"title": "v1"})
    assert again.body["errors"] == [{"resource": "Milestone", "field": "title", "code": "already_exists"}]
    assert (await client("PATCH", f"{path}/milestones/2", {"title": "v1"})).status == 422
    assert (await client("PATCH", f"{path}/milestones/2", {"title": "v2", "state": "closed"})).status == 200
    assert (await client("POST", f"{path}/milestones", {"title": " "})).status == 422
    assert (await client("POST", f"{path}/milestones", {"title": "v4", "due_on": "soon"})).status == 422
