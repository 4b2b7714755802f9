"""What GitHub answers, as far as we read it; absent and null fields are tolerated.

Shapes: GitHub's OpenAPI description; the issue import's: google/go-github, github/issue_import.go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import TargetError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A user or an organisation; `type` is `User`, `Organization` or `Bot`."""

    login: str
    id: int = 0
    type: str = "User"


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What the token's user may do in a repository."""

    admin: bool = False
    maintain: bool = False
    push: bool = False
    triage: bool = False
    pull: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository."""

    id: int
    name: str
    full_name: str
    owner: Account
    private: bool = False
    visibility: str | None = None
    description: str | None = None
    homepage: str | None = None
    default_branch: str | None = None
    archived: bool = False
    disabled: bool = False
    fork: bool = False
    has_issues: bool = True
    has_wiki: bool | None = None
    has_pull_requests: bool | None = None
    has_projects: bool | None = None
    allow_merge_commit: bool | None = None
    allow_squash_merge: bool | None = None
    allow_rebase_merge: bool | None = None
    delete_branch_on_merge: bool | None = None
    size: int = 0
    topics: tuple[str, ...] | None = None
    permissions: Permissions | None = None
    html_url: str = ""
    created_at: str | None = None
    pushed_at: str | None = None
    updated_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label; `color` is six hexadecimal digits without `#`."""

    name: str
    id: int = 0
    color: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A milestone; `state` is `open` or `closed`."""

    number: int
    title: str
    id: int = 0
    description: str | None = None
    state: str = "open"
    due_on: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    open_issues: int = 0
    closed_issues: int = 0
    creator: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueType:
    """A type of issues that an organisation has."""

    name: str
    id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencySummary:
    """How many issues, open and closed, an issue depends on."""

    total_blocked_by: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue or, when `pull_request` is there, a pull request in the list of issues."""

    number: int
    title: str
    id: int = 0
    node_id: str = ""
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    locked: bool = False
    active_lock_reason: str | None = None
    user: Account | None = None
    labels: tuple[Label, ...] = ()
    assignees: tuple[Account, ...] | None = None
    milestone: Milestone | None = None
    comments: int = 0
    created_at: str | None = None
    updated_at: str | None = None
    closed_at: str | None = None
    html_url: str = ""
    pull_request: dict[str, Any] | None = None
    type: IssueType | None = None
    parent_issue_url: str | None = None
    issue_dependencies_summary: DependencySummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueComment:
    """A comment on an issue or a pull request."""

    id: int
    issue_url: str = ""
    body: str | None = None
    user: Account | None = None
    created_at: str | None = None
    updated_at: str | None = None
    html_url: str = ""

    @property
    def number(self) -> int | None:
        """The number of the issue or pull request that it belongs to."""
        return number_in(self.issue_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One end of a pull request."""

    ref: str
    sha: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """A pull request in the list of pull requests."""

    number: int
    title: str
    head: Branch
    base: Branch
    body: str | None = None
    state: str = "open"
    draft: bool | None = None
    locked: bool = False
    labels: tuple[Label, ...] = ()
    assignees: tuple[Account, ...] | None = None
    requested_reviewers: tuple[Account, ...] | None = None
    milestone: Milestone | None = None
    merged_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewComment:
    """A comment on a line of a pull request; `line` is null where the line is gone."""

    id: int
    body: str | None = None
    path: str = ""
    line: int | None = None
    side: str | None = None
    start_line: int | None = None
    start_side: str | None = None
    pull_request_url: str = ""
    pull_request_review_id: int | None = None
    in_reply_to_id: int | None = None

    @property
    def number(self) -> int | None:
        """The number of the pull request that it belongs to."""
        return number_in(self.pull_request_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A review of a pull request: its state says whether it approves; `id` is its place among them."""

    body: str | None = None
    state: str = ""
    id: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewList:
    """The first reviews of a pull request, and how many there are."""

    total: int
    listed: tuple[Review, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPull:
    """A pull request in the list of reviews."""

    number: int
    reviews: ReviewList


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """Whether there is a page after this one, and where it begins."""

    more: bool
    cursor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewPage:
    """A page of the list of reviews; see `witness.REVIEWS`."""

    pulls: tuple[ReviewedPull, ...]
    following: Following


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionsPermissions:
    """Whether GitHub Actions run in a repository."""

    enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportFault:
    """Why an issue was not imported; `location` points into the request (`/issue/labels[2]`)."""

    location: str | None = None
    resource: str | None = None
    field: str | None = None
    value: Any = None
    code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStatus:
    """One import of an issue; `status` is `pending`, `imported` or `failed`."""

    id: int
    status: str
    url: str = ""
    issue_url: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    errors: tuple[ImportFault, ...] | None = None

    @property
    def number(self) -> int | None:
        """The number that the issue got; None until it is imported."""
        return number_in(self.issue_url or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitObject:
    """What a ref points to."""

    sha: str
    type: str = "commit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A ref by its full name (`refs/heads/main`)."""

    ref: str
    object: GitObject


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAsset:
    """A file of a release; `state` is `uploaded`, or `starter` after a broken upload.

    `digest` is `sha256:…` where GitHub says it (not on older servers), `label` the name that is shown.
    """

    id: int
    name: str
    state: str = "uploaded"
    size: int = 0
    label: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release; a draft's tag may not be there yet."""

    id: int
    tag_name: str
    name: str | None = None
    body: str | None = None
    draft: bool = False
    prerelease: bool = False
    assets: tuple[ReleaseAsset, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One entry of a tree; `size` for files only."""

    path: str
    type: str
    sha: str
    size: int | None = None
    mode: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree with what is below it; `truncated` when GitHub did not list all."""

    tree: tuple[TreeEntry, ...] = ()
    truncated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RateBucket:
    """One budget of `GET /rate_limit`; `reset` in seconds since 1970."""

    limit: int
    remaining: int
    reset: int
    used: int = 0


def number_in(url: str) -> int | None:
    """The number at the end of an issue's address."""
    last = url.rstrip("/").rsplit("/", maxsplit=1)[-1]
    return int(last) if last.isascii() and last.isdigit() else None


def decode(raw: object, type_: type[T]) -> T:
    """Plain data as a value of that type; raises `TargetError` for another shape."""
    try:
        return codec.convert(raw, type_)
    except codec.DecodeError as error:
        raise TargetError(
            f"GitHub answered with a {type_.__name__} of an unexpected shape: {error}",
            hint="Check that the API address is GitHub's. Running again is safe.",
        ) from error
