"""GitHub's REST API over aiohttp: reading methods, and one way to write that only engines use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp

from gl2gh_batch.domain.errors import TargetError, TransportError, UnclearAnswerError
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.domain.ports import Clock
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import Answer, Authorize, HttpClient, Mask, Retries
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.target import sansio
from gl2gh_batch.target.models import (
    Account,
    ImportStatus,
    Issue,
    IssueComment,
    Label,
    Milestone,
    RateBucket,
    Ref,
    Release,
    ReleaseAsset,
    Repository,
    decode,
)
from gl2gh_batch.target.refusals import RefusedAnswerError, refusal_of

T = TypeVar("T")

PER_PAGE: Final = 100
ACCEPT: Final = "application/vnd.github+json"
API_VERSION: Final = "2022-11-28"
# Preview of the issue import (gist.github.com/jonmagic/5282384165e0f86ef105); elsewhere it must not be sent.
IMPORT_ACCEPT: Final = "application/vnd.github.golden-comet-preview+json"
CREDENTIAL_HINT: Final = (
    "Check that the GitHub token is complete, has not expired, and has the scopes repo and workflow "
    "(or, for an App, write access to contents, issues and administration)."
)

Params = Mapping[str, str | int]


class GitHub:
    """One GitHub instance with one credential; `who` names the project in the governor's events."""

    def __init__(
        self,
        http: HttpClient,
        governor: RequestGovernor,
        *,
        uploads: HttpClient | None = None,
        who: str = "",
        guard: Callable[[], None] | None = None,
    ) -> None:
        self._http = http
        self._uploads = uploads or http
        self._governor = governor
        self._who = who
        self._guard = guard

    @property
    def governor(self) -> RequestGovernor:
        """Who grants the requests of this credential."""
        return self._governor

    @property
    def api_url(self) -> str:
        """The address of the API, without a slash at the end."""
        return self._http.origin.base_url

    def for_project(self, who: str) -> GitHub:
        """The same, asking in the name of a project."""
        return GitHub(self._http, self._governor, uploads=self._uploads, who=who, guard=self._guard)

    def guarded(self, guard: Callable[[], None] | None) -> GitHub:
        """The same, asking `guard` right before each writing request; it raises what forbids to send."""
        return GitHub(self._http, self._governor, uploads=self._uploads, who=self._who, guard=guard)

    # Generic

    async def get(self, path: str, params: Params | None = None) -> Answer:
        """Read one path; raises the error that fits when it cannot be read."""
        answer = await self._read(path, params)
        if answer.verdict is not Verdict.DONE:
            raise refusal_of(answer)
        return answer

    async def find(self, path: str, params: Params | None = None) -> Answer | None:
        """Read one path; None when it is not there (404, 410)."""
        answer = await self._read(path, params)
        if answer.verdict in {Verdict.MISSING, Verdict.GONE}:
            return None
        if answer.verdict is not Verdict.DONE:
            raise refusal_of(answer)
        return answer

    async def locate(self, path: str) -> str:
        """Where a download redirects to: an address of its own, to which no token may go."""
        answer = await self._http.send(
            "GET",
            path,
            costs=self._governor.costs_for(Pace.READ),
            who=self._who,
            headers=_headers_for(path),
            follow=False,
        )
        location = answer.headers.get("location", "")
        if answer.verdict is not Verdict.MOVED or urlsplit(location).scheme not in {"http", "https"}:
            raise refusal_of(answer)
        return location

    async def list_pages(self, path: str, params: Params | None = None) -> AsyncIterator[list[Any]]:
        """The pages of a list, following `Link` (docs: using-pagination-in-the-rest-api)."""
        answer = await self.get(path, {"per_page": PER_PAGE, **(params or {})})
        while True:
            page = answer.json()
            if not isinstance(page, list):
                raise TargetError(
                    f"GitHub answered GET {path} with something that is no list",
                    hint="A proxy may stand in between. Running again is safe.",
                )
            yield page
            following = sansio.next_link(answer.headers)
            if following is None:
                return
            answer = await self.get(following)

    async def write(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        pace: Pace = Pace.WRITE,
        who: str | None = None,
        *,
        repeatable: bool | None = None,
    ) -> Answer:
        """Send one writing request; for engines only.

        Answers with every clear answer, refusals too (`refusal_of` makes the error). A refusal by a rate
        limit is waited for and sent again, since it was not carried out. Raises `UnclearAnswerError` when
        a request that is not `repeatable` (None: all but POST) got no clear answer.
        """
        answer = await self._http.send(
            method,
            path,
            json=body,
            costs=lambda: self._governor.costs_for(pace),
            who=self._who if who is None else who,
            repeatable=repeatable,
            headers=_headers_for(path),
            on_refusal=lambda report: self._governor.refused(pace, report),
            guard=self._guard,
        )
        return _clear(answer, path)

    async def upload(self, path: str, file: Path, *, name: str, label: str = "") -> Answer:
        """Send a file to the uploads host, streamed; for engines only.

        Answers with every clear answer. Raises `UnclearAnswerError` when there was none: look what became of
        it, a broken upload leaves an asset in state `starter` (docs: upload-a-release-asset).
        """
        answer = await self._uploads.send(
            "POST",
            path,
            params={"name": name, **({"label": label} if label else {})},
            costs=lambda: self._governor.costs_for(Pace.WRITE),
            who=self._who,
            repeatable=False,
            headers={
                "Accept": ACCEPT,
                "X-GitHub-Api-Version": API_VERSION,
                "Content-Type": "application/octet-stream",
            },
            on_refusal=lambda report: self._governor.refused(Pace.WRITE, report),
            file=file,
            guard=self._guard,
        )
        return _clear(answer, path)

    async def releases(self, repo: RepoRef) -> AsyncIterator[Release]:
        """All releases, drafts too."""
        async for page in self.list_pages(_path(repo, "releases")):
            for raw in page:
                yield decode(raw, Release)

    async def release_assets(self, repo: RepoRef, release_id: int) -> AsyncIterator[ReleaseAsset]:
        """All files of a release, those that a broken upload left behind too."""
        async for page in self.list_pages(_path(repo, f"releases/{release_id}/assets")):
            for raw in page:
                yield decode(raw, ReleaseAsset)

    # The credential

    async def viewer(self) -> Account:
        """Who the token belongs to (`GET /user`; an App's installation token may not ask)."""
        return decode((await self.get("/user")).json(), Account)

    async def scopes(self) -> tuple[str, ...] | None:
        """The scopes of a classic token (`x-oauth-scopes`); None for tokens that have none to tell."""
        # GHES without rate limits answers 404 here, with the header all the same.
        told = (await self._read("/rate_limit", None)).headers.get("x-oauth-scopes")
        return None if told is None else tuple(one.strip() for one in told.split(",") if one.strip())

    async def rate_limit(self) -> dict[str, RateBucket]:
        """Every budget by name; empty where the instance has no limits (404)."""
        answer = await self.find("/rate_limit")
        if answer is None:
            return {}
        resources = answer.json().get("resources", {})
        return {name: decode(raw, RateBucket) for name, raw in resources.items()}

    async def account(self, login: str) -> Account | None:
        """A user or an organisation by login; None when there is none."""
        return _decoded(await self.find(f"/users/{_part(login)}"), Account)

    # Repositories

    async def repository(self, repo: RepoRef) -> Repository | None:
        """The repository; None when it is missing or not visible to the token."""
        return _decoded(await self.find(_path(repo)), Repository)

    async def topics(self, repo: RepoRef) -> tuple[str, ...]:
        """The topics of a repository."""
        return tuple((await self.get(_path(repo, "topics"))).json().get("names", ()))

    async def refs(self, repo: RepoRef, prefix: str = "") -> AsyncIterator[Ref]:
        """All refs whose name begins with `prefix` (`heads/`, `tags/`); none in an empty repository (409)."""
        try:
            async for page in self.list_pages(_path(repo, f"git/matching-refs/{prefix}")):
                for raw in page:
                    yield decode(raw, Ref)
        except RefusedAnswerError as error:
            if error.status != 409:
                raise

    async def is_assignable(self, repo: RepoRef, login: str) -> bool:
        """True when that user can be assigned to issues of the repository."""
        return await self.find(_path(repo, f"assignees/{_part(login)}")) is not None

    # Labels, milestones, issues

    async def labels(self, repo: RepoRef) -> AsyncIterator[Label]:
        """All labels."""
        async for page in self.list_pages(_path(repo, "labels")):
            for raw in page:
                yield decode(raw, Label)

    async def label(self, repo: RepoRef, name: str) -> Label | None:
        """One label by name, without regard to case."""
        return _decoded(await self.find(_path(repo, f"labels/{_part(name)}")), Label)

    async def milestones(self, repo: RepoRef) -> AsyncIterator[Milestone]:
        """All milestones, open and closed, in the order of their numbers."""
        params = {"state": "all", "sort": "created", "direction": "asc"}
        async for page in self.list_pages(_path(repo, "milestones"), params):
            for raw in page:
                yield decode(raw, Milestone)

    async def milestone(self, repo: RepoRef, number: int) -> Milestone | None:
        """One milestone by its number."""
        return _decoded(await self.find(_path(repo, f"milestones/{number}")), Milestone)

    async def issues(self, repo: RepoRef, *, newest_first: bool = False) -> AsyncIterator[Issue]:
        """All issues and pull requests, open and closed, by creation."""
        direction = "desc" if newest_first else "asc"
        params = {"state": "all", "sort": "created", "direction": direction}
        async for page in self.list_pages(_path(repo, "issues"), params):
            for raw in page:
                yield decode(raw, Issue)

    async def issue(self, repo: RepoRef, number: int) -> Issue | None:
        """One issue or pull request by its number; None when it is missing or deleted."""
        return _decoded(await self.find(_path(repo, f"issues/{number}")), Issue)

    async def issue_comments(self, repo: RepoRef, number: int) -> AsyncIterator[IssueComment]:
        """All comments of one issue, oldest first."""
        async for page in self.list_pages(_path(repo, f"issues/{number}/comments")):
            for raw in page:
                yield decode(raw, IssueComment)

    # The issue import

    async def has_issue_import(self, repo: RepoRef, today: date) -> bool:
        """True when the repository's issue import answers; it needs admin rights."""
        return await self.find(_path(repo, "import/issues"), {"since": today.isoformat()}) is not None

    async def import_status(self, repo: RepoRef, import_id: int) -> ImportStatus | None:
        """One import; None while GitHub does not know it yet (404 for a moment after the request)."""
        return _decoded(await self.find(_path(repo, f"import/issues/{import_id}")), ImportStatus)

    async def import_statuses(self, repo: RepoRef, since: date) -> AsyncIterator[ImportStatus]:
        """The imports since a day."""
        async for page in self.list_pages(_path(repo, "import/issues"), {"since": since.isoformat()}):
            for raw in page:
                yield decode(raw, ImportStatus)

    async def _read(self, path: str, params: Params | None) -> Answer:
        return await self._http.send(
            "GET",
            path,
            params=params,
            costs=self._governor.costs_for(Pace.READ),
            who=self._who,
            headers=_headers_for(path),
        )


def open_github(
    *,
    session: aiohttp.ClientSession,
    api_url: str,
    authorize: Authorize,
    governor: RequestGovernor,
    clock: Clock,
    retries: Retries | None = None,
    mask: Mask | None = None,
) -> GitHub:
    """The API at `api_url` with one credential."""

    def client(base_url: str) -> HttpClient:
        return HttpClient(
            session=session,
            service="GitHub",
            base_url=base_url,
            authorize=authorize,
            governor=governor,
            clock=clock,
            read_limits=sansio.read_limits,
            hint=CREDENTIAL_HINT,
            retries=retries,
            mask=mask,
        )

    return GitHub(client(api_url), governor, uploads=client(uploads_url(api_url)))


def uploads_url(api_url: str) -> str:
    """The address that files are sent to, built from the configured one and never taken from an answer.

    `api.` becomes `uploads.` on github.com and for data residency, `/api/v3` becomes `/api/uploads` on GHES.
    """
    url = api_url.rstrip("/")
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if host == "api.github.com" or (host.startswith("api.") and host.endswith(".ghe.com")):
        return f"{parts.scheme}://uploads.{parts.netloc.removeprefix('api.')}"
    return f"{url.removesuffix('/api/v3')}/api/uploads"


def _headers_for(path: str) -> dict[str, str]:
    accept = IMPORT_ACCEPT if "/import/issues" in path else ACCEPT
    return {"Accept": accept, "X-GitHub-Api-Version": API_VERSION}


def _path(repo: RepoRef, rest: str = "") -> str:
    path = f"/repos/{_part(repo.owner)}/{_part(repo.name)}"
    return f"{path}/{rest}" if rest else path


def _part(text: str) -> str:
    return quote(text, safe="")


def _decoded(answer: Answer | None, type_: type[T]) -> T | None:
    return None if answer is None else decode(answer.json(), type_)


def _clear(answer: Answer, path: str) -> Answer:
    """The answer to a write; raises `UnclearAnswerError` for a success that is not GitHub's own words."""
    if answer.verdict is Verdict.DONE and answer.body and not _is_json(answer):
        raise UnclearAnswerError(
            f"{answer.method} {path} got status {answer.status} and a body that is no JSON",
            hint="Run again: it is looked up first and never sent twice.",
        )
    return answer


def _is_json(answer: Answer) -> bool:
    try:
        answer.json()
    except TransportError:
        return False
    return True
