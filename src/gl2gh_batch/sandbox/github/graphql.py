"""A few fields of GitHub's GraphQL: deleted issues, drafts, threads, lists of pull requests; and `viewer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github import graphql_pulls
from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, answer
from gl2gh_batch.sandbox.github.graphql_answers import GraphqlError, selected
from gl2gh_batch.sandbox.github.graphql_pages import refuse_too_many
from gl2gh_batch.sandbox.github.issues import delete_issue
from gl2gh_batch.sandbox.github.state import Repository, Role, node_id, node_number
from gl2gh_batch.sandbox.graphql_syntax import Field, GraphqlSyntaxError, parse_operation


def _viewer(call: Call, field: Field) -> dict[str, Any]:
    account = call.viewer()
    known = {
        "__typename": "User",
        "login": account.login,
        "id": node_id("U", account.id),
        "databaseId": account.id,
        "name": account.name,
    }
    return selected("User", known, field.selection)


def _repository(call: Call, repository: Repository, field: Field) -> dict[str, Any]:
    known = {
        "__typename": "Repository",
        "id": node_id("R", repository.id),
        "databaseId": repository.id,
        "name": repository.name,
        "nameWithOwner": repository.full_name,
        "url": f"{call.state.url}/{repository.full_name}",
    }
    return selected("Repository", known, field.selection)


def _delete_issue(call: Call, field: Field) -> dict[str, Any]:
    """`deleteIssue(input: {issueId})`: for administrators; the number stays consumed."""
    given = field.arguments.get("input")
    if not isinstance(given, dict) or not isinstance(given.get("issueId"), str):
        message = "Variable $input of type DeleteIssueInput! was provided invalid value for issueId"
        raise GraphqlError("argumentLiteralsIncompatible", message)
    identity = node_number(given["issueId"])
    # Pull requests cannot be deleted: their ids are of another sort.
    found = (
        pair
        for pair in call.state.issues()
        if identity == ("I", pair[1].id) and pair[1].number not in pair[0].pulls
    )
    repository, issue = next(found, (None, None))
    role = Role.NONE if repository is None else role_with(call.state, call.token, repository)
    if repository is None or issue is None or role is Role.NONE:
        message = f"Could not resolve to a node with the global id of '{given['issueId']}'."
        raise GraphqlError("NOT_FOUND", message)
    token = call.token
    may_write = token is None or token.permissions is None or token.permissions.get("issues") == "write"
    if (role < Role.ADMIN or not may_write) and call.state.rules.holds("permission"):
        message = f"{call.viewer().login} does not have the correct permissions to execute `DeleteIssue`"
        raise GraphqlError("FORBIDDEN", message)
    if repository.archived and call.state.rules.holds("archived"):
        raise GraphqlError("UNPROCESSABLE", "Repository was archived so is read-only.")
    delete_issue(repository, issue)
    known = {"clientMutationId": given.get("clientMutationId"), "__typename": "DeleteIssuePayload"}
    plain = Field(
        name=field.name,
        alias=field.alias,
        selection=tuple(each for each in field.selection if each.name != "repository"),
    )
    nested = {
        each.alias: _repository(call, repository, each)
        for each in field.selection
        if each.name == "repository"
    }
    return selected("DeleteIssuePayload", known, plain.selection) | nested


def _undefined(call: Call, field: Field) -> Any:  # noqa: ARG001 - every field takes the call
    raise GraphqlError("undefinedField", f"Field '{field.name}' doesn't exist here")


FIELDS: Final[Mapping[str, Mapping[str, Callable[[Call, Field], Any]]]] = {
    "query": {"viewer": _viewer, "repository": graphql_pulls.repository},
    "mutation": {"deleteIssue": _delete_issue, **graphql_pulls.MUTATIONS},
}


async def post_graphql(call: Call) -> web.StreamResponse:
    """POST /api/graphql: errors come with status 200, beside what did succeed."""
    call.viewer()
    asked = await call.body()
    try:
        operation = parse_operation(str(asked.get("query", "")), asked.get("variables") or {})
        refuse_too_many(operation.selection)
    except GraphqlSyntaxError as error:
        return answer({"errors": [{"message": str(error)}]})
    except GraphqlError as error:
        return answer({"errors": [{"type": error.kind, "message": str(error)}]})
    data: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    known = FIELDS[operation.kind]
    for field in operation.selection:
        try:
            data[field.alias] = known.get(field.name, _undefined)(call, field)
        except GraphqlError as error:
            data[field.alias] = None
            errors.append({"type": error.kind, "path": [field.alias], "message": str(error)})
    return answer({"data": data, "errors": errors} if errors else {"data": data})
