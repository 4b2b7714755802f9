"""GitLab's records are read from real answers, and from ones with holes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.domain.errors import SourceError
from gl2gh_batch.source.models import (
    AwardEmoji,
    Group,
    Issue,
    IssueLink,
    Label,
    Member,
    MergeRequestRef,
    Milestone,
    Note,
    Project,
    User,
    Version,
    decode,
)

MINIMAL: list[tuple[type, dict[str, Any]]] = [
    (Version, {"version": "17.0"}),
    (User, {"username": "ghost"}),
    (Project, {"id": 1, "path_with_namespace": "a/b"}),
    (Group, {"id": 1, "full_path": "a"}),
    (Member, {"username": "a", "access_level": 30}),
    (Label, {"name": "bug"}),
    (Milestone, {"id": 1, "title": "v1"}),
    (Issue, {"id": 1, "iid": 1, "title": "t", "created_at": "2026-01-01T00:00:00Z"}),
    (Note, {"id": 1, "created_at": "2026-01-01T00:00:00Z"}),
    (AwardEmoji, {"id": 1, "name": "tada"}),
    (IssueLink, {"iid": 1, "issue_link_id": 2}),
    (MergeRequestRef, {"id": 1, "iid": 1}),
]
LISTS: dict[str, type] = {
    "labels": Label,
    "milestones": Milestone,
    "issues": Issue,
    "award_emoji": AwardEmoji,
    "merge_requests": MergeRequestRef,
}


def test_every_recorded_record_is_read(shared_data: Path) -> None:
    """Projects, versions and lists of two real projects of gitlab.com."""
    read = 0
    for path in sorted((shared_data / "gitlab-recordings").glob("*/GET_*")):
        raw = json.loads(path.read_text().split("\n\n", maxsplit=1)[1])
        last = path.name.split("%3F", maxsplit=1)[0].rsplit("%2F", maxsplit=1)[-1]
        if last == "version":
            decode(raw, Version)
        elif isinstance(raw, dict) and "path_with_namespace" in raw:
            assert decode(raw, Project).has_issues
        elif isinstance(raw, list) and last in LISTS:
            for one in raw:
                decode(one, LISTS[last])
        else:
            continue
        read += 1
    assert read > 15


@pytest.mark.parametrize(("type_", "raw"), MINIMAL, ids=lambda one: getattr(one, "__name__", ""))
def test_absent_and_unknown_fields_are_tolerated(type_: type, raw: dict[str, Any]) -> None:
    """Older instances lack fields, newer ones have more."""
    assert decode({**raw, "a_field_of_next_year": {"x": []}}, type_) == decode(raw, type_)


@pytest.mark.parametrize(("type_", "raw"), MINIMAL, ids=lambda one: getattr(one, "__name__", ""))
def test_a_record_without_its_name_is_an_error_of_ours(type_: type, raw: dict[str, Any]) -> None:
    """What no record can be without is asked for, with the place in the message."""
    for name in raw:
        damaged = {key: value for key, value in raw.items() if key != name}
        with pytest.raises(SourceError, match=name):
            decode(damaged, type_)


def test_a_note_is_internal_by_either_name() -> None:
    """`confidential` was the name before 15.x."""
    base = {"id": 1, "created_at": "2026-01-01T00:00:00Z"}
    assert decode({**base, "confidential": True}, Note).is_internal
    assert decode({**base, "internal": True, "confidential": None}, Note).is_internal
    assert not decode({**base, "internal": False}, Note).is_internal


@pytest.mark.parametrize(
    ("fields", "on"),
    [({}, True), ({"issues_enabled": False}, False), ({"issues_access_level": "disabled"}, False),
     ({"issues_access_level": "private", "issues_enabled": True}, True)],
)  # fmt: skip
def test_a_feature_is_off_only_when_gitlab_says_so(fields: dict[str, Any], on: bool) -> None:
    """Tokens with few rights see few fields."""
    assert decode({"id": 1, "path_with_namespace": "a/b", **fields}, Project).has_issues is on
