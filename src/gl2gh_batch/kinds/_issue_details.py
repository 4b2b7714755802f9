"""What GitHub has no field for, in words below the text of an issue or comment; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, unquote

from gl2gh_batch.domain.people import Person
from gl2gh_batch.kinds._issue_history import History, IssueName
from gl2gh_batch.kinds._issue_values import IssueRecord
from gl2gh_batch.kinds._kind import Setting
from gl2gh_batch.rewrite.attribution import moment_text, plain_words
from gl2gh_batch.rewrite.text import to_github
from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source.designs import Design

# GitLab allows 255 characters in titles; nothing of them is cut.
TITLE_LIMIT: Final = 1000
EMOJI: Final = {
    "thumbsup": "👍",
    "thumbsdown": "👎",
    "laughing": "😄",
    "smile": "😄",
    "tada": "🎉",
    "confused": "😕",
    "heart": "❤️",
    "rocket": "🚀",
    "eyes": "👀",
}
_PATH: Final = re.compile(r"[\w.\-]+(?:/[\w.\-]+)+")
_DUPLICATE_URL: Final = re.compile(r"/projects/(?P<project>[^/]+)/issues/(?P<iid>[0-9]{1,9})$")


def details(
    record: IssueRecord, history: History, unknown: Iterable[gitlab.User], setting: Setting
) -> Iterator[str]:
    """One thing in each text: safe Markdown without line breaks."""
    issue = record.issue
    yield from _state(issue, history, setting)
    names = ", ".join(_words(user.name or user.username) for user in unknown)
    if names:
        yield f"Assigned to {names}"
    yield from _fields(issue)
    yield from _related(record, history, setting)
    if record.designs:
        yield f"Designs: {', '.join(_design(one, issue, setting) for one in record.designs)}"
    if reacted := reactions(award for award in record.awards if award.awardable_type != "Note"):
        yield f"Reactions: {reacted}"
    elif issue.upvotes or issue.downvotes:
        yield f"Reactions: 👍 {issue.upvotes} 👎 {issue.downvotes}"
    if issue.confidential:
        yield "Confidential on GitLab"


def reactions(awards: Iterable[gitlab.AwardEmoji]) -> str:
    """`👍 2 (Ann, Ben) 🎉 1 (Eve)`: how many of each, and whose; empty for none."""
    by_name: dict[str, list[str]] = {}
    for award in awards:
        who = award.user.name or award.user.username if award.user is not None else "somebody"
        by_name.setdefault(award.name, []).append(_words(who))
    return " ".join(
        f"{EMOJI.get(name) or _words(name)} {len(people)} ({', '.join(people)})"
        for name, people in by_name.items()
    )


def person(user: gitlab.User | None) -> Person | None:
    """Somebody whom a record names; None where it names nobody."""
    if user is None:
        return None
    return Person(username=user.username, name=user.name, id=user.id, web_url=user.web_url)


def original_of(issue: gitlab.Issue, history: History, setting: Setting) -> str:
    """What this issue was closed as a duplicate of, as Markdown; empty when it was not."""
    if found := _DUPLICATE_URL.search(issue.duplicate_of):
        project, iid = unquote(found["project"]), int(found["iid"])
        if project == str(setting.inventory.project.id):
            return _reference(IssueName(project="", iid=iid), setting)
        if _PATH.fullmatch(project):
            return _reference(IssueName(project=project, iid=iid), setting)
    if issue.duplicate_of or history.duplicate_of is not None:
        return _reference(history.duplicate_of, setting) if history.duplicate_of else "another issue"
    return ""


def _state(issue: gitlab.Issue, history: History, setting: Setting) -> Iterator[str]:
    if issue.state == "closed":
        by = _words(issue.closed_by.name or issue.closed_by.username) if issue.closed_by else ""
        at = moment_text(issue.closed_at or "")
        said = [f"by {by}" if by else "", f"on {at}" if at else ""]
        original = original_of(issue, history, setting)
        yield " ".join(
            one for one in ("Closed", f"as a duplicate of {original}" if original else "", *said) if one
        )
    if history.moved_to is not None:
        yield f"Moved to {_reference(history.moved_to, setting)}"
    elif issue.moved_to_id is not None:
        yield "Moved to another project"
    if history.moved_from is not None:
        yield f"Moved from {_reference(history.moved_from, setting)}"


def _fields(issue: gitlab.Issue) -> Iterator[str]:
    if issue.issue_type not in {None, "issue"}:
        yield f"Type: {_words(str(issue.issue_type))}"
    if (issue.severity or "UNKNOWN").upper() != "UNKNOWN":
        yield f"Severity: {_words(str(issue.severity).lower())}"
    if issue.start_date:
        yield f"Starts on {_words(issue.start_date)}"
    if issue.due_date:
        yield f"Due on {_words(issue.due_date)}"
    if issue.weight is not None:
        yield f"Weight: {issue.weight}"
    if issue.health_status:
        yield f"Health: {_words(issue.health_status)}"
    stats = issue.time_stats
    if stats is not None and stats.time_estimate:
        yield f"Estimate: {_words(stats.human_time_estimate or f'{stats.time_estimate} s')}"
    if stats is not None and stats.total_time_spent:
        yield f"Spent: {_words(stats.human_total_time_spent or f'{stats.total_time_spent} s')}"
    iteration = issue.iteration
    if iteration is not None:
        dates = " to ".join(one for one in (iteration.start_date, iteration.due_date) if one)
        named = " ".join(
            one for one in (_words(iteration.title or ""), f"({_words(dates)})" if dates else "") if one
        )
        yield f"Iteration: {named or iteration.iid or iteration.id}"
    if issue.epic is not None:
        yield f"Epic: {_words(issue.epic.title or '')} (&amp;{issue.epic.iid})".replace(":  (", ": (")
    if (issue.imported_from or "none") != "none":
        yield f"Came to GitLab from {_words(str(issue.imported_from))}"


def _design(design: Design, issue: gitlab.Issue, setting: Setting) -> str:
    """A link to the picture where it was stored, else to its page on GitLab."""
    book = setting.book
    address = book.upload(design.secret, design.filename)
    if address is None:
        place = f"{book.gitlab_url}/{book.project_path}/-/issues/{issue.iid}/designs"
        address = f"{place}/{quote(design.filename, safe='')}"
    return f"[{_words(design.filename)}]({address})"


def _related(record: IssueRecord, history: History, setting: Setting) -> Iterator[str]:
    if history.parent is not None:
        yield f"Part of {_reference(history.parent, setting)}"
    if history.children:
        yield f"Parts: {', '.join(_reference(one, setting) for one in history.children)}"
    words = {"blocks": "Blocks", "is_blocked_by": "Blocked by"}
    by_sort: dict[str, list[str]] = {}
    for link in record.links:
        sort = words.get(link.link_type, "Related to")
        by_sort.setdefault(sort, []).append(_linked(link, record.issue, setting))
    for sort, others in by_sort.items():
        yield f"{sort} {', '.join(others)}"


def _linked(link: gitlab.IssueLink, issue: gitlab.Issue, setting: Setting) -> str:
    if link.project_id == issue.project_id:
        return _reference(IssueName(project="", iid=link.iid), setting)
    path = (link.references.full if link.references is not None else "").rpartition("#")[0]
    if not _PATH.fullmatch(path):
        return f"{_words(link.title)} in another project" if link.title else "an issue of another project"
    return _reference(IssueName(project=path, iid=link.iid), setting)


def _reference(name: IssueName, setting: Setting) -> str:
    """The issue as a reader of GitHub finds it: a reference where it is carried over, else a link."""
    path = name.path(setting.book.project_path)
    own = path.lower() == setting.book.project_path.lower()
    return to_github(f"#{name.iid}" if own else f"{path}#{name.iid}", setting.book)


def _words(text: str) -> str:
    return plain_words(text, TITLE_LIMIT)
