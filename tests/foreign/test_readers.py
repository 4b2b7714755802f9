"""python-gitlab and @gitbeaker/rest, as they are, read all there is on the sandbox's GitLab."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.sandbox import Sandbox, seeds
from gl2gh_batch.sandbox.gitlab.world import VERSION, World
from gl2gh_batch.sandbox.seeds.records import Group, Issue, MergeRequest, Project

READERS = ("reads_with_python_gitlab.py", "reads_with_gitbeaker.mjs")

# More of everything than a page holds.
LARGE = """
project: {path: many/pages, id: 77, creator: ada}
users: {ada: {name: Ada}, bob: {name: Bob}}
members: {ada: owner, bob: developer}
labels: [{title: one}, {title: "two::three"}]
milestones: [{title: M}]
volume: {seed: 7, issues: 43, notes_per_issue: 6, merge_requests: 8}
repository: {commits: [{name: a, message: A, author: ada, files: {x: "1"}}]}
"""
PER_PAGE = 4


def git(repository: Path, *arguments: str) -> list[str]:
    """What git says about a bare repository, line by line."""
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def refs(repository: Path, prefix: str) -> dict[str, str]:
    """Names and commits below a prefix."""
    shown = "--format=%(refname) %(*objectname) %(objectname)"
    lines = [line.split() for line in git(repository, "for-each-ref", shown, prefix)]
    return {words[0].removeprefix(prefix): words[1] for words in lines}


def issue_of(issue: Issue) -> dict[str, Any]:
    """What a reader has to see of an issue."""
    notes = issue.notes.all()
    return {
        "title": issue.title,
        "description": issue.description,
        "state": issue.state,
        "author": issue.author,
        "assignees": issue.assignees,
        "labels": sorted(issue.labels),
        "milestone": issue.milestone,
        "notes": [[note.author, note.body] for note in notes],
        "discussions": len({note.discussion_id for note in notes}),
    }


def merge_request_of(merge_request: MergeRequest) -> dict[str, Any]:
    """What a reader has to see of a merge request."""
    return {
        "title": merge_request.title,
        "state": merge_request.state,
        "branches": [merge_request.source_branch, merge_request.target_branch],
        "notes": [note.body for note in merge_request.notes.all()],
    }


def levels(*places: Project | Group) -> dict[str, int]:
    """Members with the highest level that one of the places gives them."""
    found: dict[str, int] = {}
    for member in (member for place in places for member in place.members):
        found[member.username] = max(member.access_level, found.get(member.username, 0))
    return found


def project_of(world: World, project: Project) -> dict[str, Any]:
    """What a reader has to see of a project."""
    above = list(world.ancestors(project.full_path))
    places: list[Project | Group] = [*above, project]
    repository = world.repository(project)
    branches = refs(repository, "refs/heads/")
    return {
        "id": project.id,
        "default_branch": project.default_branch if branches else None,
        "visibility": project.visibility,
        "topics": project.topics,
        "members": levels(*places),
        "labels": {label.title: label.color for place in places for label in place.labels},
        "milestones": {each.title: each.state for place in places for each in place.milestones},
        "issues": {str(iid): issue_of(issue) for iid, issue in project.issues.items()},
        "merge_requests": {str(iid): merge_request_of(each) for iid, each in project.merge_requests.items()},
        "branches": branches,
        "tags": refs(repository, "refs/tags/"),
        "commits": git(repository, "rev-list", "HEAD") if branches else [],
        "releases": sorted(release.tag for release in project.releases),
    }


def everything_of(world: World) -> dict[str, Any]:
    """What a reader has to see of the whole GitLab."""
    groups = sorted(
        (each for each in world.groups.values() if each.kind == "group"), key=lambda each: each.path
    )
    return {
        "user": "migrator",
        "version": VERSION,
        "groups": [group.full_path for group in groups],
        "members_of_groups": {group.full_path: levels(group) for group in groups},
        "projects": {
            project.full_path: project_of(world, project)
            for project in sorted(world.projects.values(), key=lambda each: each.id)
        },
        "refused": {"absent": 404, "wrong token": 401},
    }


async def read(sandbox: Sandbox, run_script: Any, reader: str) -> Any:
    """What a reader sees."""
    return await run_script(
        reader, URL=sandbox.gitlab_url, TOKEN=sandbox.gitlab_token, PER_PAGE=str(PER_PAGE)
    )


@pytest.mark.parametrize("reader", READERS)
async def test_a_reader_sees_every_project_whole(
    open_sandbox: Any, run_script: Any, tmp_path: Path, reader: str
) -> None:
    """Groups, members, labels, milestones, issues with notes, merge requests, refs: all, page by page."""
    large = tmp_path / "large.yml"
    large.write_text(LARGE, encoding="utf-8")
    sandbox = await open_sandbox(projects=[*seeds.SAMPLES, large])
    seen = await read(sandbox, run_script, reader)
    wanted = everything_of(sandbox.gitlab)
    assert seen == wanted
    assert list(seen["projects"]) == list(wanted["projects"])
    assert len(seen["projects"]["many/pages"]["issues"]) == 43
    pages = [entry for entry in sandbox.journal if entry.path.endswith("/projects/77/issues")]
    assert len(pages) == 11


@pytest.mark.parametrize("reader", READERS)
async def test_a_reader_sees_real_projects_whole(
    open_sandbox: Any, run_script: Any, shared_data: Path, reader: str
) -> None:
    """The same for a project from recordings and one from an export."""
    recordings = shared_data / "gitlab-recordings/gitea-test_repo"
    export = shared_data / "gitlab-export-8.16/test_project_export.tar.gz"
    sandbox = await open_sandbox(projects=[recordings, f"{export}=7:imported/test_project"])
    assert await read(sandbox, run_script, reader) == everything_of(sandbox.gitlab)
