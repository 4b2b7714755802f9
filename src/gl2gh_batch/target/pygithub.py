"""PyGithub over our transport: process-wide, because a hook on one object misses the App's token exchange."""

from __future__ import annotations

from typing import Any

import requests
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)

from gl2gh_batch.kit.http_threads import Line, current_line


class _OverLine:
    """One connection of PyGithub's, over the line of the work that this thread does."""

    def __init__(self, line: Line, protocol: str, host: str, port: int, timeout: float | None) -> None:
        self._session: requests.Session = line.session
        self._origin = f"{protocol}://{host}:{port}"
        self._timeout = timeout

    def send(self, verb: str, url: str, body: Any, headers: dict[str, str]) -> RequestsResponse:
        """One request; redirects are PyGithub's to follow, and our adapter's to refuse."""
        response = self._session.request(
            verb,
            f"{self._origin}{url}",
            headers=headers,
            data=body,
            timeout=self._timeout,
            allow_redirects=False,
        )
        return RequestsResponse(response)


class _Http(HTTPRequestsConnectionClass):
    _line: _OverLine | None = None

    def __init__(self, host: str, port: int | None = None, *args: Any, **kwargs: Any) -> None:
        line = current_line()
        if line is None:  # somebody else's PyGithub in this process: theirs as it was
            super().__init__(host, port, *args, **kwargs)
            return
        self.host = host
        self._line = _OverLine(line, "http", host, port or 80, kwargs.get("timeout"))

    def getresponse(self) -> RequestsResponse:
        if self._line is None:
            return super().getresponse()
        return self._line.send(self.verb, self.url, self.input, self.headers)

    def close(self) -> None:
        if self._line is None:
            super().close()


class _Https(HTTPSRequestsConnectionClass):
    _line: _OverLine | None = None

    def __init__(self, host: str, port: int | None = None, *args: Any, **kwargs: Any) -> None:
        line = current_line()
        if line is None:
            super().__init__(host, port, *args, **kwargs)
            return
        self.host = host
        self._line = _OverLine(line, "https", host, port or 443, kwargs.get("timeout"))

    def getresponse(self) -> RequestsResponse:
        if self._line is None:
            return super().getresponse()
        return self._line.send(self.verb, self.url, self.input, self.headers)

    def close(self) -> None:
        if self._line is None:
            super().close()


def install() -> None:
    """Send PyGithub's requests over the line of the work at hand, from now on; any number of times."""
    Requester.injectConnectionClasses(_Http, _Https)
