"""Files of GitLab's: whole or not at all, resumed, and the token stays where it belongs."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from clocks import RushingClock
from servers import Handler, answers, serving

from gl2gh_batch.domain.errors import NotFoundError, TransportError
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.source.api import GitLab, open_gitlab
from gl2gh_batch.source.files import FileTooLargeError, SentAs, place_of

CONTENT = bytes(range(256)) * 4000
TAG = '"abc"'
AS_FILE = {"Content-Disposition": "attachment"}


def gitlab_at(url: str, session: Any) -> GitLab:
    """The API of a server that a test scripts."""
    clock = RushingClock()
    governor = RequestGovernor(credential="test", limits={}, clock=clock, margin_s=0.0)
    return open_gitlab(session=session, url=url, token="glpat-x", governor=governor, clock=clock)


def _gives(content: bytes) -> Handler:
    return answers(web.Response(body=content, headers=AS_FILE))


async def test_a_file_is_named_by_what_it_holds(tmp_path: Path) -> None:
    """Its place follows from its digest; git's id of it is right; the parts of its address are quoted."""
    async with (
        serving(_gives(CONTENT)) as seen,
        open_session() as session,
    ):
        address = "/projects/7/uploads/0/..%2F%C3%BC%20x.png"
        file = await gitlab_at(seen.url, session).file(address, tmp_path, max_bytes=len(CONTENT))
    assert file.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert file.blob == hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
    assert place_of(tmp_path, file.sha256).read_bytes() == CONTENT
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [place_of(tmp_path, file.sha256)]
    assert seen.lines[0].endswith("/..%2F%C3%BC%20x.png")


async def _broken(request: web.Request) -> web.StreamResponse:
    """The first half, then the connection goes; with a range, the rest."""
    asked = request.headers.get("Range", "")
    if asked:
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        assert request.headers["If-Range"] == TAG
        headers = {"Content-Range": f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}", "ETag": TAG}
        return web.Response(status=206, body=CONTENT[start:], headers=headers)
    response = web.StreamResponse(headers={"ETag": TAG, "Content-Length": str(len(CONTENT))})
    await response.prepare(request)
    await response.write(CONTENT[: len(CONTENT) // 2])
    assert request.transport is not None
    request.transport.close()
    return response


async def test_a_broken_file_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    """What came is kept, only the rest is asked for, and the whole is right."""
    async with serving(_broken) as seen, open_session() as session:
        file = await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=10**7)
    assert file.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert len(seen.requests) == 2


async def test_a_range_that_is_passed_over_begins_anew(tmp_path: Path) -> None:
    """A server that answers a range with the whole, or with 416, gives the whole file all the same."""
    half = {"ETag": TAG, "Content-Length": "10"}

    async def first(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=half)
        await response.prepare(request)
        await response.write(b"01234")
        assert request.transport is not None
        request.transport.close()
        return response

    script = [first, web.Response(status=416), web.Response(body=b"0123456789", headers=AS_FILE)]

    async def serve(request: web.Request) -> web.StreamResponse:
        one = script.pop(0)
        return one if isinstance(one, web.Response) else await one(request)

    async with serving(serve) as seen, open_session() as session:
        file = await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=100)
    assert place_of(tmp_path, file.sha256).read_bytes() == b"0123456789"


async def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    """By what the server says, and by what comes where it says nothing; neither leaves a file."""

    async def unsaid(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=AS_FILE)
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(CONTENT)
        return response

    for script in (_gives(CONTENT), unsaid):
        async with serving(script) as seen, open_session() as session:
            with pytest.raises(FileTooLargeError):
                await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=1000)
        assert len(seen.requests) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_file_that_is_not_given_is_missing(tmp_path: Path, status: int) -> None:
    """Whatever GitLab says of why, one file is missing and nothing else fails."""
    async with serving(answers(web.Response(status=status))) as seen, open_session() as session:
        with pytest.raises(NotFoundError):
            await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=1000)


async def test_the_token_stays_with_gitlab(tmp_path: Path) -> None:
    """A redirect within GitLab brings the token, one to another origin brings neither token nor name."""
    async with serving(answers(web.Response(body=b"there", headers={"ETag": TAG}))) as elsewhere:
        moved = web.Response(status=302, headers={"Location": f"{elsewhere.url}/bucket?signature=1"})
        inside = web.Response(status=302, headers={"Location": "/again"})
        async with serving(answers(inside, moved)) as seen, open_session() as session:
            file = await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=1000)
    assert place_of(tmp_path, file.sha256).read_bytes() == b"there"
    assert [request.headers.get("PRIVATE-TOKEN") for request in seen.requests] == ["glpat-x"] * 2
    (asked,) = elsewhere.requests
    assert not {"PRIVATE-TOKEN", "Authorization", "Cookie"} & set(asked.headers)


async def test_a_page_to_sign_in_is_no_file(tmp_path: Path) -> None:
    """A redirect to the page where people sign in means that the file is not to be had."""
    moved = web.Response(status=302, headers={"Location": "/users/sign_in"})
    async with serving(answers(moved)) as seen, open_session() as session:
        with pytest.raises(NotFoundError):
            await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=1000)
    assert len(seen.requests) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
async def test_redirects_to_other_schemes_are_not_followed(tmp_path: Path, location: str) -> None:
    """Only HTTP is spoken."""
    moved = web.Response(status=302, headers={"Location": location})
    async with serving(answers(moved)) as seen, open_session() as session:
        with pytest.raises(TransportError):
            await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=1000)


async def test_one_file_that_is_wanted_twice_at_once(tmp_path: Path) -> None:
    """Neither gets in the other's way, and both have it whole."""
    async with (
        serving(_gives(CONTENT)) as seen,
        open_session() as session,
    ):
        gitlab = gitlab_at(seen.url, session)
        both = await asyncio.gather(*(gitlab.file("/x", tmp_path, max_bytes=10**7) for _ in range(4)))
    assert len(set(both)) == 1
    assert place_of(tmp_path, both[0].sha256).read_bytes() == CONTENT


OTHERS = [
    (SentAs.FILE, 200, {"Content-Type": "text/html"}, b"<html>sign in</html>"),
    (SentAs.FILE, 200, {"Content-Type": "application/json", "ETag": 'W/"1"'}, b"{}"),
    (SentAs.FILE, 201, AS_FILE, b"x"),
    (SentAs.FILE, 204, AS_FILE, b""),
    (SentAs.TEXT, 200, {"Content-Type": "text/html"}, b"<html>"),
    (SentAs.EVIDENCE, 200, {"Content-Type": "text/html"}, b'{"release": {}}'),
    (SentAs.EVIDENCE, 200, {"Content-Type": "application/json"}, b'{"id": 1}'),
    (SentAs.EVIDENCE, 200, {"Content-Type": "application/json"}, b"[" * 100_000),
]


@pytest.mark.parametrize(("sent_as", "status", "headers", "body"), OTHERS)
async def test_a_page_in_the_place_of_a_file_is_none(
    tmp_path: Path, sent_as: SentAs, status: int, headers: dict[str, str], body: bytes
) -> None:
    """It is asked for again, and where nothing else ever comes the file is missing, with the reason."""
    other = web.Response(status=status, headers=headers, body=body)
    async with serving(answers(other)) as seen, open_session() as session:
        with pytest.raises(TransportError, match="something else came in its place"):
            await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=10**6, sent_as=sent_as)
    assert len(seen.requests) == 3
    assert not list(tmp_path.glob("??/*"))


RIGHT = [
    (SentAs.FILE, AS_FILE, b"x"),
    (SentAs.FILE, {"ETag": TAG}, b"x"),
    (SentAs.FILE, {"Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"}, b""),
    (SentAs.TEXT, {"Content-Type": "text/plain; charset=utf-8"}, b"x"),
    (SentAs.TEXT, {"Content-Type": "text/html", "Content-Disposition": "inline"}, b"x"),
    (SentAs.EVIDENCE, {"Content-Type": "application/json; charset=utf-8"}, b'{"release": {}}'),
]


@pytest.mark.parametrize(("sent_as", "headers", "body"), RIGHT)
async def test_a_file_that_comes_after_a_page_is_taken(
    tmp_path: Path, sent_as: SentAs, headers: dict[str, str], body: bytes
) -> None:
    """One answer of a proxy in between loses nothing."""
    page = web.Response(text="<html>one moment</html>", content_type="text/html")
    script = [page, web.Response(headers=headers, body=body)]

    async def serve(request: web.Request) -> web.StreamResponse:
        del request
        return script.pop(0)

    async with serving(serve) as seen, open_session() as session:
        file = await gitlab_at(seen.url, session).file("/x", tmp_path, max_bytes=100, sent_as=sent_as)
    assert place_of(tmp_path, file.sha256).read_bytes() == body
