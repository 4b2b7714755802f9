"""What the service answers with, as plain documents: `openapi` has their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, parse_mode
from gl2gh_batch.interfaces.server.store import BatchRow
from gl2gh_batch.output.board import Board, Row


def started_view(row: BatchRow) -> dict[str, Any]:
    """The answer to a start."""
    total = len(row.project_ids)
    return {
        "batch_id": row.batch_id,
        "total_projects": total,
        "parallel_limit": row.parallel_limit,
        "status": "started",
        "message": f"Batch migration started with {total} project{'' if total == 1 else 's'}",
    }


def summary_view(row: BatchRow, board: Board | None) -> dict[str, Any]:
    """One batch without its results."""
    total = len(row.project_ids)
    counts = dict(row.counts or {})
    running = 0
    if board is not None and row.is_active:
        counts = {"success": 0, "failed": 0, "incomplete": 0}
        for one in board.rows.values():
            if one.status:
                counts[one.status] = counts.get(one.status, 0) + 1
            else:
                running += 1
    ended = sum(counts.get(name, 0) for name in ("success", "failed", "incomplete"))
    return {
        "batch_id": row.batch_id,
        "project": row.project,
        "mode": row.mode,
        "status": row.status,
        "total_projects": total,
        "successful": counts.get("success", 0),
        "failed": counts.get("failed", 0),
        "incomplete": counts.get("incomplete", 0),
        "in_progress": running,
        "not_started": max(0, total - ended - running),
        "parallel_limit": row.parallel_limit,
        "resume_from": row.resume_from,
        "created_at": row.created_at,
        "created_by": row.created_by,
        "started_at": row.started_at,
        "finished_at": row.finished_at,
        "stopped_by": row.stopped_by,
        "plan_digest": row.plan_digest,
        "plan_of": row.plan_of,
        "applied_by": row.applied_by,
        "price": row.price,
        "error": row.error,
    }


def batch_view(row: BatchRow, board: Board | None, results: Mapping[int, dict[str, Any]]) -> dict[str, Any]:
    """The batch's result as it grows: the results of the projects that have ended."""
    return summary_view(row, board) | {"results": [results[place] for place in sorted(results)]}


def progress_view(row: BatchRow, board: Board, now: float) -> dict[str, Any]:
    """Where each project is: what the terminal shows, too, from the same events."""
    agents = [str(name) for name in AGENTS_OF[parse_mode(row.mode)]]
    known = {one.index: one for one in board.rows.values()}
    projects = [
        _project_view(place, project_id, known.get(place), now)
        for place, project_id in enumerate(row.project_ids)
    ]
    done = sum(one.progress for one in known.values())
    return {
        "batch_id": row.batch_id,
        "status": row.status,
        "agents": agents,
        "total_projects": len(projects),
        "finished": board.ended(),
        "share": round(done / len(projects), 4) if projects else 1.0,
        "eta_s": _eta_s(None if board.status else board.ends_at, now),
        "closed_s": round(max(0.0, board.closed_until - now), 1),
        "closed_reason": board.closed_reason if board.closed_until > now else "",
        "notices": [
            {"project": project, "level": level, "message": message}
            for project, level, message in board.notices[-50:]
        ],
        "projects": projects,
    }


def _project_view(place: int, project_id: int, row: Row | None, now: float) -> dict[str, Any]:
    found: dict[str, Any] = {
        "index": place,
        "project_id": project_id,
        "project": row.project if row else "",
        "status": (row.status or "in_progress") if row else "not_started",
        "agents": {str(name): "not-started" for name in AgentName},
        "kind": row.kind if row else "",
        "done": row.done if row else 0,
        "total": row.total if row else None,
        "waits_for": "",
        "waits_s": 0.0,
        "eta_s": None if row is None or row.status else _eta_s(row.ends_at, now),
        "error": row.error if row else "",
    }
    if row is not None:
        found["agents"] |= row.states
        if row.waits_for and row.waits_until > now:
            found["waits_for"], found["waits_s"] = row.waits_for, round(row.waits_until - now, 1)
    return found


def _eta_s(ends_at: float | None, now: float) -> float | None:
    return None if ends_at is None else round(max(0.0, ends_at - now), 1)
