"""What of pull requests has no REST twin: drafts there and back, and threads of reviews with their end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, find_repository
from gl2gh_batch.sandbox.github.errors import Refused
from gl2gh_batch.sandbox.github.graphql_answers import GraphqlError, selected, unresolved
from gl2gh_batch.sandbox.github.pull_documents import published_comments
from gl2gh_batch.sandbox.github.pull_state import Pull, ReviewComment
from gl2gh_batch.sandbox.github.state import Repository, Role, node_id, node_number
from gl2gh_batch.sandbox.graphql_syntax import Field

MOST: Final = 100


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
    """`repository(owner, name)`, with `pullRequest(number)` and its `reviewThreads(first, after)`."""
    owner, name = field.arguments.get("owner"), field.arguments.get("name")
    try:
        found = find_repository(call.state, {"owner": str(owner), "repo": str(name)})
    except Refused:
        found = None
    if found is None or role_with(call.state, call.token, found) is Role.NONE:
        message = f"Could not resolve to a Repository with the name '{owner}/{name}'."
        raise GraphqlError("NOT_FOUND", message)
    answer: dict[str, Any] = {}
    for each in field.selection:
        if each.name == "pullRequest":
            answer[each.alias] = _pull_field(found, each)
        else:
            known = {"__typename": "Repository", "id": node_id("R", found.id), "name": found.name}
            answer |= selected("Repository", known, (each,))
    return answer


def _pull_field(found: Repository, field: Field) -> dict[str, Any]:
    number = field.arguments.get("number")
    pull = found.pulls.get(number) if isinstance(number, int) else None
    if pull is None:
        message = f"Could not resolve to a PullRequest with the number of {number}."
        raise GraphqlError("NOT_FOUND", message)
    answer: dict[str, Any] = {}
    for each in field.selection:
        known = _pull(found, pull)
        if each.name == "reviewThreads":
            known["reviewThreads"] = _connection(pull, each)
        answer |= selected("PullRequest", known, (each,))
    return answer


def _connection(pull: Pull, field: Field) -> dict[str, Any]:
    first, after = field.arguments.get("first"), field.arguments.get("after")
    if not isinstance(first, int) or not 1 <= first <= MOST:
        message = "You must provide a `first` value of 1 to 100 to properly paginate `reviewThreads`."
        raise GraphqlError("MISSING_PAGINATION_BOUNDARIES", message)
    threads = _threads(pull)
    start = int(after) if isinstance(after, str) and after.isdecimal() else 0
    end = min(start + first, len(threads))
    return {
        "totalCount": len(threads),
        "nodes": [_thread(pull, each) for each in threads[start:end]],
        "pageInfo": {"hasNextPage": end < len(threads), "endCursor": str(end)},
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
    return {
        "__typename": "PullRequest",
        "id": node_id("PR", pull.id),
        "number": pull.number,
        "title": found.issues[pull.number].title,
        "isDraft": pull.draft,
        "merged": pull.merged_at is not None,
    }


MUTATIONS: Final[Mapping[str, Callable[[Call, Field], dict[str, Any]]]] = {
    "convertPullRequestToDraft": _set_draft(to=True, typename="ConvertPullRequestToDraft"),
    "markPullRequestReadyForReview": _set_draft(to=False, typename="MarkPullRequestReadyForReview"),
    "resolveReviewThread": _set_resolved(to=True, typename="ResolveReviewThread"),
    "unresolveReviewThread": _set_resolved(to=False, typename="UnresolveReviewThread"),
}
