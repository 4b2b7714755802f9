"""What a merge request is on either side."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired
from gl2gh_batch.kit.git_history import Commit, FileDiff
from gl2gh_batch.source.merge_models import Approvals, Discussion, MergeRequest


class Obstacle(StrEnum):
    """Why a merge request cannot be a pull request; each is a sentence for people."""

    NO_HEAD = "its commits are not in the repository any more"
    NO_TARGET = "its target branch is not there any more"
    SAME_BRANCH = "it leads from a branch to that very branch, which GitHub does not take"
    NO_COMMITS = "it has no commit that its target has not, which GitHub does not take"
    TOO_LARGE = "its commits hold a file larger than 100 MiB, which GitHub does not take"
    NO_HISTORY = "its commits have no history in common with its target, which GitHub does not take"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedIssue:
    """An issue that a merge request closes; `project_path` is empty for one of the same project.

    One of an external tracker has no number, but a name of its own, `external`, and perhaps a title.
    """

    iid: int
    project_path: str = ""
    external: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitFacts:
    """What the mirror says of a merge request.

    `head` and `base` are the ends of its changes; empty where nobody knows them. `branch` is the source
    branch when it is still there and holds the head. `live` is what stands in the way of a pull request
    between the branches, `rebuilt` of one between two commits. `kept` are the commits among its own, its
    merge and its notes' that a branch or a tag leads to; `loose` the ends (`head`, `merge`, `squash`) that
    are there without one and that GitHub takes; `commits` the newest of `commit_count`; `files`
    what its diff shows of the files with notes; `moved` by an older head what changed in them until the last.
    """

    head: str = ""
    base: str = ""
    branch: str = ""
    live: Obstacle | None = None
    rebuilt: Obstacle | None = None
    kept: tuple[str, ...] = ()
    loose: dict[str, str] = field(default_factory=dict)
    commits: tuple[Commit, ...] = ()
    commit_count: int = 0
    files: tuple[FileDiff, ...] = ()
    moved: dict[str, tuple[FileDiff, ...]] = field(default_factory=dict)

    @property
    def arriving(self) -> frozenset[str]:
        """The commits that are on GitHub whatever it becomes."""
        return frozenset((*self.kept, *self.loose.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestRecord:
    """A merge request of GitLab's with all its discussions, oldest first.

    `approvals` is None where the instance does not tell; below `namespace` branches for it may be made.
    """

    merge_request: MergeRequest
    discussions: tuple[Discussion, ...] = ()
    approvals: Approvals | None = None
    closes: tuple[ClosedIssue, ...] = ()
    git: GitFacts = field(default_factory=GitFacts)
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewComment:
    """A thread on the diff as one comment of a review.

    `side` is `RIGHT` or `LEFT`; `place` says in words, with a link, where it is: GitHub may refuse the line.
    """

    source: str
    body: str
    path: str
    line: int
    side: str = "RIGHT"
    start_line: int | None = None
    start_side: str | None = None
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What holds the lines together; it never approves, whoever did on GitLab."""

    source: str
    body: str
    state: str = "COMMENTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullDesired:
    """A pull request as GitHub has it, from branch `head` with the commit `head_sha` into branch `base`.

    Merged and closed ones are between branches that are made for them and taken away again, and on GitHub
    none is `merged`. `reviews` are those that the lines came in, known by the receipts.
    """

    title: str
    body: str
    state: str
    draft: bool
    head: str
    head_sha: str
    base: str
    labels: tuple[str, ...] = ()
    milestone: str | None = None
    milestone_id: int = 0
    assignees: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    locked: bool = False
    comments: tuple[CommentDesired, ...] = ()
    review: tuple[ReviewComment, ...] = ()
    reviews: tuple[Review, ...] = ()
    merged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestDesired:
    """A merge request as GitHub has it: as a pull request, or (without one) as an issue.

    With a `pull`, `issue` is what is made in its place when GitHub refuses it. `content` is how many
    content-creating requests it costs under each policy; 0 where it becomes an issue.
    """

    source: str
    number: int
    issue: IssueDesired
    pull: PullDesired | None = None
    content: dict[str, int] = field(default_factory=dict)
