"""What GitLab answers about merge requests; absent and null fields are tolerated.

Shapes: GitLab docs, api/merge_requests, api/discussions, api/merge_request_approvals.
"""

from __future__ import annotations

from dataclasses import dataclass

from gl2gh_batch.source.models import Milestone, Note, TaskStatus, TimeStats, User

# What GitLab shows for a head that it does not know.
NO_SHA = "0" * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffRefs:
    """The three commits that a diff is made of."""

    base_sha: str | None = None
    head_sha: str | None = None
    start_sha: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequest:
    """A merge request; `state` is `opened`, `closed`, `locked` or `merged`."""

    id: int
    iid: int
    title: str
    project_id: int = 0
    description: str | None = None
    state: str = "opened"
    created_at: str
    updated_at: str = ""
    merged_at: str | None = None
    closed_at: str | None = None
    merge_user: User | None = None
    merged_by: User | None = None
    closed_by: User | None = None
    author: User | None = None
    assignees: tuple[User, ...] | None = None
    reviewers: tuple[User, ...] | None = None
    labels: tuple[str, ...] = ()
    milestone: Milestone | None = None
    draft: bool | None = None
    work_in_progress: bool | None = None
    source_branch: str = ""
    target_branch: str = ""
    source_project_id: int | None = None
    target_project_id: int | None = None
    sha: str | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    squash: bool | None = None
    discussion_locked: bool | None = None
    user_notes_count: int | None = None
    upvotes: int = 0
    downvotes: int = 0
    time_stats: TimeStats | None = None
    task_completion_status: TaskStatus | None = None
    web_url: str = ""
    diff_refs: DiffRefs | None = None

    @property
    def is_draft(self) -> bool:
        """True for a draft, by its present or its older name."""
        return bool(self.draft) or bool(self.work_in_progress)

    @property
    def head_sha(self) -> str:
        """The last commit of the source branch; empty where GitLab does not know it."""
        return "" if self.sha in {None, NO_SHA} else str(self.sha)

    @property
    def is_of_fork(self) -> bool:
        """True when its commits come from another project; of one that was deleted GitLab names no id."""
        if self.source_project_id is None:
            return self.target_project_id is not None
        return self.source_project_id != (self.target_project_id or self.project_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePoint:
    """One end of a range of lines; `type` is `new`, `old` or empty for a line that did not change."""

    line_code: str | None = None
    type: str | None = None
    old_line: int | None = None
    new_line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRange:
    """The lines that a note is about, when they are several."""

    start: LinePoint | None = None
    end: LinePoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in which version of the diff a note is; `position_type` is `text`, `image` or `file`.

    An added line has `new_line` alone, a removed one `old_line` alone, an unchanged one both.
    """

    base_sha: str | None = None
    start_sha: str | None = None
    head_sha: str | None = None
    old_path: str | None = None
    new_path: str | None = None
    position_type: str = "text"
    old_line: int | None = None
    new_line: int | None = None
    line_range: LineRange | None = None
    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A change that a note proposes; `applied` when somebody took it over."""

    id: int = 0
    applied: bool = False
    from_line: int | None = None
    to_line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffNote(Note):
    """A note of a discussion; `position` is there for one on the diff."""

    position: Position | None = None
    commit_id: str | None = None
    suggestions: tuple[Suggestion, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discussion:
    """Notes that belong together, oldest first; an `individual_note` is no thread."""

    id: str
    individual_note: bool = False
    notes: tuple[DiffNote, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who approved, and when where GitLab says so."""

    user: User | None = None
    approved_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals:
    """The approvals of a merge request."""

    approved_by: tuple[Approval, ...] | None = None
    approvals_required: int | None = None
