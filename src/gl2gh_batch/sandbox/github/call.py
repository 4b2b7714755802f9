"""One request to the REST API, and how answers are made."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from aiohttp import web

from gl2gh_batch.sandbox.github.auth import require, require_permission, token_of
from gl2gh_batch.sandbox.github.errors import Refused, forbidden, invalid, not_found
from gl2gh_batch.sandbox.github.state import Account, Issue, Repository, Role, State

Handler = Callable[["Call"], Awaitable[web.StreamResponse]]
# A method, a path below the API's base, and who answers; `/repos/{owner}/{repo}` also answers by id.
Route = tuple[str, str, Handler]
Item = TypeVar("Item")

READS: Final = ("GET", "HEAD", "OPTIONS")


class Call:
    """A request with its credential checked."""

    def __init__(self, request: web.Request, state: State) -> None:
        self.request = request
        self.state = state
        self.token = token_of(state, request)

    @property
    def params(self) -> Mapping[str, str]:
        """What stood in the placeholders of the path."""
        return self.request.match_info

    @property
    def query(self) -> Mapping[str, str]:
        """The query's parameters."""
        return self.request.query

    @property
    def is_read(self) -> bool:
        """Whether the request can have no effect."""
        return self.request.method in READS

    def number(self, name: str) -> int:
        """A placeholder that is a number; 404 when it is none."""
        try:
            return int(self.params[name])
        except ValueError:
            raise not_found() from None

    async def body(self, list_key: str | None = None) -> dict[str, Any]:
        """The request's JSON object; an empty body is an empty object.

        With `list_key` a bare array is taken too, as the value of that key.
        """
        raw = await self.request.read()
        if not raw.strip():
            return {}
        try:
            document = json.loads(raw)
        except ValueError:
            raise Refused(400, "Problems parsing JSON") from None
        if isinstance(document, dict):
            return document
        if isinstance(document, list) and list_key is not None:
            return {list_key: document}
        if self.state.rules.holds("json_object"):
            raise Refused(400, "Body should be a JSON object")
        return {}

    def viewer(self) -> Account:
        """The account behind the credential; 401 without one."""
        account = None if self.token is None else self.state.account(self.token.login)
        if account is None and self.state.rules.holds("sign_in"):
            raise Refused(401, "Requires authentication")
        return account or Account(id=10137, login="ghost")

    def repository(
        self, needed: Role = Role.READ, permission: str = "metadata", *, even_archived: bool = False
    ) -> Repository:
        """The repository of the path, if the credential may do what is needed.

        A read sees a lagging repository as it was; a write meets it as it is.
        """
        repository = find_repository(self.state, self.params)
        require(self.state, self.token, repository, needed, permission)
        if (
            needed > Role.READ
            and repository.archived
            and not even_archived
            and self.state.rules.holds("archived")
        ):
            raise forbidden("Repository was archived so is read-only.")
        self._follow_rename(repository)
        return visible(self.state, repository) if self.is_read else repository

    def _follow_rename(self, repository: Repository) -> None:
        owner, name = self.params.get("owner"), self.params.get("repo")
        if owner is None or name is None or not self.state.rules.holds("moved"):
            return
        if f"{owner}/{name}".casefold() == repository.full_name.casefold():
            return
        base = f"/api/v3/repos/{owner}/{name}"
        tail = self.request.rel_url.raw_path[len(base) :]
        target = f"{self.state.api_url}/repositories/{repository.id}{tail}"
        if self.request.query_string:
            target += f"?{self.request.query_string}"
        status = 301 if self.is_read else 307
        words = "Moved Permanently" if self.is_read else "Temporary Redirect"
        raise Refused(status, words, headers={"Location": target}, extra={"url": target})

    def opened_by_reader(self, repository: Repository) -> Account:
        """Who writes an issue or comment: anyone who sees the repository, if the token has the permission."""
        viewer = self.viewer()
        if self.token is not None:
            require_permission(self.state, self.token, "issues")
        if repository.archived:
            self.repository(Role.WRITE, "issues")
        return viewer

    def reviewer(self, repository: Repository) -> Account:
        """Who reviews a pull request: anyone who sees the repository, if the token has the permission."""
        viewer = self.viewer()
        if self.token is not None:
            require_permission(self.state, self.token, "pull_requests")
        if repository.archived:
            self.repository(Role.WRITE, "pull_requests")
        return viewer

    def issue(self, repository: Repository, parameter: str = "issue_number") -> Issue:
        """The issue of the path; 410 when it was deleted."""
        number = self.number(parameter)
        if (issue := repository.issues.get(number)) is not None:
            return issue
        if number in repository.deleted_numbers and self.state.rules.holds("issue_deleted"):
            raise Refused(410, "This issue was deleted")
        raise not_found()

    def paged(self, items: Sequence[Item], render: Callable[[Item], Any]) -> web.Response:
        """One page of a list, with the `Link` header that leads to the others."""
        document, headers = self.page(items, render)
        return answer(document, headers=headers)

    def page(self, items: Sequence[Item], render: Callable[[Item], Any]) -> tuple[list[Any], dict[str, str]]:
        """The rendered items of the page that was asked for, and its headers."""
        per_page = int(min(self.state.rules.most("per_page"), _positive(self.query.get("per_page"), 30)))
        page = _positive(self.query.get("page"), 1)
        last = max(1, math.ceil(len(items) / per_page))
        start = (page - 1) * per_page
        headers = {}
        if self.state.rules.holds("link") and (link := self._link(page, last)):
            headers["Link"] = link
        return [render(item) for item in items[start : start + per_page]], headers

    def _link(self, page: int, last: int) -> str:
        relations: list[tuple[int, str]] = []
        if page > 1:
            relations.append((page - 1, "prev"))
        if page < last:
            relations += [(page + 1, "next"), (last, "last")]
        if page > 1:
            relations.append((1, "first"))
        base = self.request.url.update_query({})
        return ", ".join(f'<{base.update_query({"page": str(n)})}>; rel="{name}"' for n, name in relations)


def find_repository(state: State, params: Mapping[str, str]) -> Repository:
    """The repository that a path names, by name, by a former name, or by id; 404 when there is none."""
    if (identity := params.get("repository_id")) is not None:
        repository = state.repository_by_id(int(identity)) if identity.isdecimal() else None
    else:
        full_name = f"{params['owner']}/{params['repo']}"
        repository = state.repository(full_name)
        if repository is None and (moved := state.redirects.get(full_name.casefold())) is not None:
            repository = state.repository_by_id(moved)
    if repository is None or state.hidden_until.get(repository.id, -math.inf) > state.clock.monotonic():
        raise not_found()
    return repository


def visible(state: State, repository: Repository) -> Repository:
    """The repository as a reader sees it: writes that lag are not there yet."""
    now = state.clock.monotonic()
    replicas = [each for each in state.replicas.get(repository.id, ()) if each.until > now]
    state.replicas[repository.id] = replicas
    return replicas[0].repository if replicas else repository


def snapshot(repository: Repository) -> Repository:
    """A copy that later writes do not touch."""
    return copy.deepcopy(repository)


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    response = web.Response(status=status, body=body, headers=headers)
    response.headers["Content-Type"] = "application/json; charset=utf-8"
    return response


def no_content() -> web.Response:
    """Done, and nothing to say."""
    return web.Response(status=204)


def add_etag(request: web.Request, response: web.Response) -> web.Response:
    """Tag a successful read; 304 when the reader has it already."""
    body = response.body if isinstance(response.body, bytes) else b""
    etag = f'W/"{hashlib.sha256(body).hexdigest()}"'
    known = [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]
    if etag in known or etag.removeprefix("W/") in known:
        response = web.Response(status=304)
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
    return response


def _positive(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isdecimal() and int(text) > 0 else default


def text_field(document: Mapping[str, Any], name: str, resource: str) -> str | None:
    """A field that is a text or null; 422 for anything else."""
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise invalid({"resource": resource, "field": name, "code": "invalid"}, message="Invalid request.")
