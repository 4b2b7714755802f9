"""The batch's own files in the work directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.batch.shards import Shard, cut, parse_shard
from gl2gh_batch.domain.errors import PlanRefusedError
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode
from gl2gh_batch.kit.workdir import write_atomic

RESULT: Final = "batch-result.json"
PLAN: Final = "plan.json"
STEPS: Final = "plan.ndjson"


def write_batch_files(
    root: Path, result: Mapping[str, Any], *, shard: Shard | None = None, shards: int | None = None
) -> list[str]:
    """Write `batch-result.json`, and `plan.json` when this run made a plan; the shards it was cut into.

    A run of one `shard` writes a result of its own name and leaves the batch's alone. `shards` cuts the
    plan: so many, or as many as its hours want (0). No shard has what could not be planned; the plan names
    it, so that the merged result tells of it.

    Applying leaves the plan as it was approved, also when fewer projects end well than were planned.
    Where `root` is a project's own folder (`output_dir`), the plan there is that project's, and stays.
    """
    if shard is not None:
        plan = read_batch_plan(root)
        if plan is not None and plan.get("shards"):
            result = {**result, "plan_digest": plan["digest"]}
        write_atomic(root / shard.file_name, codec.encode_pretty(result))
        return []
    plan = batch_plan(result)
    if shards is not None:
        hours = {str(one["project_id"]): float(one["price"]["hours"]) for one in plan["projects"]}
        plan["shards"] = cut(hours, shards)
        plan["unplanned"] = [
            {key: one[key] for key in ("project_id", "source", "target", "status", "error") if key in one}
            for one in result["results"]
            if not one.get("plan")
        ]
        result = {**result, "shards": list(plan["shards"])}
    write_atomic(root / RESULT, codec.encode_pretty(result))
    plans = AgentName.PLAN in AGENTS_OF[MigrationMode(result["mode"])]
    if plans and plan["projects"] and not (root / STEPS).exists():
        write_atomic(root / PLAN, codec.encode_pretty(plan))
    return list(plan.get("shards", ()))


def result_file(result: Mapping[str, Any]) -> str:
    """The name of the file that holds this result."""
    shard = parse_shard(str(result.get("shard") or ""))
    return RESULT if shard is None else shard.file_name


def of_shard(plan: Mapping[str, Any], shard: Shard) -> set[str]:
    """The projects of one shard of a plan, by id and by path; raises `PlanRefusedError`."""
    shards: Mapping[str, Any] = plan.get("shards") or {}
    if str(shard) not in shards:
        raise PlanRefusedError(
            f"the plan was cut into {', '.join(shards) or 'no shards'}, and {shard} is none of them",
            hint="Give the number of shards that the plan was made with, or plan again.",
        )
    ids = {str(one) for one in shards[str(shard)]}
    return ids | {str(one["source"]) for one in plan["projects"] if str(one["project_id"]) in ids}


def known_to(plan: Mapping[str, Any]) -> set[str]:
    """The projects of all shards of a plan and those that could not be planned, by id and by path."""
    listed = (*plan["projects"], *plan.get("unplanned", ()))
    return {str(one[key]) for one in listed for key in ("project_id", "source") if one.get(key)}


def planned_hours(root: Path) -> dict[str, float]:
    """The hours that each project takes by the plan in a work directory; empty without a plan."""
    plan = read_batch_plan(root)
    return {
        str(one.get("source")): float((one.get("price") or {}).get("hours") or 0.0)
        for one in (plan or {}).get("projects", ())
    }


def read_batch_plan(root: Path) -> dict[str, Any] | None:
    """The batch's plan in a work directory; None without one that can be read."""
    try:
        return codec.decode((root / PLAN).read_bytes(), dict[str, Any])
    except (OSError, codec.DecodeError):
        return None


def batch_plan(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the plans of all projects come to: digests, steps, price, losses, findings."""
    projects = [
        {
            "project_id": one["project_id"],
            "source": one.get("source", ""),
            "target": one.get("target", ""),
            "digest": one["plan"]["digest"],
            "steps": one["plan"]["steps"],
            "price": one["plan"]["price"],
            "losses": one.get("losses", 0),
            "findings": one.get("findings", []),
        }
        for one in result["results"]
        if one.get("plan")
    ]
    return {
        "schema": "gl2gh-batch/batch-plan",
        "version": 1,
        "digest": codec.digest([one["digest"] for one in projects]) if projects else "",
        "projects": projects,
    }
