"""Discovery: what the project holds, how much of it, and what would stand in the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import AGENT_FILES_VERSION, INVENTORY, Agent, counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._restoring import exported_inventory
from gl2gh_batch.agents._watermark import read_watermark
from gl2gh_batch.agents.source_marks import unmarked
from gl2gh_batch.domain.inventory import NOT_CARRIED, Inventory
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.plan import Finding, Severity
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kit.exported import Exported
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder, read_document, write_document
from gl2gh_batch.source.models import Project

REMEDY = "Run again with resume_from=discovery: it is written anew."
# What GitLab shows of no project whose repository is switched off.
_OF_REPOSITORY = ("branches", "tags", "merge_requests", "protected_branches", "protected_tags")


def read_inventory(folder: ProjectFolder) -> Inventory | None:
    """The inventory in a project's folder; None when discovery has not run."""
    return read_document(folder.inventory, INVENTORY, AGENT_FILES_VERSION, Inventory, remedy=REMEDY)


class Discovery(Agent):
    """Writes `inventory.json`."""

    name = AgentName.DISCOVERY

    async def is_current(self, desk: Desk) -> bool:
        inventory = read_inventory(desk.folder)
        if inventory is None:
            return False
        if desk.source_export is not None:
            return inventory == exported_inventory(desk.source_export, INVENTORY, AGENT_FILES_VERSION)
        seen = await read_watermark(desk)
        if inventory.watermark == seen:
            return True
        if is_unfinished(desk.folder):
            desk.notice(
                "notice",
                "the source changed since the export; this unfinished batch goes on with what was exported",
                "What is new belongs to a later run.",
            )
            return True
        return False

    async def run(self, desk: Desk) -> AgentResult:
        if desk.source_export is not None:
            return _taken_over(desk, desk.source_export)
        project_id = desk.reference.project.id
        watermark = await read_watermark(desk)
        project = unmarked(desk.folder, await desk.cold.project(project_id))
        counts = {
            **await desk.cold.counts(project_id),
            **await desk.cold.counts_not_carried(project),
            "lfs_objects": _lfs_objects(project),
        }
        version = await desk.cold.version()
        inventory = Inventory(
            project=desk.reference.project,
            name=project.name,
            description=project.description or "",
            web_url=f"{desk.gitlab_url}/{desk.reference.project.full_path}",
            visibility=project.visibility,
            default_branch=project.default_branch,
            archived=project.archived,
            empty_repository=not project.has_history,
            repository_enabled=project.has_repository,
            issues_enabled=project.has_issues,
            merge_requests_enabled=project.has_merge_requests,
            members_only=project.members_only,
            wiki_enabled=bool(project.wiki_enabled),
            topics=project.topics or project.tag_list or (),
            created_at=project.created_at,
            counts=counts,
            sizes=_sizes(project),
            gitlab_version=version.version,
            watermark=watermark,
            findings=tuple(_findings(counts, project)),
            not_carried={name: counts.get(name) for name in NOT_CARRIED if counts.get(name) != 0},
        )
        write_document(desk.folder.inventory, INVENTORY, AGENT_FILES_VERSION, inventory)
        return _result(inventory)


def _taken_over(desk: Desk, export: Exported) -> AgentResult:
    """What the discovery before the export found."""
    inventory = exported_inventory(export, INVENTORY, AGENT_FILES_VERSION)
    write_document(desk.folder.inventory, INVENTORY, AGENT_FILES_VERSION, inventory)
    result = _result(inventory)
    return replace(result, summary=f"{result.summary} at the export of {export.head.made_at}")


def _result(inventory: Inventory) -> AgentResult:
    found = {name: count for name, count in inventory.counts.items() if count}
    return AgentResult(status="done", summary=f"{counted(len(found), 'sort')} of things found", counts=found)


def _lfs_objects(project: Project) -> int | None:
    """GitLab has no list of them: none when their size is 0, else unknown until the history is read."""
    size = None if project.statistics is None else project.statistics.lfs_objects_size
    return 0 if size == 0 or project.lfs_enabled is False else None


def _sizes(project: Project) -> dict[str, int]:
    """What GitLab says of sizes, in bytes."""
    if project.statistics is None:
        return {}
    sizes = codec.plain(project.statistics)
    return {
        name.removesuffix("_size"): size
        for name, size in sizes.items()
        if name.endswith("_size") and size is not None
    }


def _findings(counts: dict[str, int | None], project: Project) -> Iterator[Finding]:
    # LFS objects are counted when the history is read.
    told = {"lfs_objects"} if project.has_repository else {"lfs_objects", *_OF_REPOSITORY}
    unknown = sorted(name for name, count in counts.items() if count is None and name not in told)
    if unknown:
        yield Finding(
            code="not-counted",
            severity=Severity.NOTICE,
            message=f"GitLab did not say how many there are of: {', '.join(unknown)}",
            hint="A token of a Maintainer sees more; what cannot be seen cannot be listed as a loss.",
        )
    if not project.has_repository:
        yield Finding(
            code="repository-off",
            severity=Severity.NOTICE,
            message="the repository is switched off on GitLab: nothing of it is read, no branch, tag, merge"
            " request or release; the rest is",
            hint="To take it along switch it on there (Settings, General, Visibility), and run again.",
            item=project.path_with_namespace,
        )


def is_unfinished(folder: ProjectFolder) -> bool:
    """True when an apply began here and did not come to its end."""
    if not folder.ledger.exists():
        return False
    ledger = Ledger(folder.ledger)
    try:
        begun = ledger.count(StepState.DONE) + ledger.count(StepState.INTENT) > 0
        return begun and ledger.get("closed") is None
    finally:
        ledger.close()


def inventory_digest(inventory: Inventory, desk: Desk) -> dict[str, str]:
    """What an export is made from: the source's watermark and the request."""
    return {"watermark": codec.digest(inventory.watermark), "request": desk.request_digest()}
