"""Libraries that speak `requests`, in threads of their own: the governor is asked before each request.

A thread waits on a future of the event loop's governor, so that stopping the governor, or cancelling the task
that awaits the thread's work, ends the wait.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import contextvars
import random
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Final, ParamSpec, TypeVar
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    RateLimitedError,
    StoppedError,
    TransportError,
)
from gl2gh_batch.domain.limits import Costs, LimitReport
from gl2gh_batch.domain.ports import Clock, Governor, Permit
from gl2gh_batch.kit.daemon_threads import DaemonThreads
from gl2gh_batch.kit.http import USER_AGENT, ReadLimits, Retries
from gl2gh_batch.kit.origin import Origin
from gl2gh_batch.kit.verdict import Verdict, verdict

P = ParamSpec("P")
T = TypeVar("T")

EXTRA_THREADS: Final = 2
TIMEOUT_S: Final = (15.0, 60.0)


class Line:
    """The way to one service with one credential: the session that libraries must use, and for whom."""

    def __init__(self, session: requests.Session, *, who: str = "") -> None:
        self.session = session
        self.who = who

    def for_project(self, who: str) -> Line:
        """The same, asking in the name of a project."""
        return Line(self.session, who=who)


class _Work:
    """What one thread is doing: its line, and the request that it waits for."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.lease: concurrent.futures.Future[None] | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """Send nothing any more."""
        self.cancelled = True
        if self.lease is not None:
            self.lease.cancel()


_WORK: contextvars.ContextVar[_Work | None] = contextvars.ContextVar("gl2gh_work", default=None)


def current_line() -> Line | None:
    """The line of the work that this thread does; None outside of any."""
    work = _WORK.get()
    return None if work is None else work.line


class GovernedAdapter(HTTPAdapter):
    """The `requests` transport of one origin: governed, without retries, and never to a stranger.

    What libraries would retry or sleep on never reaches them: a refusal by a rate limit is a
    `RateLimitedError`, no answer or a 5xx a `TransportError`, 401 an `AuthenticationError`.
    """

    def __init__(
        self,
        *,
        service: str,
        base_url: str,
        governor: Governor,
        costs: Costs,
        read_limits: ReadLimits,
        loop: asyncio.AbstractEventLoop,
        hint: str = "",
    ) -> None:
        super().__init__(max_retries=0, pool_maxsize=32)
        self._service = service
        self._origin = Origin(base_url)
        self._governor = governor
        self._costs = costs
        self._read_limits = read_limits
        self._loop = loop
        self._hint = hint

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,  # noqa: FBT001, FBT002 - the signature is requests'
        timeout: float | tuple[float, float] | tuple[float, None] | None = None,
        verify: bool | str = True,  # noqa: FBT001, FBT002 - the same
        cert: bytes | str | tuple[bytes | str, bytes | str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Wait for the governor, send once, read the answer in full, and report its limits."""
        del stream
        url = request.url or ""
        where = f"{request.method} {urlsplit(url).path}"
        if url not in self._origin:
            raise self._origin.elsewhere(url)
        lease = _Lease.take(self._governor, self._costs, self._loop)
        report: LimitReport | None = None
        try:
            response = super().send(
                request, stream=False, timeout=timeout or TIMEOUT_S, verify=verify, cert=cert, proxies=proxies
            )
            headers = {name.lower(): value for name, value in response.headers.items()}
            report = self._read_limits(response.status_code, headers, response.content)
        except (requests.RequestException, OSError) as error:
            raise TransportError(
                f"{self._service} gave no answer to {where} ({type(error).__name__})",
                hint="Check the address and the network. Running again is safe.",
            ) from error
        finally:
            lease.give_back(report)
        if report.refused is not None:
            raise RateLimitedError(f"{self._service} refused {where} by its {report.refused} rate limit")
        match verdict(response.status_code):
            case Verdict.UNCLEAR:
                raise TransportError(
                    f"{self._service} answered {where} with {response.status_code}",
                    hint=f"{self._service} may be in trouble. Running again is safe: what was done is kept.",
                )
            case Verdict.UNAUTHENTICATED:
                said = f"{self._service} refused the token (401 for {where})"
                with contextlib.suppress(RuntimeError):  # the event loop is closed: nobody asks any more
                    self._loop.call_soon_threadsafe(self._governor.revoke, said, self._hint)
                raise AuthenticationError(said, hint=self._hint)
            case _:
                return response


class _Lease:
    """A permit that the event loop holds for a thread."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        holding: concurrent.futures.Future[None],
        done: asyncio.Future[LimitReport | None],
    ) -> None:
        self._loop = loop
        self._holding = holding
        self._done = done

    @classmethod
    def take(cls, governor: Governor, costs: Costs, loop: asyncio.AbstractEventLoop) -> _Lease:
        """Wait for the governor's permit; raises what the governor raises, or `StoppedError`."""
        work = _WORK.get()
        granted: concurrent.futures.Future[asyncio.Future[LimitReport | None]] = concurrent.futures.Future()

        async def hold() -> None:
            done: asyncio.Future[LimitReport | None] = loop.create_future()
            async with governor.request(costs, who=work.line.who if work else "") as permit:
                granted.set_result(done)
                _report(permit, await done)

        def failed(holding: concurrent.futures.Future[None]) -> None:
            if granted.done():
                return
            error = None if holding.cancelled() else holding.exception()
            granted.set_exception(error or StoppedError("the work was cancelled"))

        if work is not None and work.cancelled:
            raise StoppedError("the work was cancelled")
        try:
            holding = asyncio.run_coroutine_threadsafe(hold(), loop)
        except RuntimeError as error:
            raise StoppedError("the event loop is closed") from error
        holding.add_done_callback(failed)
        if work is not None:
            work.lease = holding
            if work.cancelled:
                holding.cancel()
        lease = cls(loop, holding, granted.result())
        if work is not None and work.cancelled:
            lease.give_back(None)
            raise StoppedError("the work was cancelled")
        return lease

    def give_back(self, report: LimitReport | None) -> None:
        """Report what the answer said, and end the permit."""
        try:
            self._loop.call_soon_threadsafe(self._finish, report)
        except RuntimeError:
            return  # the event loop is closed, and the permit with it
        concurrent.futures.wait([self._holding], timeout=TIMEOUT_S[0])

    def _finish(self, report: LimitReport | None) -> None:
        if not self._done.done():
            self._done.set_result(report)


class ThreadRunner:
    """Threads for blocking libraries: `parallel_limit` and two more; close it at the end."""

    def __init__(
        self,
        parallel_limit: int,
        clock: Clock,
        *,
        retries: Retries | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._threads = DaemonThreads(parallel_limit + EXTRA_THREADS, name="gl2gh")
        self._clock = clock
        self._retries = retries or Retries()
        self._jitter = jitter

    async def run(self, line: Line, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking function in a thread, once; its requests go over `line`."""
        work = _Work(line)
        context = contextvars.copy_context()

        def call() -> T:
            _WORK.set(work)
            return function(*args, **kwargs)

        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, call)
        except asyncio.CancelledError:
            work.cancel()
            raise

    async def read(self, line: Line, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The same for a function that only reads: again after a refusal or when no answer came."""
        attempt = 0
        began = self._clock.monotonic()
        while True:
            try:
                return await self.run(line, function, *args, **kwargs)
            except RateLimitedError:
                # The governor heard of it: asking again waits there.
                if self._clock.monotonic() - began > self._retries.max_wait_s:
                    raise
            except TransportError as error:
                attempt += 1
                if attempt >= self._retries.tries or not error.retryable:
                    raise
                await self._clock.sleep(self._retries.pause_s(attempt, self._jitter()))

    def close(self) -> None:
        """Take no more work; what runs is not waited for, not even when the process ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def governed_session(adapter: GovernedAdapter) -> requests.Session:
    """A session whose every request passes the adapter: no cookies, no netrc."""
    session = requests.Session()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers["User-Agent"] = USER_AGENT
    session.auth = _as_it_is  # anything but None keeps requests from reading netrc
    return session


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _report(permit: Permit, report: LimitReport | None) -> None:
    if report is not None:
        permit.report(report)
