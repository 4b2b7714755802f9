"""What GitLab answers, as far as we read it; absent and null fields are tolerated.

Shapes: GitLab docs, api/issues, api/notes, api/milestones, api/labels, api/projects, api/members …; times are
ISO 8601 strings as GitLab wrote them, dates `YYYY-MM-DD`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Final, TypeVar

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import SourceError

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """The version of an instance."""

    version: str
    revision: str = ""
    enterprise: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user, as records name them; a deleted user's content belongs to `ghost`."""

    username: str
    name: str = ""
    id: int | None = None
    state: str | None = None
    web_url: str | None = None
    avatar_url: str | None = None
    public_email: str | None = None
    email: str | None = None
    bot: bool | None = None
    is_admin: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """The token that asks (`/personal_access_tokens/self`); `expires_at` is a date, or None."""

    name: str = ""
    scopes: tuple[str, ...] = ()
    expires_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """A role in a project or group, as a number (docs: "Permissions and roles")."""

    access_level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectPermissions:
    """The roles of the token's user: in the project itself, and by its group."""

    project_access: Access | None = None
    group_access: Access | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Namespace:
    """Where a project lives; `kind` is `group` or `user`."""

    id: int
    full_path: str
    kind: str = "group"
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Sizes of a project, in bytes; only told to members with reporter rights or more."""

    commit_count: int | None = None
    storage_size: int | None = None
    repository_size: int | None = None
    wiki_size: int | None = None
    lfs_objects_size: int | None = None
    job_artifacts_size: int | None = None
    packages_size: int | None = None
    snippets_size: int | None = None
    uploads_size: int | None = None
    container_registry_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkedFrom:
    """The project that another one is a fork of, where the token may see it."""

    path_with_namespace: str = ""
    web_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project; an access level is `disabled`, `private` or `enabled`."""

    id: int
    path_with_namespace: str
    name: str = ""
    path: str = ""
    description: str | None = None
    web_url: str = ""
    http_url_to_repo: str = ""
    visibility: str = "private"
    default_branch: str | None = None
    archived: bool = False
    empty_repo: bool = False
    topics: tuple[str, ...] | None = None
    tag_list: tuple[str, ...] | None = None
    created_at: str = ""
    last_activity_at: str = ""
    updated_at: str | None = None
    namespace: Namespace | None = None
    issues_enabled: bool | None = None
    merge_requests_enabled: bool | None = None
    wiki_enabled: bool | None = None
    snippets_enabled: bool | None = None
    lfs_enabled: bool | None = None
    issues_access_level: str | None = None
    merge_requests_access_level: str | None = None
    wiki_access_level: str | None = None
    repository_access_level: str | None = None
    releases_access_level: str | None = None
    snippets_access_level: str | None = None
    open_issues_count: int | None = None
    import_status: str | None = None
    marked_for_deletion_on: str | None = None
    statistics: Statistics | None = None
    merge_method: str | None = None
    squash_option: str | None = None
    remove_source_branch_after_merge: bool | None = None
    permissions: ProjectPermissions | None = None
    forked_from_project: ForkedFrom | None = None
    avatar_url: str | None = None
    merge_commit_template: str | None = None
    squash_commit_template: str | None = None
    only_allow_merge_if_pipeline_succeeds: bool | None = None
    only_allow_merge_if_all_discussions_are_resolved: bool | None = None
    jobs_enabled: bool | None = None
    builds_access_level: str | None = None
    public_jobs: bool | None = None
    package_registry_access_level: str | None = None
    forking_access_level: str | None = None

    @property
    def has_repository(self) -> bool:
        """False only when GitLab says that the repository is off, and with it what needs its code."""
        return self.repository_access_level != "disabled"

    @property
    def has_history(self) -> bool:
        """False where there is nothing that git could read."""
        return self.has_repository and not self.empty_repo

    @property
    def has_ci(self) -> bool:
        """False only when GitLab says that pipelines are off."""
        is_on = self.builds_access_level != "disabled" and self.jobs_enabled is not False
        return is_on and self.has_repository

    @property
    def has_issues(self) -> bool:
        """False only when GitLab says that issues are off."""
        return self.issues_access_level != "disabled" and self.issues_enabled is not False

    @property
    def has_merge_requests(self) -> bool:
        """False only when GitLab says that merge requests are off."""
        is_on = self.merge_requests_access_level != "disabled" and self.merge_requests_enabled is not False
        return is_on and self.has_repository

    @property
    def members_only(self) -> tuple[str, ...]:
        """The features that GitLab shows to members of the project only."""
        levels = {
            "repository": self.repository_access_level,
            "issues": self.issues_access_level,
            "merge_requests": self.merge_requests_access_level,
            "wiki": self.wiki_access_level,
            "releases": self.releases_access_level,
            "snippets": self.snippets_access_level,
            "builds": "private" if self.public_jobs is False else self.builds_access_level,
            "package_registry": self.package_registry_access_level,
        }
        trackers = {levels["issues"], levels["merge_requests"]}
        if "private" in trackers and trackers <= {"private", "disabled"}:
            levels |= {"labels": "private", "milestones": "private"}  # gitlabhq, ProjectPolicy
        return tuple(name for name, level in levels.items() if level == "private")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group."""

    id: int
    full_path: str
    name: str = ""
    parent_id: int | None = None
    visibility: str = "private"
    web_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member, direct or inherited; `access_level` from 5 (minimal) to 50 (owner)."""

    username: str
    access_level: int
    id: int | None = None
    name: str = ""
    state: str | None = None
    web_url: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A label of a project or of a group above it; `color` is `#rrggbb` or the name of a colour."""

    name: str
    id: int = 0
    color: str = ""
    text_color: str | None = None
    description: str | None = None
    priority: int | None = None
    is_project_label: bool | None = None
    archived: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Milestone:
    """A milestone of a project (`project_id`) or of a group (`group_id`); `state` is `active` or `closed`."""

    id: int
    title: str
    iid: int = 0
    project_id: int | None = None
    group_id: int | None = None
    description: str | None = None
    state: str = "active"
    due_date: str | None = None
    start_date: str | None = None
    expired: bool | None = None
    created_at: str | None = None
    updated_at: str | None = None
    web_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStats:
    """Estimated and spent time, in seconds and in words."""

    time_estimate: int = 0
    total_time_spent: int = 0
    human_time_estimate: str | None = None
    human_total_time_spent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """How many boxes of a description are there, and ticked."""

    count: int = 0
    completed_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Epic:
    """The epic that an issue belongs to."""

    iid: int
    id: int = 0
    title: str = ""
    url: str | None = None
    group_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Iteration:
    """The iteration that an issue belongs to."""

    id: int
    iid: int | None = None
    title: str | None = None
    start_date: str | None = None
    due_date: str | None = None
    web_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """An issue's name, in short and in full (`group/project#12`)."""

    short: str = ""
    relative: str = ""
    full: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueAddresses:
    """Addresses of the API that belong to an issue."""

    closed_as_duplicate_of: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """An issue, an incident, a task or a test case (`issue_type`); `state` is `opened` or `closed`."""

    id: int
    iid: int
    title: str
    project_id: int = 0
    description: str | None = None
    state: str = "opened"
    created_at: str
    updated_at: str = ""
    closed_at: str | None = None
    closed_by: User | None = None
    author: User | None = None
    assignees: tuple[User, ...] | None = None
    labels: tuple[str, ...] = ()
    milestone: Milestone | None = None
    web_url: str = ""
    user_notes_count: int | None = None
    upvotes: int = 0
    downvotes: int = 0
    merge_requests_count: int | None = None
    blocking_issues_count: int | None = None
    confidential: bool = False
    discussion_locked: bool | None = None
    issue_type: str | None = None
    type: str | None = None
    due_date: str | None = None
    start_date: str | None = None
    weight: int | None = None
    health_status: str | None = None
    severity: str | None = None
    epic: Epic | None = None
    iteration: Iteration | None = None
    time_stats: TimeStats | None = None
    task_completion_status: TaskStatus | None = None
    moved_to_id: int | None = None
    imported: bool | None = None
    imported_from: str | None = None
    service_desk_reply_to: str | None = None
    references: References | None = None
    _links: IssueAddresses | None = None
    # What GitLab sends no field for: the names of those that this version has not heard of.
    unknown: tuple[str, ...] = ()

    @property
    def duplicate_of(self) -> str:
        """The API address of the issue that it was closed as a duplicate of; empty when it was not."""
        return (self._links.closed_as_duplicate_of if self._links is not None else None) or ""


# What an answer says of an issue beside: each tells nothing that a field of `Issue` does not.
ISSUE_BESIDE: Final = frozenset({"assignee", "epic_iid", "has_tasks", "subscribed", "task_status"})
_ISSUE_FIELDS: Final = frozenset(one.name for one in fields(Issue)) | ISSUE_BESIDE


def decode_issue(raw: object) -> Issue:
    """An issue, with the names of what it holds beyond what is known."""
    issue = decode(raw, Issue)
    extra = raw.keys() - _ISSUE_FIELDS if isinstance(raw, dict) else set()
    unknown = sorted(str(name)[:100] for name in extra if raw[name]) if isinstance(raw, dict) else []
    return replace(issue, unknown=tuple(unknown)) if unknown else issue


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalIssue:
    """An issue of an external tracker, such as `PROJECT-123` of Jira's; GitLab may know no title of it."""

    id: str
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A comment, or a `system` note; `internal` ones are for members only (older name: `confidential`)."""

    id: int
    created_at: str
    body: str | None = None
    author: User | None = None
    updated_at: str = ""
    system: bool = False
    internal: bool | None = None
    confidential: bool | None = None
    type: str | None = None
    noteable_id: int | None = None
    noteable_iid: int | None = None
    noteable_type: str | None = None
    resolvable: bool | None = None
    resolved: bool | None = None
    resolved_by: User | None = None
    resolved_at: str | None = None
    imported: bool | None = None

    @property
    def is_internal(self) -> bool:
        """True for a note that guests of the project may not read."""
        return bool(self.internal) or bool(self.confidential)


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardEmoji:
    """A reaction to an issue or to a note; `name` without colons."""

    id: int
    name: str
    user: User | None = None
    created_at: str = ""
    awardable_id: int | None = None
    awardable_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueLink:
    """An issue that another one is linked to; `link_type` is `relates_to`, `blocks` or `is_blocked_by`."""

    iid: int
    issue_link_id: int
    project_id: int = 0
    title: str = ""
    state: str = ""
    web_url: str = ""
    link_type: str = "relates_to"
    references: References | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeRequestRef:
    """A merge request, by its name only."""

    id: int
    iid: int
    project_id: int = 0
    title: str = ""
    state: str = ""
    web_url: str = ""
    references: References | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """The highest iid of a project's issues and of its merge requests; 0 where it has none."""

    highest_issue: int
    highest_merge_request: int


def decode(raw: object, type_: type[T]) -> T:
    """Plain data as a value of that type; raises `SourceError` for another shape."""
    try:
        return codec.convert(raw, type_)
    except codec.DecodeError as error:
        raise SourceError(
            f"GitLab answered with a {type_.__name__}{_number_of(raw)} of an unexpected shape: {error}",
            hint="Check that the address is GitLab's. Running again is safe.",
        ) from error


def _number_of(raw: object) -> str:
    number = raw.get("iid", raw.get("id")) if isinstance(raw, dict) else None
    return f" {number}" if isinstance(number, int) else ""
