"""What each operation of `openapi` does."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from aiohttp import web

from gl2gh_batch import codec
from gl2gh_batch.domain.modes import parse_mode
from gl2gh_batch.interfaces.server import metrics, openapi
from gl2gh_batch.interfaces.server.artifacts import RESULT, Artifact, list_artifacts, open_artifact
from gl2gh_batch.interfaces.server.audit import DETAILS, WHO
from gl2gh_batch.interfaces.server.bodies import (
    ACCEPT,
    parse_approval,
    parse_key,
    parse_number,
    parse_resume,
    parse_start,
)
from gl2gh_batch.interfaces.server.budgets import budgets_view
from gl2gh_batch.interfaces.server.feed import stored_chunks
from gl2gh_batch.interfaces.server.problems import Problem, not_found
from gl2gh_batch.interfaces.server.service import RETRY_S, Service
from gl2gh_batch.interfaces.server.store import BatchRow
from gl2gh_batch.interfaces.server.views import batch_view, started_view, summary_view

WRITE_S: Final = 30.0
PIECE: Final = 64 * 1024


class Handlers:
    """One method for each route, of the route's name."""

    def __init__(self, service: Service, requests: metrics.Requests) -> None:
        self._service = service
        self._requests = requests
        self._streams: set[asyncio.Task[Any]] = set()
        self._document = codec.encode(openapi.document())

    # ── starting and steering ────────────────────────────────────────────────────────────────────

    async def start_batch(self, request: web.Request) -> web.Response:
        """POST /api/v1/projects/{project_id}/batch-migrate"""
        wanted = parse_start(await self._json(request))
        key = parse_key(request.headers.get("Idempotency-Key"))
        details: dict[str, Any] = {"mode": wanted.mode.value, "project_ids": list(wanted.project_ids)}
        if wanted.accept_source_changes:
            details[ACCEPT] = True
        request[DETAILS] = details
        row, is_new = await self._service.begin(
            request.match_info["project_id"], wanted, who=request[WHO].name, key=key
        )
        request[DETAILS] = details | {"batch_id": row.batch_id, "again": not is_new}
        return self._started(row, again=not is_new)

    async def approve_batch(self, request: web.Request) -> web.Response:
        """POST /api/v1/batches/{batch_id}/approve"""
        approval = parse_approval(await self._json(request))
        details: dict[str, Any] = {"plan_digest": approval.digest}
        if approval.accept_source_changes:
            details[ACCEPT] = True
        request[DETAILS] = details
        row, is_new = await self._service.approve(self._batch_id(request), approval, who=request[WHO].name)
        request[DETAILS] = details | {"applied_by": row.batch_id, "again": not is_new}
        return self._started(row, again=not is_new)

    async def cancel_batch(self, request: web.Request) -> web.Response:
        """POST /api/v1/batches/{batch_id}/cancel"""
        await self._json(request, optional=True)
        row = await self._service.cancel(self._batch_id(request))
        return self._answer(summary_view(row, self._service.board(row.batch_id)), 202)

    async def resume_batch(self, request: web.Request) -> web.Response:
        """POST /api/v1/batches/{batch_id}/resume"""
        body = await self._json(request, optional=True)
        batch_id = self._batch_id(request)
        row = await self._service.row(batch_id)
        wanted = parse_resume(body, parse_mode(row.mode))
        request[DETAILS] = {"resume_from": wanted.resume_from}
        if wanted.accept_source_changes:
            request[DETAILS] |= {ACCEPT: True}
        row = await self._service.resume(batch_id, wanted)
        return self._answer(summary_view(row, self._service.board(batch_id)), 202)

    # ── looking ──────────────────────────────────────────────────────────────────────────────────

    async def list_projects(self, request: web.Request) -> web.Response:
        """GET /api/v1/projects"""
        del request
        return self._answer(
            {
                "projects": [
                    {
                        "project_id": name,
                        "gitlab_url": str(one.config.get("gitlab_url") or "https://gitlab.com"),
                        "github_url": str(one.config.get("github_url") or "https://github.com"),
                        "target_owner": str(one.config["target_owner"]),
                    }
                    for name, one in self._service.config.projects.items()
                ]
            }
        )

    async def list_batches(self, request: web.Request) -> web.Response:
        """GET /api/v1/batches"""
        most = parse_number(request.query.get("limit"), "limit", 50, range(1, openapi.MOST_IN_A_PAGE + 1))
        highest = openapi.HIGHEST_EVENT
        before = parse_number(request.query.get("before"), "before", highest, range(1, highest + 1))
        rows = await self._service.store.batches(before=before, most=most)
        found = []
        for stored in rows:
            row = await self._service.row(stored.batch_id)
            found.append(summary_view(row, self._service.board(row.batch_id)))
        return self._answer({"batches": found, "next": rows[-1].number if len(rows) == most else None})

    async def get_batch(self, request: web.Request) -> web.Response:
        """GET /api/v1/batches/{batch_id}"""
        return self._answer(await self._batch(self._batch_id(request)))

    async def get_progress(self, request: web.Request) -> web.Response:
        """GET /api/v1/batches/{batch_id}/progress"""
        return self._answer(await self._service.progress(self._batch_id(request)))

    async def get_budgets(self, request: web.Request) -> web.Response:
        """GET /api/v1/budgets"""
        del request
        return self._answer({"credentials": budgets_view(self._service.pool)})

    async def get_identity(self, request: web.Request) -> web.Response:
        """GET /api/v1/whoami"""
        who = request[WHO]
        return self._answer({"name": who.name, "role": str(who.role)})

    async def get_health(self, request: web.Request) -> web.Response:
        """GET /healthz"""
        del request
        if self._service.stopping:
            raise Problem(503, "stopping", "the service stops", headers={"Retry-After": str(RETRY_S)})
        return self._answer({"status": "ok"})

    async def get_openapi(self, request: web.Request) -> web.Response:
        """GET /openapi.json"""
        del request
        return web.Response(body=self._document, content_type="application/json")

    async def get_metrics(self, request: web.Request) -> web.Response:
        """GET /metrics"""
        del request
        service = self._service
        text = metrics.render(
            requests=self._requests,
            batches=await service.store.counts(),
            projects=service.projects_by_state(),
            queued=service.queued,
            streams=len(self._streams),
            credentials=budgets_view(service.pool),
        )
        return web.Response(
            body=service.redactor.redact(text).encode(), headers={"Content-Type": metrics.CONTENT_TYPE}
        )

    # ── files ────────────────────────────────────────────────────────────────────────────────────

    async def list_artifacts(self, request: web.Request) -> web.Response:
        """GET /api/v1/batches/{batch_id}/artifacts"""
        batch_id = self._batch_id(request)
        document = self._pretty(await self._batch(batch_id))
        found = await self._artifacts(batch_id)
        return self._answer(
            {
                "artifacts": [
                    {"path": RESULT, "bytes": len(document), "index": None},
                    *({"path": one.name, "bytes": one.bytes, "index": one.index} for one in found),
                ]
            }
        )

    async def get_artifact(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/batches/{batch_id}/artifacts/{path}"""
        batch_id, name = self._batch_id(request), request.match_info["path"]
        headers = {"Content-Type": "application/octet-stream", "Content-Disposition": "attachment"}
        if name == RESULT:
            return web.Response(body=self._pretty(await self._batch(batch_id)), headers=headers)
        found = next((one for one in await self._artifacts(batch_id) if one.name == name), None)
        if found is None:
            raise not_found("there is no such file: the list of artifacts has all that can be read")
        try:
            file = os.fdopen(await asyncio.to_thread(open_artifact, found), "rb")
        except OSError as error:
            raise not_found("the file is gone") from error
        with file:
            answer = web.StreamResponse(headers=headers)
            await answer.prepare(request)
            while data := await asyncio.to_thread(file.read, PIECE):
                async with asyncio.timeout(WRITE_S):
                    await answer.write(data)
            await answer.write_eof()
            return answer

    # ── events ───────────────────────────────────────────────────────────────────────────────────

    async def stream_events(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v1/batches/{batch_id}/events"""
        batch_id = self._batch_id(request)
        highest = openapi.HIGHEST_EVENT
        after = parse_number(request.headers.get("Last-Event-ID"), "Last-Event-ID", 0, range(highest + 1))
        row = await self._service.row(batch_id)
        feed = self._service.feed(batch_id)
        if feed is None and after >= await self._service.store.last_event(row.batch_id):
            return web.Response(status=204)
        self._refuse_stream()
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        answer.force_close()
        chunks: AsyncIterator[Sequence[tuple[int, bytes]]]
        chunks = feed.chunks(after) if feed else stored_chunks(self._service.store, batch_id, after)
        try:
            await answer.prepare(request)
            await answer.write(b"retry: 1000\n\n")
            async for chunk in chunks:
                data = b"".join(b"id: %d\ndata: %s\n\n" % one for one in chunk) or b": here\n\n"
                async with asyncio.timeout(WRITE_S):
                    await answer.write(data)
            await answer.write_eof()
        except (ConnectionError, TimeoutError):
            pass  # who went away comes back with the number of the last event
        finally:
            self._streams.discard(task)
        return answer

    async def end_streams(self, app: web.Application) -> None:
        """Let go of all who listen: they come back when the service does."""
        del app
        for task in list(self._streams):
            task.cancel()

    # ── within ───────────────────────────────────────────────────────────────────────────────────

    def _refuse_stream(self) -> None:
        if self._service.stopping:
            raise Problem(503, "stopping", "the service stops", headers={"Retry-After": str(RETRY_S)})
        if len(self._streams) >= self._service.config.streams:
            raise Problem(
                429, "too-many-streams", "too many clients listen", headers={"Retry-After": str(RETRY_S)}
            )

    async def _batch(self, batch_id: str) -> dict[str, Any]:
        row = await self._service.row(batch_id)
        results = await self._service.store.results(batch_id)
        return batch_view(row, self._service.board(batch_id), results)

    async def _artifacts(self, batch_id: str) -> list[Artifact]:
        row = await self._service.row(batch_id)
        project = self._service.config.projects.get(row.project)
        if project is None:
            return []
        results = await self._service.store.results(batch_id)
        return await asyncio.to_thread(list_artifacts, project.work_dir, results)

    def _batch_id(self, request: web.Request) -> str:
        text = request.match_info["batch_id"]
        try:
            return str(uuid.UUID(text))
        except ValueError:
            raise not_found(f"there is no batch {text[:50]!r}") from None

    def _started(self, row: BatchRow, *, again: bool) -> web.Response:
        answer = self._answer(started_view(row), 202)
        answer.headers["Location"] = f"/api/v1/batches/{row.batch_id}"
        if again:
            answer.headers["Idempotent-Replayed"] = "true"
        return answer

    def _answer(self, document: Any, status: int = 200) -> web.Response:
        text = self._service.redactor.redact(codec.encode(document).decode())
        return web.Response(status=status, text=text, content_type="application/json")

    def _pretty(self, document: Any) -> bytes:
        return self._service.redactor.redact(codec.encode_pretty(document).decode()).encode()

    async def _json(self, request: web.Request, *, optional: bool = False) -> Any:
        """The body; raises `Problem` 400, 408, 413 or 415."""
        if optional and not request.can_read_body:
            return None
        if request.content_type != "application/json":
            raise Problem(
                415, "not-json", "send the body as application/json", headers={"Accept": "application/json"}
            )
        config = self._service.config
        if (request.content_length or 0) > config.most_body_bytes:
            raise Problem(413, "too-large", f"the body is larger than {config.most_body_bytes} bytes")
        try:
            async with asyncio.timeout(config.body_s):
                data = await request.read()
        except TimeoutError:
            raise Problem(408, "too-slow", f"the body did not come within {config.body_s:g} s") from None
        try:
            return codec.decode(data, object)
        except (codec.DecodeError, RecursionError):
            raise Problem(400, "no-json", "the body is no JSON") from None
