"""Pull requests in GraphQL: their drafts there and back, threads with their end, and lists with reviews."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, find_repository, visible
from gl2gh_batch.sandbox.github.errors import Refused
from gl2gh_batch.sandbox.github.graphql_answers import GraphqlError, selected, unresolved
from gl2gh_batch.sandbox.github.graphql_pages import page_of
from gl2gh_batch.sandbox.github.pull_documents import published_comments
from gl2gh_batch.sandbox.github.pull_state import Pull, Review, ReviewComment
from gl2gh_batch.sandbox.github.state import Repository, Role, node_id, node_number
from gl2gh_batch.sandbox.graphql_syntax import Field

ORDERS: Final = ("CREATED_AT", "UPDATED_AT")


def _pulls(call: Call) -> Iterator[tuple[Repository, Pull]]:
    for repository in call.state.repositories.values():
        if role_with(call.state, call.token, repository) > Role.NONE:
            for pull in repository.pulls.values():
                yield repository, pull


def _input(field: Field, name: str) -> str:
    given = field.arguments.get("input")
    if not isinstance(given, dict) or not isinstance(given.get(name), str):
        message = f"Variable $input was provided invalid value for {name}"
        raise GraphqlError("argumentLiteralsIncompatible", message)
    return str(given[name])


def _require_write(call: Call, repository: Repository, mutation: str) -> None:
    token, rules = call.token, call.state.rules
    may = token is None or token.permissions is None or token.permissions.get("pull_requests") == "write"
    if (role_with(call.state, token, repository) < Role.WRITE or not may) and rules.holds("permission"):
        message = f"{call.viewer().login} does not have the correct permissions to execute `{mutation}`"
        raise GraphqlError("FORBIDDEN", message)
    if repository.archived and rules.holds("archived"):
        raise GraphqlError("UNPROCESSABLE", "Repository was archived so is read-only.")


def _payload(field: Field, typename: str, known: Mapping[str, Any]) -> dict[str, Any]:
    mutation_id = field.arguments["input"].get("clientMutationId")
    whole = {"__typename": typename, "clientMutationId": mutation_id, **known}
    return selected(typename, whole, field.selection)


def _set_draft(*, to: bool, typename: str) -> Callable[[Call, Field], dict[str, Any]]:
    def mutate(call: Call, field: Field) -> dict[str, Any]:
        wanted = _input(field, "pullRequestId")
        for repository, pull in _pulls(call):
            if node_number(wanted) == ("PR", pull.id):
                _require_write(call, repository, typename)
                issue = repository.issues[pull.number]
                if issue.state != "open":
                    raise GraphqlError("UNPROCESSABLE", "Pull request is closed")
                if to and repository.private and not call.state.settings.has_drafts:
                    raise GraphqlError("UNPROCESSABLE", "Draft pull requests are not supported.")
                pull.draft, issue.updated_at = to, call.state.clock.stamp()
                known = {"pullRequest": _pull(repository, pull)}
                return _payload(field, f"{typename}Payload", known)
        raise unresolved(wanted)

    return mutate


def _set_resolved(*, to: bool, typename: str) -> Callable[[Call, Field], dict[str, Any]]:
    def mutate(call: Call, field: Field) -> dict[str, Any]:
        wanted = _input(field, "threadId")
        for repository, pull in _pulls(call):
            for comment in _threads(pull):
                if node_number(wanted) == ("PRRT", comment.id):
                    _require_write(call, repository, typename)
                    comment.is_resolved = to
                    comment.resolved_by = call.viewer().login if to else None
                    return _payload(field, f"{typename}Payload", {"thread": _thread(pull, comment)})
        raise unresolved(wanted)

    return mutate


def repository(call: Call, field: Field) -> dict[str, Any]:
    """`repository(owner, name)`, with `pullRequest(number)` and `pullRequests(first, after, orderBy)`."""
    owner, name = field.arguments.get("owner"), field.arguments.get("name")
    try:
        found = find_repository(call.state, {"owner": str(owner), "repo": str(name)})
    except Refused:
        found = None
    if found is None or role_with(call.state, call.token, found) is Role.NONE:
        message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
        raise GraphqlError("NOT_FOUND", message)
    found = visible(call.state, found)
    answer: dict[str, Any] = {}
    for each in field.selection:
        if each.name in ("pullRequest", "pullRequests"):
            _require_read(call)
        if each.name == "pullRequest":
            answer[each.alias] = _pull_field(call, found, each)
        elif each.name == "pullRequests":
            answer[each.alias] = _pull_list(call, found, each)
        else:
            known = {"__typename": "Repository", "id": node_id("R", found.id), "name": found.name}
            answer |= selected("Repository", known, (each,))
    return answer


def _require_read(call: Call) -> None:
    """The error that a token gets whose permissions do not name pull requests."""
    token = call.token
    if token is None or token.permissions is None or not call.state.rules.holds("permission"):
        return
    if token.permissions.get("pull_requests") not in ("read", "write"):
        kind = "integration" if token.kind == "installation" else "personal access token"
        raise GraphqlError("FORBIDDEN", f"Resource not accessible by {kind}")


def _pull_field(call: Call, found: Repository, field: Field) -> dict[str, Any]:
    number = field.arguments.get("number")
    pull = found.pulls.get(number) if isinstance(number, int) else None
    if pull is None:
        message = f"Could not resolve to a PullRequest with the number of {number}."
        raise GraphqlError("NOT_FOUND", message)
    return _selected_pull(call, found, pull, field.selection)


def _pull_list(call: Call, found: Repository, field: Field) -> dict[str, Any]:
    """All of them, by creation where nothing else is asked for."""
    order = field.arguments.get("orderBy") or {"field": "CREATED_AT", "direction": "ASC"}
    if order.get("field") not in ORDERS or order.get("direction") not in ("ASC", "DESC"):
        message = f"Argument 'orderBy' on Field 'pullRequests' has an invalid value ({order})."
        raise GraphqlError("argumentLiteralsIncompatible", message)
    if strangers := sorted(field.arguments.keys() - {"first", "after", "orderBy"}):
        message = f"Field 'pullRequests' doesn't accept argument '{strangers[0]}'"
        raise GraphqlError("argumentNotAccepted", message)

    def moment(pull: Pull) -> tuple[str, int]:
        issue = found.issues[pull.number]
        return (issue.created_at if order["field"] == "CREATED_AT" else issue.updated_at), pull.number

    pulls = sorted(found.pulls.values(), key=moment, reverse=order["direction"] == "DESC")
    return page_of(field, pulls, lambda pull, selection: _selected_pull(call, found, pull, selection))


def _selected_pull(call: Call, found: Repository, pull: Pull, selection: Sequence[Field]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for each in selection:
        known = _pull(found, pull)
        if each.name == "reviewThreads":
            threads = _threads(pull)
            answer[each.alias] = page_of(
                each, threads, lambda one, asked: selected("Thread", _thread(pull, one), asked)
            )
        elif each.name == "reviews":
            reviews = _reviews(call, pull)
            answer[each.alias] = page_of(
                each, reviews, lambda one, asked: selected("PullRequestReview", _review(one), asked)
            )
        else:
            answer |= selected("PullRequest", known, (each,))
    return answer


def _reviews(call: Call, pull: Pull) -> list[Review]:
    """The reviews, oldest first; one that was not submitted is seen by its author alone."""
    own = None if call.token is None else call.token.login
    return [each for each in pull.reviews.values() if each.state != "PENDING" or each.user == own]


def _review(review: Review) -> dict[str, Any]:
    return {
        "__typename": "PullRequestReview",
        "id": node_id("PRR", review.id),
        # `databaseId` ends where ids have outgrown 32 bits (docs: "Breaking changes").
        "fullDatabaseId": str(review.id),
        "state": review.state,
        "body": review.body,
        "submittedAt": review.submitted_at,
        # Nobody stands for an account that is gone.
        "author": None if review.user == "ghost" else {"login": review.user},
    }


def _threads(pull: Pull) -> list[ReviewComment]:
    """The comments that begin a thread."""
    return [each for each in published_comments(pull) if each.in_reply_to is None]


def _thread(pull: Pull, first: ReviewComment) -> dict[str, Any]:
    comments = [first, *(each for each in published_comments(pull) if each.in_reply_to == first.id)]
    return {
        "__typename": "PullRequestReviewThread",
        "id": node_id("PRRT", first.id),
        "isResolved": first.is_resolved,
        "isOutdated": first.subject_type == "line" and first.line is None,
        "path": first.path,
        "line": first.line,
        "comments": {
            "totalCount": len(comments),
            "nodes": [
                {"databaseId": each.id, "id": node_id("PRRC", each.id), "body": each.body}
                for each in comments
            ],
        },
    }


def _pull(found: Repository, pull: Pull) -> dict[str, Any]:
    issue = found.issues[pull.number]
    return {
        "__typename": "PullRequest",
        "id": node_id("PR", pull.id),
        "number": pull.number,
        "title": issue.title,
        "state": "MERGED" if pull.merged_at is not None else issue.state.upper(),
        "isDraft": pull.draft,
        "merged": pull.merged_at is not None,
    }


MUTATIONS: Final[Mapping[str, Callable[[Call, Field], dict[str, Any]]]] = {
    "convertPullRequestToDraft": _set_draft(to=True, typename="ConvertPullRequestToDraft"),
    "markPullRequestReadyForReview": _set_draft(to=False, typename="MarkPullRequestReadyForReview"),
    "resolveReviewThread": _set_resolved(to=True, typename="ResolveReviewThread"),
    "unresolveReviewThread": _set_resolved(to=False, typename="UnresolveReviewThread"),
}
