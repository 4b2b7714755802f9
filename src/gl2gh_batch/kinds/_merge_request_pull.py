"""A merge request as a pull request: whether it can be one, between which branches, with what; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.domain.request import MergeRequestPolicy, NotesPolicy
from gl2gh_batch.kinds._issue_shape import seconds
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired
from gl2gh_batch.kinds._kind import Setting
from gl2gh_batch.kinds._merge_request_review import review_comment, threads
from gl2gh_batch.kinds._merge_request_text import (
    Remark,
    body_of,
    commits_text,
    history,
    place_text,
    remarks,
)
from gl2gh_batch.kinds._merge_request_values import (
    MergeRequestRecord,
    Obstacle,
    PullDesired,
    ReviewComment,
)
from gl2gh_batch.kit.git_refs import refused_refs
from gl2gh_batch.rewrite.folding import fold, joined, marked
from gl2gh_batch.rewrite.length import BODY_LIMIT_BYTES
from gl2gh_batch.source import models as gitlab

HEADS: Final = "refs/heads/"
FOLDED_LIMIT_BYTES: Final = BODY_LIMIT_BYTES - 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Branches:
    """The branches of a pull request; `made` are those made for it (full name → SHA), kept or temporary."""

    head: str
    base: str
    kept: Mapping[str, str]
    temporary: Mapping[str, str]


def is_open(record: MergeRequestRecord) -> bool:
    """True for one that can still be merged."""
    return record.merge_request.state in {"opened", "locked"}


def wants_pull(record: MergeRequestRecord, policy: MergeRequestPolicy) -> bool:
    """True when the policy asks for a pull request."""
    match policy:
        case MergeRequestPolicy.OPEN_AS_PULL_REQUEST:
            return is_open(record)
        case MergeRequestPolicy.ALL_AS_PULL_REQUEST:
            return True
        case MergeRequestPolicy.ALL_AS_ISSUE:
            return False


def obstacle_of(record: MergeRequestRecord, policy: MergeRequestPolicy) -> Obstacle | None:
    """What stands in the way of the pull request that the policy asks for."""
    if not wants_pull(record, policy):
        return None
    if not is_open(record):
        return record.git.rebuilt
    if record.git.live is None and refused_refs([HEADS + record.merge_request.target_branch]):
        return Obstacle.NO_TARGET
    return record.git.live


def can_be_pull(record: MergeRequestRecord, policy: MergeRequestPolicy) -> bool:
    """True when it becomes a pull request."""
    return wants_pull(record, policy) and obstacle_of(record, policy) is None


def branches_of(record: MergeRequestRecord) -> Branches:
    """Between which branches: an open one's own where they are there, else branches made for it."""
    item, git = record.merge_request, record.git
    own_head = f"{record.namespace}/{item.iid}/head"
    own_base = f"{record.namespace}/{item.iid}/base"
    if not is_open(record):
        made = {HEADS + own_head: git.head, HEADS + own_base: git.base}
        return Branches(head=own_head, base=own_base, kept={}, temporary=made)
    if git.branch and not refused_refs([HEADS + git.branch]):
        return Branches(head=git.branch, base=item.target_branch, kept={}, temporary={})
    return Branches(head=own_head, base=item.target_branch, kept={HEADS + own_head: git.head}, temporary={})


def pull_of(record: MergeRequestRecord, issue: IssueDesired, setting: Setting) -> PullDesired:
    """The pull request; `issue` is the same merge request as an issue."""
    item, git = record.merge_request, record.git
    branches = branches_of(record)
    body, more, facts = body_of(record, setting, (), _unplaced(record, issue, setting))
    review, talk = _discussed(record, setting)
    commits = [*_single(f"{issue.source}/commits", commits_text(record, setting, reachable=True))]
    noted = [
        Remark(source=f"{issue.source}/history/{at}", text=text, at="")
        for at, text in enumerate(history(record, setting), start=1)
    ]
    texts = [
        *(Remark(source=f"{issue.source}/body/{at}", text=text, at="") for at, text in enumerate(more, 2)),
        *(Remark(source=f"{issue.source}/facts/{at}", text=text, at="") for at, text in enumerate(facts, 1)),
        *commits,
        *talk,
        *noted,
    ]
    if texts and not more and not talk and setting.policies.notes is NotesPolicy.FOLD:
        # Where nobody said anything it costs no request of its own.
        whole = joined((body, *(one.text for one in texts)))
        if len(whole.encode()) <= FOLDED_LIMIT_BYTES:
            body, texts = whole, []
    return PullDesired(
        title=issue.title,
        body=marked(body, issue.source),
        state=issue.state,
        draft=item.is_draft and is_open(record),
        head=branches.head,
        head_sha=git.head,
        base=branches.base,
        labels=issue.labels,
        milestone=issue.milestone,
        milestone_id=issue.milestone_id,
        assignees=issue.assignees,
        reviewers=tuple(_reviewers(record, setting)) if is_open(record) else (),
        locked=issue.locked,
        comments=tuple(_comments(texts, issue.source, setting)),
        review=tuple(review),
    )


def content_of(pull: PullDesired) -> int:
    """How many content-creating requests the pull request costs."""
    return 1 + bool(pull.review) + len(pull.comments) + bool(pull.reviewers)


def _single(source: str, text: str) -> Iterator[Remark]:
    if text:
        yield Remark(source=source, text=text, at="")


def _unplaced(record: MergeRequestRecord, issue: IssueDesired, setting: Setting) -> Iterator[gitlab.User]:
    for user in record.merge_request.assignees or ():
        mapping = setting.book.user(user.username)
        if mapping is None or mapping.github_login not in issue.assignees:
            yield user


def _reviewers(record: MergeRequestRecord, setting: Setting) -> Iterator[str]:
    """The logins of those who were asked for a review, each once."""
    seen: set[str] = set()
    for user in record.merge_request.reviewers or ():
        mapping = setting.book.user(user.username)
        login = mapping.github_login if mapping else None
        if login is not None and login.lower() not in seen:
            seen.add(login.lower())
            yield login


def _discussed(record: MergeRequestRecord, setting: Setting) -> tuple[list[ReviewComment], list[Remark]]:
    """The threads that GitHub shows in the changes, and everything else that was said."""
    review: list[ReviewComment] = []
    talk: list[Remark] = []
    for thread in threads(remarks(record, setting)):
        first = thread[0]
        placed = None if first.position is None else review_comment(thread, record, setting)
        if placed is not None:
            review.append(placed)
        elif first.position is not None:
            where = place_text(first.position, record.git, setting, reachable=True)
            talk += [Remark(source=first.source, text=f"{where}\n\n{first.text}", at=first.at), *thread[1:]]
        else:
            talk += thread
    return review, talk


def _comments(texts: list[Remark], source: str, setting: Setting) -> Iterator[CommentDesired]:
    """Everything that was said as one comment, or as few as it takes; each by itself when asked to."""
    each = setting.policies.notes is NotesPolicy.EACH
    groups: Iterable[list[int]] = (
        [[place] for place in range(len(texts))]
        if each
        else fold((one.text for one in texts), FOLDED_LIMIT_BYTES)
    )
    for number, places in enumerate(groups, start=1):
        identity = texts[places[0]].source if each else f"{source}/talk/{number}"
        body = texts[places[0]].text if len(places) == 1 else joined(texts[place].text for place in places)
        yield CommentDesired(
            source=identity,
            body=marked(body, identity),
            created_at=seconds(texts[places[0]].at),
            dated=False,
        )
