"""Trees of a repository, whole (docs: rest/git/trees)."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.call import Call, Route, answer
from gl2gh_batch.sandbox.github.errors import Refused, not_found
from gl2gh_batch.sandbox.github.render import repository_url
from gl2gh_batch.sandbox.github.repositories import git_of


async def get_tree(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/git/trees/{tree_sha}: by branch, tag or id; `recursive` by being there."""
    repository = call.repository()
    git = git_of(call.state, repository)
    if await git.is_empty():
        raise Refused(409, "Git Repository is empty.")
    sha = await git.tree_of(call.params["tree_sha"])
    if sha is None:
        raise not_found()
    base = repository_url(call.state, repository)
    rows = await git.tree(sha, recursive="recursive" in call.query)
    most = int(min(call.state.settings.tree_entries, len(rows)))
    entries: list[dict[str, Any]] = [
        {
            "path": path,
            "mode": mode,
            "type": kind,
            "sha": one,
            **({} if size is None else {"size": size}),
            "url": f"{base}/git/{kind}s/{one}",
        }
        for mode, kind, one, size, path in rows[:most]
    ]
    document = {"sha": sha, "url": f"{base}/git/trees/{sha}", "tree": entries, "truncated": most < len(rows)}
    return answer(document)


ROUTES: Final[tuple[Route, ...]] = (("GET", "/repos/{owner}/{repo}/git/trees/{tree_sha:.+}", get_tree),)
