"""Unmodified foreign clients build a whole repository on the sandbox's GitHub."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import github
import pytest
from github import Auth, Github


def build(api_url: str, token: str) -> dict[str, Any]:
    """Make a repository with PyGithub as its manual shows, read it back, and tidy up."""
    hub = Github(
        base_url=api_url,
        auth=Auth.Token(token),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )
    organization = hub.get_organization("acme")
    repository = organization.create_repo("built", private=True, description="by PyGithub")
    for number in range(35):
        repository.create_label(f"scope::{number:02}", "ff8800", "a label")
    milestone = repository.create_milestone("v1", due_on=datetime(2024, 5, 1, tzinfo=UTC).date())
    issue = repository.create_issue(
        "One", body="text", labels=["bug"], milestone=milestone, assignees=["octocat"]
    )
    comment = issue.create_comment("first")
    comment.edit("second")
    issue.edit(state="closed", state_reason="not_planned")
    issue.lock("resolved")
    requester = repository.requester
    _, begun = requester.requestJsonAndCheck(
        "POST",
        f"{repository.url}/import/issues",
        input={"issue": {"title": "Two", "body": "b", "closed": True}, "comments": [{"body": "c"}]},
        headers={"Accept": "application/vnd.github.golden-comet-preview+json"},
    )
    repository.replace_topics(["gitlab", "migrated"])
    repository.edit(description="done", has_wiki=False)
    with pytest.raises(github.GithubException) as refused:
        repository.create_label("BUG", "000000")
    with pytest.raises(github.UnknownObjectException):
        hub.get_repo("acme/none")
    with pytest.raises(github.BadCredentialsException):
        Github(base_url=api_url, auth=Auth.Token("x"), retry=None).get_user().login  # noqa: B018 - reads it
    return {
        "login": hub.get_user().login,
        "labels": sum(1 for label in repository.get_labels() if label.name.startswith("scope::")),
        "issue": [each.raw_data["state_reason"] for each in repository.get_issues(state="all")][-1],
        "comments": [each.body for each in issue.get_comments()],
        "begun": begun["status"],
        "topics": repository.get_topics(),
        "refused": refused.value.data["errors"][0]["code"],
        "assignable": repository.has_in_assignees("octocat"),
        "wiki": hub.get_repo("acme/built").has_wiki,
        "rate": hub.get_rate_limit().resources.core.limit,
        "found": hub.search_issues("One repo:acme/built").totalCount,
    }


async def test_pygithub_builds_and_reads_a_repository(client: Any) -> None:
    """PyGithub, which checks hosts and shapes for itself, finds a GitHub."""
    sandbox = client.sandbox
    seen = await asyncio.to_thread(build, sandbox.github_api_url, sandbox.github_token)
    assert seen == {
        "login": "acme-migrator",
        "labels": 35,
        "issue": "not_planned",
        "comments": ["second"],
        "begun": "pending",
        "topics": ["gitlab", "migrated"],
        "refused": "already_exists",
        "assignable": True,
        "wiki": False,
        "rate": 1_000_000_000,
        "found": 1,
    }


async def test_pygithub_knows_both_kinds_of_limit(start: Any) -> None:
    """A refusal of either kind is PyGithub's RateLimitExceededException, and no other."""
    client = await start(profile="unlimited")
    sandbox = client.sandbox
    for kind in ("primary", "secondary"):
        rule = {"side": "github", "path": "/user", "effect": {"rate_limit": kind, "retry_after": 1}}
        await client.control("PUT", "/faults", [rule])
        hub = Github(base_url=sandbox.github_api_url, auth=Auth.Token(sandbox.github_token), retry=None)
        with pytest.raises(github.RateLimitExceededException):
            await asyncio.to_thread(lambda: hub.get_user().login)  # noqa: B023 - used within the turn
