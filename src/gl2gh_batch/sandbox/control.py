"""The control interface, by which others look into the sandbox, set limits and faults, and do damage.

`control.schema.json` describes its documents. It listens on loopback and asks for no credential.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any, Final, Protocol

from aiohttp import web

from gl2gh_batch.sandbox.faults import Fault, parse_faults
from gl2gh_batch.sandbox.github.damage import change_state
from gl2gh_batch.sandbox.github.document import state_document
from gl2gh_batch.sandbox.github.imports import settle_imports
from gl2gh_batch.sandbox.github.state import State
from gl2gh_batch.sandbox.journal import Journal
from gl2gh_batch.sandbox.json_patch import apply_patch
from gl2gh_batch.sandbox.limits import Limiter, parse_limits

PREFIX: Final = "/control"
SCHEMA: Final = "control.schema.json"
MAX_BODY_BYTES: Final = 1 << 30


class Controlled(Protocol):
    """What of a sandbox is controlled."""

    @property
    def github(self) -> State: ...
    @property
    def journal(self) -> Journal: ...
    @property
    def limiter(self) -> Limiter: ...
    @property
    def faults(self) -> list[Fault]: ...
    async def reset(self) -> None: ...


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of every document of the control interface, under `$defs`."""
    text = (resources.files("gl2gh_batch.sandbox") / SCHEMA).read_text("utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def make_app(sandbox: Controlled) -> web.Application:
    """The application that controls a sandbox."""

    async def get_state(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler takes the request
        settle_imports(sandbox.github)
        return web.json_response(await state_document(sandbox.github))

    async def patch_state(request: web.Request) -> web.Response:
        settle_imports(sandbox.github)
        before = await state_document(sandbox.github)
        await change_state(sandbox.github, apply_patch(before, await _document(request, list)))
        return web.json_response(await state_document(sandbox.github))

    async def get_requests(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler takes the request
        text = "".join(sandbox.journal.lines())
        return web.Response(text=text, content_type="application/x-ndjson")

    async def get_limits(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler takes the request
        limits = sandbox.limiter.limits.items()
        return web.json_response(
            {name: {"limit": limit.limit, "window_s": limit.window_s} for name, limit in limits}
        )

    async def put_limits(request: web.Request) -> web.Response:
        sandbox.limiter.set_overrides(parse_limits(await _document(request, dict)))
        return await get_limits(request)

    async def put_faults(request: web.Request) -> web.Response:
        document = await _document(request, list)
        sandbox.faults[:] = parse_faults(document)
        return web.json_response(document)

    async def post_reset(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler takes the request
        await sandbox.reset()
        return web.Response(status=204)

    async def get_schema(request: web.Request) -> web.Response:  # noqa: ARG001 - a handler takes the request
        return web.json_response(schema())

    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[_told])
    app.router.add_get(f"{PREFIX}/state", get_state)
    app.router.add_patch(f"{PREFIX}/state", patch_state)
    app.router.add_get(f"{PREFIX}/requests", get_requests)
    app.router.add_get(f"{PREFIX}/limits", get_limits)
    app.router.add_put(f"{PREFIX}/limits", put_limits)
    app.router.add_put(f"{PREFIX}/faults", put_faults)
    app.router.add_post(f"{PREFIX}/reset", post_reset)
    app.router.add_get(f"{PREFIX}/schema", get_schema)
    return app


@web.middleware
async def _told(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A document that is not understood is answered with what is wrong about it."""
    try:
        return await handler(request)
    except (ValueError, KeyError, TypeError) as error:
        return web.json_response({"message": str(error) or type(error).__name__}, status=422)


async def _document(request: web.Request, kind: type[Any]) -> Any:
    document = json.loads(await request.read())
    if not isinstance(document, kind):
        raise ValueError(f"expected a JSON {'array' if kind is list else 'object'}")  # noqa: TRY004 - it is told as 422
    return document
