"""An issue with what hangs on it, in as few requests as GitLab's REST API allows.

Of notes there is one request for each issue (for those that have none only when GitLab's own are wanted,
which no count tells of). Reactions: `upvotes` and `downvotes` of the list tell of thumbs, and nothing tells
of other emoji or of reactions to notes. Links: `blocking_issues_count` of the list, or a note that speaks of
one. Designs: GraphQL, ten issues in a request, where a note speaks of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from gl2gh_batch.domain.errors import NotFoundError, about
from gl2gh_batch.domain.request import ConfidentialPolicy, IssueDetails, Policies, SystemNotesPolicy
from gl2gh_batch.kinds._issue_history import read_history
from gl2gh_batch.kinds._issue_values import IssueRecord
from gl2gh_batch.kinds._kind import Source
from gl2gh_batch.source import models
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.designs import ISSUES_A_QUERY, read_designs


async def read_issue(
    gitlab: GitLab, project_id: int, issue: models.Issue, policies: Policies, *, settled: bool = False
) -> IssueRecord | None:
    """An issue that a list named, with what hangs on it; None when it was deleted meanwhile."""
    with about(f"issues/{issue.iid}"):
        try:
            return await _whole(gitlab, project_id, issue, policies, settled=settled)
        except NotFoundError:
            if await _is_gone(gitlab, project_id, issue.iid):
                return None
            raise


async def with_designs(
    gitlab: GitLab, source: Source, records: AsyncIterator[IssueRecord | None]
) -> AsyncIterator[IssueRecord]:
    """The records, in another order: those whose notes tell of designs have them, asked for by the dozen.

    Issues that are not carried over are not asked about.
    """
    hides = source.policies.confidential is ConfidentialPolicy.SKIP
    waiting: list[IssueRecord] = []
    async for record in records:
        if record is None:
            continue
        if not read_history(record.notes).mentions_designs or (hides and record.issue.confidential):
            yield record
            continue
        waiting.append(record)
        if len(waiting) == ISSUES_A_QUERY:
            for one in await _designed(gitlab, source, waiting):
                yield one
            waiting = []
    if waiting:
        for one in await _designed(gitlab, source, waiting):
            yield one


async def _designed(gitlab: GitLab, source: Source, records: list[IssueRecord]) -> list[IssueRecord]:
    iids = [one.issue.iid for one in records]
    found = await read_designs(gitlab, source.inventory.project.full_path, iids)
    if found is None:
        return records
    return [replace(one, designs=found.get(one.issue.iid)) for one in records]


async def _whole(
    gitlab: GitLab, project_id: int, issue: models.Issue, policies: Policies, *, settled: bool
) -> IssueRecord:
    listed = gitlab.notes(
        project_id,
        issue.iid,
        user_notes_count=issue.user_notes_count,
        system=policies.system_notes is SystemNotesPolicy.TIMELINE,
        settled=settled,
    )
    notes = tuple([note async for note in listed])
    every = policies.issue_details is IssueDetails.ALL
    awards: list[models.AwardEmoji] = []
    if every or issue.upvotes or issue.downvotes:
        awards += [award async for award in gitlab.awards(project_id, issue.iid)]
    if every:
        for note in notes:
            if not note.system:
                awards += [award async for award in gitlab.awards(project_id, issue.iid, note.id)]
    links: list[models.IssueLink] = []
    if every or issue.blocking_issues_count or read_history(notes).mentions_links:
        links = [link async for link in gitlab.issue_links(project_id, issue.iid)]
    return IssueRecord(issue=issue, notes=notes, awards=tuple(awards), links=tuple(links))


def has_changed(before: models.Issue, now: models.Issue) -> bool:
    """True when what hangs on the issue has to be read again.

    Whatever is written touches the issue (gitlabhq, `Note#touch_noteable`); that a note was deleted shows in
    the count alone, and so does a reaction or a link.
    """
    return _counted(before) != _counted(now)


def _counted(issue: models.Issue) -> tuple[object, ...]:
    return (
        issue.id,
        issue.updated_at,
        issue.user_notes_count,
        issue.upvotes,
        issue.downvotes,
        issue.blocking_issues_count,
    )


async def _is_gone(gitlab: GitLab, project_id: int, iid: int) -> bool:
    try:
        await gitlab.issue(project_id, iid)
    except NotFoundError:
        return True
    return False
