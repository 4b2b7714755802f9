"""Reviews of pull requests: made with their comments in one request, submitted, listed, dismissed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.call import Call, Route, answer
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found
from gl2gh_batch.sandbox.github.pull_documents import review_document
from gl2gh_batch.sandbox.github.pull_state import Pull, Review
from gl2gh_batch.sandbox.github.pulls import PERMISSION, pull_of, require_fields
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.github.review_comments import add_comment, list_review_own_comments
from gl2gh_batch.sandbox.github.review_places import PlaceError, Standing, changes_at, standing_of
from gl2gh_batch.sandbox.github.state import Account, Repository, Role, State

STATES: Final[Mapping[str | None, str]] = {
    None: "PENDING",
    "APPROVE": "APPROVED",
    "REQUEST_CHANGES": "CHANGES_REQUESTED",
    "COMMENT": "COMMENTED",
}
# "comments[]" of `pulls/create-review`: a reply or a comment on a whole file has no place in a review.
COMMENT_FIELDS: Final = frozenset({"path", "position", "body", "line", "side", "start_line", "start_side"})


def refused(*words: str) -> Refused:
    """422 with GitHub's bare words."""
    return Refused(422, "Unprocessable Entity", errors=list(words))


def _event(state: State, fields: Mapping[str, Any], viewer: Account, author: str) -> str:
    """The state that the review's event leads to; 422 where the event is not allowed."""
    event = fields.get("event")
    if event not in STATES:
        raise invalid(
            message=f"Invalid request.\n\nFor 'properties/event', \"{event}\" is not a possible value."
        )
    is_own = viewer.login.casefold() == author.casefold()
    if is_own and event in ("APPROVE", "REQUEST_CHANGES") and state.rules.holds("review_own"):
        words = "approve" if event == "APPROVE" else "request changes on"
        raise refused(f"Can not {words} your own pull request")
    is_blank = not str(fields.get("body") or "").strip()
    if is_blank and event in ("COMMENT", "REQUEST_CHANGES") and state.rules.holds("review_body"):
        raise refused("Review body cannot be blank")
    return STATES[event]


def _check_body(state: State, text: Any) -> None:
    most = state.rules.most("body_chars")
    if isinstance(text, str) and len(text) > most:
        raise refused(f"Body is too long (maximum is {most:.0f} characters)")


def _asked_comments(state: State, fields: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The review's comments, their shapes checked."""
    asked = fields.get("comments") or []
    if not isinstance(asked, list) or not all(isinstance(each, dict) for each in asked):
        raise invalid(message="Invalid request.\n\nFor 'properties/comments', expected an array of objects.")
    for index, each in enumerate(asked):
        if not isinstance(each.get("path"), str) or not isinstance(each.get("body"), str):
            raise invalid(
                message=f"Invalid request.\n\nFor 'comments/{index}', path and body weren't supplied."
            )
        strangers = sorted(each.keys() - COMMENT_FIELDS)
        if strangers and state.rules.holds("review_comment_fields"):
            raise invalid(
                message=f"Invalid request.\n\nFor 'comments/{index}', {strangers} are not permitted keys."
            )
        if not each["body"].strip() and state.rules.holds("comment_blank"):
            raise refused("Body cannot be blank")
        _check_body(state, each["body"])
    return asked


async def create_review(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews: with all its comments, or nothing."""
    state = call.state
    repository = call.repository(Role.READ)
    viewer = call.reviewer(repository)
    pull = pull_of(call, repository)
    if repository.issues[pull.number].locked:
        call.repository(Role.WRITE, PERMISSION)
    fields = await call.body()
    review_state = _event(state, fields, viewer, repository.issues[pull.number].user)
    _check_body(state, fields.get("body"))
    asked = _asked_comments(state, fields)
    refuse_second_pending(state, pull, viewer)
    standings = await _standings(state, repository, pull, fields, asked)
    now = state.clock.stamp()
    review = Review(
        id=state.next_id(),
        user=viewer.login,
        body=fields.get("body") or "",
        state=review_state,
        commit_id=fields.get("commit_id") or pull.head_sha,
        submitted_at=None if review_state == "PENDING" else now,
    )
    pull.reviews[review.id] = review
    for each, standing in zip(asked, standings, strict=True):
        add_comment(state, pull, review, each["body"], standing)
    _reviewed(repository, pull, review, now)
    return answer(review_document(state, repository, pull, review))


def _reviewed(repository: Repository, pull: Pull, review: Review, now: str) -> None:
    """Who has given a review is no longer asked for it."""
    if review.state != "PENDING":
        repository.issues[pull.number].updated_at = now
        wanted = review.user.casefold()
        pull.requested_reviewers = [each for each in pull.requested_reviewers if each.casefold() != wanted]


def refuse_second_pending(state: State, pull: Pull, viewer: Account) -> None:
    """422 while the user has a review that was not submitted yet."""
    own = (each for each in pull.reviews.values() if each.user == viewer.login)
    if any(each.state == "PENDING" for each in own) and state.rules.holds("review_pending"):
        raise refused("User can only have one pending review per pull request")


async def _standings(
    state: State,
    repository: Repository,
    pull: Pull,
    fields: Mapping[str, Any],
    asked: list[Mapping[str, Any]],
) -> list[Standing]:
    """Where the comments stand; the first that stands nowhere refuses the whole, and is not named."""
    commit_id = fields.get("commit_id") or pull.head_sha
    if not asked and commit_id == pull.head_sha:
        return []
    try:
        changes = await changes_at(state, git_of(state, repository), pull, str(commit_id))
        return [standing_of(state, changes, each) for each in asked]
    except PlaceError as error:
        raise refused(str(error)) from None


def _review_of(call: Call, pull: Pull) -> Review:
    """The review of the path; a pending one is seen by its author alone."""
    review = pull.reviews.get(call.number("review_id"))
    if review is None or (review.state == "PENDING" and review.user != call.viewer().login):
        raise not_found()
    return review


async def list_reviews(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews, oldest first."""
    repository = call.repository()
    pull = pull_of(call, repository)
    own = None if call.token is None else call.token.login
    found = [each for each in pull.reviews.values() if each.state != "PENDING" or each.user == own]
    return call.paged(found, lambda each: review_document(call.state, repository, pull, each))


async def get_review(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}."""
    repository = call.repository()
    pull = pull_of(call, repository)
    return answer(review_document(call.state, repository, pull, _review_of(call, pull)))


async def update_review(call: Call) -> web.StreamResponse:
    """PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}: its body."""
    repository = call.repository(Role.WRITE, PERMISSION)
    pull = pull_of(call, repository)
    review = _review_of(call, pull)
    fields = await call.body()
    require_fields(fields, "body")
    _check_body(call.state, fields["body"])
    review.body = str(fields["body"])
    return answer(review_document(call.state, repository, pull, review))


async def submit_review(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/events."""
    repository = call.repository(Role.WRITE, PERMISSION)
    pull = pull_of(call, repository)
    review = _review_of(call, pull)
    fields = await call.body()
    require_fields(fields, "event")
    if review.state != "PENDING":
        raise refused("Can not submit a review that is not pending")
    body = fields.get("body") or review.body
    author = repository.issues[pull.number].user
    review.state = _event(call.state, {**fields, "body": body}, call.viewer(), author)
    review.body, review.submitted_at = body, call.state.clock.stamp()
    _reviewed(repository, pull, review, review.submitted_at)
    return answer(review_document(call.state, repository, pull, review))


async def delete_review(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}: a pending one."""
    repository = call.repository(Role.WRITE, PERMISSION)
    pull = pull_of(call, repository)
    review = _review_of(call, pull)
    if review.state != "PENDING":
        raise refused("Can not delete a non-pending pull request review")
    document = review_document(call.state, repository, pull, review)
    remove_review(pull, review.id)
    return answer(document)


def remove_review(pull: Pull, identity: int) -> None:
    """Take a review and its comments away."""
    del pull.reviews[identity]
    pull.review_comments = {
        key: comment for key, comment in pull.review_comments.items() if comment.review != identity
    }


async def dismiss_review(call: Call) -> web.StreamResponse:
    """PUT /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}/dismissals."""
    repository = call.repository(Role.WRITE, PERMISSION)
    pull = pull_of(call, repository)
    review = _review_of(call, pull)
    require_fields(await call.body(), "message")
    if review.state not in ("APPROVED", "CHANGES_REQUESTED"):
        raise refused("Can not dismiss a commented pull request review")
    review.state = "DISMISSED"
    return answer(review_document(call.state, repository, pull, review))


_REVIEWS: Final = "/repos/{owner}/{repo}/pulls/{pull_number:[0-9]+}/reviews"
_REVIEW: Final = f"{_REVIEWS}/{{review_id:[0-9]+}}"
ROUTES: Final[tuple[Route, ...]] = (
    ("GET", _REVIEWS, list_reviews),
    ("POST", _REVIEWS, create_review),
    ("GET", _REVIEW, get_review),
    ("PUT", _REVIEW, update_review),
    ("DELETE", _REVIEW, delete_review),
    ("POST", f"{_REVIEW}/events", submit_review),
    ("PUT", f"{_REVIEW}/dismissals", dismiss_review),
    ("GET", f"{_REVIEW}/comments", list_review_own_comments),
)
