"""The batch's result as the fixed dict of the library and of `batch-result.json`, version 1.

Its JSON Schema is `docs/schemas/batch-result.v1.schema.json`; keys may be added, none changes its meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.domain.result import ProjectResult, ProjectStatus, StoppedBy, batch_status
from gl2gh_batch.output.escape import usable

SCHEMA: Final = "gl2gh-batch/batch-result"
VERSION: Final = 1


def project_artifact(result: ProjectResult, index: int) -> dict[str, Any]:
    """One entry of `results`; `index` counts from 0 in the order given."""
    found: dict[str, Any] = usable(codec.plain(result)) | {"index": index}
    if found["error"] is None:
        del found["error"]
    return found


def batch_artifact(
    results: Sequence[dict[str, Any]],
    *,
    batch_id: str,
    mode: MigrationMode,
    started_at: str,
    finished_at: str,
    parallel_limit: int,
    stopped_by: StoppedBy | None = None,
    tool_version: str = "",
    work_dir: str = "",
) -> dict[str, Any]:
    """The whole result from those of the projects, in the order given; moments are ISO 8601 with `Z`."""
    statuses = [ProjectStatus(one["status"]) for one in results]
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "batch_id": batch_id,
        "status": batch_status(statuses).value,
        "mode": mode.value,
        "started_at": started_at,
        "finished_at": finished_at,
        "total_projects": len(results),
        "successful": statuses.count(ProjectStatus.SUCCESS),
        "failed": statuses.count(ProjectStatus.FAILED),
        "incomplete": statuses.count(ProjectStatus.INCOMPLETE),
        "not_started": statuses.count(ProjectStatus.NOT_STARTED),
        "parallel_limit": parallel_limit,
        "stopped_by": None if stopped_by is None else stopped_by.value,
        "tool_version": tool_version,
        "work_dir": usable(work_dir),
        "results": [usable(one) for one in results],
    }
