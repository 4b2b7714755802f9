"""Read everything on a GitLab with python-gitlab, as its manual shows; print the JSON of what was seen.

From the environment: URL, TOKEN, PER_PAGE.
"""

from __future__ import annotations

import json
import os
from typing import Any

import gitlab


def read_project(project: Any) -> dict[str, Any]:
    """One project with its lists, each to its last page."""
    return {
        "id": project.id,
        "default_branch": project.default_branch,
        "visibility": project.visibility,
        "topics": project.topics,
        "members": {each.username: each.access_level for each in project.members_all.list(get_all=True)},
        "labels": {each.name: each.color for each in project.labels.list(iterator=True)},
        "milestones": {
            each.title: each.state for each in project.milestones.list(iterator=True, include_ancestors=True)
        },
        "issues": {
            each.iid: {
                "title": each.title,
                "description": each.description,
                "state": each.state,
                "author": each.author["username"],
                "assignees": [one["username"] for one in each.assignees],
                "labels": sorted(each.labels),
                "milestone": each.milestone and each.milestone["title"],
                "notes": [
                    [note.author["username"], note.body]
                    for note in each.notes.list(iterator=True, order_by="created_at", sort="asc")
                ],
                "discussions": len(each.discussions.list(get_all=True)),
            }
            for each in project.issues.list(iterator=True, order_by="created_at", sort="asc")
        },
        "merge_requests": {
            each.iid: {
                "title": each.title,
                "state": each.state,
                "branches": [each.source_branch, each.target_branch],
                "notes": [note.body for note in each.notes.list(iterator=True, sort="asc")],
            }
            for each in project.mergerequests.list(iterator=True, state="all")
        },
        "branches": {each.name: each.commit["id"] for each in project.branches.list(iterator=True)},
        "tags": {each.name: each.commit["id"] for each in project.tags.list(get_all=True)},
        "commits": [each.id for each in project.commits.list(iterator=True)],
        "releases": sorted(each.tag_name for each in project.releases.list(get_all=True)),
    }


def main() -> None:
    """Read all projects that the token may see."""
    client = gitlab.Gitlab(
        os.environ["URL"], private_token=os.environ["TOKEN"], per_page=int(os.environ["PER_PAGE"])
    )
    client.auth()
    listed = client.projects.list(iterator=True, pagination="keyset", order_by="id", sort="asc")
    refused: dict[str, int | None] = {}
    seen = {
        "user": client.user.username if client.user else None,
        "version": client.version()[0],
        "groups": [each.full_path for each in client.groups.list(iterator=True, order_by="path")],
        "members_of_groups": {
            each.full_path: {
                member.username: member.access_level for member in each.members.list(get_all=True)
            }
            for each in client.groups.list(iterator=True)
        },
        "projects": {
            each.path_with_namespace: read_project(client.projects.get(each.path_with_namespace))
            for each in listed
        },
        "refused": refused,
    }
    try:
        client.projects.get("no/such-project")
    except gitlab.GitlabGetError as error:
        refused["absent"] = error.response_code
    try:
        gitlab.Gitlab(os.environ["URL"], private_token="wrong").auth()
    except gitlab.GitlabAuthenticationError as error:
        refused["wrong token"] = error.response_code
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
