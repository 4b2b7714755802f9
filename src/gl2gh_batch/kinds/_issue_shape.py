"""A GitLab issue with its notes in the shape that GitHub takes; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import ConfidentialPolicy
from gl2gh_batch.kinds._issue_steps import fit_import
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired, IssueRecord
from gl2gh_batch.kinds._kind import Setting, Shaped
from gl2gh_batch.rewrite.attribution import attributed, plain_words
from gl2gh_batch.rewrite.markers import marker
from gl2gh_batch.rewrite.names import label_names
from gl2gh_batch.rewrite.text import pieces, title_to_github
from gl2gh_batch.source import models as gitlab

KIND: Final = "issues"
MOST_ASSIGNEES: Final = 10


def shape_issue(record: IssueRecord, number: int, setting: Setting) -> Shaped[IssueDesired]:
    """The issue as GitHub should have it under that number, and what is lost."""
    issue, book = record.issue, setting.book
    source = f"issues/{issue.iid}"
    url = f"{book.gitlab_url}/{book.project_path}/-/issues/{issue.iid}"
    known, unknown = _assignees(issue, setting)
    milestone = issue.milestone if "milestones" in setting.names else None
    first, *more = pieces(issue.description or "", book) or [""]
    body = attributed(first, book, author=_person(issue.author), at=issue.created_at, url=url)
    details = " · ".join(_details(issue, unknown))
    if details:
        body = f"{body}\n\n> {details}"
    comments = [
        CommentDesired(
            source=f"{source}/body/{place}",
            body=f"{piece}\n\n{marker(f'{source}/body/{place}')}",
            created_at=seconds(issue.created_at),
        )
        for place, piece in enumerate(more, start=2)
    ]
    losses = list(_losses(issue, source))
    for note in record.notes:
        if note.is_internal and setting.policies.confidential is ConfidentialPolicy.SKIP:
            losses.append(
                Loss(
                    kind=KIND,
                    item=f"{source}/notes/{note.id}",
                    what=f"the internal note {note.id} on #{issue.iid}",
                    reason="GitHub has no internal comments; the policy is to skip them",
                )
            )
        else:
            comments.extend(_comments(note, source, url, setting))
    desired = IssueDesired(
        source=source,
        number=number,
        title=title_to_github(issue.title, book),
        body=f"{body}\n\n{marker(source)}",
        state="closed" if issue.state == "closed" else "open",
        created_at=seconds(issue.created_at),
        # Old records may be closed without a date; the last change is the nearest there is.
        closed_at=seconds(issue.closed_at or issue.updated_at or issue.created_at)
        if issue.state == "closed"
        else None,
        updated_at=seconds(issue.updated_at) if issue.updated_at else None,
        labels=_labels(issue, setting),
        milestone=None if milestone is None else _milestone_title(milestone, setting),
        milestone_id=0 if milestone is None else milestone.id,
        assignees=known,
        locked=bool(issue.discussion_locked),
        comments=tuple(comments),
    )
    return Shaped(desired=fit_import(desired), losses=tuple(losses))


def seconds(timestamp: str) -> str:
    """An ISO 8601 moment in UTC to the second, as GitHub writes it."""
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return timestamp
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _comments(note: gitlab.Note, source: str, url: str, setting: Setting) -> Iterator[CommentDesired]:
    identity = f"{source}/notes/{note.id}"
    for place, piece in enumerate(pieces(note.body or "", setting.book) or [""], start=1):
        part = identity if place == 1 else f"{identity}/{place}"
        text = (
            attributed(
                piece,
                setting.book,
                author=_person(note.author),
                at=note.created_at,
                url=f"{url}#note_{note.id}",
            )
            if place == 1
            else piece
        )
        yield CommentDesired(
            source=part,
            body=f"{text}\n\n{marker(part)}",
            created_at=seconds(note.created_at),
        )


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


def _labels(issue: gitlab.Issue, setting: Setting) -> tuple[str, ...]:
    """The names of the labels on GitHub; one that the project does not list keeps its own."""
    if "labels" not in setting.names:
        return ()  # the request skips them, and GitHub takes no issue with a label that is not there
    known = setting.names["labels"]
    others = label_names(name for name in issue.labels if name not in known)
    return tuple(dict.fromkeys(known.get(name) or others[name] for name in issue.labels))


def _milestone_title(milestone: gitlab.Milestone, setting: Setting) -> str:
    return setting.names["milestones"].get(f"id:{milestone.id}", milestone.title)


def _details(issue: gitlab.Issue, unknown: tuple[gitlab.User, ...]) -> Iterator[str]:
    """What GitHub has no field for, in words."""
    if unknown:
        names = ", ".join(plain_words(user.name or user.username) for user in unknown)
        yield f"Assigned to {names}"
    if issue.issue_type not in {None, "issue"}:
        yield f"Type: {plain_words(str(issue.issue_type))}"
    if issue.due_date:
        yield f"Due on {plain_words(issue.due_date)}"
    if issue.weight is not None:
        yield f"Weight: {issue.weight}"
    if issue.health_status:
        yield f"Health: {plain_words(issue.health_status)}"
    stats = issue.time_stats
    if stats is not None and stats.time_estimate:
        yield f"Estimate: {plain_words(stats.human_time_estimate or f'{stats.time_estimate} s')}"
    if stats is not None and stats.total_time_spent:
        yield f"Spent: {plain_words(stats.human_total_time_spent or f'{stats.total_time_spent} s')}"
    if issue.iteration is not None and (issue.iteration.title or issue.iteration.start_date):
        yield f"Iteration: {plain_words(issue.iteration.title or str(issue.iteration.start_date))}"
    if issue.epic is not None:
        yield f"Epic: {plain_words(issue.epic.title or str(issue.epic.iid))}"
    if issue.upvotes or issue.downvotes:
        yield f"👍 {issue.upvotes} 👎 {issue.downvotes}"
    if issue.confidential:
        yield "Confidential on GitLab"


def _losses(issue: gitlab.Issue, source: str) -> Iterator[Loss]:
    def loss(what: str, reason: str) -> Loss:
        return Loss(kind=KIND, item=source, what=what, reason=reason)

    if len(issue.assignees or ()) > MOST_ASSIGNEES:
        yield loss("assignees beyond the tenth, as assignees", "GitHub takes ten; the names are in the text")
    if issue.moved_to_id is not None:
        yield loss("the link to where it was moved", "this version does not carry it over")


def _person(user: gitlab.User | None) -> Person | None:
    if user is None:
        return None
    return Person(username=user.username, name=user.name, id=user.id, web_url=user.web_url)
