"""An issue as GitHub should have it, what is lost, and the writes that make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gl2gh_batch import codec
from gl2gh_batch.domain.plan import Call, Completion, Phase, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import ConfidentialPolicy, PlaceholderPolicy
from gl2gh_batch.domain.result import DifferenceSort
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._issue_shape import seconds
from gl2gh_batch.kinds._issue_steps import IMPORT_BYTES
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired, IssueRecord
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.source import models as gitlab

KIND = IssuesKind()
REPO = RepoRef(owner="acme", name="app")
Make = Callable[..., Setting]


def _user(username: str) -> dict[str, Any]:
    return {"id": 1, "username": username, "name": username.title()}


def _record(notes: tuple[dict[str, Any], ...] = (), **fields: Any) -> IssueRecord:
    issue = {
        "id": 700,
        "iid": 7,
        "project_id": 1,
        "title": "It breaks",
        "description": "Text",
        "state": "opened",
        "created_at": "2024-03-01T10:00:00.999+02:00",
        "updated_at": "2024-03-02T10:00:00.000Z",
        "author": _user("anna"),
        "labels": [],
        **fields,
    }
    every = tuple(
        codec.convert(
            {
                "id": 900 + place,
                "body": "A note",
                "author": _user("ben"),
                "created_at": f"2024-03-01T11:00:0{place % 10}Z",
                "system": False,
                **one,
            },
            gitlab.Note,
        )
        for place, one in enumerate(notes)
    )
    return IssueRecord(issue=codec.convert(issue, gitlab.Issue), notes=every)


def _shaped(setting: Setting, *notes: dict[str, Any], **fields: Any) -> IssueDesired:
    desired = KIND.shape(_record(tuple(notes), **fields), setting).desired
    assert desired is not None
    return desired


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("2024-03-01T10:00:00.999+02:00", "2024-03-01T08:00:00Z"),
        ("2024-03-01T10:00:00Z", "2024-03-01T10:00:00Z"),
        ("2024-03-01 10:00:00 UTC", "2024-03-01 10:00:00 UTC"),
        ("2024-03-01T10:00:00", "2024-03-01T10:00:00Z"),
    ],
)
def test_moments_are_in_utc_to_the_second(given: str, written: str) -> None:
    """As GitHub writes them; what is no moment stays as it is."""
    assert seconds(given) == written


def test_an_issue_is_shaped_whole(setting: Make) -> None:
    """Number, dates, state, label and milestone names, assignee and marker are all there."""
    desired = _shaped(
        setting(),
        {"body": "First"},
        state="closed",
        closed_at="2024-03-02T12:00:00.000Z",
        labels=["bug", "a very"],
        milestone={"id": 5, "iid": 1, "title": "Version 1.0", "state": "active"},
        assignees=[_user("known-anna"), _user("stranger")],
        discussion_locked=True,
    )
    assert (desired.number, desired.state, desired.closed_at) == (7, "closed", "2024-03-02T12:00:00Z")
    assert (desired.labels, desired.milestone, desired.milestone_id) == (("bug", "A"), "1.0", 5)
    assert (desired.assignees, desired.locked) == (("login-anna",), True)
    assert "Assigned to Stranger" in desired.body
    assert desired.body.endswith("<!-- gl2gh:issues/7 -->")
    assert [one.body.endswith("<!-- gl2gh:issues/7/notes/900 -->") for one in desired.comments] == [True]


def test_a_closed_issue_without_a_date_gets_the_nearest(setting: Make) -> None:
    """Old records lack `closed_at`."""
    assert _shaped(setting(), state="closed").closed_at == "2024-03-02T10:00:00Z"


def test_skipped_kinds_leave_no_reference(setting: Make) -> None:
    """Without labels and milestones in the target no issue asks for one."""
    milestone = {"id": 5, "iid": 1, "title": "1.0", "state": "active"}
    desired = _shaped(setting(names={}), labels=["bug"], milestone=milestone)
    assert (desired.labels, desired.milestone, desired.milestone_id) == ((), None, 0)


def test_more_than_ten_assignees_are_told(setting: Make) -> None:
    """GitHub takes ten: the rest is in the text and among the losses."""
    shaped = KIND.shape(_record(assignees=[_user(f"known{n}") for n in range(12)]), setting())
    assert shaped.desired is not None
    assert len(shaped.desired.assignees) == 10
    assert "Known11" in shaped.desired.body
    assert any("tenth" in loss.what for loss in shaped.losses)


def test_confidential_things_are_skipped_or_not(setting: Make) -> None:
    """By the policy; each skipped one is a loss that names it."""
    record = _record(({"internal": True}, {"body": "Public"}), confidential=True)
    skipped = KIND.shape(record, setting())
    assert skipped.desired is None
    assert [loss.item for loss in skipped.losses] == ["issues/7"]
    included = KIND.shape(record, setting(confidential=ConfidentialPolicy.INCLUDE))
    assert included.desired is not None
    assert len(included.desired.comments) == 2
    notes = KIND.shape(_record(({"internal": True}, {"body": "Public"})), setting())
    assert notes.desired is not None
    assert len(notes.desired.comments) == 1
    assert [loss.item for loss in notes.losses] == ["issues/7/notes/900"]


def test_what_the_survey_did_not_know_is_a_loss(setting: Make) -> None:
    """It has no number, so it cannot come along."""
    shaped = KIND.shape(_record(iid=101), setting())
    assert shaped.desired is None
    assert "survey" in shaped.losses[0].reason


def _steps(desired: IssueDesired, **facts: Any) -> list[Call]:
    steps = list(KIND.steps(desired, REPO, TargetFacts(**facts)))
    assert all(isinstance(step, Call) for step in steps)
    return [step for step in steps if isinstance(step, Call)]


def test_an_import_is_one_request(setting: Make) -> None:
    """Issue and comments travel together, with the number that is expected."""
    (only,) = _steps(_shaped(setting(), {}, {}, assignees=[_user("known")]))
    assert (only.path, only.completion) == ("/repos/acme/app/import/issues", Completion.IMPORT_JOB)
    assert (only.expect_number, len(only.body["comments"])) == (7, 2)
    assert only.body["issue"]["assignee"] == "login"


def test_the_ordinary_way_needs_a_request_for_each_thing(setting: Make) -> None:
    """Issue, comments, closing and locking, in this order."""
    desired = _shaped(setting(), {}, {}, state="closed", discussion_locked=True)
    steps = _steps(desired, issues_via="rest")
    assert [step.method for step in steps] == ["POST", "POST", "POST", "PATCH", "PUT"]
    assert [step.id for step in steps] == [
        "issues/7",
        "issues/7/notes/900",
        "issues/7/notes/901",
        "issues/7/close",
        "issues/7/lock",
    ]


@pytest.mark.parametrize("via", ["import", "rest"])
def test_no_post_is_without_a_way_to_look_it_up(setting: Make, via: str) -> None:
    """Every POST has a lookup, so that an unclear answer never means a blind second one."""
    temporary = KIND.filler(3, setting())
    assert temporary is not None
    people = [_user("known1"), _user("known2")]
    for desired in (_shaped(setting(), {}, {}, assignees=people, state="closed"), temporary):
        for step in _steps(desired, issues_via=via):
            assert step.method != "POST" or step.lookup is not None, step.id


def test_an_import_fits_into_a_megabyte(setting: Make) -> None:
    """Comments that one import cannot hold follow it, undated, and in order."""
    notes = [{"body": "x" * 60_000 + str(place)} for place in range(20)]
    desired = _shaped(setting(), *notes)
    first, *rest = _steps(desired)
    assert len(codec.encode(first.body)) < IMPORT_BYTES
    assert len(first.body["comments"]) + len(rest) == len(desired.comments)
    assert [one.dated for one in desired.comments] == [True] * len(first.body["comments"]) + [False] * len(
        rest
    )


def test_placeholders_are_removed_in_the_close_phase(setting: Make) -> None:
    """A temporary one has its removal planned, and is expected to be gone afterwards; a kept one is not."""
    temporary, kept = KIND.filler(3, setting()), KIND.filler(3, setting(placeholders=PlaceholderPolicy.KEEP))
    assert temporary is not None
    assert kept is not None
    removal = _steps(temporary)[-1]
    assert (removal.phase, removal.id) == (Phase.CLOSE, KIND.last_step(temporary))
    assert removal.body["variables"]["id"] == {"$ref": "placeholders/3", "field": "node_id"}
    assert len(_steps(kept)) == 1
    assert KIND.last_step(kept) == ""
    assert KIND.settle(temporary, TargetFacts(), Phase.CLOSE) is None
    assert KIND.settle(kept, TargetFacts(), Phase.CLOSE) == kept


def test_settling_leaves_out_what_the_target_refuses(setting: Make) -> None:
    """Logins that cannot be assigned go; without the import, dates are GitHub's."""
    desired = _shaped(setting(), {}, assignees=[_user("known1"), _user("known2")])
    settled = KIND.settle(
        desired, TargetFacts(unassignable=frozenset({"login1"}), issues_via="rest"), Phase.FILL
    )
    assert settled is not None
    assert settled.assignees == ("login2",)
    assert not settled.dated
    assert not settled.comments[0].dated


SEEN = IssueDesired(
    source="issues/1",
    number=1,
    title="T",
    body="B",
    state="open",
    created_at="2024-01-01T00:00:00Z",
    labels=("Bug", "a"),
    assignees=("Anna",),
    comments=(CommentDesired(source="x", body="C", created_at="2024-01-01T00:00:00Z"),),
)


def test_what_does_not_matter_is_no_difference() -> None:
    """Order and case of labels and logins, our own sources, and dates that GitHub set."""
    other = replace(SEEN, source="", labels=("A", "bug"), assignees=("anna",), milestone_id=5, temporary=True)
    assert list(KIND.check(SEEN, other)) == []
    undated = replace(SEEN, dated=False, comments=(replace(SEEN.comments[0], dated=False),))
    later = replace(
        SEEN, created_at="2025", closed_at="2025", comments=(replace(SEEN.comments[0], created_at="2025"),)
    )
    assert list(KIND.check(undated, later)) == []


@pytest.mark.parametrize(
    ("fields", "item", "sort"),
    [
        ({"title": "X"}, "issues/1", DifferenceSort.CHANGED),
        ({"created_at": "2025"}, "issues/1", DifferenceSort.CHANGED),
        ({"comments": ()}, "issues/1/comments/1", DifferenceSort.MISSING),
        ({"comments": SEEN.comments * 2}, "issues/1/comments/2", DifferenceSort.UNEXPECTED),
    ],
    ids=str,
)
def test_differences_are_named(fields: dict[str, Any], item: str, sort: DifferenceSort) -> None:
    """Each names its item and in which way it differs."""
    (only,) = KIND.check(SEEN, replace(SEEN, **fields))
    assert (only.item, only.sort) == (item, sort)
