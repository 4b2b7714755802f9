"""The survey: two requests a project, so that every text may refer to every number of the batch."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.numbering import NumberingPolicy, Numbers
from gl2gh_batch.domain.references import ProjectReference
from gl2gh_batch.domain.refs import ProjectRef, RepoRef
from gl2gh_batch.domain.request import NamingStrategy, ProjectRequest
from gl2gh_batch.rewrite.names import repository_name
from gl2gh_batch.source.api import GitLab


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
    highest = await gitlab.survey(project)
    compact = policy is NumberingPolicy.COMPACT
    ref = ProjectRef(id=project.id, full_path=project.path_with_namespace)
    numbers = Numbers(
        policy=policy,
        highest_issue=highest.highest_issue,
        highest_merge_request=highest.highest_merge_request,
        issue_iids=await _iids(gitlab, project.id) if compact else (),
    )
    return ProjectReference(
        named=str(request.project),
        project=ref,
        repo=_require_target(request, ref, owner, naming),
        numbers=numbers,
        surveyed_at=now.isoformat(timespec="seconds"),
    )


async def _iids(gitlab: GitLab, project_id: int) -> tuple[int, ...]:
    """The iids of all issues, for ranks: a page of a hundred a request."""
    return tuple(sorted([issue.iid async for issue in gitlab.issues(project_id)]))


def target_of(
    request: ProjectRequest, project: ProjectRef, owner: str, naming: NamingStrategy
) -> RepoRef | None:
    """Where the project goes: to its own target, else to the owner by the naming strategy, else None."""
    if request.target is not None or not owner:
        return request.target
    return RepoRef(owner=owner, name=repository_name(project.full_path, naming))


def standing(known: Numbers, surveyed: Numbers, *, unfinished: bool) -> Numbers:
    """The numbers that hold when a project is surveyed again: none that was given away may move.

    While a batch is unfinished, all stay as they were. Later, new issues come after those that are there.
    """
    if unfinished:
        return known
    if known.policy is surveyed.policy is NumberingPolicy.MERGE_REQUESTS_EXACT:
        return replace(surveyed, highest_merge_request=known.highest_merge_request)
    return surveyed


def _require_target(
    request: ProjectRequest, project: ProjectRef, owner: str, naming: NamingStrategy
) -> RepoRef:
    repo = target_of(request, project, owner, naming)
    if repo is None:
        raise ConfigurationError(
            "there is no owner for the new repository",
            field="target_owner",
            hint="Name the GitHub organisation or user, or give the project a `target` of its own.",
            project=project.full_path,
        )
    return repo
