"""Folders of HTTP recordings as seeds."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest

from gl2gh_batch.sandbox import seeds
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.history import run_git


def record(folder: Path, path: str, body: object) -> None:
    """Write one recording as the real ones are."""
    folder.mkdir(exist_ok=True)
    name = f"GET_{quote(f'/api/v4{path}', safe='?&=')}"
    (folder / name).write_text(f"Content-Type: application/json\nX-Page: 1\n\n{json.dumps(body)}")


ANNA = {"id": 5, "username": "anna", "name": "Anna", "state": "active", "avatar_url": None}
PROJECT = {
    "id": 77,
    "name": "Small",
    "path_with_namespace": "group/small",
    "web_url": "https://gitlab.example.com/group/small",
    "default_branch": "trunk",
    "visibility": "private",
    "created_at": "2023-01-01T00:00:00.000Z",
    "namespace": {"id": 3, "name": "Group", "full_path": "group", "kind": "group"},
}


def issue(iid: int, **more: object) -> dict[str, object]:
    """An issue with the least that GitLab shows."""
    dates = {"created_at": f"2023-01-0{iid}T00:00:00Z", "updated_at": f"2023-01-0{iid}T00:00:00Z"}
    return {
        "id": 100 + iid,
        "iid": iid,
        "title": f"Issue {iid}",
        "state": "opened",
        "author": ANNA,
        **dates,
        **more,
    }


def test_pages_and_details_become_one_list(tmp_path: Path) -> None:
    """Pages of one list are laid together, and a single answer completes the short one of a list."""
    folder = tmp_path / "rec"
    record(folder, "/projects/77", PROJECT)
    record(folder, "/projects/77/issues?page=1&per_page=2", [issue(1), issue(2)])
    record(folder, "/projects/77/issues?page=2&per_page=2", [issue(2), issue(3, labels=["new"])])
    record(folder, "/projects/77/issues?page=3&per_page=2", [])
    record(folder, "/projects/77/merge_requests?view=simple", [{"id": 9, "iid": 1, "title": "MR"}])
    record(
        folder,
        "/projects/77/merge_requests/1",
        {**issue(1), "id": 9, "state": "merged", "source_branch": "fix", "target_branch": "trunk"},
    )
    milestone = {"id": 4, "iid": 2, "title": "M", "state": "active"}
    dates = {"created_at": "2023-01-01T00:00:00Z", "updated_at": "2023-01-01T00:00:00Z"}
    record(folder, "/projects/77/issues/4", issue(4, milestone={**milestone, **dates}))
    world = World(tmp_path)
    project = world.add(folder)
    assert (project.id, project.full_path, list(project.issues)) == (77, "group/small", [1, 2, 3, 4])
    assert project.merge_requests[1].source_branch == "fix"
    assert [label.title for label in project.labels] == ["new"]
    assert [(each.id, each.iid, each.title) for each in project.milestones] == [(4, 2, "M")]
    assert world.users["anna"].id == 5


def test_a_recording_without_its_project_is_refused(tmp_path: Path) -> None:
    """And so is one with a body that is no JSON."""
    folder = tmp_path / "rec"
    record(folder, "/projects/77/issues?page=1", [])
    with pytest.raises(seeds.SeedError, match="no recorded answer"):
        seeds.load(folder, git_root=tmp_path)
    (folder / "GET_%2Fapi%2Fv4%2Fprojects%2F77").write_text("X: y\n\nno json")
    with pytest.raises(seeds.SeedError, match="no JSON"):
        seeds.load(folder, git_root=tmp_path)


@pytest.mark.shared_data
def test_the_real_recordings_become_whole_projects(shared_data: Path, tmp_path: Path) -> None:
    """Issues, the notes of their discussions, labels, awards, approvals; and git where there was none."""
    world = World(tmp_path)
    project = world.add(shared_data / "gitlab-recordings/gitea-test_repo")
    assert (project.id, project.full_path, project.default_branch) == (15578026, "gitea/test_repo", "master")
    assert len(project.labels) == 9
    assert sorted(milestone.title for milestone in project.milestones) == ["1.0.0", "1.1.0"]
    assert [note.body for note in project.issues[2].notes.all()] == [
        "This is a comment",
        "changed milestone to %2",
        "closed",
        "A second comment",
    ]
    assert [len(project.issues[iid].awards) for iid in (1, 2)] == [2, 6]
    assert len(project.merge_requests[2].awards) == 2
    assert project.merge_requests[1].approved_by == ["axifive", "zeripath"]
    assert project.merge_requests[2].approved_by == ["real6543"]
    archived = world.add(shared_data / "gitlab-recordings/archbuild")
    assert (list(archived.issues), archived.archived) == ([2], True)
    for each in (project, archived):
        repository = world.repository(each)
        refs = run_git(repository, "for-each-ref", "--format=%(refname)").decode().split()
        assert f"refs/heads/{each.default_branch}" in refs
        assert {f"refs/tags/{release.tag}" for release in each.releases} <= set(refs)
        for merge_request in each.merge_requests.values():
            head = run_git(repository, "rev-parse", f"refs/merge-requests/{merge_request.iid}/head")
            assert head.decode().strip() == merge_request.sha


@pytest.mark.shared_data
def test_the_made_history_is_always_the_same(shared_data: Path, tmp_path: Path) -> None:
    """Two worlds have the same SHAs."""
    shas = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        world = World(tmp_path / name)
        project = world.add(shared_data / "gitlab-recordings/gitea-test_repo")
        shas.append(run_git(world.repository(project), "for-each-ref"))
    assert shas[0] == shas[1]
