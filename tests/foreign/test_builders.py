"""PyGithub and @octokit/rest, as they are, build a repository on the sandbox's GitHub and read it back."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

BUILDERS = ("builds_with_pygithub.py", "builds_with_octokit.mjs")
WANTED: dict[str, Any] = {
    "repository": {"name": "built", "private": True, "description": "Größe · 検索 · 🛒"},
    "topics": ["gitlab", "migrated"],
    # With GitHub's own nine there are more than five pages.
    "labels": [
        {"name": f"scope::{number:02}", "color": f"{number:06x}", "description": f"Label {number}"}
        for number in range(30)
    ],
    "milestones": [
        {"title": "v1", "description": "The first", "due_on": "2024-05-01T07:00:00Z"},
        {"title": "v2", "description": "The second", "due_on": "2024-06-01T07:00:00Z"},
    ],
    "issues": [
        {
            "title": f"Issue {number} 🙂",
            "body": f"Text of **{number}**\n\n- [ ] a\n- [x] b",
            "labels": [f"scope::{number:02}", "bug"],
            "milestone": "v2" if number % 2 else None,
            "assignees": ["octocat", "hubot"][: number % 3],
            "comments": [f"Comment {at} on {number}" for at in range(number % 4)],
            "closed": ("completed", "not_planned", None)[number % 3],
        }
        for number in range(10)
    ],
    "imported": {
        "issue": {
            "title": "From elsewhere",
            "body": "As it was",
            "created_at": "2019-01-31T09:30:00Z",
            "closed_at": "2019-02-28T09:30:00Z",
            "closed": True,
            "labels": ["scope::00"],
            "milestone": 2,
            "assignee": "monalisa",
        },
        "comments": [{"body": f"Word {at}", "created_at": f"2019-02-0{at}T00:00:00Z"} for at in (1, 2, 3)],
    },
}


def issues_wanted() -> dict[str, Any]:
    """The issues that have to be there, by number."""
    made = {
        str(number): {
            "title": wish["title"],
            "body": wish["body"],
            "state": "closed" if wish["closed"] else "open",
            "state_reason": wish["closed"],
            "author": "acme-migrator",
            "labels": sorted(wish["labels"]),
            "milestone": wish["milestone"],
            "assignees": sorted(wish["assignees"]),
            "comments": wish["comments"],
        }
        for number, wish in enumerate(WANTED["issues"], start=1)
    }
    imported = WANTED["imported"]["issue"]
    made["11"] = {
        "title": imported["title"],
        "body": imported["body"],
        "state": "closed",
        "state_reason": "completed",
        "author": "acme-migrator",
        "labels": imported["labels"],
        "milestone": "v2",
        "assignees": ["monalisa"],
        "comments": ["Word 1", "Word 2", "Word 3"],
    }
    return made


def as_read(repository: dict[str, Any]) -> dict[str, Any]:
    """The control interface's own view of a repository, in the form of the scripts."""
    return {
        "private": repository["private"],
        "labels": {each["name"]: [each["color"], each["description"]] for each in repository["labels"]},
        "milestones": {
            each["title"]: [each["number"], each["state"], each["open_issues"], each["closed_issues"]]
            for each in repository["milestones"]
        },
        "issues": {
            str(each["number"]): {
                "title": each["title"],
                "body": each["body"],
                "state": each["state"],
                "state_reason": each["state_reason"],
                "author": each["user"]["login"],
                "labels": sorted(label["name"] for label in each["labels"]),
                "milestone": each["milestone"] and each["milestone"]["title"],
                "assignees": sorted(person["login"] for person in each["assignees"]),
                "comments": [comment["body"] for comment in each["comments"]],
            }
            for each in repository["issues"]
        },
    }


@pytest.mark.parametrize("builder", BUILDERS)
async def test_a_builder_makes_what_it_was_told_and_reads_it_back(
    open_sandbox: Any, run_script: Any, judges: Any, builder: str
) -> None:
    """What was asked for, what the client reads page by page and what the sandbox holds are the same."""
    sandbox = await open_sandbox()
    seen = await run_script(
        builder,
        URL=sandbox.github_api_url,
        TOKEN=sandbox.github_token,
        OWNER=sandbox.owner,
        BUILD=json.dumps(WANTED),
    )
    built = seen["built"]
    assert built["issues"] == issues_wanted()
    assert (built["full_name"], built["private"]) == ("acme/built", True)
    assert (built["description"], built["topics"]) == (WANTED["repository"]["description"], WANTED["topics"])
    assert built["milestones"] == {"v1": [1, "closed", 0, 0], "v2": [2, "open", 1, 5]}
    labels = {each["name"]: [each["color"], each["description"]] for each in WANTED["labels"]}
    assert built["labels"].items() >= labels.items()
    assert len(built["labels"]) == len(labels) + 9
    async with aiohttp.ClientSession() as session, session.get(f"{sandbox.control_url}/state") as answer:
        state = await answer.json()
    assert list(state["repositories"]) == ["acme/built"]
    held = as_read(state["repositories"]["acme/built"])
    assert {name: built[name] for name in held} == held
    assert seen["login"] == "acme-migrator"
    assert seen["limit"] == 1_000_000_000
    assert seen["refused"] == {"absent": 404, "wrong token": 401, "label twice": 422, "long body": 422}
    assert judges.github.judged == len(judges.rest)
    assert len(judges.github.operations) >= 15
