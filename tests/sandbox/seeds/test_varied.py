"""Generated merge requests in every state and form."""

from __future__ import annotations

from collections import Counter

import pytest

from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.history import run_git
from gl2gh_batch.sandbox.seeds.records import Project

SEED = """
project: {path: a/big, id: 9, creator: anna}
users: {anna: {name: Anna}, ben: {name: Ben}, cleo: {name: Cleo}}
labels: [{title: one}, {title: two}]
milestones: [{title: M}]
volume: {seed: 3, issues: 5, varied_merge_requests: 100, deleted_branches: 40}
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[World, Project]:
    """A world with a hundred of them."""
    root = tmp_path_factory.mktemp("varied")
    (root / "seed.yml").write_text(SEED)
    world = World(root)
    return world, world.add(root / "seed.yml")


def test_every_state_and_form_occurs(loaded: tuple[World, Project]) -> None:
    """States, drafts, squashes, empty ones, forks, versions, locks, approvals, and each form of a note."""
    _, project = loaded
    items = list(project.merge_requests.values())
    assert len(items) == 100
    assert Counter(each.state for each in items) == {"merged": 60, "opened": 20, "closed": 20}
    assert any(each.draft for each in items)
    assert any(each.squash_commit_sha for each in items)
    assert any(each.sha == each.base_sha for each in items)
    assert any(each.source_project for each in items)
    assert any(len(each.versions) == 2 for each in items)
    assert any(each.discussion_locked for each in items)
    assert any(each.approved_by for each in items)
    positions = [note.position for each in items for note in each.notes.all() if note.position]
    assert {position["position_type"] for position in positions} == {"text", "file", "image"}
    assert any("version" in position for position in positions)


def test_so_many_have_lost_their_branch_and_all_have_their_head(loaded: tuple[World, Project]) -> None:
    """40 in 100 (and those of forks) have no branch; every head and merge is in the repository by its SHA."""
    world, project = loaded
    lines = run_git(world.repository(project), "for-each-ref", "--format=%(refname) %(objectname)")
    refs = dict(line.split() for line in lines.decode().splitlines())
    items = project.merge_requests.values()
    without = [each for each in items if f"refs/heads/{each.source_branch}" not in refs]
    assert len([each for each in without if not each.source_project]) + 7 >= 40
    assert sum(each.has_branch is False and not each.source_project for each in items) in range(33, 41)
    for each in items:
        assert refs[f"refs/merge-requests/{each.iid}/head"] == each.sha
    wanted = [sha for each in items for sha in (each.sha, each.merge_commit_sha) if sha]
    kinds = run_git(
        world.repository(project), "cat-file", "--batch-check=%(objecttype)", stdin="\n".join(wanted).encode()
    )
    assert set(kinds.decode().split()) == {"commit"}
