"""Uploads and the project export (docs: api/project_markdown_uploads, api/project_import_export)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from gl2gh_batch.sandbox.gitlab.answers import not_found
from gl2gh_batch.sandbox.gitlab.call import Call, Routes
from gl2gh_batch.sandbox.gitlab.export_writer import write_export
from gl2gh_batch.sandbox.gitlab.faces import user_face
from gl2gh_batch.sandbox.gitlab.world import World
from gl2gh_batch.sandbox.seeds.records import GUEST, MAINTAINER, REPORTER, Group, Project, Upload

# How often the state of an export is asked for until it is there: queued, started, finished.
_POLLS: Final = ("queued", "started", "finished")


async def uploads(call: Call) -> web.StreamResponse:
    """`/projects/:id/uploads`, for Maintainers; the list does not tell the secrets."""
    project = call.project(MAINTAINER)

    def show(upload: Upload) -> dict[str, Any]:
        return {
            "id": upload.id,
            "size": upload.path.stat().st_size,
            "filename": upload.filename,
            "created_at": upload.created_at,
            "uploaded_by": user_face(call.world, upload.username),
        }

    rows = sorted(project.uploads, key=lambda upload: -upload.id)
    return call.page(rows, show)


async def upload(call: Call) -> web.StreamResponse:
    """`/projects/:id/uploads/:secret/:filename`, for Guests."""
    project = call.project(GUEST)
    return upload_answer(call.world, project, call.part("secret"), call.part("filename"))


async def group_upload(call: Call) -> web.StreamResponse:
    """`/groups/:id/uploads/:secret/:filename`, for Guests (docs: api/group_markdown_uploads)."""
    return upload_answer(call.world, call.group(GUEST), call.part("secret"), call.part("filename"))


async def generic_package_file(call: Call) -> web.StreamResponse:
    """`/projects/:id/packages/generic/:package_name/:package_version/:file_name`."""
    project = call.project(REPORTER)
    place = "/".join(call.part(name) for name in ("package", "version", "filename"))
    if place not in project.packages:
        raise not_found("Package")
    return _file_answer(call.world, project.packages[place])


async def upload_by_id(call: Call) -> web.StreamResponse:
    """`/projects/:id/uploads/:upload_id`, for Maintainers."""
    project, wanted = call.project(MAINTAINER), call.number("upload_id")
    for each in project.uploads:
        if each.id == wanted:
            return upload_answer(call.world, project, each.secret, each.filename)
    raise not_found()


def upload_answer(world: World, holder: Project | Group, secret: str, filename: str) -> web.StreamResponse:
    """The file with that secret and name, of a project or a group."""
    for each in holder.uploads:
        if each.secret == secret and each.filename == filename:
            return _file_answer(world, each.path)
    raise not_found()


def _file_answer(world: World, path: Path) -> web.StreamResponse:
    """A file, or where in object storage it is; the address there is signed and needs no token."""
    if world.storage_url:
        place = quote(str(path.relative_to(world.git_root)))
        signed = f"{world.storage_url}/gitlab/{place}?signature=1"
        return web.Response(status=302, headers={"Location": signed})
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "attachment",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def start_export(call: Call) -> web.StreamResponse:
    """`POST /projects/:id/export`, for Maintainers."""
    project = call.project(MAINTAINER)
    project.export_polls = 0
    return call.json({"message": "202 Accepted"}, status=202)


async def export_status(call: Call) -> web.StreamResponse:
    """`GET /projects/:id/export`: one step further at every look, as a job in the background is."""
    project = call.project(MAINTAINER)
    about: dict[str, Any] = {
        "id": project.id,
        "description": project.description,
        "name": project.name,
        "name_with_namespace": project.full_path.replace("/", " / "),
        "path": project.path,
        "path_with_namespace": project.full_path,
        "created_at": project.created_at,
    }
    if project.export_polls is None:
        return call.json({**about, "export_status": "none"})
    project.export_polls += 1
    status = _POLLS[min(project.export_polls, len(_POLLS)) - 1]
    face = {**about, "export_status": status}
    if status == "finished":
        face["_links"] = {
            "api_url": f"{call.world.url}/api/v4/projects/{project.id}/export/download",
            "web_url": f"{call.world.url}/{project.full_path}/download_export",
        }
    return call.json(face)


async def download_export(call: Call) -> web.StreamResponse:
    """`GET /projects/:id/export/download`: the archive, once it is finished."""
    project = call.project(MAINTAINER)
    if project.export_polls is None or project.export_polls < len(_POLLS):
        raise not_found()
    path = await asyncio.to_thread(_archive, call, project)
    name = f"{project.full_path.replace('/', '_')}_export.tar.gz"
    return web.FileResponse(
        path,
        headers={
            "Content-Type": "application/octet-stream",
            "Content-Disposition": f'attachment; filename="{name}"',
        },
    )


def _archive(call: Call, project: Project) -> Path:
    path = call.world.git_root / f"project-{project.id}-{project.revision}.tar.gz"
    if not path.exists():
        write_export(call.world, project, path)
    return path


ROUTES: Final[Routes] = (
    ("GET", "/projects/{id}/uploads", uploads),
    ("GET", "/projects/{id}/uploads/{upload_id}", upload_by_id),
    ("GET", "/projects/{id}/uploads/{secret}/{filename}", upload),
    ("GET", "/groups/{id}/uploads/{secret}/{filename}", group_upload),
    ("GET", "/projects/{id}/packages/generic/{package}/{version}/{filename}", generic_package_file),
    ("POST", "/projects/{id}/export", start_export),
    ("GET", "/projects/{id}/export", export_status),
    ("GET", "/projects/{id}/export/download", download_export),
)
