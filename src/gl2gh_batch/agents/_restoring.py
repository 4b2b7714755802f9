"""Going on from an export: its folder in the place of GitLab, every file checked before it is used."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.errors import ConfigurationError, WorkDirectoryError
from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.request import READING_CHOICES
from gl2gh_batch.kit.exported import (
    INVENTORY,
    LFS,
    RECORDS,
    REMEDY,
    REPOSITORY,
    SNIPPETS,
    STORED,
    WIKI,
    Exported,
    ExportedFile,
    link_or_copy,
)
from gl2gh_batch.kit.git_bundle import emptied
from gl2gh_batch.kit.git_lfs import lfs_place
from gl2gh_batch.kit.git_wiki import SNIPPET_PLACES, SOURCE_PLACES
from gl2gh_batch.kit.workdir import FileFacts, Manifest, write_manifest
from gl2gh_batch.source.exported import USERS
from gl2gh_batch.source.files import place_of

_PEOPLE: Final = "people"
# The names that a history has in a mirror and in its bundle: no others of a foreign bundle get there.
_OWN_PLACES: Final = {
    prefix: prefix for prefix in ("refs/heads/", "refs/tags/", "refs/merge-requests/", "refs/gl2gh/")
}
# The bundles, and where what each holds lies in a mirror.
_PLACES: Final = {REPOSITORY: _OWN_PLACES, WIKI: SOURCE_PLACES, SNIPPETS: SNIPPET_PLACES}


def exported_inventory(export: Exported, schema: str, version: int) -> Inventory:
    """The inventory of an export; raises `WorkDirectoryError` when it is damaged."""
    for file in export.files():
        if file.path == INVENTORY:
            try:
                return codec.decode_document(export.checked(file).read_bytes(), schema, version, Inventory)
            except codec.DecodeError as error:
                raise WorkDirectoryError(
                    f"the export is damaged: {INVENTORY}: {error}", hint=REMEDY, item=INVENTORY
                ) from error
    raise WorkDirectoryError(f"the export is damaged: it names no {INVENTORY}", hint=REMEDY, item=INVENTORY)


def restored_inputs(desk: Desk, export: Exported) -> dict[str, str]:
    """What a snapshot is made from that was taken from an export."""
    return {"export": export.head.digest, "request": desk.request_digest()}


async def restore(desk: Desk, export: Exported) -> Manifest:
    """Bring the export into the work directory: the records, the files, the histories; its manifest."""
    _require_same_choices(desk, export)
    files = await asyncio.to_thread(_restore_files, desk, export)
    await restore_history(desk, export)
    manifest = Manifest(
        files=files,
        inputs=restored_inputs(desk, export),
        made_at=export.head.made_at,
        facts=export.head.facts,
    )
    write_manifest(desk.folder.snapshot, manifest)
    return manifest


async def restore_history(desk: Desk, export: Exported, *, own: Path | None = None) -> dict[str, str]:
    """Bring the histories of an export and its LFS objects into a new mirror; the project's refs.

    `own` is a bundle of branches of our own making. The mirror appears whole or not at all.
    """
    mirror, git = desk.folder.mirror, desk.git
    bundles = {file.path: file for file in export.files() if file.path in _PLACES}
    if not bundles and own is None:
        await emptied(mirror)
        return {}
    fresh = mirror.with_name(f".{mirror.name}.new")
    await git.make_anew(fresh)
    for file in bundles.values():
        path = await asyncio.to_thread(export.checked, file)
        await git.bundles.read(path, fresh, _PLACES[file.path])
    await asyncio.to_thread(_restore_lfs, fresh, export)
    if own is not None:
        await git.unbundle(fresh, own)
    await emptied(mirror)
    fresh.rename(mirror)
    return await git.refs(mirror)


def _restore_files(desk: Desk, export: Exported) -> dict[str, FileFacts]:
    found: dict[str, FileFacts] = {}
    desk.folder.snapshot.mkdir(parents=True, exist_ok=True)
    for file in export.files():
        top, _, name = file.path.partition("/")
        if top == STORED:
            to = place_of(desk.folder.files, file.sha256)
            path = export.checked(file)
            to.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, to)
        elif top == RECORDS and file.path != USERS:
            kind = name.removesuffix(".ndjson")
            path = export.checked(file)
            if kind != _PEOPLE and (kind not in desk.kinds or desk.request.kinds.get(kind) == "skip"):
                continue
            link_or_copy(path, desk.folder.snapshot / name)
            found[name] = FileFacts(sha256=file.sha256, count=export.head.records.get(kind, 0))
    for kind in desk.kinds:
        if f"{kind}.ndjson" not in found:
            desk.folder.lines_of(desk.folder.snapshot, kind).unlink(missing_ok=True)
    return found


def _restore_lfs(mirror: Path, export: Exported) -> None:
    for file in export.files():
        if _is_lfs(file):
            to = lfs_place(mirror, file.sha256)
            path = export.checked(file)
            to.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(path, to)


def _is_lfs(file: ExportedFile) -> bool:
    """True for an LFS object: those are called by what they hold."""
    return file.path == f"{LFS}/{file.sha256[:2]}/{file.sha256[2:4]}/{file.sha256}"


def _require_same_choices(desk: Desk, export: Exported) -> None:
    """Raise `ConfigurationError` where the request wants what the export was made without."""
    head = export.head
    wanted = codec.plain(desk.request.policies)
    for name in READING_CHOICES:
        made, asked = head.choices.get(name, ""), str(wanted[name])
        if made != asked and not (name == "wiki" and desk.request.kinds.get("wiki") == "skip"):
            raise ConfigurationError(
                f"the export was made with {name}: {made}, and the request says {asked}",
                field=name,
                hint=f"Write {name}: {made}, or run EXPORT_ONLY again with {name}: {asked}.",
                project=desk.label,
            )
    lacking = [name for name in head.skipped if name in desk.kinds and desk.request.kinds.get(name) != "skip"]
    if lacking:
        raise ConfigurationError(
            f"the export was made without {', '.join(lacking)}",
            field="kinds",
            hint=f"Write kinds: {{{', '.join(f'{name}: skip' for name in lacking)}}}, or run EXPORT_ONLY"
            " again with them.",
            project=desk.label,
        )
