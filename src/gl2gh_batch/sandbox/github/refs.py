"""Git data over REST: refs, branches, tags, commits, contents."""

from __future__ import annotations

import base64
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found
from gl2gh_batch.sandbox.github.git import BRANCHES, TAGS, BareGit, Commit, Person, TreeEntry
from gl2gh_batch.sandbox.github.pull_life import follow_refs
from gl2gh_batch.sandbox.github.render import repository_url, web_url
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.github.state import Repository, Role, State, node_id

HIDDEN: Final = "refs/pull/"


async def _filled(call: Call, repository: Repository) -> BareGit:
    """The git data; 409 when nothing was pushed yet."""
    git = git_of(call.state, repository)
    if await git.is_empty() and call.state.rules.holds("empty_repository"):
        raise Refused(409, "Git Repository is empty.")
    return git


async def _ref_document(
    state: State, repository: Repository, git: BareGit, ref: str, sha: str
) -> dict[str, Any]:
    base = repository_url(state, repository)
    kind = await git.kind(sha) or "commit"
    return {
        "ref": ref,
        "node_id": node_id("REF", repository.id),
        "url": f"{base}/git/{ref}",
        "object": {"sha": sha, "type": kind, "url": f"{base}/git/{kind}s/{sha}"},
    }


async def get_ref(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/git/ref/{ref}."""
    repository = call.repository()
    git = await _filled(call, repository)
    ref = f"refs/{call.params['ref']}"
    sha = (await git.refs()).get(ref)
    if sha is None:
        raise not_found()
    return answer(await _ref_document(call.state, repository, git, ref, sha))


async def list_matching_refs(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/git/matching-refs/{ref}: all refs whose name begins so."""
    repository = call.repository()
    git = await _filled(call, repository)
    refs = await git.refs(f"refs/{call.params['ref']}")
    documents = [await _ref_document(call.state, repository, git, ref, sha) for ref, sha in refs.items()]
    return call.paged(documents, lambda document: document)


async def create_ref(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/git/refs."""
    repository = call.repository(Role.WRITE, "contents")
    git = await _filled(call, repository)
    fields = await call.body()
    ref, sha = fields.get("ref"), fields.get("sha")
    is_formed = isinstance(ref, str) and ref.startswith("refs/") and ref.count("/") >= 2
    if not isinstance(ref, str) or (not is_formed and call.state.rules.holds("ref_form")):
        raise invalid(message="Reference name must start with 'refs/' and have at least two slashes.")
    if ref.startswith(HIDDEN) and call.state.rules.holds("hidden_refs"):
        raise invalid(message="Reference update failed")
    if len(ref.encode()) > call.state.rules.most("ref_bytes"):
        raise invalid(message="Reference name is too long")
    if not isinstance(sha, str) or await git.kind(sha) is None:
        raise invalid(message="Object does not exist")
    if ref in await git.refs() and call.state.rules.holds("ref_exists"):
        raise invalid(message="Reference already exists")
    await git.update_ref(ref, sha)
    repository.pushed_at = call.state.clock.stamp()
    document = await _ref_document(call.state, repository, git, ref, sha)
    return answer(document, 201, {"Location": document["url"]})


async def update_ref(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/git/refs/{ref}."""
    repository = call.repository(Role.WRITE, "contents")
    git = await _filled(call, repository)
    ref = f"refs/{call.params['ref']}"
    refs = await git.refs()
    old = refs.get(ref)
    if old is None:
        raise invalid(message="Reference does not exist")
    fields = await call.body()
    sha = fields.get("sha")
    if not isinstance(sha, str) or await git.kind(sha) is None:
        raise invalid(message="Object does not exist")
    is_forced = fields.get("force") or not call.state.rules.holds("fast_forward")
    if not is_forced and not await git.is_ancestor(old, sha):
        raise invalid(message="Update is not a fast forward")
    await git.update_ref(ref, sha)
    repository.pushed_at = call.state.clock.stamp()
    await follow_refs(call.state, git, repository, refs, call.viewer().login)
    return answer(await _ref_document(call.state, repository, git, ref, sha))


async def delete_ref(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/git/refs/{ref}; the default branch stays."""
    repository = call.repository(Role.WRITE, "contents")
    git = await _filled(call, repository)
    ref = f"refs/{call.params['ref']}"
    refs = await git.refs()
    if ref not in refs or ref.startswith(HIDDEN):
        raise invalid(message="Reference does not exist")
    is_default = ref == f"{BRANCHES}{repository.default_branch}"
    if is_default and call.state.rules.holds("default_branch_stays"):
        raise invalid(message="Cannot delete the default branch")
    await git.delete_ref(ref)
    await follow_refs(call.state, git, repository, refs, call.viewer().login)
    return no_content()


async def list_branches(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/branches."""
    repository = call.repository()
    base = repository_url(call.state, repository)
    refs = await git_of(call.state, repository).refs(BRANCHES)
    return call.paged(
        list(refs.items()),
        lambda pair: {
            "name": pair[0].removeprefix(BRANCHES),
            "commit": {"sha": pair[1], "url": f"{base}/commits/{pair[1]}"},
            "protected": False,
        },
    )


async def get_branch(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/branches/{branch}."""
    repository = call.repository()
    git = git_of(call.state, repository)
    name = call.params["branch"]
    sha = (await git.refs(BRANCHES)).get(f"{BRANCHES}{name}")
    if sha is None:
        raise Refused(404, "Branch not found")
    base = f"{repository_url(call.state, repository)}/branches/{name}"
    commit = (await git.commits(sha, None, 0, 1))[0]
    return answer(
        {
            "name": name,
            "commit": commit_document(call.state, repository, commit),
            "_links": {"self": base, "html": f"{web_url(call.state, repository)}/tree/{name}"},
            "protected": False,
            "protection": {
                "enabled": False,
                "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
            },
            "protection_url": f"{base}/protection",
        }
    )


async def list_tags(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/tags, with the commits that they lead to."""
    repository = call.repository()
    git = git_of(call.state, repository)
    base = repository_url(call.state, repository)
    documents = []
    for ref in reversed(await git.refs(TAGS)):
        name = ref.removeprefix(TAGS)
        sha = await git.resolve(ref)
        if sha is not None:
            documents.append(
                {
                    "name": name,
                    "commit": {"sha": sha, "url": f"{base}/commits/{sha}"},
                    "zipball_url": f"{base}/zipball/{ref}",
                    "tarball_url": f"{base}/tarball/{ref}",
                    "node_id": node_id("REF", repository.id),
                }
            )
    return call.paged(documents, lambda document: document)


def commit_document(state: State, repository: Repository, commit: Commit) -> dict[str, Any]:
    """A commit; authors are not matched to accounts."""
    base = repository_url(state, repository)
    url = f"{base}/commits/{commit.sha}"
    page = f"{web_url(state, repository)}/commit"
    return {
        "sha": commit.sha,
        "node_id": node_id("C", repository.id),
        "url": url,
        "html_url": f"{page}/{commit.sha}",
        "comments_url": f"{url}/comments",
        "commit": {
            "author": _person(commit.author),
            "committer": _person(commit.committer),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{base}/git/trees/{commit.tree}"},
            "url": f"{base}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": {
                "verified": False,
                "reason": "unsigned",
                "signature": None,
                "payload": None,
                "verified_at": None,
            },
        },
        "author": None,
        "committer": None,
        "parents": [
            {"sha": sha, "url": f"{base}/commits/{sha}", "html_url": f"{page}/{sha}"}
            for sha in commit.parents
        ],
    }


def _person(person: Person) -> dict[str, str]:
    return {"name": person.name, "email": person.email, "date": person.date}


async def list_commits(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/commits."""
    repository = call.repository()
    git = await _filled(call, repository)
    revision = await git.resolve(call.query.get("sha") or repository.default_branch)
    if revision is None:
        raise not_found()
    path = call.query.get("path")
    places = range(await git.count(revision, path))
    wanted, headers = call.page(places, lambda place: place)
    commits = await git.commits(revision, path, wanted[0], len(wanted)) if wanted else []
    return answer([commit_document(call.state, repository, each) for each in commits], headers=headers)


async def get_commit(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/commits/{ref}, without its diff."""
    repository = call.repository()
    git = await _filled(call, repository)
    revision = await git.resolve(call.params["ref"])
    if revision is None:
        raise invalid(message=f"No commit found for SHA: {call.params['ref']}")
    commit = (await git.commits(revision, None, 0, 1))[0]
    document = commit_document(call.state, repository, commit)
    return answer({**document, "stats": {"total": 0, "additions": 0, "deletions": 0}, "files": []})


async def get_contents(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/contents/{path}: a file with its bytes, or a folder's entries."""
    repository = call.repository()
    git = git_of(call.state, repository)
    if await git.is_empty():
        raise Refused(404, "This repository is empty.")
    asked = call.query.get("ref") or repository.default_branch
    revision = await git.resolve(asked)
    path = call.params.get("path", "").strip("/")
    found = [] if revision is None else await git.entries(revision, path)
    if revision is None or (path and not found):
        raise not_found()
    if path and found[0].kind == "blob":
        document = _entry_document(call.state, repository, asked, found[0])
        content = base64.encodebytes(await git.blob(found[0].sha)).decode()
        return answer({**document, "content": content, "encoding": "base64"})
    inside = await git.entries(revision, f"{path}/") if path else found
    return answer([_entry_document(call.state, repository, asked, entry) for entry in inside])


def _entry_document(state: State, repository: Repository, ref: str, entry: TreeEntry) -> dict[str, Any]:
    base = repository_url(state, repository)
    page = web_url(state, repository)
    kind = {"blob": "file", "tree": "dir"}.get(entry.kind, "submodule")
    api, git = f"{base}/contents/{entry.path}?ref={ref}", f"{base}/git/{entry.kind}s/{entry.sha}"
    html = f"{page}/{entry.kind}/{ref}/{entry.path}"
    return {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": api,
        "html_url": html,
        "git_url": git,
        "download_url": f"{page}/raw/{ref}/{entry.path}" if kind == "file" else None,
        "type": kind,
        "_links": {"self": api, "git": git, "html": html},
    }


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/git/ref/{ref:.+}", get_ref),
    ("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref:.*}", list_matching_refs),
    ("POST", "/repos/{owner}/{repo}/git/refs", create_ref),
    ("PATCH", "/repos/{owner}/{repo}/git/refs/{ref:.+}", update_ref),
    ("DELETE", "/repos/{owner}/{repo}/git/refs/{ref:.+}", delete_ref),
    ("GET", "/repos/{owner}/{repo}/branches", list_branches),
    ("GET", "/repos/{owner}/{repo}/branches/{branch:.+}", get_branch),
    ("GET", "/repos/{owner}/{repo}/tags", list_tags),
    ("GET", "/repos/{owner}/{repo}/commits", list_commits),
    ("GET", "/repos/{owner}/{repo}/commits/{ref:.+}", get_commit),
    ("GET", "/repos/{owner}/{repo}/contents", get_contents),
    ("GET", "/repos/{owner}/{repo}/contents/{path:.*}", get_contents),
)
