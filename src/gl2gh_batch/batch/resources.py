"""What all projects of a batch share: budgets, connections, users, the map of numbers, the events."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from gl2gh_batch.agents import Desk
from gl2gh_batch.agents.discovery import is_unfinished
from gl2gh_batch.batch.claims import Claims
from gl2gh_batch.batch.config import ProjectConfig, parse_config
from gl2gh_batch.batch.connections import Connections
from gl2gh_batch.batch.credentials import parse_credentials
from gl2gh_batch.batch.exports import EXPORTS, open_export, surveyed
from gl2gh_batch.batch.pool import GovernorPool
from gl2gh_batch.batch.survey import standing, survey_project, target_of
from gl2gh_batch.batch.tokens import require_github_token, require_gitlab_token
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.events import Event
from gl2gh_batch.domain.limits import Limit, LimitClass, Limits
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.claim import LEASE_S
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_lfs_server import LfsObject
from gl2gh_batch.kit.git_process import GitAuth
from gl2gh_batch.kit.git_wiki import WikiFile
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import Retries
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.kit.references import References
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.kit.workdir import ProjectFolder, slug
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.cold import ColdGitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

REFERENCES: Final = "references.sqlite"
DEFAULT_WORK_DIR: Final = Path("gl2gh-work")
# The survey must not keep a batch waiting for a project that cannot be reached: it asks twice at the most,
# and the project's own agents ask again with all their patience.
SURVEY_RETRIES: Final = Retries(tries=2, first_s=0.2, most_s=0.5)


class SharedResources:
    """Made once for a batch, or for several; close it when done (`async with`, or `await close()`).

    `github_rate_limit` is the most requests an hour for each GitHub credential, also where the answers tell
    that it has more; without it, it has what they tell. `limits` overrides any class of either platform;
    `imports_are_content` says from the start that GitHub counts imports as created content, which a refusal
    teaches otherwise. `work_dir` is where the batch's files go. All processes of one host or shared volume
    that name the same `rate_limit_file` are together as exact as one; with `shard` (`2/3`) this one takes its
    allotment of it.
    `github_credentials` (`owner`, `token`, or `app_id`, `private_key`, `installation_id`; `name`) share the
    projects among them by owner and predicted cost, in the place of the projects' own.
    `claim_lease_s` is how long a target stays claimed by a run that died.
    With a `pool`, the governors are those that other batches of this process use, too, and the file is its.
    """

    def __init__(
        self,
        *,
        github_rate_limit: int | None = None,
        rate_limit_file: str | Path | None = None,
        shard: str | None = None,
        limits: Mapping[LimitClass, Limit] | None = None,
        imports_are_content: bool = False,
        github_credentials: Sequence[Mapping[str, Any]] = (),
        work_dir: str | Path | None = None,
        users: UserDirectory | None = None,
        clock: Clock | None = None,
        redactor: Redactor | None = None,
        claim_lease_s: float = LEASE_S,
        pool: GovernorPool | None = None,
    ) -> None:
        if github_rate_limit is not None and (type(github_rate_limit) is not int or github_rate_limit < 1):
            raise ConfigurationError(
                f"{github_rate_limit!r} is not a number of requests an hour",
                field="github_rate_limit",
                hint="GitHub's own limit for a token is 5000.",
            )
        self.clock: Clock = clock or SystemClock()
        self.redactor = redactor or Redactor()
        self.users = UserDirectory() if users is None else users
        self.work_dir = Path(work_dir) if work_dir is not None else None
        self.tool_version = version("gl2gh-batch")
        self._claims = Claims(
            redact=self.redactor.redact, tool_version=self.tool_version, lease_s=claim_lease_s
        )
        self.github_credentials = parse_credentials(github_credentials)
        for one in self.github_credentials:
            self.redactor.add(one.app.private_key if one.app else one.token)
        self._listeners: list[Emit] = []
        self._connections = Connections(
            clock=self.clock,
            redactor=self.redactor,
            emit=self.emit,
            limits=limits or {},
            primary=github_rate_limit,
            imports_are_content=imports_are_content,
            rate_limit_file=rate_limit_file,
            shard=shard,
            pool=pool,
        )
        self._references: dict[Path | None, References] = {}
        self._roots: dict[tuple[str, str, str], Path] = {}

    # ── the library's face ───────────────────────────────────────────────────────────────────────

    async def set_user_mapping(self, key: str, mapping: Any) -> None:
        """Remember who a GitLab user is; any value, given back as it is."""
        self.users.set(key, mapping)

    async def get_user_mapping(self, key: str) -> Any | None:
        """What was remembered; None when unknown."""
        return self.users.get(key)

    def subscribe(self, listener: Emit) -> Callable[[], None]:
        """Hear every event from now on; call what is returned to hear no more."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def emit(self, event: Event) -> None:
        """Tell all who listen."""
        for listener in list(self._listeners):
            listener(event)

    def _emit_as(self, label: str, told_as: str, event: Event) -> None:
        """Tell an event of a project under the one name by which it was begun."""
        named: Any = event
        is_its = label != told_as and getattr(named, "project", "") == label
        self.emit(replace(named, project=told_as) if is_its else event)

    def stop(self, message: str) -> None:
        """Grant nothing any more: what is under way ends, what waits is given up."""
        self._connections.stop(message)

    def governors(self) -> tuple[RequestGovernor, ...]:
        """Everyone who grants requests, one for each credential."""
        return tuple(self._connections.governors.values())

    def governors_of(self, config: ProjectConfig | None) -> tuple[RequestGovernor, ...]:
        """Those who grant a project's requests; one that granted nothing yet is not among them.

        None for a configuration that could not be read: its project fails before it asks anybody.
        """
        if config is None:
            return ()
        github = self._connections.github_governor(config)
        return (self._connections.gitlab_governor(config), *(() if github is None else (github,)))

    def all_limits(self) -> Limits:
        """The limits of the first credential of either platform: what is dealt out to shards."""
        found: dict[LimitClass, Limit] = {}
        for governor in reversed(self._connections.governors.values()):
            found.update(governor.limits)
        return found

    def github_account(self, config: ProjectConfig) -> tuple[str, Limits]:
        """Who pays for a project's requests to GitHub, and the limits of that credential."""
        governor = self._connections.github_governor(config)
        return ("", {}) if governor is None else (governor.credential, governor.limits)

    async def close(self) -> None:
        """Let go of connections, threads and files."""
        await self._connections.close()
        for references in self._references.values():
            references.close()
        self._references.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    # ── what the batch and its agents take from here ─────────────────────────────────────────────

    def root_for(self, configs: list[ProjectConfig]) -> Path:
        """Where the batch's own files go: as told, else the nearest folder common to all projects'."""
        if self.work_dir is not None:
            return self.work_dir
        folders = [config.output_dir.resolve() for config in configs if config.output_dir]
        if not folders:
            return DEFAULT_WORK_DIR
        if len(folders) == 1:
            return folders[0]
        return Path(os.path.commonpath(folders))

    def place(self, config: ProjectConfig, root: Path) -> None:
        """Remember that the project belongs to the batch whose files are in `root`."""
        self._roots[_place(config)] = root

    def references(self, root: Path | None) -> References:
        """The map of the batch whose files are in `root`."""
        if root not in self._references:
            self._references[root] = References(root / REFERENCES if root else None)
        return self._references[root]

    async def survey(self, config: ProjectConfig, root: Path | None, *, patient: bool) -> ProjectReference:
        """Ask a project for its name and highest numbers, and put them on the map."""
        require_gitlab_token(config)
        export = await asyncio.to_thread(open_export, config)
        if export is not None:
            reference = await asyncio.to_thread(surveyed, export, config, now=self.clock.now())
        else:
            reference = await survey_project(
                self._connections.gitlab(config, None if patient else SURVEY_RETRIES),
                config.request,
                owner=config.owner,
                naming=config.naming,
                now=self.clock.now(),
            )
        config.check_path(reference.project.full_path)
        self.references(root).bind(reference, config.gitlab_url)
        known = self.references(root).named(config.request.project)
        if known is not None and known.project.id == reference.project.id:
            folder = self._folder(config, root, known)
            reference = replace(
                reference,
                numbers=standing(
                    known.numbers,
                    reference.numbers,
                    unfinished=is_unfinished(folder),
                    begun=folder.ledger.exists(),
                ),
            )
        self.references(root).put(reference)
        return reference

    def folder(self, config: ProjectConfig, root: Path | None) -> tuple[str, ProjectFolder] | None:
        """The name and folder of a project that is on the map; None of another."""
        reference = self.references(root).of_instance(config.request.project, config.gitlab_url)
        if reference is None:
            return None
        name = slug(reference.project.full_path, reference.project.id)
        return name, self._folder(config, root, reference)

    def is_under_way(self, config: ProjectConfig, root: Path | None) -> bool:
        """Whether its apply began and did not end: then its place and numbers stand, and nobody is asked."""
        known = self.folder(config, root)
        return known is not None and is_unfinished(known[1])

    def _folder(self, config: ProjectConfig, root: Path | None, reference: ProjectReference) -> ProjectFolder:
        project = reference.project
        name = slug(project.full_path, project.id)
        return ProjectFolder(config.output_dir or (root or DEFAULT_WORK_DIR) / "projects" / name)

    @asynccontextmanager
    async def desk(self, config: Mapping[str, Any], *, asks_source: bool = True) -> AsyncIterator[Desk]:
        """Lay out the work place of one project; one that does not ask the source needs no token for it."""
        parsed = parse_config(config)
        root = self._roots.get(_place(parsed)) or self.root_for([parsed])
        references = self.references(root)
        reference = references.of_instance(parsed.request.project, parsed.gitlab_url)
        told_as = ""
        if reference is None:
            if _place(parsed) in self._roots:  # its batch began it under the name that it was given
                told_as = str(parsed.request.project)
            reference = await self.survey(parsed, root, patient=True)
        else:
            # The map is the batch's; where this project goes is for its configuration to say.
            repo = target_of(parsed.request, reference.project, parsed.owner, parsed.naming)
            reference = replace(reference, repo=repo or reference.repo)
        if asks_source:
            require_gitlab_token(parsed)
        require_github_token(parsed)
        export = open_export(parsed)
        label = reference.project.full_path
        told_as = told_as or label
        folder = self._folder(parsed, root, reference)
        folder.path.mkdir(parents=True, exist_ok=True)
        access = self._connections.github(parsed)
        git = Git(folder.path / "git", self.redactor.redact, sleep=self.clock.sleep)

        governor = access.github.governor
        source_governor = self._connections.gitlab_governor(parsed)

        def refused(said: str) -> None:
            governor.revoke(said, "Give a valid GitHub token, and run the same command again.")

        def source_refused(said: str) -> None:
            source_governor.revoke(said, "Give a valid GitLab token, and run the same command again.")

        def source_auth() -> GitAuth:
            source_governor.check_open()
            return GitAuth(username="oauth2", token=parsed.gitlab_token, refused=source_refused)

        async def parting_auth() -> GitAuth:
            governor.check_credential()  # git asks no governor, and must know it, too
            token = await access.credential.token()
            return GitAuth(username="x-access-token", token=token, refused=refused)

        async def target_auth() -> GitAuth:
            governor.check_open()
            return await parting_auth()

        async def refs_of(repo: RepoRef) -> Mapping[str, str]:
            return (await git.ls_remote(f"{parsed.github_url}/{repo}.git", await target_auth())).refs

        async def lfs_of(repo: RepoRef, wanted: Mapping[str, int]) -> Mapping[str, int]:
            objects = [LfsObject(oid=oid, size=size) for oid, size in wanted.items()]
            return await git.lfs.seen(f"{parsed.github_url}/{repo}.git", objects, await target_auth())

        async def wiki_of(repo: RepoRef) -> Sequence[WikiFile]:
            address = f"{parsed.github_url}/{repo}.wiki.git"
            return await git.wiki.look(address, folder.scratch, await target_auth())

        github = access.github.for_project(told_as)
        claim = self._claims.on(
            reference.repo, parsed.github_url, folder.path, target_auth, parting_auth, github
        )
        desk = Desk(
            request=parsed.request,
            label=label,
            folder=folder,
            gitlab_url=parsed.gitlab_url,
            github_url=parsed.github_url,
            gitlab=self._connections.gitlab(parsed, None).for_project(told_as),
            cold=self._connections.cold_gitlab(parsed).for_project(told_as),
            github=github,
            witness=Witness(
                api_url=parsed.github_api_url,
                credential=access.credential,
                runner=self._connections.threads(),
                line=access.line.for_project(told_as),
                ls_remote=refs_of,
                lfs_present=lfs_of,
                wiki_files=wiki_of,
                scratch=folder.scratch,
            ),
            git=git,
            gitlab_auth=source_auth,
            github_auth=target_auth,
            limits=lambda: access.github.governor.limits,
            imports_are_content=lambda: access.github.governor.imports_are_content,
            references=references,
            reference=reference,
            users=self.users,
            clock=self.clock,
            emit=partial(self._emit_as, label, told_as),
            tool_version=self.tool_version,
            claim=claim,
            source_export=export,
            source_writer=(
                None if export is not None else partial(self._connections.gitlab_writer, parsed, told_as)
            ),
            export_folder=root / EXPORTS / slug(label, reference.project.id),
            accept_source_changes=parsed.accept_source_changes,
        )
        try:
            yield desk
        finally:
            await claim.release()

    async def github_login(self, config: ProjectConfig) -> str:
        """Who the token of a configuration belongs to; empty for an App, which is nobody's second token."""
        if config.github_app is not None:
            return ""
        return (await self._connections.github(config).github.viewer()).login

    def gitlab(self, config: Mapping[str, Any]) -> GitLab:
        """GitLab with the address and token of a configuration, whatever project it names."""
        parsed = parse_config({"project_id": 1, **config})
        require_gitlab_token(parsed)
        return self._connections.gitlab(parsed, None)

    def gitlab_of(self, config: ProjectConfig) -> GitLab:
        """GitLab for one question ahead of the batch: not asked again for long."""
        require_gitlab_token(config)
        return self._connections.gitlab(config, SURVEY_RETRIES)

    def cold_gitlab(self, config: Mapping[str, Any]) -> ColdGitLab:
        """The same for the rare questions, over python-gitlab."""
        parsed = parse_config({"project_id": 1, **config})
        require_gitlab_token(parsed)
        return self._connections.cold_gitlab(parsed)

    def github(self, config: Mapping[str, Any]) -> GitHub:
        """GitHub with the address and credential of a configuration."""
        parsed = parse_config({"project_id": 1, **config})
        require_github_token(parsed)
        return self._connections.github(parsed).github


def _place(config: ProjectConfig) -> tuple[str, str, str]:
    return (config.gitlab_url.lower(), str(config.request.project), str(config.output_dir or ""))
