"""Labels of the sandbox's GitHub."""

from __future__ import annotations

from typing import Any

import pytest


async def test_a_new_repository_has_githubs_labels(client: Any) -> None:
    """The nine default labels are there, by name."""
    path = await client.repository()
    names = [label["name"] for label in (await client("GET", f"{path}/labels")).body]
    assert names == [
        "bug",
        "documentation",
        "duplicate",
        "enhancement",
        "good first issue",
        "help wanted",
        "invalid",
        "question",
        "wontfix",
    ]


async def test_a_label_is_found_and_changed_whatever_the_case(client: Any) -> None:
    """Names keep their case and are compared without it, in addresses too."""
    path = await client.repository()
    made = await client("POST", f"{path}/labels", {"name": "Prio::High/1", "color": "FF00aa"})
    assert (made.status, made.body["color"], made.body["default"]) == (201, "ff00aa", False)
    assert (await client("GET", f"{path}/labels/prio%3A%3Ahigh%2F1")).body["id"] == made.body["id"]
    assert (await client("GET", made.body["url"])).body["name"] == "Prio::High/1"
    renamed = await client("PATCH", made.body["url"], {"new_name": "prio::low", "description": "d"})
    assert (renamed.body["name"], renamed.body["description"]) == ("prio::low", "d")
    taken = await client("PATCH", f"{path}/labels/bug", {"new_name": "PRIO::LOW"})
    assert taken.body["errors"] == [{"resource": "Label", "field": "name", "code": "already_exists"}]
    assert (await client("DELETE", f"{path}/labels/PRIO::low")).status == 204
    assert (await client("GET", f"{path}/labels/prio::low")).status == 404


async def test_a_deleted_label_leaves_its_issues(client: Any) -> None:
    """Issues lose what is gone, and keep the rest."""
    path = await client.repository()
    await client("POST", f"{path}/issues", {"title": "t", "labels": ["bug", "wontfix"]})
    await client("DELETE", f"{path}/labels/bug")
    labels = (await client("GET", f"{path}/issues/1/labels")).body
    assert [label["name"] for label in labels] == ["wontfix"]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"color": "ffffff"}, "name", "missing_field"),
        ({"name": "x" * 51}, "name", "invalid"),
        ({"name": "BUG"}, "name", "already_exists"),
        ({"name": "x", "color": "#ffffff"}, "color", "invalid"),
        ({"name": "x", "color": "fff"}, "color", "invalid"),
        ({"name": "x", "description": "d" * 101}, "description", "custom"),
        ({"name": "x", "description": "\U0001f600"}, "description", "custom"),
    ],
)
async def test_a_label_that_github_refuses_is_refused(
    client: Any, fields: dict[str, str], field: str, code: str
) -> None:
    """Each rule is 422 with the field and the code."""
    path = await client.repository()
    refused = await client("POST", f"{path}/labels", fields)
    assert refused.status == 422
    assert (refused.body["errors"][0]["field"], refused.body["errors"][0]["code"]) == (field, code)


async def test_labels_of_an_issue_are_added_replaced_and_removed(client: Any) -> None:
    """The four endpoints do as their names say."""
    path = await client.repository()
    await client("POST", f"{path}/issues", {"title": "t"})
    place = f"{path}/issues/1/labels"

    def names(answer: Any) -> list[str]:
        return [label["name"] for label in answer.body]

    assert names(await client("POST", place, {"labels": ["bug"]})) == ["bug"]
    assert names(await client("POST", place, {"labels": ["BUG", "fresh"]})) == ["bug", "fresh"]
    assert names(await client("PUT", place, {"labels": ["wontfix"]})) == ["wontfix"]
    assert names(await client("DELETE", f"{place}/wontfix")) == []
    assert (await client("DELETE", place)).status == 204
