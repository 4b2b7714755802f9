"""Project exports of both forms as seeds."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.sandbox import seeds
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.history import run_git


@pytest.fixture
def old(shared_data: Path) -> Path:
    """A real archive of the old form."""
    return shared_data / "gitlab-export-8.16/test_project_export.tar.gz"


@pytest.mark.shared_data
def test_the_real_archive_becomes_a_whole_project(old: Path, tmp_path: Path) -> None:
    """10 issues with 80 notes, 9 merge requests with 72, 5 milestones, 4 members, uploads."""
    world = World(tmp_path)
    project = world.add(old)
    assert project.full_path == "imported/test_project"
    assert list(project.issues) == list(range(1, 11))
    assert sum(len(issue.notes) for issue in project.issues.values()) == 80
    assert sum(len(each.notes) for each in project.merge_requests.values()) == 72
    assert len(project.milestones) == 5
    assert {member.username for member in project.members} == {
        "clifford.langosh",
        "user0",
        "user1",
        "juanita.reinger",
    }
    assert world.users["user0"].name == "User 0"
    assert [note.author for note in project.issues[10].notes.all()][-1] == "administrator"
    assert sorted(upload.filename for upload in project.uploads) == [
        "project.wiki.bundle",
        "test_project_export.tar.gz",
    ]
    assert all(upload.path.is_file() for upload in project.uploads)


@pytest.mark.shared_data
def test_every_ref_of_the_bundle_is_there(old: Path, tmp_path: Path) -> None:
    """Branches, tags, merge requests' heads and hidden refs by SHA; the default branch is where HEAD was."""
    with tarfile.open(old) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    bundle = tmp_path / "unpacked/project.bundle"
    heads = run_git(tmp_path, "bundle", "list-heads", str(bundle)).decode().splitlines()
    world = World(tmp_path)
    project = world.add(old)
    refs = run_git(world.repository(project), "for-each-ref", "--format=%(objectname) %(refname)")
    assert sorted(refs.decode().splitlines()) == sorted(line for line in heads if not line.endswith(" HEAD"))
    assert project.default_branch == "master"
    for merge_request in project.merge_requests.values():
        head = run_git(
            world.repository(project), "rev-parse", f"refs/merge-requests/{merge_request.iid}/head"
        )
        assert head.decode().strip() == merge_request.sha
    wiki = run_git(world.wiki_repository(project), "rev-parse", "refs/heads/master").decode().strip()
    assert wiki == "5bfc9ffad536350a3857800547dcd55377899a2b"


@pytest.mark.shared_data
def test_an_unpacked_export_is_the_same(old: Path, tmp_path: Path) -> None:
    """A folder reads as its archive does, and its files stay where they are."""
    folder = tmp_path / "test_project"
    with tarfile.open(old) as archive:
        archive.extractall(folder, filter="data")
    before = sorted(folder.rglob("*"))
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    packed, unpacked = World(tmp_path / "one").add(old), World(tmp_path / "two").add(folder)
    assert unpacked.full_path == packed.full_path
    assert [issue.title for issue in unpacked.issues.values()] == [
        issue.title for issue in packed.issues.values()
    ]
    assert sorted(folder.rglob("*")) == before


@pytest.mark.shared_data
def test_a_bare_project_json_gets_a_history(shared_data: Path, tmp_path: Path) -> None:
    """Without bundles, branches and heads are made; labels, protections and states come from the file."""
    world = World(tmp_path)
    project = world.add(
        shared_data / "gitlab-export-8.16/project.json", full_path="some/where", project_id=12
    )
    assert (project.id, project.full_path, len(project.issues)) == (12, "some/where", 10)
    assert "test2" in project.issues[10].labels
    assert project.settings["protected_branches"][0]["name"] == "master"
    refs = run_git(world.repository(project), "for-each-ref", "--format=%(refname)").decode().split()
    assert {f"refs/merge-requests/{iid}/head" for iid in project.merge_requests} <= set(refs)


def present(folder: Path, relations: dict[str, list[dict[str, Any]]], **attributes: Any) -> Path:
    """An unpacked export of the present form."""
    (folder / "tree/project").mkdir(parents=True)
    (folder / "tree/project.json").write_text(json.dumps({"visibility_level": 20, **attributes}))
    for name, rows in relations.items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / f"tree/project/{name}.ndjson").write_text(lines)
    return folder


def row(iid: int, **more: Any) -> dict[str, Any]:
    """An issue of an export with the least it has."""
    base = {"id": iid, "iid": iid, "title": f"Issue {iid}", "created_at": "2023-01-01T00:00:00Z"}
    return {**base, "author_id": 7, "state": "opened", **more}


def test_the_present_form_is_read_relation_by_relation(tmp_path: Path) -> None:
    """Group labels and milestones go to the group, threads stay together, ids find their people."""
    label = {"id": 1, "title": "g", "color": "#fff", "type": "GroupLabel", "priorities": [{"priority": 3}]}
    note = {"note": "x", "created_at": "2023-01-02T00:00:00Z", "author_id": 7, "author": {"name": "Ünï Cöde"}}
    thread = {**note, "type": "DiscussionNote", "discussion_id": "d" * 40}
    issues = [
        row(
            2,
            label_links=[{"label": label}],
            milestone={"title": "GM", "iid": 1, "group_id": 4, "state": "active"},
            issue_assignees=[{"user_id": 8}, {"user_id": 8}],
            notes=[thread, thread, {**note, "confidential": True}, {**note, "author_id": None}],
            award_emoji=[{"name": "tada", "user_id": 9}],
            state="closed",
            closed_at="2023-01-03T00:00:00Z",
            closed_by_id=8,
            timelogs=[{"time_spent": 60}, {"time_spent": 30}],
            resource_state_events=[{"user_id": 8, "state": "closed", "created_at": "2023-01-03T00:00:00Z"}],
        ),
        row(1, milestone={"title": "PM", "iid": 2, "state": "closed"}, confidential=True),
    ]
    members = [
        {"user_id": 8, "access_level": 30, "user": {"id": 8, "username": "eve", "public_email": "e@x"}}
    ]
    folder = present(tmp_path / "new", {"issues": issues, "project_members": members}, archived=True)
    (tmp_path / "work").mkdir()
    world = World(tmp_path / "work")
    project = world.add(folder, full_path="top/sub/name")
    group = world.group("top/sub")
    assert group is not None
    assert [each.title for each in group.labels] == ["g"]
    assert [each.title for each in group.milestones] == ["GM"]
    assert [each.title for each in project.milestones] == ["PM"]
    assert (project.labels, project.archived, project.visibility) == ([], True, "public")
    issue = project.issues[2]
    assert (issue.author, issue.assignees, issue.closed_by) == ("uni.code", ["eve"], "eve")
    assert [award.username for award in issue.awards] == ["user.9"]
    assert (issue.time_spent, issue.events[0].what) == (90, "closed")
    notes = issue.notes.all()
    assert [each.author for each in notes] == ["uni.code", "uni.code", "uni.code", "ghost"]
    assert [each.internal for each in notes] == [False, False, True, False]
    assert notes[0].discussion_id == notes[1].discussion_id != notes[2].discussion_id
    assert len({each.id for each in notes}) == 4
    assert project.issues[1].confidential
    assert project.default_branch is None
    assert world.users["eve"].public_email == "e@x"


def test_two_exports_live_in_one_world(tmp_path: Path) -> None:
    """The ids of a second import are new ones, and its people are not the first one's."""
    world_folder = tmp_path / "work"
    world_folder.mkdir()
    world = World(world_folder)
    for index in range(2):
        issue = row(1, notes=[{"id": 5, "note": "n", "author_id": 7, "created_at": "2023-01-01T00:00:00Z"}])
        world.add(present(tmp_path / f"p{index}", {"issues": [issue]}), full_path=f"a/p{index}")
    one, two = (project.issues[1] for project in world.projects.values())
    assert one.id != two.id
    assert one.notes.all()[0].id != two.notes.all()[0].id


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    """File and line of what is no JSON."""
    folder = present(tmp_path / "broken", {"issues": [row(1)]})
    with (folder / "tree/project/issues.ndjson").open("a") as lines:
        lines.write("{")
    with pytest.raises(seeds.SeedError, match=r"issues\.ndjson:2"):
        seeds.load(folder, git_root=tmp_path)


@pytest.mark.shared_data
def test_a_broken_bundle_is_named(old: Path, tmp_path: Path) -> None:
    """What git says of a bundle that is none."""
    folder = tmp_path / "broken"
    with tarfile.open(old) as archive:
        archive.extractall(folder, filter="data")
    (folder / "project.bundle").write_text("no bundle")
    shutil.rmtree(folder / "uploads")
    with pytest.raises(seeds.SeedError, match=r"project\.bundle"):
        seeds.load(folder, git_root=tmp_path)
