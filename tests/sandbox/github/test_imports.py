"""The issue import API of the sandbox's GitHub (gist jonmagic/5282384165e0f86ef105)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

IMPORTS = {"Accept": "application/vnd.github.golden-comet-preview+json"}


async def begin(client: Any, path: str, issue: dict[str, Any], **options: Any) -> Any:
    """Start an import."""
    options.setdefault("headers", IMPORTS)
    return await client("POST", f"{path}/import/issues", {"issue": {"body": "b", **issue}}, **options)


async def test_an_import_keeps_every_date_and_all_comments(client: Any) -> None:
    """One request makes an issue as it was elsewhere, with its comments at their dates."""
    path = await client.repository()
    await client("POST", f"{path}/milestones", {"title": "v1"})
    issue = {
        "title": "Old",
        "body": "@octocat said",
        "created_at": "2015-01-01T12:00:00+02:00",
        "updated_at": "2016-01-01T00:00:00Z",
        "closed_at": "2015-06-01T00:00:00Z",
        "closed": True,
        "labels": ["BUG"],
        "milestone": 1,
        "assignee": "octocat",
    }
    done = await client.imported(path, issue, [{"body": "c", "created_at": "2015-02-01T00:00:00Z"}])
    assert done.body["status"] == "imported"
    made = (await client("GET", done.body["issue_url"])).body
    assert (made["number"], made["state"], made["milestone"]["number"]) == (1, "closed", 1)
    assert made["created_at"] == "2015-01-01T10:00:00Z"
    assert (made["updated_at"], made["closed_at"]) == ("2016-01-01T00:00:00Z", "2015-06-01T00:00:00Z")
    assert [label["name"] for label in made["labels"]] == ["bug"]
    assert made["user"]["login"] == "acme-migrator"
    comments = (await client("GET", f"{path}/issues/1/comments")).body
    assert [(each["body"], each["created_at"]) for each in comments] == [("c", "2015-02-01T00:00:00Z")]


async def test_numbers_are_given_on_completion_and_out_of_order(start: Any) -> None:
    """With many imports in flight the numbers are a permutation, another than that of the requests."""
    client = await start(profile="unlimited", settings={"import_job_s": [0.0, 0.1]})
    path = await client.repository()
    begun = [(await begin(client, path, {"title": f"i{n}"})).body["id"] for n in range(12)]
    await asyncio.sleep(0.15)
    listed = await client("GET", f"{path}/import/issues?since=2020-01-01&per_page=100", headers=IMPORTS)
    number_of = {each["id"]: int(each["issue_url"].rpartition("/")[2]) for each in listed.body}
    numbers = [number_of[each] for each in begun]
    assert sorted(numbers) == list(range(1, 13))
    assert numbers != sorted(numbers)


async def test_a_pending_import_has_no_issue_yet(start: Any) -> None:
    """Until the job ends, the status is pending and the number is free."""
    client = await start(profile="unlimited", settings={"import_job_s": [3600, 3600]})
    path = await client.repository()
    begun = await begin(client, path, {"title": "slow"})
    assert (begun.status, begun.body["status"]) == (202, "pending")
    assert (await client("GET", begun.body["url"], headers=IMPORTS)).body["status"] == "pending"
    assert (await client("POST", f"{path}/issues", {"title": "t"})).body["number"] == 1


async def test_the_status_is_unknown_for_a_moment(start: Any) -> None:
    """With a lag, the address that the POST gave answers 404 at first."""
    client = await start(profile="unlimited", settings={"import_status_lag_s": 3600})
    path = await client.repository()
    begun = await begin(client, path, {"title": "t"})
    assert (await client("GET", begun.body["url"], headers=IMPORTS)).status == 404
    assert (await client("GET", f"{path}/import/issues", headers=IMPORTS)).body == []


@pytest.mark.parametrize(
    ("issue", "location"),
    [
        ({"labels": ["bug", "unknown"]}, "/issue/labels[1]"),
        ({"labels": ["x" * 51]}, "/issue/labels[0]"),
        ({"milestone": 7}, "/issue/milestone"),
        ({"assignee": "stranger"}, "/issue/assignee"),
        ({"body": "b" * 65_537}, "/issue/body"),
    ],
)
async def test_one_fault_fails_the_whole_import(client: Any, issue: dict[str, Any], location: str) -> None:
    """A bad part leaves no issue, takes no number, and is named with its place."""
    path = await client.repository()
    failed = await client.imported(path, {"title": "t", **issue})
    assert failed.body["status"] == "failed"
    assert [error["location"] for error in failed.body["errors"]] == [location]
    assert (await client("GET", f"{path}/issues?state=all")).body == []
    assert (await client.imported(path, {"title": "t"})).body["issue_url"].endswith("/issues/1")


async def test_what_is_no_import_is_refused_at_once(client: Any) -> None:
    """The media type, the size, the required fields and the right to administer are checked before a job."""
    path = await client.repository()
    assert (await begin(client, path, {"title": "t"}, headers={})).status == 415
    assert (await begin(client, path, {"title": "t", "body": "b" * 1_048_576})).status == 413
    untitled = await begin(client, path, {})
    assert (untitled.status, untitled.body["errors"][0]["field"]) == (422, "title")
    assert (await begin(client, path, {"title": "t", "created_at": "yesterday"})).status == 422
    token = await client.token("writer", login="octocat", scopes=["repo"])
    refused = await begin(client, path, {"title": "t"}, token=token)
    assert (refused.status, refused.body["message"]) == (403, "Must have admin rights to Repository.")
