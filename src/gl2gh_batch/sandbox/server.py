"""The sandbox: a GitLab and a GitHub on loopback, and the interface that controls them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from gl2gh_batch.sandbox import control, seeds
from gl2gh_batch.sandbox.clock import Clock
from gl2gh_batch.sandbox.faults import Fault, parse_faults
from gl2gh_batch.sandbox.github.app import make_app as make_github
from gl2gh_batch.sandbox.github.platform import GitHubPlatform
from gl2gh_batch.sandbox.github.state import State, Token
from gl2gh_batch.sandbox.gitlab.app import make_app as make_gitlab
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.gitlab_platform import GitLabPlatform
from gl2gh_batch.sandbox.guard import Guard, Platform
from gl2gh_batch.sandbox.journal import Exchange, Journal
from gl2gh_batch.sandbox.limits import PROFILES, Limiter, parse_limits
from gl2gh_batch.sandbox.rules import Rules
from gl2gh_batch.sandbox.storage import Storage

HOST: Final = "127.0.0.1"
OWNER: Final = "acme"
OPERATOR: Final = "acme-migrator"
GITHUB_TOKEN: Final = "ghp_sandbox0000000000000000000000000000"
# Members of the organisation, who can be assigned to issues.
MEMBERS: Final = ("octocat", "monalisa", "hubot")
# What a server waits for requests that are under way when it stops.
SHUTDOWN_S: Final = 1.0


class Sandbox:
    """Both platforms with real limits and real git, as an async context manager.

    `projects` are seeds for the GitLab, `PATH[=ID:group/path]` each. `profile` names a row of
    `limits.PROFILES`, `limits` overrides its classes, `faults` are as `PUT control/faults` takes them,
    `loosened` names rows of `rules.TABLE` that are not kept, `settings` fields of the GitHub's `Settings`.
    `members` belong to the organisation and can be assigned, `users` merely exist. `observe` sees every
    exchange that passes. With `object_storage` the GitLab sends readers of files to another origin, as the
    GitHub always does. The same `seed` and requests give the same answers, but for the time.
    """

    def __init__(
        self,
        projects: Sequence[str | Path] = (),
        profile: str = "github.com",
        limits: Mapping[str, Mapping[str, float]] | None = None,
        *,
        faults: Iterable[Mapping[str, Any]] = (),
        loosened: Iterable[str] = (),
        settings: Mapping[str, Any] | None = None,
        members: Sequence[str] = MEMBERS,
        users: Sequence[str] = (),
        seed: int = 0,
        started_at: datetime | None = None,
        observe: Callable[[Exchange], None] | None = None,
        object_storage: bool = False,
    ) -> None:
        self._projects = [seeds.parse_spec(str(project)) for project in projects]
        self.profile_name = profile
        self._profile = PROFILES[profile]
        self._start_limits = parse_limits(limits or {})
        self._start_faults = list(faults)
        parse_faults(self._start_faults)
        self.rules = Rules(loosened)
        self._settings = dict(settings or {})
        self._members, self._users = tuple(members), tuple(users)
        self._seed = seed
        self._started_at = started_at
        self.observe = observe
        self.object_storage = object_storage
        self.storage = Storage()
        self.owner = OWNER
        self.github_token = GITHUB_TOKEN
        self.journal = Journal()
        self.faults: list[Fault] = []
        self._platforms: list[web.AppRunner] = []
        self._control: web.AppRunner | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    async def __aenter__(self) -> Self:
        self.clock = Clock(self._started_at)
        self.limiter = Limiter(self._profile, self._start_limits, self.rules)
        self._folder = tempfile.TemporaryDirectory(prefix="gl2gh-sandbox-")
        try:
            await self._open(gitlab_port=0, github_port=0)
            self._control = web.AppRunner(control.make_app(self), shutdown_timeout=SHUTDOWN_S)
            self.control_url = f"{await _listen(self._control, 0)}/control"
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._control is not None:
            await self._control.cleanup()
        await self._close_platforms()
        if self._folder is not None:
            self._folder.cleanup()

    async def _close_platforms(self) -> None:
        for runner in self._platforms:
            await runner.cleanup()
        self._platforms.clear()

    async def reset(self) -> None:
        """Make everything as it was at the start: seeds, state, limits, faults, journal; addresses stay."""
        ports = [int(url.rpartition(":")[2]) for url in (self.gitlab_url, self.github_url)]
        await self._close_platforms()
        await self._open(gitlab_port=ports[0], github_port=ports[1])

    async def _open(self, *, gitlab_port: int, github_port: int) -> None:
        assert self._folder is not None
        root = Path(tempfile.mkdtemp(dir=self._folder.name))
        self.journal.clear()
        self.limiter.set_overrides(self._start_limits)
        self.faults[:] = parse_faults(self._start_faults)
        self._fill_gitlab(root / "gitlab")
        self._fill_github(root / "github")
        github_platform = GitHubPlatform(self.github)
        github = make_github(self.github, github_platform.routes(self.limiter))
        github.on_response_prepare.append(github_platform.add_headers)
        self.github_url = await self._serve(github, github_platform, github_port)
        self.github.url = self.github_url
        self.github_api_url = self.github.api_url
        gitlab = make_gitlab(self.gitlab)
        self.gitlab_url = await self._serve(gitlab, GitLabPlatform(self.clock, self.rules), gitlab_port)
        self.gitlab.url = self.gitlab_url
        self.storage = Storage()
        self.storage.roots = {"gitlab": root / "gitlab", "github": root / "github"}
        runner = web.AppRunner(self.storage.app(), shutdown_timeout=SHUTDOWN_S)
        self._platforms.append(runner)
        self.github.storage_url = await _listen(runner, 0)
        if self.object_storage:
            self.gitlab.storage_url = self.github.storage_url

    def _fill_gitlab(self, git_root: Path) -> None:
        git_root.mkdir()
        self.gitlab = World(git_root=git_root, rules=self.rules)
        self.gitlab.now = self.clock.wall
        for path, project_id, full_path in self._projects:
            self.gitlab.add(path, project_id=project_id, full_path=full_path)
        self.gitlab_token = self.gitlab.token

    def _fill_github(self, git_root: Path) -> None:
        git_root.mkdir()
        self.github = State(clock=self.clock, rules=self.rules, git_root=git_root, seed=self._seed)
        self.github.settings.update(self._settings)
        for login in (OPERATOR, *self._members, *self._users):
            self.github.add_account(login, name=login, email=f"{login}@example.com")
        members = {OPERATOR: "admin", **dict.fromkeys(self._members, "member")}
        self.github.add_account(OWNER, is_organization=True, name=OWNER, members=members)
        self.github.add_token(Token(secret=GITHUB_TOKEN, login=OPERATOR))

    async def _serve(self, app: web.Application, platform: Platform, port: int) -> str:
        guard = Guard(
            platform=platform,
            limiter=self.limiter,
            journal=self.journal,
            clock=self.clock,
            rules=self.rules,
            faults=self.faults,
            observe=self._observed,
        )
        app.middlewares.insert(0, guard.middleware())
        # git gzips its request bodies, and `git http-backend` unpacks them itself.
        runner = web.AppRunner(app, auto_decompress=False, shutdown_timeout=SHUTDOWN_S)
        self._platforms.append(runner)
        return await _listen(runner, port)

    def _observed(self, exchange: Exchange) -> None:
        if self.observe is not None:
            self.observe(exchange)


async def _listen(runner: web.AppRunner, port: int) -> str:
    """Serve on loopback, on a free port when none is given; the address."""
    await runner.setup()
    site = web.TCPSite(runner, HOST, port, reuse_address=True)
    await site.start()
    return f"http://{HOST}:{runner.addresses[0][1]}"
