"""The application: what guards every request, and the way from routes to handlers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Final

from aiohttp import web

from gl2gh_batch import codec
from gl2gh_batch.interfaces.server import openapi
from gl2gh_batch.interfaces.server.audit import WHO, AuditLog
from gl2gh_batch.interfaces.server.auth import check_host, check_origin, identify, require
from gl2gh_batch.interfaces.server.config import Access, Role
from gl2gh_batch.interfaces.server.connections import Connections
from gl2gh_batch.interfaces.server.handlers import Handlers
from gl2gh_batch.interfaces.server.metrics import Requests
from gl2gh_batch.interfaces.server.problems import CONTENT_TYPE, Problem
from gl2gh_batch.interfaces.server.service import Service

_log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Nothing from another origin, nothing inline, in no frame.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
PAGE: Final = {
    "/": ("index.html", "text/html"),
    "/page/app.css": ("app.css", "text/css"),
    "/page/app.js": ("app.js", "text/javascript"),
    "/page/api.js": ("api.js", "text/javascript"),
    "/page/table.js": ("table.js", "text/javascript"),
    "/page/reading.js": ("reading.js", "text/javascript"),
    "/page/icon.svg": ("icon.svg", "image/svg+xml"),
}
_CONNECTIONS: Final = web.AppKey("connections", Connections)


def make_app(
    service: Service, *, access: tuple[Access, ...], hosts: Callable[[], frozenset[str]], audit: AuditLog
) -> web.Application:
    """The application of a service that runs; `hosts` are the values of Host that are ours."""
    guard = _Guard(service, access, hosts, audit)
    app = web.Application(middlewares=[guard.middleware], client_max_size=service.config.most_body_bytes)
    handlers = Handlers(service, guard.requests)
    for route in openapi.ROUTES:
        path = route.path.replace("{path}", "{path:.+}")
        guard.roles[path] = route.role
        guard.names[path] = route.name
        handler = getattr(handlers, route.name)
        app.router.add_route(route.method, path, handler, name=route.name)
    for path, (name, kind) in PAGE.items():
        guard.roles[path] = None
        guard.names[path] = "page"
        app.router.add_get(path, _file(name, kind))
    app.on_response_prepare.append(_add_headers)
    app.on_shutdown.append(handlers.end_streams)
    app[_CONNECTIONS] = guard.connections
    app.cleanup_ctx.append(guard.connections.watch)
    return app


def connections_of(app: web.Application) -> Connections:
    """Who is connected to the application."""
    return app[_CONNECTIONS]


class _Guard:
    """Looks at every request before its handler does, and at every answer after."""

    def __init__(
        self,
        service: Service,
        access: tuple[Access, ...],
        hosts: Callable[[], frozenset[str]],
        audit: AuditLog,
    ) -> None:
        self.requests = Requests()
        self.connections = Connections()
        self.roles: dict[str, Role | None] = {}
        self.names: dict[str, str] = {}
        self._service = service
        self._access = access
        self._hosts = hosts
        self._audit = audit

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Host, Origin, token, role; then the handler; every refusal as problem details."""
        began = time.monotonic()
        resource = request.match_info.route.resource
        path = resource.canonical if resource is not None else ""
        path = path.replace("{path}", "{path:.+}")
        with self.connections.busy(request):
            answer = await self._answered(request, handler, path)
        status = answer.status
        name = self.names.get(path, "unknown")
        seconds = 0.0 if name == "stream_events" else time.monotonic() - began
        self.requests.count(request.method, name, status, seconds)
        if WHO in request and self.roles.get(path) is Role.OPERATOR:
            await self._audit.write(request, name, status)
        return answer

    async def _answered(self, request: web.Request, handler: Handler, path: str) -> web.StreamResponse:
        try:
            self._admit(request, path)
            return await handler(request)
        except Problem as problem:
            return self._refusal(problem)
        except web.HTTPRequestEntityTooLarge:
            return self._refusal(Problem(413, "too-large", "the body is too large"), close=True)
        except web.HTTPException as error:
            if error.status < 400:
                raise
            headers = {name: text for name, text in error.headers.items() if name == "Allow"}
            slug = {404: "not-found", 405: "method-not-allowed"}.get(error.status, "refused")
            return self._refusal(Problem(error.status, slug, error.reason, headers=headers))
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception:  # noqa: BLE001 - logged, and told to the client without its text
            _log.exception("a request failed in a way nobody foresaw")
            return self._refusal(Problem(500, "internal", "a fault of ours; the service's log has it"))

    def _admit(self, request: web.Request, path: str) -> None:
        hosts = self._hosts()
        check_host(request.headers.get("Host"), hosts)
        api = path not in PAGE
        site = request.headers.get("Sec-Fetch-Site") if api else None
        check_origin(request.headers.get("Origin"), site, hosts)
        role = self.roles.get(path, Role.VIEWER if request.path.startswith("/api/") else None)
        if role is not None:
            header = request.headers.get("Authorization")
            who = identify(header, self._access)
            self._service.redactor.add((header or "").partition(" ")[2].strip())
            request[WHO] = who
            if request.match_info.http_exception is None:
                require(who, role)

    def _refusal(self, problem: Problem, *, close: bool = False) -> web.Response:
        text = self._service.redactor.redact(codec.encode(problem.document()).decode())
        answer = web.Response(
            status=problem.status, text=text, content_type=CONTENT_TYPE, headers=problem.headers
        )
        if close or problem.status in {408, 413}:
            answer.force_close()
        return answer


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    del request
    for name, text in HEADERS.items():
        response.headers.setdefault(name, text)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["Server"] = "gl2gh-batch"


def _file(name: str, kind: str) -> Handler:
    data = (resources.files("gl2gh_batch.interfaces.server") / "page" / name).read_bytes()

    async def answer(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(
            body=data, content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"}
        )

    return answer
