"""Every route of the service, once: the application serves them, `/openapi.json` describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any, Final

from gl2gh_batch.interfaces.server.bodies import KEY
from gl2gh_batch.interfaces.server.config import NAME, Role
from gl2gh_batch.interfaces.server.problems import CONTENT_TYPE
from gl2gh_batch.interfaces.server.schemas import COMPONENTS, UUID, ref

MOST_IN_A_PAGE: Final = 200
HIGHEST_EVENT: Final = 2**53

BATCH: Final[dict[str, Any]] = {"name": "batch_id", "in": "path", "required": True, "schema": UUID}
PROJECT: Final[dict[str, Any]] = {
    "name": "project_id",
    "in": "path",
    "required": True,
    "description": "A migration project of the server's configuration.",
    "schema": {"type": "string", "pattern": f"^{NAME}$"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation; `role` None for what needs no token."""

    method: str
    path: str
    name: str
    summary: str
    role: Role | None
    answers: Mapping[int, str]
    refuses: tuple[int, ...] = ()
    body: str = ""
    body_is_optional: bool = False
    parameters: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    content_type: str = "application/json"


def _whole(
    name: str, minimum: int, maximum: int, default: int | None, place: str = "query"
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer", "minimum": minimum, "maximum": maximum}
    if default is not None:
        schema["default"] = default
    return {"name": name, "in": place, "required": False, "schema": schema}


_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body give the same batch again.",
    "schema": {"type": "string", "pattern": f"^{KEY}$"},
}
_ONE: Final = "/api/v1/batches/{batch_id}"

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST",
        path="/api/v1/projects/{project_id}/batch-migrate",
        name="start_batch",
        summary="Start a batch",
        role=Role.OPERATOR,
        answers={202: "Started"},
        refuses=(400, 404, 408, 409, 413, 415, 422, 429, 503),
        body="Start",
        parameters=(PROJECT, _KEY),
    ),
    Route(
        method="GET",
        path="/api/v1/projects",
        name="list_projects",
        summary="The migration projects of the configuration",
        role=Role.VIEWER,
        answers={200: "Projects"},
    ),
    Route(
        method="GET",
        path="/api/v1/batches",
        name="list_batches",
        summary="All batches, newest first",
        role=Role.VIEWER,
        answers={200: "Batches"},
        refuses=(422,),
        parameters=(
            _whole("limit", 1, MOST_IN_A_PAGE, 50),
            _whole("before", 1, HIGHEST_EVENT, None) | {"description": "`next` of the page before."},
        ),
    ),
    Route(
        method="GET",
        path=_ONE,
        name="get_batch",
        summary="The batch's result as it grows",
        role=Role.VIEWER,
        answers={200: "Batch"},
        refuses=(404,),
        parameters=(BATCH,),
    ),
    Route(
        method="GET",
        path=f"{_ONE}/progress",
        name="get_progress",
        summary="Where each project of the batch is now",
        role=Role.VIEWER,
        answers={200: "Progress"},
        refuses=(404,),
        parameters=(BATCH,),
    ),
    Route(
        method="GET",
        path=f"{_ONE}/events",
        name="stream_events",
        summary="Server-sent events from the one after Last-Event-ID on, until the batch ends",
        role=Role.VIEWER,
        answers={200: "", 204: ""},
        refuses=(404, 422, 429, 503),
        parameters=(
            BATCH,
            _whole("Last-Event-ID", 0, HIGHEST_EVENT, 0, "header")
            | {"description": "204 when the batch has ended and there is nothing after it."},
        ),
        content_type="text/event-stream",
    ),
    Route(
        method="GET",
        path=f"{_ONE}/artifacts",
        name="list_artifacts",
        summary="The files of the batch that can be read",
        role=Role.VIEWER,
        answers={200: "Artifacts"},
        refuses=(404,),
        parameters=(BATCH,),
    ),
    Route(
        method="GET",
        path=f"{_ONE}/artifacts/{{path}}",
        name="get_artifact",
        summary="One of these files",
        role=Role.VIEWER,
        answers={200: ""},
        refuses=(404,),
        parameters=(
            BATCH,
            {
                "name": "path",
                "in": "path",
                "required": True,
                "description": "A `path` of the list; it may hold slashes.",
                "schema": {"type": "string", "minLength": 1},
            },
        ),
        content_type="application/octet-stream",
    ),
    Route(
        method="POST",
        path=f"{_ONE}/cancel",
        name="cancel_batch",
        summary="Stop the batch; it can be resumed",
        role=Role.OPERATOR,
        answers={202: "Summary"},
        refuses=(404, 408, 409, 413, 415),
        parameters=(BATCH,),
    ),
    Route(
        method="POST",
        path=f"{_ONE}/resume",
        name="resume_batch",
        summary="Go on with a batch that did not succeed",
        role=Role.OPERATOR,
        answers={202: "Summary"},
        refuses=(400, 404, 408, 409, 413, 415, 422, 429, 503),
        body="Resume",
        body_is_optional=True,
        parameters=(BATCH,),
    ),
    Route(
        method="POST",
        path=f"{_ONE}/approve",
        name="approve_batch",
        summary="Approve the plan by its digest, and carry it out in a batch of its own",
        role=Role.OPERATOR,
        answers={202: "Started"},
        refuses=(400, 404, 408, 409, 413, 415, 422, 429, 503),
        body="Approval",
        parameters=(BATCH,),
    ),
    Route(
        method="GET",
        path="/api/v1/budgets",
        name="get_budgets",
        summary="What each credential may still send",
        role=Role.VIEWER,
        answers={200: "Budgets"},
    ),
    Route(
        method="GET",
        path="/api/v1/whoami",
        name="get_identity",
        summary="Whose token this is",
        role=Role.VIEWER,
        answers={200: "Identity"},
    ),
    Route(
        method="GET",
        path="/metrics",
        name="get_metrics",
        summary="Prometheus metrics",
        role=Role.VIEWER,
        answers={200: ""},
        content_type="text/plain",
    ),
    Route(
        method="GET",
        path="/healthz",
        name="get_health",
        summary="Whether the service is up",
        role=None,
        answers={200: "Health"},
        refuses=(503,),
    ),
    Route(
        method="GET",
        path="/openapi.json",
        name="get_openapi",
        summary="This document",
        role=None,
        answers={200: ""},
    ),
)


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of `ROUTES`."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gl2gh-batch",
            "version": version("gl2gh-batch"),
            "description": "Batches of GitLab projects to GitHub. Errors are problem details (RFC 9457).",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": COMPONENTS,
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    refuses = {*route.refuses, 403, 421}
    if route.role is not None:
        refuses.add(401)
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "x-role": str(route.role) if route.role else None,
        "responses": {str(status): _answer(route, status, name) for status, name in route.answers.items()}
        | {str(status): _problem(status) for status in sorted(refuses)},
    }
    if route.role is None:
        operation["security"] = []
    if route.parameters:
        operation["parameters"] = [dict(one) for one in route.parameters]
    if route.body:
        operation["requestBody"] = {
            "required": not route.body_is_optional,
            "content": {"application/json": {"schema": ref(route.body)}},
        }
    return operation


def _answer(route: Route, status: int, name: str) -> dict[str, Any]:
    if status == 204:
        return {"description": "There is nothing more"}
    if route.content_type == "text/event-stream":
        schema = ref("Message")
    elif name:
        schema = ref(name)
    elif route.content_type == "application/json":
        schema = {"type": "object"}
    else:
        schema = {"type": "string"}
    return {"description": route.summary, "content": {route.content_type: {"schema": schema}}}


def _problem(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": _WORDS[status],
        "content": {CONTENT_TYPE: {"schema": ref("Problem")}},
    }
    if status in {429, 503}:
        found["headers"] = {"Retry-After": {"schema": {"type": "string"}}}
    return found


_WORDS: Final = {
    400: "The body is no JSON",
    401: "A bearer token is needed",
    403: "The token's role does not go so far, or the request came from another origin",
    404: "There is no such thing",
    408: "The body came too slowly",
    409: "It does not go with what there is",
    413: "The body is too large",
    415: "The body is not declared as JSON",
    421: "The Host is not ours",
    422: "A field is wrong; `errors` names it",
    429: "There is too much already; try again later",
    503: "The service stops",
}
