"""Git over smart HTTP, as github.com serves it: repositories and their wikis, with what it declines."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

from gl2gh_batch.sandbox.git_http import HOLD_ANSWER, is_write, serve_git
from gl2gh_batch.sandbox.github.auth import role_with, token_of
from gl2gh_batch.sandbox.github.call import find_repository
from gl2gh_batch.sandbox.github.errors import Refused
from gl2gh_batch.sandbox.github.git import BRANCHES, BareGit
from gl2gh_batch.sandbox.github.pull_life import follow_refs
from gl2gh_batch.sandbox.github.repositories import git_of, wiki_of
from gl2gh_batch.sandbox.github.state import Repository, Role, State, Token
from gl2gh_batch.sandbox.lfs import Lfs, is_lfs, is_lfs_transfer, lfs_error, serve_lfs

HOOKS: Final = Path(__file__).with_name("hooks")
HOOKS_FOLDER: Final = "hooks"
HIDDEN_REFS: Final = ("refs/pull",)
# Branch names that become the default one when they are among the first that are pushed.
PREFERRED: Final = ("main", "master")

_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="GitHub"'}


def _text(status: int, text: str, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(status=status, text=text, headers=headers)


def install_hooks(git_root: Path) -> None:
    """Lay out the server-side hooks, executable whatever the installation made of them."""
    folder = git_root / HOOKS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for source in HOOKS.iterdir():
        target = folder / source.name
        target.write_bytes(source.read_bytes())
        target.chmod(0o755)


class Transport:
    """The git side of one GitHub."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """`/{owner}/{repo}[.git]{path}` and `/{owner}/{repo}.wiki.git{path}`."""
        state = self._state
        name = request.match_info["repo"].removesuffix(".git")
        is_wiki = name.endswith(".wiki")
        path = f"/{request.match_info['path']}"
        params = {"owner": request.match_info["owner"], "repo": name.removesuffix(".wiki")}
        try:
            if is_lfs_transfer(path):
                return await serve_lfs(request, path, self._lfs(find_repository(state, params)))
            token = token_of(state, request)
            repository = find_repository(state, params)
        except Refused as refused:
            if refused.status == 401:
                return self._challenge("Invalid username or token.\n")
            return self._absent(request)
        role = role_with(state, token, repository)
        needed = Role.WRITE if is_write(request, path) else Role.READ
        if token is not None and token.permissions is not None and needed is Role.WRITE:
            role = role if token.permissions.get("contents") == "write" else min(role, Role.READ)
        if role is Role.NONE and state.rules.holds("invisible"):
            return self._absent(request)
        if role < needed and state.rules.holds("permission"):
            if token is None:
                return self._challenge("No anonymous write access.\n")
            return _text(403, f"Permission to {repository.full_name}.git denied to {token.login}.\n")
        if needed is Role.WRITE and repository.archived and state.rules.holds("archived"):
            return _text(403, "This repository was archived so it is read-only.\n")
        if is_lfs(path) and not is_wiki:
            return await self._serve_lfs(request, path, repository, token, role)
        git = wiki_of(state, repository) if is_wiki else git_of(state, repository)
        if is_wiki and not await self._has_wiki(repository, git):
            return _text(404, "Repository not found.\n")
        user = "anonymous" if token is None else token.login
        return await self._relay(request, repository, git, path, user)

    def _absent(self, request: web.Request) -> web.Response:
        """What may not be seen: git is asked for a password first, as it may be there for somebody."""
        if "Authorization" not in request.headers:
            return self._challenge("Repository not found.\n")
        return _text(404, "Repository not found.\n")

    def _challenge(self, words: str) -> web.Response:
        return _text(401, words, _CHALLENGE if self._state.rules.holds("www-authenticate") else None)

    async def _has_wiki(self, repository: Repository, git: BareGit) -> bool:
        if not git.exists and not self._state.rules.holds("wiki_first_page"):
            await git.create("master")
        return git.exists and repository.settings.get("has_wiki", True) is not False

    async def _serve_lfs(
        self, request: web.Request, path: str, repository: Repository, token: Token | None, role: Role
    ) -> web.StreamResponse:
        """What is asked of LFS with a token; without one, whoever wants to write is asked for it."""
        rules = self._state.rules
        permissions = None if token is None else token.permissions
        may_write = (role >= Role.WRITE or not rules.holds("permission")) and (
            permissions is None or permissions.get("contents") == "write"
        )
        may_write = may_write and not (repository.archived and rules.holds("archived"))
        response = await serve_lfs(request, path, self._lfs(repository, may_write=may_write))
        if response.status == 403 and token is None:
            return lfs_error(401, "Requires authentication", {"LFS-Authenticate": 'Basic realm="GitHub"'})
        return response

    def _lfs(self, repository: Repository, *, may_write: bool = False) -> Lfs:
        state, settings = self._state, self._state.settings

        def refuse(size: int) -> tuple[int, str] | None:
            if size > settings.lfs_object_bytes and state.rules.holds("lfs_object_bytes"):
                return 422, f"Size must be less than or equal to {settings.lfs_object_bytes}"
            held = sum(
                path.stat().st_size
                for each in state.owned_by(repository.owner)
                for path in each.lfs_objects.values()
            )
            if held + size > settings.lfs_quota_bytes and state.rules.holds("lfs_quota_bytes"):
                return 403, (
                    "This repository exceeded its LFS budget. "
                    "The account responsible for the budget should increase it to restore access."
                )
            return None

        return Lfs(
            address=f"{state.url}/{repository.full_name}.git",
            objects=repository.lfs_objects,
            folder=state.git_root / repository.lfs_folder,
            may_write=may_write,
            refuse=refuse,
        )

    async def _relay(
        self, request: web.Request, repository: Repository, git: BareGit, path: str, user: str
    ) -> web.StreamResponse:
        rules = self._state.rules
        is_push = path == "/git-receive-pack"
        before = await git.refs() if is_push else {}
        if is_push:
            # The client must not hear of its push before the API does.
            request[HOLD_ANSWER] = True
        response = await serve_git(
            request,
            root=self._state.git_root,
            repository=git.folder.name,
            path_info=path,
            user=user,
            hidden_refs=HIDDEN_REFS if rules.holds("hidden_refs") else (),
            hooks=self._state.git_root / HOOKS_FOLDER,
            push_bytes=self._state.settings.push_bytes if rules.holds("push_bytes") else None,
            environment={
                "SANDBOX_FILE_BYTES": str(self._state.settings.file_bytes)
                if rules.holds("file_bytes")
                else "",
                # A wiki has no LFS: its pointers are files like others.
                "SANDBOX_LFS": str(self._state.git_root / repository.lfs_folder)
                if rules.holds("lfs_unknown") and git.folder.name == repository.git_folder
                else "",
                "SANDBOX_SECRETS": self._state.settings.secrets if rules.holds("push_protection") else "",
                "SANDBOX_EMAILS": " ".join(self._state.settings.private_emails)
                if rules.holds("private_emails")
                else "",
                "SANDBOX_REF_BYTES": _shell_number(rules.most("ref_bytes")),
            },
        )
        if is_push and (after := await git.refs()) != before:
            await self._pushed(repository, git, after)
            if git.folder.name == repository.git_folder:
                await follow_refs(self._state, git, repository, before, user)
                self._state.changed()
        return response

    async def _pushed(self, repository: Repository, git: BareGit, refs: dict[str, str]) -> None:
        """What follows a push: the first branch becomes the default one, and the time is noted."""
        if git.folder.name != repository.git_folder:
            return
        repository.pushed_at = self._state.clock.stamp()
        branches = [ref.removeprefix(BRANCHES) for ref in refs if ref.startswith(BRANCHES)]
        if branches and repository.default_branch not in branches:
            first = next((name for name in PREFERRED if name in branches), branches[0])
            repository.default_branch = first
            await git.set_head(first)


def _shell_number(most: float) -> str:
    return "" if most == float("inf") else f"{most:.0f}"
