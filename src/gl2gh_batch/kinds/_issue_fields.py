"""What becomes of every field that GitLab's REST API has for issues and what belongs to them.

The tables name all that the documentation, GitLab's own schemas and recorded answers show. A field of an
issue that is in none is told as a loss when it holds something (`Issue.unknown`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Fate(StrEnum):
    """What becomes of a field: on GitHub, in words, seen from another one, of no use there, or lost."""

    CARRIED = "carried"
    TEXT = "text"
    DERIVED = "derived"
    IRRELEVANT = "irrelevant"
    LOST = "lost"


CARRIED, TEXT, DERIVED = Fate.CARRIED, Fate.TEXT, Fate.DERIVED
IRRELEVANT, LOST = Fate.IRRELEVANT, Fate.LOST

# Field → its fate, and why: for a lost one, a word of the loss that tells it.
ISSUE: Final[Mapping[str, tuple[Fate, str]]] = {
    "_links": (DERIVED, "addresses of the API; closed_as_duplicate_of is the reason of closing"),
    "assignee": (DERIVED, "the first of assignees"),
    "assignees": (CARRIED, "ten as assignees, the rest in words"),
    "author": (TEXT, "the line above the text"),
    "blocking_issues_count": (DERIVED, "counts links"),
    "closed_at": (CARRIED, "by an import; in words too"),
    "closed_by": (TEXT, "Closed by"),
    "confidential": (LOST, "that it is confidential"),
    "created_at": (CARRIED, "by an import; in words too"),
    "description": (CARRIED, "rewritten"),
    "discussion_locked": (CARRIED, "as a lock without reason"),
    "downvotes": (DERIVED, "counts award emoji"),
    "due_date": (TEXT, "Due on"),
    "epic": (TEXT, "Epic"),
    "epic_iid": (DERIVED, "the iid of epic"),
    "has_tasks": (DERIVED, "boxes in the text"),
    "health_status": (TEXT, "Health"),
    "id": (IRRELEVANT, "GitLab's own count"),
    "iid": (CARRIED, "as its number"),
    "imported": (DERIVED, "imported_from says more"),
    "imported_from": (TEXT, "Came to GitLab from"),
    "issue_type": (CARRIED, "as a type where the organisation has it; in words too"),
    "iteration": (TEXT, "Iteration"),
    "labels": (CARRIED, "by their names on GitHub"),
    "merge_requests_count": (DERIVED, "counts mentions, which are in the timeline"),
    "milestone": (CARRIED, "by its title on GitHub"),
    "moved_to_id": (TEXT, "Moved to"),
    "project_id": (DERIVED, "the repository"),
    "references": (DERIVED, "the number and the repository"),
    "service_desk_reply_to": (LOST, "e-mail address"),
    "severity": (TEXT, "Severity"),
    "start_date": (TEXT, "Starts on"),
    "state": (CARRIED, "open or closed"),
    "subscribed": (LOST, "subscribed"),
    "task_completion_status": (DERIVED, "boxes in the text"),
    "task_status": (DERIVED, "boxes in the text"),
    "time_stats": (TEXT, "Estimate and Spent"),
    "title": (CARRIED, "on one line, 256 characters"),
    "type": (DERIVED, "issue_type in capitals"),
    "updated_at": (CARRIED, "by an import"),
    "upvotes": (DERIVED, "counts award emoji"),
    "user_notes_count": (DERIVED, "counts notes"),
    "web_url": (TEXT, "the link to the original"),
    "weight": (TEXT, "Weight"),
}
NOTE: Final[Mapping[str, tuple[Fate, str]]] = {
    "attachment": (IRRELEVANT, "null since GitLab 9: attachments are links in the text"),
    "author": (TEXT, "the line above the text"),
    "body": (CARRIED, "rewritten"),
    "commands_changes": (IRRELEVANT, "what a quick action did is in the issue"),
    "commit_id": (IRRELEVANT, "of merge requests only"),
    "confidential": (DERIVED, "the older name of internal"),
    "created_at": (CARRIED, "by an import; in words too"),
    "id": (TEXT, "in the link to the original"),
    "imported": (IRRELEVANT, "tells how it came to GitLab"),
    "imported_from": (IRRELEVANT, "tells how it came to GitLab"),
    "internal": (LOST, "internal"),
    "noteable_id": (DERIVED, "its issue"),
    "noteable_iid": (DERIVED, "its issue"),
    "noteable_type": (DERIVED, "its issue"),
    "position": (IRRELEVANT, "of merge requests and designs only"),
    "project_id": (DERIVED, "the repository"),
    "resolvable": (DERIVED, "resolved says what matters"),
    "resolved": (TEXT, "thread resolved"),
    "resolved_at": (TEXT, "tells an edit from a resolving"),
    "resolved_by": (TEXT, "thread resolved by"),
    "suggestions": (IRRELEVANT, "of merge requests only"),
    "system": (CARRIED, "the timeline"),
    "type": (LOST, "which comments answer which"),
    "updated_at": (TEXT, "edited on"),
}
AWARD: Final[Mapping[str, tuple[Fate, str]]] = {
    "awardable_id": (DERIVED, "the issue or note"),
    "awardable_type": (DERIVED, "the issue or note"),
    "created_at": (IRRELEVANT, "nobody asks when a thumb was raised"),
    "id": (IRRELEVANT, "GitLab's own count"),
    "name": (TEXT, "Reactions"),
    "updated_at": (IRRELEVANT, "the same as created_at"),
    "url": (DERIVED, "the picture of an emoji of the group"),
    "user": (TEXT, "Reactions, by name"),
}
LABEL: Final[Mapping[str, tuple[Fate, str]]] = {
    "archived": (LOST, "archived"),
    "closed_issues_count": (DERIVED, "counts issues"),
    "color": (CARRIED, "six digits"),
    "description": (CARRIED, "100 characters"),
    "description_html": (DERIVED, "the description"),
    "id": (IRRELEVANT, "GitLab's own count"),
    "is_project_label": (LOST, "a group's"),
    "name": (CARRIED, "50 characters, by the rules of the request"),
    "open_issues_count": (DERIVED, "counts issues"),
    "open_merge_requests_count": (DERIVED, "counts merge requests"),
    "priority": (LOST, "priority"),
    "subscribed": (IRRELEVANT, "tells of the token's own user"),
    "text_color": (DERIVED, "GitHub chooses one that can be read"),
}
MILESTONE: Final[Mapping[str, tuple[Fate, str]]] = {
    "created_at": (LOST, "when milestones were made"),
    "description": (CARRIED, "rewritten"),
    "due_date": (CARRIED, "as a date"),
    "expired": (DERIVED, "the due date"),
    "group_id": (LOST, "a group's"),
    "id": (IRRELEVANT, "GitLab's own count"),
    "iid": (LOST, "their numbers"),
    "issue_stats": (DERIVED, "counts issues"),
    "project_id": (DERIVED, "the repository"),
    "start_date": (TEXT, "Start date"),
    "state": (CARRIED, "open or closed"),
    "title": (CARRIED, "255 characters, each once"),
    "updated_at": (LOST, "when milestones were made"),
    "web_url": (DERIVED, "the project and the iid"),
}
