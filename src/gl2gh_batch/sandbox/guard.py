"""What stands before each side of the sandbox: the journal, the limits, the faults, and the rate headers."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aiohttp import web

from gl2gh_batch.sandbox.clock import Clock
from gl2gh_batch.sandbox.faults import FOREIGN_BODIES, Fault
from gl2gh_batch.sandbox.git_http import HOLD_ANSWER
from gl2gh_batch.sandbox.journal import NO_ANSWER, Entry, Exchange, Journal
from gl2gh_batch.sandbox.limits import CONCURRENCY, Limiter, Refusal
from gl2gh_batch.sandbox.rules import Rules

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Seconds that the writes of a request stay invisible; set by a fault, read by the side that can do so.
LAG_S: Final = web.RequestKey("lag_s", float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request: the short name of the credential, and the account that its limits are kept for."""

    credential: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """The classes that a request is counted in, with its weight, and the primary bucket it draws on."""

    classes: Mapping[str, int]
    resource: str = "core"


class Platform(Protocol):
    """What the guard asks of a side."""

    name: str

    def is_api(self, path: str) -> bool:
        """Whether the path belongs to the API; the rest is git and web."""

    def caller(self, request: web.Request) -> Caller:
        """Who sends the request."""

    async def booking(self, request: web.Request, limiter: Limiter) -> Booking:
        """What the request is counted as."""

    def refusal(self, request: web.Request, refusal: Refusal) -> web.Response:
        """The platform's answer to a request over a limit, without its rate headers."""

    def rate_headers(self, limiter: Limiter, caller: Caller, booking: Booking) -> dict[str, str]:
        """The headers that tell the state of the limits."""

    def exhausted_headers(self, retry_after_s: float) -> dict[str, str]:
        """The rate headers of a primary limit that is used up for so long (for faults)."""

    def settle(self) -> None:
        """Let happen what was due before this moment."""


@dataclass(slots=True, kw_only=True)
class Guard:
    """The outermost middleware of one side."""

    platform: Platform
    limiter: Limiter
    journal: Journal
    clock: Clock
    rules: Rules
    faults: list[Fault] = field(default_factory=list)
    observe: Callable[[Exchange], None] | None = None

    def middleware(self) -> Any:
        """The guard as aiohttp wants it."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            return await self._pass(request, handler)

        return guard

    async def _pass(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.platform.settle()
        caller = self.platform.caller(request)
        booking = await self.platform.booking(request, self.limiter)
        entry = Entry(
            t=self.clock.monotonic(),
            side=self.platform.name,
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.query_string,
            classes=tuple(booking.classes),
            credential=caller.credential,
            points=booking.classes.get("points", 0),
        )
        self.journal.add(entry)
        counts = CONCURRENCY in booking.classes
        if counts:
            self.limiter.enter(caller.account)
        try:
            response = await self._answer(request, handler, caller, booking)
            entry.status = NO_ANSWER if isinstance(response, _Dropped) else response.status
        finally:
            if entry.status is None:
                entry.status = 500
            if counts:
                self.limiter.leave(caller.account)
        return response

    async def _answer(
        self, request: web.Request, handler: Handler, caller: Caller, booking: Booking
    ) -> web.StreamResponse:
        refusal = self.limiter.book(caller.account, booking.resource, booking.classes, self.clock.monotonic())
        hit = [
            fault
            for fault in self.faults
            if fault.hits(self.platform.name, request.method, request.rel_url.raw_path)
        ]
        response: web.StreamResponse | None = None
        if refusal is not None:
            response = self.platform.refusal(request, refusal)
        else:
            response = await self._fault(request, [fault for fault in hit if fault.when == "before"])
        if response is None:
            response = await self._perform(request, handler, hit)
            if response.status == 304:
                self.limiter.refund(caller.account, booking.resource)
            self._add_rate_headers(response, caller, booking)
            await self._tell(request, response, is_faulted=False)
            response = (
                await self._fault(request, [fault for fault in hit if fault.when == "after"]) or response
            )
            response = await self._truncate(request, response, hit)
        elif not isinstance(response, _Dropped):
            self._add_rate_headers(response, caller, booking)
            await self._tell(request, response, is_faulted=refusal is None)
        return response

    async def _perform(
        self, request: web.Request, handler: Handler, hit: Sequence[Fault]
    ) -> web.StreamResponse:
        if any(fault.when == "after" or "truncate" in fault.effect for fault in hit):
            request[HOLD_ANSWER] = True
        for fault in hit:
            if "lag_s" in fault.effect:
                request[LAG_S] = float(fault.effect["lag_s"])
        try:
            return await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=error.text, headers=error.headers)

    def _add_rate_headers(self, response: web.StreamResponse, caller: Caller, booking: Booking) -> None:
        if not response.prepared and booking.classes:
            for name, value in self.platform.rate_headers(self.limiter, caller, booking).items():
                response.headers.setdefault(name, value)

    async def _tell(self, request: web.Request, response: web.StreamResponse, *, is_faulted: bool) -> None:
        if self.observe is None:
            return
        is_api = self.platform.is_api(request.path)
        body = response.body if isinstance(response, web.Response) else None
        self.observe(
            Exchange(
                side=self.platform.name,
                method=request.method,
                path=request.rel_url.raw_path,
                query=request.query_string,
                request_headers=dict(request.headers),
                request_body=await request.read() if is_api else None,
                status=response.status,
                response_headers=dict(response.headers),
                response_body=body if isinstance(body, bytes) else None,
                is_faulted=is_faulted,
            )
        )

    async def _fault(self, request: web.Request, faults: Sequence[Fault]) -> web.Response | None:
        """Do what the faults of one moment do; their answer, if they give one."""
        response: web.Response | None = None
        for fault in faults:
            effect = fault.effect
            if "delay_s" in effect:
                await asyncio.sleep(float(effect["delay_s"]))
            if effect.get("drop"):
                return _drop(request)
            if "rate_limit" in effect:
                response = self._rate_limited(request, effect)
            elif "foreign_body" in effect:
                status, content_type, body = FOREIGN_BODIES[effect["foreign_body"]]
                response = web.Response(
                    status=effect.get("status", status), body=body, content_type=content_type
                )
            elif "status" in effect:
                response = _scripted(effect)
        return response

    def _rate_limited(self, request: web.Request, effect: Mapping[str, Any]) -> web.Response:
        retry_after_s = float(effect.get("retry_after", 60))
        is_primary = effect["rate_limit"] == "primary"
        refusal = Refusal(limit_class="primary" if is_primary else "points", retry_after_s=retry_after_s)
        response = self.platform.refusal(request, refusal)
        if is_primary:
            response.headers.update(self.platform.exhausted_headers(retry_after_s))
        return response

    async def _truncate(
        self, request: web.Request, response: web.StreamResponse, hit: Sequence[Fault]
    ) -> web.StreamResponse:
        lengths = [int(fault.effect["truncate"]) for fault in hit if "truncate" in fault.effect]
        if not lengths or not isinstance(response, web.Response) or isinstance(response, _Dropped):
            return response
        body = response.body if isinstance(response.body, bytes) else b""
        cut = web.StreamResponse(status=response.status, headers=response.headers)
        cut.content_length = len(body)
        await cut.prepare(request)
        await cut.write(body[: min(lengths)])
        if request.transport is not None:
            request.transport.close()
        return cut


class _Dropped(web.Response):
    """Stands for no answer at all."""


def _drop(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return _Dropped()


def _scripted(effect: Mapping[str, Any]) -> web.Response:
    body = effect.get("body", {"message": "Server Error"})
    is_text = isinstance(body, str)
    response = web.Response(
        status=int(effect["status"]),
        text=body if is_text else json.dumps(body),
        content_type="text/plain" if is_text else "application/json",
    )
    for name, value in effect.get("headers", {}).items():
        response.headers[name] = str(value)
    return response


def whole_seconds(seconds: float) -> int:
    """Seconds as headers give them: whole, never too few, at least one."""
    return max(1, math.ceil(seconds))
