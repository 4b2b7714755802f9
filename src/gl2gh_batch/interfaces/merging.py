"""The results of all shards become one."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gl2gh_batch import codec
from gl2gh_batch.batch.files import RESULT, read_batch_plan
from gl2gh_batch.batch.joined_reports import join_reports
from gl2gh_batch.batch.people import merge_users_reports
from gl2gh_batch.batch.shards import merge_results
from gl2gh_batch.domain.errors import ConfigurationError, PlanRefusedError, WorkDirectoryError
from gl2gh_batch.domain.modes import AGENTS_OF, AgentName, MigrationMode
from gl2gh_batch.domain.result import BatchStatus, ProjectStatus
from gl2gh_batch.interfaces.wiring import RATE_FILE
from gl2gh_batch.kit.rate_file import give_up_allotment
from gl2gh_batch.kit.workdir import write_atomic


@dataclass(frozen=True, slots=True, kw_only=True)
class _Project:
    project_id: int | str
    status: ProjectStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    credential: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parallelism:
    limit: int
    highest: int
    held_back_s: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ShardResult:
    """What has to be right in a shard's result for it to be joined; it has more."""

    shard: str
    mode: MigrationMode
    status: BatchStatus
    started_at: str
    finished_at: str
    results: list[_Project]
    budgets: list[_Budget] = field(default_factory=list)
    parallelism: _Parallelism | None = None


PATTERN = "batch-result.shard-*-of-*.json"


def merge(work_dir: Path) -> dict[str, Any]:
    """Join the shards' results found anywhere below the work directory; `batch-result.json`, `report/`.

    Of two results of one shard the later counts; one of another plan, or of a mode that applies nothing, does
    not, and `passed_over` says so. In the rate-limit file there, shards that ended leave
    their budgets to the others, for the next run. Raises `PlanRefusedError` without a plan that was cut,
    `ConfigurationError` when no shard has a result, `WorkDirectoryError` for a result that is damaged.
    """
    plan = read_batch_plan(work_dir)
    if plan is None or not plan.get("shards"):
        raise PlanRefusedError(
            f"there is no plan with shards in {work_dir.name}",
            missing=True,
            hint="Give the work directory of the planning job (PLAN_ONLY with shards), with the artifacts"
            " of the shards downloaded into it.",
        )
    results: dict[str, Mapping[str, Any]] = {}
    passed_over: list[str] = []
    for path in sorted(work_dir.rglob(PATTERN)):
        result = _read(path)
        shard = str(result.get("shard"))
        if why := _is_not_of(plan, result):
            passed_over.append(f"the result of shard {shard} is not counted: {why}")
            continue
        known = results.get(shard)
        if known is None or str(known["finished_at"]) < str(result["finished_at"]):
            results[shard] = result
    if not results:
        raise ConfigurationError(
            "; ".join([f"no shard of this plan has a result in {work_dir.name}", *passed_over]),
            field="work_dir",
            hint="Run the shards with mode APPLY, and download the artifacts of their jobs into it.",
        )
    for shard, one in results.items():
        if one.get("status") == BatchStatus.SUCCESS:
            with suppress(WorkDirectoryError):  # who cannot give it away has merely kept it
                give_up_allotment(work_dir / RATE_FILE, shard)
    merged = merge_results(plan, results) | merge_users_reports(work_dir)
    if passed_over:
        merged["passed_over"] = passed_over
    write_atomic(work_dir / RESULT, codec.encode_pretty(merged))
    join_reports(work_dir, merged)
    return merged


def _is_not_of(plan: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """Why a result says nothing of the plan's shards; empty for one that does."""
    if result["shard"] not in plan["shards"]:
        return f"the plan was cut into {', '.join(plan['shards'])}"
    if AgentName.APPLY not in AGENTS_OF[MigrationMode(result["mode"])]:
        return f"it is of mode {result['mode']}, which applies nothing"
    if result.get("plan_digest", plan["digest"]) != plan["digest"]:
        return "it is of another plan"
    return ""


def _read(path: Path) -> dict[str, Any]:
    try:
        result = codec.decode(path.read_bytes(), dict[str, Any])
    except (OSError, codec.DecodeError) as error:
        raise WorkDirectoryError(
            f"{path.name} is damaged: {error}", hint="Download the artifact of that shard again."
        ) from error
    try:
        codec.convert(result, _ShardResult)
    except codec.DecodeError:
        raise WorkDirectoryError(
            f"{path.name} is no result of a shard", hint="Download the artifact of that shard again."
        ) from None
    return result
