"""What may be changed of a project over the API (docs: api/projects, edit, archive and unarchive a project).

Of the many attributes one is taken, the description; whoever sends another one is told that here it is not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import Refusal, forbidden, invalid
from gl2gh_batch.sandbox.gitlab.call import Call, Handler, Routes
from gl2gh_batch.sandbox.gitlab.faces import project_face
from gl2gh_batch.sandbox.gitlab.instance_routes import permissions
from gl2gh_batch.sandbox.seeds.records import MAINTAINER, OWNER, Project


async def edit(call: Call) -> web.StreamResponse:
    """`PUT /projects/:id`: for Maintainers; an archived project takes no change (since 16)."""
    call.signed_in()
    found = call.project(MAINTAINER)
    given = await _given(call)
    if not given:
        names = "name, default_branch, description, visibility, topics, archived"
        raise Refusal(400, {"error": f"{names} are missing, at least one parameter must be provided"})
    for name in given:
        if name != "description":
            raise invalid(name, "is not taken by this GitLab")
    if found.archived and call.world.rules.holds("gitlab_archived_settings"):
        raise forbidden()
    description = given["description"]
    if description is not None and not isinstance(description, str):
        raise invalid("description")
    most = call.world.rules.most("gitlab_description")
    if description is not None and len(description) > most:
        said = f"is too long (maximum is {most:.0f} characters)"
        raise Refusal(400, {"message": {"description": [said]}})
    found.description = description
    return _answer(call, found, 200)


def _archiving(*, archived: bool) -> Handler:
    """`POST /projects/:id/archive` and `…/unarchive`: for Owners; saying it twice changes nothing."""

    async def archive(call: Call) -> web.StreamResponse:
        call.signed_in()
        found = call.project(OWNER)
        found.archived = archived
        return _answer(call, found, 201)

    return archive


def _answer(call: Call, project: Project, status: int) -> web.Response:
    # Stricter than GitLab may be: a change of settings counts as activity.
    project.last_activity_at = call.world.timestamp()
    face = project_face(call.world, project, permissions=permissions(call, project), with_statistics=False)
    return call.json(face, status=status)


async def _given(call: Call) -> Mapping[str, Any]:
    """The attributes, as JSON, a form, or parameters of the query."""
    request = call.request
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            raise Refusal(400, {"error": "The provided request body is not valid JSON"}) from None
        if not isinstance(body, dict):
            raise Refusal(400, {"error": "The provided request body is not an object"})
        return body
    form = {name: str(value) for name, value in (await request.post()).items()}
    return {**request.query, **form}


ROUTES: Final[Routes] = (
    ("PUT", "/projects/{id}", edit),
    ("POST", "/projects/{id}/archive", _archiving(archived=True)),
    ("POST", "/projects/{id}/unarchive", _archiving(archived=False)),
)
