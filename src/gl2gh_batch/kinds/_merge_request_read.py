"""Merge requests with their discussions and approvals, from GitLab, and their commits, from the mirror."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Final

from gl2gh_batch.kinds._ahead import ahead
from gl2gh_batch.kinds._kind import Source
from gl2gh_batch.kinds._merge_request_git import git_facts, known_head, namespace_of
from gl2gh_batch.kinds._merge_request_values import (
    ClosedIssue,
    GitFacts,
    MergeRequestRecord,
    Obstacle,
)
from gl2gh_batch.kit.git_history import is_object_id
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.merge_models import MergeRequest

READ_AHEAD: Final = 8
# GitLab's default pattern (docs: "Managing issues", closing issues automatically), as far as a look pays.
_CLOSING: Final = re.compile(
    r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)\b", re.IGNORECASE
)


async def read_merge_requests(gitlab: GitLab, source: Source) -> AsyncIterator[MergeRequestRecord]:
    """Two requests for each merge request, a third where it may close issues or nothing tells its base.

    Those whose commits are missing come last: all that is missing is fetched by SHA at once.
    """
    namespace = namespace_of(source.refs)
    missing: list[MergeRequest] = []

    async def whole(item: MergeRequest) -> MergeRequestRecord:
        return await _record(gitlab, source, item, namespace)

    async for record in ahead(_present(gitlab, source, missing), whole, most=READ_AHEAD):
        yield record
    if missing and source.fetch is not None:
        await source.fetch([item.head_sha for item in missing])
    for item in missing:
        yield await whole(item)


async def _present(
    gitlab: GitLab, source: Source, missing: list[MergeRequest]
) -> AsyncIterator[MergeRequest]:
    held = set(source.refs.values())
    async for item in gitlab.merge_requests(source.inventory.project.id):
        head = known_head(item, source.refs)
        is_absent = source.history is not None and head not in held and is_object_id(head)
        if is_absent and source.history is not None and not await source.history.has(head):
            missing.append(item)
        else:
            yield item


async def _record(gitlab: GitLab, source: Source, item: MergeRequest, namespace: str) -> MergeRequestRecord:
    project = source.inventory.project
    discussions = tuple([one async for one in gitlab.discussions(project.id, item.iid)])
    git = await git_facts(item, discussions, source.refs, source.history)
    if _is_unclear(item, git):
        told = (await gitlab.merge_request(project.id, item.iid)).diff_refs
        if told is not None and told.base_sha:
            git = await git_facts(item, discussions, source.refs, source.history, told.base_sha)
    return MergeRequestRecord(
        merge_request=item,
        discussions=discussions,
        approvals=await gitlab.approvals(project.id, item.iid),
        closes=tuple([one async for one in _closes(gitlab, source, item, git)]),
        git=git,
        namespace=namespace,
    )


def _is_unclear(item: MergeRequest, git: GitFacts) -> bool:
    """True when the history alone does not tell where the changes began."""
    if not git.head:
        return False
    taken_in = item.state == "merged" and not item.merge_commit_sha and not item.squash_commit_sha
    return taken_in or (item.state in {"closed", "merged"} and git.rebuilt is Obstacle.NO_COMMITS)


async def _closes(
    gitlab: GitLab, source: Source, item: MergeRequest, git: GitFacts
) -> AsyncIterator[ClosedIssue]:
    """The issues that it closes; asked for only where its words may close one."""
    said = (item.description or "", item.title, *(one.title for one in git.commits))
    if not source.inventory.issues_enabled or not any(_CLOSING.search(text) for text in said):
        return
    project = source.inventory.project
    async for issue in gitlab.closes_issues(project.id, item.iid):
        full = issue.references.full if issue.references else ""
        path = full.rpartition("#")[0]
        yield ClosedIssue(iid=issue.iid, project_path="" if path == project.full_path else path)
