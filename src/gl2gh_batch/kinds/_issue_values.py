"""What an issue is on either side."""

from __future__ import annotations

from dataclasses import dataclass

from gl2gh_batch.source import models as gitlab


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRecord:
    """An issue of GitLab's with all its notes, oldest first."""

    issue: gitlab.Issue
    notes: tuple[gitlab.Note, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentDesired:
    """A comment; `source` its identity in GitLab; `dated` False where GitHub sets the date itself."""

    source: str
    body: str
    created_at: str
    dated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDesired:
    """An issue as GitHub has it, with its comments in order.

    `source` is its identity in GitLab (`issues/12`, `placeholders/13`), dates are ISO 8601 in UTC to
    the second, `milestone` a title and `milestone_id` GitLab's id of it. A `temporary` one is removed
    in the close phase.
    """

    source: str
    number: int
    title: str
    body: str
    state: str
    created_at: str
    closed_at: str | None = None
    updated_at: str | None = None
    labels: tuple[str, ...] = ()
    milestone: str | None = None
    milestone_id: int = 0
    assignees: tuple[str, ...] = ()
    locked: bool = False
    comments: tuple[CommentDesired, ...] = ()
    dated: bool = True
    placeholder: bool = False
    temporary: bool = False
