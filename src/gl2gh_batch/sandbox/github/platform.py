"""How GitHub counts requests, and what it says when there were too many."""

from __future__ import annotations

import itertools
import json
import re
from typing import Final

from aiohttp import hdrs, web

from gl2gh_batch.sandbox.credentials import ANONYMOUS, credential_name, secret_of
from gl2gh_batch.sandbox.github.app import API, GRAPHQL
from gl2gh_batch.sandbox.github.call import Call, Route, answer
from gl2gh_batch.sandbox.github.graphql_pages import score_of
from gl2gh_batch.sandbox.github.imports import settle_imports
from gl2gh_batch.sandbox.github.state import State
from gl2gh_batch.sandbox.graphql_syntax import parse_operation
from gl2gh_batch.sandbox.guard import Booking, Caller, whole_seconds
from gl2gh_batch.sandbox.limits import Limiter, Refusal, Standing

READ_POINTS: Final = 1
WRITE_POINTS: Final = 5
RATE_LIMIT: Final = "/rate_limit"
SEARCH: Final = "/search/"

# Every operation that GitHub's OpenAPI description marks `triggersNotification`: content creation.
CONTENT_CREATING: Final = (
    ("POST", "/orgs/{}/invitations"),
    ("DELETE", "/orgs/{}/invitations/{}"),
    ("PUT", "/repos/{}/{}/collaborators/{}"),
    ("POST", "/repos/{}/{}/commits/{}/comments"),
    ("POST", "/repos/{}/{}/issues"),
    ("POST", "/repos/{}/{}/issues/{}/comments"),
    ("POST", "/repos/{}/{}/issues/{}/dependencies/blocked_by"),
    ("DELETE", "/repos/{}/{}/issues/{}/dependencies/blocked_by/{}"),
    ("POST", "/repos/{}/{}/issues/{}/issue-field-values"),
    ("PUT", "/repos/{}/{}/issues/{}/issue-field-values"),
    ("DELETE", "/repos/{}/{}/issues/{}/issue-field-values/{}"),
    ("DELETE", "/repos/{}/{}/issues/{}/sub_issue"),
    ("PATCH", "/repos/{}/{}/issues/{}/sub_issues/priority"),
    ("POST", "/repos/{}/{}/pulls"),
    ("POST", "/repos/{}/{}/pulls/{}/comments"),
    ("POST", "/repos/{}/{}/pulls/{}/comments/{}/replies"),
    ("PUT", "/repos/{}/{}/pulls/{}/merge"),
    ("PUT", "/repos/{}/{}/pulls/{}/merge-async"),
    ("POST", "/repos/{}/{}/pulls/{}/requested_reviewers"),
    ("POST", "/repos/{}/{}/pulls/{}/reviews"),
    ("POST", "/repos/{}/{}/releases"),
)
IMPORT: Final = ("POST", "/repos/{}/{}/import/issues")


def _pattern(operations: tuple[tuple[str, str], ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"{method} {path.replace('{}', '[^/]+')}" for method, path in operations))


_CONTENT: Final = _pattern(CONTENT_CREATING)
_IMPORT: Final = _pattern((IMPORT,))
_BY_ID: Final = re.compile(r"^/repositories/([^/]+)")


class GitHubPlatform:
    """The GitHub side as the guard sees it."""

    name = "github"

    def __init__(self, state: State) -> None:
        self._state = state
        self._requests = itertools.count(1)

    def settle(self) -> None:
        """Finish the imports that are due."""
        settle_imports(self._state)

    def is_api(self, path: str) -> bool:
        """Whether the path is one of REST or GraphQL."""
        return path.startswith("/api/")

    def caller(self, request: web.Request) -> Caller:
        """Limits are kept for a user, or for an installation; an unknown token stands for itself."""
        secret = secret_of(request)
        token = None if secret is None else self._state.tokens.get(secret)
        name = credential_name(secret)
        if token is None:
            account = ANONYMOUS if secret is None else name
        else:
            account = name if token.kind == "installation" else token.login
        return Caller(credential=name, account=account)

    async def booking(self, request: web.Request, limiter: Limiter) -> Booking:
        """The classes of a request; git and web pages have none."""
        path, method = request.rel_url.raw_path, request.method
        if not self.is_api(path):
            return Booking(classes={})
        if path == GRAPHQL:
            score, is_query = _asked(await request.read())
            points = READ_POINTS if is_query else WRITE_POINTS
            return Booking(classes={"primary": score, "points": points, "concurrency": 1}, resource="graphql")
        path = _BY_ID.sub("/repos/-/-", path.removeprefix(API))
        is_read = method in ("GET", "HEAD", "OPTIONS")
        classes = {"primary": 1, "points": READ_POINTS if is_read else WRITE_POINTS, "concurrency": 1}
        resource = "core"
        if path == RATE_LIMIT:
            # "Accessing this endpoint does not count against your REST API rate limit."
            del classes["primary"]
        elif path.startswith(SEARCH):
            del classes["primary"]
            classes["search"] = 1
            resource = "search"
        elif _is_content(f"{method} {path}", limiter):
            classes |= {"content_minute": 1, "content_hour": 1}
        return Booking(classes=classes, resource=resource)

    def refusal(self, request: web.Request, refusal: Refusal) -> web.Response:  # noqa: ARG002 - one face
        """403: the primary limit by its headers, a secondary one by `retry-after` and its words."""
        request_id = self._request_id()
        headers = {}
        if refusal.limit_class in ("primary", "search"):
            page = "rate-limiting"
            message = f"API rate limit exceeded for user. If you reach out to GitHub Support for help, please include the request ID {request_id}."  # noqa: E501 - GitHub's own sentence
        else:
            page = "about-secondary-rate-limits"
            message = f"You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID {request_id}."  # noqa: E501 - GitHub's own sentence
            if self._state.rules.holds("retry-after"):
                headers["Retry-After"] = str(whole_seconds(refusal.retry_after_s))
        url = f"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#{page}"
        return answer({"message": message, "documentation_url": url, "status": "403"}, 403, headers)

    def rate_headers(self, limiter: Limiter, caller: Caller, booking: Booking) -> dict[str, str]:
        """`x-ratelimit-*` of the bucket that the request drew on."""
        name = "search" if booking.resource == "search" else "primary"
        now = self._state.clock.monotonic()
        standing = limiter.standing(caller.account, name, booking.resource, now)
        if standing is None or not self._state.rules.holds("x-ratelimit"):
            return {}
        return {
            "X-RateLimit-Limit": str(standing.limit),
            "X-RateLimit-Remaining": str(standing.remaining),
            "X-RateLimit-Used": str(standing.used),
            "X-RateLimit-Reset": str(self._epoch(standing.ends_at)),
            "X-RateLimit-Resource": booking.resource,
        }

    def exhausted_headers(self, retry_after_s: float) -> dict[str, str]:
        """The headers of a primary limit that is used up."""
        reset = self._epoch(self._state.clock.monotonic() + retry_after_s)
        return {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}

    def _epoch(self, monotonic: float) -> int:
        return whole_seconds(self._state.clock.wall_at(monotonic).timestamp())

    def _request_id(self) -> str:
        return f"5A4D:{next(self._requests):06X}"

    async def add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        """What is on every answer, git's included: the request's id, the date, a classic token's scopes."""
        rules = self._state.rules
        if rules.holds("x-github-request-id"):
            response.headers["X-GitHub-Request-Id"] = self._request_id()
        if rules.holds("date"):
            now = self._state.clock.wall()
            response.headers[hdrs.DATE] = now.strftime("%a, %d %b %Y %H:%M:%S GMT")
        token = self._state.tokens.get(secret_of(request) or "")
        is_classic = token is not None and token.kind == "classic"
        if token is not None and is_classic and self.is_api(request.path) and rules.holds("x-oauth-scopes"):
            response.headers["X-OAuth-Scopes"] = ", ".join(sorted(token.scopes))
            response.headers["X-Accepted-OAuth-Scopes"] = ""

    def routes(self, limiter: Limiter) -> tuple[Route, ...]:
        """The routes that tell about limits."""

        async def get_rate_limit(call: Call) -> web.StreamResponse:
            """GET /rate_limit."""
            account = self.caller(call.request).account
            if not limiter.has_headers:
                return answer({"message": "Rate limiting is not enabled.", "status": "404"}, 404)
            now = call.state.clock.monotonic()
            resources = {}
            for resource in ("core", "search", "graphql"):
                name = "search" if resource == "search" else "primary"
                standing = limiter.standing(account, name, resource, now)
                if standing is None:
                    standing = Standing(limit=0, used=0, ends_at=now)
                resources[resource] = {
                    "limit": standing.limit,
                    "used": standing.used,
                    "remaining": standing.remaining,
                    "reset": self._epoch(standing.ends_at),
                }
            return answer({"resources": resources, "rate": resources["core"]})

        return (("GET", RATE_LIMIT, get_rate_limit),)


def _asked(body: bytes) -> tuple[int, bool]:
    """What a GraphQL request takes of the primary limit, and whether it only asks."""
    try:
        document = json.loads(body)
        operation = parse_operation(str(document.get("query", "")), document.get("variables") or {})
    except (ValueError, AttributeError):
        return 1, b"mutation" not in body
    return score_of(operation.selection), operation.kind == "query"


def _is_content(operation: str, limiter: Limiter) -> bool:
    if _CONTENT.fullmatch(operation):
        return True
    return limiter.profile.imports_are_content and bool(_IMPORT.fullmatch(operation))
