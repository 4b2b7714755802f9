"""What GitLab answers about releases, snippets and badges.

Docs: api/releases, api/project_snippets, api/project_badges.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gl2gh_batch.source.models import Milestone, User


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseLink:
    """A link of a release; `link_type` is `other`, `runbook`, `image` or `package`."""

    id: int
    name: str
    url: str
    direct_asset_url: str | None = None
    link_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseAssets:
    """The links of a release; its archives of the source are GitHub's to make."""

    links: tuple[ReleaseLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A snapshot of a release that GitLab took; `filepath` is an address."""

    sha: str = ""
    filepath: str = ""
    collected_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A release; `upcoming_release` while its date lies ahead. What the token may not see is absent."""

    tag_name: str
    name: str | None = None
    description: str | None = None
    created_at: str = ""
    released_at: str | None = None
    upcoming_release: bool | None = None
    author: User | None = None
    milestones: tuple[Milestone, ...] | None = None
    assets: ReleaseAssets = field(default_factory=ReleaseAssets)
    evidences: tuple[Evidence, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetFile:
    """A file of a snippet; `path` is relative within it."""

    path: str
    raw_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A snippet of a project with the names of its files; older versions tell of one alone."""

    id: int
    title: str
    description: str | None = None
    visibility: str = "private"
    author: User | None = None
    created_at: str = ""
    updated_at: str = ""
    web_url: str = ""
    file_name: str | None = None
    files: tuple[SnippetFile, ...] | None = None
    ssh_url_to_repo: str | None = None
    http_url_to_repo: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A badge of a project or of a group above it; `rendered_…` is without placeholders such as
    `%{project_path}`."""

    id: int = 0
    name: str | None = None
    link_url: str = ""
    image_url: str = ""
    rendered_link_url: str | None = None
    rendered_image_url: str | None = None
    kind: str = "project"
