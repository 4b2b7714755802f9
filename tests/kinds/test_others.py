"""Labels, milestones and the repository: shape, steps and comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gl2gh_batch import codec
from gl2gh_batch.domain.plan import CREATE_STEP, Call, GitPush, Phase, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies, Visibility
from gl2gh_batch.kinds import ALL_KINDS, Setting
from gl2gh_batch.kinds.labels import LabelDesired, LabelsKind
from gl2gh_batch.kinds.milestones import MilestoneDesired, MilestoneRecord, MilestonesKind
from gl2gh_batch.kinds.repository import RepositoryDesired, RepositoryKind, RepositoryRecord
from gl2gh_batch.source import models as gitlab

REPO = RepoRef(owner="acme", name="app")
Make = Callable[..., Setting]
SHA = "1" * 40


def test_every_kind_is_registered_under_its_name() -> None:
    """The registry and the kinds agree, and the repository comes first."""
    assert all(kind.name == name for name, kind in ALL_KINDS.items())
    assert next(iter(ALL_KINDS)) == "repository"


def _label(name: str = "bug", **fields: Any) -> gitlab.Label:
    return codec.convert({"id": 1, "name": name, "color": "#FF0000", **fields}, gitlab.Label)


def test_a_label_is_shaped_with_its_losses(setting: Make) -> None:
    """A name or description that GitHub would not take, and a priority, are told as losses."""
    kind, long = LabelsKind(), "x" * 80
    records = [_label(), _label(long, description="y" * 200, priority=3)]
    names = dict(kind.names(iter(records), Policies()))
    plain, changed = (kind.shape(one, setting(names={"labels": names})) for one in records)
    assert plain.desired == LabelDesired(name="bug", color="ff0000")
    assert plain.losses == ()
    assert changed.desired is not None
    assert (len(changed.desired.name), len(changed.desired.description)) == (50, 100)
    assert len(changed.losses) == 3


def test_a_label_that_is_there_is_changed_and_not_made() -> None:
    """What plan saw in the target gets a PATCH, anything else a POST with a lookup."""
    kind, desired = LabelsKind(), LabelDesired(name="a/b c", color="ff0000")
    (made,) = kind.steps(desired, REPO, TargetFacts())
    (changed,) = kind.steps(desired, REPO, TargetFacts(present=frozenset({"labels/a/b c"})))
    assert isinstance(made, Call)
    assert isinstance(changed, Call)
    assert (made.method, changed.method) == ("POST", "PATCH")
    assert changed.path == "/repos/acme/app/labels/a%2Fb%20c"
    assert made.lookup is not None
    assert made.id == changed.id


def test_githubs_own_labels_are_accepted() -> None:
    """A new repository's default labels are no difference; any other extra one is."""
    kind = LabelsKind()
    assert kind.is_accepted_extra(LabelDesired(name="good first issue", color="7057ff"))
    assert not kind.is_accepted_extra(LabelDesired(name="else", color="7057ff"))
    assert list(kind.check(LabelDesired(name="Bug", color="a"), LabelDesired(name="bug", color="a"))) == []
    assert [
        one.field for one in kind.check(LabelDesired(name="b", color="a"), LabelDesired(name="b", color="c"))
    ] == ["color"]


def _milestone(number: int, title: str, *, shadowed: bool = False, **fields: Any) -> MilestoneRecord:
    record = {"id": number, "iid": number, "title": title, "state": "active", **fields}
    return MilestoneRecord(milestone=codec.convert(record, gitlab.Milestone), shadowed=shadowed)


def test_milestones_of_one_title_stay_apart(setting: Make) -> None:
    """GitHub refuses a second one of a title: the farther one is told by its id."""
    kind = MilestonesKind()
    records = [_milestone(1, "1.0", start_date="2024-01-01"), _milestone(2, "1.0", shadowed=True, group_id=9)]
    names = dict(kind.names(iter(records), Policies()))
    shaped = [kind.shape(one, setting(names={"milestones": names})).desired for one in records]
    assert [one.title for one in shaped if one] == ["1.0", "1.0 (group 2)"]
    assert shaped[0] is not None
    assert shaped[0].description == "Start date: 2024-01-01"


def test_a_due_date_is_sent_at_noon() -> None:
    """So that no time zone makes another day of it."""
    desired = MilestoneDesired(title="1.0", state="open", due_on="2024-06-01", source_id=4)
    (step,) = MilestonesKind().steps(desired, REPO, TargetFacts())
    assert isinstance(step, Call)
    assert step.body["due_on"] == "2024-06-01T12:00:00Z"
    assert step.adopt_path.endswith("/milestones/{number}")


RECORD = RepositoryRecord(
    description="An app",
    visibility="internal",
    default_branch="main",
    topics=("tools",),
    archived=True,
    issues_enabled=False,
    merge_method="merge",
    squash_option="default_off",
    remove_source_branch_after_merge=True,
    refs={"refs/heads/main": SHA, "refs/tags/v1": SHA},
)


def _repository(setting: Setting, record: RepositoryRecord = RECORD) -> RepositoryDesired:
    desired = RepositoryKind().shape(record, setting).desired
    assert desired is not None
    return desired


@pytest.mark.parametrize(
    ("policy", "source", "wanted"),
    [
        (Visibility.PRIVATE, "public", "private"),
        (Visibility.SOURCE, "public", "public"),
        (Visibility.SOURCE, "internal", "private"),
        (Visibility.SOURCE, "private", "private"),
        (Visibility.PUBLIC, "private", "public"),
    ],
)
def test_visibility_follows_the_policy(setting: Make, policy: Visibility, source: str, wanted: str) -> None:
    """What GitLab calls internal is never made public by itself."""
    record = replace(RECORD, visibility=source)
    assert _repository(setting(visibility=policy), record).visibility == wanted


def test_refs_that_github_refuses_are_losses(setting: Make) -> None:
    """They are left out of the push and named."""
    hexadecimal = f"refs/heads/{'a' * 40}"
    shaped = RepositoryKind().shape(replace(RECORD, refs={**RECORD.refs, hexadecimal: SHA}), setting())
    assert shaped.desired is not None
    assert set(shaped.desired.refs) == set(RECORD.refs)
    assert [loss.item for loss in shaped.losses] == [f"repository/{hexadecimal}"]


def test_topics_that_change_are_losses(setting: Make) -> None:
    """GitHub's topics are of fewer characters."""
    shaped = RepositoryKind().shape(replace(RECORD, topics=("Tools", "C++ & more")), setting())
    assert shaped.desired is not None
    assert shaped.desired.topics == ("tools", "c-more")
    assert [loss.item for loss in shaped.losses] == ["repository/topics/C++ & more"]


@pytest.mark.parametrize("state", ["absent", "empty"])
def test_filled_private_and_opened_last(setting: Make, state: str) -> None:
    """First made and private with Actions off; opened, and last of all archived, in the close phase."""
    desired = _repository(setting(visibility=Visibility.PUBLIC))
    steps = list(RepositoryKind().steps(desired, REPO, TargetFacts(state=state)))
    assert all(isinstance(step, Call | GitPush) for step in steps)
    assert steps[0].id == CREATE_STEP
    fill = [
        step.id
        for step in steps
        if not isinstance(step, GitPush) and getattr(step, "phase", "") == Phase.FILL
    ]
    assert ("repository/private" in fill) is (state == "empty")
    closing = [step.id for step in steps if getattr(step, "phase", "") == Phase.CLOSE]
    assert closing == ["repository/actions-on", "repository/open", "repository/archive"]
    ids = [step.id for step in steps]
    assert ids.index("repository/actions-off") < ids.index("repository/refs")


def test_an_empty_repository_has_nothing_to_push(setting: Make) -> None:
    """No push and no default branch."""
    desired = _repository(setting(), replace(RECORD, refs={}, archived=False, issues_enabled=True))
    assert desired.default_branch is None
    steps = list(RepositoryKind().steps(desired, REPO, TargetFacts()))
    assert not any(isinstance(step, GitPush) for step in steps)
    assert "repository/face" not in {step.id for step in steps}


def test_settled_for_the_fill_it_is_private(setting: Make) -> None:
    """Until the close phase it is private, not archived, and takes issues."""
    kind, desired = RepositoryKind(), _repository(setting(visibility=Visibility.PUBLIC))
    filled = kind.settle(desired, TargetFacts(), Phase.FILL)
    assert (filled.visibility, filled.archived, filled.has_issues) == ("private", False, True)
    assert kind.settle(desired, TargetFacts(), Phase.CLOSE) == desired


def test_refs_are_compared_one_by_one(setting: Make) -> None:
    """A missing, another and an extra ref are each named."""
    desired = _repository(setting())
    seen = replace(desired, refs={"refs/heads/main": "2" * 40, "refs/heads/more": SHA})
    found = {one.item for one in RepositoryKind().check(desired, seen)}
    assert found == {
        "repository/refs/heads/main",
        "repository/refs/heads/more",
        "repository/refs/tags/v1",
    }
