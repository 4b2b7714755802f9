"""JSON Schemas of the service's requests and answers, as `openapi` publishes them and the tests hold them."""

from __future__ import annotations

from typing import Any, Final

from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode
from gl2gh_batch.domain.request import DEFAULT_PARALLEL_LIMIT, PARALLEL_LIMITS
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus, StoppedBy
from gl2gh_batch.interfaces.server.bodies import ACCEPT, DIGEST, HIGHEST_ID, MOST_PROJECTS
from gl2gh_batch.interfaces.server.store import ACTIVE

Schema = dict[str, Any]

COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
TEXT: Final[Schema] = {"type": "string"}
MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
UUID: Final[Schema] = {"type": "string", "format": "uuid"}
AGENTS: Final = [str(name) for name in AgentName]
ACCEPTED: Final[Schema] = {
    "description": "Apply the plan as it was reviewed although the source changed since.",
    "type": "boolean",
    "default": False,
}
LIMIT: Final[Schema] = {
    "type": "integer",
    "minimum": PARALLEL_LIMITS.start,
    "maximum": PARALLEL_LIMITS.stop - 1,
}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def record(properties: dict[str, Schema], *, optional: tuple[str, ...] = (), closed: bool = False) -> Schema:
    """An object with these fields; `closed` when it has no others."""
    found: Schema = {"type": "object", "properties": properties}
    required = [name for name in properties if name not in optional]
    if required:
        found["required"] = required
    if closed:
        found["additionalProperties"] = False
    return found


def ref(name: str) -> Schema:
    """A reference to one of `COMPONENTS`."""
    return {"$ref": f"#/components/schemas/{name}"}


def _start() -> Schema:
    """One schema for each mode, since an agent to begin with has to be one of the mode's."""

    def of(mode: MigrationMode, *, default: bool = False) -> Schema:
        return record(
            {
                "project_ids": {
                    "description": "Ids of GitLab projects, each once.",
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1, "maximum": HIGHEST_ID},
                    "uniqueItems": True,
                    "maxItems": MOST_PROJECTS,
                },
                "mode": {"type": "string", "enum": [mode.value]},
                "parallel_limit": {**LIMIT, "default": DEFAULT_PARALLEL_LIMIT},
                "resume_from": nullable({"type": "string", "enum": [str(one) for one in AGENTS_OF[mode]]}),
                **({ACCEPT: ACCEPTED} if mode is MigrationMode.APPLY else {}),
            },
            optional=("parallel_limit", "resume_from", ACCEPT, *(("mode",) if default else ())),
            closed=True,
        )

    return {
        "description": "A batch to start; `mode` is PLAN_ONLY unless said, `parallel_limit` 5.",
        "anyOf": [of(mode, default=mode is MigrationMode.PLAN_ONLY) for mode in MigrationMode],
        "example": {
            "project_ids": [123, 456, 789],
            "mode": "PLAN_ONLY",
            "parallel_limit": 5,
            "resume_from": None,
        },
    }


SUMMARY: Final[dict[str, Schema]] = {
    "batch_id": UUID,
    "project": TEXT,
    "mode": {"type": "string", "enum": list(MigrationMode)},
    "status": {"type": "string", "enum": [*ACTIVE, *BatchStatus]},
    "total_projects": COUNT,
    "successful": COUNT,
    "failed": COUNT,
    "incomplete": COUNT,
    "in_progress": COUNT,
    "not_started": COUNT,
    "parallel_limit": LIMIT,
    "resume_from": nullable({"type": "string", "enum": AGENTS}),
    "created_at": MOMENT,
    "created_by": TEXT,
    "started_at": nullable(MOMENT),
    "finished_at": nullable(MOMENT),
    "stopped_by": nullable({"type": "string", "enum": list(StoppedBy)}),
    "plan_digest": {"description": "Empty while there is no plan.", "type": "string"},
    "plan_of": nullable(UUID),
    "applied_by": nullable(UUID),
    "price": nullable({"type": "object"}),
    "error": nullable(ref("Failure")),
}

COMPONENTS: Final[dict[str, Schema]] = {
    "Start": _start(),
    "Started": record(
        {
            "batch_id": UUID,
            "total_projects": COUNT,
            "parallel_limit": LIMIT,
            "status": {"type": "string", "const": "started"},
            "message": TEXT,
        }
    ),
    "Approval": record(
        {"plan_digest": {"type": "string", "pattern": f"^{DIGEST}$"}, ACCEPT: ACCEPTED},
        optional=(ACCEPT,),
        closed=True,
    ),
    "Resume": record(
        {"resume_from": nullable({"type": "string", "enum": AGENTS}), ACCEPT: ACCEPTED},
        optional=("resume_from", ACCEPT),
        closed=True,
    ),
    "Failure": record({"reason": TEXT, "message": TEXT, "hint": TEXT}),
    "Summary": record(SUMMARY),
    "Batch": record({**SUMMARY, "results": {"type": "array", "items": ref("ProjectResult")}}),
    "Batches": record({"batches": {"type": "array", "items": ref("Summary")}, "next": nullable(COUNT)}),
    "ProjectResult": {
        **record(
            {
                "project_id": {"type": "integer"},
                "index": COUNT,
                "status": {"type": "string", "enum": list(ProjectStatus)},
                "started_at": nullable(MOMENT),
                "finished_at": nullable(MOMENT),
                "agents": {"type": "object", "propertyNames": {"enum": AGENTS}},
            }
        ),
        "description": "As in docs/schemas/batch-result.v1.schema.json.",
    },
    "Progress": record(
        {
            "batch_id": UUID,
            "status": SUMMARY["status"],
            "agents": {"type": "array", "items": {"type": "string", "enum": AGENTS}},
            "total_projects": COUNT,
            "finished": COUNT,
            "share": {"type": "number", "minimum": 0, "maximum": 1},
            "eta_s": nullable({"type": "number", "minimum": 0}),
            "closed_s": {"type": "number", "minimum": 0},
            "closed_reason": TEXT,
            "started_at": nullable(MOMENT),
            "last_event_id": COUNT,
            "notices": {
                "type": "array",
                "items": record({"project": TEXT, "level": TEXT, "message": TEXT}),
            },
            "projects": {
                "type": "array",
                "items": record(
                    {
                        "index": COUNT,
                        "project_id": {"type": "integer"},
                        "project": TEXT,
                        "status": {"type": "string", "enum": ["in_progress", *ProjectStatus]},
                        "agents": {
                            "type": "object",
                            "additionalProperties": {
                                "enum": ["not-started", "running", "done", "passed-over", "failed", "stopped"]
                            },
                        },
                        "kind": TEXT,
                        "done": COUNT,
                        "total": nullable(COUNT),
                        "waits_for": TEXT,
                        "waits_s": {"type": "number", "minimum": 0},
                        "eta_s": nullable({"type": "number", "minimum": 0}),
                        "error": TEXT,
                    },
                    optional=("eta_s",),  # ended batches of earlier versions have none
                ),
            },
        },
        optional=("eta_s",),
    ),
    "Projects": record(
        {
            "projects": {
                "type": "array",
                "items": record(
                    {"project_id": TEXT, "gitlab_url": TEXT, "github_url": TEXT, "target_owner": TEXT}
                ),
            }
        }
    ),
    "Budgets": record(
        {
            "credentials": {
                "type": "array",
                "items": record(
                    {
                        "credential": TEXT,
                        "platform": {"type": "string", "enum": ["gitlab", "github"]},
                        "url": TEXT,
                        "requests": COUNT,
                        "waiting": COUNT,
                        "in_flight": COUNT,
                        "closed_s": {"type": "number", "minimum": 0},
                        "budgets": {
                            "type": "array",
                            "items": record(
                                {
                                    "limit_class": TEXT,
                                    "used": COUNT,
                                    "limit": COUNT,
                                    "resets_s": nullable({"type": "number", "minimum": 0}),
                                }
                            ),
                        },
                    }
                ),
            }
        }
    ),
    "Artifacts": record(
        {
            "artifacts": {
                "type": "array",
                "items": record({"path": TEXT, "bytes": COUNT, "index": nullable(COUNT)}),
            }
        }
    ),
    "Event": {
        **record({"id": COUNT, "at": MOMENT, "type": TEXT}),
        "description": "One event of a batch; the other fields follow from `type`.",
    },
    "Message": {
        **record(
            {
                "id": {"description": "For Last-Event-ID.", "type": "string", "pattern": "^[0-9]+$"},
                "data": {
                    "type": "string",
                    "contentMediaType": "application/json",
                    "contentSchema": ref("Event"),
                },
            }
        ),
        "description": "One message of the stream.",
    },
    "Identity": record({"name": TEXT, "role": {"type": "string", "enum": ["viewer", "operator"]}}),
    "Health": record({"status": {"type": "string", "enum": ["ok", "stopping"]}}),
    "Problem": record(
        {
            "type": TEXT,
            "title": TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": TEXT,
            "errors": {
                "type": "array",
                "items": record({"field": TEXT, "detail": TEXT, "hint": TEXT}),
            },
        },
        optional=("errors",),
    ),
}
