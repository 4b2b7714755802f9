"""One issue of GitLab's, whole: what hangs on it is read with it."""

from __future__ import annotations

from gl2gh_batch.domain.errors import NotFoundError
from gl2gh_batch.kinds._issue_values import IssueRecord
from gl2gh_batch.source import models
from gl2gh_batch.source.api import GitLab


async def read_issue(
    gitlab: GitLab, project_id: int, issue: models.Issue, *, settled: bool = False
) -> IssueRecord | None:
    """An issue that a list named, with its notes; None when it was deleted meanwhile."""
    try:
        notes = gitlab.notes(project_id, issue.iid, user_notes_count=issue.user_notes_count, settled=settled)
        return IssueRecord(issue=issue, notes=tuple([note async for note in notes]))
    except NotFoundError:
        if await _is_gone(gitlab, project_id, issue.iid):
            return None
        raise


def has_changed(before: models.Issue, now: models.Issue) -> bool:
    """True when what hangs on the issue has to be read again.

    Whatever is written touches the issue (gitlabhq, `Note#touch_noteable`); that a note was deleted shows in
    the count alone.
    """
    return (before.id, before.updated_at, before.user_notes_count) != (
        now.id,
        now.updated_at,
        now.user_notes_count,
    )


async def _is_gone(gitlab: GitLab, project_id: int, iid: int) -> bool:
    try:
        await gitlab.issue(project_id, iid)
    except NotFoundError:
        return True
    return False
