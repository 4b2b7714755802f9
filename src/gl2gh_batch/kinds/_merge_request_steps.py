"""A merge request as writes: a pull request with one review and one comment, or an issue.

GitHub docs: rest/pulls/pulls, rest/pulls/reviews, rest/pulls/review-requests, rest/issues/issues.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from gl2gh_batch.domain.plan import Call, Entries, Lookup, Pace, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kinds._issue_steps import issue_steps
from gl2gh_batch.kinds._issue_values import IssueDesired
from gl2gh_batch.kinds._merge_request_values import MergeRequestDesired, PullDesired, ReviewComment
from gl2gh_batch.kinds.milestones import milestone_step
from gl2gh_batch.rewrite.markers import marker

KIND: Final = "merge_requests"
# What the ids of the steps begin with that are taken where GitHub refuses a pull request.
INSTEAD: Final = "instead/"
REVIEW_BODY: Final = "What was said about the changes on GitLab."


def merge_request_steps(desired: MergeRequestDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step]:
    """The steps that make it, in order; with a pull request also those for when GitHub refuses that."""
    if desired.pull is None:
        yield from as_issue(desired.issue, repo, facts)
        return
    yield from _pull_steps(desired, desired.pull, repo)
    for step in as_issue(desired.issue, repo, facts, prefix=INSTEAD):
        yield replace(step, instead_of=desired.source)


def as_issue(issue: IssueDesired, repo: RepoRef, facts: TargetFacts, *, prefix: str = "") -> Iterator[Call]:
    """The steps of an issue, as steps of this kind."""
    if prefix and issue.numbered_by:
        issue = replace(issue, numbered_by=f"{prefix}{issue.numbered_by}")
    for step in issue_steps(issue, repo, facts):
        if isinstance(step, Call):
            yield replace(step, id=f"{prefix}{step.id}", kind=KIND)


def pull_step(desired: MergeRequestDesired) -> str:
    """The id of the step that makes the pull request."""
    return desired.source


def review_step(desired: MergeRequestDesired) -> str:
    """The id of the step that makes the review."""
    return f"{desired.source}/review"


def review_body(step: str) -> str:
    """What the review says that a step makes."""
    return f"{REVIEW_BODY}\n\n{marker(step)}"


def reviewers_step(desired: MergeRequestDesired) -> str:
    """The id of the step that asks for reviews."""
    return f"{desired.source}/reviewers"


def _pull_steps(desired: MergeRequestDesired, pull: PullDesired, repo: RepoRef) -> Iterator[Call]:
    number, source = desired.number, desired.source
    numbered = desired.issue.numbered_by == ""
    path = f"/repos/{repo}/pulls"
    place = f"{path}/{number}" if numbered else f"{path}?state=all&per_page=100"
    yield Call(
        id=source,
        kind=KIND,
        method="POST",
        path=path,
        body={
            "title": pull.title,
            "body": pull.body,
            "head": pull.head,
            "base": pull.base,
            **({"draft": True} if pull.draft else {}),
        },
        pace=Pace.CONTENT,
        lookup=Lookup(path=place, field="body", value=marker(source), contains=True),
        expect_number=number if numbered else None,
        any_number=not numbered,
        keep=("number", "draft"),
        # A plan without draft pull requests answers 422 to the word itself.
        spare=("draft",) if pull.draft else (),
        dispensable=True,
    )
    for step in _after(desired, pull, repo):
        yield replace(step, after=source)


def _after(desired: MergeRequestDesired, pull: PullDesired, repo: RepoRef) -> Iterator[Call]:
    number, source = desired.issue.place, desired.source
    comments = f"/repos/{repo}/issues/{number}/comments"
    if pull.review:
        yield _review(desired, pull, repo, comments)
    for comment in pull.comments:
        yield Call(
            id=comment.source,
            kind=KIND,
            method="POST",
            path=comments,
            body={"body": comment.body},
            pace=Pace.CONTENT,
            lookup=Lookup(
                path=f"{comments}?per_page=100", field="body", value=marker(comment.source), contains=True
            ),
            keep=("id",),
        )
    if pull.reviewers:
        yield Call(
            id=reviewers_step(desired),
            kind=KIND,
            method="POST",
            path=f"/repos/{repo}/pulls/{number}/requested_reviewers",
            body={"reviewers": list(pull.reviewers)},
            pace=Pace.CONTENT,
            repeatable=True,
            optional=True,
        )
    rest: dict[str, Any] = {}
    if pull.labels:
        rest["labels"] = list(pull.labels)
    if pull.assignees:
        rest["assignees"] = list(pull.assignees)
    if pull.milestone_id:
        rest["milestone"] = {"$ref": milestone_step(pull.milestone_id), "field": "number"}
    if pull.state == "closed":
        rest["state"] = "closed"
    if rest:
        yield Call(
            id=f"{source}/rest",
            kind=KIND,
            method="PATCH",
            path=f"/repos/{repo}/issues/{number}",
            body=rest,
        )
    if pull.locked:
        yield Call(id=f"{source}/lock", kind=KIND, method="PUT", path=f"/repos/{repo}/issues/{number}/lock")


def _review(desired: MergeRequestDesired, pull: PullDesired, repo: RepoRef, comments: str) -> Call:
    identity = review_step(desired)
    reviews = f"/repos/{repo}/pulls/{desired.issue.place}/reviews"
    return Call(
        id=identity,
        kind=KIND,
        method="POST",
        path=reviews,
        body={
            "commit_id": pull.head_sha,
            "event": "COMMENT",
            "body": review_body(identity),
            "comments": [_entry(one) for one in pull.review],
        },
        pace=Pace.CONTENT,
        lookup=Lookup(path=f"{reviews}?per_page=100", field="body", value=marker(identity), contains=True),
        keep=("id",),
        entries=Entries(
            name="comments",
            path=comments,
            lookup_path=f"{comments}?per_page=100",
            heads=tuple(one.place for one in pull.review),
            markers=tuple(marker(one.source) for one in pull.review),
        ),
    )


def _entry(one: ReviewComment) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": one.path, "body": one.body, "line": one.line, "side": one.side}
    if one.start_line is not None:
        entry |= {"start_line": one.start_line, "start_side": one.start_side}
    return entry
