"""Git LFS objects: shape, the push that takes them along, and comparison."""

from __future__ import annotations

from collections.abc import Callable

from gl2gh_batch.domain.plan import GitPush, LfsPush, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds.lfs_objects import LfsDesired, LfsObjectsKind, LfsRecord
from gl2gh_batch.kinds.repository import RepositoryDesired, RepositoryKind

REPO = RepoRef(owner="acme", name="app")
HELD = LfsRecord(oid="a" * 64, size=3)
LOST = LfsRecord(oid="b" * 64, size=4, lost=True)


def test_what_gitlab_has_lost_is_a_loss_and_is_not_pushed(setting: Callable[..., Setting]) -> None:
    """A held object is carried; a lost one is named, and neither wanted in the target nor compared."""
    kind = LfsObjectsKind()
    held, lost = (kind.shape(one, setting()) for one in (HELD, LOST))
    assert held.desired == LfsDesired(oid=HELD.oid, size=3)
    assert held.losses == ()
    assert lost.desired is None
    assert [loss.item for loss in lost.losses] == [f"lfs_objects/{LOST.oid}"]
    assert kind.refs(iter([HELD, LOST]), Policies()).lfs == {HELD.oid: 3}


def test_the_objects_go_before_the_refs() -> None:
    """One step for all of them, right before the push of the refs; none where there are none."""
    desired = RepositoryDesired(
        description="",
        visibility="private",
        archived=False,
        has_issues=True,
        default_branch="main",
        topics=(),
        allow_merge_commit=True,
        allow_squash_merge=True,
        allow_rebase_merge=False,
        delete_branch_on_merge=False,
        refs={"refs/heads/main": "1" * 40},
        lfs={HELD.oid: 3},
    )
    steps = list(RepositoryKind().steps(desired, REPO, TargetFacts()))
    places = [place for place, step in enumerate(steps) if isinstance(step, LfsPush | GitPush)]
    first, second = (steps[place] for place in places)
    assert isinstance(first, LfsPush)
    assert isinstance(second, GitPush)
    assert first.objects == {HELD.oid: 3}
    assert places[1] == places[0] + 1
    assert not list(LfsObjectsKind().steps(LfsDesired(oid=HELD.oid, size=3), REPO, TargetFacts()))


def test_another_size_is_a_difference() -> None:
    """The object is told by its id, its size is compared."""
    kind = LfsObjectsKind()
    found = list(kind.check(LfsDesired(oid=HELD.oid, size=3), LfsDesired(oid=HELD.oid, size=2)))
    assert [(one.item, one.field) for one in found] == [(f"lfs_objects/{HELD.oid}", "size")]
