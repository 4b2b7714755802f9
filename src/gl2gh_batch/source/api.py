"""GitLab's REST API over aiohttp, reading only: the paths with volume."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

import aiohttp

from gl2gh_batch.domain.errors import NotFoundError, TransportError
from gl2gh_batch.domain.limits import GITLAB_COSTS
from gl2gh_batch.domain.ports import Clock, Governor
from gl2gh_batch.kit.http import Answer, HttpClient, Mask, Retries
from gl2gh_batch.kit.together import together
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.source import sansio
from gl2gh_batch.source.files import Download, SentAs, StoredFile
from gl2gh_batch.source.merge_models import Approvals, Discussion, MergeRequest
from gl2gh_batch.source.models import (
    AwardEmoji,
    ExternalIssue,
    Group,
    Issue,
    IssueLink,
    Label,
    Member,
    MergeRequestRef,
    Milestone,
    Note,
    Project,
    Survey,
    User,
    Version,
    decode,
    decode_issue,
)
from gl2gh_batch.source.paging import (
    PER_PAGE,
    Params,
    read_by_creation,
    read_pages,
    read_settled,
    records,
)
from gl2gh_batch.source.published import Badge, Release, Snippet
from gl2gh_batch.source.refusals import API_PATH, RefusedAnswerError, refusal_of

T = TypeVar("T")

CREDENTIAL_HINT: Final = (
    "Check that the GitLab token is complete, has not expired, and has the scopes read_api and "
    "read_repository."
)


class TokenHeader(StrEnum):
    """How a token is sent: personal, project and group ones; or OAuth ones (api/rest/authentication)."""

    PRIVATE_TOKEN = "PRIVATE-TOKEN"  # noqa: S105 - the name of a header
    BEARER = "Bearer"


class GitLab:
    """One GitLab instance with one credential; `who` names the project in the governor's events.

    A project is named by its id or its full path.
    """

    def __init__(self, http: HttpClient, *, who: str = "") -> None:
        self._http = http
        self._who = who
        self._without_keyset: set[str] = set()

    def for_project(self, who: str) -> GitLab:
        """The same, asking in the name of a project."""
        return GitLab(self._http, who=who)

    async def get(self, path: str, params: Params | None = None) -> Answer:
        """Read one path below `/api/v4`; raises the error that fits when it cannot be read."""
        answer = await self._http.send("GET", path, params=params, costs=GITLAB_COSTS, who=self._who)
        if answer.verdict is not Verdict.DONE:
            raise refusal_of(answer)
        return answer

    async def graphql(self, query: str, variables: Mapping[str, str]) -> Any:
        """The data of a query (api/graphql); raises `RefusedAnswerError` where it is not understood.

        What is no answer of GraphQL's at all, with `data` or `errors`, is a `TransportError`: something in
        between gave it, and nothing is known of what was asked.
        """
        answer = await self._http.send(
            "POST",
            f"{self.web_url}/api/graphql",
            json={"query": query, "variables": dict(variables)},
            costs=GITLAB_COSTS,
            repeatable=True,
            who=self._who,
        )
        if answer.verdict is not Verdict.DONE:
            raise refusal_of(answer)
        told = answer.json()
        if not isinstance(told, dict) or not {"data", "errors"} & told.keys():
            raise TransportError(
                "GitLab answered a GraphQL query with another document",
                hint="Look for a proxy in front of GitLab that answers in its place, then run again.",
            )
        if told.get("errors") or not isinstance(told.get("data"), dict):
            raise RefusedAnswerError("GitLab did not understand a GraphQL query", status=answer.status)
        return told["data"]

    async def version(self) -> Version:
        """The version of the instance."""
        return decode((await self.get("/version")).json(), Version)

    async def current_user(self) -> User:
        """Who the token belongs to."""
        return decode((await self.get("/user")).json(), User)

    async def user(self, username: str) -> User | None:
        """The user with that username (without regard to case); None when there is none."""
        found = (await self.get("/users", {"username": username})).json()
        return decode(found[0], User) if found else None

    async def user_by_id(self, number: int) -> User | None:
        """One user, with the e-mail addresses that the token may see; None when there is none."""
        try:
            return decode((await self.get(f"/users/{number}")).json(), User)
        except NotFoundError:
            return None

    async def project(self, project: int | str) -> Project:
        """One project, with its sizes where the token may see them."""
        return decode((await self.get(_project(project), {"statistics": "true"})).json(), Project)

    async def group(self, group: int | str) -> Group:
        """One group."""
        return decode((await self.get(_group(group), {"with_projects": "false"})).json(), Group)

    async def group_projects(self, group: int | str, *, subgroups: bool = True) -> AsyncIterator[Project]:
        """The projects of a group, by id; those merely shared with it are left out."""
        params: Params = {
            "include_subgroups": "true" if subgroups else "false",
            "with_shared": "false",
            "order_by": "id",
            "sort": "asc",
        }
        async for one in self._list(_group(group, "projects"), Project, params):
            yield one

    async def members(self, project: int | str) -> AsyncIterator[Member]:
        """The members, those by way of a group too."""
        async for one in self._list(_project(project, "members/all"), Member):
            yield one

    async def labels(self, project: int | str) -> AsyncIterator[Label]:
        """The labels, those of the groups above too."""
        params: Params = {"include_ancestor_groups": "true", "with_counts": "false"}
        for raw in await read_settled(self.get, _project(project, "labels"), params):
            yield decode(raw, Label)

    async def milestones(self, project: int | str) -> AsyncIterator[Milestone]:
        """The milestones, open and closed, those of the groups above too."""
        # `include_ancestors` since 16.7; the older name is passed over by newer versions (api/milestones).
        params: Params = {"include_ancestors": "true", "include_parent_milestones": "true"}
        for raw in await read_settled(self.get, _project(project, "milestones"), params):
            yield decode(raw, Milestone)

    async def issues(
        self, project: int | str, *, updated_after: datetime | None = None
    ) -> AsyncIterator[Issue]:
        """All issues that the token may see, oldest first; each once, although others come and go.

        An issue changed while the list is read shows the state of the moment of its page: an export reads
        the list a second time, and lets the later record win.
        """
        params: dict[str, str | int] = {"scope": "all", "state": "all"}
        if updated_after is not None:
            params["updated_after"] = updated_after.isoformat()
        async for page in read_by_creation(
            self.get, _project(project, "issues"), params, refused=self._without_keyset
        ):
            for raw in page:
                yield decode_issue(raw)

    async def newest_update(self, project: int | str, what: str = "issues") -> str:
        """When an issue (or one of the `merge_requests`) was last touched; empty when there is none."""
        params: Params = {
            "scope": "all",
            "state": "all",
            "order_by": "updated_at",
            "sort": "desc",
            "per_page": 1,
        }
        path = _project(project, what)
        found = records(await self.get(path, params), path)
        return str(found[0].get("updated_at") or "") if found else ""

    async def issue(self, project: int | str, iid: int) -> Issue:
        """One issue."""
        return decode((await self.get(_project(project, f"issues/{iid}"))).json(), Issue)

    async def notes(
        self,
        project: int | str,
        iid: int,
        *,
        user_notes_count: int | None = None,
        system: bool = False,
        settled: bool = False,
    ) -> AsyncIterator[Note]:
        """The notes of an issue, oldest first; none is asked for when the issue says that it has none.

        `user_notes_count` counts people's notes only: with `system` it tells nothing, and is passed over.
        Of more than a page, one may be missing when others were deleted meanwhile, unless they are read
        `settled`, at twice the requests.
        """
        if user_notes_count == 0 and not system:
            return
        params: dict[str, str | int] = {"sort": "asc", "order_by": "created_at"}
        if not system:
            params["activity_filter"] = "only_comments"  # older versions pass it over
        path = _project(project, f"issues/{iid}/notes")
        if settled:
            for raw in await read_settled(self.get, path, params):
                if system or not raw.get("system"):
                    yield decode(raw, Note)
            return
        async for one in self._list(path, Note, params):
            if system or not one.system:
                yield one

    async def awards(
        self, project: int | str, iid: int, note_id: int | None = None
    ) -> AsyncIterator[AwardEmoji]:
        """The reactions to an issue, or to one of its notes."""
        rest = f"issues/{iid}/award_emoji" if note_id is None else f"issues/{iid}/notes/{note_id}/award_emoji"
        async for one in self._list(_project(project, rest), AwardEmoji):
            yield one

    async def issue_links(self, project: int | str, iid: int) -> AsyncIterator[IssueLink]:
        """The issues that an issue is linked to."""
        async for one in self._list(_project(project, f"issues/{iid}/links"), IssueLink):
            yield one

    async def closed_by(self, project: int | str, iid: int) -> AsyncIterator[MergeRequestRef]:
        """The merge requests that close an issue when they are merged."""
        async for one in self._list(_project(project, f"issues/{iid}/closed_by"), MergeRequestRef):
            yield one

    async def merge_requests(self, project: int | str) -> AsyncIterator[MergeRequest]:
        """All merge requests into the project, oldest first; each once, although others come and go."""
        params: Params = {"scope": "all", "state": "all"}
        async for page in read_by_creation(
            self.get, _project(project, "merge_requests"), params, refused=self._without_keyset
        ):
            for raw in page:
                yield decode(raw, MergeRequest)

    async def has_commit(self, project: int | str, sha: str) -> bool:
        """Whether GitLab still has a commit, which no ref need lead to."""
        try:
            await self.get(_project(project, f"repository/commits/{quote(sha, safe='')}"), {"stats": "false"})
        except (NotFoundError, RefusedAnswerError):
            return False
        return True

    async def merge_request(self, project: int | str, iid: int) -> MergeRequest:
        """One merge request, with the ends of its diff."""
        return decode((await self.get(_project(project, f"merge_requests/{iid}"))).json(), MergeRequest)

    async def discussions(
        self, project: int | str, iid: int, *, settled: bool = False
    ) -> AsyncIterator[Discussion]:
        """The discussions of a merge request with their notes, GitLab's own ones too, oldest first.

        `settled` as for `notes`.
        """
        path = _project(project, f"merge_requests/{iid}/discussions")
        if settled:
            for raw in await read_settled(self.get, path, {}):
                yield decode(raw, Discussion)
            return
        async for one in self._list(path, Discussion):
            yield one

    async def approvals(self, project: int | str, iid: int) -> Approvals | None:
        """Who approved a merge request; None where the instance does not tell."""
        try:
            answer = await self.get(_project(project, f"merge_requests/{iid}/approvals"))
        except (NotFoundError, RefusedAnswerError):
            return None
        return decode(answer.json(), Approvals)

    async def closes_issues(self, project: int | str, iid: int) -> AsyncIterator[Issue | ExternalIssue]:
        """The issues that a merge request closes when it is merged, those of an external tracker too."""
        path = _project(project, f"merge_requests/{iid}/closes_issues")
        async for page in read_pages(self.get, path, {}):
            for raw in page:
                # Without a number of its own it is none of GitLab's (api/merge_requests).
                is_external = "iid" not in raw and isinstance(raw.get("id"), str)
                yield decode(raw, ExternalIssue) if is_external else decode(raw, Issue)

    async def releases(self, project: int | str) -> AsyncIterator[Release]:
        """The releases with their links, oldest first."""
        params: Params = {"order_by": "created_at", "sort": "asc"}
        async for one in self._list(_project(project, "releases"), Release, params):
            yield one

    async def badges(self, project: int | str) -> AsyncIterator[Badge]:
        """The badges, those of the groups above too."""
        async for one in self._list(_project(project, "badges"), Badge):
            yield one

    async def snippets(self, project: int | str) -> AsyncIterator[Snippet]:
        """The snippets of a project that the token may see, without their content."""
        async for one in self._list(_project(project, "snippets"), Snippet):
            yield one

    async def snippet_notes(self, project: int | str, snippet: int) -> AsyncIterator[Note]:
        """The comments on a snippet, oldest first."""
        params: Params = {"sort": "asc", "order_by": "created_at"}
        async for one in self._list(_project(project, f"snippets/{snippet}/notes"), Note, params):
            yield one

    async def file(
        self, address: str, folder: Path, *, max_bytes: int, sent_as: SentAs = SentAs.FILE
    ) -> StoredFile:
        """One file, by a path below `/api/v4` or a whole address of this GitLab, kept in `folder`.

        Raises `NotFoundError`, `FileTooLargeError` and `TransportError`.
        """
        return await Download(
            self._http, address, folder, max_bytes=max_bytes, who=self._who, sent_as=sent_as
        ).run()

    @property
    def web_url(self) -> str:
        """The address of the instance, without a slash at the end."""
        return self._http.origin.base_url.removesuffix(API_PATH)

    async def survey(self, project: Project, *, issues: bool = True, merge_requests: bool = True) -> Survey:
        """The highest iid of issues and of merge requests: a request each, none for what is not asked for."""
        wanted = {
            "issues": issues and project.has_issues,
            "merge_requests": merge_requests and project.has_merge_requests,
        }
        asked = [what for what, is_wanted in wanted.items() if is_wanted]
        works = [partial(self._highest_iid, project.id, what) for what in asked]
        highest = dict(zip(asked, await together(works, most=2), strict=True))
        return Survey(
            highest_issue=highest.get("issues", 0), highest_merge_request=highest.get("merge_requests", 0)
        )

    async def _highest_iid(self, project_id: int, what: str) -> int:
        params: dict[str, str | int] = {
            "scope": "all",
            "state": "all",
            "order_by": "created_at",
            "sort": "desc",
            "per_page": PER_PAGE,
        }
        path = _project(project_id, what)
        answer = await self.get(path, params)
        iids = _iids(answer, path)
        highest = max(iids, default=0)
        if sansio.next_params(answer.headers) is None or iids == sorted(iids, reverse=True):
            return highest
        # Dates were set by an import: an older record may have a higher number. Look beyond, in steps.
        while True:
            beyond = range(highest + 1, highest + 1 + PER_PAGE)
            answer = await self.get(_with_iids(path, beyond), {"scope": "all", "per_page": PER_PAGE})
            found = _iids(answer, path)
            if not found:
                return highest
            highest = max(found)

    async def _list(self, path: str, type_: type[T], params: Params | None = None) -> AsyncIterator[T]:
        async for page in read_pages(self.get, path, params or {}):
            for raw in page:
                yield decode(raw, type_)


def open_gitlab(
    *,
    session: aiohttp.ClientSession,
    url: str,
    token: str,
    governor: Governor,
    clock: Clock,
    header: TokenHeader = TokenHeader.PRIVATE_TOKEN,
    retries: Retries | None = None,
    mask: Mask | None = None,
) -> GitLab:
    """The API of the instance at `url` with one token."""
    return GitLab(
        open_http(
            session=session,
            url=url,
            token=token,
            governor=governor,
            clock=clock,
            header=header,
            retries=retries,
            mask=mask,
        )
    )


def open_http(
    *,
    session: aiohttp.ClientSession,
    url: str,
    token: str,
    governor: Governor,
    clock: Clock,
    header: TokenHeader = TokenHeader.PRIVATE_TOKEN,
    retries: Retries | None = None,
    mask: Mask | None = None,
) -> HttpClient:
    """What carries requests to the instance at `url` with one token."""
    headers = token_headers(token, header)

    async def authorize() -> Mapping[str, str]:
        return headers

    return HttpClient(
        session=session,
        service="GitLab",
        base_url=url.rstrip("/") + API_PATH,
        authorize=authorize,
        governor=governor,
        clock=clock,
        read_limits=sansio.read_limits,
        hint=CREDENTIAL_HINT,
        retries=retries,
        mask=mask,
    )


def token_headers(token: str, header: TokenHeader) -> dict[str, str]:
    """The header that carries the token."""
    match header:
        case TokenHeader.PRIVATE_TOKEN:
            return {"PRIVATE-TOKEN": token}
        case TokenHeader.BEARER:
            return {"Authorization": f"Bearer {token}"}


def _project(project: int | str, rest: str = "") -> str:
    path = f"/projects/{quote(str(project), safe='')}"
    return f"{path}/{rest}" if rest else path


def _group(group: int | str, rest: str = "") -> str:
    path = f"/groups/{quote(str(group), safe='')}"
    return f"{path}/{rest}" if rest else path


def _iids(answer: Answer, path: str) -> list[int]:
    return [decode(raw.get("iid"), int) for raw in records(answer, path)]


def _with_iids(path: str, iids: Iterable[int]) -> str:
    return f"{path}?" + "&".join(f"iids[]={iid}" for iid in iids)
