"""A service on a lab, in this process, and somebody who asks it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import aiohttp
import jsonschema
from lab import Lab

from gl2gh_batch.interfaces.server import openapi
from gl2gh_batch.interfaces.server.config import Access, MigrationProject, Role, ServerConfig
from gl2gh_batch.interfaces.server.serving import open_service
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.kit.users import UserDirectory

OPERATOR: Final = "operator-token-of-the-tests"
VIEWER: Final = "viewer-token-of-the-tests"
ACCESS: Final = tuple(
    Access(name=name, role=role, sha256=hashlib.sha256(token.encode()).hexdigest())
    for name, role, token in (("olga", Role.OPERATOR, OPERATOR), ("victor", Role.VIEWER, VIEWER))
)
START: Final = "/api/v1/projects/acme/batch-migrate"


def server_config(lab: Lab, **fields: Any) -> ServerConfig:
    """A service whose migration project `acme` leads from one half of the lab's sandbox to the other."""
    work_dir = lab.folder / "service"
    config = {key: value for key, value in lab.config().items() if key != "project_id"}
    project = MigrationProject(
        name="acme", config=config, work_dir=work_dir / "work" / "acme", users=UserDirectory()
    )
    given = ServerConfig(port=0, work_dir=work_dir, access=ACCESS, projects={"acme": project})
    return replace(given, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.text)


class Caller:
    """Asks a running service; every JSON answer is held against the schema that the service publishes."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session
        self._document = openapi.document()

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = OPERATOR,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> Answer:
        """One request."""
        given = dict(headers or {})
        if token is not None:
            given.setdefault("Authorization", f"Bearer {token}")
        if body is not None:
            data = json.dumps(body).encode()
            given.setdefault("Content-Type", "application/json")
        async with self._session.request(method, self.url + path, headers=given, data=data) as response:
            answer = Answer(
                status=response.status, headers=dict(response.headers), text=await response.text()
            )
        self._hold(method, path, answer)
        return answer

    async def start(self, *ids: int, **fields: Any) -> str:
        """Start a batch; its id."""
        answer = await self.ask("POST", START, {"project_ids": list(ids), **fields})
        assert answer.status == 202, answer.text
        return str(answer.json["batch_id"])

    async def batch(self, batch_id: str) -> Any:
        """One batch with its results."""
        answer = await self.ask("GET", f"/api/v1/batches/{batch_id}")
        assert answer.status == 200, answer.text
        return answer.json

    async def until(self, batch_id: str, *statuses: str, within_s: float = 60.0) -> Any:
        """The batch once it has one of these statuses; once it has ended, when none is given."""
        async with asyncio.timeout(within_s):
            while True:
                found = await self.batch(batch_id)
                if found["status"] in statuses or (
                    not statuses and found["status"] not in {"queued", "running"}
                ):
                    return found
                await asyncio.sleep(0.02)

    async def events(self, batch_id: str, after: int = 0, most: int | None = None) -> list[dict[str, Any]]:
        """The events after a number, to the end of the stream or `most` of them."""
        found: list[dict[str, Any]] = []
        headers = {"Authorization": f"Bearer {VIEWER}", "Last-Event-ID": str(after)}
        url = f"{self.url}/api/v1/batches/{batch_id}/events"
        async with self._session.get(url, headers=headers) as response:
            if response.status == 204:
                return found
            assert response.status == 200, await response.text()
            assert response.content_type == "text/event-stream"
            number = 0
            async for line in response.content:
                if line.startswith(b"id: "):
                    number = int(line[4:])
                elif line.startswith(b"data: "):
                    event = json.loads(line[6:])
                    assert event["id"] == number
                    found.append(event)
                    if most is not None and len(found) >= most:
                        break
        return found

    def _hold(self, method: str, path: str, answer: Answer) -> None:
        operation = self._operation(method, path.partition("?")[0])
        if operation is None:
            return
        wanted = operation["responses"].get(str(answer.status))
        assert wanted is not None, f"{method} {path} answered {answer.status}, which is not documented"
        content_type = answer.headers.get("Content-Type", "").partition(";")[0]
        if "content" not in wanted:
            return
        assert content_type in wanted["content"], (content_type, wanted)
        schema = wanted["content"][content_type]["schema"]
        if content_type.endswith("json"):
            jsonschema.validate(answer.json, {**schema, "components": self._document["components"]})

    def _operation(self, method: str, path: str) -> Any:
        parts = path.split("/")
        for template, operations in self._document["paths"].items():
            names = template.split("/")
            fits = len(names) == len(parts) or (names[-1] == "{path}" and len(parts) > len(names))
            if fits and all(
                one == other or one.startswith("{") for one, other in zip(names, parts, strict=False)
            ):
                return operations.get(method.lower())
        return None


@asynccontextmanager
async def serving(lab: Lab, config: ServerConfig | None = None) -> AsyncIterator[Caller]:
    """A running service."""
    async with (
        open_service(config or server_config(lab), Redactor()) as found,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
    ):
        yield Caller(found.url, session)


def audit_lines(folder: Path) -> list[dict[str, Any]]:
    """What the audit log holds."""
    return [json.loads(line) for line in (folder / "service" / "audit.ndjson").read_text().splitlines()]
