"""Pull requests as GitHub keeps them, beside their issue side; nothing here knows of HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class ReviewComment:
    """A comment on a line, several lines or a whole file of a pull request's diff.

    `position` and `line` are None once the comment is outdated; the `original_` ones stay. `diff_hunk`
    ends with the line that is spoken of.
    """

    id: int
    review: int
    user: str
    body: str
    path: str
    commit_id: str
    original_commit_id: str
    created_at: str
    updated_at: str
    diff_hunk: str = ""
    subject_type: str = "line"
    side: str = "RIGHT"
    line: int | None = None
    original_line: int | None = None
    position: int | None = None
    original_position: int | None = None
    start_side: str | None = None
    start_line: int | None = None
    original_start_line: int | None = None
    in_reply_to: int | None = None
    is_resolved: bool = False
    resolved_by: str | None = None


@dataclass(slots=True, kw_only=True)
class Review:
    """A review; its comments are those that name it; a pending one has no `submitted_at`."""

    id: int
    user: str
    body: str
    state: str
    commit_id: str
    submitted_at: str | None = None


@dataclass(slots=True, kw_only=True)
class Pull:
    """What a pull request has beyond its issue side: `head_ref` and `base_ref` are names of branches.

    `base_sha` is the base branch's tip when the two were last compared, `fork_sha` the commit that both have
    in common; the counts are those of the comparison.
    """

    id: int
    number: int
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    fork_sha: str
    draft: bool = False
    commits: int = 0
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0
    # The test merge at refs/pull/N/merge, or the commit that merged it; None for a conflict.
    merge_sha: str | None = None
    merged_at: str | None = None
    merged_by: str | None = None
    requested_reviewers: list[str] = field(default_factory=list)
    reviews: dict[int, Review] = field(default_factory=dict)
    review_comments: dict[int, ReviewComment] = field(default_factory=dict)

    @property
    def head_pull_ref(self) -> str:
        """The ref that keeps the head, whatever becomes of its branch."""
        return f"refs/pull/{self.number}/head"

    @property
    def merge_pull_ref(self) -> str:
        """The ref of the test merge of an open pull request."""
        return f"refs/pull/{self.number}/merge"
