"""What the agents of one project work with: its request, its folder and the two platforms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gl2gh_batch import codec
from gl2gh_batch.domain.events import Counted, Noticed
from gl2gh_batch.domain.limits import Limits
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import ProjectRequest
from gl2gh_batch.kinds import ALL_KINDS, Kind
from gl2gh_batch.kit.claim import TargetClaim
from gl2gh_batch.kit.exported import Exported
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_process import GitAuth
from gl2gh_batch.kit.references import References
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.kit.workdir import ProjectFolder
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.cold import ColdGitLab
from gl2gh_batch.source.writing import SourceWriter
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One project's work place, made by the batch, the same for all six agents.

    `source_export` is read in the place of GitLab; `export_folder` is where EXPORT_ONLY makes one.
    `source_writer` gives what changes GitLab, for `source_after` alone.
    """

    request: ProjectRequest
    label: str
    folder: ProjectFolder
    gitlab_url: str
    github_url: str
    gitlab: GitLab
    cold: ColdGitLab
    github: GitHub
    witness: Witness
    git: Git
    gitlab_auth: Callable[[], GitAuth]
    github_auth: Callable[[], Awaitable[GitAuth]]
    limits: Callable[[], Limits]
    imports_are_content: Callable[[], bool]
    references: References
    reference: ProjectReference
    users: UserDirectory
    clock: Clock
    emit: Emit
    tool_version: str
    claim: TargetClaim | None = None
    source_export: Exported | None = None
    export_folder: Path | None = None
    source_writer: Callable[[], SourceWriter] | None = None
    accept_source_changes: bool = False
    engine: str = "rest"
    kinds: Mapping[str, Kind] = field(default_factory=lambda: ALL_KINDS)  # type: ignore[type-arg] # because a registry of kinds mixes all their types

    @property
    def repo(self) -> RepoRef:
        """The target repository."""
        return self.reference.repo

    @property
    def source_git_url(self) -> str:
        """The address that git reads from: built from the configured GitLab, never taken from an answer."""
        return f"{self.gitlab_url}/{self.reference.project.full_path}.git"

    @property
    def source_wiki_url(self) -> str:
        """The address of the wiki's git."""
        return f"{self.gitlab_url}/{self.reference.project.full_path}.wiki.git"

    def source_snippet_url(self, snippet_id: int) -> str:
        """The address of the git of one of the project's snippets (docs: api/project_snippets)."""
        return f"{self.gitlab_url}/{self.reference.project.full_path}/snippets/{snippet_id}.git"

    @property
    def target_git_url(self) -> str:
        """The address that git writes to, built from the configured GitHub."""
        return f"{self.github_url}/{self.repo}.git"

    def now(self) -> str:
        """The date and time, ISO 8601 in UTC."""
        return self.clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")

    def request_digest(self) -> str:
        """Changes when what was asked for this project changes."""
        return codec.digest(
            {
                "kinds": dict(self.request.kinds),
                "policies": codec.plain(self.request.policies),
                "carried": list(self.kinds),
                "gitlab": self.gitlab_url,
            }
        )

    def count(self, agent: str, kind: str, done: int, total: int | None = None) -> None:
        """Tell how far an agent is."""
        self.emit(Counted(project=self.label, agent=agent, kind=kind, done=done, total=total))

    def notice(self, level: str, message: str, hint: str = "") -> None:
        """Tell something that a reader should know."""
        self.emit(Noticed(project=self.label, level=level, message=message, hint=hint))
