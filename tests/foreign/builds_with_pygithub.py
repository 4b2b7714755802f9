"""Build a repository on a GitHub with PyGithub, as its manual shows; print the JSON of what was read back.

From the environment: URL (of the API), TOKEN, OWNER, BUILD (the JSON of what to make).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import github
from github import Auth, Github, GithubObject
from github.Repository import Repository

IMPORTS = {"Accept": "application/vnd.github.golden-comet-preview+json"}


def connect(token: str) -> Github:
    """A client that neither waits nor tries again."""
    return Github(
        base_url=os.environ["URL"],
        auth=Auth.Token(token),
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
        per_page=7,
    )


def build(repository: Repository, wanted: dict[str, Any]) -> None:
    """Make the labels, milestones and issues, and import one."""
    repository.replace_topics(wanted["topics"])
    for label in wanted["labels"]:
        repository.create_label(**label)
    milestones = {}
    for milestone in wanted["milestones"]:
        due_on = datetime.fromisoformat(milestone["due_on"]).date()
        milestones[milestone["title"]] = repository.create_milestone(
            milestone["title"], description=milestone["description"], due_on=due_on
        )
    for wish in wanted["issues"]:
        issue = repository.create_issue(
            wish["title"],
            body=wish["body"],
            labels=wish["labels"],
            milestone=milestones[wish["milestone"]] if wish["milestone"] else GithubObject.NotSet,
            assignees=wish["assignees"],
        )
        for comment in wish["comments"]:
            issue.create_comment(comment)
        if wish["closed"]:
            issue.edit(state="closed", state_reason=wish["closed"])
    milestones[wanted["milestones"][0]["title"]].edit(wanted["milestones"][0]["title"], state="closed")
    requester = repository.requester
    url = f"{repository.url}/import/issues"
    _, job = requester.requestJsonAndCheck("POST", url, input=wanted["imported"], headers=IMPORTS)
    while job["status"] in ("pending", "importing"):
        time.sleep(0.02)
        _, job = requester.requestJsonAndCheck("GET", job["url"], headers=IMPORTS)


def read_back(repository: Repository) -> dict[str, Any]:
    """What is in the repository, by its lists."""
    comments: dict[str, list[str]] = {}
    for comment in repository.get_issues_comments(sort="created", direction="asc"):
        comments.setdefault(comment.issue_url.rpartition("/")[2], []).append(comment.body)
    return {
        "full_name": repository.full_name,
        "private": repository.private,
        "description": repository.description,
        "topics": repository.get_topics(),
        "labels": {each.name: [each.color, each.description] for each in repository.get_labels()},
        "milestones": {
            each.title: [each.number, each.state, each.open_issues, each.closed_issues]
            for each in repository.get_milestones(state="all")
        },
        "issues": {
            str(each.number): {
                "title": each.title,
                "body": each.body,
                "state": each.state,
                "state_reason": each.state_reason,
                "author": each.user.login,
                "labels": sorted(label.name for label in each.labels),
                "milestone": each.milestone.title if each.milestone else None,
                "assignees": sorted(person.login for person in each.assignees),
                "comments": comments.get(str(each.number), []),
            }
            for each in repository.get_issues(state="all", sort="created", direction="asc")
        },
    }


def status_of(call: Callable[[], Any]) -> int | None:
    """The status that a call is refused with."""
    try:
        call()
    except github.GithubException as error:
        return error.status
    return None


def main() -> None:
    """Make the repository, and say what is there then."""
    hub, wanted = connect(os.environ["TOKEN"]), json.loads(os.environ["BUILD"])
    repository = hub.get_organization(os.environ["OWNER"]).create_repo(**wanted["repository"])
    build(repository, wanted)
    made = hub.get_repo(repository.full_name)
    seen = {
        "login": hub.get_user().login,
        "limit": hub.get_rate_limit().resources.core.limit,
        "built": read_back(made),
        "refused": {
            "absent": status_of(lambda: hub.get_repo(f"{os.environ['OWNER']}/none")),
            "wrong token": status_of(lambda: connect("wrong").get_user().login),
            "label twice": status_of(
                lambda: made.create_label(wanted["labels"][0]["name"].upper(), "000000")
            ),
            "long body": status_of(lambda: made.create_issue("t", body="x" * 65_537)),
        },
    }
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
