"""Artifacts of workflow runs: listed for a run, downloaded by a redirect to a store on another host.

GitHub docs: "REST API endpoints for GitHub Actions artifacts". The store is none of GitHub's own: it refuses
a request that carries a credential beside the signature in its address, as the real one does.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

from aiohttp import web

from gl2gh_batch.sandbox.credentials import secret_of
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content
from gl2gh_batch.sandbox.github.errors import Refused, not_found
from gl2gh_batch.sandbox.github.state import Artifact, Repository, Role, State, node_id

STORE: Final = "/_store/artifacts/{artifact_id:[0-9]+}"


def artifact_document(state: State, repository: Repository, artifact: Artifact) -> dict[str, Any]:
    """An artifact as the API shows it."""
    url = f"{state.api_url}/repos/{repository.full_name}/actions/artifacts/{artifact.id}"
    return {
        "id": artifact.id,
        "node_id": node_id("MDg6QXJ0aWZhY3Q", artifact.id),
        "name": artifact.name,
        "size_in_bytes": len(artifact.data),
        "url": url,
        "archive_download_url": f"{url}/zip",
        "expired": artifact.expired,
        "digest": f"sha256:{hashlib.sha256(artifact.data).hexdigest()}",
        "created_at": artifact.created_at,
        "updated_at": artifact.created_at,
        "expires_at": artifact.created_at,
        "workflow_run": {
            "id": artifact.run_id,
            "repository_id": repository.id,
            "head_repository_id": repository.id,
            "head_branch": repository.default_branch or "main",
            "head_sha": "0" * 40,
        },
    }


async def list_run_artifacts(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts."""
    repository = call.repository(Role.READ)
    run_id = call.number("run_id")
    found = [one for one in call.state.artifacts.values() if one.repository_id == repository.id]
    found = [one for one in found if one.run_id == run_id]
    if not found and run_id not in {one.run_id for one in call.state.artifacts.values()}:
        raise not_found()
    name = call.query.get("name")
    if name is not None:
        found = [one for one in found if one.name == name]
    documents = [artifact_document(call.state, repository, one) for one in found]
    return answer({"total_count": len(documents), "artifacts": documents})


def _artifact(call: Call) -> tuple[Repository, Artifact]:
    repository = call.repository(Role.READ)
    artifact = call.state.artifacts.get(call.number("artifact_id"))
    if artifact is None or artifact.repository_id != repository.id:
        raise not_found()
    return repository, artifact


async def get_artifact(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}."""
    return answer(artifact_document(call.state, *_artifact(call)))


async def download_artifact(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/zip: a redirect to the store."""
    _, artifact = _artifact(call)
    if call.token is None:
        raise Refused(401, "Requires authentication")
    if artifact.expired:
        raise Refused(410, "Artifact has expired")
    parts = urlsplit(call.state.url)
    # Another host as far as any client can tell.
    store = f"{parts.scheme}://localhost:{parts.port}/_store/artifacts/{artifact.id}"
    return web.Response(status=302, headers={"Location": f"{store}?sig={_signature(call.state, artifact)}"})


async def delete_artifact(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/actions/artifacts/{artifact_id}."""
    _, artifact = _artifact(call)
    call.repository(Role.WRITE, "actions")
    del call.state.artifacts[artifact.id]
    return no_content()


async def serve_store(request: web.Request, state: State) -> web.StreamResponse:
    """The store: the zip file for a signed address, and 400 for who sends a credential along."""
    artifact = state.artifacts.get(int(request.match_info["artifact_id"]))
    if secret_of(request) is not None:
        return web.Response(status=400, text="InvalidAuthenticationInfo")
    if artifact is None or request.query.get("sig") != _signature(state, artifact):
        return web.Response(status=403, text="AuthenticationFailed")
    return web.Response(body=artifact.data, content_type="application/zip")


def _signature(state: State, artifact: Artifact) -> str:
    return hashlib.sha256(f"{state.seed}/{artifact.id}".encode()).hexdigest()[:24]


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/actions/runs/{run_id:[0-9]+}/artifacts", list_run_artifacts),
    ("GET", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id:[0-9]+}", get_artifact),
    ("GET", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id:[0-9]+}/zip", download_artifact),
    ("DELETE", "/repos/{owner}/{repo}/actions/artifacts/{artifact_id:[0-9]+}", delete_artifact),
)
