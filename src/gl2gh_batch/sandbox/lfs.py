"""The server side of Git LFS with basic transfers, as both platforms have it (git-lfs docs/api/batch.md)."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from aiohttp import web

MEDIA: Final = "application/vnd.git-lfs+json"
PREFIX: Final = "/info/lfs"
OID: Final = re.compile(r"[0-9a-f]{64}")
_STORAGE: Final = re.compile(r"/storage/(?P<oid>[0-9a-f]{64})")
_VERIFY: Final = "/objects/verify"
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Lfs:
    """The objects of one repository, and what the caller may do with them.

    `address` is the whole address up to `/info/lfs`; `objects` maps an oid to its file, new ones lie in
    `folder`; `refuse` says code and words for an object that is not taken (by its size), or None.
    """

    address: str
    objects: MutableMapping[str, Path]
    folder: Path
    may_write: bool
    refuse: Callable[[int], tuple[int, str] | None]


def is_lfs(path: str) -> bool:
    """Whether a path below a repository is one of LFS."""
    return path.startswith(f"{PREFIX}/")


def is_lfs_transfer(path: str) -> bool:
    """Whether the path is one that a signed address opens, and no token: an object, or its verification."""
    tail = path.removeprefix(PREFIX)
    return tail == _VERIFY or _STORAGE.fullmatch(tail) is not None


def lfs_error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """A refusal in the form of the batch API."""
    body = json.dumps({"message": message, "request_id": "0"}).encode()
    response = web.Response(status=status, body=body, headers=headers)
    response.headers["Content-Type"] = MEDIA
    return response


async def serve_lfs(request: web.Request, path: str, lfs: Lfs) -> web.StreamResponse:
    """Answer one request of a git-lfs client; `path` follows the repository in the address."""
    tail = path.removeprefix(PREFIX)
    if (match := _STORAGE.fullmatch(tail)) is not None:
        return await _transfer(request, lfs, match["oid"])
    if request.method != "POST":
        return lfs_error(404, "Not found.")
    try:
        asked = json.loads(await request.read() or b"{}")
    except ValueError:
        return lfs_error(422, "The body is no JSON.")
    if tail == "/locks/verify":
        return _answer({"ours": [], "theirs": []})
    if tail == _VERIFY:
        known = lfs.objects.get(str(asked.get("oid")))
        if request.query.get("signature") != _signature(lfs, "verify", str(asked.get("oid"))):
            return lfs_error(403, "The signature is not valid.")
        is_there = known is not None and known.stat().st_size == asked.get("size")
        return _answer({}) if is_there else lfs_error(404, "Object does not exist on the server.")
    if tail == "/objects/batch":
        return _batch(lfs, asked)
    return lfs_error(404, "Not found.")


def _answer(document: dict[str, Any]) -> web.Response:
    return web.Response(body=json.dumps(document).encode(), headers={"Content-Type": MEDIA})


def _batch(lfs: Lfs, asked: dict[str, Any]) -> web.Response:
    operation, wanted = asked.get("operation"), asked.get("objects")
    if operation not in ("upload", "download") or not isinstance(wanted, list):
        return lfs_error(422, "The operation must be upload or download, with objects.")
    if asked.get("hash_algo", "sha256") != "sha256":
        return lfs_error(409, "Only sha256 is supported.")
    if "basic" not in asked.get("transfers", ["basic"]):
        return lfs_error(422, "Only basic transfers are supported.")
    if operation == "upload" and not lfs.may_write:
        return lfs_error(403, "You do not have permission to push to this repository.")
    rows = [_object(lfs, operation, each) for each in wanted]
    return _answer({"transfer": "basic", "objects": rows, "hash_algo": "sha256"})


def _object(lfs: Lfs, operation: str, asked: Any) -> dict[str, Any]:
    oid, size = str(asked.get("oid")), asked.get("size")
    row: dict[str, Any] = {"oid": oid, "size": size}
    if not OID.fullmatch(oid) or not isinstance(size, int) or size < 0:
        return row | {"error": {"code": 422, "message": "The oid or the size is not valid."}}
    known = lfs.objects.get(oid)
    is_there = known is not None and known.stat().st_size == size
    if operation == "download":
        if not is_there:
            return row | {"error": {"code": 404, "message": "Object does not exist on the server."}}
        return row | {"authenticated": True, "actions": {"download": _action(lfs, "download", oid)}}
    if is_there:
        return row
    if (refusal := lfs.refuse(size)) is not None:
        return row | {"error": {"code": refusal[0], "message": refusal[1]}}
    actions = {"upload": _action(lfs, "upload", oid), "verify": _action(lfs, "verify", oid)}
    return row | {"authenticated": True, "actions": actions}


def _action(lfs: Lfs, operation: str, oid: str) -> dict[str, Any]:
    signature = _signature(lfs, operation, oid)
    place = _VERIFY if operation == "verify" else f"/storage/{oid}"
    return {"href": f"{lfs.address}{PREFIX}{place}?signature={signature}", "expires_in": 3600}


def _signature(lfs: Lfs, operation: str, oid: str) -> str:
    return hashlib.sha256(f"{lfs.folder}/{operation}/{oid}".encode()).hexdigest()


async def _transfer(request: web.Request, lfs: Lfs, oid: str) -> web.StreamResponse:
    operation = "upload" if request.method == "PUT" else "download"
    if request.query.get("signature") != _signature(lfs, operation, oid):
        return web.Response(status=403, text="SignatureDoesNotMatch\n")
    if operation == "download":
        known = lfs.objects.get(oid)
        return web.Response(status=404) if known is None else web.FileResponse(known)
    lfs.folder.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=lfs.folder, delete=False) as file:
        async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    arrived = Path(file.name)
    if digest.hexdigest() != oid:
        arrived.unlink()
        return web.Response(status=400, text="The content does not match the oid.\n")
    arrived.rename(lfs.folder / oid)
    lfs.objects[oid] = lfs.folder / oid
    return web.Response(status=200)
