"""What an issue is on either side."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source.designs import Design


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRecord:
    """An issue of GitLab's with its notes, oldest first; `awards` are its own and those of its notes.

    `designs` is None where they were not read, or GitLab does not tell them.
    """

    issue: gitlab.Issue
    notes: tuple[gitlab.Note, ...] = ()
    awards: tuple[gitlab.AwardEmoji, ...] = ()
    links: tuple[gitlab.IssueLink, ...] = ()
    designs: tuple[Design, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommentDesired:
    """A comment; `source` its identity in GitLab; `dated` False where GitHub sets the date itself."""

    source: str
    body: str
    created_at: str
    dated: bool = True


class RelationSort(StrEnum):
    """What one issue is to another on GitHub."""

    SUB_ISSUE = "sub-issue"
    BLOCKED_BY = "blocked-by"


def place_of(number: int, numbered_by: str) -> str:
    """A number in a path, or the step that gets it (see `Call`)."""
    return f"{{{numbered_by}}}" if numbered_by else str(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation that is written with the later of its two issues.

    It is written below issue `number` (the parent, or the blocked one); `other` is the number of the other
    issue, and `step` makes that. `place` is what a path calls the first, where that is not its number.
    """

    sort: RelationSort
    number: int
    other: int
    step: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueDesired:
    """An issue as GitHub has it, with its comments in order.

    `source` is its identity in GitLab (`issues/12`, `placeholders/13`), dates are ISO 8601 in UTC to
    the second, `milestone` a title and `milestone_id` GitLab's id of it. A `temporary` one is removed
    in the close phase. `parent` and `blocked_by` are numbers; `relations` those that this issue writes,
    and a `related` one is named by its id in some. Where no number is promised all are places in an order,
    and `numbered_by` is the step whose receipt has the number.
    """

    source: str
    number: int
    title: str
    body: str
    state: str
    state_reason: str | None = None
    created_at: str
    closed_at: str | None = None
    updated_at: str | None = None
    labels: tuple[str, ...] = ()
    milestone: str | None = None
    milestone_id: int = 0
    assignees: tuple[str, ...] = ()
    locked: bool = False
    type: str | None = None
    parent: int | None = None
    blocked_by: tuple[int, ...] = ()
    relations: tuple[Relation, ...] = ()
    related: bool = False
    comments: tuple[CommentDesired, ...] = ()
    dated: bool = True
    placeholder: bool = False
    temporary: bool = False
    numbered_by: str = ""

    @property
    def place(self) -> str:
        """What a path calls it: its number, or the step that gets it one."""
        return place_of(self.number, self.numbered_by)
