"""Approve by merging: the plan is shown on the pull request, and the push of its merge applies exactly it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gl2gh_batch.batch.files import read_batch_plan
from gl2gh_batch.domain.errors import PlanRefusedError
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.interfaces.approval import REMEDY, plan_digest
from gl2gh_batch.interfaces.review import open_review
from gl2gh_batch.interfaces.wiring import Batch
from gl2gh_batch.interfaces.workflow_event import WorkflowEvent, artifact_name, batch_name
from gl2gh_batch.output.plan_comment import ReviewedPlan, plan_comment


def can_comment(event: WorkflowEvent, values: Mapping[str, str]) -> bool:
    """Whether there is a pull request to comment on, and a token for it."""
    return bool(event.is_pull_request and event.pull_request and event.repo and values.get("workflow_token"))


def is_merge_of_plan(event: WorkflowEvent, batch: Batch, values: Mapping[str, str]) -> bool:
    """Whether this is the push after a merge, and nobody named an approved plan by hand."""
    return bool(
        batch.mode is MigrationMode.APPLY
        and event.name == "push"
        and event.repo
        and values.get("workflow_token")
        and not batch.approved_plan
    )


async def show_plan(
    event: WorkflowEvent, result: Mapping[str, Any], values: Mapping[str, str], digest: str
) -> None:
    """Put the plan of this run on the pull request, in the one comment of this batch."""
    assert event.pull_request is not None
    plan = ReviewedPlan(
        name=batch_name(values.get("config", "")),
        digest=digest,
        run_id=event.run_id,
        artifact=_artifact(values),
        head_sha=event.pull_request.head_sha,
    )
    async with open_review(event, values["workflow_token"]) as review:
        body = plan_comment(result, plan, run_url=event.run_url)
        await review.show(event.pull_request.number, body, plan.name)


async def take_reviewed_plan(event: WorkflowEvent, batch: Batch, values: Mapping[str, str]) -> Batch:
    """The batch with the plan that was merged: fetched where the work directory has none, and approved.

    Raises `PlanRefusedError` when no plan was reviewed, its artifact is gone, or another one is there.
    """
    async with open_review(event, values["workflow_token"]) as review:
        plan = await review.reviewed(event.sha, batch_name(values.get("config", "")))
        if read_batch_plan(batch.work_dir) is None:
            await review.fetch(plan, batch.work_dir)
    found = plan_digest(batch.work_dir)
    if found != plan.digest:
        raise PlanRefusedError(
            f"the artifact of run {plan.run_id} holds the plan {found[:12] or 'none'}, and"
            f" {plan.digest[:12]} was reviewed",
            hint=REMEDY,
        )
    return replace(batch, approved_plan=plan.digest)


def _artifact(values: Mapping[str, str]) -> str:
    return values.get("artifact_name") or artifact_name(batch_name(values.get("config", "")))
