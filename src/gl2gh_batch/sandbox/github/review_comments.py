"""Review comments of pull requests: on lines, on files, and replies to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.clock import parse_instant, stamp
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found, wrong
from gl2gh_batch.sandbox.github.pull_documents import published_comments, review_comment_document
from gl2gh_batch.sandbox.github.pull_state import Pull, Review, ReviewComment
from gl2gh_batch.sandbox.github.pulls import PERMISSION, pull_of, require_fields
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.github.review_places import PlaceError, Standing, changes_at, standing_of
from gl2gh_batch.sandbox.github.state import Account, Repository, Role, State

RESOURCE: Final = "PullRequestReviewComment"
SUBJECTS: Final = ("line", "file")


def add_comment(state: State, pull: Pull, review: Review, body: str, standing: Standing) -> ReviewComment:
    """Add a comment to a review."""
    now = state.clock.stamp()
    is_current = review.commit_id == pull.head_sha
    comment = ReviewComment(
        id=state.next_id(),
        review=review.id,
        user=review.user,
        body=body,
        path=standing.path,
        commit_id=pull.head_sha if is_current else review.commit_id,
        original_commit_id=review.commit_id,
        created_at=now,
        updated_at=now,
        diff_hunk=standing.diff_hunk,
        subject_type=standing.subject_type,
        side=standing.side,
        line=standing.line if is_current else None,
        original_line=standing.line,
        position=standing.position if is_current else None,
        original_position=standing.position,
        start_side=standing.start_side,
        start_line=standing.start_line if is_current else None,
        original_start_line=standing.start_line,
    )
    pull.review_comments[comment.id] = comment
    return comment


def _checked_body(state: State, fields: Mapping[str, Any]) -> str:
    body = fields["body"]
    if not isinstance(body, str) or (not body.strip() and state.rules.holds("comment_blank")):
        raise invalid(wrong(RESOURCE, "body", "missing_field"))
    most = state.rules.most("body_chars")
    if len(body) > most:
        message = f"body is too long (maximum is {most:.0f} characters)"
        raise invalid(wrong(RESOURCE, "body", "custom", message=message))
    return body


def _single_review(call: Call, pull: Pull, viewer: Account, commit_id: str) -> Review:
    """A comment by itself makes a review of its own; 422 while another one is pending."""
    state = call.state
    own = (each for each in pull.reviews.values() if each.user == viewer.login)
    if any(each.state == "PENDING" for each in own) and state.rules.holds("review_pending"):
        message = "user_id can only have one pending review per pull request"
        raise invalid(wrong("PullRequestReview", "user_id", "custom", message=message))
    review = Review(
        id=state.next_id(),
        user=viewer.login,
        body="",
        state="COMMENTED",
        commit_id=commit_id,
        submitted_at=state.clock.stamp(),
    )
    pull.reviews[review.id] = review
    return review


async def create_review_comment(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/pulls/{pull_number}/comments: on a line, a file, or a reply."""
    state = call.state
    repository = call.repository(Role.READ)
    viewer = call.reviewer(repository)
    pull = pull_of(call, repository)
    if repository.issues[pull.number].locked:
        call.repository(Role.WRITE, PERMISSION)
    fields = await call.body()
    require_fields(fields, "body")
    body = _checked_body(state, fields)
    if fields.get("in_reply_to") is not None:
        return _reply(call, repository, pull, viewer, (fields["in_reply_to"], body))
    require_fields(fields, "commit_id", "path")
    subject = fields.get("subject_type", "line")
    if subject not in SUBJECTS:
        raise invalid(wrong(RESOURCE, "subject_type"))
    if subject == "line" and fields.get("line") is None and fields.get("position") is None:
        raise invalid(message='Invalid request.\n\n"line" wasn\'t supplied.')
    try:
        changes = await changes_at(state, git_of(state, repository), pull, str(fields["commit_id"]))
        standing = standing_of(state, changes, fields)
    except PlaceError as error:
        raise _refused_place(error) from None
    review = _single_review(call, pull, viewer, str(fields["commit_id"]))
    comment = add_comment(state, pull, review, body, standing)
    repository.issues[pull.number].updated_at = comment.created_at
    document = review_comment_document(state, repository, pull, comment)
    return answer(document, 201, {"Location": document["url"]})


def _refused_place(error: PlaceError) -> Refused:
    if error.field == "commit_id":
        return invalid(wrong(RESOURCE, "commit_id", "custom", message=str(error)))
    field = f"pull_request_review_thread.{error.field}"
    words = str(error)
    if error.field in ("line", "path"):
        words = f"{field} must be part of the diff" if error.field == "line" else f"{field} is invalid"
    return invalid(
        wrong(RESOURCE, field, "custom", message=words),
        wrong(RESOURCE, "pull_request_review_thread.diff_hunk", "missing_field"),
    )


def _reply(
    call: Call, repository: Repository, pull: Pull, viewer: Account, asked: tuple[Any, str]
) -> web.Response:
    """Answer a comment; "replies to replies are not supported"."""
    identity, body = asked
    parent = pull.review_comments.get(identity) if isinstance(identity, int) else None
    if parent is None:
        raise not_found()
    if parent.in_reply_to is not None and call.state.rules.holds("review_reply"):
        raise invalid(wrong(RESOURCE, "in_reply_to"))
    review = _single_review(call, pull, viewer, parent.original_commit_id)
    standing = Standing(
        path=parent.path,
        subject_type=parent.subject_type,
        side=parent.side,
        line=parent.original_line,
        position=parent.original_position,
        start_side=parent.start_side,
        start_line=parent.original_start_line,
        diff_hunk=parent.diff_hunk,
    )
    comment = add_comment(call.state, pull, review, body, standing)
    comment.in_reply_to = parent.id
    comment.commit_id, comment.line = parent.commit_id, parent.line
    comment.position, comment.start_line = parent.position, parent.start_line
    repository.issues[pull.number].updated_at = comment.created_at
    document = review_comment_document(call.state, repository, pull, comment)
    return answer(document, 201, {"Location": document["url"]})


async def create_reply(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies."""
    repository = call.repository(Role.READ)
    viewer = call.reviewer(repository)
    pull = pull_of(call, repository)
    fields = await call.body()
    require_fields(fields, "body")
    body = _checked_body(call.state, fields)
    return _reply(call, repository, pull, viewer, (call.number("comment_id"), body))


def _listed(call: Call, repository: Repository, found: list[tuple[Pull, ReviewComment]]) -> web.Response:
    """A list of comments with `since`, `sort` and `direction`; without them, by id."""
    query = call.query
    if since := query.get("since"):
        try:
            earliest = stamp(parse_instant(since))
        except ValueError:
            raise invalid(wrong(RESOURCE, "since")) from None
        found = [pair for pair in found if pair[1].updated_at >= earliest]
    by_update = query.get("sort") == "updated"
    found.sort(key=lambda pair: (pair[1].updated_at if by_update else pair[1].created_at, pair[1].id))
    if "sort" in query and query.get("direction", "desc") == "desc":
        found.reverse()
    return call.paged(found, lambda pair: review_comment_document(call.state, repository, *pair))


async def list_review_comments(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/comments: those of submitted reviews."""
    repository = call.repository()
    pull = pull_of(call, repository)
    return _listed(call, repository, [(pull, each) for each in published_comments(pull)])


async def list_all_review_comments(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/comments."""
    repository = call.repository()
    found = [(pull, each) for pull in repository.pulls.values() for each in published_comments(pull)]
    return _listed(call, repository, found)


async def list_review_own_comments(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/comments."""
    repository = call.repository()
    pull = pull_of(call, repository)
    review = pull.reviews.get(call.number("review_id"))
    if review is None or (review.state == "PENDING" and review.user != call.viewer().login):
        raise not_found()
    found = [each for each in pull.review_comments.values() if each.review == review.id]
    return call.paged(found, lambda each: _legacy(call.state, repository, pull, each))


def _legacy(state: State, repository: Repository, pull: Pull, comment: ReviewComment) -> dict[str, Any]:
    """The older form, which always has a position."""
    document = review_comment_document(state, repository, pull, comment)
    return {"position": None, "original_position": 1} | document


def _comment_of(call: Call, repository: Repository) -> tuple[Pull, ReviewComment]:
    identity = call.number("comment_id")
    for pull in repository.pulls.values():
        if identity in pull.review_comments:
            return pull, pull.review_comments[identity]
    raise not_found()


async def get_review_comment(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/comments/{comment_id}."""
    repository = call.repository()
    pull, comment = _comment_of(call, repository)
    return answer(review_comment_document(call.state, repository, pull, comment))


async def update_review_comment(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/pulls/comments/{comment_id}."""
    repository = call.repository(Role.WRITE, PERMISSION)
    pull, comment = _comment_of(call, repository)
    fields = await call.body()
    require_fields(fields, "body")
    comment.body, comment.updated_at = _checked_body(call.state, fields), call.state.clock.stamp()
    return answer(review_comment_document(call.state, repository, pull, comment))


async def delete_review_comment(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/pulls/comments/{comment_id}."""
    pull, comment = _comment_of(call, call.repository(Role.WRITE, PERMISSION))
    del pull.review_comments[comment.id]
    return no_content()


_COMMENTS: Final = "/repos/{owner}/{repo}/pulls/{pull_number:[0-9]+}/comments"
_COMMENT: Final = "/repos/{owner}/{repo}/pulls/comments/{comment_id:[0-9]+}"
ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/pulls/comments", list_all_review_comments),
    ("GET", _COMMENTS, list_review_comments),
    ("POST", _COMMENTS, create_review_comment),
    ("POST", f"{_COMMENTS}/{{comment_id:[0-9]+}}/replies", create_reply),
    ("GET", _COMMENT, get_review_comment),
    ("PATCH", _COMMENT, update_review_comment),
    ("DELETE", _COMMENT, delete_review_comment),
)
