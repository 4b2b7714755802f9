"""An issue as writes: one import that carries it whole, or the ordinary endpoints one by one.

The import API: gist.github.com/jonmagic/5282384165e0f86ef105; at most 1 MB a request, one assignee,
comments in their order, and a number that is given when the job ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.domain.plan import (
    Call,
    Capability,
    Completion,
    Lookup,
    Pace,
    Phase,
    Step,
    TargetFacts,
)
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired, Relation, RelationSort
from gl2gh_batch.kinds.milestones import milestone_step
from gl2gh_batch.rewrite.markers import marker

KIND: Final = "issues"
IMPORT_BYTES: Final = 1_000_000
IMPORT_MARGIN: Final = 50_000
# Where a relation is written, what names the other issue there, and what the target has to have for it.
PLACES: Final = {
    RelationSort.SUB_ISSUE: ("sub_issues", "sub_issue_id"),
    RelationSort.BLOCKED_BY: ("dependencies/blocked_by", "issue_id"),
}
CAPABILITIES: Final = {
    RelationSort.SUB_ISSUE: Capability.SUB_ISSUES,
    RelationSort.BLOCKED_BY: Capability.DEPENDENCIES,
}
DELETE_ISSUE: Final = "mutation($id: ID!) { deleteIssue(input: {issueId: $id}) { clientMutationId } }"


def issue_steps(issue: IssueDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step]:
    """The steps that make the issue, in order."""
    if facts.issues_via == "import":
        yield from _import(issue, repo)
    else:
        yield from _ordinary(issue, repo)
    for relation in issue.relations:
        yield _relate(relation, repo)
    if issue.locked:
        yield Call(
            id=f"{issue.source}/lock",
            kind=KIND,
            method="PUT",
            path=f"/repos/{repo}/issues/{issue.place}/lock",
        )
    if issue.temporary:
        yield Call(
            id=removal_step(issue),
            kind=KIND,
            phase=Phase.CLOSE,
            method="POST",
            path="/graphql",
            body={
                "query": DELETE_ISSUE,
                "variables": {"id": {"$ref": issue.source, "field": "node_id"}},
            },
            lookup=Lookup(path=f"/repos/{repo}/issues/{issue.number}", field="number", value="", absent=True),
            optional=True,
        )


def removal_step(issue: IssueDesired) -> str:
    """The id of the step that deletes a temporary issue; GitHub lets not every admin do so."""
    return f"{issue.source}/delete"


def _import(issue: IssueDesired, repo: RepoRef) -> Iterator[Step]:
    head: dict[str, Any] = {
        "title": issue.title,
        "body": issue.body,
        "created_at": issue.created_at,
        "closed": issue.state == "closed",
    }
    keep = ("number", *(("id",) if issue.related else ()), *(("node_id",) if issue.temporary else ()))
    if issue.closed_at:
        head["closed_at"] = issue.closed_at
    if issue.updated_at:
        head["updated_at"] = issue.updated_at
    if issue.labels:
        head["labels"] = list(issue.labels)
    if issue.milestone_id:
        head["milestone"] = {"$ref": milestone_step(issue.milestone_id), "field": "number"}
    if issue.assignees:
        head["assignee"] = issue.assignees[0]
    inside = [comment for comment in issue.comments if comment.dated]
    outside = [comment for comment in issue.comments if not comment.dated]
    yield Call(
        id=issue.source,
        kind=KIND,
        method="POST",
        path=f"/repos/{repo}/import/issues",
        body={
            "issue": head,
            "comments": [{"body": comment.body, "created_at": comment.created_at} for comment in inside],
        },
        pace=Pace.IMPORT,
        completion=Completion.IMPORT_JOB,
        lookup=_issue_lookup(issue, repo),
        expect_number=None if issue.numbered_by else issue.number,
        any_number=bool(issue.numbered_by),
        keep=keep,
    )
    for comment in outside:
        yield _comment(issue, comment, repo)
    later: dict[str, Any] = {}
    if len(issue.assignees) > 1:
        later["assignees"] = list(issue.assignees)
    if issue.type:
        later["type"] = issue.type
    if later:
        yield Call(
            id=f"{issue.source}/assignees",
            kind=KIND,
            # Not POST …/assignees, which could not be repeated after an unclear answer.
            method="PATCH",
            path=f"/repos/{repo}/issues/{issue.place}",
            body=later,
        )


def fit_import(issue: IssueDesired) -> IssueDesired:
    """The issue with those comments undated that one import request cannot hold: they have to follow it."""
    left = IMPORT_BYTES - IMPORT_MARGIN - len(codec.encode(replace(issue, comments=())))
    comments: list[CommentDesired] = []
    for comment in issue.comments:
        left -= len(codec.encode(comment.body)) + 64
        comments.append(comment if left >= 0 else replace(comment, dated=False))
    return replace(issue, comments=tuple(comments))


def _ordinary(issue: IssueDesired, repo: RepoRef) -> Iterator[Step]:
    body: dict[str, Any] = {"title": issue.title, "body": issue.body, "labels": list(issue.labels)}
    if issue.milestone_id:
        body["milestone"] = {"$ref": milestone_step(issue.milestone_id), "field": "number"}
    if issue.assignees:
        body["assignees"] = list(issue.assignees)
    if issue.type:
        body["type"] = issue.type
    yield Call(
        id=issue.source,
        kind=KIND,
        method="POST",
        path=f"/repos/{repo}/issues",
        body=body,
        pace=Pace.CONTENT,
        lookup=_issue_lookup(issue, repo),
        expect_number=None if issue.numbered_by else issue.number,
        any_number=bool(issue.numbered_by),
        keep=("number", "id", "node_id"),
    )
    for comment in issue.comments:
        yield _comment(issue, comment, repo)
    if issue.state == "closed":
        yield Call(
            id=f"{issue.source}/close",
            kind=KIND,
            method="PATCH",
            path=f"/repos/{repo}/issues/{issue.place}",
            body={"state": "closed", "state_reason": issue.state_reason or "completed"},
        )


def relation_step(sort: RelationSort, number: int, other: int) -> str:
    """The id of the step that writes a relation; GitHub may refuse it, and the text tells it too."""
    return f"{KIND}/{sort}/{number}/{other}"


def _relate(relation: Relation, repo: RepoRef) -> Call:
    # "Add sub-issue" and "Add a dependency an issue is blocked by" take ids; only the latter notifies.
    rest, field = PLACES[relation.sort]
    path = f"/repos/{repo}/issues/{relation.place or relation.number}/{rest}"
    return Call(
        id=relation_step(relation.sort, relation.number, relation.other),
        kind=KIND,
        method="POST",
        path=path,
        pace=Pace.CONTENT if relation.sort is RelationSort.BLOCKED_BY else Pace.WRITE,
        body={field: {"$ref": relation.step, "field": "id"}},
        lookup=Lookup(path=f"{path}?per_page=100", field="body", value=marker(relation.step), contains=True),
        capability=CAPABILITIES[relation.sort],
        optional=True,
    )


def _comment(issue: IssueDesired, comment: CommentDesired, repo: RepoRef) -> Call:
    path = f"/repos/{repo}/issues/{issue.place}/comments"
    return Call(
        id=comment.source,
        kind=KIND,
        method="POST",
        path=path,
        body={"body": comment.body},
        pace=Pace.CONTENT,
        lookup=Lookup(path=f"{path}?per_page=100", field="body", value=marker(comment.source), contains=True),
        keep=("id",),
    )


def _issue_lookup(issue: IssueDesired, repo: RepoRef) -> Lookup:
    all_of_them = f"/repos/{repo}/issues?state=all&per_page=100"
    return Lookup(
        path=all_of_them if issue.numbered_by else f"/repos/{repo}/issues/{issue.number}",
        field="body",
        value=marker(issue.source),
        contains=True,
    )
