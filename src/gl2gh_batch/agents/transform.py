"""Transform: GitLab records become GitHub-shaped ones; nothing lost unsaid.

People are looked up first, once for the whole batch; the rest is offline.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Container, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Self

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import TRANSFORM_REMEDY, Agent, counted
from gl2gh_batch.agents._book import DeskBook
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._message_losses import message_losses
from gl2gh_batch.agents._people import PEOPLE, resolve_people
from gl2gh_batch.agents._sent import Sent, kept
from gl2gh_batch.agents.export import require_inventory, require_snapshot
from gl2gh_batch.domain.audience import hidden_parts
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.inventory import NOT_CARRIED, Inventory
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.plan import Loss
from gl2gh_batch.domain.request import WikiPolicy
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kinds import Kind, Refs, Setting
from gl2gh_batch.kinds._attachments import BASE, Shelf
from gl2gh_batch.kinds._kind import own_name
from gl2gh_batch.kinds._wiki_pages import Wiki
from gl2gh_batch.kinds.snippets import BASE as SNIPPETS
from gl2gh_batch.kinds.snippets import is_carried, snippets_root
from gl2gh_batch.kinds.wiki import BASE as WIKI
from gl2gh_batch.kit.workdir import (
    FileFacts,
    LineWriter,
    Manifest,
    is_whole,
    lines_to,
    read_lines,
    read_manifest,
    write_manifest,
)


class Transform(Agent):
    """Writes `desired/<kind>.ndjson`, `desired/losses.ndjson` and a manifest that seals them."""

    name = AgentName.TRANSFORM

    async def is_current(self, desk: Desk) -> bool:
        snapshot = read_manifest(desk.folder.snapshot, remedy=TRANSFORM_REMEDY)
        manifest = read_manifest(desk.folder.desired, remedy=TRANSFORM_REMEDY)
        return (
            snapshot is not None
            and manifest is not None
            and dict(manifest.inputs) == _inputs(desk, snapshot)
            and is_whole(desk.folder.desired, manifest)
        )

    async def run(self, desk: Desk) -> AgentResult:
        snapshot = require_snapshot(desk)
        inventory = require_inventory(desk)
        names = {
            name: kind.names(_records(desk, kind), desk.request.policies)
            for name, kind in desk.kinds.items()
            if f"{name}.ndjson" in snapshot.files
        }
        people = await resolve_people(desk)
        taken = frozenset(await desk.git.refs(desk.folder.mirror) if desk.folder.mirror.exists() else ())
        shelf = Shelf(
            places=names.get("uploads", {}),
            github_url=desk.github_url,
            repo=desk.repo,
            base=own_name(BASE, taken),
            used=set(),
        )
        wiki = _wiki(desk, names.get("wiki"), taken)
        setting = Setting(
            book=DeskBook(
                desk,
                labels={name: given for name, given in names.get("labels", {}).items() if given},
                milestones=names.get("milestones"),
                people=people.lookup,
                uploads=shelf.address,
                snippets=partial(_snippet_address, desk, inventory, names.get("snippets", {}), taken),
                wiki=None if wiki is None else wiki.address,
                release_files=names.get("releases"),
            ),
            policies=desk.request.policies,
            inventory=inventory,
            names=names,
            pushed=_pushed(desk, snapshot),
            taken=taken,
            used_uploads=shelf.used,
            files=desk.folder.files,
            wiki=wiki,
            unpromised=None if desk.reference.numbers.promised else desk.reference.numbers,
            skipped=desk.request.skipped,
        )
        spans = numbered(desk.kinds, names, desk.reference.numbers)
        files: dict[str, FileFacts] = {}
        with Sent(desk) as sent, lines_to(desk.folder.losses) as losses:
            for loss in (*_losses_of_project(desk, inventory), *await message_losses(desk)):
                losses.write(codec.encode(loss))
            for name, kind in sorted(desk.kinds.items(), key=lambda one: one[1].transform_order):
                source = desk.folder.lines_of(desk.folder.snapshot, name)
                path = desk.folder.lines_of(desk.folder.desired, name)
                if source.name not in snapshot.files:
                    path.unlink(missing_ok=True)
                    continue
                for loss in kind.losses(setting):
                    losses.write(codec.encode(loss))
                with Sorter(desk.folder.scratch / "transform.sqlite") as sorter:
                    self._shape_all(desk, kind, source, setting, sorter, losses)
                    for loss in _as_sent(kind, sent, sorter):
                        losses.write(codec.encode(loss))
                    with lines_to(path) as lines:
                        for line in sorter.lines(_fillers(kind, setting, spans.get(name, range(0)))):
                            lines.write(line)
                desk.count(self.name, name, lines.count, lines.count)
                files[path.name] = lines.facts
                trees = await _make_trees(desk, kind, path, setting)
                setting = replace(setting, trees={**setting.trees, **trees})
            files[desk.folder.losses.name] = losses.facts
        counts = {name.removesuffix(".ndjson"): facts.count for name, facts in files.items()}
        with lines_to(desk.folder.desired / PEOPLE) as lines:
            people.write(lines)
        files[PEOPLE] = lines.facts
        desk.folder.own_branches.unlink(missing_ok=True)
        if setting.trees:
            names_of_trees = [ref.removeprefix("refs/") for ref in setting.trees]
            await desk.git.bundle(desk.folder.mirror, names_of_trees, desk.folder.own_branches)
        manifest = Manifest(files=files, inputs=_inputs(desk, snapshot), made_at=desk.now())
        write_manifest(desk.folder.desired, manifest)
        return AgentResult(
            status="done",
            summary=f"{counted(sum(counts.values()) - counts['losses'], 'record')},"
            f" {counted(counts['losses'], 'loss', 'losses')}",
            counts=counts,
        )

    def _shape_all(
        self,
        desk: Desk,
        kind: Kind[Any, Any],
        source: Path,
        setting: Setting,
        sorter: Sorter,
        losses: LineWriter,
    ) -> None:
        for done, line in enumerate(read_lines(source), start=1):
            record = _decode(line, kind.record_type, source)
            shaped = kind.shape(record, setting)
            for loss in shaped.losses:
                losses.write(codec.encode(loss))
            if shaped.desired is not None:
                identity = kind.identity(shaped.desired)
                number = kind.number_of(shaped.desired)
                fresh = sorter.add(identity, done if number is None else number, codec.encode(shaped.desired))
                if not fresh and not kind.is_same_twice(record):
                    loss = Loss(
                        kind=kind.name,
                        item=f"{kind.name}/{identity}",
                        what="a second one of the same name",
                        reason="on GitHub both have one name, by its rules or by those of the request",
                    )
                    losses.write(codec.encode(loss))
            if done % 200 == 0:
                desk.count(self.name, kind.name, done, None)


def _as_sent(kind: Kind[Any, Any], sent: Sent, sorter: Sorter) -> Iterator[Loss]:
    """Put the records back that GitHub has in other words, or that are gone from GitLab since it has them."""
    for place, record, line in sent.lines(kind):
        identity = kind.identity(record)
        now = sorter.get(identity)
        if now is None:
            if sent.has(kind, record):
                number = kind.number_of(record)
                sorter.add(identity, place if number is None else number, line)
                yield kept(kind, record, is_gone=True)
        elif now != line and sent.contradicts(kind, codec.decode(now, kind.desired_type)):
            sorter.replace(identity, line)
            yield kept(kind, record, is_gone=False)


def _snippet_address(
    desk: Desk, inventory: Inventory, names: Mapping[str, str], taken: frozenset[str], snippet_id: int
) -> str | None:
    """Where a snippet will be on GitHub; None for one that is not carried over."""
    visibility = names.get(str(snippet_id))
    hidden = hidden_parts(inventory.members_only, desk.request.skipped)
    if visibility is None or not is_carried(visibility, desk.request.policies, inventory, hidden):
        return None
    root = snippets_root(desk.repo, desk.request.policies, own_name(SNIPPETS, taken))
    return f"{desk.github_url}/{root}/{snippet_id}"


def _wiki(desk: Desk, places: Mapping[str, str] | None, taken: frozenset[str]) -> Wiki | None:
    """Where the pages of the wiki will be; None when it is not carried over."""
    if places is None:
        return None
    policy = desk.request.policies.wiki
    branch = "" if policy is WikiPolicy.WIKI else own_name(WIKI, taken)
    return Wiki.of(places, policy=policy, root=f"{desk.github_url}/{desk.repo}", ref=branch)


async def _make_trees(desk: Desk, kind: Kind[Any, Any], path: Path, setting: Setting) -> dict[str, str]:
    """Make the branches and tags of our own that hold items of a kind, in the mirror; ref → object id."""
    desired = (_decode(line, kind.desired_type, path) for line in read_lines(path))
    # The date of the project: the same files give the same commit whenever they are written.
    seconds = int(datetime.fromisoformat(setting.inventory.created_at).timestamp())
    return {
        tree.ref: await desk.git.write_branch(
            desk.folder.mirror,
            tree.ref.removeprefix("refs/"),
            tree.files,
            message=tree.message,
            seconds=max(0, seconds),
            parent=tree.parent,
            removed=tree.removed,
            joined=tree.joined,
        )
        for tree in kind.trees(desired, setting)
    }


class Sorter:
    """Puts lines in order on disk, so that memory does not grow with their number."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("pragma journal_mode = off")
        self._db.execute("pragma synchronous = off")
        self._db.execute("pragma cache_size = -256")
        self._db.execute("create table items (place integer, identity text unique, line blob)")
        self._db.execute("begin")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._db.close()
        self._path.unlink(missing_ok=True)

    def add(self, identity: str, place: int, line: bytes) -> bool:
        """Add a line; False when there is one of that identity already."""
        cursor = self._db.execute("insert or ignore into items values (?, ?, ?)", (place, identity, line))
        return cursor.rowcount == 1

    def get(self, identity: str) -> bytes | None:
        """The line of that identity."""
        row = self._db.execute("select line from items where identity = ?", (identity,)).fetchone()
        return None if row is None else bytes(row[0])

    def replace(self, identity: str, line: bytes) -> None:
        """Put another line in the place of the one that is there."""
        self._db.execute("update items set line = ? where identity = ?", (line, identity))

    def lines(self, fillers: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
        """The lines in order of their places, with the fillers for places that nothing takes."""
        rows = self._db.execute("select place, line from items order by place, rowid")
        row = rows.fetchone()
        for place, filler in fillers:
            while row is not None and row[0] < place:
                yield row[1]
                row = rows.fetchone()
            if row is None or row[0] != place:
                yield filler
        while row is not None:
            yield row[1]
            row = rows.fetchone()


def _fillers(kind: Kind[Any, Any], setting: Setting, span: range) -> Iterator[tuple[int, bytes]]:
    for number in span:
        filler = kind.filler(number, setting)
        if filler is None:
            return
        yield number, codec.encode(filler)


def numbered(
    kinds: Mapping[str, Kind[Any, Any]], present: Container[str], numbers: Numbers
) -> dict[str, range]:
    """The numbers that each of the `present` kinds has to fill, in the order in which the kinds are filled.

    GitHub counts on from 1: what a kind that is left out would have taken is filled by the next one.
    """
    if not numbers.promised:
        return {}
    spans = {
        name: span for name, kind in kinds.items() if name in present and (span := kind.numbers_of(numbers))
    }
    filled: dict[str, range] = {}
    following = 1
    for name, span in sorted(spans.items(), key=lambda one: one[1].start):
        filled[name] = range(following, span.stop)
        following = span.stop
    return filled


def _pushed(desk: Desk, snapshot: Manifest) -> Refs:
    """The refs that all kinds together want beside the project's own."""
    kept: dict[str, str] = {}
    temporary: dict[str, str] = {}
    spare: dict[str, tuple[str, str]] = {}
    lfs: dict[str, int] = {}
    for name, kind in desk.kinds.items():
        if f"{name}.ndjson" in snapshot.files:
            wanted = kind.refs(_records(desk, kind), desk.request.policies)
            kept |= wanted.kept
            temporary |= wanted.temporary
            spare |= wanted.spare
            lfs |= wanted.lfs
    return Refs(kept=kept, temporary=temporary, spare=spare, lfs=lfs)


def _records(desk: Desk, kind: Kind[Any, Any]) -> Iterator[Any]:
    path = desk.folder.lines_of(desk.folder.snapshot, kind.name)
    if path.is_file():
        for line in read_lines(path):
            yield _decode(line, kind.record_type, path)


def _losses_of_project(desk: Desk, inventory: Inventory) -> Iterator[Loss]:
    listed = {name for kind in desk.kinds.values() for name in kind.lists}
    for name, count in inventory.not_carried.items():
        if name in desk.kinds or name in listed:
            continue
        yield Loss(
            kind=name,
            item=name,
            what=f"{'an unknown number of' if count is None else count} {NOT_CARRIED[name]}",
            reason="this version does not carry them over",
        )
    if not desk.reference.numbers.promised:
        yield Loss(
            kind="issues",
            item="numbers",
            what="the numbers, and references to issues and merge requests: they lead to GitLab",
            reason="the policy promises no numbers (numbering: any)",
        )
    for name, choice in desk.request.kinds.items():
        if choice == "skip":
            yield Loss(kind=name, item=name, what=f"all {name}", reason="skipped, as the request says")


def _inputs(desk: Desk, snapshot: Manifest) -> dict[str, str]:
    return {
        "snapshot": codec.digest({"files": snapshot.files, "inputs": snapshot.inputs}),
        "references": desk.references.digest(),
        "users": desk.users.digest(),
        "request": desk.request_digest(),
        "target": codec.digest([str(desk.repo), desk.github_url]),
        "program": desk.tool_version,
    }


def _decode(line: bytes, type_: type[Any], path: Path) -> Any:
    try:
        return codec.decode(line, type_)
    except codec.DecodeError as error:
        raise WorkDirectoryError(
            f"{path.name} holds a line that is no record of this version: {error}",
            hint="Run again with resume_from=export.",
        ) from error
