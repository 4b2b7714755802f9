"""What a door asks for: one batch, valid by construction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.modes import AgentName, MigrationMode
from gl2gh_batch.domain.numbering import NumberingPolicy
from gl2gh_batch.domain.refs import RepoRef

PARALLEL_LIMITS: Final = range(1, 21)
DEFAULT_PARALLEL_LIMIT: Final = 5
# The policies that decide what is read of a project; all others decide what becomes of it.
READING_CHOICES: Final = ("attachments", "confidential", "issue_details", "system_notes", "wiki")


class Visibility(StrEnum):
    """Who sees the repository once it is verified."""

    PRIVATE = "private"
    INTERNAL = "internal"
    PUBLIC = "public"
    SOURCE = "source"


class MergeRequestPolicy(StrEnum):
    """What becomes of merge requests."""

    OPEN_AS_PULL_REQUEST = "open-as-pull-request"
    ALL_AS_PULL_REQUEST = "all-as-pull-request"
    ALL_AS_ISSUE = "all-as-issue"


class NotesPolicy(StrEnum):
    """How the notes of a pull request that belong to no line of its changes are carried."""

    FOLD = "fold"
    EACH = "each"


class ConfidentialPolicy(StrEnum):
    """What becomes of confidential issues and internal notes."""

    SKIP = "skip"
    INCLUDE = "include"


class MentionPolicy(StrEnum):
    """Whom a text may call by name: people with a known login, or nobody."""

    MAP = "map"
    NEUTRALISE = "neutralise"


class SystemNotesPolicy(StrEnum):
    """What becomes of what GitLab noted by itself: one comment with all of it, or nothing."""

    TIMELINE = "timeline"
    SKIP = "skip"


class IssueDetails(StrEnum):
    """How much is read of reactions and links, for which GitLab wants requests of their own.

    `counted`: only where GitLab's list or notes tell that there is something; `all`: one request more for
    each comment, and two for each issue.
    """

    COUNTED = "counted"
    ALL = "all"


class PlaceholderPolicy(StrEnum):
    """What becomes of the issues that fill gaps in the numbers, at the end."""

    DELETE = "delete"
    KEEP = "keep"


class AttachmentPolicy(StrEnum):
    """Where attached files go: into a branch, into a release, or nowhere (texts link to GitLab)."""

    BRANCH = "branch"
    RELEASE = "release"
    LINK = "link"


class WikiPolicy(StrEnum):
    """Where a wiki goes: into a branch beside the others, into GitHub's wiki, or nowhere."""

    DOCS_BRANCH = "docs-branch"
    WIKI = "wiki"
    SKIP = "skip"


class SourceAfter(StrEnum):
    """What a verified migration leaves on GitLab: nothing, a note where it went, or that and archived."""

    NOTHING = "nothing"
    NOTE = "note"
    ARCHIVE = "archive"


class SnippetsPolicy(StrEnum):
    """Where snippets go: into a branch of their own, into a repository of their own, or nowhere."""

    BRANCH = "branch"
    REPOSITORY = "repository"
    SKIP = "skip"


class NamingStrategy(StrEnum):
    """How a repository is named after its project, when no target is given."""

    PROJECT = "project"
    FULL_PATH = "full-path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The choices that hold for one project.

    `labels` maps patterns over GitLab's names of labels to names on GitHub (see `rewrite.names.translate`).
    """

    visibility: Visibility = Visibility.PRIVATE
    numbering: NumberingPolicy = NumberingPolicy.ISSUES_EXACT
    merge_requests: MergeRequestPolicy = MergeRequestPolicy.OPEN_AS_PULL_REQUEST
    notes: NotesPolicy = NotesPolicy.FOLD
    confidential: ConfidentialPolicy = ConfidentialPolicy.SKIP
    placeholders: PlaceholderPolicy = PlaceholderPolicy.DELETE
    mentions: MentionPolicy = MentionPolicy.MAP
    issues_via: str = "import"
    system_notes: SystemNotesPolicy = SystemNotesPolicy.TIMELINE
    issue_details: IssueDetails = IssueDetails.COUNTED
    labels: Mapping[str, str | None] = field(default_factory=dict)
    attachments: AttachmentPolicy = AttachmentPolicy.BRANCH
    wiki: WikiPolicy = WikiPolicy.DOCS_BRANCH
    source_after: SourceAfter = SourceAfter.NOTHING
    snippets: SnippetsPolicy = SnippetsPolicy.BRANCH


# Under their names every door takes them.
POLICIES: Final = tuple(one.name for one in fields(Policies))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRequest:
    """One project of a batch; `project` is its GitLab id or its full path, as the user named it."""

    project: int | str
    target: RepoRef | None = None
    priority: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict)
    policies: Policies = field(default_factory=Policies)
    origin: str = ""

    @property
    def skipped(self) -> frozenset[str]:
        """The kinds that are left out."""
        return frozenset(name for name, choice in self.kinds.items() if choice == "skip")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRequest:
    """All projects of a group; `exclude` holds glob patterns over full paths."""

    path: str
    subgroups: bool = True
    exclude: tuple[str, ...] = ()
    policies: Policies = field(default_factory=Policies)
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """One batch; raises `ConfigurationError` for values that no batch can have."""

    mode: MigrationMode = MigrationMode.PLAN_ONLY
    projects: tuple[ProjectRequest, ...] = ()
    groups: tuple[GroupRequest, ...] = ()
    parallel_limit: int = DEFAULT_PARALLEL_LIMIT
    resume_from: AgentName | None = None
    gitlab_url: str = "https://gitlab.com"
    github_url: str = "https://github.com"
    github_api_url: str = "https://api.github.com"
    owner: str = ""
    naming: NamingStrategy = NamingStrategy.PROJECT

    def __post_init__(self) -> None:
        check_parallel_limit(self.parallel_limit)
        refuse_duplicates(self.projects)


def check_parallel_limit(value: object) -> int:
    """The value itself when it is a whole number from 1 to 20; raises `ConfigurationError` otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value not in PARALLEL_LIMITS:
        raise ConfigurationError(
            f"{value!r} is not a whole number from {PARALLEL_LIMITS.start} to {PARALLEL_LIMITS.stop - 1}",
            field="parallel_limit",
            hint="Choose how many projects may be in flight at once, from 1 to 20.",
        )
    return value


def refuse_duplicates(projects: tuple[ProjectRequest, ...]) -> None:
    """Raise `ConfigurationError` for a project that is listed twice, naming both places."""
    if found := _doubled((str(one.project), one.origin) for one in projects):
        name, first, second = found
        raise ConfigurationError(
            f"project {name} is listed twice: {first} and {second}",
            field="projects",
            hint="Keep one of the two entries.",
        )


def refuse_shared_targets(projects: tuple[ProjectRequest, ...]) -> None:
    """Raise `ConfigurationError` for two projects with one named target, naming both places."""
    if found := _doubled((str(one.target or ""), one.origin) for one in projects):
        name, first, second = found
        raise ConfigurationError(
            f"two projects go to {name}: {first} and {second}",
            field="target",
            hint="Give one of the two another target.",
        )


def _doubled(named: Iterable[tuple[str, str]]) -> tuple[str, str, str] | None:
    """The first name that comes twice, and both its places; letters of either case are the same."""
    first: dict[str, str] = {}
    for number, (name, origin) in enumerate(named, start=1):
        place = origin or f"entry {number}"
        if name and name.lower() in first:
            return name, first[name.lower()], place
        first[name.lower()] = place
    return None
