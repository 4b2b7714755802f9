"""The survey: two requests a project, so that every text may refer to every number of the batch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.numbering import NumberingPolicy, Numbers
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.refs import ProjectRef, RepoRef
from gl2gh_batch.domain.request import NamingStrategy, ProjectRequest
from gl2gh_batch.rewrite.names import repository_name
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.merge_models import MergeRequest
from gl2gh_batch.source.models import Issue


async def survey_project(
    gitlab: GitLab,
    request: ProjectRequest,
    *,
    owner: str,
    naming: NamingStrategy,
    now: datetime,
) -> ProjectReference:
    """Ask one project for its name and its highest numbers; raises what the questions raise."""
    project = await gitlab.project(request.project)
    policy = request.policies.numbering
    has_issues = project.has_issues and request.kinds.get("issues") != "skip"
    has_merge_requests = project.has_merge_requests and request.kinds.get("merge_requests") != "skip"
    # What is skipped takes no numbers.
    highest = await gitlab.survey(project, issues=has_issues, merge_requests=has_merge_requests)
    compact = policy is NumberingPolicy.COMPACT
    ref = ProjectRef(id=project.id, full_path=project.path_with_namespace)
    numbers = Numbers(
        policy=policy,
        highest_issue=highest.highest_issue,
        highest_merge_request=highest.highest_merge_request,
        issue_iids=await _iids(gitlab.issues(project.id)) if compact and has_issues else (),
        merge_request_iids=(
            await _iids(gitlab.merge_requests(project.id)) if compact and has_merge_requests else ()
        ),
    )
    return ProjectReference(
        named=str(request.project),
        project=ref,
        repo=require_target(request, ref, owner, naming),
        numbers=numbers,
        surveyed_at=now.isoformat(timespec="seconds"),
    )


async def _iids(items: AsyncIterator[Issue] | AsyncIterator[MergeRequest]) -> tuple[int, ...]:
    """The iids of all of them, for ranks: a page of a hundred a request."""
    return tuple(sorted([one.iid async for one in items]))


def target_of(
    request: ProjectRequest, project: ProjectRef, owner: str, naming: NamingStrategy
) -> RepoRef | None:
    """Where the project goes: to its own target, else to the owner by the naming strategy, else None."""
    if request.target is not None or not owner:
        return request.target
    return RepoRef(owner=owner, name=repository_name(project.full_path, naming))


def standing(known: Numbers, surveyed: Numbers, *, unfinished: bool, begun: bool = True) -> Numbers:
    """The numbers that hold when a project is surveyed again: none that was given away may move.

    While a batch is unfinished, all stay as they were. Later, new items come after those that are there: of
    the kind that comes last any, of the other none as long as numbers follow its own. Another policy finds
    them taken: the plan says so. A project into whose target nothing was written (not `begun`) is free.
    """
    if unfinished or (begun and known.policy is not surveyed.policy):
        return known
    if not begun:
        return surveyed
    match known.policy:
        case NumberingPolicy.ISSUES_EXACT if known.highest_merge_request:
            return replace(surveyed, highest_issue=known.highest_issue)
        case NumberingPolicy.MERGE_REQUESTS_EXACT if known.highest_issue:
            return replace(surveyed, highest_merge_request=known.highest_merge_request)
        case NumberingPolicy.COMPACT if known.merge_request_iids:
            return replace(surveyed, highest_issue=known.highest_issue, issue_iids=known.issue_iids)
        case _:
            return surveyed


def require_target(
    request: ProjectRequest, project: ProjectRef, owner: str, naming: NamingStrategy
) -> RepoRef:
    """The same; raises `ConfigurationError` when it goes nowhere."""
    repo = target_of(request, project, owner, naming)
    if repo is None:
        raise ConfigurationError(
            "there is no owner for the new repository",
            field="target_owner",
            hint="Name the GitHub organisation or user, or give the project a `target` of its own.",
            project=project.full_path,
        )
    return repo
