"""Requests over aiohttp: asked of the governor, never resent unless that is harmless, never to a stranger.

What happens to a request:

- no connection was made: it was not sent, so any method is tried again;
- no clear answer (connection lost, timeout, truncated body, 5xx): a repeatable request is tried again with
  growing pauses; any other raises `UnclearAnswerError` and is not sent again here;
- refused by a rate limit: it was not carried out; it waits in the governor and is sent again;
- 401: `AuthenticationError`, at once;
- a redirect of a reading request is followed by hand, and only within the origin that the token is for;
- everything else is an `Answer`, for the caller to judge.
"""

from __future__ import annotations

import contextlib
import io
import logging
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    RateLimitedError,
    TransportError,
    UnclearAnswerError,
)
from gl2gh_batch.domain.limits import Costs, LimitReport
from gl2gh_batch.domain.ports import Clock, Governor
from gl2gh_batch.kit.origin import Origin, proxy_for
from gl2gh_batch.kit.plain_json import read_json, write_json
from gl2gh_batch.kit.verdict import Verdict, verdict

_log = logging.getLogger(__name__)

USER_AGENT: Final = "gl2gh-batch"
DEFAULT_MAX_BYTES: Final = 64 * 1024 * 1024
MAX_HOPS: Final = 5
# What a server may take to answer after it has all of a large file.
LONG_READ_TIMEOUT_S: Final = 300.0
MAX_REFUSALS: Final = 10
READING: Final = frozenset({"GET", "HEAD"})
_IN_BETWEEN: Final = "A proxy or a maintenance page may stand in between. Running again is safe."

Authorize = Callable[[], Awaitable[Mapping[str, str]]]
# Status and body → the body without what must not go on.
Mask = Callable[[int, bytes], bytes]
ReadLimits = Callable[[int, Mapping[str, str], bytes], LimitReport]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer that was read in full; the names of `headers` are in lower case."""

    service: str
    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def verdict(self) -> Verdict:
        """What the status means."""
        return verdict(self.status)

    def json(self) -> Any:
        """The body as plain data; raises `TransportError` when it is no JSON."""
        try:
            return read_json(self.body)
        except (ValueError, RecursionError):
            raise TransportError(
                f"{self.service} answered {self.method} {urlsplit(self.url).path} with {self.status} "
                "and a body that is no JSON",
                hint=_IN_BETWEEN,
            ) from None

    def objects(self) -> list[dict[str, Any]]:
        """The body as a list of objects; raises `TransportError` when it is none."""
        body = self.json()
        if isinstance(body, list) and all(isinstance(one, dict) for one in body):
            return body
        raise TransportError(
            f"{self.service} answered {self.method} {urlsplit(self.url).path} with no list of objects",
            hint=_IN_BETWEEN,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often, and with which pauses, a harmless request is tried again."""

    tries: int = 6
    first_s: float = 1.0
    most_s: float = 30.0
    max_wait_s: float = 2 * 3600.0

    def pause_s(self, attempt: int, jitter: float) -> float:
        """The pause after attempt number `attempt` (from 1); `jitter` is from 0 to 1."""
        return float(min(self.first_s * 2 ** (attempt - 1), self.most_s) * (0.5 + jitter))


class HttpClient:
    """One service with one credential; see the module for what happens to a request.

    `read_limits` tells from (status, headers, body) what an answer says of the limits. `hint` is what a user
    should check when the credential is refused.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        service: str,
        base_url: str,
        authorize: Authorize,
        governor: Governor,
        clock: Clock,
        read_limits: ReadLimits,
        headers: Mapping[str, str] | None = None,
        hint: str = "",
        retries: Retries | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
        total_timeout_s: float = 180.0,
        read_timeout_s: float = 60.0,
        jitter: Callable[[], float] = random.random,
        mask: Mask | None = None,
    ) -> None:
        self.origin = Origin(base_url)
        self.service = service
        self.governor = governor
        self.clock = clock
        self._session = session
        self._authorize = authorize
        self._read_limits = read_limits
        self._headers = dict(headers or {})
        self._hint = hint
        self.retries = retries or Retries()
        self._max_bytes = max_bytes
        self._timeout = aiohttp.ClientTimeout(
            total=total_timeout_s, sock_connect=15.0, sock_read=read_timeout_s
        )
        self._long_timeout = aiohttp.ClientTimeout(
            total=None, sock_connect=15.0, sock_read=max(read_timeout_s, LONG_READ_TIMEOUT_S)
        )
        self._jitter = jitter
        self._proxy = proxy_for(base_url)
        self._mask = mask

    async def send(
        self,
        method: str,
        path_or_url: str,
        *,
        costs: Costs | Callable[[], Costs],
        repeatable: bool | None = None,
        who: str = "",
        params: Mapping[str, str | int] | None = None,
        json: object = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        on_refusal: Callable[[LimitReport], None] | None = None,
        max_bytes: int | None = None,
        sink: BinaryIO | None = None,
        follow: bool = True,
        guard: Callable[[], None] | None = None,
        file: Path | None = None,
    ) -> Answer:
        """Send a request and read its answer in full; into `sink`, if given, when the status is 200.

        `file` is sent as the body, opened anew for every try; such a request may take as long as it goes on.
        `costs` may be a function, asked before every try. `repeatable` None: all but POST. `on_refusal` hears
        of each refusal by a rate limit. `guard` is asked at the last moment before every try, and raises what
        forbids to send. Without `follow` a redirect is an answer like others. Raises `TransportError`,
        `UnclearAnswerError`, `RateLimitedError`, `AuthenticationError`, and what the governor raises.
        """
        harmless = method != "POST" if repeatable is None else repeatable
        url = self.origin.absolute(path_or_url, params)
        body = write_json(json) if json is not None else data
        sent_headers = dict(self._headers)
        if json is not None:
            sent_headers["Content-Type"] = "application/json"
        sent_headers.update(headers or {})
        attempt = refusals = hops = 0
        began = self.clock.monotonic()
        while True:
            cost = costs() if callable(costs) else costs
            try:
                answer, report = await self._attempt(
                    method,
                    url,
                    cost,
                    who,
                    file or body,
                    sent_headers,
                    max_bytes or self._max_bytes,
                    sink,
                    guard,
                )
            except NoAnswerError as error:
                attempt += 1
                if error.sent and not harmless:
                    raise self._unclear(method, url, error.what) from error
                if error.final or attempt >= self.retries.tries:
                    raise self._unreachable(method, url, error) from error
                await self.pause(attempt, None)
                continue
            if report.refused is not None:
                refusals += 1
                if on_refusal is not None:
                    on_refusal(report)
                if refusals >= MAX_REFUSALS or self.clock.monotonic() - began > self.retries.max_wait_s:
                    raise self._refused(method, url, report.refused)
                continue
            match answer.verdict:
                case Verdict.UNAUTHENTICATED:
                    said = f"{self.service} refused the token (401 for {method} {urlsplit(url).path})"
                    self.governor.revoke(said, self._hint)
                    raise AuthenticationError(said, hint=self._hint)
                case Verdict.UNCLEAR:
                    attempt += 1
                    if not harmless:
                        raise self._unclear(method, url, f"status {answer.status}")
                    if attempt >= self.retries.tries:
                        raise self._unreachable(method, url, NoAnswerError(f"status {answer.status}"))
                    await self.pause(attempt, report.retry_after_s)
                case Verdict.MOVED if follow and method in READING and "location" in answer.headers:
                    hops += 1
                    if hops > MAX_HOPS:
                        raise self._unreachable(method, url, NoAnswerError("too many redirects"))
                    url = self.origin.absolute(urljoin(url, answer.headers["location"]))
                case _:
                    return answer

    @contextlib.asynccontextmanager
    async def opened(
        self, url: str, *, costs: Costs, who: str = "", headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """One try of a GET, its body unread; the token goes along within its own origin only.

        Addresses elsewhere (signed ones of object storage) get no header of ours but `headers`. Redirects
        are the caller's to follow. Raises `NoAnswerError`, and what the governor raises.
        """
        inside = url in self.origin
        sent = {**self._headers, **await self._authorize()} if inside else {}
        async with self.governor.request(costs if inside else {}, who=who) as permit:
            try:
                async with self._session.get(
                    URL(url, encoded=True),
                    headers={**sent, **(headers or {})},
                    allow_redirects=False,
                    timeout=self._long_timeout,
                    proxy=proxy_for(url),
                ) as response:
                    if inside:
                        permit.report(self._read_limits(response.status, _lower(response), b""))
                    yield response
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise NoAnswerError.of(error) from error

    async def _attempt(
        self,
        method: str,
        url: str,
        costs: Costs,
        who: str,
        body: bytes | Path | None,
        headers: Mapping[str, str],
        max_bytes: int,
        sink: BinaryIO | None,
        guard: Callable[[], None] | None,
    ) -> tuple[Answer, LimitReport]:
        with contextlib.ExitStack() as stack:
            data = stack.enter_context(body.open("rb")) if isinstance(body, Path) else body
            return await self._exchange(method, url, costs, who, data, headers, max_bytes, sink, guard)

    async def _exchange(
        self,
        method: str,
        url: str,
        costs: Costs,
        who: str,
        data: bytes | BinaryIO | None,
        headers: Mapping[str, str],
        max_bytes: int,
        sink: BinaryIO | None,
        guard: Callable[[], None] | None,
    ) -> tuple[Answer, LimitReport]:
        timeout = self._timeout if data is None or isinstance(data, bytes) else self._long_timeout
        async with self.governor.request(costs, who=who) as permit:
            authorization = await self._authorize()
            if guard is not None:
                guard()
            try:
                async with self._session.request(
                    method,
                    URL(url, encoded=True),
                    data=data,
                    headers={**headers, **authorization},
                    allow_redirects=False,
                    timeout=timeout,
                    proxy=self._proxy,
                ) as response:
                    content = await _read(response, max_bytes, sink if response.status == 200 else None)
                    if self._mask is not None:
                        content = self._mask(response.status, content)
                    answer = Answer(
                        service=self.service,
                        method=method,
                        url=url,
                        status=response.status,
                        headers=_lower(response),
                        body=content,
                    )
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise NoAnswerError.of(error) from error
            report = self._read_limits(answer.status, answer.headers, answer.body)
            permit.report(report)
        _log.debug(
            "answer",
            extra={
                "service": self.service,
                "method": method,
                "path": urlsplit(url).path,
                "status": answer.status,
            },
        )
        return answer, report

    async def pause(self, attempt: int, retry_after_s: float | None = None) -> None:
        """Wait as is due after try number `attempt` (from 1), or as long as the server said."""
        pause_s = self.retries.pause_s(attempt, self._jitter())
        if retry_after_s is not None:
            pause_s = max(pause_s, min(retry_after_s, self.retries.max_wait_s))
        await self.clock.sleep(pause_s)

    def _unclear(self, method: str, url: str, what: str) -> UnclearAnswerError:
        return UnclearAnswerError(
            f"{method} {urlsplit(url).path} was sent to {self.service} and got no clear answer ({what})",
            hint="Run again: it is looked up first and never sent twice.",
        )

    def _unreachable(self, method: str, url: str, error: NoAnswerError) -> TransportError:
        return TransportError(
            f"{self.service} gave no usable answer to {method} {urlsplit(url).path} ({error.what})",
            hint=error.hint or "Check the address and the network. Running again is safe.",
        )

    def _refused(self, method: str, url: str, limit: str) -> RateLimitedError:
        return RateLimitedError(
            f"{self.service} keeps refusing {method} {urlsplit(url).path} by its {limit} rate limit",
            hint="Run again later with the same work directory; what was done is kept.",
        )


class NoAnswerError(Exception):
    """No answer: `sent` when the request may have reached the server; `final` when trying again is vain."""

    def __init__(self, what: str, *, sent: bool = True, final: bool = False, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.sent = sent
        self.final = final
        self.hint = hint

    @classmethod
    def of(cls, error: Exception) -> NoAnswerError:
        """What a failure of the transport means; the classes are aiohttp's."""
        name = type(error).__name__
        if isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.SSLCertVerificationError):
            return cls(
                "its certificate is not trusted",
                sent=False,
                final=True,
                hint="Set SSL_CERT_FILE to the certificate authority of that server.",
            )
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            return cls(f"no connection: {name}", sent=False)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return cls(f"the proxy refused: {error.status}", sent=False)
        if isinstance(error, TooLargeError):
            return cls(str(error), final=True)
        return cls(name)


class TooLargeError(aiohttp.ClientError):
    """The body is larger than we are willing to keep."""


def open_session() -> aiohttp.ClientSession:
    """A session for our clients: no cookies, no netrc, no retries of its own; close it at the end."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trust_env=False,  # it would send what ~/.netrc holds; proxies are read by `proxy_for`
    )
    # aiohttp resends PUT and DELETE by itself when a kept connection was closed; every try must ask the
    # governor, and there is no public switch.
    session._retry_connection = False  # noqa: SLF001
    return session


async def _read(response: aiohttp.ClientResponse, max_bytes: int, sink: BinaryIO | None) -> bytes:
    buffer = io.BytesIO()
    target = buffer if sink is None else sink
    target.seek(0)
    target.truncate()
    size = 0
    async for chunk in response.content.iter_chunked(1 << 16):
        size += len(chunk)
        if size > max_bytes:
            msg = f"the answer is larger than {max_bytes} bytes"
            raise TooLargeError(msg)
        target.write(chunk)
    return buffer.getvalue()


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
