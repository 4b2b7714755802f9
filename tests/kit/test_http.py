"""The HTTP client: what is sent again, what never is, and where a token never goes."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from clocks import RushingClock
from hypothesis import given
from hypothesis import strategies as st
from servers import answers, raw_serving, serving

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    ConfigurationError,
    RateLimitedError,
    TransportError,
    UnclearAnswerError,
)
from gl2gh_batch.domain.limits import READ_COSTS, WRITE_COSTS, LimitReport
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import HttpClient, Retries, open_session
from gl2gh_batch.kit.origin import ElsewhereError, Origin, proxy_for
from gl2gh_batch.kit.plain_json import read_json

OK = web.Response(text='{"ok": true}')
UNFINISHED = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{"
WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n{"ok": true}'


def read_limits(status: int, headers: Mapping[str, str], body: bytes) -> LimitReport:
    """429 with `retry-after`, as a platform would tell it."""
    del body
    return LimitReport(
        refused="secondary" if status == 429 else None,
        retry_after_s=float(headers["retry-after"]) if "retry-after" in headers else None,
    )


@asynccontextmanager
async def client_for(url: str, **more: object) -> AsyncIterator[HttpClient]:
    """A client with a token, in a world where waiting takes no time."""
    clock = RushingClock()

    async def authorize() -> Mapping[str, str]:
        return {"Authorization": "Bearer secret", "PRIVATE-TOKEN": "secret"}

    async with open_session() as session:
        yield HttpClient(
            session=session,
            service="GitHub",
            base_url=url,
            authorize=authorize,
            governor=RequestGovernor(credential="test", limits={}, clock=clock, margin_s=0.0),
            clock=clock,
            read_limits=read_limits,
            hint="Check the token.",
            jitter=lambda: 0.5,
            **more,
        )


async def test_an_answer_has_its_status_lower_case_headers_and_json() -> None:
    """The token, the query and a JSON body are sent; the answer comes back whole."""
    async with (
        serving(answers(web.Response(text='{"a": 1}', headers={"X-Thing": "y"}))) as seen,
        client_for(f"{seen.url}/api/v3") as http,
    ):
        answer = await http.send("PATCH", "/x/ü y", params={"q": "a b"}, json={"t": "é"}, costs=WRITE_COSTS)
    assert seen.lines == ["PATCH /api/v3/x/%C3%BC%20y?q=a+b"]
    assert seen.requests[0].headers["Authorization"] == "Bearer secret"
    assert seen.bodies == ['{"t":"é"}'.encode()]
    assert (answer.status, answer.headers["x-thing"], answer.json()) == (200, "y", {"a": 1})


async def test_a_body_that_is_no_json_is_an_error_of_ours() -> None:
    """HTML instead of JSON is told with the path, and not as a traceback."""
    async with serving(answers(web.Response(text="<html>"))) as seen, client_for(seen.url) as http:
        answer = await http.send("GET", "/x", costs=READ_COSTS)
        with pytest.raises(TransportError, match="GET /x with 200"):
            answer.json()


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_repeatable_requests_are_sent_again_after_a_5xx(method: str, status: int) -> None:
    """Two failures, then an answer: three requests."""
    failing = web.Response(status=status)
    async with serving(answers(failing, failing, OK)) as seen, client_for(seen.url) as http:
        answer = await http.send(method, "/x", costs=WRITE_COSTS)
    assert answer.json() == {"ok": True}
    assert len(seen.requests) == 3


async def test_tries_are_bounded_and_pauses_grow() -> None:
    """After the last try the error says what was seen; each pause is twice the one before."""
    async with (
        serving(answers(web.Response(status=503))) as seen,
        client_for(seen.url, retries=Retries(tries=4)) as http,
    ):
        with pytest.raises(TransportError, match="status 503"):
            await http.send("GET", "/x", costs=READ_COSTS)
        assert http.clock.slept == [1.0, 2.0, 4.0]
    assert len(seen.requests) == 4


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
async def test_a_post_with_an_unclear_status_is_never_sent_again(status: int) -> None:
    """What may have taken effect is left to be looked up."""
    async with serving(answers(web.Response(status=status), OK)) as seen, client_for(seen.url) as http:
        with pytest.raises(UnclearAnswerError, match=f"status {status}"):
            await http.send("POST", "/x", json={}, costs=WRITE_COSTS)
    assert len(seen.requests) == 1


@pytest.mark.parametrize(
    "broken", [b"", b"HTTP/1.1 201 Created\r\nContent-Le", UNFINISHED, b"nonsense\r\n\r\n"]
)
async def test_a_lost_answer_is_unclear_for_a_post_and_tried_again_for_a_put(broken: bytes) -> None:
    """Hanging up before, inside or after the head, and a truncated body."""
    async with raw_serving(broken, WHOLE) as seen, client_for(seen.url) as http:
        with pytest.raises(UnclearAnswerError):
            await http.send("POST", "/x", json={}, costs=WRITE_COSTS)
        assert len(seen.bodies) == 1
    async with raw_serving(broken, WHOLE) as seen, client_for(seen.url) as http:
        assert (await http.send("PUT", "/x", json={}, costs=WRITE_COSTS)).json() == {"ok": True}
        assert len(seen.bodies) == 2


async def test_every_try_asks_the_governor_even_on_a_kept_connection() -> None:
    """The transport sends nothing again behind the governor's back."""
    hang_up = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    connections = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(hang_up)
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")  # the second request on the kept connection: no answer
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with client_for(url) as http:
        await http.send("GET", "/x", costs=READ_COSTS)
        await http.send("PUT", "/x", costs=WRITE_COSTS)
        assert http.governor.snapshot().requests == 3
        assert len(connections) == 2
    server.close()
    await server.wait_closed()


async def test_a_refused_connection_is_tried_again_even_for_a_post() -> None:
    """What was never sent cannot have taken effect; in the end the error is not an unclear one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        async with client_for(url, retries=Retries(tries=3)) as http:
            with pytest.raises(TransportError, match="no connection"):
                await http.send("POST", "/x", json={}, costs=WRITE_COSTS)
            assert len(http.clock.slept) == 2


async def test_a_server_that_says_nothing_is_given_up() -> None:
    """A read timeout ends a hanging request: tried again when repeatable, unclear when not."""

    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    async with (
        serving(hang) as seen,
        client_for(seen.url, read_timeout_s=0.05, retries=Retries(tries=2)) as http,
    ):
        with pytest.raises(TransportError, match="Timeout"):
            await http.send("GET", "/x", costs=READ_COSTS)
        assert len(seen.requests) == 2
        with pytest.raises(UnclearAnswerError):
            await http.send("POST", "/x", costs=WRITE_COSTS)


async def test_a_rate_limit_refusal_waits_in_the_governor_and_sends_a_post_again() -> None:
    """It was not carried out, so sending it again is right; each refusal is told to the caller."""
    refusal = web.Response(status=429, headers={"Retry-After": "17"})
    reports: list[LimitReport] = []
    async with serving(answers(refusal, refusal, OK)) as seen, client_for(seen.url) as http:
        began = http.clock.monotonic()
        answer = await http.send("POST", "/x", costs=WRITE_COSTS, on_refusal=reports.append)
        assert http.clock.monotonic() - began == 34.0
    assert answer.status == 200
    assert len(seen.requests) == 3
    assert [report.retry_after_s for report in reports] == [17.0, 17.0]


async def test_costs_are_asked_before_every_try() -> None:
    """A refusal may change what the next try draws on."""
    asked: list[int] = []

    def costs() -> Mapping[object, int]:
        asked.append(1)
        return READ_COSTS

    refusal = web.Response(status=429, headers={"Retry-After": "1"})
    async with serving(answers(refusal, OK)) as seen, client_for(seen.url) as http:
        await http.send("POST", "/x", costs=costs)
    assert len(asked) == 2


async def test_endless_refusals_end() -> None:
    """Refused again and again, or for too long, a request ends with `RateLimitedError`."""
    async with (
        serving(answers(web.Response(status=429, headers={"Retry-After": "1"}))) as seen,
        client_for(seen.url) as http,
    ):
        with pytest.raises(RateLimitedError):
            await http.send("GET", "/x", costs=READ_COSTS)
    assert len(seen.requests) == 10
    async with (
        serving(answers(web.Response(status=429, headers={"Retry-After": "3000"}))) as seen,
        client_for(seen.url) as http,
    ):
        with pytest.raises(RateLimitedError):
            await http.send("GET", "/x", costs=READ_COSTS)
    assert len(seen.requests) == 4


async def test_401_ends_it_at_once_and_names_the_service() -> None:
    """A refused credential is not tried again."""
    async with serving(answers(web.Response(status=401))) as seen, client_for(seen.url) as http:
        with pytest.raises(AuthenticationError, match=r"GitHub refused the token.*Check the token"):
            await http.send("GET", "/x", costs=READ_COSTS)
    assert len(seen.requests) == 1


@pytest.mark.parametrize("status", [400, 403, 404, 409, 410, 412, 422])
async def test_clear_refusals_are_answers(status: int) -> None:
    """They are the caller's to judge, and are not tried again."""
    async with serving(answers(web.Response(status=status))) as seen, client_for(seen.url) as http:
        assert (await http.send("POST", "/x", costs=WRITE_COSTS)).status == status
    assert len(seen.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_within_the_origin_is_followed_for_reading_only(status: int) -> None:
    """GET follows, relative addresses too; a write comes back as the answer that it is."""
    moved = web.Response(status=status, headers={"Location": "/new?page=2"})
    async with serving(answers(moved, OK)) as seen, client_for(seen.url) as http:
        assert (await http.send("GET", "/old", costs=READ_COSTS)).status == 200
        assert seen.lines == ["GET /old", "GET /new?page=2"]
        assert http.governor.snapshot().requests == 2
    async with serving(answers(moved, OK)) as seen, client_for(seen.url) as http:
        assert (await http.send("PATCH", "/old", costs=WRITE_COSTS)).status == status
    assert len(seen.requests) == 1


async def test_a_token_never_goes_to_another_origin() -> None:
    """A redirect to another host or port is refused, and the stranger sees nothing."""
    async with serving(answers(OK)) as stranger:
        moved = web.Response(status=302, headers={"Location": f"{stranger.url}/x"})
        async with serving(answers(moved)) as seen, client_for(seen.url) as http:
            with pytest.raises(ElsewhereError):
                await http.send("GET", "/x", costs=READ_COSTS)
            with pytest.raises(ElsewhereError):
                await http.send("GET", f"{stranger.url}/next", costs=READ_COSTS)
    assert stranger.requests == []


async def test_redirects_in_a_circle_end() -> None:
    """A bounded number of hops."""
    moved = web.Response(status=301, headers={"Location": "/x"})
    async with serving(answers(moved)) as seen, client_for(seen.url) as http:
        with pytest.raises(TransportError, match="redirects"):
            await http.send("GET", "/x", costs=READ_COSTS)
    assert len(seen.requests) == 6


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'"a\ud83d\ude00b"', "a\U0001f600b"),
        (rb'"a\ud83d"', "a\ufffd"),
        (rb'"\ude00\ud83dx"', "\ufffd\ufffdx"),
        (rb'"\\ud83d \n"', "\\ud83d \n"),
        (rb'["\u00e9", "\ud83d"]', ["\u00e9", "\ufffd"]),
        (rb'"\u0000"', "\0"),
    ],
)
def test_lone_surrogates_do_not_get_in(body: bytes, text: object) -> None:
    """Half a character, which could not be written again, becomes U+FFFD; all else stays as it is."""
    assert read_json(body) == text


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"a": 1', b'"\xff"', b"[" * 100_000, b"NaN"])
def test_what_is_no_json_is_a_value_error(body: bytes) -> None:
    """Truncated, foreign, badly encoded and bottomless documents."""
    with pytest.raises((ValueError, RecursionError)):
        read_json(body)


async def test_a_file_is_streamed_and_begun_anew_after_a_failure(tmp_path: Path) -> None:
    """A truncated first try leaves nothing behind; a refusal is read as an answer and not into the file."""
    with (tmp_path / "file").open("w+b") as file:
        async with raw_serving(UNFINISHED, WHOLE) as seen, client_for(seen.url) as http:
            answer = await http.send("GET", "/x", costs=READ_COSTS, sink=file)
            assert (answer.status, answer.body) == (200, b"")
        async with (
            serving(answers(web.Response(status=404, text="gone"))) as seen,
            client_for(seen.url) as http,
        ):
            assert (await http.send("GET", "/x", costs=READ_COSTS, sink=file)).body == b"gone"
    assert (tmp_path / "file").read_bytes() == b'{"ok": true}'


async def test_an_answer_that_is_too_large_is_refused_without_trying_again() -> None:
    """A compressed bomb is counted by what it unpacks to."""

    async def bomb(_: web.Request) -> web.StreamResponse:
        response = web.Response(text="0" * 1_000_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async with serving(bomb) as seen, client_for(seen.url, max_bytes=10_000) as http:
        with pytest.raises(TransportError, match="larger than 10000 bytes"):
            await http.send("GET", "/x", costs=READ_COSTS)
    assert len(seen.requests) == 1


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """No state but the token goes from one request to the next."""
    async with (
        serving(answers(web.Response(headers={"Set-Cookie": "a=b"}))) as seen,
        client_for(seen.url) as http,
    ):
        await http.send("GET", "/x", costs=READ_COSTS)
        await http.send("GET", "/x", costs=READ_COSTS)
    assert "Cookie" not in seen.requests[1].headers


def test_addresses_that_are_not_plain_are_refused() -> None:
    """Other origins, user names in the address, other schemes, and paths with dots."""
    origin = Origin("https://gitlab.example.com/api/v4")
    assert origin.absolute("/x") == "https://gitlab.example.com/api/v4/x"
    assert origin.absolute("https://GITLAB.example.com:443/y") == "https://GITLAB.example.com:443/y"
    for bad in (
        "http://gitlab.example.com/x",
        "https://gitlab.example.com:444/x",
        "https://gitlab.example.com@evil.example/x",
        "https://evil.example\\@gitlab.example.com/x",
        "https://gitlab.example.com.evil.example/x",
        "/x/../../y",
        "/projects/../users",
        "https://[::1/x",
    ):
        with pytest.raises(ElsewhereError):
            origin.absolute(bad)
    for bad in ("ftp://x", "gitlab.example.com", "https://", "https://user:pass@host"):
        with pytest.raises(ConfigurationError):
            Origin(bad)


@given(st.text())
def test_no_text_as_a_path_leaves_the_origin(text: str) -> None:
    """Whatever a path holds, the address stays on the origin or is refused with an error of ours."""
    origin = Origin("https://api.github.com")
    try:
        url = origin.absolute(text)
    except TransportError:
        return
    assert url.startswith("https://api.github.com/") or url.lower().startswith("https://api.github.com")
    assert url.isascii()
    assert not any(character in url for character in ' "<>\r\n\\')


def test_loopback_needs_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of the environment is used for other hosts only."""
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", "internal.example")
    assert proxy_for("http://127.0.0.1:80/") is None
    assert proxy_for("https://internal.example/") is None
    assert proxy_for("https://api.github.com") == "http://proxy.example:3128"


async def test_a_session_has_no_hidden_state() -> None:
    """No netrc, no cookies, no resending by the library (its switch is private: this notices a change)."""
    async with open_session() as session:
        assert not session.trust_env
        assert isinstance(session.cookie_jar, aiohttp.DummyCookieJar)
        assert session._retry_connection is False
