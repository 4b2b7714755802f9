"""Real projects, recorded and exported, arrive whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lab import Lab

from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_process import GitAuth


@pytest.fixture
async def real(open_lab: Any, shared_data: Path) -> Lab:
    """A lab with the recordings and the export."""
    lab = await open_lab(
        shared_data / "gitlab-recordings" / "gitea-test_repo",
        shared_data / "gitlab-recordings" / "archbuild",
        shared_data / "gitlab-export-8.16" / "test_project_export.tar.gz",
    )
    assert isinstance(lab, Lab)
    return lab


async def test_real_projects_arrive_without_a_difference(real: Lab, tmp_path: Path) -> None:
    """Issues, comments, milestones, labels and every ref of real projects are on GitHub as they were."""
    lab = real
    result = await lab.batch("FULL")
    assert result["status"] == "success", result
    repositories = await lab.repositories()
    git = Git(tmp_path / "git")
    for one in result["results"]:
        assert one["verification"]["total_differences"] == 0
        project = lab.sandbox.gitlab.projects[one["project_id"]]
        repository = repositories[one["target"]]
        assert len(repository["milestones"]) >= len(project.milestones)
        issues = {issue["number"]: issue for issue in repository["issues"]}
        public = {iid: issue for iid, issue in project.issues.items() if not issue.confidential}
        beside = max(project.issues, default=0)
        merge_requests = {beside + iid: one for iid, one in project.merge_requests.items()}
        assert set(issues) == {*public, *merge_requests}
        for number, merge_request in merge_requests.items():
            assert issues[number]["state"] == ("open" if merge_request.state == "opened" else "closed")
            assert issues[number]["title"] == merge_request.title
            said = "\n".join(comment["body"] for comment in issues[number]["comments"])
            for note in merge_request.notes.all():
                assert note.system or note.internal or f"#note_{note.id}" in said
        for iid, issue in public.items():
            notes = [note for note in issue.notes.all() if not note.system and not note.internal]
            timeline = any(note.system for note in issue.notes.all())
            assert len(issues[iid]["comments"]) == len(notes) + timeline
            assert issues[iid]["state"] == ("closed" if issue.state == "closed" else "open")
        listed = await git.ls_remote(
            f"{lab.sandbox.gitlab_url}/{one['source']}.git",
            GitAuth(username="oauth2", token=lab.sandbox.gitlab_token),
        )
        wanted = {ref: sha for ref, sha in listed.refs.items() if re.match("refs/(heads|tags)/", ref)}
        wanted = {ref: sha for ref, sha in wanted.items() if not ref.endswith("^{}")}
        ours = re.compile("refs/(pull/|heads/(gitlab-merge-requests/|(wiki|gl2gh-.*)$))")
        assert {ref: sha for ref, sha in repository["refs"].items() if not ours.match(ref)} == wanted
        labels = {label["name"].casefold() for label in repository["labels"]}
        assert {label.title.casefold() for label in project.labels} <= labels


async def test_the_export_has_its_issues_notes_and_milestones(open_lab: Any, shared_data: Path) -> None:
    """The export's 10 issues with their 80 notes, its 9 merge requests and its 5 milestones are there."""
    lab = await open_lab(shared_data / "gitlab-export-8.16" / "test_project_export.tar.gz")
    result = await lab.batch("FULL")
    assert result["status"] == "success", result
    (repository,) = (await lab.repositories()).values()
    issues = [issue for issue in repository["issues"] if "pull_request" not in issue]
    assert len(issues) == 10
    assert sum(len(issue["comments"]) for issue in issues) == 80
    # All of them are open and have their commits: each has one comment with its eight notes.
    pulls = [issue for issue in repository["issues"] if "pull_request" in issue]
    assert [len(pull["comments"]) for pull in pulls] == [1] * 9
    assert sum(pull["comments"][0]["body"].count("#note_") for pull in pulls) == 72
    assert len(repository["milestones"]) == 5
    assert repository["refs"]


async def test_recorded_labels_keep_name_and_colour(open_lab: Any, shared_data: Path) -> None:
    """The recording's labels have the very same name and colour on GitHub, and hang on the same issues."""
    lab = await open_lab(shared_data / "gitlab-recordings" / "gitea-test_repo")
    assert (await lab.batch("FULL"))["status"] == "success"
    (repository,) = (await lab.repositories()).values()
    (project,) = lab.sandbox.gitlab.projects.values()
    given = {label["name"]: "#" + label["color"] for label in repository["labels"] if not label["default"]}
    wanted = {label.title: label.color.lower() for label in project.labels}
    assert len(wanted) == 9
    assert given.items() <= wanted.items()
    beside = max(project.issues)
    items = {**project.issues, **{beside + iid: one for iid, one in project.merge_requests.items()}}
    for issue in repository["issues"]:
        assert sorted(label["name"] for label in issue["labels"]) == sorted(items[issue["number"]].labels)
