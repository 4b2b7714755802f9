"""What a GitLab holds, as plain state: seeds make these records, the world numbers them, the API shows them.

They are mutable on purpose (a world changes while it is read). People are named by their username, labels and
milestones by their title, as the world is the only one who knows ids. An `id` of 0 means "the world chooses".
All times are strings of one form, `2024-01-31T09:30:00.000Z`, so that they sort as text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

GUEST: Final = 10
REPORTER: Final = 20
DEVELOPER: Final = 30
MAINTAINER: Final = 40
OWNER: Final = 50
ACCESS_LEVELS: Final = {
    "guest": GUEST,
    "reporter": REPORTER,
    "developer": DEVELOPER,
    "maintainer": MAINTAINER,
    "owner": OWNER,
}
EPOCH: Final = "2020-01-01T00:00:00.000Z"
GHOST: Final = "ghost"


@dataclass(slots=True, kw_only=True)
class User:
    """A person, a bot or the ghost user; `avatar` is an address, or a path on the GitLab itself."""

    username: str
    name: str
    id: int = 0
    email: str = ""
    public_email: str = ""
    state: str = "active"
    avatar: str = ""
    is_bot: bool = False
    is_admin: bool = False
    is_external: bool = False
    created_at: str = EPOCH
    bio: str = ""


@dataclass(slots=True, kw_only=True)
class Token:
    """A token's rights: whose it is and what scopes it has (docs: user/profile/personal_access_tokens)."""

    username: str
    scopes: frozenset[str] = frozenset({"api"})
    revoked: bool = False
    expires_at: str | None = None


@dataclass(slots=True, kw_only=True)
class Member:
    """Somebody's direct membership of a group or project."""

    username: str
    access_level: int
    expires_at: str | None = None
    created_at: str = EPOCH


@dataclass(slots=True, kw_only=True)
class Label:
    """A project's or a group's label; `priority` only counts for project labels."""

    title: str
    color: str = "#428bca"
    description: str | None = None
    priority: int | None = None
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Milestone:
    """A project's or a group's milestone; dates without time are `2024-01-31`."""

    title: str
    iid: int = 0
    description: str | None = ""
    state: str = "active"
    start_date: str | None = None
    due_date: str | None = None
    created_at: str = EPOCH
    updated_at: str = EPOCH
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Award:
    """One emoji given by one person to an issue, a merge request, a snippet or a note."""

    name: str
    username: str
    created_at: str = EPOCH
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Note:
    """One comment or system note; `discussion_id` groups notes, `type` is GitLab's (`DiffNote` …)."""

    body: str
    author: str
    created_at: str
    updated_at: str = ""
    discussion_id: str = ""
    system: bool = False
    internal: bool = False
    individual: bool = True
    type: str | None = None
    resolvable: bool = False
    resolved: bool = False
    resolved_by: str | None = None
    resolved_at: str | None = None
    position: dict[str, Any] | None = None
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    awards: list[Award] = field(default_factory=list)
    id: int = 0

    def __post_init__(self) -> None:
        self.updated_at = self.updated_at or self.created_at


class Notes:
    """The notes of one item, oldest first.

    Notes of generated volume are made anew from `make(first_id)` whenever they are read (`count` of them),
    and only kept once the item is edited: so 20,000 issues cost the memory of their heads.
    """

    __slots__ = ("_count", "_kept", "_make", "_user_count", "first_id")

    def __init__(
        self,
        kept: list[Note] | None = None,
        *,
        make: Callable[[int], list[Note]] | None = None,
        count: int = 0,
        user_count: int | None = None,
    ) -> None:
        self._make = make
        self._kept: list[Note] | None = kept if kept is not None or make is not None else []
        self._count = count
        self._user_count = count if user_count is None else user_count
        self.first_id = 0

    @property
    def is_generated(self) -> bool:
        """Whether the notes are made when read, and so want a block of ids and not one each."""
        return self._kept is None

    def all(self) -> list[Note]:
        """Every note; not for changing."""
        if self._kept is not None:
            return self._kept
        assert self._make is not None
        return self._make(self.first_id)

    def own(self) -> list[Note]:
        """The list itself, for changing it."""
        if self._kept is None:
            self._kept = self.all()
        return self._kept

    def __len__(self) -> int:
        return self._count if self._kept is None else len(self._kept)

    @property
    def user_count(self) -> int:
        """How many are not system notes, as in `user_notes_count`."""
        if self._kept is None:
            return self._user_count
        return sum(not note.system for note in self._kept)


@dataclass(slots=True, kw_only=True)
class Event:
    """One resource event: `kind` is `state`, `label` or `milestone`; `what` the state or the title."""

    kind: str
    action: str
    what: str
    username: str
    created_at: str
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Item:
    """What issues and merge requests have in common."""

    iid: int
    title: str
    author: str
    created_at: str
    updated_at: str = ""
    description: str | None = ""
    state: str = "opened"
    closed_at: str | None = None
    closed_by: str | None = None
    labels: list[str] = field(default_factory=list)
    milestone: str | None = None
    assignees: list[str] = field(default_factory=list)
    discussion_locked: bool | None = None
    time_estimate: int = 0
    time_spent: int = 0
    notes: Notes = field(default_factory=Notes)
    awards: list[Award] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    id: int = 0
    is_deleted: bool = False

    def __post_init__(self) -> None:
        self.updated_at = self.updated_at or self.closed_at or self.created_at


@dataclass(slots=True, kw_only=True)
class Design:
    """A picture in the designs of an issue, as its latest version has it; `sha` is that version's commit."""

    filename: str
    content: bytes
    sha: str
    notes_count: int = 0
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Issue(Item):
    """An issue; `links` are `(link type, full path of the project or "", iid)`.

    `duplicate_of` is an iid of the same project, `epic` and `iteration` are as the API shows them.
    """

    confidential: bool = False
    due_date: str | None = None
    weight: int | None = None
    issue_type: str = "issue"
    severity: str = "UNKNOWN"
    health_status: str | None = None
    moved_to_id: int | None = None
    duplicate_of: int | None = None
    epic: dict[str, Any] | None = None
    iteration: dict[str, Any] | None = None
    relative_position: int | None = None
    links: list[tuple[str, str, int]] = field(default_factory=list)
    related_merge_requests: list[int] = field(default_factory=list)
    closed_by_merge_requests: list[int] = field(default_factory=list)
    designs: list[Design] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class MergeRequest(Item):
    """A merge request; the four SHAs are `""` or `None` where the source does not know them."""

    source_branch: str
    target_branch: str
    source_project: str = ""
    draft: bool = False
    reviewers: list[str] = field(default_factory=list)
    merged_at: str | None = None
    merged_by: str | None = None
    sha: str | None = None
    base_sha: str | None = None
    start_sha: str | None = None
    merge_commit_sha: str | None = None
    squash_commit_sha: str | None = None
    squash: bool = False
    approved_by: list[str] = field(default_factory=list)
    approvals_required: int = 0
    # Newest first, as the API shows them; empty: only the present one.
    versions: list[dict[str, Any]] = field(default_factory=list)
    # Whether the source branch is still there; None: as the state and the described branches tell.
    has_branch: bool | None = None
    # How many commits of its own a generated history gives it: none, one, or two with a version after each.
    commit_count: int = 1
    commits: list[dict[str, Any]] = field(default_factory=list)
    diffs: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def version_row(base: str | None, start: str | None, head: str | None, created_at: str) -> dict[str, Any]:
    """One version of a merge request's diff (entity MergeRequestDiff), without its ids."""
    return {
        "id": 0,
        "head_commit_sha": head,
        "base_commit_sha": base,
        "start_commit_sha": start,
        "created_at": created_at,
        "merge_request_id": 0,
        "state": "collected" if head != base else "empty",
        "real_size": "1",
        "patch_id_sha": None,
    }


@dataclass(slots=True, kw_only=True)
class Release:
    """A release of a tag; `links` are asset links as the API shows them."""

    tag: str
    name: str
    author: str
    description: str = ""
    created_at: str = EPOCH
    released_at: str = EPOCH
    milestones: list[str] = field(default_factory=list)
    links: list[dict[str, Any]] = field(default_factory=list)
    evidences: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class SnippetVersion:
    """What a snippet's files were once; each version is a commit of the snippet's own repository."""

    files: dict[str, str]
    message: str = "Update snippet"
    author: str = ""
    at: str = EPOCH


@dataclass(slots=True, kw_only=True)
class Snippet:
    """A project's snippet with its files (name → content), and earlier `versions`, oldest first."""

    title: str
    author: str
    files: dict[str, str]
    description: str | None = None
    visibility: str = "private"
    created_at: str = EPOCH
    updated_at: str = EPOCH
    notes: Notes = field(default_factory=Notes)
    awards: list[Award] = field(default_factory=list)
    versions: list[SnippetVersion] = field(default_factory=list)
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Upload:
    """A file of `/uploads/<secret>/<filename>`, kept at `path`."""

    secret: str
    filename: str
    path: Path
    username: str | None = None
    created_at: str = EPOCH
    id: int = 0


@dataclass(slots=True, kw_only=True)
class Group:
    """A group or subgroup, or (`kind` `user`) a person's own namespace."""

    full_path: str
    name: str
    kind: str = "group"
    description: str = ""
    visibility: str = "private"
    members: list[Member] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    created_at: str = EPOCH
    avatar: str = ""
    uploads: list[Upload] = field(default_factory=list)
    id: int = 0

    @property
    def path(self) -> str:
        """The last part of the full path."""
        return self.full_path.rsplit("/", 1)[-1]

    @property
    def parent_path(self) -> str:
        """The full path of the group above, `""` for a top-level one."""
        return self.full_path.rpartition("/")[0]


@dataclass(slots=True, kw_only=True)
class Project:
    """A project with everything in it; `settings` are kinds kept in the API's own shape (`hooks` …).

    `packages` maps `name/version/file` of generic packages to the files.
    """

    full_path: str
    name: str
    id: int = 0
    description: str | None = ""
    visibility: str = "private"
    archived: bool = False
    default_branch: str | None = None
    created_at: str = EPOCH
    last_activity_at: str = EPOCH
    creator: str | None = None
    topics: list[str] = field(default_factory=list)
    features: dict[str, str] = field(default_factory=dict)
    face: dict[str, Any] = field(default_factory=dict)
    members: list[Member] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    milestones: list[Milestone] = field(default_factory=list)
    issues: dict[int, Issue] = field(default_factory=dict)
    merge_requests: dict[int, MergeRequest] = field(default_factory=dict)
    releases: list[Release] = field(default_factory=list)
    snippets: list[Snippet] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    packages: dict[str, Path] = field(default_factory=dict)
    settings: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    lfs_objects: dict[str, Path] = field(default_factory=dict)
    export_polls: int | None = None
    revision: int = 0
    # The number of what was deleted is given to no other.
    highest_issue: int = 0
    highest_merge_request: int = 0

    @property
    def path(self) -> str:
        """The last part of the full path."""
        return self.full_path.rsplit("/", 1)[-1]

    @property
    def namespace_path(self) -> str:
        """The full path of the group or user that the project is in."""
        return self.full_path.rpartition("/")[0]

    def can_use(self, feature: str) -> bool:
        """Whether a feature (`issues`, `merge_requests`, `wiki`, `snippets` …) is switched on."""
        return self.features.get(feature, "enabled") != "disabled"


@dataclass(slots=True, kw_only=True)
class Seed:
    """One project as read from a file, before a world has it.

    `folder` holds `repository.git` and `wiki.git` (bare, or absent when there are none).
    """

    project: Project
    folder: Path
    users: list[User] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
