"""What a merge request says, in words for GitHub: its facts, its commits, its notes, its history; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import ConfidentialPolicy, SystemNotesPolicy
from gl2gh_batch.kinds._kind import Setting
from gl2gh_batch.kinds._merge_request_suggestions import Lines, Suggestions
from gl2gh_batch.kinds._merge_request_values import ClosedIssue, GitFacts, MergeRequestRecord
from gl2gh_batch.rewrite.attribution import (
    Marks,
    TimelineEntry,
    attributed,
    moment_text,
    plain_words,
    timeline,
)
from gl2gh_batch.rewrite.length import split
from gl2gh_batch.rewrite.text import pieces
from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source.merge_models import DiffNote, LineRange, MergeRequest, Position

KIND: Final = "merge_requests"
# What is left of a body is for the facts below it.
DESCRIPTION_LIMIT_BYTES: Final = 56_000
FACTS_LIMIT_BYTES: Final = 6_000
ISSUES_A_FACT: Final = 25
COMMITS_NAMED: Final = 250
_SHORT: Final = 10
# A side of the diff, as GitHub calls them, and a line of it.
End = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One piece of talk, rewritten; `thread` is the discussion that it belongs to, `at` when it was said.

    Its text offers none of its suggestions; `asks` are the lines that they replace, and `offering` gives the
    text for a comment on GitHub about the first of two, when the note is about the second.
    """

    source: str
    text: str
    at: str
    thread: str = ""
    position: Position | None = None
    asks: frozenset[Lines] = frozenset()
    offering: Callable[[Lines, Lines], str] | None = None


def source_of(item: MergeRequest) -> str:
    """The identity of a merge request in GitLab."""
    return f"{KIND}/{item.iid}"


def address_of(item: MergeRequest, setting: Setting) -> str:
    """Its address on GitLab, built from what was configured."""
    return f"{setting.book.gitlab_url}/{setting.book.project_path}/-/merge_requests/{item.iid}"


def body_of(
    record: MergeRequestRecord, setting: Setting, notes: Iterable[str], unplaced: Iterable[gitlab.User]
) -> tuple[str, list[str], list[str]]:
    """The body without its marker, the rest of a description that is too long for it, and that of the facts.

    `notes` is said among the facts, `unplaced` are assignees without an account.
    """
    item, book = record.merge_request, setting.book
    first, *more = pieces(item.description or "", book, DESCRIPTION_LIMIT_BYTES) or [""]
    body = attributed(
        first,
        book,
        author=person(item.author),
        at=item.created_at,
        url=address_of(item, setting),
        wrote="proposed this",
    )
    lines: list[str] = []
    apart: list[str] = []
    left = FACTS_LIMIT_BYTES
    for fact in (*notes, *_facts(record, setting, tuple(unplaced))):
        size = len(fact.encode())
        if size > left:
            # Where it is cut again, that is between links, a line each.
            apart.append("- " + fact.replace("), [", "),\n  [") + "\n")
        else:
            left -= size
            lines.append(f"> {fact}")
    rest = split("**More of this merge request on GitLab**\n\n" + "".join(apart), DESCRIPTION_LIMIT_BYTES)
    return f"{body}\n\n" + "\n>\n".join(lines), more, [one.rstrip() for one in rest] if apart else []


def _facts(record: MergeRequestRecord, setting: Setting, unplaced: tuple[gitlab.User, ...]) -> Iterator[str]:
    item, git = record.merge_request, record.git
    draft = " · Draft" if item.is_draft else ""
    fork = " of a fork" if item.is_of_fork else ""
    yield (
        f"Merge request {item.iid} on GitLab: from **{plain_words(item.source_branch)}**{fork}"
        f" into **{plain_words(item.target_branch)}**{draft}"
    )
    yield from _ending(item, git, setting)
    approvals = record.approvals.approved_by if record.approvals else None
    if approvals:
        yield "Approved by " + ", ".join(
            name_of(one.user) + (f" ({moment_text(one.approved_at)})" if one.approved_at else "")
            for one in approvals
            if one.user is not None
        )
    if item.reviewers:
        yield f"Reviewers: {', '.join(map(name_of, item.reviewers))}"
    if unplaced:
        yield f"Assigned to {', '.join(map(name_of, unplaced))}"
    issues = [text for one in record.closes if (text := _issue(one, setting))]
    for start in range(0, len(issues), ISSUES_A_FACT):
        yield f"Issues that this is about: {', '.join(issues[start : start + ISSUES_A_FACT])}"
    if git.head:
        commits = f" · {git.commit_count} commit{'' if git.commit_count == 1 else 's'}"
        yield f"Last commit {commit(git.head, git.arriving, setting)}{commits if git.commit_count else ''}"
    yield from _smaller_facts(item)


def _ending(item: MergeRequest, git: GitFacts, setting: Setting) -> Iterator[str]:
    """Who merged or closed it, when, and which commit came of it."""
    if item.state == "merged":
        merger = item.merge_user or item.merged_by
        said = f"Merged{f' by {name_of(merger)}' if merger else ''}"
        if item.merged_at:
            said += f" on {moment_text(item.merged_at)}"
        if item.squash_commit_sha:
            said += f" · squashed into {commit(item.squash_commit_sha, git.arriving, setting)}"
        if item.merge_commit_sha and item.merge_commit_sha != item.squash_commit_sha:
            said += f" · as {commit(item.merge_commit_sha, git.arriving, setting)}"
        yield said
    elif item.state == "closed":
        by = f" by {name_of(item.closed_by)}" if item.closed_by else ""
        yield f"Closed without a merge{by}{f' on {moment_text(item.closed_at)}' if item.closed_at else ''}"


def _smaller_facts(item: MergeRequest) -> Iterator[str]:
    stats = item.time_stats
    if stats is not None and stats.time_estimate:
        yield f"Estimate: {plain_words(stats.human_time_estimate or f'{stats.time_estimate} s')}"
    if stats is not None and stats.total_time_spent:
        yield f"Spent: {plain_words(stats.human_total_time_spent or f'{stats.total_time_spent} s')}"
    if item.upvotes or item.downvotes:
        yield f"👍 {item.upvotes} 👎 {item.downvotes}"


def commit(sha: str, kept: Iterable[str], setting: Setting) -> str:
    """A commit's short name; a link to it where it is on GitHub."""
    short = sha[:_SHORT]
    if sha not in kept:
        return f"`{short}`"
    return f"[`{short}`]({setting.book.github_url}/{setting.book.repo}/commit/{sha})"


def name_of(user: gitlab.User) -> str:
    """A user's name, calling nobody."""
    return plain_words(user.name or user.username)


def person(user: gitlab.User | None) -> Person | None:
    """A user as an author."""
    if user is None:
        return None
    return Person(username=user.username, name=user.name, id=user.id, web_url=user.web_url)


def _issue(issue: ClosedIssue, setting: Setting) -> str:
    """An issue by its number on GitHub, else by its address; never behind a word that closes it."""
    if issue.external:
        is_told = issue.title and issue.title != f"External Issue {issue.external}"
        name = plain_words(issue.external)
        return f"{name}: {plain_words(issue.title)}" if is_told else name
    book, iid, project_path = setting.book, issue.iid, issue.project_path
    found = book.issue_number(iid, project_path or None)
    if found is not None:
        repo, number = found
        return f"#{number}" if repo == book.repo else f"{repo}#{number}"
    path = project_path or book.project_path
    return f"[{plain_words(path)} {iid}]({book.gitlab_url}/{quote(path)}/-/issues/{iid})"


def commits_text(record: MergeRequestRecord, setting: Setting, *, reachable: bool) -> str:
    """The list of its commits; empty when nobody knows them. `reachable`: its head is on GitHub."""
    git = record.git
    if not git.commits:
        return ""
    kept = {git.head, *git.arriving} if reachable else git.arriving
    lines = []
    for one in git.commits[-COMMITS_NAMED:]:
        # A branch that leads to the head leads to all of them.
        name = commit(one.sha, [one.sha] if reachable or git.head in kept else [], setting)
        moment = moment_text(one.at)
        lines.append(
            f"- {name} {plain_words(one.title)} ({plain_words(one.author)}{f', {moment}' if moment else ''})"
        )
    more = git.commit_count - len(lines)
    if more > 0:
        lines.insert(0, f"- {more} earlier ones")
    return "**Commits of the merge request**\n\n" + "\n".join(lines)


def remarks(record: MergeRequestRecord, setting: Setting) -> Iterator[Remark]:
    """What people wrote, oldest first, each rewritten and attributed; a long one in several."""
    for discussion in record.discussions:
        is_first = True
        anchor: Position | None = None
        for note in discussion.notes:
            if note.system or (note.is_internal and setting.policies.confidential is ConfidentialPolicy.SKIP):
                continue
            thread = "" if discussion.individual_note else discussion.id
            anchor = note.position if is_first else anchor
            yield from _remark(note, record, setting, thread=thread, anchor=anchor, is_first=is_first)
            is_first = False


def _remark(
    note: DiffNote,
    record: MergeRequestRecord,
    setting: Setting,
    *,
    thread: str,
    anchor: Position | None,
    is_first: bool,
) -> Iterator[Remark]:
    item = record.merge_request
    identity = f"{source_of(item)}/notes/{note.id}"

    def headed(text: str) -> str:
        return attributed(
            text,
            setting.book,
            author=person(note.author),
            at=note.created_at,
            url=f"{address_of(item, setting)}#note_{note.id}",
            wrote="wrote" if is_first else "answered",
            marks=_marks(note, is_first=is_first),
        )

    def offering(kept: Lines, own: Lines) -> str:
        return headed(suggestions.offered(setting.book, DESCRIPTION_LIMIT_BYTES, kept, own))

    suggestions = Suggestions(note, anchor and (note.position or anchor), anchor)
    texts, asks = suggestions.read(setting.book, DESCRIPTION_LIMIT_BYTES)
    for place, piece in enumerate(texts or [""], 1):
        yield Remark(
            source=identity if place == 1 else f"{identity}/{place}",
            text=headed(piece) if place == 1 else piece,
            at=note.created_at,
            thread=thread,
            position=note.position if place == 1 and is_first else None,
            asks=asks,
            offering=offering if asks else None,
        )


def _marks(note: DiffNote, *, is_first: bool) -> Marks:
    return Marks(
        internal=note.is_internal,
        resolved=is_first and bool(note.resolved),
        resolved_by=person(note.resolved_by),
    )


def history(record: MergeRequestRecord, setting: Setting) -> list[str]:
    """What GitLab noted by itself, as few comments as it takes; none when the request skips it."""
    if setting.policies.system_notes is SystemNotesPolicy.SKIP:
        return []
    entries = [
        TimelineEntry(author=person(note.author), at=note.created_at, text=note.body or "")
        for discussion in record.discussions
        for note in discussion.notes
        if note.system
    ]
    return timeline(sorted(entries, key=lambda one: one.at), setting.book)


def place_text(position: Position, git: GitFacts, setting: Setting, *, reachable: bool) -> str:
    """Where in the changes a thread is, with a link to the very lines where they are on GitHub.

    `reachable` says that the head of the merge request is on GitHub, whatever branches say.
    """
    removed = position.new_line is None and position.old_line is not None
    path = (position.old_path if removed else position.new_path) or position.old_path or "a file"
    sha = (position.base_sha if removed else position.head_sha) or ""
    first, last = lines_of(position)
    match position.position_type:
        case "image":
            where = f"the picture {plain_words(path, 300)}"
            if position.x is not None and position.y is not None:
                size = f"{position.width or 0:g} × {position.height or 0:g}"
                where += f", at {position.x:g}, {position.y:g} of {size}"
            first = last = None
        case _ if last is None:
            where = f"the file {plain_words(path, 300)}"
        case _ if first != last:
            where = f"{plain_words(path, 300)}, lines {first} to {last}"
        case _:
            (side, start), _ = ends_of(position) or (("", 0), None)
            where = f"{plain_words(path, 300)}, "
            if side != ("LEFT" if removed else "RIGHT"):
                where += f"{'removed ' if side == 'LEFT' else ''}line {start} to "
            where += f"{'removed ' if removed else ''}line {last}"
    on_github = sha in git.arriving or (reachable and sha in {git.head, git.base} and bool(sha))
    if on_github:
        lines = "" if last is None else f"#L{last}" if first in {None, last} else f"#L{first}-L{last}"
        where = f"[{where}]({setting.book.github_url}/{setting.book.repo}/blob/{sha}/{quote(path)}{lines})"
    older = position.head_sha if position.head_sha and git.head and position.head_sha != git.head else ""
    return f"On {where}{f' (outdated: in the version `{older[:_SHORT]}` of the changes)' if older else ''}:"


def ends_of(position: Position) -> tuple[End, End] | None:
    """The first and the last line that a position is about; None where it is about none.

    A removed line before added ones, or the other way round, is on another side than the last.
    """
    removed = position.new_line is None
    last = position.old_line if removed else position.new_line
    if last is None:
        return None
    side, other = ("LEFT", "RIGHT") if removed else ("RIGHT", "LEFT")
    lines = position.line_range or LineRange()
    start, end = lines.start, lines.end
    # One code is one line, whichever side GitLab says it is on.
    if start is not None and not (start.line_code and end and start.line_code == end.line_code):
        same, beyond = start.new_line, start.old_line
        if removed:
            same, beyond = beyond, same
        is_beyond = same is None if start.type not in {"old", "new"} else (start.type == "old") != removed
        if is_beyond and beyond is not None:
            return (other, beyond), (side, last)
        if same is not None and 0 < same <= last:
            return (side, same), (side, last)
    return (side, last), (side, last)


def lines_of(position: Position) -> tuple[int | None, int | None]:
    """The first and the last line that a position is about, as far as they are on one side."""
    ends = ends_of(position)
    if ends is None:
        return None, None
    (start_side, first), (side, last) = ends
    return (first if start_side == side else last), last


def internal_losses(record: MergeRequestRecord, setting: Setting) -> Iterator[Loss]:
    """The notes that may not be carried over."""
    if setting.policies.confidential is not ConfidentialPolicy.SKIP:
        return
    item = record.merge_request
    for discussion in record.discussions:
        for note in discussion.notes:
            if note.is_internal and not note.system:
                yield Loss(
                    kind=KIND,
                    item=f"{source_of(item)}/notes/{note.id}",
                    what=f"the internal note {note.id} on !{item.iid}",
                    reason="GitHub has no internal comments; the policy is to skip them",
                )
