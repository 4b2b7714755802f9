"""What a project holds, as discovery finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gl2gh_batch.domain.plan import Finding
from gl2gh_batch.domain.refs import ProjectRef


@dataclass(frozen=True, slots=True, kw_only=True)
class Watermark:
    """What tells whether the source changed since: last activity, digest of the refs, newest update."""

    last_activity_at: str
    refs_sha256: str
    newest_update: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Facts about one project; `counts` by kind, None where GitLab does not say; sizes in bytes.

    `members_only` are the features that only members see, whoever sees the project. A repository that is not
    enabled counts as empty.
    """

    project: ProjectRef
    name: str
    description: str
    web_url: str
    visibility: str
    default_branch: str | None
    archived: bool
    empty_repository: bool
    issues_enabled: bool
    wiki_enabled: bool
    topics: tuple[str, ...]
    created_at: str
    counts: Mapping[str, int | None]
    sizes: Mapping[str, int]
    gitlab_version: str
    watermark: Watermark
    findings: tuple[Finding, ...] = ()
    not_carried: Mapping[str, int | None] = field(default_factory=dict)
    merge_requests_enabled: bool = True
    members_only: tuple[str, ...] = ()
    repository_enabled: bool = True


NOT_CARRIED: Final[dict[str, str]] = {
    # kind → what a reader should know; later work empties this table
    "members": "members and their roles",
    "protected_branches": "branch protections",
    "protected_tags": "tag protections",
    "variables": "CI/CD variables",
    "hooks": "webhooks",
    "environments": "environments",
    "pipeline_schedules": "pipeline schedules",
    "deploy_keys": "deploy keys",
    "boards": "issue boards",
    "badges": "badges",
}
