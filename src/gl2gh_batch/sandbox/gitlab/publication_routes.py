"""Releases and snippets of a project (docs: api/releases, api/project_snippets)."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import forbidden, not_found
from gl2gh_batch.sandbox.gitlab.call import Call, Routes
from gl2gh_batch.sandbox.gitlab.faces import milestone_face, user_face
from gl2gh_batch.sandbox.gitlab.item_faces import award_face, discussions, note_face
from gl2gh_batch.sandbox.gitlab.repository import Repository
from gl2gh_batch.sandbox.seeds.records import Group, Milestone, Project, Release, Snippet


async def releases(call: Call) -> web.StreamResponse:
    """`/projects/:id/releases`, newest first unless told otherwise."""
    found = call.project()
    by = call.choice("order_by", ("released_at", "created_at"), "released_at")
    is_rising = call.choice("sort", ("asc", "desc"), "desc") == "asc"
    rows = sorted(found.releases, key=lambda release: getattr(release, by), reverse=not is_rising)
    return call.page(rows, lambda each: release_face(call, found, each))


async def release(call: Call) -> web.StreamResponse:
    """`/projects/:id/releases/:tag_name`."""
    found = call.project()
    for each in found.releases:
        if each.tag == call.part("tag_name"):
            return call.json(release_face(call, found, each))
    raise not_found()


async def release_links(call: Call) -> web.StreamResponse:
    """`/projects/:id/releases/:tag_name/assets/links`."""
    found = call.project()
    for each in found.releases:
        if each.tag == call.part("tag_name"):
            face = release_face(call, found, each)
            return call.page(face["assets"]["links"], lambda link: link)
    raise not_found()


async def snippets(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets`."""
    found = call.project()
    return call.page(_snippets(call, found), lambda each: snippet_face(call, found, each))


async def snippet(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets/:snippet_id`."""
    found, each = _snippet(call)
    return call.json(snippet_face(call, found, each))


async def snippet_raw(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets/:snippet_id/raw`: the first file."""
    _, each = _snippet(call)
    return _raw(next(iter(each.files.values()), ""))


async def snippet_file_raw(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets/:snippet_id/files/:ref/:file_path/raw`."""
    _, each = _snippet(call)
    if (text := each.files.get(call.part("file_path"))) is None:
        raise not_found("File")
    return _raw(text)


def _raw(text: str) -> web.Response:
    """gitlabhq: `send_git_blob` of its API."""
    return web.Response(
        text=text, content_type="text/plain", headers={"Content-Disposition": 'inline; filename="snippet"'}
    )


async def snippet_notes(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets/:snippet_id/notes`."""
    found, each = _snippet(call)
    return call.page(each.notes.all(), lambda note: note_face(call.world, found, each, note))


async def snippet_discussions(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets/:snippet_id/discussions`."""
    found, each = _snippet(call)
    return call.page(discussions(call.world, found, each, each.notes.all()), lambda thread: thread)


async def snippet_awards(call: Call) -> web.StreamResponse:
    """`/projects/:id/snippets/:snippet_id/award_emoji`."""
    _, each = _snippet(call)
    return call.page(each.awards, lambda award: award_face(call.world, award, "Snippet", each.id))


def release_face(call: Call, project: Project, release: Release) -> dict[str, Any]:
    """A release (entity Release); its commit is the tag's, where that is there.

    Nothing that tells the tag is in it for who may not read the code.
    """
    world, place = call.world, f"{call.world.url}/{project.full_path}"
    repository = Repository(world.repository(project))
    sha = repository.resolve(f"refs/tags/{release.tag}") if call.caller.can_read_code(project) else None
    commit = repository.commits(sha)[sha] if sha is not None else None
    if commit is not None:
        commit["web_url"] = f"{place}/-/commit/{sha}"
    archive = f"{place}/-/archive/{release.tag}/{project.path}-{release.tag}"
    sources = [{"format": each, "url": f"{archive}.{each}"} for each in ("zip", "tar.gz", "tar.bz2", "tar")]
    sources = sources if commit is not None else []
    here = f"{place}/-/releases/{release.tag}"
    downloads = f"{place}/-/releases/{quote(release.tag, safe='')}/downloads"
    links = [
        {
            "direct_asset_url": f"{downloads}{path}" if path else each["url"],
            **{name: value for name, value in each.items() if name != "direct_asset_path"},
            "url": _shown(world.url, each["url"]),
        }
        for each in release.links
        for path in (each.get("direct_asset_path"),)
    ]
    found = [world.milestone(project, title) for title in release.milestones]
    face = {
        "name": release.name,
        "tag_name": release.tag,
        "description": release.description,
        "created_at": release.created_at,
        "released_at": release.released_at,
        "upcoming_release": release.released_at > world.timestamp(),
        "author": user_face(world, release.author),
        "commit": commit,
        **(
            {"milestones": [_with_stats(call, project, *each) for each in found if each is not None]}
            if release.milestones
            else {}
        ),
        "commit_path": f"/{project.full_path}/-/commit/{sha}",
        "tag_path": f"/{project.full_path}/-/tags/{release.tag}",
        "assets": {"count": len(sources) + len(links), "sources": sources, "links": links},
        "evidences": [
            {
                **{name: value for name, value in each.items() if name != "text"},
                "filepath": _shown(world.url, each["filepath"]),
            }
            for each in release.evidences
        ],
        "_links": {
            "closed_issues_url": f"{place}/-/issues?release_tag={release.tag}&scope=all&state=closed",
            "opened_issues_url": f"{place}/-/issues?release_tag={release.tag}&scope=all&state=opened",
            "self": here,
        },
    }
    if not call.caller.can_read_code(project):
        hidden = {"tag_name", "commit", "commit_path", "tag_path", "evidences"}
        shown = {"assets": {"count": len(links), "links": links}, "_links": {}}
        return {name: value for name, value in face.items() if name not in hidden} | shown
    return face


def snippet_face(call: Call, project: Project, snippet: Snippet) -> dict[str, Any]:
    """A project's snippet (entity ProjectSnippet)."""
    place = f"{call.world.url}/{project.full_path}/-/snippets/{snippet.id}"
    return {
        "id": snippet.id,
        "title": snippet.title,
        "description": snippet.description,
        "visibility": snippet.visibility,
        "author": user_face(call.world, snippet.author),
        "created_at": snippet.created_at,
        "updated_at": snippet.updated_at,
        "project_id": project.id,
        "web_url": place,
        "raw_url": f"{place}/raw",
        "file_name": next(iter(snippet.files), None),
        "files": [{"path": name, "raw_url": f"{place}/raw/main/{name}"} for name in snippet.files],
        "ssh_url_to_repo": f"git@gitlab.example.com:{project.full_path}/snippets/{snippet.id}.git",
        "http_url_to_repo": f"{call.world.url}/{project.full_path}/snippets/{snippet.id}.git",
        "imported": False,
        "imported_from": "none",
    }


def _with_stats(call: Call, project: Project, milestone: Milestone, group: Group | None) -> dict[str, Any]:
    states = [each.state for each in project.issues.values() if each.milestone == milestone.title]
    stats = {"total": len(states), "closed": states.count("closed")}
    return {**milestone_face(call.world, project, milestone, group), "issue_stats": stats}


def _snippets(call: Call, project: Project) -> list[Snippet]:
    if not call.caller.can_use(project, "snippets"):
        raise forbidden()
    if call.caller.level(project) > 0:
        return project.snippets
    return [each for each in project.snippets if each.visibility == "public"]


def _snippet(call: Call) -> tuple[Project, Snippet]:
    found, wanted = call.project(), call.number("snippet_id")
    for each in _snippets(call, found):
        if each.id == wanted:
            return found, each
    raise not_found()


def _shown(url: str, address: str) -> str:
    return f"{url}{address}" if address.startswith("/") else address


ROUTES: Final[Routes] = (
    ("GET", "/projects/{id}/releases", releases),
    ("GET", "/projects/{id}/releases/{tag_name}", release),
    ("GET", "/projects/{id}/releases/{tag_name}/assets/links", release_links),
    ("GET", "/projects/{id}/snippets", snippets),
    ("GET", "/projects/{id}/snippets/{snippet_id}", snippet),
    ("GET", "/projects/{id}/snippets/{snippet_id}/raw", snippet_raw),
    ("GET", "/projects/{id}/snippets/{snippet_id}/files/{ref}/{file_path}/raw", snippet_file_raw),
    ("GET", "/projects/{id}/snippets/{snippet_id}/notes", snippet_notes),
    ("GET", "/projects/{id}/snippets/{snippet_id}/discussions", snippet_discussions),
    ("GET", "/projects/{id}/snippets/{snippet_id}/award_emoji", snippet_awards),
)
