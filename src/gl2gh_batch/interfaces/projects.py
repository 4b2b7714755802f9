"""Which projects a batch has, once GitLab and the work directory were asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from gl2gh_batch.batch.config import KEYS
from gl2gh_batch.batch.files import known_to, of_shard, read_batch_plan
from gl2gh_batch.batch.resources import REFERENCES, SharedResources
from gl2gh_batch.batch.shards import Shard, cut
from gl2gh_batch.domain.errors import ConfigurationError, PlanRefusedError
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.interfaces.wiring import Batch


async def expand_groups(batch: Batch, resources: SharedResources) -> list[dict[str, Any]]:
    """The configurations of all projects, those of the groups included, each once.

    A project that is listed by itself keeps its own entry.
    """
    configs = list(batch.configs)
    known = {str(one["project_id"]).lower() for one in configs}
    for group in batch.groups:
        patterns = group.get("exclude") or []
        settings = {key: value for key, value in group.items() if key in KEYS}
        async for number, path, where in _members(batch, resources, group):
            if {str(number), path.lower()} & known:
                continue
            if any(fnmatchcase(path, pattern) for pattern in patterns):
                continue
            known |= {str(number), path.lower()}
            config = {
                **batch.shared,
                **settings,
                **where,
                "project_id": number,
                "origin": f"{group['origin']} ({path})",
            }
            configs.append(config)
    if not configs and batch.mode is MigrationMode.APPLY:
        configs = _planned(batch, resources)
    if not configs:
        raise ConfigurationError(
            "there is no project to migrate",
            field="project_ids",
            hint="Name projects by id or full path, or give a batch file with projects or groups.",
        )
    return configs if batch.shard is None else _of_shard(batch.shard, configs, batch, resources)


async def _members(
    batch: Batch, resources: SharedResources, group: Mapping[str, Any]
) -> AsyncIterator[tuple[int, str, dict[str, Any]]]:
    """Id, full path and whereabouts of a group's projects: of those on GitLab, or of those exported."""
    subgroups = group.get("subgroups", True)
    if batch.exports is not None:
        for one in batch.exports.below(group["path"], subgroups=subgroups):
            yield one.head.project.id, one.head.project.full_path, {"from_export": one.path}
        return
    gitlab = resources.gitlab(batch.shared)
    async for project in gitlab.group_projects(group["path"], subgroups=subgroups):
        yield project.id, project.path_with_namespace, {}


def _of_shard(
    shard: Shard, configs: list[dict[str, Any]], batch: Batch, resources: SharedResources
) -> list[dict[str, Any]]:
    """The projects of one shard: as the plan was cut, else an even cut of the list."""
    plan = read_batch_plan(batch.work_dir)
    if plan is None or not plan.get("shards"):
        if batch.mode is MigrationMode.APPLY:
            raise PlanRefusedError(
                f"there is no plan with shards in {batch.work_dir.name}",
                missing=True,
                hint="Run PLAN_ONLY with shards first, and give every job its work directory.",
            )
        # Fewer projects than shards make fewer parts: the last shards have none.
        parts = list(cut({str(one["project_id"]): 1.0 for one in configs}, shard.count).values())
        names = set(parts[shard.index - 1]) if shard.index <= len(parts) else set()
        if not names:
            _tell(resources, "notice", f"shard {shard} has nothing to do: the batch has fewer projects")
        return [one for one in configs if str(one["project_id"]) in names]
    wanted, known = of_shard(plan, shard), known_to(plan)
    references = resources.references(batch.work_dir)

    def named(config: Mapping[str, Any]) -> set[str]:
        reference = references.named(config["project_id"])
        names = {str(config["project_id"])}
        if reference is not None:
            names |= {reference.project.full_path, str(reference.project.id)}
        return names

    for one in configs:
        if named(one).isdisjoint(known):
            said = f"{one['project_id']} is listed and not in the plan: no shard migrates it"
            _tell(resources, "warning", said, "Plan again with it, or take it from the list.")
    return [one for one in configs if not named(one).isdisjoint(wanted)]


def _tell(resources: SharedResources, level: str, message: str, hint: str = "") -> None:
    resources.emit(Noticed(project="", level=level, message=message, hint=hint))


def _planned(batch: Batch, resources: SharedResources) -> list[dict[str, Any]]:
    """The projects that the work directory has plans for: applying needs no list of its own."""
    if not (batch.work_dir / REFERENCES).exists():
        return []
    return [
        {
            **batch.shared,
            **batch.policies,
            **_exported(batch, reference),
            "project_id": reference.project.id,
            "target": str(reference.repo),
            "origin": f"{batch.work_dir.name} ({reference.project})",
        }
        for reference in resources.references(batch.work_dir)
    ]


def _exported(batch: Batch, reference: ProjectReference) -> dict[str, Any]:
    return {} if batch.exports is None else {"from_export": batch.exports.named(reference.project.id).path}
