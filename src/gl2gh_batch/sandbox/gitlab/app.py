"""The GitLab of the sandbox as a web application: API v4, uploads, and git over smart HTTP.

Requests are only answered here; limits, faults and the journal are the business of whoever serves the
application.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from gl2gh_batch.sandbox.git_http import is_write, serve_git
from gl2gh_batch.sandbox.gitlab import (
    file_routes,
    instance_routes,
    project_routes,
    project_writes,
    publication_routes,
    repository_routes,
)
from gl2gh_batch.sandbox.gitlab.access import api_caller, git_caller
from gl2gh_batch.sandbox.gitlab.answers import RULES, Refusal
from gl2gh_batch.sandbox.gitlab.call import Call, Handler
from gl2gh_batch.sandbox.gitlab.file_routes import upload_answer
from gl2gh_batch.sandbox.gitlab.graphql import post_graphql
from gl2gh_batch.sandbox.gitlab.item_routes import item_routes
from gl2gh_batch.sandbox.gitlab.snippet_git import snippet_repository
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.lfs import Lfs, is_lfs, is_lfs_transfer, serve_lfs
from gl2gh_batch.sandbox.seeds.records import DEVELOPER, Project

API: Final = "/api/v4"
GRAPHQL: Final = "/api/graphql"
_GIT: Final = re.compile(
    r"/(?P<project>[^?]+?)(?:(?P<wiki>\.wiki)|/snippets/(?P<snippet>\d+))?\.git(?P<rest>/(?:info/refs|info/lfs/.*|HEAD|git-(?:upload|receive)-pack|objects/.*))"
)
_UPLOAD: Final = re.compile(
    r"/(?:-/project/(?P<id>\d+)|-/group/(?P<group_id>\d+)|(?P<path>.+?)(?:/-)?)/uploads/(?P<secret>[0-9a-f]{32})/(?P<filename>[^/]+)"
)
_DESIGN: Final = re.compile(
    r"/(?P<path>.+?)/-/design_management/designs/(?P<id>\d+)(?:/[0-9a-f]{40})?/raw_image"
)
_EVIDENCE: Final = re.compile(r"/(?P<path>.+?)/-/releases/.+/evidences/\d+\.json")
_CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="GitLab"'}
# What GitLab keeps for itself: pushes to it are refused.
_INTERNAL_REFS: Final = (
    "refs/merge-requests",
    "refs/keep-around",
    "refs/environments",
    "refs/pipelines",
    "refs/tmp",
)


def make_app(world: World) -> web.Application:
    """The application that serves a world; set `world.url` once the port is known."""
    app = web.Application(middlewares=[_refusals])
    app[RULES] = world.rules
    routes = (
        *instance_routes.ROUTES,
        *project_routes.ROUTES,
        *project_writes.ROUTES,
        *publication_routes.ROUTES,
        *item_routes(),
        *repository_routes.ROUTES,
        *file_routes.ROUTES,
    )
    for method, path, handler in routes:
        app.router.add_route(method, API + path, _api(world, handler))
        if method == "GET":
            app.router.add_route("HEAD", API + path, _api(world, handler))
    app.router.add_route("POST", GRAPHQL, _graphql(world))
    app.router.add_route("*", API + "/{path:.*}", _unknown(world))
    app.router.add_route("*", "/{path:.*}", _elsewhere(world))
    return app


@web.middleware
async def _refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn refusals into their answers."""
    try:
        return await handler(request)
    except Refusal as refusal:
        return refusal.response()
    except web.HTTPMethodNotAllowed:
        return web.json_response({"error": "405 Not Allowed"}, status=405)


def _api(world: World, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(Call(request, api_caller(world, request)))

    return handle


def _graphql(world: World) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await post_graphql(world, request)

    return handle


def _unknown(world: World) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        api_caller(world, request)
        raise Refusal(404, {"error": "404 Not Found"})

    return handle


def _elsewhere(world: World) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Git, uploads, and nothing else: there are no pages to look at."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if match := _GIT.fullmatch(request.path):
            return await _git(world, request, match)
        if request.method in ("GET", "HEAD") and (match := _UPLOAD.fullmatch(request.path)):
            return _upload(world, request, match)
        if request.method in ("GET", "HEAD") and (match := _DESIGN.fullmatch(request.path)):
            return _design(world, match)
        if request.method in ("GET", "HEAD") and (match := _EVIDENCE.fullmatch(request.path)):
            return _evidence(world, request, match)
        return web.Response(status=404, text="The page could not be found.\n")

    return handle


async def _git(world: World, request: web.Request, match: re.Match[str]) -> web.StreamResponse:
    """One request of a git client; what the anonymous may not see asks for a name and a token."""
    writes = is_write(request, match["rest"])
    if is_lfs_transfer(match["rest"]) and (owner := world.project(match["project"])) is not None:
        return await serve_lfs(request, match["rest"], _lfs(world, owner, may_write=False))
    try:
        caller = git_caller(world, request, writes=writes)
    except Refusal:
        return _denied(world)
    project = world.project(match["project"])
    if project is None or not caller.can_see(project):
        if caller.user is None:
            return _denied(world)
        return web.Response(
            status=404,
            text="The project you were looking for could not be found"
            " or you don't have permission to view it.",
        )
    if match["snippet"]:
        snippet = next((one for one in project.snippets if one.id == int(match["snippet"])), None)
        if snippet is None or writes:
            return web.Response(status=404, text="The snippet you were looking for could not be found.")
        is_open = snippet.visibility == "public" or caller.user is not None
        repository = snippet_repository(world, snippet)
        may_read = is_open and caller.can_use(project, "snippets")
    elif match["wiki"]:
        repository, may_read = world.wiki_repository(project), caller.can_use(project, "wiki")
    else:
        repository, may_read = world.repository(project), caller.can_read_code(project)
    if writes and caller.user is None:
        return _denied(world)
    is_read_only = project.archived and world.rules.holds("gitlab_archived")
    if not may_read or (writes and (is_read_only or not caller.reaches(project, DEVELOPER))):
        return web.Response(status=403, text="You are not allowed to do that in this project.")
    if is_lfs(match["rest"]):
        may_write = not is_read_only and caller.user is not None and caller.reaches(project, DEVELOPER)
        return await serve_lfs(request, match["rest"], _lfs(world, project, may_write=may_write))
    if not repository.exists():
        return web.Response(status=404, text="A repository for this project does not exist yet.")
    response = await serve_git(
        request,
        root=world.git_root,
        repository=repository.name,
        path_info=match["rest"],
        user=caller.user.username if caller.user is not None else "",
        hidden_refs=_INTERNAL_REFS if world.rules.holds("gitlab_internal_refs") else (),
    )
    if writes and match["rest"] == "/git-receive-pack":
        project.revision += 1
        project.last_activity_at = world.timestamp()
    return response


def _lfs(world: World, project: Project, *, may_write: bool) -> Lfs:
    return Lfs(
        address=f"{world.url}/{project.full_path}.git",
        objects=project.lfs_objects,
        folder=world.git_root / f"project-{project.id}.files" / "lfs",
        may_write=may_write,
        refuse=lambda _: None,
    )


def _denied(world: World) -> web.Response:
    return web.Response(
        status=401,
        text="HTTP Basic: Access denied. If a password was provided for Git authentication, the password was"
        " incorrect or you're required to use a token instead of a password.\n",
        headers=_CHALLENGE if world.rules.holds("gitlab_challenge") else None,
    )


def _upload(world: World, request: web.Request, match: re.Match[str]) -> web.StreamResponse:
    """A file by the address that stands in texts; a private project's needs a token."""
    caller = api_caller(world, request)
    if match["group_id"] or (match["path"] or "").startswith("groups/"):
        return web.Response(status=404, text="The page could not be found.\n")
    project = world.project(match["id"] or match["path"] or "")
    if project is None or not caller.can_see(project):
        return web.Response(status=404, text="The page could not be found.\n")
    return upload_answer(world, project, match["secret"], match["filename"])


def _design(world: World, match: re.Match[str]) -> web.StreamResponse:
    """A design's picture: a page for browsers, which takes a session and no token.

    gitlabhq: `Projects::DesignManagement::DesignsController` lets no sessionless user in, so that without one
    only public projects show it.
    """
    project = world.project(match["path"])
    if project is None or project.visibility != "public" or not project.can_use("issues"):
        return web.Response(status=302, headers={"Location": f"{world.url}/users/sign_in"})
    for issue in project.issues.values():
        for design in issue.designs:
            if design.id == int(match["id"]) and not issue.confidential:
                return web.Response(
                    body=design.content,
                    content_type="application/octet-stream",
                    headers={"Content-Disposition": "attachment"},
                )
    return web.Response(status=404, text="The page could not be found.\n")


def _evidence(world: World, request: web.Request, match: re.Match[str]) -> web.StreamResponse:
    """A release's evidence by its address, for those who may see the project."""
    caller = api_caller(world, request)
    project = world.project(match["path"])
    if project is not None and caller.can_see(project):
        for release in project.releases:
            for each in release.evidences:
                if each["filepath"] == request.path and "text" in each:
                    return web.Response(text=each["text"], content_type="application/json")
    return web.Response(status=404, text="The page could not be found.\n")
