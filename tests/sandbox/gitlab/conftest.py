"""A GitLab of the sandbox on loopback for each test, with a small client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer
from yarl import URL

from gl2gh_batch.sandbox.gitlab.app import make_app
from gl2gh_batch.sandbox.gitlab.world import World


@dataclass
class Reply:
    """An answer, read."""

    status: int
    body: Any
    headers: Any

    def links(self) -> dict[str, str]:
        """The addresses of the `Link` header by their relation."""
        found = {}
        for part in self.headers.get("Link", "").split(", "):
            address, _, relation = part.partition("; ")
            if relation:
                found[relation.removeprefix('rel="').rstrip('"')] = address.strip("<>")
        return found


class Site:
    """A served world, asked with the token of its migrator unless another one is given (None: without)."""

    def __init__(self, world: World, session: aiohttp.ClientSession) -> None:
        self.world = world
        self._session = session

    async def ask(
        self,
        path: str,
        *,
        token: str | None = "",
        method: str = "GET",
        headers: dict[str, str] | None = None,
        json: Any = None,
    ) -> Reply:
        """One request; a path begins below `/api/v4`, a whole address is taken as it is."""
        url = path if path.startswith("http") else f"{self.world.url}/api/v4{path}"
        value = self.world.token if token == "" else token
        sent = {**({"PRIVATE-TOKEN": value} if value is not None else {}), **(headers or {})}
        async with self._session.request(method, URL(url, encoded=True), headers=sent, json=json) as response:
            is_json = response.content_type == "application/json"
            raw = await response.read()
            body = await response.json() if is_json and raw else raw
            return Reply(response.status, body, response.headers)

    async def all(self, path: str, **options: Any) -> list[Any]:
        """Every row of a list, by following `rel="next"`."""
        rows: list[Any] = []
        address: str | None = path
        while address is not None:
            reply = await self.ask(address, **options)
            assert reply.status == 200, reply.body
            rows += reply.body
            address = reply.links().get("next")
        return rows


Open = Callable[..., Awaitable[Site]]


@pytest.fixture
async def open_site(tmp_path: Path) -> AsyncIterator[Open]:
    """Serves worlds with the seeds given; a text is the YAML of a description."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        count = 0

        async def make(*seeds: str | Path) -> Site:
            nonlocal count
            count += 1
            root = tmp_path / f"world-{count}"
            root.mkdir()
            world = World(root)
            for index, seed in enumerate(seeds):
                path = Path(seed)
                if isinstance(seed, str) and "\n" in seed:
                    path = root / f"seed-{index}.yml"
                    path.write_text(seed, encoding="utf-8")
                world.add(path)
            server = TestServer(make_app(world))
            # git gzips its request bodies, and `git http-backend` unpacks them itself.
            await server.start_server(auto_decompress=False)
            stack.push_async_callback(server.close)
            world.url = str(server.make_url("")).rstrip("/")
            return Site(world, session)

        yield make


MANY_ISSUES = """
project: {path: group/many, id: 7, creator: anna}
users: {anna: {name: Anna}, ben: {name: Ben}}
labels: [{title: one}, {title: "two::three"}]
milestones: [{title: M}]
volume: {seed: 7, issues: 45, notes_per_issue: 5}
"""


@pytest.fixture
async def many(open_site: Open) -> Site:
    """A world with 45 generated issues in project 7."""
    return await open_site(MANY_ISSUES)
