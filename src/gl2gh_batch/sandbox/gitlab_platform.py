"""How GitLab counts requests, and what it says when there were too many."""

from __future__ import annotations

import re
from typing import Final

from aiohttp import hdrs, web

from gl2gh_batch.sandbox.clock import Clock
from gl2gh_batch.sandbox.credentials import credential_name, secret_of
from gl2gh_batch.sandbox.guard import Booking, Caller, whole_seconds
from gl2gh_batch.sandbox.limits import Limiter, Refusal
from gl2gh_batch.sandbox.rules import Rules

API: Final = "/api/"
EXPORT: Final = re.compile(r"/api/v4/(?:projects|groups)/[^/]+/export")
THROTTLE: Final = "throttle_authenticated_api"


class GitLabPlatform:
    """The GitLab side as the guard sees it; the side itself knows nothing of limits."""

    name = "gitlab"

    def __init__(self, clock: Clock, rules: Rules) -> None:
        self._clock = clock
        self._rules = rules

    def settle(self) -> None:
        """Nothing is ever due: jobs of GitLab's settle themselves when they are looked at."""

    def is_api(self, path: str) -> bool:
        """Whether the path is one of API v4 (or GraphQL)."""
        return path.startswith(API)

    def caller(self, request: web.Request) -> Caller:
        """Limits are kept for a token."""
        query = request.query
        secret = request.headers.get("PRIVATE-TOKEN") or query.get("private_token") or secret_of(request)
        name = credential_name(secret)
        return Caller(credential=name, account=name)

    async def booking(self, request: web.Request, limiter: Limiter) -> Booking:  # noqa: ARG002 - one face for both sides
        """Every request of the API counts; starting an export counts twice."""
        if not self.is_api(request.path):
            return Booking(classes={})
        classes = {"gitlab_requests": 1}
        if request.method == "POST" and EXPORT.fullmatch(request.rel_url.raw_path):
            classes["gitlab_exports"] = 1
        return Booking(classes=classes)

    def refusal(self, request: web.Request, refusal: Refusal) -> web.Response:  # noqa: ARG002 - one face
        """429 in GitLab's two ways: by its throttle, and by its application limits, without Retry-After."""
        if refusal.limit_class == "gitlab_exports":
            words = "This endpoint has been requested too many times. Try again later."
            return web.json_response({"message": {"error": words}}, status=429)
        response = web.Response(status=429, text="Retry later\n")
        if self._rules.holds("retry-after"):
            response.headers[hdrs.RETRY_AFTER] = str(whole_seconds(refusal.retry_after_s))
        return response

    def rate_headers(self, limiter: Limiter, caller: Caller, booking: Booking) -> dict[str, str]:
        """`RateLimit-*` of the general throttle."""
        now = self._clock.monotonic()
        standing = limiter.standing(caller.account, "gitlab_requests", booking.resource, now)
        if standing is None or not self._rules.holds("ratelimit"):
            return {}
        reset = self._clock.wall_at(standing.ends_at)
        return {
            "RateLimit-Limit": str(standing.limit),
            "RateLimit-Observed": str(standing.used),
            "RateLimit-Remaining": str(standing.remaining),
            "RateLimit-Reset": str(whole_seconds(reset.timestamp())),
            "RateLimit-ResetTime": reset.strftime("%a, %d %b %Y %H:%M:%S GMT"),
            "RateLimit-Name": THROTTLE,
        }

    def exhausted_headers(self, retry_after_s: float) -> dict[str, str]:
        """The headers of a throttle that is used up."""
        reset = self._clock.wall_at(self._clock.monotonic() + retry_after_s)
        return {"RateLimit-Remaining": "0", "RateLimit-Reset": str(whole_seconds(reset.timestamp()))}
