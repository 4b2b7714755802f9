"""Git LFS objects: what the pointers in the history stand for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, Final

from gl2gh_batch.domain.plan import Loss, NoOp, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies
from gl2gh_batch.domain.result import Difference
from gl2gh_batch.kinds._kind import Kind, Refs, Setting, Shaped, Source, compare
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

_ASKED_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class LfsRecord:
    """One object that a pointer names; `lost` when GitLab does not have it either."""

    oid: str
    size: int
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LfsDesired:
    """One object as GitHub has it."""

    oid: str
    size: int


class LfsObjectsKind(Kind[LfsRecord, LfsDesired]):
    """No request of the API: one push of all objects, which goes before that of the refs."""

    name = "lfs_objects"
    record_type = LfsRecord
    desired_type = LfsDesired
    # Behind merge requests, whose commits no ref may lead to; before snippets and wikis, which have no LFS.
    read_order: ClassVar[int] = 1

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[LfsRecord]:
        del gitlab
        if source.lfs is None or source.inventory.counts.get(self.name) == 0:
            return
        objects = await source.lfs()
        for one in objects.held:
            yield LfsRecord(oid=one.oid, size=one.size)
        for one in objects.lost:
            yield LfsRecord(oid=one.oid, size=one.size, lost=True)

    def shape(self, record: LfsRecord, setting: Setting) -> Shaped[LfsDesired]:
        del setting
        if not record.lost:
            return Shaped(desired=LfsDesired(oid=record.oid, size=record.size))
        loss = Loss(
            kind=self.name,
            item=f"{self.name}/{record.oid}",
            what=f"the LFS object {record.oid} of {record.size} bytes",
            reason="GitLab does not have it; GitHub may refuse a history that names it",
        )
        return Shaped(desired=None, losses=(loss,))

    def refs(self, records: Iterator[LfsRecord], policies: Policies) -> Refs:
        del policies
        return Refs(lfs={one.oid: one.size for one in records if not one.lost})

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        del github, repo
        return
        yield  # makes this an async generator that yields nothing

    def steps(self, desired: LfsDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        del desired, repo, facts
        return iter(())  # the repository's own push takes them all along

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[LfsDesired]:
        del witness, repo
        return
        yield  # GitHub has no list of them: see `seen_of`

    async def seen_of(
        self, witness: Witness, repo: RepoRef, desired: Iterator[LfsDesired]
    ) -> AsyncIterator[LfsDesired]:
        while some := {one.oid: one.size for one in islice(desired, _ASKED_AT_ONCE)}:
            for oid, size in (await witness.lfs_objects(repo, some)).items():
                yield LfsDesired(oid=oid, size=size)

    def check(self, desired: LfsDesired, seen: LfsDesired) -> Iterator[Difference]:
        yield from compare(self.name, f"{self.name}/{desired.oid}", desired, seen)

    def identity(self, desired: LfsDesired) -> str:
        return desired.oid

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del items, parts, removed
        return 0
