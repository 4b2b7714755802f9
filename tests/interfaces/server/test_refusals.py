"""Who may not ask, is refused: tokens, roles, Host, Origin, types, sizes, slow bodies, paths."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from lab import Lab
from served import OPERATOR, START, VIEWER, Caller, server_config, serving

from gl2gh_batch.interfaces.server.auth import hosts_for
from gl2gh_batch.interfaces.server.connections import Connections

BATCHES = "/api/v1/batches"
NOBODY = f"{BATCHES}/00000000-0000-4000-8000-000000000000"
JSON = {"Content-Type": "application/json"}
BODY = b'{"project_ids": [17]}'


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        f"Bearer {OPERATOR[:-1]}",
        f"Bearer {OPERATOR}x",
        f"Basic {OPERATOR}",
        f"Token {OPERATOR}",
        OPERATOR,
        f"Bearer {OPERATOR.upper()}",
        "Bearer ünïcode",
    ],
)
async def test_without_a_token_of_ours(caller: Caller, header: str | None) -> None:
    """Whatever is no token of ours gets 401 and a challenge, for known and unknown paths alike."""
    headers = {} if header is None else {"Authorization": header}
    for path in (BATCHES, "/api/v1/nothing", "/metrics"):
        answer = await caller.ask("GET", path, token=None, headers=headers)
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert OPERATOR not in answer.text


@pytest.mark.parametrize(
    "path",
    [START, f"{NOBODY}/cancel", f"{NOBODY}/resume", f"{NOBODY}/approve", "/api/v1/projects/x/batch-migrate"],
)
async def test_a_viewer_changes_nothing(caller: Caller, path: str) -> None:
    """A viewer's token gets 403 wherever something would change, before anything is looked up."""
    answer = await caller.ask("POST", path, {"project_ids": [17]}, token=VIEWER)
    assert answer.status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example",
        "169.254.169.254",
    ],
)
async def test_another_host(caller: Caller, host: str) -> None:
    """A Host that is not ours gets 421 everywhere, the page included: a rebound name reaches nothing."""
    for path in ("/", "/healthz", BATCHES):
        answer = await caller.ask("GET", path, headers={"Host": host})
        assert answer.status == 421


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1", "file://", "http://[", ""]
)
async def test_another_origin(caller: Caller, origin: str) -> None:
    """A request that another origin's page sends gets 403, with a right token too."""
    answer = await caller.ask("POST", START, headers={**JSON, "Origin": origin}, data=BODY)
    assert answer.status == 403


async def test_our_own_origin(caller: Caller) -> None:
    """The page's own requests are answered."""
    headers = {"Origin": caller.url, "Sec-Fetch-Site": "same-origin"}
    assert (await caller.ask("GET", BATCHES, headers=headers)).status == 200
    assert (await caller.ask("GET", BATCHES, headers={"Sec-Fetch-Site": "cross-site"})).status == 403


@pytest.mark.parametrize(
    "kind",
    [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx"],
)
async def test_only_json(caller: Caller, kind: str | None) -> None:
    """A body of another type gets 415: no form of a foreign page can make one of ours."""
    headers = {"Content-Type": kind or "application/octet-stream"}
    answer = await caller.ask("POST", START, data=BODY, headers=headers)
    assert answer.status == 415


@pytest.mark.parametrize(
    "data", [b"", b"{", b"nothing", b'{"project_ids": [17]', b"\xff\xfe", b"[" * 100_000, b'{"a": NaN}']
)
async def test_no_json(caller: Caller, data: bytes) -> None:
    """What is no JSON gets 400, also when it is nested without end."""
    answer = await caller.ask("POST", START, data=data, headers=JSON)
    assert answer.status == 400


async def test_large_bodies(caller: Caller) -> None:
    """A body over the limit gets 413, whether its length is said before or not."""
    large = json.dumps({"project_ids": [17], "mode": " " * 300_000}).encode()
    assert (await caller.ask("POST", START, data=large, headers=JSON)).status == 413
    status, _ = await _raw(
        caller,
        _head("POST", START, caller, "Transfer-Encoding: chunked")
        + b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large),
    )
    assert status == 413
    status, _ = await _raw(caller, _head("POST", START, caller, "Content-Length: 99999999999"))
    assert status == 413


async def test_slow_bodies(lab: Lab) -> None:
    """A body that does not come in time gets 408, and the connection ends."""
    async with serving(lab, server_config(lab, body_s=0.2)) as caller:
        status, rest = await _raw(caller, _head("POST", START, caller, "Content-Length: 100") + b"{")
        assert status == 408
        assert b"too-slow" in rest


async def test_silent_connections() -> None:
    """A connection without a request is closed when its time is over, and one that has a request is not."""

    class Connection:
        closed = False

        def force_close(self) -> None:
            self.closed = True

    class Request:
        def __init__(self, protocol: Connection) -> None:
            self.protocol = protocol

    class Server:
        def __init__(self, *connections: Connection) -> None:
            self.connections = connections

    silent, busy = Connection(), Connection()
    watched = Connections(idle_s=10)
    watched.server = Server(silent, busy)
    with watched.busy(Request(busy)):  # type: ignore[arg-type] # because only its protocol is asked for
        assert watched.sweep(0.0) == 0
        assert watched.sweep(9.0) == 0
        assert watched.sweep(11.0) == 1
    assert (silent.closed, busy.closed) == (True, False)


@pytest.mark.parametrize(
    "path",
    [
        "../service.sqlite",
        "..%2f..%2fservice.sqlite",
        "%2e%2e/%2e%2e/service.sqlite",
        "projects/acme-app-17/../../references.sqlite",
        "projects/acme-app-17/ledger.sqlite",
        "projects/acme-app-17/snapshot/issues.ndjson",
        "/etc/passwd",
        "projects/acme-app-17/plan.json/",
        "projects/acme-app-17/plan.json%00",
        "projects//acme-app-17/plan.json",
    ],
)
async def test_paths_of_artifacts(caller: Caller, path: str) -> None:
    """Nothing but the listed files can be read, however a path is written."""
    batch_id = await caller.start(17)
    await caller.until(batch_id)
    request = _head("GET", f"{BATCHES}/{batch_id}/artifacts/{path}", caller)
    status, rest = await _raw(caller, request)
    assert status == 404, rest


async def test_links_are_no_artifacts(lab: Lab, caller: Caller) -> None:
    """A file of the list that has become a link is neither listed nor read."""
    batch_id = await caller.start(17)
    await caller.until(batch_id)
    plan = lab.folder / "service/work/acme/projects/acme-app-17/plan.json"
    plan.unlink()
    plan.symlink_to("/etc/passwd")
    listed = (await caller.ask("GET", f"{BATCHES}/{batch_id}/artifacts")).json["artifacts"]
    assert not [one for one in listed if one["path"].endswith("/plan.json")]
    path = f"{BATCHES}/{batch_id}/artifacts/projects/acme-app-17/plan.json"
    assert (await caller.ask("GET", path)).status == 404


async def test_every_answer_is_guarded(caller: Caller) -> None:
    """Pages and answers, the refused ones too, carry a strict policy and are not cached or framed."""
    for path in ("/", BATCHES, "/nothing", "/page/app.js"):
        answer = await caller.ask("GET", path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] in {"no-store", "no-cache"}


async def test_no_secret_in_any_answer(lab: Lab, caller: Caller) -> None:
    """Tokens for the platforms and for the service are in no answer and in no file of the service."""
    batch_id = await caller.start(17)
    await caller.until(batch_id)
    texts = [json.dumps(await caller.events(batch_id))]
    for path in ("", "/progress", "/artifacts", "/artifacts/batch-result.json"):
        texts.append((await caller.ask("GET", f"{BATCHES}/{batch_id}{path}")).text)
    for path in (BATCHES, "/api/v1/projects", "/api/v1/budgets", "/metrics", "/openapi.json"):
        texts.append((await caller.ask("GET", path)).text)
    for file in (lab.folder / "service").iterdir():
        if file.is_file():
            texts.append(file.read_bytes().decode("latin-1"))
    secrets = (OPERATOR, VIEWER, lab.sandbox.gitlab_token, lab.sandbox.github_token)
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_hosts() -> None:
    """On loopback its names are ours; elsewhere only the address and what the configuration allows."""
    assert hosts_for("127.0.0.1", 8765, ()) == {"127.0.0.1:8765", "localhost:8765", "[::1]:8765"}
    assert hosts_for("10.0.0.5", 80, ()) == {"10.0.0.5:80", "10.0.0.5"}
    assert hosts_for("0.0.0.0", 8765, ["Migrate.example.com"]) == {
        "migrate.example.com",
        "migrate.example.com:8765",
    }


def _head(method: str, path: str, caller: Caller, *lines: str) -> bytes:
    host = caller.url.removeprefix("http://")
    head = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {OPERATOR}", *lines]
    head += ["Content-Type: application/json"] if method == "POST" else []
    return "\r\n".join([*head, "", ""]).encode()


async def _raw(caller: Caller, data: bytes) -> tuple[int, bytes]:
    """What is answered to bytes as they are; the status and the beginning of the rest."""
    host, _, port = caller.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        async with asyncio.timeout(20):
            line = await reader.readline()
            rest: Any = await reader.read(4000)
        return int(line.split()[1]), rest
    finally:
        writer.close()
