"""Merge requests with their discussions and approvals, from GitLab, and their commits, from the mirror."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Final

from gl2gh_batch.domain.errors import NotFoundError, about
from gl2gh_batch.kinds._ahead import ahead
from gl2gh_batch.kinds._kind import Source
from gl2gh_batch.kinds._merge_request_git import git_facts, known_head, namespace_of
from gl2gh_batch.kinds._merge_request_values import (
    ClosedIssue,
    GitFacts,
    MergeRequestRecord,
    Obstacle,
)
from gl2gh_batch.kit.git_history import object_ids
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.merge_models import MergeRequest
from gl2gh_batch.source.models import ExternalIssue

READ_AHEAD: Final = 8
# GitLab's default pattern (docs: "Managing issues", closing issues automatically), as far as a look pays.
_CLOSING: Final = re.compile(
    r"\b(?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?)\b", re.IGNORECASE
)
# What is closed where the project has no issues of its own: those of an external tracker, of other projects.
_ELSEWHERE: Final = re.compile(r"\b[A-Za-z][A-Za-z0-9_]*-[0-9]|#[A-Za-z0-9]|://")


async def read_merge_requests(gitlab: GitLab, source: Source) -> AsyncIterator[MergeRequestRecord]:
    """Two requests for each merge request, a third where it may close issues or nothing tells its base.

    Those whose commits are missing come last: all that is missing is fetched by SHA at once. One that was
    deleted after the list named it is left out.
    """
    namespace = namespace_of(source.refs)

    async def whole(item: MergeRequest) -> MergeRequestRecord | None:
        return await _record(gitlab, source, item, namespace)

    async for record in _all_of(gitlab, source, whole, _Held(source).lacking):
        yield record


async def read_again(
    gitlab: GitLab, source: Source, before: Callable[[str], MergeRequestRecord | None]
) -> AsyncIterator[MergeRequestRecord]:
    """The list once more, and what changed since it was read: nothing is asked about the others.

    Commits that were missing are asked for a second time: GitLab gives none of them when it refuses one,
    as it does that of a merge request which is deleted.
    """
    namespace = namespace_of(source.refs)
    held = _Held(source)

    def is_known(item: MergeRequest) -> bool:
        known = before(str(item.iid))
        return known is not None and not has_changed(known.merge_request, item)

    async def lacking(item: MergeRequest) -> list[str]:
        return await (held.lacking_head(item) if is_known(item) else held.lacking(item))

    async def current(item: MergeRequest) -> MergeRequestRecord | None:
        known = before(str(item.iid))
        if known is not None and is_known(item):
            was_headless = source.history is not None and known.git.rebuilt is Obstacle.NO_HEAD
            if not was_headless or await held.lacking_head(item):
                return replace(known, merge_request=item)  # a label renamed meanwhile changes no date
        return await _record(gitlab, source, item, namespace, settled=True)

    async for record in _all_of(gitlab, source, current, lacking):
        yield record


def has_changed(before: MergeRequest, now: MergeRequest) -> bool:
    """True when what hangs on the merge request has to be read again.

    Whatever is written touches it (gitlabhq, `Note#touch_noteable`; a push does, too); that a note or a
    reaction was deleted shows in the count alone.
    """
    return _told(before) != _told(now)


def _told(item: MergeRequest) -> tuple[object, ...]:
    return (
        item.id,
        item.updated_at,
        item.user_notes_count,
        item.upvotes,
        item.downvotes,
        item.state,
        item.head_sha,
        item.source_branch,
        item.target_branch,
        item.merge_commit_sha,
        item.squash_commit_sha,
    )


async def _all_of(
    gitlab: GitLab,
    source: Source,
    work: Callable[[MergeRequest], Awaitable[MergeRequestRecord | None]],
    lacking: Callable[[MergeRequest], Awaitable[list[str]]],
) -> AsyncIterator[MergeRequestRecord]:
    """`work` for each one; those with missing commits wait until all that is missing was fetched."""
    missing: list[MergeRequest] = []
    shas: list[str] = []

    async def present() -> AsyncIterator[MergeRequest]:
        async for item in gitlab.merge_requests(source.inventory.project.id):
            if lacked := await lacking(item):
                missing.append(item)
                shas.extend(lacked)
            else:
                yield item

    async for record in ahead(present(), work, most=READ_AHEAD):
        if record is not None:
            yield record
    if missing and source.fetch is not None:
        await source.fetch(shas)
    for item in missing:
        record = await work(item)
        if record is not None:
            yield record


class _Held:
    """What the mirror holds of the commits that GitLab names."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tips = set(source.refs.values())

    async def lacking_head(self, item: MergeRequest) -> list[str]:
        """The last commit of its changes, when it is not there."""
        return await self._lacking(known_head(item, self._source.refs))

    async def lacking(self, item: MergeRequest) -> list[str]:
        """The ends of its changes that are not there: the last commit, and what it was merged as."""
        head = known_head(item, self._source.refs)
        return await self._lacking(head, item.merge_commit_sha, item.squash_commit_sha)

    async def _lacking(self, *shas: str | None) -> list[str]:
        history = self._source.history
        if history is None:
            return []
        return [one for one in object_ids(shas) if one not in self._tips and not await history.has(one)]


async def _record(
    gitlab: GitLab, source: Source, item: MergeRequest, namespace: str, *, settled: bool = False
) -> MergeRequestRecord | None:
    """One that a list named, with what hangs on it; None when it was deleted meanwhile."""
    with about(f"merge_requests/{item.iid}"):
        try:
            return await _whole(gitlab, source, item, namespace, settled=settled)
        except NotFoundError:
            if await _is_gone(gitlab, source, item):
                return None
            raise


async def _is_gone(gitlab: GitLab, source: Source, item: MergeRequest) -> bool:
    try:
        await gitlab.merge_request(source.inventory.project.id, item.iid)
    except NotFoundError:
        return True
    return False


async def _whole(
    gitlab: GitLab, source: Source, item: MergeRequest, namespace: str, *, settled: bool
) -> MergeRequestRecord:
    project = source.inventory.project
    listed = gitlab.discussions(project.id, item.iid, settled=settled)
    discussions = tuple([one async for one in listed])
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
    said = tuple(text for text in said if _CLOSING.search(text))
    if not source.inventory.issues_enabled:
        said = tuple(text for text in said if _ELSEWHERE.search(text))
    if not said:
        return
    project = source.inventory.project
    async for issue in gitlab.closes_issues(project.id, item.iid):
        if isinstance(issue, ExternalIssue):
            yield ClosedIssue(iid=0, external=issue.id, title=issue.title)
            continue
        full = issue.references.full if issue.references else ""
        path = full.rpartition("#")[0]
        yield ClosedIssue(iid=issue.iid, project_path="" if path == project.full_path else path)
