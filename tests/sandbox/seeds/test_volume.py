"""Generated volume of descriptions."""

from __future__ import annotations

from pathlib import Path

from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.history import run_git
from gl2gh_batch.sandbox.seeds.records import Project

SEED = """
project: {path: a/big, creator: anna}
users: {anna: {name: Anna}, ben: {name: Ben}}
labels: [{title: one}, {title: "two::three"}]
milestones: [{title: M}]
issues: [{title: Model, description: "like **this**", notes: [{body: so}]}]
"""


def load(root: Path, volume: str, seed: str = SEED) -> tuple[World, Project]:
    """A world with one project that has some volume."""
    root.mkdir()
    path = root / "seed.yml"
    path.write_text(f"{seed}volume: {volume}\n")
    world = World(root)
    return world, world.add(path)


def test_the_same_seed_gives_the_same_records(tmp_path: Path) -> None:
    """Titles, states, people, notes and git; another seed gives others."""
    volume = "{seed: 7, issues: 30, notes_per_issue: 4, merge_requests: 6}"
    worlds = [
        load(tmp_path / "one", volume),
        load(tmp_path / "two", volume),
        load(tmp_path / "three", volume.replace("7", "8")),
    ]
    shown = [
        [
            (issue.title, issue.state, issue.author, issue.labels, [note.body for note in issue.notes.all()])
            for issue in (*project.issues.values(), *project.merge_requests.values())
        ]
        for _, project in worlds
    ]
    assert shown[0] == shown[1] != shown[2]
    refs = [run_git(world.repository(project), "for-each-ref") for world, project in worlds]
    assert refs[0] == refs[1] != refs[2]


def test_notes_are_made_when_read_and_kept_when_edited(tmp_path: Path) -> None:
    """The same each time, with ids of their own; counts are known without making them."""
    world, project = load(tmp_path / "w", "{seed: 1, issues: 40, notes_per_issue: 11}")
    ids = [note.id for issue in project.issues.values() for note in issue.notes.all()]
    assert len(set(ids)) == len(ids) == 40 * 11 + 1
    notes = project.issues[5].notes
    assert notes.is_generated
    assert notes.all() == notes.all()
    assert notes.all() is not notes.all()
    assert len(notes) == len(notes.all()) == 11
    assert notes.user_count == sum(not note.system for note in notes.all())
    world.edit(project).add_note(5, "kept")
    assert not notes.is_generated
    assert [note.body for note in notes.all()][-1] == "kept"
    assert project.issues[6].notes.is_generated


def test_merge_requests_have_heads_and_some_have_lost_their_branch(tmp_path: Path) -> None:
    """Every state occurs, every head is a ref, and only open ones have their branch."""
    world, project = load(tmp_path / "w", "{seed: 1, merge_requests: 40}")
    refs = run_git(world.repository(project), "for-each-ref", "--format=%(objectname) %(refname)")
    found = dict(reversed(line.split()) for line in refs.decode().splitlines())
    states = {each.state for each in project.merge_requests.values()}
    assert states == {"opened", "closed", "merged"}
    for each in project.merge_requests.values():
        assert found[f"refs/merge-requests/{each.iid}/head"] == each.sha
        assert (f"refs/heads/{each.source_branch}" in found) == (each.state == "opened")


def test_volume_follows_the_described_records(tmp_path: Path) -> None:
    """Numbers go on after the highest, with the models' words; without a model there are some built in."""
    _, project = load(tmp_path / "w", "{issues: 3, notes_per_issue: 1}")
    assert list(project.issues) == [1, 2, 3, 4]
    assert project.issues[3].title == "Model (3)"
    assert project.issues[3].description == "like **this**"
    assert project.issues[3].notes.all()[0].body.startswith("so")
    _, bare = load(tmp_path / "bare", "{issues: 3, notes_per_issue: 2}", "project: {path: a/b}\n")
    assert all(issue.description and len(issue.notes) == 2 for issue in bare.issues.values())


def test_twenty_thousand_issues_keep_no_notes(tmp_path: Path) -> None:
    """The heads are there, each with its number, and not one note is held."""
    _, project = load(tmp_path / "w", "{seed: 2, issues: 20000, notes_per_issue: 8}")
    assert len(project.issues) == 20_001
    assert sum(len(issue.notes) for issue in project.issues.values()) == 160_001
    assert all(issue.notes.is_generated for iid, issue in project.issues.items() if iid > 1)
    assert project.issues[20_001].notes.all()[7].id == project.issues[20_001].notes.first_id + 7
