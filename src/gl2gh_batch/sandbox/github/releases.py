"""Releases of a repository, and the files that are kept with them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from aiohttp import web

from gl2gh_batch.sandbox.clock import parse_instant, stamp
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content, text_field
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found, too_long, wrong
from gl2gh_batch.sandbox.github.git import TAGS
from gl2gh_batch.sandbox.github.published import STARTER, UPLOADED, Asset, Release, kept_name
from gl2gh_batch.sandbox.github.render import repository_url, user_document, web_url
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.github.state import Repository, Role, State, node_id

RESOURCE: Final = "Release"
ASSET: Final = "ReleaseAsset"
FORBIDDEN_IN_TAGS: Final = frozenset(" ~^:?*[\\")
CHUNK: Final = 1 << 16


def asset_path(state: State, repository: Repository, identity: int) -> Path:
    """Where the bytes of an asset lie."""
    return state.git_root / f"{repository.id}.assets" / str(identity)


def _flag(fields: Mapping[str, Any], name: str, default: bool) -> bool:  # noqa: FBT001 - a field's default
    value = fields.get(name, default)
    if not isinstance(value, bool):
        raise invalid(wrong(RESOURCE, name), message="Invalid request.")
    return value


async def _publish(call: Call, repository: Repository, release: Release) -> None:
    """Give a published release its tag and its dates; a tag that is not there is made."""
    rules, git = call.state.rules, git_of(call.state, repository)
    for other in repository.releases.values():
        taken = other is not release and not other.draft and other.tag_name == release.tag_name
        if taken and rules.holds("release_exists"):
            raise invalid(wrong(RESOURCE, "tag_name", "already_exists"))
    if await git.is_empty():
        if rules.holds("release_needs_commit"):
            raise invalid(wrong(RESOURCE, "", "custom", message="Repository is empty."))
        return
    ref = f"{TAGS}{release.tag_name}"
    if ref not in await git.refs(TAGS):
        target = await git.resolve(release.target_commitish)
        if target is None:
            raise invalid(wrong(RESOURCE, "target_commitish"))
        await git.update_ref(ref, target)
    commit = await git.resolve(ref)
    if commit is not None:
        release.created_at = _utc((await git.commits(commit, None, 0, 1))[0].committer.date)
    release.published_at = release.published_at or call.state.clock.stamp()


def _utc(moment: str) -> str:
    return stamp(parse_instant(moment))


def _set(call: Call, release: Release, fields: Mapping[str, Any]) -> None:
    rules = call.state.rules
    if "tag_name" in fields:
        tag = text_field(fields, "tag_name", RESOURCE) or ""
        if not tag.strip():
            raise invalid(wrong(RESOURCE, "tag_name", "missing_field"))
        is_odd = FORBIDDEN_IN_TAGS & set(tag) or tag.endswith(("/", ".lock", ".")) or ".." in tag
        if is_odd and rules.holds("release_tag_form"):
            raise invalid(wrong(RESOURCE, "tag_name"))
        release.tag_name = tag
    if "name" in fields:
        release.name = text_field(fields, "name", RESOURCE)
    if "body" in fields:
        release.body = text_field(fields, "body", RESOURCE)
        # It is not written down which characters: UTF-16 units are the strictest.
        if len((release.body or "").encode("utf-16-le", "surrogatepass")) // 2 > rules.most(
            "release_body_chars"
        ):
            raise invalid(too_long(RESOURCE, "body", rules.most("release_body_chars")))
    if fields.get("target_commitish") is not None:
        release.target_commitish = text_field(fields, "target_commitish", RESOURCE) or ""
    release.draft = _flag(fields, "draft", release.draft)
    release.prerelease = _flag(fields, "prerelease", release.prerelease)
    latest = fields.get("make_latest", release.make_latest)
    if latest not in ("true", "false", "legacy"):
        raise invalid(wrong(RESOURCE, "make_latest"))
    is_unfit = "make_latest" in fields and latest == "true" and (release.draft or release.prerelease)
    if is_unfit and rules.holds("release_latest"):
        raise invalid(wrong(RESOURCE, "make_latest"))
    release.make_latest = latest


async def list_releases(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/releases: newest first; drafts for those who may push."""
    repository = call.repository()
    found = [each for each in repository.releases.values() if not each.draft or _may_push(call)]
    found.sort(key=lambda each: (each.created_at, each.id), reverse=True)
    return call.paged(found, lambda each: release_document(call.state, repository, each))


def _may_push(call: Call) -> bool:
    try:
        call.repository(Role.WRITE, "contents", even_archived=True)
    except Refused:
        return False
    return True


async def create_release(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/releases."""
    repository = call.repository(Role.WRITE, "contents")
    fields = await call.body()
    release = Release(
        id=call.state.next_id(),
        tag_name="",
        target_commitish=repository.default_branch,
        author=call.viewer().login,
        created_at=call.state.clock.stamp(),
    )
    _set(call, release, {"tag_name": "", **fields})
    if not release.draft:
        await _publish(call, repository, release)
    repository.releases[release.id] = release
    document = release_document(call.state, repository, release)
    return answer(document, 201, {"Location": document["url"]})


def _release_of(call: Call, repository: Repository) -> Release:
    release = repository.releases.get(call.number("release_id"))
    if release is None or (release.draft and not _may_push(call)):
        raise not_found()
    return release


async def get_release(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/releases/{release_id}."""
    repository = call.repository()
    return answer(release_document(call.state, repository, _release_of(call, repository)))


async def get_release_by_tag(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/releases/tags/{tag}: published ones only."""
    repository = call.repository()
    for each in repository.releases.values():
        if each.tag_name == call.params["tag"] and not each.draft:
            return answer(release_document(call.state, repository, each))
    raise not_found()


async def get_latest_release(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/releases/latest: neither a draft nor a pre-release."""
    repository = call.repository()
    found = [each for each in repository.releases.values() if not each.draft and not each.prerelease]
    if not found:
        raise not_found()
    named = [each for each in found if each.make_latest == "true"]
    if named:
        return answer(release_document(call.state, repository, max(named, key=lambda each: each.id)))
    newest = max(found, key=lambda each: (each.created_at, each.id))
    return answer(release_document(call.state, repository, newest))


async def update_release(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/releases/{release_id}."""
    repository = call.repository(Role.WRITE, "contents")
    release = _release_of(call, repository)
    _set(call, release, await call.body())
    if not release.draft:
        await _publish(call, repository, release)
    return answer(release_document(call.state, repository, release))


async def delete_release(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/releases/{release_id}; its tag stays."""
    repository = call.repository(Role.WRITE, "contents")
    del repository.releases[_release_of(call, repository).id]
    return no_content()


async def list_assets(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/releases/{release_id}/assets, those of broken uploads too."""
    repository = call.repository()
    release = _release_of(call, repository)
    return call.paged(
        list(release.assets.values()), lambda each: asset_document(call.state, repository, release, each)
    )


async def upload_asset(call: Call) -> web.StreamResponse:
    """POST (uploads host) /repos/{owner}/{repo}/releases/{release_id}/assets?name=…&label=…."""
    repository = call.repository(Role.WRITE, "contents")
    release = _release_of(call, repository)
    state, rules, size = call.state, call.state.rules, call.request.content_length
    name = kept_name(call.query.get("name", "")) if call.query.get("name") else ""
    if not name:
        raise invalid(wrong(ASSET, "name", "missing_field"))
    if not size and rules.holds("asset_length"):
        raise Refused(400, "Bad Content-Length")
    if "Content-Type" not in call.request.headers and rules.holds("asset_type"):
        raise Refused(400, "Content-Type header is required")
    if (size or 0) >= state.settings.asset_bytes and rules.holds("asset_bytes"):
        raise invalid(
            wrong(
                ASSET, "size", "custom", message=f"size must be less than {state.settings.asset_bytes} bytes"
            )
        )
    if release.asset(name) is not None and rules.holds("asset_exists"):
        raise invalid(wrong(ASSET, "name", "already_exists"))
    if len(release.assets) >= rules.most("assets"):
        raise invalid(wrong(ASSET, "", "custom", message="file count exceeds the limit"))
    identity = state.next_id()
    asset = Asset(
        id=identity,
        name=name,
        uploader=call.viewer().login,
        created_at=state.clock.stamp(),
        path=asset_path(state, repository, identity),
        label=call.query.get("label") or "",
        content_type=call.request.headers.get("Content-Type", "application/octet-stream"),
        state=STARTER,
    )
    release.assets[identity] = asset
    # A client that goes away in the middle leaves the starter behind.
    await _receive(call.request, asset)
    if state.settings.broken_uploads > 0:
        state.settings.broken_uploads -= 1
        asset.size, asset.sha256 = 0, ""
        raise Refused(502, "Bad Gateway")
    asset.state = UPLOADED
    document = asset_document(state, repository, release, asset)
    return answer(document, 201, {"Location": document["url"]})


async def _receive(request: web.Request, asset: Asset) -> None:
    asset.path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with asset.path.open("wb") as file:
        async for chunk in request.content.iter_chunked(CHUNK):
            digest.update(chunk)
            size += len(chunk)
            await asyncio.to_thread(file.write, chunk)
    if size != request.content_length:
        raise Refused(400, "Bad Content-Length")
    asset.size, asset.sha256 = size, digest.hexdigest()


def _asset_of(call: Call, repository: Repository) -> tuple[Release, Asset]:
    wanted = call.number("asset_id")
    for release in repository.releases.values():
        if wanted in release.assets:
            return release, release.assets[wanted]
    raise not_found()


async def get_asset(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/releases/assets/{asset_id}: its document, or its bytes by a redirect."""
    repository = call.repository()
    release, asset = _asset_of(call, repository)
    if "application/octet-stream" not in call.request.headers.get("Accept", ""):
        return answer(asset_document(call.state, repository, release, asset))
    if asset.state != UPLOADED:
        raise not_found()
    if not call.state.storage_url:
        return web.FileResponse(asset.path, headers={"Content-Type": asset.content_type})
    signed = f"{call.state.storage_url}/github/{repository.id}.assets/{asset.id}?signature=1"
    return web.Response(status=302, headers={"Location": signed})


async def delete_asset(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}/releases/assets/{asset_id}."""
    repository = call.repository(Role.WRITE, "contents")
    release, asset = _asset_of(call, repository)
    del release.assets[asset.id]
    with contextlib.suppress(FileNotFoundError):
        asset.path.unlink()
    return no_content()


def asset_document(state: State, repository: Repository, release: Release, asset: Asset) -> dict[str, Any]:
    """An asset of a release."""
    place = f"untagged-{release.id:x}" if release.draft else quote(release.tag_name, safe="")
    has_digest = asset.state == UPLOADED and state.rules.holds("asset_digest")
    return {
        "id": asset.id,
        "node_id": node_id("RA", asset.id),
        "url": f"{repository_url(state, repository)}/releases/assets/{asset.id}",
        "name": asset.name,
        "label": asset.label,
        "uploader": user_document(state, asset.uploader),
        "content_type": asset.content_type,
        "state": asset.state,
        "size": asset.size,
        "digest": f"sha256:{asset.sha256}" if has_digest else None,
        "download_count": 0,
        "created_at": asset.created_at,
        "updated_at": asset.created_at,
        "browser_download_url": f"{web_url(state, repository)}/releases/download/{place}/{asset.name}",
    }


def release_document(state: State, repository: Repository, release: Release) -> dict[str, Any]:
    """A release with its assets."""
    url = f"{repository_url(state, repository)}/releases/{release.id}"
    page = web_url(state, repository)
    tag = quote(release.tag_name, safe="")
    place = f"untagged-{release.id:x}" if release.draft else tag
    base = repository_url(state, repository)
    uploads = f"{state.url}/api/uploads/repos/{repository.full_name}/releases/{release.id}/assets"
    return {
        "id": release.id,
        "node_id": node_id("RE", release.id),
        "url": url,
        "assets_url": f"{url}/assets",
        "upload_url": uploads + "{?name,label}",
        "html_url": f"{page}/releases/tag/{place}",
        "tarball_url": None if release.draft else f"{base}/tarball/{tag}",
        "zipball_url": None if release.draft else f"{base}/zipball/{tag}",
        "tag_name": release.tag_name,
        "target_commitish": release.target_commitish,
        "name": release.name,
        "body": release.body,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "immutable": False,
        "created_at": release.created_at,
        "published_at": release.published_at,
        "updated_at": release.created_at,
        "author": user_document(state, release.author),
        "assets": [asset_document(state, repository, release, each) for each in release.assets.values()],
    }


UPLOAD: Final[Route] = ("POST", "/repos/{owner}/{repo}/releases/{release_id}/assets", upload_asset)
ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/repos/{owner}/{repo}/releases", list_releases),
    ("POST", "/repos/{owner}/{repo}/releases", create_release),
    ("GET", "/repos/{owner}/{repo}/releases/latest", get_latest_release),
    ("GET", "/repos/{owner}/{repo}/releases/tags/{tag:.+}", get_release_by_tag),
    ("GET", "/repos/{owner}/{repo}/releases/assets/{asset_id}", get_asset),
    ("DELETE", "/repos/{owner}/{repo}/releases/assets/{asset_id}", delete_asset),
    ("GET", "/repos/{owner}/{repo}/releases/{release_id}", get_release),
    ("PATCH", "/repos/{owner}/{repo}/releases/{release_id}", update_release),
    ("DELETE", "/repos/{owner}/{repo}/releases/{release_id}", delete_release),
    ("GET", "/repos/{owner}/{repo}/releases/{release_id}/assets", list_assets),
)
