"""Connections to both platforms: one of each for every address and credential."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from pathlib import Path

import aiohttp

from gl2gh_batch.batch.access import GitHubAccess, github_key
from gl2gh_batch.batch.config import ProjectConfig
from gl2gh_batch.batch.exports import open_export
from gl2gh_batch.batch.pool import GovernorPool, governor_maker
from gl2gh_batch.batch.tokens import require_gitlab_token
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.limits import GITLAB_COSTS, READ_COSTS, Limit, LimitClass, Limits
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.domain.request import PARALLEL_LIMITS
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import Retries, open_session
from gl2gh_batch.kit.http_threads import GovernedAdapter, Line, ThreadRunner, governed_session
from gl2gh_batch.kit.rate_file import RateLimitFile
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.source import limits as source_limits
from gl2gh_batch.source.api import CREDENTIAL_HINT as GITLAB_HINT
from gl2gh_batch.source.api import GitLab, open_gitlab, open_http
from gl2gh_batch.source.cold import ColdGitLab
from gl2gh_batch.source.exported import ExportedGitLab, ShutColdGitLab
from gl2gh_batch.source.sansio import read_limits as read_gitlab_limits
from gl2gh_batch.source.writing import SourceWriter
from gl2gh_batch.target import limits as target_limits
from gl2gh_batch.target.api import CREDENTIAL_HINT as GITHUB_HINT
from gl2gh_batch.target.api import open_github
from gl2gh_batch.target.auth import AppToken, Credential, StaticToken
from gl2gh_batch.target.sansio import read_limits as read_github_limits


class Connections:
    """Governors, sessions, clients and threads, made when they are first asked for; close them when done."""

    def __init__(
        self,
        *,
        clock: Clock,
        redactor: Redactor,
        emit: Emit,
        limits: Limits,
        primary: int | None = None,
        imports_are_content: bool = False,
        rate_limit_file: str | Path | None = None,
        shard: str | None = None,
        pool: GovernorPool | None = None,
    ) -> None:
        self._clock = clock
        self._redactor = redactor
        self._emit = emit
        self._limits = dict(limits)
        self._primary = primary
        self._imports_are_content = imports_are_content
        self._rate_path, self._shard = rate_limit_file, shard
        self._rate_file: RateLimitFile | None = None
        self._pool = pool
        self._leave_pool = pool.subscribe(emit) if pool is not None else _nothing
        self.governors: dict[tuple[str, str, str], RequestGovernor] = {}
        self._access: dict[tuple[str, str], GitHubAccess] = {}
        self._cold: dict[tuple[str, str], ColdGitLab] = {}
        self._session: aiohttp.ClientSession | None = None
        self._told_of_tokens = False
        self._stopped: str | None = None
        self._runner: ThreadRunner | None = None

    async def close(self) -> None:
        """Let go of connections, threads and the file."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._runner is not None:
            self._runner.close()
            self._runner = None
        if self._rate_file is not None:
            self._rate_file.close()
            self._rate_file = None
        self._leave_pool()
        self._leave_pool = _nothing
        self.governors.clear()
        self._access.clear()
        self._cold.clear()

    def stop(self, message: str) -> None:
        """Grant nothing any more, to nobody: also not through connections that are made from now on."""
        self._stopped = message
        for governor in self.governors.values():
            governor.stop(message)

    def github_governor(self, config: ProjectConfig) -> RequestGovernor | None:
        """Who grants a project's requests to GitHub; None before the first one."""
        return self.governors.get(("github", *github_key(config)))

    def gitlab(self, config: ProjectConfig, retries: Retries | None = None) -> GitLab:
        """GitLab on the volume path, or the export in its place; whether there is a token shows later."""
        if (export := open_export(config)) is not None:
            return ExportedGitLab(export)
        return open_gitlab(
            session=self._http(),
            url=config.gitlab_url,
            token=config.gitlab_token,
            governor=self.gitlab_governor(config),
            clock=self._clock,
            retries=retries,
            mask=self._mask_source,
        )

    def gitlab_writer(self, config: ProjectConfig, who: str) -> SourceWriter:
        """What changes GitLab, for `source_after` alone."""
        require_gitlab_token(config)
        return SourceWriter(
            open_http(
                session=self._http(),
                url=config.gitlab_url,
                token=config.gitlab_token,
                governor=self.gitlab_governor(config),
                clock=self._clock,
                mask=self._mask_refusals,
            ),
            who=who,
        )

    def _mask_source(self, status: int, content: bytes) -> bytes:
        """Nothing that GitLab tells may carry our tokens on: into files, reports, or another platform."""
        masked = self._redactor.mask(content)
        if masked is not content and status < HTTPStatus.BAD_REQUEST and not self._told_of_tokens:
            self._told_of_tokens = True
            self._emit(
                Noticed(
                    project="",
                    level="warning",
                    message="texts on GitLab hold a token of this very run: it is carried over as ***",
                    hint="Whoever can read them can use it: revoke it after the migration.",
                )
            )
        return masked

    def _mask_refusals(self, status: int, content: bytes) -> bytes:
        return self._redactor.mask(content) if status >= HTTPStatus.BAD_REQUEST else content

    def cold_gitlab(self, config: ProjectConfig) -> ColdGitLab:
        """GitLab for the rare questions; none are answered where an export is read in its place."""
        if config.from_export is not None:
            return ShutColdGitLab()
        key = (config.gitlab_url.lower(), config.gitlab_token)
        if key not in self._cold:
            governor = self.gitlab_governor(config)
            adapter = GovernedAdapter(
                service="GitLab",
                base_url=config.gitlab_url,
                governor=governor,
                costs=GITLAB_COSTS,
                read_limits=read_gitlab_limits,
                loop=asyncio.get_running_loop(),
                hint=GITLAB_HINT,
            )
            self._cold[key] = ColdGitLab(
                url=config.gitlab_url,
                token=config.gitlab_token,
                runner=self.threads(),
                line=Line(governed_session(adapter)),
            )
        return self._cold[key]

    def gitlab_governor(self, config: ProjectConfig) -> RequestGovernor:
        """The governor of the configuration's GitLab token."""
        self._redactor.add(config.gitlab_token)
        limits = source_limits.ALL_PROFILES[source_limits.profile_for(config.gitlab_url)]
        return self._governor("gitlab", config.gitlab_url, config.gitlab_token, limits)

    def github(self, config: ProjectConfig) -> GitHubAccess:
        """GitHub with the configuration's credential."""
        app = config.github_app
        key = github_key(config)
        if key not in self._access:
            governor = self._github_governor(config, *key)
            line = self._github_line(config, governor)
            credential: Credential
            if app is None:
                self._redactor.add(config.github_token)
                credential = StaticToken(config.github_token)
            else:
                self._redactor.add(app.private_key)
                exchange = self._github_governor(config, key[0], f"app:{app.app_id}")
                credential = AppToken(
                    app_id=app.app_id,
                    private_key=app.private_key,
                    installation_id=app.installation_id,
                    api_url=config.github_api_url,
                    runner=self.threads(),
                    line=self._github_line(config, exchange),
                    clock=self._clock,
                    on_token=self._redactor.add,
                )
            self._access[key] = GitHubAccess(
                github=open_github(
                    session=self._http(),
                    api_url=config.github_api_url,
                    authorize=credential.authorize,
                    governor=governor,
                    clock=self._clock,
                    mask=self._mask_refusals,
                ),
                credential=credential,
                line=line,
            )
        return self._access[key]

    def _github_line(self, config: ProjectConfig, governor: RequestGovernor) -> Line:
        adapter = GovernedAdapter(
            service="GitHub",
            base_url=config.github_api_url,
            governor=governor,
            costs=READ_COSTS,
            read_limits=read_github_limits,
            loop=asyncio.get_running_loop(),
            hint=GITHUB_HINT,
        )
        return Line(governed_session(adapter))

    def _github_governor(self, config: ProjectConfig, url: str, key: str) -> RequestGovernor:
        """Its limits are those of the instance; an own one has none until its answers name one."""
        name = target_limits.profile_for(config.github_url)
        limits = dict(target_limits.profile(name))
        if self._primary is not None:
            limits[LimitClass.PRIMARY] = Limit(limit=self._primary, window_s=3600.0)
        when_told = target_limits.GITHUB_COM if name == "ghes" else None
        return self._governor("github", url, key, limits, when_told)

    def _governor(
        self, side: str, url: str, key: str, limits: Limits, when_told: Limits | None = None
    ) -> RequestGovernor:
        place = (side, url.lower(), key)
        if place in self.governors:
            return self.governors[place]
        make = governor_maker(
            place,
            {**limits, **self._overrides(side)},
            clock=self._clock,
            when_told=when_told,
            # Who names a number means it; GitHub's own knows better than our guess (Apps have up to 15,000).
            told_raises=self._primary is None and LimitClass.PRIMARY not in self._limits,
            imports_are_content=side == "github" and self._imports_are_content,
        )
        if self._pool is not None:
            governor = self._pool.share(place, make)
        else:
            number = sum(1 for one in self.governors if one[0] == side) + 1
            governor = make(f"{side}-{number}", self._emit, self._shared_file())
        if self._stopped is not None:
            governor.stop(self._stopped)
        self.governors[place] = governor
        return governor

    def _shared_file(self) -> RateLimitFile | None:
        if self._rate_file is None and self._rate_path is not None:
            self._rate_file = RateLimitFile(self._rate_path, shard=self._shard, emit=self._emit)
        return self._rate_file

    def _overrides(self, side: str) -> Limits:
        return {
            name: limit
            for name, limit in self._limits.items()
            if name.value.startswith("gitlab_") == (side == "gitlab")
        }

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = open_session()
        return self._session

    def threads(self) -> ThreadRunner:
        """Where the synchronous libraries run."""
        if self._runner is None:
            self._runner = ThreadRunner(PARALLEL_LIMITS.stop - 1, self._clock)
        return self._runner


def _nothing() -> None:
    """There is no pool to leave."""
