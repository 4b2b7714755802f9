"""What a pull request holds, and what becomes of it when GitHub refuses a part."""

from __future__ import annotations

import collections
import dataclasses
import json
from typing import Any

import pytest
from lab import QUICK, USERS, Lab, differing, note
from merging import (
    CLOSED,
    DELETED,
    DIFF,
    FORK,
    MERGED,
    OPEN,
    TEMPORARY,
    diff_note,
    hide_branches,
    merge_request,
    merging,
    shas,
)

from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.sandbox.github.repositories import git_of

FIRST = 3
PEOPLE = [*USERS, ("ben", "ben")]
ALL = {"merge_requests": "all-as-pull-request"}
REFUSED = {"status": 422, "body": {"message": "Unprocessable Entity", "errors": ["no"]}}


@pytest.fixture
async def merge_lab(open_lab: Any) -> Lab:
    """A lab with merge requests of every sort."""
    lab = await open_lab(merging())
    hide_branches(lab)
    assert isinstance(lab, Lab)
    return lab


def _repository(lab: Lab) -> Any:
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    return repository


def _noticed(lab: Lab, level: str) -> list[str]:
    return [one.message for one in lab.events if isinstance(one, Noticed) and one.level == level]


def _lines(lab: Lab) -> dict[int, list[tuple[str, int | None]]]:
    """The comments on lines of every pull request."""
    return {
        number: [(one.body, one.line) for one in pull.review_comments.values()]
        for number, pull in _repository(lab).pulls.items()
    }


async def _migrated(lab: Lab, **fields: Any) -> None:
    """Migrate, without a difference."""
    result = await lab.run("FULL", lab.config(**fields), users=PEOPLE)
    assert result["status"] == "success", json.dumps(result.get("error") or result)
    assert result["verification"]["total_differences"] == 0


async def test_threads_are_where_they_were(merge_lab: Lab) -> None:
    """Each thread that the diff shows is one comment on its line, with its answers; the rest is another."""
    lab = merge_lab
    await _migrated(lab)
    pull = _repository(lab).pulls[FIRST + OPEN]
    lines = {(one.side, one.line): one.body for one in pull.review_comments.values()}
    assert set(lines) == {("RIGHT", 11), ("LEFT", 41), ("RIGHT", 12)}
    assert {one.path for one in pull.review_comments.values()} == {DIFF}
    assert lines["RIGHT", 11].index("On an added line.") < lines["RIGHT", 11].index("An answer.")
    assert "thread resolved by **Anna Berg**" in lines["LEFT", 41]
    assert "```suggestion\nbetter\n```" in lines["RIGHT", 12]
    assert len(pull.reviews) == 1
    (talk,) = _repository(lab).issues[FIRST + OPEN].comments.values()
    assert f"/blob/{pull.head_sha}/{DIFF}#L25):" in talk.body
    assert "see #5 and #1" in talk.body
    # What one leaves open does not swallow the next.
    assert "never closed\n```\n\n---" in talk.body
    assert talk.body.index("Far away.") < talk.body.index("History on GitLab")
    assert [one for one in lab.writes() if one.endswith(f"/issues/{FIRST + OPEN}/comments")] == [
        f"POST /api/v3/repos/acme/app/issues/{FIRST + OPEN}/comments"
    ]


async def test_suggestions_replace_the_lines_that_they_are_for(open_lab: Any) -> None:
    """Where GitHub offers to commit one, the comment is about its very lines; others are code with words."""
    notes = [
        diff_note("About line 11.", 11, thread="a"),
        note("Better:\n\n```suggestion:-1+2\nFOUR\n```", thread="a"),
        diff_note(
            "```suggestion:-0+0\nONE\n```\n\nor\n\n- ```suggestion:-2+0\n  THREE\n  ```",
            12,
            old_line=11,
            thread="b",
        ),
        diff_note("```suggestion:-0+0\nLAST\n```", 11, first_line=9, thread="c"),
        diff_note("```suggestion:-0+1\nFAR\n```", 25, old_line=24, thread="d"),
    ]
    lab = await open_lab({**merging(), "merge_requests": [merge_request(1, "feature", notes=notes)]})
    await _migrated(lab)
    (number,) = _repository(lab).pulls
    found = {
        one.start_line or one.line: one for one in _repository(lab).pulls[number].review_comments.values()
    }
    assert {start: one.line for start, one in found.items()} == {10: 13, 12: 12, 11: 11}
    assert "Suggestion for lines 10 to 13:\n\n```suggestion\nFOUR\n```" in found[10].body
    assert found[10].body.startswith("On [")
    assert ", line 11](" in found[10].body
    assert "\n\n```suggestion\nONE\n```" in found[12].body
    assert "- Suggestion for lines 10 to 12:\n  \n  ```\n  THREE\n  ```" in found[12].body
    assert ", lines 9 to 11](" in found[11].body.splitlines()[0]
    assert "Suggestion for line 11:\n\n```suggestion\nLAST\n```" in found[11].body
    (talk,) = _repository(lab).issues[number].comments.values()
    assert "Suggestion for lines 25 to 26:\n\n```\nFAR\n```" in talk.body


async def test_lines_may_begin_on_the_other_side(open_lab: Any) -> None:
    """A note on a removed line and the added ones below it is about them all; verify holds them to that."""

    def to(line: int, old: int, new: int | None = None) -> dict[str, Any]:
        start = {"line_code": f"x_{old}_{new or old}", "type": "old", "old_line": old, "new_line": new}
        return {"line_range": {"start": start, "end": {"type": "new", "old_line": None, "new_line": line}}}

    notes = [
        diff_note("Both.", 11, thread="a", position=to(11, 10)),
        diff_note("Far.", 12, old_line=11, thread="b", position=to(12, 40)),
        diff_note("```suggestion:-1+0\nNEW\n```", 11, thread="c", position=to(11, 10)),
    ]
    lab = await open_lab({**merging(), "merge_requests": [merge_request(1, "feature", notes=notes)]})
    await _migrated(lab)
    (number,) = _repository(lab).pulls
    both, far, new = _repository(lab).pulls[number].review_comments.values()
    assert (both.start_side, both.start_line, both.side, both.line) == ("LEFT", 10, "RIGHT", 11)
    assert (far.start_side, far.start_line, far.side, far.line) == (None, None, "RIGHT", 12)
    assert ", removed line 40 to line 12](" in far.body
    # The suggestion is for the new lines alone.
    assert (new.start_side, new.start_line, new.side, new.line) == ("RIGHT", 10, "RIGHT", 11)
    assert ", removed line 10 to line 11](" in new.body
    both.start_side, both.start_line = "RIGHT", 10
    result = await lab.run("APPLY", lab.config(), resume_from="verify", users=PEOPLE)
    assert result["verification"]["total_differences"] == 1


async def test_facts_are_said_and_nothing_is_closed(merge_lab: Lab) -> None:
    """Labels, milestone, people, approvals, commits and issues are told; no word closes an issue."""
    lab = merge_lab
    await _migrated(lab, **ALL)
    repository = _repository(lab)
    issue, pull = repository.issues[FIRST + OPEN], repository.pulls[FIRST + OPEN]
    document = next(one for one in (await lab.repository())["issues"] if one["number"] == FIRST + OPEN)
    assert [one["name"] for one in document["labels"]] == ["later"]
    assert document["milestone"]["title"] == "1.0"
    assert [one["login"] for one in document["assignees"]] == ["anna"]
    assert sorted(pull.requested_reviewers) == ["anna", "ben"]
    assert "Approved by Ben Okafor" in issue.body
    assert "Issues that this is about: #1" in issue.body
    assert "Closes #1" not in issue.body  # a zero-width space keeps the word from being an order
    merged = repository.issues[FIRST + MERGED]
    assert "Merged by Ben Okafor" in merged.body
    assert "/commit/" in merged.body
    assert merged.locked
    assert "Second of two" in merged.body  # nobody said anything: no comment is needed for it
    assert not merged.comments
    assert repository.pulls[FIRST + DELETED].draft
    assert "of a fork" in repository.issues[FIRST + FORK].body


async def test_each_note_by_itself_when_asked_to(merge_lab: Lab) -> None:
    """With `notes: each` every note that is on no line is a comment of its own."""
    lab = merge_lab
    await _migrated(lab, notes="each")
    bodies = [one.body for one in _repository(lab).issues[FIRST + OPEN].comments.values()]
    assert len(bodies) == 6
    assert all(body.count("#note_") <= 1 for body in bodies)


@pytest.mark.parametrize("refused", [[1], [1, 2], [1, 2, 3, 4], [1, 3, 4]])
async def test_a_refused_line_falls_back_alone(merge_lab: Lab, refused: list[int]) -> None:
    """A review that GitHub refuses is halved; what it takes nowhere is a comment with a link to the line."""
    lab = merge_lab
    await lab.faults({"path": "*/pulls/*/reviews", "method": "POST", "nth": refused, "effect": REFUSED})
    await _migrated(lab)
    repository = _repository(lab)
    pull = repository.pulls[FIRST + OPEN]
    alone = [
        one.body
        for one in repository.issues[FIRST + OPEN].comments.values()
        if one.body.startswith(f"On [{DIFF}")
    ]
    assert len(alone) + len(pull.review_comments) == 3
    assert len(alone) == {(1,): 0, (1, 2): 1, (1, 2, 3, 4): 2, (1, 3, 4): 1}[tuple(refused)]
    notices = _noticed(lab, "notice")
    assert sum("does not take entry" in one for one in notices) == len(alone)


async def test_a_halved_review_goes_on_where_it_stopped(merge_lab: Lab) -> None:
    """Stopped between the parts of a refused review, the next run sends only those that are not there."""
    lab = merge_lab
    reviews = {"path": "*/pulls/*/reviews", "method": "POST"}
    await lab.faults(
        {**reviews, "nth": [1], "effect": REFUSED},
        {**reviews, "nth": [2], "when": "after", "effect": {"drop": True}},
        {**reviews, "nth": [3], "effect": {"status": 403, "body": {"message": "Forbidden"}}},
    )
    stopped = await lab.run("FULL", lab.config(), users=PEOPLE)
    assert stopped["status"] == "failed"
    assert stopped["error"]["item"].startswith("merge_requests/1/review"), stopped["error"]
    assert len(_repository(lab).pulls[FIRST + OPEN].review_comments) == 1
    await lab.faults()
    await _migrated(lab)
    pull = _repository(lab).pulls[FIRST + OPEN]
    assert len(pull.review_comments) == 3
    assert len(pull.reviews) == 2


async def test_a_refused_pull_request_becomes_an_issue(merge_lab: Lab) -> None:
    """Where GitHub refuses a pull request, its number is taken by an issue with all that it says."""
    lab = merge_lab
    await lab.faults({"path": "/repos/acme/app/pulls", "method": "POST", "nth": [1], "effect": REFUSED})
    await _migrated(lab)
    repository = _repository(lab)
    assert FIRST + OPEN not in repository.pulls
    assert "Closes" in repository.issues[FIRST + OPEN].body
    assert len(repository.issues[FIRST + OPEN].comments) == 10
    assert FIRST + DELETED in repository.pulls
    warnings = _noticed(lab, "warning")
    assert any("merge_requests/1 was refused" in one for one in warnings)


async def test_the_commits_of_a_refused_pull_request_stay(merge_lab: Lab) -> None:
    """Its temporary branches go with the others; a ref of its own keeps the commits, and verify knows it."""
    lab = merge_lab
    await lab.faults({"path": "/repos/acme/app/pulls", "method": "POST", "effect": REFUSED})
    await _migrated(lab, **ALL)
    assert not _repository(lab).pulls
    git = git_of(lab.sandbox.github, _repository(lab))
    refs = await git.refs()
    heads = shas(lab)
    ours = {name: sha for name, sha in refs.items() if name.startswith("refs/gitlab/")}
    assert f"refs/gitlab/merge-requests/{CLOSED}/head" in ours
    for iid in TEMPORARY:
        assert (await git.run("for-each-ref", "--contains", heads[iid], "--count=1")).strip(), iid
        assert f"refs/heads/gitlab-merge-requests/{iid}/head" not in refs
    mark = lab.mark()
    await _migrated(lab, **ALL)
    assert lab.writes(mark) == []
    await lab.faults()
    items = lab.sandbox.gitlab.projects[17].merge_requests
    newest = {"iid": 13, "id": 9013, "title": "Newest", "updated_at": "2024-09-01T00:00:00Z"}
    items[13] = dataclasses.replace(items[CLOSED], **newest)
    await _migrated(lab, **ALL)
    await git.run("update-ref", "-d", f"refs/gitlab/merge-requests/{CLOSED}/head")
    result = await lab.run("APPLY", lab.config(**ALL), resume_from="verify", users=PEOPLE)
    assert result["error"]["reason"] == "verify-differences"


async def test_no_drafts_where_github_has_none(open_lab: Any) -> None:
    """Where drafts are not to be had the pull request is made without, and its text says that it was one."""
    lab = await open_lab(merging(), settings={**QUICK, "has_drafts": False})
    hide_branches(lab)
    await _migrated(lab)
    repository = _repository(lab)
    assert not repository.pulls[FIRST + DELETED].draft
    assert "· Draft" in repository.issues[FIRST + DELETED].body


async def test_reviewers_whom_github_refuses_stay_in_the_text(merge_lab: Lab) -> None:
    """A refused request for reviews stops nothing: the names are in the text."""
    lab = merge_lab
    await lab.faults({"path": "*/requested_reviewers", "method": "POST", "effect": REFUSED})
    await _migrated(lab)
    repository = _repository(lab)
    assert repository.pulls[FIRST + OPEN].requested_reviewers == []
    assert "Reviewers: Ben Okafor, Anna Berg" in repository.issues[FIRST + OPEN].body


LOST: dict[str, dict[str, Any]] = {
    "dropped": {"drop": True},
    "502": {"status": 502, "body": "<html>Bad gateway</html>"},
    "not json": {"foreign_body": "html", "status": 200},
}
ENDPOINTS = [
    "/repos/acme/app/pulls",
    "*/pulls/*/reviews",
    "*/issues/*/comments",
    "*/requested_reviewers",
]


@pytest.mark.parametrize("effect", LOST)
async def test_lost_answers_make_no_duplicates(merge_lab: Lab, effect: str) -> None:
    """The answer to every creating request is lost after its effect: nothing is there twice."""
    lab = merge_lab
    await _migrated(lab, **ALL)
    wanted, lines = await lab.settled(dated=False), _lines(lab)
    posts = collections.Counter(one for one in lab.writes() if one.startswith("POST"))
    await lab.control("POST", "reset")
    hide_branches(lab)
    mark, result = lab.mark(), {}
    for paths in (ENDPOINTS, ENDPOINTS[:3]):
        faults = [{"path": path, "method": "POST", "when": "after", "effect": LOST[effect]} for path in paths]
        await lab.faults(*faults)
        result = await lab.run("FULL", lab.config(**ALL), users=PEOPLE, work=lab.folder / "faulty")
        if paths is ENDPOINTS:
            # A request for reviews may be sent twice: it is, and is given up when no answer ever comes.
            assert result["error"]["item"] == "merge_requests/1/reviewers", result
    assert result["status"] == "success", json.dumps(result.get("error"))
    sent = collections.Counter(one for one in lab.writes(mark) if one.startswith("POST"))
    for counted in (sent, posts):
        for one in list(counted):
            # What may be sent twice, and the claims of two runs instead of one.
            if one.endswith(("/requested_reviewers", "/git-receive-pack")):
                del counted[one]
    assert sent == posts
    assert differing(await lab.settled(dated=False), wanted) == []
    assert _lines(lab) == lines
