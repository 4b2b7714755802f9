"""The one thing of GitLab's GraphQL API that REST does not tell: the designs of issues.

Types and limits: docs api/graphql/reference (Query.project, Project.issue, DesignCollection, Design) and
api/graphql (maximum page size 100, query complexity 250, 200 for the anonymous, 10,000 characters).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.access import Caller, api_caller
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.graphql_syntax import Field, GraphqlSyntaxError, parse_operation
from gl2gh_batch.sandbox.seeds.records import Design, Issue, Project

MOST_COMPLEX: Final = 250
MOST_COMPLEX_ANONYMOUS: Final = 200
MOST_CHARACTERS: Final = 10_000
PAGE: Final = 100


class QueryError(Exception):
    """What stands in `errors`, without any data beside it."""


async def post_graphql(world: World, request: web.Request) -> web.StreamResponse:
    """`POST /api/graphql`: what is not understood is told with status 200, as GitLab does."""
    caller = api_caller(world, request, reads=True)
    try:
        asked = json.loads(await request.text())
        query, variables = asked["query"], asked.get("variables") or {}
    except (ValueError, KeyError, TypeError):
        return web.json_response({"errors": [{"message": "Unexpected end of document"}]}, status=400)
    try:
        data = _answer(caller, query, variables)
    except (GraphqlSyntaxError, QueryError) as error:
        return web.json_response({"errors": [{"message": str(error)}]})
    return web.json_response({"data": data})


def _answer(caller: Caller, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    if len(query) > MOST_CHARACTERS:
        raise QueryError("Query too large")
    operation = parse_operation(query, variables)
    if operation.kind != "query":
        raise QueryError("Mutations are not served here")
    most = MOST_COMPLEX if caller.user is not None else MOST_COMPLEX_ANONYMOUS
    complexity = _complexity(operation.selection)
    if complexity > most:
        raise QueryError(f"Query has complexity of {complexity}, which exceeds max complexity of {most}")
    return _shown("Query", {"project": lambda field: _project(caller, field)}, operation.selection)


def design_path(project: Project, design: Design) -> str:
    """Where the picture lies: a page for browsers, no part of the API."""
    return f"/{project.full_path}/-/design_management/designs/{design.id}/{design.sha}/raw_image"


def _complexity(selection: Sequence[Field]) -> int:
    """One for each field; what is below a connection counts twice for a full page."""
    return sum(1 + _complexity(each.selection) * (2 if each.name == "designs" else 1) for each in selection)


def _project(caller: Caller, field: Field) -> Any:
    project = caller.world.project(_argument(field, "fullPath", str))
    if project is None or not caller.can_see(project):
        return None
    shown = {
        "id": f"gid://gitlab/Project/{project.id}",
        "fullPath": project.full_path,
        "issue": lambda below: _issue(caller, project, below),
    }
    return _shown("Project", shown, field.selection)


def _issue(caller: Caller, project: Project, field: Field) -> Any:
    wanted = _argument(field, "iid", str)
    issue = project.issues.get(int(wanted)) if wanted.isdecimal() else None
    hidden = issue is None or not caller.can_see_issue(project, issue)
    if issue is None or hidden or not caller.can_use(project, "issues"):
        return None
    shown = {
        "id": f"gid://gitlab/Issue/{issue.id}",
        "iid": str(issue.iid),
        "designCollection": lambda below: _collection(caller, project, issue, below),
    }
    return _shown("Issue", shown, field.selection)


def _collection(caller: Caller, project: Project, issue: Issue, field: Field) -> Any:
    shown = {"designs": lambda below: _designs(caller, project, issue, below)}
    return _shown("DesignCollection", shown, field.selection)


def _designs(caller: Caller, project: Project, issue: Issue, field: Field) -> Any:
    """A connection, in pages of a hundred at most; a cursor is the id before."""
    size = min(_argument(field, "first", int, PAGE), PAGE)
    after = _argument(field, "after", str, "") or "0"
    rows = [each for each in issue.designs if each.id > int(after)]
    page = rows[:size]
    info = {"hasNextPage": len(rows) > size, "endCursor": str(page[-1].id) if page else None}
    shown = {
        "pageInfo": lambda below: _shown("PageInfo", info, below.selection),
        "nodes": lambda below: [
            _shown("Design", _design_face(caller, project, each), below.selection) for each in page
        ],
    }
    return _shown("DesignConnection", shown, field.selection)


def _design_face(caller: Caller, project: Project, design: Design) -> dict[str, Any]:
    return {
        "id": f"gid://gitlab/DesignManagement::Design/{design.id}",
        "filename": design.filename,
        "fullPath": f"designs/issue-{design.id}/{design.filename}",
        "image": f"{caller.world.url}{design_path(project, design)}",
        "imageV432x230": None,
        "notesCount": design.notes_count,
        "event": "NONE",
    }


def _shown(typename: str, known: Mapping[str, Any], selection: Sequence[Field]) -> dict[str, Any]:
    """The asked fields; an object needs a selection, and a plain value has none."""
    found: dict[str, Any] = {}
    for each in selection:
        if each.name not in known:
            raise QueryError(f"Field '{each.name}' doesn't exist on type '{typename}'")
        value = known[each.name]
        if callable(value) != bool(each.selection):
            raise QueryError(f"Field '{each.name}' of '{typename}' has a wrong selection")
        found[each.alias] = value(each) if each.selection else value
    return found


def _argument(field: Field, name: str, type_: type[Any], otherwise: Any = None) -> Any:
    value = field.arguments.get(name, otherwise)
    if value is None and otherwise is not None:
        return otherwise
    if not isinstance(value, type_) or isinstance(value, bool):
        raise QueryError(f"Argument '{name}' on Field '{field.name}' has an invalid value ({value!r})")
    return value
