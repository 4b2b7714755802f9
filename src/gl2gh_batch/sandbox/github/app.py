"""GitHub as one web application: the API below `/api/v3` and `/api/graphql`, git and wikis beside it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from aiohttp import web

from gl2gh_batch.sandbox.github import (
    accounts,
    artifacts,
    comments,
    graphql,
    imports,
    issues,
    labels,
    milestones,
    pulls,
    refs,
    relations,
    releases,
    repositories,
    review_comments,
    reviews,
    search,
    trees,
)
from gl2gh_batch.sandbox.github.call import Call, Handler, Route, add_etag, answer, find_repository, snapshot
from gl2gh_batch.sandbox.github.errors import Refused, not_found
from gl2gh_batch.sandbox.github.state import Replica, Repository, State
from gl2gh_batch.sandbox.github.transport import Transport, install_hooks
from gl2gh_batch.sandbox.guard import LAG_S

API: Final = "/api/v3"
# The uploads host of GHES is a path of the instance; elsewhere it is a host of its own.
UPLOADS: Final = "/api/uploads"
GRAPHQL: Final = "/api/graphql"
# Requests to the API hold at most this; imports are measured by their own rule.
MAX_BODY_BYTES: Final = 32 * 1024 * 1024

ROUTES: Final[tuple[Route, ...]] = (
    *accounts.ROUTES,
    *repositories.ROUTES,
    *labels.ROUTES,
    *milestones.ROUTES,
    *comments.ROUTES,
    *issues.ROUTES,
    *imports.ROUTES,
    *pulls.ROUTES,
    *reviews.ROUTES,
    *review_comments.ROUTES,
    *relations.ROUTES,
    *refs.ROUTES,
    *trees.ROUTES,
    *releases.ROUTES,
    *search.ROUTES,
    *artifacts.ROUTES,
)
BY_NAME: Final = "/repos/{owner}/{repo}"
BY_ID: Final = "/repositories/{repository_id}"


def make_app(state: State, extra: tuple[Route, ...] = ()) -> web.Application:
    """The application that serves a state; `extra` routes are those that need more than the state."""
    install_hooks(state.git_root)
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    for method, path, handler in (*ROUTES, *extra):
        _add(app, state, method, API + path, handler)
        if path.startswith(BY_NAME):
            _add(app, state, method, API + path.replace(BY_NAME, BY_ID, 1), handler)
    method, path, handler = releases.UPLOAD
    _add(app, state, method, UPLOADS + path, handler)
    _add(app, state, "POST", GRAPHQL, graphql.post_graphql)
    _add(app, state, "*", "/api/{rest:.*}", _unknown)
    app.router.add_get(artifacts.STORE, partial(artifacts.serve_store, state=state))
    transport = Transport(state)
    app.router.add_route("*", "/{owner}/{repo}/{path:(?:info/.*|git-.*|objects/.*|HEAD)}", transport.serve)
    return app


def _add(app: web.Application, state: State, method: str, path: str, handler: Handler) -> None:
    async def serve(request: web.Request) -> web.StreamResponse:
        return await _serve(request, state, handler)

    if method == "GET":
        app.router.add_get(path, serve, allow_head=True)
    else:
        app.router.add_route(method, path, serve)


async def _unknown(call: Call) -> web.StreamResponse:  # noqa: ARG001 - every handler takes the call
    """Whatever this GitHub does not have."""
    raise not_found()


async def _serve(request: web.Request, state: State, handler: Handler) -> web.StreamResponse:
    """Perform one call of the API; refusals become answers, reads are tagged, writes may lag."""
    try:
        call = Call(request, state)
        if call.is_read:
            response = await handler(call)
            if response.status == 200 and isinstance(response, web.Response) and state.rules.holds("etag"):
                response = add_etag(request, response)
        else:
            response = await _lagging(call, handler)
    except Refused as refused:
        response = answer(refused.document, refused.status, refused.headers)
    finally:
        if request.method not in ("GET", "HEAD"):
            state.changed()
    if state.rules.holds("x-github-media-type"):
        response.headers["X-GitHub-Media-Type"] = "github.v3; format=json"
    if state.rules.holds("x-github-api-version-selected"):
        response.headers["X-GitHub-Api-Version-Selected"] = "2022-11-28"
    return response


async def _lagging(
    call: Call, handler: Callable[[Call], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """A write that readers see only after a while, when a fault says so."""
    lag_s = call.request.get(LAG_S)
    if lag_s is None:
        return await handler(call)
    state = call.state
    before: Repository | None = None
    if "repo" in call.params or "repository_id" in call.params:
        before = snapshot(find_repository(state, call.params))
    known = {repository.id for repository in state.repositories.values()}
    response = await handler(call)
    until = state.clock.monotonic() + lag_s
    if before is not None:
        state.replicas.setdefault(before.id, []).append(Replica(until=until, repository=before))
    for repository in state.repositories.values():
        if repository.id not in known:
            state.hidden_until[repository.id] = until
    return response
