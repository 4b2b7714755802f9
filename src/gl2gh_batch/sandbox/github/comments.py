"""Comments on issues and pull requests."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.clock import parse_instant, stamp
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content, text_field
from gl2gh_batch.sandbox.github.errors import invalid, not_found, wrong
from gl2gh_batch.sandbox.github.issues import require_issues
from gl2gh_batch.sandbox.github.render import comment_document
from gl2gh_batch.sandbox.github.state import Comment, Issue, Repository, Role

RESOURCE: Final = "IssueComment"


async def _checked_body(call: Call) -> str:
    body = text_field(await call.body(), "body", RESOURCE)
    body = body or ""
    if not body.strip() and call.state.rules.holds("comment_blank"):
        raise invalid(_unprocessable("Body cannot be blank"))
    most = call.state.rules.most("body_chars")
    if len(body) > most:
        raise invalid(_unprocessable(f"Body is too long (maximum is {most:.0f} characters)"))
    return body


def _unprocessable(message: str) -> dict[str, Any]:
    return wrong(RESOURCE, "data", "unprocessable", message=message)


def _since(call: Call) -> str:
    since = call.query.get("since")
    try:
        return "" if since is None else stamp(parse_instant(since))
    except ValueError:
        raise invalid(wrong(RESOURCE, "since")) from None


async def list_comments(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/{issue_number}/comments, oldest first."""
    repository = call.repository()
    issue = call.issue(repository)
    earliest = _since(call)
    found = [each for each in issue.comments.values() if each.updated_at >= earliest]
    return call.paged(found, lambda each: comment_document(call.state, repository, issue, each))


async def list_all_comments(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/comments."""
    repository = call.repository()
    earliest = _since(call)
    found = [
        (issue, each)
        for issue in repository.issues.values()
        for each in issue.comments.values()
        if each.updated_at >= earliest
    ]
    by_update = call.query.get("sort") == "updated"
    found.sort(key=lambda pair: (pair[1].updated_at if by_update else pair[1].created_at, pair[1].id))
    if call.query.get("direction") == "desc" and "sort" in call.query:
        found.reverse()
    return call.paged(found, lambda pair: comment_document(call.state, repository, pair[0], pair[1]))


async def create_comment(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/issues/{issue_number}/comments."""
    state = call.state
    repository = call.repository(Role.READ)
    viewer = call.opened_by_reader(repository)
    issue = call.issue(repository)
    if issue.locked:
        repository = call.repository(Role.WRITE, "issues")
    require_issues(call, repository, issue)
    body = await _checked_body(call)
    now = state.clock.stamp()
    comment = Comment(id=state.next_id(), body=body, user=viewer.login, created_at=now, updated_at=now)
    issue.comments[comment.id] = comment
    issue.updated_at = now
    document = comment_document(state, repository, issue, comment)
    return answer(document, 201, {"Location": document["url"]})


def _comment_of(call: Call, repository: Repository) -> tuple[Issue, Comment]:
    identity = call.number("comment_id")
    for issue in repository.issues.values():
        if identity in issue.comments:
            return issue, issue.comments[identity]
    raise not_found()


async def get_comment(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/issues/comments/{comment_id}."""
    repository = call.repository()
    issue, comment = _comment_of(call, repository)
    return answer(comment_document(call.state, repository, issue, comment))


async def update_comment(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}."""
    repository = call.repository(Role.WRITE, "issues")
    issue, comment = _comment_of(call, repository)
    comment.body = await _checked_body(call)
    comment.updated_at = call.state.clock.stamp()
    return answer(comment_document(call.state, repository, issue, comment))


async def delete_comment(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}."""
    issue, comment = _comment_of(call, call.repository(Role.WRITE, "issues"))
    del issue.comments[comment.id]
    return no_content()


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/issues/comments", list_all_comments),
    ("GET", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/comments", list_comments),
    ("POST", "/repos/{owner}/{repo}/issues/{issue_number:[0-9]+}/comments", create_comment),
    ("GET", "/repos/{owner}/{repo}/issues/comments/{comment_id}", get_comment),
    ("PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", update_comment),
    ("DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", delete_comment),
)
