"""Export: every record of every kind, and the history, as GitLab has them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import Agent, counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._people import PEOPLE, Census
from gl2gh_batch.agents._reading import drop_spools, may_change, read_kind
from gl2gh_batch.agents._restoring import restore, restored_inputs
from gl2gh_batch.agents.discovery import inventory_digest, read_inventory
from gl2gh_batch.agents.source_marks import unmarked
from gl2gh_batch.domain.errors import SourceError, WorkDirectoryError, about
from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kinds import LfsObjects, Source, WikiContent
from gl2gh_batch.kinds._wiki_pages import is_page
from gl2gh_batch.kit.exported import Exported
from gl2gh_batch.kit.git import BRANCHES_AND_TAGS, MERGE_REQUEST_HEADS
from gl2gh_batch.kit.git_history import object_ids
from gl2gh_batch.kit.git_refs import MIGRATED_PREFIXES, refs_digest, refused_refs
from gl2gh_batch.kit.git_wiki import SnippetHistory, TooManyFilesError, is_plain_file
from gl2gh_batch.kit.together import together
from gl2gh_batch.kit.workdir import (
    Manifest,
    damaged_files,
    is_whole,
    lines_to,
    read_manifest,
    write_manifest,
)

_ASKED_AT_ONCE: Final = 6
REMEDY = "Run again with resume_from=export: the snapshot is written anew."


class Export(Agent):
    """Writes `snapshot/<kind>.ndjson`, the mirror of the history, and a manifest that seals them."""

    name = AgentName.EXPORT

    async def is_current(self, desk: Desk) -> bool:
        inventory = read_inventory(desk.folder)
        manifest = read_manifest(desk.folder.snapshot, remedy=REMEDY)
        if inventory is None or manifest is None:
            return False
        export = desk.source_export
        made_from = inventory_digest(inventory, desk) if export is None else restored_inputs(desk, export)
        return dict(manifest.inputs) == made_from and is_whole(desk.folder.snapshot, manifest)

    async def run(self, desk: Desk) -> AgentResult:
        if desk.source_export is not None:
            return await self._take_over(desk, desk.source_export)
        inventory = require_inventory(desk)
        refs = await self._mirror(desk, inventory)
        source = Source(
            inventory=inventory,
            refs=refs,
            policies=desk.request.policies,
            history=None if inventory.empty_repository else desk.git.history(desk.folder.mirror),
            fetch=None if inventory.empty_repository else partial(fetch_commits, desk),
            folder=desk.folder,
            unmarked=partial(unmarked, desk.folder),
            lfs=None if inventory.empty_repository else partial(fetch_lfs, desk),
            wiki=partial(_fetch_wiki, desk),
            snippet=partial(_fetch_snippet, desk, asyncio.Lock()),
        )
        # What a stopped export read is gone on with while this is the same.
        made_from = {"request": desk.request_digest(), "refs": refs_digest(refs), "tool": desk.tool_version}
        as_it_was = {**made_from, "watermark": codec.digest(inventory.watermark)}
        files = {}
        census = Census()
        for name, kind in sorted(desk.kinds.items(), key=lambda one: one[1].read_order):
            path = desk.folder.lines_of(desk.folder.snapshot, name)
            if desk.request.kinds.get(name) == "skip":
                path.unlink(missing_ok=True)
                continue
            with about(name):
                facts = await read_kind(
                    kind,
                    desk.gitlab,
                    source,
                    path,
                    scratch=desk.folder.scratch,
                    census=census,
                    count=self._counter(desk, name, inventory.counts.get(name)),
                    gone=partial(self._tell_gone, desk, name),
                    made_from=codec.digest(as_it_was if may_change(kind) else made_from),
                )
            desk.count(self.name, name, facts.count, facts.count)
            files[path.name] = facts
        counts = {name.removesuffix(".ndjson"): facts.count for name, facts in files.items()}
        with lines_to(desk.folder.snapshot / PEOPLE) as lines:
            census.write(lines)
        files[PEOPLE] = lines.facts
        if census.left_out:
            desk.notice(
                "notice",
                f"texts mention more names than users.csv lists; {census.left_out} mentions are not counted",
            )
        manifest = Manifest(
            files=files,
            inputs=inventory_digest(inventory, desk),
            made_at=desk.now(),
            facts={
                "gitlab_version": inventory.gitlab_version,
                "refs": len(refs),
                **await _git_facts(desk, refs),
            },
        )
        write_manifest(desk.folder.snapshot, manifest)
        drop_spools(desk.folder.scratch)
        return AgentResult(
            status="done",
            summary=f"{counted(sum(counts.values()), 'record')}, {counted(len(refs), 'ref')}",
            counts=counts,
        )

    async def _take_over(self, desk: Desk, export: Exported) -> AgentResult:
        """What was exported before, in the place of GitLab."""
        manifest = await restore(desk, export)
        counts = {name.removesuffix(".ndjson"): facts.count for name, facts in manifest.files.items()}
        for name, number in counts.items():
            desk.count(self.name, name, number, number)
        return AgentResult(
            status="done",
            summary=f"{counted(sum(counts.values()), 'record')}, {counted(export.head.refs, 'ref')},"
            f" from the export of {export.head.made_at}",
            counts=counts,
        )

    def forget(self, desk: Desk) -> None:
        drop_spools(desk.folder.scratch)

    def _counter(self, desk: Desk, kind: str, total: int | None) -> Callable[[int], None]:
        def count(number: int) -> None:
            if number % 50 == 0:
                desk.count(self.name, kind, number, total)

        return count

    def _tell_gone(self, desk: Desk, kind: str, number: int) -> None:
        what = counted(number, kind.replace("_", " ").removesuffix("s"))
        desk.notice("notice", f"{what} deleted on GitLab during the export: not carried over")

    async def _mirror(self, desk: Desk, inventory: Inventory) -> dict[str, str]:
        if inventory.empty_repository:
            return {}
        desk.count(self.name, "git", 0, None)
        refs = await fetch_history(desk)
        if not any(name.startswith(MIGRATED_PREFIXES) for name in refs):
            # git takes an empty answer, which a proxy may give, for a repository without a ref.
            raise SourceError(
                "GitLab says that the repository has branches, and git found none",
                hint="A proxy may have answered in its place. Running again is safe.",
                item="repository",
            )
        return refs


async def fetch_history(desk: Desk) -> dict[str, str]:
    """Bring the project's mirror to what GitLab holds; its refs."""
    refspecs: tuple[str, ...] = BRANCHES_AND_TAGS
    if _wants_heads(desk, read_inventory(desk.folder)):
        refspecs = (*refspecs, MERGE_REQUEST_HEADS)
    await desk.git.mirror(desk.source_git_url, desk.folder.mirror, desk.gitlab_auth(), refspecs=refspecs)
    return dict(await desk.git.refs(desk.folder.mirror))


def _wants_heads(desk: Desk, inventory: Inventory | None) -> bool:
    """True when there are merge requests, whose commits no branch may lead to any more."""
    return (inventory is None or inventory.merge_requests_enabled) and desk.request.kinds.get(
        "merge_requests"
    ) != "skip"


async def _git_facts(desk: Desk, refs: Mapping[str, str]) -> dict[str, Any]:
    """What of the history GitHub would refuse, or could not follow: `agents/_git_findings` tells it."""
    if not refs:
        return {}
    mirror = desk.folder.mirror
    large = await desk.git.oversized_blobs(mirror)
    contents = desk.git.contents(mirror)
    secrets = await contents.secrets()
    names = [name for name in refs if name.startswith(MIGRATED_PREFIXES)]
    return {
        "large_files": [{"path": one.path, "size": one.size, "sha": one.sha} for one in large],
        "refused_refs": [{"name": one.name, "reason": one.reason} for one in refused_refs(names)],
        "submodules": [
            {"name": one.name, "url": one.url, "branch": one.branch}
            for one in await contents.submodules(refs)
        ],
        "secrets": {
            "found": [{"path": one.path, "sha": one.sha, "shape": one.shape} for one in secrets.found],
            "files_left": secrets.files_left,
            "bytes_left": secrets.bytes_left,
        },
    }


async def fetch_commits(desk: Desk, shas: Sequence[str]) -> None:
    """Bring commits into the mirror by their SHA, as many as GitLab still has."""
    git, mirror, url = desk.git, desk.folder.mirror, desk.source_git_url
    await git.fetch_commits(url, mirror, shas, desk.gitlab_auth())
    lacking = await git.lacks(mirror, object_ids(shas))
    if len(lacking) < 2:
        return
    # GitLab gives none of them when it has lost one: those that it still has are asked for once more.
    project_id = desk.reference.project.id
    works = [partial(desk.gitlab.has_commit, project_id, sha) for sha in lacking]
    there = await together(works, most=_ASKED_AT_ONCE)
    held = [sha for sha, is_there in zip(lacking, there, strict=True) if is_there]
    if held:
        await git.fetch_commits(url, mirror, held, desk.gitlab_auth())


async def fetch_lfs(desk: Desk) -> LfsObjects:
    """Bring the LFS objects that the mirror's history names beside it."""
    lfs = desk.git.lfs
    named = await lfs.pointers(desk.folder.mirror)
    lost = await lfs.fetch(desk.source_git_url, desk.folder.mirror, named, desk.gitlab_auth())
    missing = {one.oid for one in lost}
    return LfsObjects(held=[one for one in named if one.oid not in missing], lost=lost)


async def _fetch_snippet(desk: Desk, turn: asyncio.Lock, snippet_id: int) -> SnippetHistory | None:
    """Bring the history of a snippet into the mirror, in which one git works at a time."""
    async with turn:
        return await desk.git.fetch_snippet(
            desk.source_snippet_url(snippet_id), desk.folder.mirror, snippet_id, desk.gitlab_auth()
        )


async def _fetch_wiki(desk: Desk) -> WikiContent | None:
    """Bring the wiki into the mirror; None when it has no commit."""
    mirror, git = desk.folder.mirror, desk.git
    history = await git.fetch_wiki(desk.source_wiki_url, mirror, desk.gitlab_auth())
    if history is None:
        return None
    try:
        files = await git.wiki.files(mirror, history.commit)
    except TooManyFilesError as error:
        return WikiContent(
            history=history, files=(), texts={}, problem=f"{error.message}: it stays on GitLab"
        )
    pages = {
        one.path: one.blob
        for one in files
        if is_page(one.path) and is_plain_file(one) and one.blob not in history.refused
    }
    held = await git.wiki.contents(mirror, pages.values())
    texts = {}
    for path, blob in pages.items():
        with contextlib.suppress(UnicodeDecodeError):  # no text that we could read: it stays as it is
            texts[path] = held[blob].decode("utf-8")
    return WikiContent(history=history, files=files, texts=texts)


def require_inventory(desk: Desk) -> Inventory:
    """The inventory; raises `WorkDirectoryError` when discovery has not run."""
    inventory = read_inventory(desk.folder)
    if inventory is None:
        raise WorkDirectoryError(
            "there is no inventory of this project",
            hint="Run a mode that begins with discovery first.",
            project=desk.label,
        )
    return inventory


def require_snapshot(desk: Desk) -> Manifest:
    """The snapshot's manifest; raises `WorkDirectoryError` when it is missing, torn or edited."""
    manifest = read_manifest(desk.folder.snapshot, remedy=REMEDY)
    if manifest is None:
        raise WorkDirectoryError(
            "there is no finished export of this project",
            hint="Run a mode that includes export first.",
            project=desk.label,
        )
    damaged = damaged_files(desk.folder.snapshot, manifest)
    if damaged:
        raise WorkDirectoryError(
            f"the export is damaged: {', '.join(damaged)}", hint=REMEDY, project=desk.label
        )
    return manifest
