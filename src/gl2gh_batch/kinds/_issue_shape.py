"""A GitLab issue with its notes in the shape that GitHub takes; pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from gl2gh_batch.domain.request import ConfidentialPolicy, SystemNotesPolicy
from gl2gh_batch.kinds._issue_details import details, original_of, person, reactions
from gl2gh_batch.kinds._issue_history import History, read_history
from gl2gh_batch.kinds._issue_losses import MOST_ASSIGNEES, desired_losses, record_losses
from gl2gh_batch.kinds._issue_relations import relations_of
from gl2gh_batch.kinds._issue_steps import fit_import
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired, IssueRecord
from gl2gh_batch.kinds._kind import Setting, Shaped
from gl2gh_batch.rewrite.attribution import Marks, TimelineEntry, attributed, timeline
from gl2gh_batch.rewrite.folding import marked
from gl2gh_batch.rewrite.length import split
from gl2gh_batch.rewrite.names import label_names
from gl2gh_batch.rewrite.text import PIECE_LIMIT_BYTES, pieces, title_to_github
from gl2gh_batch.source import models as gitlab

# Header, text, details and marker together have to be below GitHub's 65,536.
DETAILS_LIMIT_BYTES: Final = 700
NOTE_REACTIONS_LIMIT_BYTES: Final = 500
# Resolving a thread, or giving it a reaction, changes a note's `updated_at` too.
_SAME_CHANGE: Final = timedelta(minutes=1)
TYPES: Final = {
    "incident": "Incident",
    "task": "Task",
    "test_case": "Test Case",
    "requirement": "Requirement",
    "ticket": "Ticket",
}


def shape_issue(record: IssueRecord, number: int, setting: Setting) -> Shaped[IssueDesired]:
    """The issue as GitHub should have it under that number, and what is lost."""
    issue, book = record.issue, setting.book
    source = f"issues/{issue.iid}"
    url = f"{book.gitlab_url}/{book.project_path}/-/issues/{issue.iid}"
    history = read_history(record.notes)
    known, unknown = _assignees(issue, setting)
    milestone = issue.milestone if "milestones" in setting.names else None
    relations = relations_of(issue.iid, number, setting)
    first, *more = pieces(issue.description or "", book) or [""]
    every = list(details(record, history, unknown, setting))
    said = " · ".join(every)
    apart = len(said.encode()) > DETAILS_LIMIT_BYTES
    body = attributed(
        first,
        book,
        author=person(issue.author),
        at=issue.created_at,
        url=url,
        details="" if apart else said,
    )
    desired = IssueDesired(
        source=source,
        number=number,
        title=title_to_github(issue.title, book),
        body=marked(body, source),
        state="closed" if issue.state == "closed" else "open",
        state_reason=_reason(issue, history, setting),
        created_at=seconds(issue.created_at),
        # Old records may be closed without a date; the last change is the nearest there is.
        closed_at=seconds(issue.closed_at or issue.updated_at or issue.created_at)
        if issue.state == "closed"
        else None,
        updated_at=seconds(issue.updated_at) if issue.updated_at else None,
        labels=labels_of(issue.labels, setting),
        milestone=None if milestone is None else _milestone_title(milestone, setting),
        milestone_id=0 if milestone is None else milestone.id,
        assignees=known,
        locked=bool(issue.discussion_locked),
        type=TYPES.get(issue.issue_type or ""),
        parent=relations.parent,
        blocked_by=relations.blocked_by,
        relations=relations.written,
        related=relations.related,
        numbered_by="" if setting.unpromised is None else source,
        comments=(
            *_continuation(more, f"{source}/body", issue.created_at, start=2),
            *_continuation(_cut(every) if apart else [], f"{source}/details", issue.created_at),
            *_discussion(record, source, url, setting),
            *_timeline(record, source, setting),
        ),
    )
    desired = fit_import(desired)
    return Shaped(
        desired=desired,
        losses=(
            *record_losses(record, history, setting.policies),
            *desired_losses(desired, relations.beyond),
        ),
    )


def seconds(timestamp: str) -> str:
    """An ISO 8601 moment in UTC to the second, as GitHub writes it."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _continuation(texts: list[str], source: str, at: str, start: int = 1) -> Iterator[CommentDesired]:
    for place, text in enumerate(texts, start=start):
        part = f"{source}/{place}"
        yield CommentDesired(source=part, body=marked(text, part), created_at=seconds(at))


def _cut(every: list[str]) -> list[str]:
    """Details that are too long for the issue itself, one in a line, in as few comments as it takes."""
    text = "**More of this issue on GitLab**\n\n" + "".join(f"- {one}\n" for one in every)
    return [part.rstrip() for part in split(text, PIECE_LIMIT_BYTES)]


def _discussion(record: IssueRecord, source: str, url: str, setting: Setting) -> Iterator[CommentDesired]:
    reacted: dict[int, list[gitlab.AwardEmoji]] = {}
    for award in record.awards:
        if award.awardable_type == "Note" and award.awardable_id is not None:
            reacted.setdefault(award.awardable_id, []).append(award)
    for note in record.notes:
        hidden = note.is_internal and setting.policies.confidential is ConfidentialPolicy.SKIP
        if not note.system and not hidden:
            yield from _comments(note, source, url, setting, reactions(reacted.get(note.id, ())))


def _comments(
    note: gitlab.Note, source: str, url: str, setting: Setting, reacted: str
) -> Iterator[CommentDesired]:
    identity = f"{source}/notes/{note.id}"
    first, *more = pieces(note.body or "", setting.book) or [""]
    said = f"Reactions: {reacted}" if reacted else ""
    apart = len(said.encode()) > NOTE_REACTIONS_LIMIT_BYTES
    text = attributed(
        first,
        setting.book,
        author=person(note.author),
        at=note.created_at,
        url=f"{url}#note_{note.id}",
        marks=_marks(note),
        details="" if apart else said,
    )
    yield CommentDesired(source=identity, body=marked(text, identity), created_at=seconds(note.created_at))
    yield from _continuation(more, identity, note.created_at, start=2)
    if apart:
        yield from _continuation(split(said, PIECE_LIMIT_BYTES), f"{identity}/reactions", note.created_at)


def _marks(note: gitlab.Note) -> Marks:
    edited = note.updated_at
    if note.resolved_at and _near(edited, note.resolved_at):
        edited = ""
    return Marks(
        edited_at=edited,
        internal=note.is_internal,
        resolved=bool(note.resolved),
        resolved_by=person(note.resolved_by),
    )


def _near(one: str, other: str) -> bool:
    try:
        return abs(datetime.fromisoformat(one) - datetime.fromisoformat(other)) < _SAME_CHANGE
    except (ValueError, TypeError):
        return False


def _timeline(record: IssueRecord, source: str, setting: Setting) -> Iterator[CommentDesired]:
    """What GitLab noted by itself, behind everything that people wrote."""
    if setting.policies.system_notes is SystemNotesPolicy.SKIP:
        return
    noted = [note for note in record.notes if note.system and (note.body or "").strip()]
    entries = [
        TimelineEntry(author=person(note.author), at=note.created_at, text=note.body or "") for note in noted
    ]
    if entries:
        latest = max((note.created_at for note in record.notes), key=seconds)
        yield from _continuation(timeline(entries, setting.book), f"{source}/timeline", latest)


def _reason(issue: gitlab.Issue, history: History, setting: Setting) -> str | None:
    """Why it was closed, in GitHub's words; None while it is open, `completed` where GitLab says nothing."""
    if issue.state != "closed":
        return None
    if original_of(issue, history, setting):
        return "duplicate"
    if issue.moved_to_id is not None or history.moved_to is not None:
        return "not_planned"
    return "completed"


def _assignees(issue: gitlab.Issue, setting: Setting) -> tuple[tuple[str, ...], tuple[gitlab.User, ...]]:
    """The GitHub logins of the assignees, and those who have none."""
    known: list[str] = []
    unknown: list[gitlab.User] = []
    for user in issue.assignees or ():
        mapping = setting.book.user(user.username)
        if mapping is None or mapping.github_login is None or len(known) == MOST_ASSIGNEES:
            unknown.append(user)
        elif mapping.github_login not in known:
            known.append(mapping.github_login)
    return tuple(known), tuple(unknown)


def labels_of(names: Collection[str], setting: Setting) -> tuple[str, ...]:
    """What labels are called on GitHub, without those that are dropped; unlisted ones keep their names."""
    if "labels" not in setting.names:
        return ()  # the request skips them, and GitHub takes no issue with a label that is not there
    known = setting.names["labels"]
    others = label_names((name for name in names if name not in known), setting.policies.labels)
    given = (known[name] if name in known else others[name] for name in names)
    return tuple(dict.fromkeys(name for name in given if name))


def _milestone_title(milestone: gitlab.Milestone, setting: Setting) -> str:
    return setting.names["milestones"].get(f"id:{milestone.id}", milestone.title)
