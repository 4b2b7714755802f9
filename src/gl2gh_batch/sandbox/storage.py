"""Object storage on an origin of its own: where both platforms send readers of files, with a signed address.

As with S3, a request that brings a credential beside its signature is refused; `leaks` counts those.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from aiohttp import web

CREDENTIALS: Final = ("Authorization", "PRIVATE-TOKEN", "JOB-TOKEN", "Cookie")


class Storage:
    """Files below `roots`, by the name of a side; `signature` has to be in the address."""

    def __init__(self) -> None:
        self.url = ""
        self.roots: dict[str, Path] = {}
        self.leaks = 0
        self.served = 0

    def app(self) -> web.Application:
        """The application that serves them, ranges too."""
        app = web.Application()
        app.router.add_get("/{side}/{path:.+}", self._serve, allow_head=True)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if any(name in request.headers for name in CREDENTIALS):
            self.leaks += 1
            return web.Response(status=400, text="<Error><Code>InvalidArgument</Code></Error>")
        root = self.roots.get(request.match_info["side"])
        if root is None or "signature" not in request.query:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        path = (root / request.match_info["path"]).resolve()
        if not path.is_relative_to(root.resolve()) or not path.is_file():
            return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
        self.served += 1
        return web.FileResponse(path)
