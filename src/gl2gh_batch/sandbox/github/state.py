"""GitHub's state, as GitHub keeps it; nothing here knows of HTTP."""

from __future__ import annotations

import base64
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.sandbox.clock import Clock, parse_instant
from gl2gh_batch.sandbox.github.published import Release
from gl2gh_batch.sandbox.github.pull_state import Pull
from gl2gh_batch.sandbox.rules import Rules

# Labels of a new repository on github.com, with github.com's colours and descriptions.
DEFAULT_LABELS: Final = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)
CLASSIC_SCOPES: Final = ("admin:org", "delete_repo", "repo", "workflow")


class Role(IntEnum):
    """What an account may do with a repository, in rising order."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(slots=True, kw_only=True)
class Account:
    """A user or an organisation; `members` maps logins to `admin` or `member`.

    `policies` are settings of an organisation's that its owners see; `rulesets` maps names to enforcements.
    """

    id: int
    login: str
    is_organization: bool = False
    name: str | None = None
    email: str | None = None
    created_at: str = "2020-01-01T00:00:00Z"
    members: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)
    rulesets: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Token:
    """A credential. A classic one has scopes; others (`fine-grained`, `installation`) have permissions.

    `permissions` maps GitHub's names (`issues`, `contents`, `administration` …) to `read` or `write`;
    `repositories` are the full names it is confined to; None means all.
    """

    secret: str
    login: str
    kind: str = "classic"
    scopes: tuple[str, ...] = CLASSIC_SCOPES
    permissions: dict[str, str] | None = None
    repositories: list[str] | None = None
    expires_at: str | None = None

    def is_expired(self, now: datetime) -> bool:
        """Whether the token's end has come."""
        return self.expires_at is not None and parse_instant(self.expires_at) <= now


@dataclass(slots=True, kw_only=True)
class Label:
    """A label; its name is unique whatever the case."""

    id: int
    name: str
    color: str
    description: str | None = None
    default: bool = False


@dataclass(slots=True, kw_only=True)
class Milestone:
    """A milestone; its title is unique."""

    id: int
    number: int
    title: str
    creator: str
    created_at: str
    updated_at: str
    state: str = "open"
    description: str | None = None
    due_on: str | None = None
    closed_at: str | None = None


@dataclass(slots=True, kw_only=True)
class Comment:
    """A comment on an issue or pull request."""

    id: int
    body: str
    user: str
    created_at: str
    updated_at: str


@dataclass(slots=True, kw_only=True)
class Issue:
    """An issue, or the issue side of a pull request.

    `labels`, `parent` and `blocked_by` are ids, `milestone` is a number, `type` a name.
    """

    id: int
    number: int
    title: str
    user: str
    created_at: str
    updated_at: str
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    labels: list[int] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    milestone: int | None = None
    locked: bool = False
    active_lock_reason: str | None = None
    closed_at: str | None = None
    closed_by: str | None = None
    comments: dict[int, Comment] = field(default_factory=dict)
    type: str | None = None
    parent: int | None = None
    blocked_by: list[int] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ImportJob:
    """An issue import: what was asked, when it will be done, what came of it; moments are monotonic."""

    id: int
    user: str
    document: dict[str, Any]
    created_at: str
    updated_at: str
    visible_at: float
    done_at: float
    status: str = "pending"
    issue_number: int | None = None
    errors: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Repository:
    """A repository without its git data, which lies in `{id}.git`.

    `settings` are those fields of GitHub's repository document that are simply kept (`has_issues` …).
    Issues and pull requests share `last_number`, which a deletion does not give back.
    """

    id: int
    owner: str
    name: str
    created_at: str
    updated_at: str
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    description: str | None = None
    homepage: str | None = None
    pushed_at: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    collaborators: dict[str, str] = field(default_factory=dict)
    labels: dict[int, Label] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    deleted_numbers: set[int] = field(default_factory=set)
    imports: dict[int, ImportJob] = field(default_factory=dict)
    lfs_objects: dict[str, Path] = field(default_factory=dict)
    releases: dict[int, Release] = field(default_factory=dict)
    actions: dict[str, Any] = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    last_number: int = 0
    last_milestone: int = 0

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"

    @property
    def git_folder(self) -> str:
        """The folder of the git data, below the state's git root; it survives a rename."""
        return f"{self.id}.git"

    @property
    def lfs_folder(self) -> str:
        """The folder of the LFS objects, each by its oid."""
        return f"{self.id}.lfs"

    @property
    def wiki_folder(self) -> str:
        """The folder of the wiki's git data; it exists once the first page was made."""
        return f"{self.id}.wiki.git"

    def label(self, name: str) -> Label | None:
        """The label of that name, whatever the case."""
        wanted = name.casefold()
        return next((label for label in self.labels.values() if label.name.casefold() == wanted), None)

    def take_number(self) -> int:
        """The next number of the sequence that issues and pull requests share."""
        self.last_number += 1
        return self.last_number


@dataclass(slots=True)
class Settings:
    """How slow this GitHub is (seconds), and its largest files; control may change all of it.

    The next `broken_uploads` uploads of assets end with a 502 and leave a `starter` behind.
    """

    import_job_s: tuple[float, float] = (0.02, 0.08)
    import_status_lag_s: float = 0.0
    repository_lag_s: float = 0.0
    default_labels_lag_s: float = 0.0
    has_default_labels: bool = True
    file_bytes: int = 100 * 1024 * 1024
    # The largest pack of one push, the largest LFS object, and what all LFS objects of an owner may hold.
    push_bytes: int = 2 * 1024 * 1024 * 1024
    lfs_object_bytes: int = 2 * 1024 * 1024 * 1024
    lfs_quota_bytes: int = 10 * 1024 * 1024 * 1024
    # What push protection takes for a secret (an extended regular expression), and the addresses that their
    # owners keep private (github/docs working-with-push-protection, blocking-command-line-pushes).
    secrets: str = ""
    private_emails: tuple[str, ...] = ()
    asset_bytes: int = 2 * 1024 * 1024 * 1024
    broken_uploads: int = 0
    # Private repositories of GitHub Free have none (github/docs about-pull-requests, draft pull requests).
    has_drafts: bool = True
    # What GitHub gives every organisation ("Managing issue types in an organization").
    issue_types: tuple[str, ...] = ("Task", "Bug", "Feature")
    # A recursive tree is cut after so many (github/docs rest/git/trees).
    tree_entries: int = 100_000

    def update(self, values: Mapping[str, Any]) -> None:
        """Set some of the fields; ValueError names one that is not there."""
        for name, value in values.items():
            if name not in self.__slots__:
                raise ValueError(f"unknown setting {name!r}")
            setattr(self, name, tuple(value) if isinstance(value, list) else value)


@dataclass(slots=True)
class Replica:
    """What readers of a lagging repository still see, until a moment of the monotonic clock."""

    until: float
    repository: Repository


@dataclass(slots=True)
class Artifact:
    """A zip file that a run of a workflow left."""

    id: int
    repository_id: int
    run_id: int
    name: str
    data: bytes
    created_at: str
    expired: bool = False


@dataclass(slots=True)
class RelationIndex:
    """Every issue by its id, the parts of each and what each blocks, where there are relations at all."""

    issues: dict[int, tuple[Repository, Issue]] = field(default_factory=dict)
    parts: dict[int, list[tuple[Repository, Issue]]] = field(default_factory=dict)
    blocked: dict[int, list[tuple[Repository, Issue]]] = field(default_factory=dict)


class State:
    """All that one GitHub knows. Logins and repository names are found whatever their case."""

    def __init__(self, *, clock: Clock, rules: Rules, git_root: Path, seed: int = 0) -> None:
        self.clock = clock
        self.rules = rules
        self.git_root = git_root
        self.seed = seed
        self.url = ""
        # Where redirects to the bytes of assets lead: another origin, as with GitHub.
        self.storage_url = ""
        self.settings = Settings()
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.redirects: dict[str, int] = {}
        self.replicas: dict[int, list[Replica]] = {}
        self.hidden_until: dict[int, float] = {}
        self.bare_labels_until: dict[int, float] = {}
        # Jobs under way, by the moment of their end: (done_at, job, repository).
        self.pending_imports: list[tuple[float, int, int]] = []
        self.artifacts: dict[int, Artifact] = {}
        self._milestone_counts: dict[int, Counter[tuple[int | None, str]]] = {}
        self._relations: RelationIndex | None = None
        self.has_relations = False
        self._last_id = 1_000_000

    @property
    def api_url(self) -> str:
        """The base of the REST API, as on GHES."""
        return f"{self.url}/api/v3"

    def next_id(self) -> int:
        """A fresh id; ids of all kinds come from one sequence."""
        self._last_id += 1
        return self._last_id

    def random(self, *salt: object) -> random.Random:
        """A generator that depends on the seed and the salt alone."""
        return random.Random(f"{self.seed}/{'/'.join(map(str, salt))}")

    def add_account(self, login: str, **fields: Any) -> Account:
        """Register a user or organisation."""
        account = Account(id=self.next_id(), login=login, **fields)
        self.accounts[login.casefold()] = account
        return account

    def add_artifact(self, repository: Repository, *, run_id: int, name: str, data: bytes) -> Artifact:
        """Keep what a run of a workflow uploaded."""
        artifact = Artifact(
            id=self.next_id(),
            repository_id=repository.id,
            run_id=run_id,
            name=name,
            data=data,
            created_at=self.clock.stamp(),
        )
        self.artifacts[artifact.id] = artifact
        return artifact

    def account(self, login: str) -> Account | None:
        """The account of that login."""
        return self.accounts.get(login.casefold())

    def add_token(self, token: Token) -> None:
        """Register a credential."""
        self.tokens[token.secret] = token

    def repository(self, full_name: str) -> Repository | None:
        """The repository of that full name; redirects are not followed."""
        return self.repositories.get(full_name.casefold())

    def repository_by_id(self, repository_id: int) -> Repository | None:
        """The repository of that id."""
        return next((each for each in self.repositories.values() if each.id == repository_id), None)

    def place(self, repository: Repository) -> None:
        """Put a repository under its full name; a redirect from there ends."""
        self.repositories[repository.full_name.casefold()] = repository
        self.redirects.pop(repository.full_name.casefold(), None)

    def rename(self, repository: Repository, name: str) -> None:
        """Give a repository another name and leave a redirect."""
        del self.repositories[repository.full_name.casefold()]
        self.redirects[repository.full_name.casefold()] = repository.id
        repository.name = name
        self.place(repository)

    def issues(self) -> Iterator[tuple[Repository, Issue]]:
        """Every issue with its repository."""
        for repository in self.repositories.values():
            for issue in repository.issues.values():
                yield repository, issue

    def milestone_counts(self, repository: Repository) -> Counter[tuple[int | None, str]]:
        """How many issues each (milestone, state) has; counted once between two changes."""
        counts = self._milestone_counts.get(id(repository))
        if counts is None:
            counts = Counter((issue.milestone, issue.state) for issue in repository.issues.values())
            self._milestone_counts[id(repository)] = counts
        return counts

    def changed(self) -> None:
        """Forget what was counted; to be called after every change."""
        self._milestone_counts.clear()
        self._relations = None

    def relations(self) -> RelationIndex:
        """The relations of all issues; gathered once between two changes, and not before there is one."""
        if self._relations is None:
            index = RelationIndex()
            for pair in self.issues() if self.has_relations else ():
                issue = pair[1]
                index.issues[issue.id] = pair
                if issue.parent is not None:
                    index.parts.setdefault(issue.parent, []).append(pair)
                for each in issue.blocked_by:
                    index.blocked.setdefault(each, []).append(pair)
            self._relations = index
        return self._relations

    def issue_of_id(self, identity: int) -> tuple[Repository, Issue] | None:
        """The issue of that id, and its repository."""
        return next((pair for pair in self.issues() if pair[1].id == identity), None)

    def owned_by(self, login: str) -> list[Repository]:
        """The repositories of an account, by name."""
        wanted = login.casefold()
        return sorted(
            (each for each in self.repositories.values() if each.owner.casefold() == wanted),
            key=lambda each: each.name.casefold(),
        )


def node_id(prefix: str, number: int) -> str:
    """A global id as GraphQL gives it, made from the REST id."""
    return f"{prefix}_" + base64.urlsafe_b64encode(f"{number:012d}".encode()).decode().rstrip("=")


def node_number(identity: str) -> tuple[str, int] | None:
    """The prefix and REST id of a global id; None when it is none of ours."""
    prefix, _, packed = identity.partition("_")
    try:
        return prefix, int(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)))
    except (ValueError, UnicodeDecodeError):
        return None


def role_of(state: State, login: str, repository: Repository) -> Role:
    """The role that an account has in a repository; visibility gives READ to all."""
    least = Role.NONE if repository.private else Role.READ
    if login.casefold() == repository.owner.casefold():
        return Role.ADMIN
    granted = repository.collaborators.get(login.casefold())
    if granted is not None:
        least = max(least, _COLLABORATOR_ROLES.get(granted, Role.READ))
    owner = state.account(repository.owner)
    if owner is not None and owner.is_organization:
        membership = {name.casefold(): role for name, role in owner.members.items()}.get(login.casefold())
        if membership is not None:
            least = max(least, Role.ADMIN if membership == "admin" else Role.READ)
    return least


_COLLABORATOR_ROLES: Final[Mapping[str, Role]] = {
    "pull": Role.READ,
    "triage": Role.READ,
    "push": Role.WRITE,
    "maintain": Role.WRITE,
    "admin": Role.ADMIN,
}


def is_assignable(state: State, login: str, repository: Repository) -> bool:
    """Whether issues of the repository can be assigned to a login: its owner, members, collaborators."""
    account = state.account(login)
    if account is None or account.is_organization:
        return False
    owner = state.account(repository.owner)
    members = {name.casefold() for name in owner.members} if owner is not None else set()
    wanted = login.casefold()
    return wanted == repository.owner.casefold() or wanted in members or wanted in repository.collaborators
