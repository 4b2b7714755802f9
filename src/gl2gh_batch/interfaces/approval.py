"""An apply carries out the plan that was approved, and no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gl2gh_batch import codec
from gl2gh_batch.agents.plan import read_plan
from gl2gh_batch.batch.files import read_batch_plan
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.errors import PlanRefusedError, WorkDirectoryError
from gl2gh_batch.interfaces.wiring import Batch
from gl2gh_batch.kit.workdir import ProjectFolder, slug

REMEDY = "Restore the work directory of the approved plan, or review and approve this one."


def plan_digest(work_dir: Path) -> str:
    """The digest of the batch's plan in a work directory; empty when there is none."""
    digests = _digests(work_dir)
    return codec.digest(list(digests.values())) if digests else ""


def plan_digests(work_dir: Path) -> tuple[str, ...]:
    """The digests of the projects' plans that the batch's plan lists."""
    return tuple(_digests(work_dir).values())


def check_approval(batch: Batch, configs: Sequence[Mapping[str, Any]], resources: SharedResources) -> None:
    """Raise `PlanRefusedError` when what would be applied is not what was approved.

    The digest of the batch covers the digests of the projects' plans, and each of those is compared with
    the plan in its project's folder. A project without any plan is left to its own agents to refuse.
    """
    if not batch.approved_plan:
        return
    digests = _digests(batch.work_dir)
    found = codec.digest(list(digests.values())) if digests else ""
    if found != batch.approved_plan:
        raise PlanRefusedError(
            f"the plan in {batch.work_dir.name} has digest {found or 'none'}"
            f" and {batch.approved_plan} was approved",
            missing=not found,
            hint=REMEDY,
        )
    references = resources.references(batch.work_dir)
    for config in configs:
        reference = references.named(config["project_id"])
        if reference is None:
            continue
        name = reference.project.full_path
        folder = ProjectFolder(batch.work_dir / "projects" / slug(name, reference.project.id))
        try:
            plan = read_plan(folder)
        except WorkDirectoryError as error:
            raise PlanRefusedError(error.message, hint=REMEDY, project=name) from error
        if plan is not None and plan.digest != digests.get(name):
            raise PlanRefusedError(
                "its plan is not among those that were approved", hint=REMEDY, project=name
            )


def _digests(work_dir: Path) -> dict[str, str]:
    """The digests of the projects' plans by full path, as the batch's plan lists them."""
    plan = read_batch_plan(work_dir) or {}
    try:
        return {str(one["source"]): str(one["digest"]) for one in plan["projects"]}
    except (LookupError, TypeError):
        return {}
