"""Small servers on loopback that answer as a test tells them to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """What a server was asked."""

    url: str = ""
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """Method and path with its query, one for each request."""
        return [f"{one.method} {one.path_qs}" for one in self.requests]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[Seen]:
    """A server whose every request goes to `handler`."""
    seen = Seen()

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.requests.append(request)
        seen.bodies.append(await request.read())
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    seen.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield seen
    finally:
        await runner.cleanup()


def answers(*script: web.Response) -> Handler:
    """A handler that gives the answers in turn, and the last one for ever."""
    left = list(script)

    async def handler(_: web.Request) -> web.StreamResponse:
        one = left.pop(0) if len(left) > 1 else left[0]
        # A response is good for one use only.
        return web.Response(status=one.status, body=one.body, headers=_without_length(one.headers))

    return handler


def _without_length(headers: object) -> dict[str, str]:
    return {name: value for name, value in dict(headers).items() if name.lower() != "content-length"}


@asynccontextmanager
async def raw_serving(*script: bytes) -> AsyncIterator[Seen]:
    """A server that writes these bytes, an entry for each connection, and hangs up; the last one for ever."""
    seen = Seen()
    left = list(script)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        seen.bodies.append(head)
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    seen.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield seen
    finally:
        server.close()
        await server.wait_closed()
