"""Parents, parts and blockers, as GitLab's notes and links tell them, in the form that GitHub takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gl2gh_batch import codec
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.domain.plan import Call, Capability, Pace, Phase, TargetFacts
from gl2gh_batch.domain.pricing import Tally
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import ConfidentialPolicy, Policies
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._issue_history import History, IssueName, read_history
from gl2gh_batch.kinds._issue_relations import MOST_DEPENDENCIES, MOST_SUB_ISSUES, gather
from gl2gh_batch.kinds._issue_values import IssueDesired, IssueRecord, RelationSort
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.source import models

KIND = IssuesKind()
REPO = RepoRef(owner="acme", name="app")
Make = Callable[..., Setting]


def _notes(*bodies: str, system: bool = True) -> tuple[models.Note, ...]:
    return tuple(
        models.Note(id=place, created_at=f"2024-03-01T10:00:{place:02}Z", body=body, system=system)
        for place, body in enumerate(bodies)
    )


def _record(iid: int, *bodies: str, links: tuple[tuple[str, int], ...] = (), **more: Any) -> IssueRecord:
    issue = {"id": 700 + iid, "iid": iid, "project_id": 1, "title": "x", "created_at": "2024-03-01T10:00:00Z"}
    return IssueRecord(
        issue=codec.convert({**issue, **more}, models.Issue),
        notes=_notes(*bodies),
        links=tuple(
            models.IssueLink(iid=other, issue_link_id=1, project_id=1, link_type=sort)
            for sort, other in links
        ),
    )


@pytest.mark.parametrize(
    ("bodies", "history"),
    [
        (("added #4 as child task",), History(children=(IssueName(project="", iid=4),))),
        (("added #4 as child task", "removed child task #4"), History()),
        (("added #1 as parent issue",), History(parent=IssueName(project="", iid=1))),
        (("added #1 as parent issue", "removed parent issue #1"), History()),
        (("added group/lib#1 as parent issue",), History(parent=IssueName(project="group/lib", iid=1))),
        (("moved to group/lib#7",), History(moved_to=IssueName(project="group/lib", iid=7))),
        (("moved from lib#7",), History(moved_from=IssueName(project="lib", iid=7))),
        (("marked this issue as a duplicate of #2",), History(duplicate_of=IssueName(project="", iid=2))),
        (("marked this issue as related to #2",), History(mentions_links=True)),
        (("marked this task as blocked by #2",), History(mentions_links=True)),
        (("added [2 designs](/x)",), History(mentions_designs=True)),
        (("changed the description", "mentioned in issue #2", "closed"), History()),
    ],
)
def test_gitlabs_own_notes_tell_what_nothing_else_does(bodies: tuple[str, ...], history: History) -> None:
    """The latest word counts, and what a note says of other things is passed over."""
    assert read_history(_notes(*bodies)) == history


def test_people_cannot_write_history() -> None:
    """A comment that sounds like one of GitLab's own notes is a comment."""
    assert read_history(_notes("added #4 as child task", "moved to a/b#1", system=False)) == History()


def test_a_project_is_named_in_full() -> None:
    """A short name means a neighbour, no name the project itself."""
    assert IssueName(project="lib", iid=1).path("group/sub/app") == "group/sub/lib"
    assert IssueName(project="", iid=1).path("group/app") == "group/app"
    assert IssueName(project="other/lib", iid=1).path("group/app") == "other/lib"


def _shaped(setting: Make, *records: IssueRecord, **policies: Any) -> dict[int, IssueDesired]:
    names = {"issues": dict(gather(iter(records), Policies(**policies)))}
    given = setting(names=names, **policies)
    shaped = (KIND.shape(record, given).desired for record in records)
    return {one.number: one for one in shaped if one is not None}


def _relating(desired: IssueDesired, facts: TargetFacts | None = None) -> list[Call]:
    steps = KIND.steps(desired, REPO, facts or TargetFacts())
    return [one for one in steps if isinstance(one, Call) and one.capability is not None]


def test_the_later_issue_writes_the_relation(setting: Make) -> None:
    """Whichever side tells it, there is one step, with the later of the two, and it names what is there."""
    issues = _shaped(
        setting,
        _record(1, "added #3 as child task", links=(("blocks", 2),)),
        _record(2, links=(("is_blocked_by", 1),)),
        _record(3, links=(("blocks", 2),)),
    )
    assert _relating(issues[1]) == []
    (second,) = _relating(issues[2])
    assert second.path == "/repos/acme/app/issues/2/dependencies/blocked_by"
    assert second.body == {"issue_id": {"$ref": "issues/1", "field": "id"}}
    assert second.pace is Pace.CONTENT
    part, blocker = _relating(issues[3])
    assert part.path == "/repos/acme/app/issues/1/sub_issues"
    assert part.body == {"sub_issue_id": {"$ref": "issues/3", "field": "id"}}
    assert blocker.path == "/repos/acme/app/issues/2/dependencies/blocked_by"
    assert blocker.body == {"issue_id": {"$ref": "issues/3", "field": "id"}}
    assert (issues[3].parent, issues[2].blocked_by) == (1, (1, 3))
    assert len({one.id for one in (second, part, blocker)}) == 3


def test_only_what_is_named_by_its_id_has_it_read(setting: Make) -> None:
    """An import tells a number: the id is a request more, made and priced for no other issue."""
    issues = _shaped(setting, _record(1, links=(("blocks", 2),)), _record(2), _record(3))
    keeps = {number: next(iter(KIND.steps(one, REPO, TargetFacts()))) for number, one in issues.items()}
    assert {number: getattr(call, "keep", ()) for number, call in keeps.items()} == {
        1: ("number", "id"),
        2: ("number",),
        3: ("number",),
    }
    tally = Tally()
    for one in issues.values():
        for step in KIND.steps(one, REPO, TargetFacts()):
            tally.add(step)  # type: ignore[arg-type] # because no step of an issue is a NoOp
    assert (tally.paces[Pace.IMPORT], tally.paces[Pace.READ], tally.paces[Pace.CONTENT]) == (3, 1, 1)
    assert [KIND.own_reads(one) for one in issues.values()] == [0, 1, 0]


def test_a_target_that_lacks_them_gets_no_relations(setting: Make) -> None:
    """Each capability stands for itself."""
    issues = _shaped(setting, _record(1), _record(2, "added #1 as parent issue", links=(("blocks", 1),)))
    for capability, left in ((Capability.SUB_ISSUES, (1, ())), (Capability.DEPENDENCIES, (None, (2,)))):
        facts = TargetFacts(capabilities=frozenset({capability}))
        settled = {number: KIND.settle(one, facts, Phase.FILL) for number, one in issues.items()}
        assert settled[1] is not None
        assert settled[2] is not None
        assert (settled[2].parent, settled[1].blocked_by) == left
        assert [step.capability for step in _relating(issues[2], facts)] == [capability]


def test_a_refused_relation_is_not_expected(setting: Make) -> None:
    """Verify compares without the relations that GitHub would not take, and with all others."""
    issues = _shaped(setting, _record(1), _record(2, "added #1 as parent issue", links=(("blocks", 1),)))
    for sort, left in ((RelationSort.SUB_ISSUE, (None, (2,))), (RelationSort.BLOCKED_BY, (1, ()))):
        (refused,) = [step.id for step in _relating(issues[2]) if f"/{sort}/" in step.id]

        def receipts(step: str, refused: str = refused) -> Receipt | None:
            state = StepState.REFUSED if step == refused else StepState.DONE
            return Receipt(step=step, state=state, at="")

        made = {number: KIND.as_made(one, receipts) for number, one in issues.items()}
        assert (made[2].parent, made[1].blocked_by) == left


def test_nothing_refers_to_what_is_not_carried(setting: Make) -> None:
    """A skipped issue, one that is not there and the issue itself are no end of a relation."""
    records = (
        _record(1, "added #2 as child task", "added #9 as child task", links=(("blocks", 2), ("blocks", 1))),
        _record(2, confidential=True),
    )
    issues = _shaped(setting, *records)
    assert issues.keys() == {1}
    assert (issues[1].relations, issues[1].related) == ((), False)
    both = _shaped(setting, *records, confidential=ConfidentialPolicy.INCLUDE)
    assert (both[2].parent, both[2].blocked_by) == (1, (1,))


def test_more_relations_than_github_takes_are_told(setting: Make) -> None:
    """GitHub's limits are kept, and each relation beyond them is a loss of the issue that has it."""
    parent = _record(200, *(f"added #{n} as child task" for n in range(1, MOST_SUB_ISSUES + 2)))
    records = [*(_record(n) for n in range(1, MOST_SUB_ISSUES + 2)), parent]
    names = gather(iter(records), Policies())
    assert len(names["children:200"].split()) == MOST_SUB_ISSUES
    assert names[f"beyond:{MOST_SUB_ISSUES + 1}"] == "1"
    blocked = _record(60, links=tuple(("is_blocked_by", n) for n in range(1, MOST_DEPENDENCIES + 2)))
    others = [_record(n) for n in range(1, MOST_DEPENDENCIES + 2)]
    names = gather(iter([*others, blocked]), Policies())
    assert len(names["blocked-by:60"].split()) == MOST_DEPENDENCIES
    losses = KIND.shape(blocked, setting(names={"issues": dict(names)})).losses
    assert [loss.what for loss in losses] == ["1 of its relations, as relations"]
