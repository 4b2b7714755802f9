"""What a project says of itself, and what GitHub is to say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gl2gh_batch.kinds._badges import BadgeRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryRecord:
    """The project's own settings, and what its mirror holds (ref → SHA).

    `badges` is None where nobody told which they are.
    """

    description: str
    visibility: str
    default_branch: str | None
    topics: tuple[str, ...]
    archived: bool
    issues_enabled: bool
    merge_method: str
    squash_option: str
    remove_source_branch_after_merge: bool
    refs: Mapping[str, str] = field(default_factory=dict)
    merge_requests_enabled: bool = True
    ci_enabled: bool = True
    forked_from: str = ""
    avatar_url: str = ""
    merge_commit_template: str = ""
    squash_commit_template: str = ""
    waits_for_pipeline: bool = False
    waits_for_threads: bool = False
    forking_forbidden: bool = False
    badges: tuple[BadgeRecord, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDesired:
    """The repository as GitHub has it; `default_branch` None as long as it is empty.

    `temporary_refs` go in the close phase; `spare_refs` (name → SHA, and a step) come then where that step
    was refused; `lfs` are the LFS objects (oid → bytes) that the refs name; `wiki` is the commit of GitHub's
    own wiki, `snippets` that of the snippets' own repository, which has the `snippets_visibility`; they are
    empty where there is to be none. `has_pull_requests` is None where a server does not know the switch,
    `has_wiki` and `has_actions` where they are not looked at (yet), and `homepage` where it was there before.
    """

    description: str
    visibility: str
    archived: bool
    has_issues: bool
    default_branch: str | None
    topics: tuple[str, ...]
    allow_merge_commit: bool
    allow_squash_merge: bool
    allow_rebase_merge: bool
    delete_branch_on_merge: bool
    refs: Mapping[str, str] = field(default_factory=dict)
    temporary_refs: Mapping[str, str] = field(default_factory=dict)
    spare_refs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lfs: Mapping[str, int] = field(default_factory=dict)
    wiki: str = ""
    snippets: str = ""
    snippets_visibility: str = ""
    has_pull_requests: bool | None = True
    has_actions: bool | None = True
    homepage: str | None = ""
    has_wiki: bool | None = None
