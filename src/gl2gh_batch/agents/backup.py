"""The export as a complete backup: one folder that later modes read in the place of GitLab, anywhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._people import PEOPLE, emails_of
from gl2gh_batch.agents.export import Export, require_inventory, require_snapshot
from gl2gh_batch.domain.errors import ConfigurationError, NotFoundError, WorkDirectoryError
from gl2gh_batch.domain.people import AccountKind, PersonSeen
from gl2gh_batch.domain.request import READING_CHOICES
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kit.exported import (
    INVENTORY,
    LFS,
    RECORDS,
    REPOSITORY,
    SNIPPETS,
    STORED,
    WIKI,
    ExportHead,
    ExportWriter,
    read_export,
)
from gl2gh_batch.kit.git_lfs import lfs_place
from gl2gh_batch.kit.workdir import FileFacts, Manifest, lines_to, read_lines
from gl2gh_batch.source.exported import USERS, ExportedUser
from gl2gh_batch.source.files import place_of
from gl2gh_batch.source.refusals import RefusedAnswerError

_ASKED_AT_ONCE: Final = 8
# The kinds whose records name files that were read into the work directory.
_WITH_FILES: Final = ("uploads", "releases", "snippets")


class BackUp(Export):
    """The export as EXPORT_ONLY makes it: with the folder that stands for GitLab."""

    def __init__(self, *, anew: bool = False) -> None:
        self._anew = anew

    async def is_current(self, desk: Desk) -> bool:
        return await super().is_current(desk) and await asyncio.to_thread(
            _is_whole, _place(desk), _digest(require_snapshot(desk))
        )

    async def run(self, desk: Desk) -> AgentResult:
        place = _place(desk)
        if self._anew or not await super().is_current(desk):
            await super().run(desk)
        writer = ExportWriter(place)
        try:
            head = await _write(desk, require_snapshot(desk), writer)
        except BaseException:
            writer.discard()
            raise
        return AgentResult(
            status="done",
            summary=f"{counted(sum(head.records.values()), 'record')}, {counted(head.refs, 'ref')};"
            f" {counted(head.files.count, 'file')} of {head.bytes} bytes in"
            f" {place.parent.name}/{place.name}",
            counts=dict(head.records),
            details={"export": {"folder": str(place), "digest": head.digest, "bytes": head.bytes}},
        )


def _place(desk: Desk) -> Path:
    if desk.source_export is not None or desk.export_folder is None:
        raise ConfigurationError(
            "an export is made from GitLab, and not from another one",
            field="from_export",
            hint="Leave from_export out, or choose a mode that goes on from an export.",
        )
    return desk.export_folder


def _digest(snapshot: Manifest) -> str:
    return codec.digest({"files": snapshot.files, "inputs": snapshot.inputs})


def _is_whole(folder: Path, digest: str) -> bool:
    """True when that very export lies there, and not damaged."""
    try:
        export = read_export(folder)
        if export.head.snapshot != digest:
            return False
        export.check()
    except (ConfigurationError, WorkDirectoryError):
        return False
    return True


async def _write(desk: Desk, snapshot: Manifest, writer: ExportWriter) -> ExportHead:
    folder, inventory = desk.folder, require_inventory(desk)
    await asyncio.to_thread(_take_records, desk, snapshot, writer)
    await _write_users(desk, writer)
    await asyncio.to_thread(_take_files, desk, snapshot, writer)
    refs = await desk.git.refs(folder.mirror) if folder.mirror.exists() else {}
    if refs:
        head = f"refs/heads/{inventory.default_branch}"
        await desk.git.bundles.write(
            folder.mirror, refs, writer.path / REPOSITORY, head=head if head in refs else ""
        )
        await asyncio.to_thread(writer.listed, REPOSITORY)
    if _count(snapshot, "wiki"):
        wiki = await desk.git.wiki.source_refs(folder.mirror)
        commit = wiki.pop("HEAD")
        await desk.git.bundles.write(folder.mirror, wiki, writer.path / WIKI, head=_named(wiki, commit))
        await asyncio.to_thread(writer.listed, WIKI)
    snippets = await desk.git.wiki.snippet_refs(folder.mirror) if folder.mirror.exists() else {}
    if snippets:
        await desk.git.bundles.write(folder.mirror, snippets, writer.path / SNIPPETS)
        await asyncio.to_thread(writer.listed, SNIPPETS)
    numbers = desk.reference.numbers
    policies = codec.plain(desk.request.policies)
    head_of = ExportHead(
        project=desk.reference.project,
        gitlab_url=desk.gitlab_url,
        gitlab_version=inventory.gitlab_version,
        made_at=snapshot.made_at,
        tool_version=desk.tool_version,
        highest_issue=numbers.highest_issue,
        highest_merge_request=numbers.highest_merge_request,
        records={name.removesuffix(".ndjson"): facts.count for name, facts in snapshot.files.items()},
        skipped=tuple(sorted(name for name, choice in desk.request.kinds.items() if choice == "skip")),
        choices={name: str(policies[name]) for name in READING_CHOICES},
        refs=len(refs),
        snapshot=_digest(snapshot),
        files=FileFacts(sha256="", count=0),
        bytes=0,
        facts=snapshot.facts,
    )
    return await asyncio.to_thread(writer.finish, head_of)


def _take_records(desk: Desk, snapshot: Manifest, writer: ExportWriter) -> None:
    writer.take(desk.folder.inventory, INVENTORY)
    for name, facts in snapshot.files.items():
        writer.take(desk.folder.snapshot / name, f"{RECORDS}/{name}", sha256=facts.sha256)


def _take_files(desk: Desk, snapshot: Manifest, writer: ExportWriter) -> None:
    """Every file that a record names, and every LFS object, under the digest of what it holds."""
    for kind in _WITH_FILES:
        for record in _records(desk, snapshot, kind):
            for sha256 in _values(record, "sha256"):
                path = f"{STORED}/{sha256[:2]}/{sha256}"
                if not writer.has(path):
                    writer.take(place_of(desk.folder.files, sha256), path, sha256=sha256)
    for record in _records(desk, snapshot, "lfs_objects"):
        if record.get("lost"):
            continue
        oid = str(record["oid"])
        writer.take(lfs_place(desk.folder.mirror, oid), f"{LFS}/{oid[:2]}/{oid[2:4]}/{oid}", sha256=oid)


def _records(desk: Desk, snapshot: Manifest, kind: str) -> Iterator[dict[str, Any]]:
    if _count(snapshot, kind):
        for line in read_lines(desk.folder.lines_of(desk.folder.snapshot, kind)):
            yield json.loads(line)


def _values(value: Any, key: str) -> Iterator[str]:
    """What stands under a key, wherever in a record."""
    if isinstance(value, dict):
        if isinstance(found := value.get(key), str) and found:
            yield found
        for one in value.values():
            yield from _values(one, key)
    elif isinstance(value, list):
        for one in value:
            yield from _values(one, key)


def _count(snapshot: Manifest, kind: str) -> int:
    facts = snapshot.files.get(f"{kind}.ndjson")
    return 0 if facts is None else facts.count


def _named(refs: dict[str, str], commit: str) -> str:
    """The branch that a clone checks out: of those with that commit the one of a usual name."""
    found = [name for name, sha in refs.items() if sha == commit]
    usual = [name for name in found if name in {"refs/heads/main", "refs/heads/master"}]
    return (usual or found)[0]


async def _write_users(desk: Desk, writer: ExportWriter) -> None:
    """Who the people are, and which addresses GitLab tells: a map of users may name them by these."""
    found: dict[int, ExportedUser] = {}
    project_id = desk.reference.project.id
    try:
        async for member in desk.gitlab.members(project_id):
            if member.id is not None:
                found[member.id] = ExportedUser(
                    id=member.id,
                    username=member.username,
                    name=member.name,
                    state=member.state or "",
                    access_level=member.access_level,
                )
    except (RefusedAnswerError, NotFoundError):
        desk.notice("notice", "GitLab does not tell who is a member: the export does not say it either")
    seen = [codec.decode(line, PersonSeen) for line in read_lines(desk.folder.snapshot / PEOPLE)]
    for person in seen:
        if person.id is not None and person.account is AccountKind.PERSON:
            user = ExportedUser(id=person.id, username=person.username, name=person.name)
            emails = (person.email,) if person.email else ()
            found[person.id] = replace(found.get(person.id, user), emails=emails)
    users = list(found.values())
    if await _tells_emails(desk):
        room = asyncio.Semaphore(_ASKED_AT_ONCE)
        users = await asyncio.gather(*(_with_emails(desk, one, room) for one in users))
    with lines_to(writer.path / USERS) as lines:
        for one in sorted(users, key=lambda user: user.id):
            lines.write(codec.encode(one))
    writer.listed(USERS)


async def _tells_emails(desk: Desk) -> bool:
    """Whether to ask for each one's addresses: to others than administrators GitLab tells public ones alone,
    of which records hold most, and gitlab.com answers 300 such questions in ten minutes."""
    return desk.users.knows_emails or bool((await desk.gitlab.current_user()).is_admin)


async def _with_emails(desk: Desk, user: ExportedUser, room: asyncio.Semaphore) -> ExportedUser:
    async with room:
        told = await emails_of(desk, user.id)
    return replace(user, emails=tuple(dict.fromkeys((*told, *user.emails))))
