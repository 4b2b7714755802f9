"""A batch cut into parts for the jobs of a matrix, and their results joined again; pure."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.result import ProjectStatus, batch_status

# GitHub docs, "Actions limits": a matrix generates at most 256 jobs in a run.
MOST_SHARDS: Final = 256
# A hosted job ends after six hours; a shard is meant to end well before.
HOURS_A_SHARD: Final = 5.0
PROJECTS_A_SHARD: Final = 50
RESUME: Final = (
    "Run the shards that are not done again, each with the artifact of its earlier run (in a workflow that"
    " fetches it, as migrate.yml does: Re-run failed jobs), and merge again. What is done stays done, and"
    " nothing is sent twice."
)
_SHARD: Final = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One part of a batch: number `index` (from 1) of `count`."""

    index: int
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    @property
    def file_name(self) -> str:
        """The name of its result, unlike that of any other shard."""
        return f"batch-result.shard-{self.index}-of-{self.count}.json"


def parse_shard(text: str) -> Shard | None:
    """`2/3` as a shard; None for nothing. Raises `ConfigurationError` for `9/8` and the like."""
    if not text:
        return None
    found = _SHARD.fullmatch(text)
    shard = Shard(index=int(found[1]), count=int(found[2])) if found else None
    if shard is None or not 1 <= shard.index <= shard.count <= MOST_SHARDS:
        raise ConfigurationError(
            f"{text!r} is not a part of a batch",
            field="shard",
            hint=f"Write it as 2/3: which part, from 1, of how many (up to {MOST_SHARDS}).",
        )
    return shard


def parse_shards(text: str) -> int | None:
    """How many shards to cut; 0 for `auto`, None for nothing. Raises `ConfigurationError`."""
    if not text:
        return None
    if text == "auto":
        return 0
    if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_SHARDS:
        return int(text)
    raise ConfigurationError(
        f"{text!r} is neither auto nor a number from 1 to {MOST_SHARDS}",
        field="shards",
        hint="GitHub runs at most 256 jobs of a matrix. Write auto to let the plan decide.",
    )


def cut(costs: Mapping[str, float], wanted: int) -> dict[str, list[str]]:
    """The projects of each shard, balanced by cost: the largest first, each to the lightest shard.

    `costs` are hours by project; `wanted` 0 lets the hours decide. There are never more shards than
    projects. Longest-processing-time-first is at most 4/3 of the best cut (Graham 1969).
    """
    count = wanted or max(
        math.ceil(sum(costs.values()) / HOURS_A_SHARD), math.ceil(len(costs) / PROJECTS_A_SHARD)
    )
    count = max(1, min(count, MOST_SHARDS, max(1, len(costs))))
    parts: list[list[str]] = [[] for _ in range(count)]
    loads = [0.0] * count
    order = {name: place for place, name in enumerate(costs)}
    for name in sorted(costs, key=lambda one: (-costs[one], order[one])):
        lightest = min(range(count), key=lambda place: (loads[place], len(parts[place]), place))
        parts[lightest].append(name)
        loads[lightest] += costs[name]
    return {
        str(Shard(index=place + 1, count=count)): sorted(part, key=order.__getitem__)
        for place, part in enumerate(parts)
    }


def matrix(shards: Sequence[str]) -> dict[str, list[str]]:
    """What `strategy.matrix: ${{ fromJSON(…) }}` takes; a batch that is not cut is one shard."""
    return {"shard": list(shards) or ["1/1"]}


def merge_results(plan: Mapping[str, Any], results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The results of all shards as one, projects in the plan's order.

    `results` by shard; what was planned by its path may have been applied by its id. Projects of a shard that
    has no result are `not_started`, and `missing_shards` names it. What the plan names as unplanned comes
    last, and is as the planning left it. What each credential spent and waited for is told for each shard:
    they may share it or not.
    """
    shards: Mapping[str, Sequence[Any]] = plan["shards"]
    done = [project for result in results.values() for project in result["results"]]
    found = {str(project["source"]): project for project in done if project.get("source")}
    found |= {str(project["project_id"]): project for project in done}
    projects = []
    for index, planned in enumerate(plan["projects"]):
        project = found.get(str(planned["project_id"])) or found.get(str(planned.get("source")))
        projects.append(
            {**project, "index": index} if project is not None else _absent(planned, index, shards)
        )
    for one in plan.get("unplanned", ()):
        projects.append({**_absent(one, len(projects), {}), **one})
    statuses = [ProjectStatus(one["status"]) for one in projects]
    some = list(results.values())
    own = ("shard", "parallelism", "price", "users", "budgets", "resume")  # what is true of one shard only
    merged = {
        **{key: value for key, value in some[0].items() if key not in own},
        "status": batch_status(statuses).value,
        "started_at": min(one["started_at"] for one in some),
        "finished_at": max(one["finished_at"] for one in some),
        "total_projects": len(projects),
        "successful": statuses.count(ProjectStatus.SUCCESS),
        "failed": statuses.count(ProjectStatus.FAILED),
        "incomplete": statuses.count(ProjectStatus.INCOMPLETE),
        "not_started": statuses.count(ProjectStatus.NOT_STARTED),
        "stopped_by": next((one["stopped_by"] for one in some if one.get("stopped_by")), None),
        "shards": sorted(results),
        "missing_shards": [shard for shard in shards if shard not in results],
        "budgets": [
            {**budget, "credential": f"{shard} {budget['credential']}"}
            for shard, one in sorted(results.items())
            for budget in one.get("budgets", ())
        ],
        "parallelism": _side_by_side([one["parallelism"] for one in some if one.get("parallelism")]),
        "results": projects,
    }
    if merged["incomplete"] or merged["not_started"]:
        merged["resume"] = RESUME
    return merged


def _side_by_side(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What jobs beside each other did: their projects at once, and what held others back, added up."""
    held: Counter[str] = Counter()
    for one in reports:
        held.update(one["held_back_s"])
    sums = {key: sum(one[key] for one in reports) for key in ("limit", "highest")}
    return {**sums, "held_back_s": dict(held)}


def _absent(planned: Mapping[str, Any], index: int, shards: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    name = planned["project_id"]
    shard = next((one for one, names in shards.items() if str(name) in map(str, names)), "")
    return {
        "project_id": name,
        "index": index,
        "status": ProjectStatus.NOT_STARTED.value,
        "source": planned.get("source", ""),
        "target": planned.get("target", ""),
        "started_at": None,
        "finished_at": None,
        "agents": {},
        **({"shard": shard} if shard else {}),
    }
