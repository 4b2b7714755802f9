"""The repository and the wiki in the API (docs: api/branches, api/tags, api/commits, api/wikis …)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import forbidden, keyset_page, not_found
from gl2gh_batch.sandbox.gitlab.call import Call, Routes
from gl2gh_batch.sandbox.gitlab.repository import Ref, Repository
from gl2gh_batch.sandbox.seeds.records import DEVELOPER, Project

_WIKI_FORMATS: Final = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".rdoc": "rdoc",
    ".asciidoc": "asciidoc",
    ".org": "org",
}


async def branches(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/branches`, by name."""
    project, repository = call.code()
    rows = _searched(call, repository.branches())
    return _ref_page(call, rows, _branch_faces(call, project, repository))


async def branch(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/branches/:branch`."""
    project, repository = call.code()
    for each in repository.branches():
        if each.name == call.part("branch"):
            return call.json(_branch_faces(call, project, repository)([each])[0])
    raise not_found("Branch")


async def tags(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/tags`, newest first."""
    project, repository = call.code()
    rows = _searched(call, repository.tags())
    order = call.choice("order_by", ("name", "updated", "version"), "updated")
    is_ascending = call.choice("sort", ("asc", "desc"), "desc") == "asc"
    if order == "updated":
        dates = {sha: each["committed_date"] for sha, each in repository.commits(*_shas(rows)).items()}
        rows.sort(key=lambda each: (dates.get(each.sha, ""), each.name))
    if not is_ascending:
        rows.reverse()
    return _ref_page(call, rows, _tag_faces(call, project, repository))


async def tag(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/tags/:tag_name`."""
    project, repository = call.code()
    for each in repository.tags():
        if each.name == call.part("tag_name"):
            return call.json(_tag_faces(call, project, repository)([each])[0])
    raise not_found("Tag")


async def commits(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/commits` of a branch, tag or SHA; 404 where there is none."""
    project, repository = call.code()
    if call.flag("all"):
        rows = repository.all_log() if not repository.is_empty else []
    else:
        try:
            rows = repository.log(
                call.text("ref_name") or project.default_branch or "",
                path=call.text("path"),
                since=call.text("since"),
                until=call.text("until"),
            )
        except LookupError:
            if call.text("ref_name"):
                raise not_found("Tree") from None
            rows = []
    return call.page(rows, lambda each: _with_url(call, project, each), is_counted=False)


async def commit(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/commits/:sha`, also by a branch's or tag's name."""
    project, repository = call.code()
    sha = repository.resolve(call.part("sha"))
    if sha is None:
        raise not_found("Commit")
    face = _with_url(call, project, repository.commits(sha)[sha])
    stats = repository.stats(sha) if call.flag("stats", otherwise=True) else None
    about = {"status": None, "project_id": project.id, "last_pipeline": None}
    return call.json({**face, **({"stats": stats} if stats is not None else {}), **about})


async def tree(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/tree`."""
    project, repository = call.code()
    sha = repository.resolve(call.text("ref") or project.default_branch or "")
    if sha is None:
        raise not_found("Tree")
    try:
        rows = repository.tree(sha, call.text("path"), is_recursive=call.flag("recursive"))
    except LookupError:
        raise not_found("Tree") from None
    if call.text("pagination") != "keyset":
        return call.page(rows, lambda each: each)
    if token := call.text("page_token"):
        ids = [each["id"] for each in rows]
        rows = rows[ids.index(token) + 1 :] if token in ids else []
    return keyset_page(
        call.request,
        call.base_url,
        rows,
        lambda each: each,
        following=lambda last: {"page_token": str(last["id"])},
    )


async def file(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/files/:file_path`."""
    sha, path, content = _file(call)
    return call.json(
        {
            "file_name": PurePosixPath(path).name,
            "file_path": path,
            "size": len(content),
            "encoding": "base64",
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "ref": call.text("ref", "HEAD"),
            "blob_id": hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest(),
            "commit_id": sha,
            "last_commit_id": sha,
            "execute_filemode": False,
            "content": base64.b64encode(content).decode(),
        }
    )


async def raw_file(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/files/:file_path/raw`."""
    _, _, content = _file(call)
    headers = {"Content-Disposition": 'inline; filename="file"'}
    return web.Response(body=content, content_type="application/octet-stream", headers=headers)


async def languages(call: Call) -> web.StreamResponse:
    """`/projects/:id/languages`."""
    project, repository = call.code()
    sha = repository.resolve(project.default_branch or "")
    return call.json(repository.languages(sha) if sha is not None else {})


async def contributors(call: Call) -> web.StreamResponse:
    """`/projects/:id/repository/contributors`."""
    project, repository = call.code()
    rows: dict[str, dict[str, Any]] = {}
    if project.default_branch is not None:
        for each in repository.log(project.default_branch):
            row = rows.setdefault(
                each["author_email"],
                {"name": each["author_name"], "email": each["author_email"], "commits": 0}
                | {"additions": 0, "deletions": 0},
            )
            row["commits"] += 1
    return call.page(list(rows.values()), lambda row: row)


async def wikis(call: Call) -> web.StreamResponse:
    """`/projects/:id/wikis`: the pages; their text with `with_content=1`."""
    project = _wiki_project(call)
    with_content = call.flag("with_content")
    pages = _pages(call, project)
    return call.json(pages if with_content else [_brief(page) for page in pages])


async def wiki(call: Call) -> web.StreamResponse:
    """`/projects/:id/wikis/:slug`."""
    for page in _pages(call, _wiki_project(call)):
        if page["slug"] == call.part("slug"):
            return call.json(page)
    raise not_found("Wiki Page")


def _with_url(call: Call, project: Project, commit: dict[str, Any]) -> dict[str, Any]:
    return {**commit, "web_url": f"{call.world.url}/{project.full_path}/-/commit/{commit['id']}"}


def _shas(refs: Sequence[Ref]) -> list[str]:
    return [each.sha for each in refs]


def _searched(call: Call, refs: list[Ref]) -> list[Ref]:
    """Refs by a search: a part of the name, `^begin` or `end$`."""
    if not (search := call.text("search")):
        return refs
    if search.startswith("^"):
        return [each for each in refs if each.name.startswith(search[1:])]
    if search.endswith("$"):
        return [each for each in refs if each.name.endswith(search[:-1])]
    return [each for each in refs if search.lower() in each.name.lower()]


def _ref_page(
    call: Call, rows: list[Ref], faces: Callable[[Sequence[Ref]], list[dict[str, Any]]]
) -> web.Response:
    """A page of refs, by number or after the name `page_token`."""

    def show(each: Ref) -> dict[str, Any]:
        return faces([each])[0]

    if call.text("pagination") != "keyset":
        return call.page(rows, show)
    if token := call.text("page_token"):
        names = [each.name for each in rows]
        rows = rows[names.index(token) + 1 :] if token in names else []
    return keyset_page(
        call.request, call.base_url, rows, show, following=lambda last: {"page_token": last.name}
    )


def _branch_faces(
    call: Call, project: Project, repository: Repository
) -> Callable[[Sequence[Ref]], list[dict[str, Any]]]:
    protected = {row["name"] for row in project.settings.get("protected_branches", ())}
    default = repository.resolve(project.default_branch or "")
    found = repository.commits(*_shas(repository.branches()))
    can_push = call.caller.level(project) >= DEVELOPER and not project.archived

    def faces(refs: Sequence[Ref]) -> list[dict[str, Any]]:
        return [
            {
                "name": each.name,
                "commit": _with_url(call, project, found[each.sha]),
                "merged": each.name != project.default_branch
                and default is not None
                and repository.is_merged(each.sha, default),
                "protected": each.name in protected,
                "developers_can_push": False,
                "developers_can_merge": False,
                "can_push": can_push,
                "default": each.name == project.default_branch,
                "web_url": f"{call.world.url}/{project.full_path}/-/tree/{quote(each.name)}",
            }
            for each in refs
        ]

    return faces


def _tag_faces(
    call: Call, project: Project, repository: Repository
) -> Callable[[Sequence[Ref]], list[dict[str, Any]]]:
    releases = {each.tag: each for each in project.releases}
    protected = {row["name"] for row in project.settings.get("protected_tags", ())}
    found = repository.commits(*_shas(repository.tags()))

    def faces(refs: Sequence[Ref]) -> list[dict[str, Any]]:
        rows = []
        for each in refs:
            release = releases.get(each.name)
            about = {"tag_name": release.tag, "description": release.description} if release else None
            commit = found.get(each.sha)
            rows.append(
                {
                    "name": each.name,
                    "message": each.message,
                    "target": each.target,
                    "commit": _with_url(call, project, commit) if commit is not None else None,
                    "release": about,
                    "protected": each.name in protected,
                    "created_at": each.created_at,
                }
            )
        return rows

    return faces


def _file(call: Call) -> tuple[str, str, bytes]:
    project, repository = call.code()
    path = call.part("file_path")
    ref = call.text("ref", "HEAD")
    sha = repository.resolve(project.default_branch or "" if ref == "HEAD" else ref)
    if sha is None:
        raise not_found("Commit")
    content = repository.file(sha, path)
    if content is None:
        raise not_found("File")
    return sha, path, content


def _wiki_project(call: Call) -> Project:
    project = call.project()
    if not call.caller.can_use(project, "wiki"):
        raise forbidden()
    return project


def _pages(call: Call, project: Project) -> list[dict[str, Any]]:
    path = call.world.wiki_repository(project)
    repository = Repository(path)
    if not path.exists() or (sha := repository.resolve("HEAD")) is None:
        return []
    pages: list[dict[str, Any]] = []
    for entry in repository.tree(sha, "", is_recursive=True):
        name = PurePosixPath(entry["path"])
        if entry["type"] != "blob" or name.suffix not in _WIKI_FORMATS:
            continue
        slug = str(name.with_suffix(""))
        content = repository.file(sha, entry["path"]) or b""
        pages.append(
            {
                "content": content.decode(errors="replace"),
                "format": _WIKI_FORMATS[name.suffix],
                "slug": slug,
                "title": name.stem.replace("-", " "),
                "encoding": "UTF-8",
                "wiki_page_meta_id": None,
                "front_matter": {},
            }
        )
    return pages


def _brief(page: dict[str, Any]) -> dict[str, Any]:
    return {name: page[name] for name in ("format", "slug", "title", "wiki_page_meta_id")}


ROUTES: Final[Routes] = (
    ("GET", "/projects/{id}/repository/branches", branches),
    ("GET", "/projects/{id}/repository/branches/{branch}", branch),
    ("GET", "/projects/{id}/repository/tags", tags),
    ("GET", "/projects/{id}/repository/tags/{tag_name}", tag),
    ("GET", "/projects/{id}/repository/commits", commits),
    ("GET", "/projects/{id}/repository/commits/{sha}", commit),
    ("GET", "/projects/{id}/repository/tree", tree),
    ("GET", "/projects/{id}/repository/files/{file_path}", file),
    ("GET", "/projects/{id}/repository/files/{file_path}/raw", raw_file),
    ("GET", "/projects/{id}/repository/contributors", contributors),
    ("GET", "/projects/{id}/languages", languages),
    ("GET", "/projects/{id}/wikis", wikis),
    ("GET", "/projects/{id}/wikis/{slug}", wiki),
)
