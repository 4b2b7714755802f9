"""Sandboxes for the tests, every exchange of which is judged by GitHub's own OpenAPI description."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from openapi import DESCRIPTION, Oracle

from gl2gh_batch.sandbox import Sandbox

IMPORTS = {"Accept": "application/vnd.github.golden-comet-preview+json"}


@pytest.fixture(scope="session")
def shared_oracle() -> Oracle | None:
    """GitHub's description, loaded once; None where it was not fetched."""
    if not DESCRIPTION.exists():
        assert not os.environ.get("CI"), "no .tools/openapi: run make setup"
        return None
    return Oracle()


@pytest.fixture
def oracle(shared_oracle: Oracle | None) -> Iterator[Oracle | None]:
    """The judge of one test: every exchange it sees has to be one that GitHub could have had."""
    if shared_oracle is None:
        yield None
        return
    shared_oracle.forget()
    yield shared_oracle
    assert shared_oracle.deviations == []


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    body: Any
    headers: Any


class Client:
    """A plain HTTP client of a sandbox, with the operator's token unless told otherwise."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self._session = session

    async def __call__(
        self, method: str, path: str, body: Any = None, *, token: str | None = "", **options: Any
    ) -> Answer:
        """Send a request to the REST API, or to a whole address; an empty token is the operator's."""
        url = path if path.startswith("http") else self.sandbox.github_api_url + path
        headers = dict(options.pop("headers", {}))
        secret = self.sandbox.github_token if token == "" else token
        if secret is not None:
            headers.setdefault("Authorization", f"Bearer {secret}")
        if body is not None:
            options["data"] = io.BytesIO(json.dumps(body).encode())
        options.setdefault("allow_redirects", False)
        async with self._session.request(method, url, headers=headers, **options) as response:
            raw = await response.read()
            return Answer(response.status, _parsed(raw, response.content_type), response.headers)

    async def control(self, method: str, path: str, body: Any = None) -> Answer:
        """Send a request to the control interface."""
        return await self(method, self.sandbox.control_url + path, body, token=None)

    async def repository(self, name: str = "app", **fields: Any) -> str:
        """Make a private repository; the path of it in the API."""
        made = await self("POST", "/orgs/acme/repos", {"name": name, "private": True, **fields})
        assert made.status == 201, made.body
        return f"/repos/acme/{name}"

    async def imported(self, path: str, issue: dict[str, Any], comments: list[Any] | None = None) -> Answer:
        """Import an issue and wait for the end of its job."""
        body = {"issue": {"body": "text", **issue}, "comments": comments or []}
        begun = await self("POST", f"{path}/import/issues", body, headers=IMPORTS)
        assert begun.status == 202, begun.body
        for _ in range(200):
            status = await self("GET", begun.body["url"], headers=IMPORTS)
            if status.status == 200 and status.body["status"] != "pending":
                return status
            await asyncio.sleep(0.01)
        raise AssertionError("the import does not end")

    async def token(self, secret: str, **fields: Any) -> str:
        """Make one more token known."""
        patched = await self.control(
            "PATCH", "/state", [{"op": "add", "path": f"/tokens/{secret}", "value": fields}]
        )
        assert patched.status == 200, patched.body
        return secret


def _parsed(raw: bytes, content_type: str) -> Any:
    if content_type in ("application/json", "application/vnd.git-lfs+json") and raw:
        return json.loads(raw)
    return raw.decode(errors="replace")


@pytest.fixture
async def start(oracle: Any) -> AsyncIterator[Callable[..., Awaitable[Client]]]:
    """Starts sandboxes with the arguments given, each with a client; all end with the test."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())

        async def make(**arguments: Any) -> Client:
            arguments.setdefault("observe", None if oracle is None else oracle.observe)
            return Client(await stack.enter_async_context(Sandbox(**arguments)), session)

        yield make


@pytest.fixture
async def client(start: Callable[..., Awaitable[Client]]) -> Client:
    """A client of a fresh sandbox without limits."""
    return await start(profile="unlimited")


class Worktree:
    """A git working tree of a user with nothing configured."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run git here."""
        names = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        environment = {**os.environ, **names, "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, done.stderr
        return done

    def commit(self, name: str = "a.txt", content: bytes = b"text\n") -> str:
        """Commit one file; the commit's id."""
        (self.folder / name).write_bytes(content)
        self.git("add", ".")
        self.git("commit", "-q", "-m", f"Add {name}")
        return self.git("rev-parse", "HEAD").stdout.strip()

    def fast_import(self, stream: str) -> None:
        """Make commits out of a stream."""
        subprocess.run(
            ["git", "fast-import", "--quiet", "--force"],
            cwd=self.folder,
            input=stream,
            text=True,
            check=True,
        )

    async def push(self, address: str, *refspecs: str) -> subprocess.CompletedProcess[str]:
        """Push; the caller looks at the outcome."""
        return await asyncio.to_thread(self.git, "push", address, *refspecs, check=False)


@pytest.fixture
def worktree(tmp_path: Path) -> Worktree:
    """A working tree without commits."""
    return Worktree(tmp_path / "worktree")


def with_token(url: str, token: str, user: str = "x-access-token") -> str:
    """An address for git that carries a token."""
    return url.replace("http://", f"http://{user}:{token}@")
