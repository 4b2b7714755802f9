"""A GitLab merge request with its discussions in the shape that GitHub takes; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import MergeRequestPolicy
from gl2gh_batch.kinds._issue_shape import labels_of, seconds
from gl2gh_batch.kinds._issue_steps import fit_import
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired
from gl2gh_batch.kinds._kind import Setting, Shaped
from gl2gh_batch.kinds._merge_request_pull import can_be_pull, content_of, obstacle_of, pull_of
from gl2gh_batch.kinds._merge_request_text import (
    KIND,
    Remark,
    body_of,
    commits_text,
    history,
    internal_losses,
    place_text,
    remarks,
    source_of,
)
from gl2gh_batch.kinds._merge_request_values import MergeRequestDesired, MergeRequestRecord
from gl2gh_batch.rewrite.folding import marked
from gl2gh_batch.rewrite.text import title_to_github
from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source.merge_models import MergeRequest

MOST_ASSIGNEES: Final = 10
_LOST: Final = "GitLab does not have them any more"
_REFUSED: Final = (
    "no branch leads to them, and a file of them is larger than 100 MiB, or an earlier version exported them"
)


def shape_merge_request(
    record: MergeRequestRecord, number: int, setting: Setting
) -> Shaped[MergeRequestDesired]:
    """The merge request as GitHub should have it under that number, and what is lost."""
    item = record.merge_request
    source = source_of(item)
    choices = {policy: can_be_pull(record, policy) for policy in MergeRequestPolicy}
    is_pull = choices[setting.policies.merge_requests]
    issue = _issue(record, number, setting)
    possible = pull_of(record, issue, setting) if any(choices.values()) else None
    pull = possible if is_pull else None
    price = 0 if possible is None else content_of(possible)
    losses = (*_losses(record, setting, is_pull=is_pull), *internal_losses(record, setting))
    desired = MergeRequestDesired(
        source=source,
        number=number,
        issue=fit_import(issue),
        pull=pull,
        content={policy.value: price if can else 0 for policy, can in choices.items()},
    )
    return Shaped(desired=desired, losses=losses)


def _issue(record: MergeRequestRecord, number: int, setting: Setting) -> IssueDesired:
    """The merge request as an issue with all that it says."""
    item = record.merge_request
    source = source_of(item)
    known, unknown = _assignees(item, setting)
    reason = obstacle_of(record, setting.policies.merge_requests)
    note = () if reason is None else (f"It is an issue here, since {reason}.",)
    body, more, facts = body_of(record, setting, note, unknown)
    comments = [
        *(_comment(f"{source}/body/{at}", text, item.created_at) for at, text in enumerate(more, start=2)),
        *(_comment(f"{source}/facts/{at}", text, item.created_at) for at, text in enumerate(facts, start=1)),
    ]
    commits = commits_text(record, setting, reachable=False)
    if commits:
        comments.append(_comment(f"{source}/commits", commits, item.created_at))
    comments.extend(
        _comment(one.source, _placed(one, record, setting), one.at) for one in remarks(record, setting)
    )
    ended = item.merged_at or item.closed_at or item.updated_at or item.created_at
    comments.extend(
        _comment(f"{source}/history/{place}", text, ended)
        for place, text in enumerate(history(record, setting), start=1)
    )
    milestone = item.milestone if "milestones" in setting.names else None
    is_open = item.state in {"opened", "locked"}
    return IssueDesired(
        source=source,
        number=number,
        title=title_to_github(item.title, setting.book),
        body=marked(body, source),
        state="open" if is_open else "closed",
        created_at=seconds(item.created_at),
        closed_at=None if is_open else seconds(ended),
        updated_at=seconds(item.updated_at) if item.updated_at else None,
        labels=labels_of(item.labels, setting),
        milestone=None if milestone is None else _milestone_title(milestone, setting),
        milestone_id=0 if milestone is None else milestone.id,
        assignees=known,
        locked=bool(item.discussion_locked),
        comments=tuple(comments),
        numbered_by="" if setting.unpromised is None else source,
    )


def _comment(source: str, text: str, at: str) -> CommentDesired:
    return CommentDesired(source=source, body=marked(text, source), created_at=seconds(at))


def _placed(remark: Remark, record: MergeRequestRecord, setting: Setting) -> str:
    if remark.position is None:
        return remark.text
    return f"{place_text(remark.position, record.git, setting, reachable=False)}\n\n{remark.text}"


def _assignees(item: MergeRequest, setting: Setting) -> tuple[tuple[str, ...], tuple[gitlab.User, ...]]:
    """The GitHub logins of the assignees, and those who have none."""
    known: list[str] = []
    unknown: list[gitlab.User] = []
    for user in item.assignees or ():
        mapping = setting.book.user(user.username)
        if mapping is None or mapping.github_login is None or len(known) == MOST_ASSIGNEES:
            unknown.append(user)
        elif mapping.github_login not in known:
            known.append(mapping.github_login)
    return tuple(known), tuple(unknown)


def _milestone_title(milestone: gitlab.Milestone, setting: Setting) -> str:
    return setting.names["milestones"].get(f"id:{milestone.id}", milestone.title)


def _losses(record: MergeRequestRecord, setting: Setting, *, is_pull: bool) -> Iterator[Loss]:
    item, git = record.merge_request, record.git

    def loss(what: str, reason: str) -> Loss:
        return Loss(kind=KIND, item=source_of(item), what=what, reason=reason)

    obstacle = obstacle_of(record, setting.policies.merge_requests)
    if obstacle is not None:
        yield loss(f"the pull request for !{item.iid}: it becomes an issue", str(obstacle))
    head = git.head or item.head_sha
    if not is_pull and head and head not in git.arriving:
        yield loss(f"the commits of !{item.iid} up to {head[:10]}", _REFUSED if git.head else _LOST)
    for name, sha in (("merge", item.merge_commit_sha), ("squash", item.squash_commit_sha)):
        if sha and sha != head and sha not in git.arriving and (git.head or git.arriving):
            yield loss(
                f"the {name} commit of !{item.iid}, {sha[:10]}, and what leads to it",
                f"{_LOST}, or {_REFUSED}",
            )
    if record.approvals is None:
        yield loss(f"the approvals of !{item.iid}", "GitLab did not tell them to this token")
    if len(item.assignees or ()) > MOST_ASSIGNEES:
        yield loss("assignees beyond the tenth, as assignees", "GitHub takes ten; the names are in the text")
