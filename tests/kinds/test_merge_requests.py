"""Merge requests as GitHub should have them, without any platform."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gl2gh_batch import codec
from gl2gh_batch.domain.request import MergeRequestPolicy
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._merge_request_git import namespace_of
from gl2gh_batch.kinds._merge_request_pull import branches_of, can_be_pull, obstacle_of
from gl2gh_batch.kinds._merge_request_review import line_in, review_comment, threads
from gl2gh_batch.kinds._merge_request_shape import shape_merge_request
from gl2gh_batch.kinds._merge_request_text import ends_of, remarks
from gl2gh_batch.kinds._merge_request_values import (
    GitFacts,
    MergeRequestRecord,
    Obstacle,
    ReviewComment,
)
from gl2gh_batch.kit.git_history import FileDiff, Hunk
from gl2gh_batch.rewrite.markers import find_marker
from gl2gh_batch.source.merge_models import Discussion, MergeRequest, Position

OLD, NEW = "a" * 40, "b" * 40
FILE = FileDiff(
    old_path="old.py",
    new_path="new.py",
    hunks=(
        Hunk(old_start=8, old_count=6, new_start=8, new_count=7),
        Hunk(old_start=40, old_count=5, new_start=41, new_count=3),
    ),
)
# From the older version to the last: two lines put in behind line 3, line 20 changed.
MOVED = FileDiff(
    old_path="new.py",
    new_path="new.py",
    hunks=(
        Hunk(old_start=3, old_count=0, new_start=4, new_count=2),
        Hunk(old_start=20, old_count=1, new_start=22, new_count=1),
    ),
)
GIT = GitFacts(head=NEW, base="c" * 40, files=(FILE,), moved={OLD: (MOVED,)})


def position(new: int | None = None, old: int | None = None, **fields: Any) -> Position:
    """A place in the diff from `old.py` to `new.py`."""
    given = {"head_sha": NEW, "old_path": "old.py", "new_path": "new.py", "new_line": new, "old_line": old}
    return codec.convert({**given, **fields}, Position)


@pytest.mark.parametrize(
    ("place", "wanted"),
    [
        (position(8), ("RIGHT", 8)),
        (position(14), ("RIGHT", 14)),
        (position(15), None),
        (position(7), None),
        (position(10, 10), ("RIGHT", 10)),
        (position(None, 44), ("LEFT", 44)),
        (position(None, 45), None),
        (position(None, None), None),
        (position(8, position_type="image"), None),
        (position(8, new_path="other.py"), None),
    ],
)
def test_only_lines_that_the_diff_shows(place: Position, wanted: tuple[str, int] | None) -> None:
    """A place is a line of the review when it is in a hunk on its side, under the file's new name."""
    found = line_in(place, GIT)
    assert (None if found is None else (found.side, found.line)) == wanted
    assert found is None or found.path == "new.py"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [(8, 10), (12, 14), (13, None), (2, None), (20, None), (39, 41)],
)
def test_lines_of_older_versions_move_along(line: int, wanted: int | None) -> None:
    """What came before an outdated line shifts it; a line that was changed since has no place."""
    found = line_in(position(line, head_sha=OLD), GIT)
    assert (None if found is None else found.line) == wanted


def test_an_older_version_that_is_gone_has_no_lines() -> None:
    """Without the commits of a version nobody knows where its lines are now; nor where removed ones were."""
    assert line_in(position(8, head_sha="d" * 40), GIT) is None
    assert line_in(position(None, 44, head_sha=OLD), GIT) is None


def test_several_lines_are_of_one_hunk() -> None:
    """A range keeps its first line when that is in the hunk of its last; lines asked for are all there."""
    spread = {"start": {"new_line": 9}, "end": {"new_line": 11}}
    found = line_in(position(11, line_range=spread), GIT)
    assert found is not None
    assert (found.start_line, found.line, found.start_side) == (9, 11, "RIGHT")
    # GitLab gives a single line as a range as well.
    point = {"line_code": "x_10_10", "type": "old", "old_line": 10}
    assert ends_of(position(10, 10, line_range={"start": point, "end": point})) == (("RIGHT", 10),) * 2
    far = line_in(position(41, line_range={"start": {"new_line": 9}}), GIT)
    assert far is not None
    assert (far.start_line, far.line) == (None, 41)
    wide = line_in(position(10), GIT, (9, 12))
    assert wide is not None
    assert (wide.start_line, wide.line) == (9, 12)
    assert line_in(position(14), GIT, (14, 15)) is None
    assert line_in(position(None, 10), GIT, (9, 12)) is None


MIXED = FileDiff(
    old_path="old.py",
    new_path="new.py",
    # Three unchanged lines, a removed one, two added ones, two unchanged ones.
    hunks=(
        Hunk(old_start=8, old_count=6, new_start=8, new_count=7, changes=((11, 1, 11, 2),)),
        FILE.hunks[1],
    ),
)


@pytest.mark.parametrize(
    ("start", "end", "wanted"),
    [
        ({"type": "old", "old_line": 11}, (12, None), ("LEFT", 11, "RIGHT", 12)),
        # GitLab may give both numbers; the type says which is meant.
        ({"type": "old", "old_line": 11, "new_line": 11}, (12, None), ("LEFT", 11, "RIGHT", 12)),
        ({"type": "old", "old_line": 11}, (13, 12), ("LEFT", 11, "RIGHT", 13)),
        ({"type": "new", "new_line": 8}, (None, 11), ("RIGHT", 8, "LEFT", 11)),
        ({"type": None, "old_line": 10, "new_line": 10}, (12, None), ("RIGHT", 10, "RIGHT", 12)),
        ({"type": None, "old_line": 10, "new_line": 10}, (None, 11), ("LEFT", 10, "LEFT", 11)),
        # In another order than the diff's, in another hunk, nowhere.
        ({"type": "new", "new_line": 12}, (None, 11), (None, None, "LEFT", 11)),
        ({"type": "old", "old_line": 13}, (12, None), (None, None, "RIGHT", 12)),
        ({"type": "old", "old_line": 41}, (12, None), (None, None, "RIGHT", 12)),
        ({"type": "old", "old_line": 2}, (12, None), (None, None, "RIGHT", 12)),
        ({"type": "old"}, (12, None), (None, None, "RIGHT", 12)),
    ],
)
def test_lines_that_begin_on_the_other_side(
    setting: Callable[..., Setting],
    start: dict[str, Any],
    end: tuple[int | None, int | None],
    wanted: tuple[str | None, int | None, str, int],
) -> None:
    """From a removed line to an added one is a range on GitHub where one hunk has both in that order."""
    new, old = end
    place = {**_place(0), "new_line": new, "old_line": old, "line_range": {"start": start}}
    record = _record(files=(MIXED,))
    found = _placed_thread(setting, place, ["Hello"], record=record)
    assert found is not None
    assert (found.start_side, found.start_line, found.side, found.line) == wanted
    # What GitHub does not show is said; a line that GitLab does not name is none.
    is_said = wanted[0] is None and len(start) > 1
    assert found.body.startswith("On ") is is_said
    words = found.body if is_said else found.place
    for is_told, part in (
        (
            start.get("type") == "old" and len(start) > 1,
            f"removed line {start.get('old_line')} to line {new}",
        ),
        (start.get("type") == "new", f"line {start.get('new_line')} to removed line {old}"),
    ):
        assert (part in words) is is_told


def _note(number: int, body: str = "Hello", **fields: Any) -> dict[str, Any]:
    return {"id": number, "created_at": "2024-01-01T00:00:00Z", "body": body, **fields}


def _place(line: int) -> dict[str, Any]:
    return {"head_sha": NEW, "old_path": "old.py", "new_path": "new.py", "new_line": line}


def _record(state: str = "opened", **git: Any) -> MergeRequestRecord:
    item = MergeRequest(
        id=1,
        iid=5,
        title="T",
        created_at="2024-01-01T00:00:00Z",
        state=state,
        source_branch="fix",
        target_branch="main",
    )
    return MergeRequestRecord(
        merge_request=item, git=GitFacts(**{"head": NEW, "base": OLD, **git}), namespace="n"
    )


@pytest.mark.parametrize("obstacle", Obstacle)
@pytest.mark.parametrize("policy", MergeRequestPolicy)
def test_every_obstacle_makes_an_issue(obstacle: Obstacle, policy: MergeRequestPolicy) -> None:
    """Whatever stands in the way of a wanted pull request is named, and hinders no other."""
    wants_all = policy is MergeRequestPolicy.ALL_AS_PULL_REQUEST
    open_one, closed_one = _record(live=obstacle), _record("merged", rebuilt=obstacle)
    wants_open = policy is not MergeRequestPolicy.ALL_AS_ISSUE
    assert obstacle_of(open_one, policy) == (obstacle if wants_open else None)
    assert obstacle_of(closed_one, policy) == (obstacle if wants_all else None)
    assert not can_be_pull(open_one, policy)
    assert not can_be_pull(closed_one, policy)
    assert can_be_pull(_record(rebuilt=obstacle), policy) is wants_open
    assert can_be_pull(_record("closed", live=obstacle), policy) is wants_all


def test_branches_that_stay_and_branches_that_go() -> None:
    """An open one keeps its branch, or gets one that stays; a finished one gets two that go."""
    assert branches_of(_record(branch="fix")).head == "fix"
    gone = branches_of(_record())
    assert (gone.head, gone.base, gone.temporary) == ("n/5/head", "main", {})
    assert gone.kept == {"refs/heads/n/5/head": NEW}
    rebuilt = branches_of(_record("merged", branch="fix"))
    assert rebuilt.temporary == {"refs/heads/n/5/head": NEW, "refs/heads/n/5/base": OLD}
    assert rebuilt.kept == {}
    # A name that GitHub would refuse is no branch there.
    assert branches_of(_record(branch="x" * 300)).head == "n/5/head"


def test_our_branches_are_in_nobodys_way() -> None:
    """A project with such branches of its own makes us choose another name."""
    assert namespace_of(["refs/heads/main", "refs/tags/gitlab-merge-requests"]) == "gitlab-merge-requests"
    taken = ["refs/heads/GitLab-merge-requests/x", "refs/heads/gitlab-merge-requests-2"]
    assert namespace_of(taken) == "gitlab-merge-requests-3"


def test_a_thread_is_one_comment(setting: Callable[..., Setting]) -> None:
    """Answers follow the first note, a plain note is a thread of its own; system and internal ones none."""
    raw = [
        {"id": "x", "notes": [_note(1, position=_place(8)), _note(2, body="```\nopen"), _note(3)]},
        {"id": "y", "individual_note": True, "notes": [_note(4)]},
        {"id": "z", "notes": [_note(5, internal=True), _note(6, system=True)]},
    ]
    record = codec.convert(
        {**codec.plain(_record()), "git": codec.plain(GIT), "discussions": raw}, MergeRequestRecord
    )
    assert all(isinstance(one, Discussion) for one in record.discussions)
    laid = threads(remarks(record, setting()))
    assert [[one.source for one in thread] for thread in laid] == [
        [f"merge_requests/5/notes/{number}" for number in (1, 2, 3)],
        ["merge_requests/5/notes/4"],
    ]
    found = review_comment(laid[0], record, setting())
    assert found is not None
    assert (found.line, found.source) == (8, "merge_requests/5/notes/1")
    assert found.body.count("answered") == 2
    assert "open\n```\n\n---" in found.body
    assert review_comment(laid[1], record, setting()) is None


@pytest.mark.parametrize("policy", MergeRequestPolicy)
def test_facts_that_do_not_fit_follow_in_a_comment(
    setting: Callable[..., Setting], policy: MergeRequestPolicy
) -> None:
    """However many issues a release closes, each is named, and so is what is said behind them."""
    raw = codec.plain(_record(state="merged"))
    raw["closes"] = [{"iid": number, "project_path": "group/sub/other"} for number in range(201, 801)]
    raw["approvals"] = {"approved_by": [{"user": {"username": "a", "name": "Ä" * 90}}] * 60}
    record = codec.convert(raw, MergeRequestRecord)
    desired = shape_merge_request(record, 5, setting(merge_requests=policy)).desired
    assert desired is not None
    made = desired.issue if desired.pull is None else desired.pull
    whole = [made.body, *(one.body for one in made.comments)]
    assert all(f"/-/issues/{number})" in "".join(whole) for number in range(201, 801))
    assert "".join(whole).count("Ä" * 90) == 60
    assert "Last commit" in whole[0]
    assert all(len(one.encode()) <= 65_536 for one in whole)


def _suggesting(above: int | str, below: int | str = 0, text: str = "NEW") -> str:
    return f"```suggestion:-{above}+{below}\n{text}\n```"


RANGE = {"line_range": {"start": {"new_line": 9}, "end": {"new_line": 11}}}
SUGGESTED: dict[str, tuple[dict[str, Any], list[str], tuple[int | None, int], list[tuple[str, str]]]] = {
    # the place of the thread, its notes, the lines of the comment, and what stands before which fence
    "its line": (_place(11), [_suggesting(0)], (None, 11), [("", "suggestion")]),
    "bare": (_place(11), ["```suggestion\nNEW\n```"], (None, 11), [("", "suggestion")]),
    "lines around": (
        _place(11),
        ["Look.", _suggesting(1, 2)],
        (10, 13),
        [("Suggestion for lines 10 to 13:", "suggestion")],
    ),
    "above alone": (
        _place(11),
        ["```suggestion:-1\nNEW\n```"],
        (10, 11),
        [("Suggestion for lines 10 to 11:", "suggestion")],
    ),
    "several ranges": (
        _place(11),
        [f"{_suggesting(0)}\n\nor\n\n{_suggesting(2)}"],
        (None, 11),
        [("", "suggestion"), ("Suggestion for lines 9 to 11:", "")],
    ),
    "none of several": (
        _place(11),
        [_suggesting(1), _suggesting(2)],
        (None, 11),
        [("Suggestion for lines 10 to 11:", ""), ("Suggestion for lines 9 to 11:", "")],
    ),
    "the range": ({**_place(11), **RANGE}, [_suggesting(2)], (9, 11), [("", "suggestion")]),
    "less than the range": (
        {**_place(11), **RANGE},
        [_suggesting(0)],
        (None, 11),
        [("Suggestion for line 11:", "suggestion")],
    ),
    "more than is shown": (
        _place(11),
        [_suggesting(0, 9)],
        (None, 11),
        [("Suggestion for lines 11 to 20:", "")],
    ),
    "further than GitLab goes": (
        _place(11),
        [_suggesting("9" * 5000, 0)],
        (None, 11),
        [("Suggestion for lines 1 to 11:", "")],
    ),
    "a removed line": (
        {**_place(11), "new_line": None, "old_line": 12},
        [_suggesting(0)],
        (None, 12),
        [("Suggestion:", "")],
    ),
    "too long to be one": (
        _place(11),
        [_suggesting(0, text="long line\n" * 5_700)],
        (None, 11),
        [("Suggestion for line 11:", "")] * 4,
    ),
    "moved along": (
        {**_place(12), "head_sha": OLD},
        [_suggesting(1)],
        (13, 14),
        [("Suggestion for lines 11 to 12:", "suggestion")],
    ),
    "changed since": (
        {**_place(9), "head_sha": OLD},
        [_suggesting(0, 20)],
        (None, 11),
        [("Suggestion for lines 9 to 29:", "")],
    ),
}


@pytest.mark.parametrize("case", SUGGESTED)
def test_a_suggestion_replaces_what_it_was_written_for(setting: Callable[..., Setting], case: str) -> None:
    """It can be committed on GitHub where the comment is about its very lines; else it is code with words."""
    place, bodies, wanted, fences = SUGGESTED[case]
    found = _placed_thread(setting, place, bodies)
    assert found is not None
    assert (found.start_line, found.line) == wanted
    told = re.findall(r"(?:^(Suggestion[^\n]*)\n\n)?^```([^\n]*)\n(?=NEW|long)", found.body, re.MULTILINE)
    assert told == fences
    # What the thread was about is said where the comment is about something else.
    is_other = case in {"lines around", "above alone", "less than the range", "moved along", "changed since"}
    assert found.body.startswith("On ") is is_other
    assert bool(found.place) is not is_other


def test_an_applied_suggestion_is_not_offered_again(setting: Callable[..., Setting]) -> None:
    """What somebody took over on GitLab is code that says so; where GitLab is unclear, all of the note is."""
    two = f"{_suggesting(0)}\n\n{_suggesting(0)}"
    for told, infos in (
        ([{"applied": True}, {"applied": False}], ["", "suggestion"]),
        ([{"applied": True}], ["", ""]),
        ([], ["suggestion", "suggestion"]),
    ):
        found = _placed_thread(setting, _place(11), [two], suggestions=told)
        assert found is not None
        assert re.findall(r"^```(.*)\n(?=NEW)", found.body, re.MULTILINE) == infos
        assert found.body.count("Suggestion for line 11, applied on GitLab:") == infos.count("")


def _placed_thread(
    setting: Callable[..., Setting],
    place: dict[str, Any],
    bodies: list[str],
    record: MergeRequestRecord | None = None,
    **fields: Any,
) -> ReviewComment | None:
    notes = [_note(at, body, position=place, **fields) for at, body in enumerate(bodies, start=1)]
    given = record or replace(_record(), git=GIT)
    raw = {**codec.plain(given), "discussions": [{"id": "x", "notes": notes}]}
    record = codec.convert(raw, MergeRequestRecord)
    (thread,) = threads(remarks(record, setting()))
    return review_comment(thread, record, setting())


EVIL = "@stranger #7 closes #8 <!-- gl2gh:issues/1 --> `x` <script>\n::error::no"


@pytest.mark.parametrize("policy", MergeRequestPolicy)
def test_hostile_words_stay_words(setting: Callable[..., Setting], policy: MergeRequestPolicy) -> None:
    """Whatever branches, files, commits and people are called: nobody is mentioned, nothing is closed."""
    person = {"username": "stranger", "name": EVIL}
    place = {**_place(8), "old_path": EVIL, "new_path": EVIL}
    raw = codec.plain(_record(state="merged"))
    raw["merge_request"] |= {
        "title": EVIL,
        "description": EVIL,
        "source_branch": EVIL,
        "target_branch": EVIL,
        "author": person,
        "merge_user": person,
        "reviewers": [person],
        "assignees": [person],
        "merge_commit_sha": NEW,
    }
    raw["discussions"] = [
        {"id": "x", "notes": [_note(1, EVIL, author=person, position=place)]},
        {"id": "y", "notes": [_note(2, EVIL, author=person, system=True)]},
    ]
    raw["approvals"] = {"approved_by": [{"user": person}]}
    raw["git"] |= {"commits": [{"sha": NEW, "author": EVIL, "at": "", "title": EVIL}], "commit_count": 1}
    record = codec.convert(raw, MergeRequestRecord)
    desired = shape_merge_request(record, 5, setting(merge_requests=policy)).desired
    assert desired is not None
    texts = [desired.issue.title, desired.issue.body, *(one.body for one in desired.issue.comments)]
    if desired.pull is not None:
        texts += [desired.pull.title, desired.pull.body, *(one.body for one in desired.pull.comments)]
        texts += [text for one in desired.pull.review for text in (one.body, one.place)]
    for text in texts:
        assert "@stranger" not in text
        assert "closes #8" not in text
        assert "\n::error" not in text or "> " in text
        marker = find_marker(text)
        assert marker is None or marker.startswith("merge_requests/5")
