"""Nothing of a long issue is cut: it goes on in comments, each of which GitHub takes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from gl2gh_batch import codec
from gl2gh_batch.domain.plan import Call, Completion, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._issue_steps import IMPORT_BYTES
from gl2gh_batch.kinds._issue_values import IssueDesired, IssueRecord
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.rewrite.length import BODY_LIMIT_BYTES
from gl2gh_batch.rewrite.markers import find_marker, without_markers
from gl2gh_batch.source import models

KIND = IssuesKind()
REPO = RepoRef(owner="acme", name="app")
Make = Callable[..., Setting]
MIB = 1024 * 1024


def _shaped(setting: Make, notes: list[dict[str, Any]] | None = None, **fields: Any) -> IssueDesired:
    issue = {"id": 1, "iid": 7, "project_id": 1, "title": "x", "created_at": "2024-03-01T10:00:00Z", **fields}
    every = tuple(
        codec.convert(
            {"id": place, "created_at": "2024-03-01T11:00:00Z", "author": {"username": "ben"}, **one},
            models.Note,
        )
        for place, one in enumerate(notes or (), start=1)
    )
    record = IssueRecord(issue=codec.convert(issue, models.Issue), notes=every)
    desired = KIND.shape(record, setting()).desired
    assert desired is not None
    return desired


def _texts(desired: IssueDesired) -> list[str]:
    texts = [desired.body, *(comment.body for comment in desired.comments)]
    assert all(len(text.encode()) <= BODY_LIMIT_BYTES for text in texts)
    assert len({find_marker(text) for text in texts}) == len(texts)
    return [without_markers(text) for text in texts]


def _words(texts: list[str]) -> list[str]:
    return re.findall(r"word[0-9]+", "\n".join(texts))


@pytest.mark.parametrize("before", ["", "- ", "> ", "```python\n", "- a\n  ~~~\n  "])
def test_a_body_of_a_mebibyte_arrives_whole(setting: Make, before: str) -> None:
    """Every word is there, in its order; what was open at a cut is closed before it and open again after."""
    words = [f"word{n}" for n in range(MIB // 10)]
    lines = [" ".join(words[place : place + 9]) for place in range(0, len(words), 9)]
    indent = "  " if before.startswith("- a") else ""
    desired = _shaped(setting, description=before + f"\n{indent}".join(lines))
    texts = _texts(desired)
    assert len(texts) > 15
    assert _words(texts) == words
    fence = "~~~" if "~~~" in before else "```"
    if fence in before:
        for text in texts[1:-1]:
            assert text.count(fence) == 2, text[:100]


def test_one_line_without_a_space_arrives_whole(setting: Make) -> None:
    """Where Markdown offers no place it is cut between characters, never within one."""
    text = "\U0001f600é" * 40_000
    parts = _texts(_shaped(setting, description=text))
    assert sum(part.count("\U0001f600") for part in parts) == 40_000
    assert sum(part.count("é") for part in parts) == 40_000


def test_a_history_of_thousands_arrives_whole(setting: Make) -> None:
    """GitLab's own notes fill as many comments as it takes, each with a heading, none within a line."""
    notes = [{"system": True, "body": f"changed the description word{n}"} for n in range(4000)]
    desired = _shaped(setting, notes)
    texts = _texts(desired)
    assert _words(texts) == [f"word{n}" for n in range(4000)]
    timeline = texts[1:]
    assert len(timeline) > 3
    assert all(text.startswith("**History on GitLab**\n\n- ") for text in timeline)
    assert sum(text.count("\n- ") for text in timeline) == 4000


def test_three_hundred_comments_beyond_a_megabyte_arrive_whole(setting: Make) -> None:
    """The import takes what fits into its request, the rest follows by itself; none is lost, none twice."""
    notes = [{"body": f"word{n} " + "x" * 9_000} for n in range(300)]
    desired = _shaped(setting, notes)
    steps = [step for step in KIND.steps(desired, REPO, TargetFacts()) if isinstance(step, Call)]
    imports = [step for step in steps if step.completion is Completion.IMPORT_JOB]
    assert len(imports) == 1
    assert len(codec.encode(imports[0].body)) <= IMPORT_BYTES
    inside = [comment["body"] for comment in imports[0].body["comments"]]
    outside = [step.body["body"] for step in steps if step.path.endswith("/comments")]
    assert 50 < len(inside) < 300
    assert _words([*inside, *outside]) == [f"word{n}" for n in range(300)]


def test_late_comments_lose_their_dates_and_say_so(setting: Make) -> None:
    """That GitHub dates them itself is a loss, and each tells its own date."""
    notes = [{"body": "x" * 60_000} for _ in range(30)]
    issue = models.Issue(id=1, iid=7, title="x", created_at="2024-03-01T10:00:00Z")
    every = tuple(
        codec.convert({"id": place, "created_at": "2024-03-01T11:00:00Z", **one}, models.Note)
        for place, one in enumerate(notes)
    )
    shaped = KIND.shape(IssueRecord(issue=issue, notes=every), setting())
    assert shaped.desired is not None
    late = [comment for comment in shaped.desired.comments if not comment.dated]
    assert late
    assert all("2024-03-01 11:00 UTC" in comment.body for comment in late)
    assert [loss.what for loss in shaped.losses] == [
        f"the dates of the last {len(late)} comments, as their dates on GitHub"
    ]


def test_details_too_long_for_the_issue_are_a_comment(setting: Make) -> None:
    """A crowd of assignees and of people who raised a thumb does not push the text over GitHub's limit."""
    crowd = [{"username": f"u{n}", "name": f"word{n}", "id": n} for n in range(3000)]
    desired = _shaped(setting, description="y" * 63_900, assignees=crowd, due_date="2024-05-01")
    texts = _texts(desired)
    assert _words(texts) == [f"word{n}" for n in range(3000)]
    assert texts[1].startswith("**More of this issue on GitLab**\n\n- Assigned to ")
    assert any("- Due on 2024-05-01" in text for text in texts[1:])


def test_the_import_of_any_issue_is_within_its_limit(setting: Make) -> None:
    """The request counts in JSON: signs that take six bytes there make it no longer than allowed."""
    notes = [{"body": '\u0001"\\' * 15_000} for _ in range(40)]
    desired = _shaped(setting, notes, description='"' * 60_000)
    (first, *_) = KIND.steps(desired, REPO, TargetFacts())
    assert isinstance(first, Call)
    assert len(json.dumps(dict(first.body)).encode()) <= 1_048_576
