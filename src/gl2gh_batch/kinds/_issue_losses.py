"""What of an issue GitHub has no place for, not even in words; and what is not read of GitLab."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import ConfidentialPolicy, IssueDetails, Policies, SystemNotesPolicy
from gl2gh_batch.kinds._issue_history import History
from gl2gh_batch.kinds._issue_values import IssueDesired, IssueRecord

KIND: Final = "issues"
MOST_ASSIGNEES: Final = 10


def kind_losses(policies: Policies) -> Iterator[Loss]:
    """What every issue of a project loses, said once."""

    def loss(item: str, what: str, reason: str) -> Loss:
        return Loss(kind=KIND, item=f"{KIND}/{item}", what=what, reason=reason)

    yield loss(
        "authors",
        "who wrote issues and comments, as their author on GitHub",
        "GitHub takes the owner of the token for the author; a line above each text names the real one",
    )
    yield loss(
        "events",
        "changes of labels, milestones, iterations and weights, with their dates",
        "GitLab keeps them apart from notes, for several requests for each issue: they are not read",
    )
    yield loss(
        "subscribers",
        "who is subscribed to an issue, and to-dos",
        "GitLab tells them to each user about himself only",
    )
    yield loss(
        "threads",
        "which comments answer which",
        "comments on GitHub's issues have no threads; they stand in the order of their dates",
    )
    yield loss(
        "unread",
        "order on boards, time logs one by one, older versions of designs, CRM contacts and linked"
        " feature flags",
        "GitLab's REST API does not tell them; time is told as its sum, links of issues are carried",
    )
    if policies.system_notes is SystemNotesPolicy.SKIP:
        yield loss(
            "system notes",
            "what GitLab noted by itself, and what only that tells: moves, parents, designs, most links",
            "the policy is to skip it (system_notes); it is not read",
        )
    if policies.issue_details is IssueDetails.COUNTED:
        yield loss(
            "reactions",
            "reactions to comments, and others than thumbs to issues without thumbs",
            "GitLab does not count them, and wants a request for each: issue_details: all reads them",
        )
    if policies.issues_via == "rest":
        yield loss(
            "dates",
            "when issues and comments were made, changed and closed, as their dates on GitHub",
            "the ordinary endpoints take no dates; the texts tell them",
        )
        return
    yield loss(
        "reasons",
        "why an issue was closed (as a duplicate), as its reason on GitHub",
        "issue imports take none, and closing it again would change the date; the text tells it",
    )


def record_losses(record: IssueRecord, history: History, policies: Policies) -> Iterator[Loss]:
    """What this one issue loses beside."""
    issue = record.issue
    item = f"{KIND}/{issue.iid}"

    def loss(what: str, reason: str, rest: str = "") -> Loss:
        return Loss(kind=KIND, item=f"{item}{rest}", what=what, reason=reason)

    if len(issue.assignees or ()) > MOST_ASSIGNEES:
        yield loss("assignees beyond the tenth, as assignees", "GitHub takes ten; the names are in the text")
    if issue.moved_to_id is not None and history.moved_to is None:
        yield loss(
            "the link to where it was moved", "GitLab tells an id only; what its notes tell was not read"
        )
    if issue.service_desk_reply_to:
        yield loss("the e-mail address of who wrote it", "it is personal, and GitHub has no service desk")
    if history.mentions_designs and record.designs is None:
        yield loss("its designs", "GitLab's GraphQL API did not tell them; the timeline tells of them")
    for design in record.designs or ():
        if design.notes_count:
            yield loss(
                f"{design.notes_count} comments on its design {design.filename!r}",
                "they are about places in a picture, and are not read",
                f"/designs/{design.id}",
            )
    for name in issue.unknown:
        yield loss(f"the field {name}", "this version has not heard of it")
    if issue.confidential:
        yield loss("that it is confidential", "everybody who may read the repository reads it")
    system = sum(note.system for note in record.notes)
    if system and policies.system_notes is SystemNotesPolicy.SKIP:
        yield loss(f"{system} notes of GitLab's own", "the policy is to skip them (system_notes)")
    for note in record.notes:
        if note.system or not note.is_internal:
            continue
        if policies.confidential is ConfidentialPolicy.SKIP:
            yield loss(
                f"the internal note {note.id} on #{issue.iid}",
                "GitHub has no internal comments; the policy is to skip them",
                f"/notes/{note.id}",
            )
        else:
            yield loss(
                f"that the note {note.id} is internal",
                "everybody who may read the repository reads it",
                f"/notes/{note.id}",
            )


def desired_losses(desired: IssueDesired, beyond: int) -> Iterator[Loss]:
    """What follows from how it is written."""
    if beyond:
        yield Loss(
            kind=KIND,
            item=desired.source,
            what=f"{beyond} of its relations, as relations",
            reason="GitHub takes 100 sub-issues and 50 dependencies of an issue; the text names all",
        )
    if desired.dated:
        undated = sum(not comment.dated for comment in desired.comments)
        if undated:
            yield Loss(
                kind=KIND,
                item=f"{desired.source}/comments",
                what=f"the dates of the last {undated} comments, as their dates on GitHub",
                reason="an import holds 1 MB; what follows by itself takes no date; the texts tell it",
            )
