"""Libraries in threads: governed, without retries of their own, and never to a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from aiohttp import web
from clocks import HandClock, RushingClock, settle, until
from servers import answers, raw_serving, serving

from gl2gh_batch.domain.errors import AuthenticationError, RateLimitedError, StoppedError, TransportError
from gl2gh_batch.domain.limits import READ_COSTS, Limit, LimitClass, LimitReport
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import Retries
from gl2gh_batch.kit.http_threads import (
    GovernedAdapter,
    Line,
    ThreadRunner,
    current_line,
    governed_session,
)
from gl2gh_batch.kit.origin import ElsewhereError

OK = web.Response(text='{"ok": true}')


def read_limits(status: int, headers: Mapping[str, str], body: bytes) -> LimitReport:
    """429 with `retry-after`, as a platform would tell it."""
    del body
    return LimitReport(
        refused="secondary" if status == 429 else None,
        retry_after_s=float(headers["retry-after"]) if "retry-after" in headers else None,
    )


@dataclass
class Bench:
    """All that a call in a thread needs."""

    runner: ThreadRunner
    line: Line
    governor: RequestGovernor
    clock: HandClock

    async def get(self, url: str) -> requests.Response:
        """A GET in a thread, tried again as reading calls are."""
        return await self.runner.read(self.line, self.line.session.get, url)


@contextmanager
def bench_for(
    url: str, clock: HandClock | None = None, limits: Mapping[LimitClass, Limit] | None = None
) -> Iterator[Bench]:
    """A runner with a line to `url`."""
    clock = clock or RushingClock()
    governor = RequestGovernor(credential="test", limits=limits or {}, clock=clock, margin_s=0.0)
    adapter = GovernedAdapter(
        service="GitLab",
        base_url=url,
        governor=governor,
        costs=READ_COSTS,
        read_limits=read_limits,
        loop=asyncio.get_running_loop(),
        hint="Check the token.",
    )
    session = governed_session(adapter)
    runner = ThreadRunner(2, clock, retries=Retries(tries=3), jitter=lambda: 0.5)
    try:
        yield Bench(runner, Line(session, who="app"), governor, clock)
    finally:
        runner.close()
        session.close()


async def test_every_request_of_a_library_asks_the_governor_in_the_name_of_its_project() -> None:
    """Counted, and released when the answer was read."""
    async with serving(answers(OK)) as seen:
        with bench_for(seen.url) as bench:
            response = await bench.get(f"{seen.url}/x")
            assert response.json() == {"ok": True}
            assert bench.governor.snapshot().requests == 1
            assert bench.governor.snapshot().in_flight == 0
    assert seen.requests[0].headers["User-Agent"] == "gl2gh-batch"


async def test_a_refusal_closes_the_credential_and_is_asked_again() -> None:
    """Neither the library nor we send anything before the told moment."""
    refusal = web.Response(status=429, headers={"Retry-After": "40"})
    async with serving(answers(refusal, OK)) as seen:
        with bench_for(seen.url) as bench:
            began = bench.clock.monotonic()
            assert (await bench.get(f"{seen.url}/x")).status_code == 200
            assert bench.clock.monotonic() - began == 40.0
            assert bench.governor.snapshot().refusals == {"secondary": 1}
        with bench_for(seen.url) as bench:
            pass
    async with serving(answers(refusal)) as seen:
        with bench_for(seen.url) as bench, pytest.raises(RateLimitedError):
            await bench.runner.run(bench.line, bench.line.session.get, f"{seen.url}/x")
    assert len(seen.requests) == 1


async def test_failures_are_tried_again_a_bounded_number_of_times() -> None:
    """5xx and lost answers of reading calls, with pauses on the loop and not in the thread."""
    async with serving(answers(web.Response(status=502), OK)) as seen:
        with bench_for(seen.url) as bench:
            assert (await bench.get(f"{seen.url}/x")).status_code == 200
    async with serving(answers(web.Response(status=502))) as seen:
        with bench_for(seen.url) as bench:
            with pytest.raises(TransportError, match="502"):
                await bench.get(f"{seen.url}/x")
            assert bench.clock.slept == [1.0, 2.0]
    assert len(seen.requests) == 3
    async with raw_serving(b"") as seen:
        with bench_for(seen.url) as bench:
            with pytest.raises(TransportError, match="no answer"):
                await bench.get(f"{seen.url}/x")
            assert bench.governor.snapshot().in_flight == 0


async def test_401_names_the_service() -> None:
    """A refused credential is not tried again."""
    async with serving(answers(web.Response(status=401))) as seen:
        with (
            bench_for(seen.url) as bench,
            pytest.raises(AuthenticationError, match=r"GitLab refused the token.*Check the token"),
        ):
            await bench.get(f"{seen.url}/x")
    assert len(seen.requests) == 1


async def test_a_redirect_to_another_origin_is_refused_with_its_private_token() -> None:
    """python-gitlab's header would go along: the stranger sees nothing, and nothing is tried again."""
    async with serving(answers(OK)) as stranger:
        moved = web.Response(status=302, headers={"Location": f"{stranger.url}/x"})
        async with serving(answers(moved)) as seen:
            with bench_for(seen.url) as bench:
                bench.line.session.headers["PRIVATE-TOKEN"] = "secret"
                with pytest.raises(ElsewhereError):
                    await bench.get(f"{seen.url}/x")
                with pytest.raises(ElsewhereError):
                    await bench.get(f"{stranger.url}/x")
    assert stranger.requests == []
    assert len(seen.requests) == 1


async def test_stopping_the_governor_ends_the_wait_of_a_thread() -> None:
    """A thread that waits for a budget gets `StoppedError`, and sends nothing."""
    clock = HandClock()
    async with serving(answers(OK)) as seen:
        with bench_for(seen.url, clock, {LimitClass.POINTS: Limit(limit=1, window_s=60.0)}) as bench:
            await bench.get(f"{seen.url}/x")
            waiting = asyncio.create_task(bench.get(f"{seen.url}/x"))
            await until(lambda: bench.governor.snapshot().waiting == 1)
            bench.governor.stop("a signal came")
            with pytest.raises(StoppedError, match="a signal came"):
                await waiting
    assert len(seen.requests) == 1


async def test_cancelling_the_task_ends_the_wait_of_its_thread() -> None:
    """The ticket is withdrawn, the thread comes free, and the request is never sent."""
    clock = HandClock()
    async with serving(answers(OK)) as seen:
        with bench_for(seen.url, clock, {LimitClass.POINTS: Limit(limit=1, window_s=60.0)}) as bench:
            await bench.get(f"{seen.url}/x")
            waiting = asyncio.create_task(bench.get(f"{seen.url}/x"))
            await until(lambda: bench.governor.snapshot().waiting == 1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await until(lambda: bench.governor.snapshot().waiting == 0)
            await clock.advance(61)
            await bench.get(f"{seen.url}/y")
            await settle()
    assert seen.lines == ["GET /x", "GET /y"]


async def test_the_line_is_known_inside_the_work_and_nowhere_else() -> None:
    """Libraries look it up; outside of our work they find nothing."""
    async with serving(answers(OK)) as seen:
        with bench_for(seen.url) as bench:
            line = bench.line.for_project("web")
            assert await bench.runner.run(line, current_line) is line
            assert current_line() is None
            assert line.session is bench.line.session


async def test_cookies_and_netrc_are_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No credential of the machine's user goes along."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with serving(answers(web.Response(headers={"Set-Cookie": "a=b"}))) as seen:
        with bench_for(seen.url) as bench:
            await bench.get(f"{seen.url}/x")
            await bench.get(f"{seen.url}/x")
    for request in seen.requests:
        assert "Authorization" not in request.headers
        assert "Cookie" not in request.headers
