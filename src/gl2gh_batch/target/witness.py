"""The reader that verify uses: PyGithub, and so other code than the writer's.

Only lists and their raw data are read: reading an absent or nested attribute of one of PyGithub's objects
sends a hidden request.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import github
import requests

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import Gl2ghError, NotFoundError, TargetError, TransportError
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.git_wiki import WikiFile
from gl2gh_batch.kit.http_threads import TIMEOUT_S, Line, ThreadRunner, current_line
from gl2gh_batch.kit.origin import proxy_for
from gl2gh_batch.target import pygithub, sansio
from gl2gh_batch.target.auth import Credential, LiveToken
from gl2gh_batch.target.models import (
    ActionsPermissions,
    Issue,
    IssueComment,
    Label,
    Milestone,
    Pull,
    Release,
    ReleaseAsset,
    Repository,
    Review,
    ReviewComment,
    ReviewedPull,
    ReviewPage,
    Tree,
    TreeEntry,
    decode,
)
from gl2gh_batch.target.spool import CommentSpool

T = TypeVar("T")
C = TypeVar("C", IssueComment, ReviewComment, Review)

PER_PAGE: Final = 100
# The first reviews of a hundred pull requests in one request; REST has them for one pull request only. By
# GitHub's arithmetic 101 calls, and so one point (docs: rate-limits-and-query-limits-for-the-graphql-api).
REVIEWS: Final = """query($owner: String!, $name: String!, $after: String) {
  repository(owner: $owner, name: $name) {
    page: pullRequests(first: 100, after: $after, orderBy: {field: CREATED_AT, direction: ASC}) {
      pulls: nodes { number reviews(first: 10) { total: totalCount listed: nodes { state body } } }
      following: pageInfo { more: hasNextPage cursor: endCursor }
    }
  }
}"""
LsRemote = Callable[[RepoRef], Awaitable[Mapping[str, str]]]
WikiFiles = Callable[[RepoRef], Awaitable[Sequence[WikiFile]]]
# Which of the LFS objects (oid → bytes) the target has.
LfsPresent = Callable[[RepoRef, Mapping[str, int]], Awaitable[Mapping[str, int]]]


class Witness:
    """Lists what a repository holds; `ls_remote` reads its refs by git."""

    def __init__(
        self,
        *,
        api_url: str,
        credential: Credential,
        runner: ThreadRunner,
        line: Line,
        ls_remote: LsRemote,
        lfs_present: LfsPresent | None = None,
        wiki_files: WikiFiles | None = None,
        scratch: Path | None = None,
        memory: Path | None = None,
    ) -> None:
        pygithub.install()
        self._credential = credential
        self._runner = runner
        self._line = line
        self._ls_remote = ls_remote
        self._lfs_present = lfs_present
        self._wiki_files = wiki_files
        self._scratch = scratch or Path(tempfile.gettempdir())
        self._memory = memory
        self._refs: dict[RepoRef, Mapping[str, str]] = {}
        self._ids: dict[RepoRef, int] = {}
        self._auth = LiveToken()
        self._api_url = api_url
        self._github = github.Github(
            auth=self._auth,
            base_url=api_url,
            per_page=PER_PAGE,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
            lazy=True,
        )

    def for_project(self, who: str) -> Witness:
        """The same, asking in the name of a project."""
        return Witness(
            api_url=self._api_url,
            credential=self._credential,
            runner=self._runner,
            line=self._line.for_project(who),
            ls_remote=self._ls_remote,
            lfs_present=self._lfs_present,
            wiki_files=self._wiki_files,
            scratch=self._scratch,
        )

    @contextmanager
    def remembering(self) -> Iterator[Witness]:
        """The same, asking for each list once only: what it read is kept on disk until the context ends."""
        with tempfile.TemporaryDirectory(dir=self._scratch, prefix="seen-") as folder:
            yield Witness(
                api_url=self._api_url,
                credential=self._credential,
                runner=self._runner,
                line=self._line,
                ls_remote=self._ls_remote,
                lfs_present=self._lfs_present,
                wiki_files=self._wiki_files,
                scratch=self._scratch,
                memory=Path(folder),
            )

    async def refs(self, repo: RepoRef) -> Mapping[str, str]:
        """Every ref by its full name, with its SHA."""
        if self._memory is None:
            return await self._ls_remote(repo)
        if repo not in self._refs:
            self._refs[repo] = await self._ls_remote(repo)
        return self._refs[repo]

    async def lfs_objects(self, repo: RepoRef, wanted: Mapping[str, int]) -> Mapping[str, int]:
        """Those of the LFS objects (oid → bytes) that are there; GitHub has no list of them."""
        return {} if self._lfs_present is None else await self._lfs_present(repo, wanted)

    async def wiki(self, repo: RepoRef) -> Sequence[WikiFile]:
        """The commit of GitHub's own wiki (a file without a path) and its files; nothing without one."""
        return () if self._wiki_files is None else await self._wiki_files(repo)

    async def repository(self, repo: RepoRef) -> Repository | None:
        """The repository with its topics; None when it is missing or not visible."""
        try:
            _, raw = await self._get(_path(repo), {})
        except NotFoundError:
            return None
        seen = decode(raw, Repository)
        self._ids[repo] = seen.id
        return seen

    def id_of(self, repo: RepoRef) -> int | None:
        """The id of a repository that was seen, without asking again; None for one that was not."""
        return self._ids.get(repo)

    async def actions_enabled(self, repo: RepoRef) -> bool | None:
        """Whether GitHub Actions run there; None where the token may not know."""
        try:
            _, raw = await self._get(_path(repo, "actions/permissions"), {})
        except (NotFoundError, TargetError):
            return None
        return decode(raw, ActionsPermissions).enabled

    async def tree(self, repo: RepoRef, sha: str) -> AsyncIterator[TreeEntry]:
        """Everything below a commit or tree; paths are whole."""
        _, raw = await self._get(_path(repo, f"git/trees/{sha}"), {"recursive": "1"})
        whole = decode(raw, Tree)
        if not whole.truncated:
            for entry in whole.tree:
                yield entry
            return
        _, raw = await self._get(_path(repo, f"git/trees/{sha}"), {})
        for entry in decode(raw, Tree).tree:
            yield entry
            if entry.type == "tree":
                async for below in self.tree(repo, entry.sha):
                    yield replace(below, path=f"{entry.path}/{below.path}")

    async def releases(self, repo: RepoRef) -> AsyncIterator[Release]:
        """All releases, drafts too."""
        async for raw in self._list(_path(repo, "releases"), {}):
            yield decode(raw, Release)

    async def latest_release(self, repo: RepoRef) -> Release | None:
        """The release that GitHub shows as the latest; None where none is out."""
        try:
            _, raw = await self._get(_path(repo, "releases/latest"), {})
        except NotFoundError:
            return None
        return decode(raw, Release)

    async def release_assets(self, repo: RepoRef, release_id: int) -> AsyncIterator[ReleaseAsset]:
        """All files of a release."""
        async for raw in self._list(_path(repo, f"releases/{release_id}/assets"), {}):
            yield decode(raw, ReleaseAsset)

    async def digest(self, repo: RepoRef, asset: ReleaseAsset) -> str:
        """The SHA-256 of an asset: as GitHub says it, else that of its bytes; empty where there are none."""
        if asset.state != "uploaded":
            return ""
        if asset.digest is not None and asset.digest.startswith("sha256:"):
            return asset.digest.removeprefix("sha256:")
        return await self._bytes_digest(_path(repo, f"releases/assets/{asset.id}"))

    async def labels(self, repo: RepoRef) -> AsyncIterator[Label]:
        """All labels."""
        async for raw in self._list(_path(repo, "labels"), {}):
            yield decode(raw, Label)

    async def milestones(self, repo: RepoRef) -> AsyncIterator[Milestone]:
        """All milestones, open and closed."""
        async for raw in self._list(_path(repo, "milestones"), {"state": "all"}):
            yield decode(raw, Milestone)

    async def issues(self, repo: RepoRef) -> AsyncIterator[Issue]:
        """All issues and pull requests, open and closed, by creation."""
        params = {"state": "all", "sort": "created", "direction": "asc"}
        async for raw in self._list(_path(repo, "issues"), params):
            yield decode(raw, Issue)

    async def pulls(self, repo: RepoRef) -> AsyncIterator[Pull]:
        """All pull requests, open and closed, by creation."""
        params = {"state": "all", "sort": "created", "direction": "asc"}
        async for raw in self._list(_path(repo, "pulls"), params):
            yield decode(raw, Pull)

    async def blocked_by(self, repo: RepoRef, number: int) -> list[Issue]:
        """The issues that block one issue."""
        path = _path(repo, f"issues/{number}/dependencies/blocked_by")
        return [decode(raw, Issue) async for raw in self._list(path, {})]

    async def spool_comments(self, repo: RepoRef, folder: Path | None = None) -> CommentSpool[IssueComment]:
        """All comments of all issues, in a temporary file in `folder` (else `scratch`); close it when done.

        One list for the whole repository: a request for every hundred comments, not for every issue.
        """
        return await self._spooled(
            CommentSpool(folder or self._scratch, IssueComment), repo, "issues/comments"
        )

    async def spool_review_comments(
        self, repo: RepoRef, folder: Path | None = None
    ) -> CommentSpool[ReviewComment]:
        """All comments on lines of all pull requests, likewise."""
        return await self._spooled(
            CommentSpool(folder or self._scratch, ReviewComment), repo, "pulls/comments"
        )

    async def spool_reviews(self, repo: RepoRef, folder: Path | None = None) -> CommentSpool[Review] | None:
        """All reviews of all pull requests, likewise: a request for every hundred pull requests.

        None where GraphQL is not to be had; `reviews` asks for those of one pull request.
        """
        spool = CommentSpool(folder or self._scratch, Review)
        try:
            async for pull in self._reviewed(repo):
                is_whole = pull.reviews.total <= len(pull.reviews.listed)
                listed = pull.reviews.listed if is_whole else await self.reviews(repo, pull.number)
                spool.add(replace(one, number=pull.number, id=place) for place, one in enumerate(listed))
        except (NotFoundError, TargetError, TransportError):
            spool.close()
            return None
        except BaseException:
            spool.close()
            raise
        return spool

    async def reviews(self, repo: RepoRef, number: int) -> list[Review]:
        """All reviews of one pull request, oldest first."""
        return [decode(raw, Review) async for raw in self._list(_path(repo, f"pulls/{number}/reviews"), {})]

    async def _reviewed(self, repo: RepoRef) -> AsyncIterator[ReviewedPull]:
        after: str | None = None
        while True:
            variables = {"owner": repo.owner, "name": repo.name, "after": after}
            self._auth.current = await self._credential.token()
            page = await self._runner.read(self._line, self._ask, REVIEWS, variables)
            for pull in page.pulls:
                yield pull
            if not page.following.more:
                return
            if page.following.cursor in {None, after}:
                raise TargetError("GraphQL of GitHub has a further page, and does not say where")
            after = page.following.cursor

    async def _spooled(self, spool: CommentSpool[C], repo: RepoRef, rest: str) -> CommentSpool[C]:
        try:
            async for page in self._pages(_path(repo, rest), {"sort": "created", "direction": "asc"}):
                spool.add(decode(raw, spool.type) for raw in page)
        except BaseException:
            spool.close()
            raise
        return spool

    async def _list(self, path: str, params: Mapping[str, str]) -> AsyncIterator[Any]:
        async for page in self._pages(path, params):
            for raw in page:
                yield raw

    async def _pages(self, path: str, params: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        if self._memory is None:
            async for page in self._asked_pages(path, params):
                yield page
            return
        kept = self._memory / codec.digest([path, params])
        if kept.exists():
            with kept.open("rb") as file:
                for line in file:
                    yield codec.decode(line, list[Any])
            return
        growing = kept.with_suffix(".part")
        with growing.open("wb") as file:
            async for page in self._asked_pages(path, params):
                file.write(codec.encode(page) + b"\n")
                yield page
        growing.rename(kept)

    async def _asked_pages(self, path: str, params: Mapping[str, str]) -> AsyncIterator[list[Any]]:
        where = path
        wanted: Mapping[str, str | int] = {**params, "per_page": PER_PAGE}
        while True:
            headers, page = await self._get(where, wanted)
            if not isinstance(page, list):
                raise TargetError(
                    f"GitHub answered GET {path} with something that is no list",
                    hint="A proxy may stand in between. Running again is safe.",
                )
            yield page
            following = sansio.next_link(headers)
            if following is None:
                return
            where, wanted = following, {}

    async def _get(self, path: str, params: Mapping[str, str | int]) -> tuple[Mapping[str, str], Any]:
        self._auth.current = await self._credential.token()
        return await self._runner.read(self._line, self._read, path, dict(params))

    async def _bytes_digest(self, path: str) -> str:
        """The SHA-256 of an asset's bytes; GitHub sends its readers to another origin, without the token."""
        token = await self._credential.token()
        return await self._runner.read(self._line, self._hash, f"{self._api_url.rstrip('/')}{path}", token)

    def _hash(self, url: str, token: str) -> str:
        line = current_line()
        assert line is not None
        headers = {"Accept": "application/octet-stream", "Authorization": f"Bearer {token}"}
        answer = line.session.get(url, headers=headers, allow_redirects=False)
        if answer.status_code == 200:
            return hashlib.sha256(answer.content).hexdigest()
        location = answer.headers.get("Location", "")
        if answer.status_code not in {302, 307} or urlsplit(location).scheme not in {"https", "http"}:
            raise TargetError(f"GET {urlsplit(url).path} got {answer.status_code} from GitHub")
        digest = hashlib.sha256()
        with requests.Session() as session:
            session.trust_env = False  # it would send what ~/.netrc holds
            proxy = proxy_for(location)
            proxies = {"http": proxy, "https": proxy} if proxy else None
            with session.get(location, stream=True, timeout=TIMEOUT_S, proxies=proxies) as file:
                if file.status_code != 200:
                    raise TargetError(f"the file of {urlsplit(url).path} got {file.status_code}")
                for chunk in file.iter_content(1 << 18):
                    digest.update(chunk)
        return digest.hexdigest()

    def _read(self, path: str, params: dict[str, Any]) -> tuple[Mapping[str, str], Any]:
        try:
            headers, raw = self._github.requester.requestJsonAndCheck("GET", path, parameters=params)
        except github.GithubException as error:
            raise _error_of(error, path) from error
        except (AssertionError, RuntimeError) as error:  # PyGithub's checks of addresses and redirects
            raise TargetError(f"GET {path} leads to another address; not followed") from error
        return headers, raw

    def _ask(self, query: str, variables: dict[str, str | None]) -> ReviewPage:
        requester = self._github.requester
        try:
            _, raw = requester.requestJsonAndCheck(
                "POST", requester.graphql_url, input={"query": query, "variables": variables}
            )
        except github.GithubException as error:
            raise _error_of(error, "/graphql") from error
        except (AssertionError, RuntimeError) as error:
            raise TargetError("POST /graphql leads to another address; not followed") from error
        data = raw.get("data") if isinstance(raw, dict) and not raw.get("errors") else None
        repository = data.get("repository") if isinstance(data, dict) else None
        return decode(repository.get("page") if isinstance(repository, dict) else None, ReviewPage)


def _error_of(error: github.GithubException, path: str) -> Gl2ghError:
    where = path.split("?", maxsplit=1)[0]
    if error.status in {404, 410}:
        return NotFoundError(
            f"GET {where} is missing on GitHub, or not visible to the token",
            hint="Check the name, and the rights of the token.",
        )
    return TargetError(
        f"GitHub refused GET {where} with {error.status}: {error.message or ''}",
        hint="Check the rights of the token.",
    )


def _path(repo: RepoRef, rest: str = "") -> str:
    path = f"/repos/{quote(repo.owner, safe='')}/{quote(repo.name, safe='')}"
    return f"{path}/{rest}" if rest else path
