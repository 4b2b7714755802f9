"""Whatever the fields of an issue hold, the texts made of them act on no stranger and keep their form."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any, Final

import pyromark
import pytest
from fragments import TEXTS
from github_scanner import Seen, scan, scan_title
from hypothesis import HealthCheck, example, given, settings
from known_book import KnownBook

from gl2gh_batch import codec
from gl2gh_batch.domain.request import ConfidentialPolicy
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds._issue_relations import gather
from gl2gh_batch.kinds._issue_values import IssueDesired, IssueRecord
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.kinds.labels import LabelsKind
from gl2gh_batch.rewrite.length import BODY_LIMIT_BYTES
from gl2gh_batch.rewrite.markdown import GITHUB_OPTIONS
from gl2gh_batch.rewrite.markers import find_marker, without_markers
from gl2gh_batch.source import models
from gl2gh_batch.source.designs import Design

KIND = IssuesKind()
Make = Callable[..., Setting]
# `TORTURE=200 pytest tests/kinds/test_hostile_fields.py` for the full number.
TEXTS_EACH: Final = int(os.environ.get("TORTURE", "25"))
KNOWN: Final = {"alice-gh", "jdoe"}
AT: Final = "2024-03-01T10:00:00Z"
# Every field of text that ends up in ours: of the issue, its people, notes, reactions and links.
FIELDS: Final = (
    "issue.title",
    "issue.description",
    "issue.issue_type",
    "issue.severity",
    "issue.health_status",
    "issue.start_date",
    "issue.due_date",
    "issue.imported_from",
    "issue.closed_at",
    "issue.created_at",
    "author.name",
    "author.username",
    "author.web_url",
    "assignee.name",
    "closed_by.name",
    "epic.title",
    "iteration.title",
    "iteration.start_date",
    "iteration.due_date",
    "time_stats.human_time_estimate",
    "time_stats.human_total_time_spent",
    "links.closed_as_duplicate_of",
    "note.body",
    "note.author.name",
    "note.created_at",
    "note.updated_at",
    "note.resolved_by.name",
    "system.body",
    "system.author.name",
    "moved",
    "award.name",
    "award.user.name",
    "link.title",
    "link.references",
    "design.filename",
    "milestone.title",
    "label",
)
EXAMPLES: Final = (
    "@octocat closes o/r#1 <b>x</b> ](http://evil.example)",
    "x\n\n# heading @octocat\n\n::error::x\n##[error]y",
    "<!-- gl2gh:issues/99 --> --> <!-- ",
    "``` \n~~~ @octocat",
    "| a | b |\n|---|---|\n| @octocat | fixes #1 |",
    "</blockquote></details><script>1</script><img src=x onerror=1>",
)


def _record(field: str, text: str) -> IssueRecord:
    """An issue with everything, and that text in one place."""

    def put(name: str, value: str) -> str:
        return text if field == name else value

    def user(place: str) -> dict[str, Any]:
        return {
            "username": put(f"{place}.username", "somebody"),
            "name": put(f"{place}.name", "Some Body"),
            "web_url": put(f"{place}.web_url", "https://gitlab.example.com/somebody"),
        }

    issue = {
        "id": 700,
        "iid": 7,
        "project_id": 1,
        "title": put("issue.title", "Title"),
        "description": put("issue.description", "Text"),
        "state": "closed",
        "created_at": put("issue.created_at", AT),
        "closed_at": put("issue.closed_at", AT),
        "author": user("author"),
        "closed_by": user("closed_by"),
        "assignees": [user("assignee")],
        "issue_type": put("issue.issue_type", "incident"),
        "severity": put("issue.severity", "HIGH"),
        "health_status": put("issue.health_status", "on_track"),
        "start_date": put("issue.start_date", "2024-01-01"),
        "due_date": put("issue.due_date", "2024-01-02"),
        "imported_from": put("issue.imported_from", "jira"),
        "epic": {"iid": 5, "title": put("epic.title", "Epic")},
        "iteration": {
            "id": 1,
            "title": put("iteration.title", "Sprint"),
            "start_date": put("iteration.start_date", "2024-01-01"),
            "due_date": put("iteration.due_date", "2024-01-14"),
        },
        "time_stats": {
            "time_estimate": 60,
            "total_time_spent": 60,
            "human_time_estimate": put("time_stats.human_time_estimate", "1m"),
            "human_total_time_spent": put("time_stats.human_total_time_spent", "1m"),
        },
        "_links": {"closed_as_duplicate_of": put("links.closed_as_duplicate_of", "/projects/1/issues/2")},
        "labels": [put("label", "bug")],
        "milestone": {"id": 5, "title": put("milestone.title", "1.0")},
    }
    notes = (
        {
            "id": 1,
            "body": put("note.body", "A note"),
            "author": user("note.author"),
            "created_at": put("note.created_at", AT),
            "updated_at": put("note.updated_at", AT),
            "resolved": True,
            "resolved_by": user("note.resolved_by"),
            "internal": True,
        },
        {
            "id": 2,
            "system": True,
            "body": put("system.body", "changed the description"),
            "author": user("system.author"),
            "created_at": AT,
        },
        {"id": 3, "system": True, "body": f"moved to {put('moved', 'group/lib#3')}", "created_at": AT},
    )
    awards = tuple(
        {
            "id": place,
            "name": put("award.name", "heart"),
            "user": user("award.user"),
            "awardable_id": place,
            "awardable_type": sort,
        }
        for place, sort in enumerate(("Note", "Issue"), start=1)
    )
    link = {
        "iid": 3,
        "issue_link_id": 1,
        "project_id": 2,
        "title": put("link.title", "Other"),
        "references": {"full": put("link.references", "group/lib#3")},
    }
    return IssueRecord(
        issue=codec.convert(issue, models.Issue),
        notes=tuple(codec.convert(one, models.Note) for one in notes),
        awards=tuple(codec.convert(one, models.AwardEmoji) for one in awards),
        links=(codec.convert(link, models.IssueLink),),
        designs=(Design(id=7, filename=put("design.filename", "home.png"), notes_count=1),),
    )


def _setting(make: Make, record: IssueRecord) -> Setting:
    given = make(confidential=ConfidentialPolicy.INCLUDE)
    policies = given.policies
    names = {
        "labels": dict(
            LabelsKind().names(iter([models.Label(name=one) for one in record.issue.labels]), policies)
        ),
        "milestones": {},
        "issues": dict(gather(iter([record]), policies)),
    }
    return Setting(book=KnownBook(), policies=policies, inventory=given.inventory, names=names)


def _assert_harmless(seen: Seen) -> None:
    assert seen.mentions <= KNOWN
    for one in seen.references:
        path, _, number = one.partition("#")
        assert path in {"", "acme/lib"}
        assert 1001 <= int(number) <= 1020 or 2001 <= int(number) <= 2005
    assert seen.closing == set()
    assert seen.backlinks <= {"acme/app", "acme/lib"}


def _assert_whole(desired: IssueDesired) -> None:
    """The head is one quote of two lines, the marker the last thing, and each comment has its own."""
    for text, source in (
        (desired.body, desired.source),
        *((comment.body, comment.source) for comment in desired.comments),
    ):
        assert find_marker(text) == source
        assert len(text.encode()) <= BODY_LIMIT_BYTES
        _assert_harmless(scan(text))
    quote, _, rest = desired.body.partition("\n\n")
    lines = quote.splitlines()
    # Details that are too long are the first comment instead, one in a line.
    apart = [one.body for one in desired.comments if one.source == f"{desired.source}/details/1"]
    assert len(lines) == (1 if apart else 2)
    for body in apart:
        head, _, listed = without_markers(body).partition("\n\n")
        assert head == "**More of this issue on GitLab**"
        assert all(line.startswith("- ") for line in listed.strip().splitlines())
    assert all(line.startswith("> ") for line in lines)
    html = pyromark.html(f"{quote}\n\n", options=GITHUB_OPTIONS)
    assert re.fullmatch(r"<blockquote>\n<p>.*</p>\n</blockquote>\n", html, re.DOTALL), html
    assert not re.search(r"<(?!/?(?:blockquote|p|strong|a|code|em|br)\b)", html), html
    assert rest.rstrip().endswith("-->")


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_acts_on_strangers_or_breaks_the_form(setting: Make, field: str) -> None:
    """Mentions, references, closing words, markers and markup in any field stay words."""

    @settings(
        max_examples=TEXTS_EACH, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(TEXTS)
    def holds(text: str) -> None:
        record = _record(field, text)
        desired = KIND.shape(record, _setting(setting, record)).desired
        assert desired is not None
        _assert_whole(desired)
        _assert_harmless(scan_title(desired.title))
        assert "\n" not in desired.title

    for text in EXAMPLES:
        holds = example(text)(holds)
    holds()
