"""Attached files: all in one branch that is pushed with the others, or assets of a release."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from gl2gh_batch.domain.errors import NotFoundError, TransportError
from gl2gh_batch.domain.plan import Call, Lookup, Loss, NoOp, Pace, Step, TargetFacts, Upload
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import AttachmentPolicy, Policies
from gl2gh_batch.domain.result import Difference
from gl2gh_batch.kinds._ahead import ahead
from gl2gh_batch.kinds._attachments import (
    ASSETS_PER_RELEASE,
    BASE,
    Named,
    addresses,
    key_of,
    named_in,
    place,
    tag_of,
)
from gl2gh_batch.kinds._kind import Kind, Setting, Shaped, Source, Tree, compare, newest_branch, pages
from gl2gh_batch.kit.git_lfs import POINTER_PROBLEM, is_pointer_file
from gl2gh_batch.kit.git_trees import TreeFile
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.files import FileTooLargeError, StoredFile, is_stored, place_of, stored_under
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.models import ReleaseAsset
from gl2gh_batch.target.witness import Witness

READ_AHEAD: Final = 4
# "About large files on GitHub": 100 MiB in git; less than 2 GiB for an asset.
MOST_BYTES: Final = {
    AttachmentPolicy.BRANCH: 100 * 1024 * 1024,
    AttachmentPolicy.RELEASE: 2 * 1024 * 1024 * 1024 - 1,
}
README: Final = "README.md"
_TAGS: Final = re.compile(rf"{BASE}(?:-[0-9]+)?(?:\.[0-9]+)?")
_ABOUT: Final = (
    "Files that were attached to issues, merge requests, comments and other texts of {path} on GitLab.\n"
    "The texts here link to them: keep this {what}.\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadRecord:
    """An attached file, or (`secret` empty) a release that holds up to 1,000 of them.

    `problem` says why it was not stored; `twin` that another one has the same bytes and name.
    """

    secret: str = ""
    filename: str = ""
    item: str = ""
    sha256: str = ""
    size: int = 0
    blob: str = ""
    release: int = 0
    place: str = ""
    problem: str = ""
    twin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDesired:
    """A file on GitHub: in the branch (`tag` empty) or in the release of a tag; or that release (no `place`).

    `blob` is git's id of it, `label` what GitHub shows instead of the asset's name.
    """

    tag: str = ""
    place: str = ""
    sha256: str = ""
    size: int = 0
    blob: str = ""
    label: str = ""
    release: int = 0
    draft: bool = False


class UploadsKind(Kind[UploadRecord, UploadDesired]):
    """No request at all in a branch; one for each file in a release."""

    name = "uploads"
    record_type = UploadRecord
    desired_type = UploadDesired
    is_rare: ClassVar[bool] = True
    # It looks for files in what the others read.
    read_order: ClassVar[int] = 3
    transform_order: ClassVar[int] = 1
    goes_on: ClassVar[bool] = True
    never_changes: ClassVar[bool] = True

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[UploadRecord]:
        async for record in self.read_again(gitlab, source, lambda _: None):
            yield record

    def key(self, record: UploadRecord) -> str:
        return key_of(record.secret, record.filename) if record.secret else f"release/{record.release}"

    async def read_again(
        self, gitlab: GitLab, source: Source, before: Callable[[str], UploadRecord | None]
    ) -> AsyncIterator[UploadRecord]:
        policy = source.policies.attachments
        project = source.inventory.project
        folder = source.folder
        if folder is None:
            return

        async def stored(named: Named) -> UploadRecord:
            record = UploadRecord(secret=named.secret, filename=named.filename, item=named.item)
            if policy is AttachmentPolicy.LINK:
                return replace(record, problem="links lead to GitLab, as the request says")
            if named.path == "":
                return replace(record, problem="GitLab does not tell where its picture is")
            known = before(self.key(record))
            if known is not None and is_stored(folder.files, known.sha256, known.size):
                return replace(record, sha256=known.sha256, size=known.size, blob=known.blob)
            if named.path is not None:
                paths = [f"{gitlab.web_url}{named.path}"]
            else:
                paths = addresses(named.secret, named.filename, named.holder, project.id, project.full_path)
            try:
                file = await _fetch(gitlab, paths, source, MOST_BYTES[policy])
            except (FileTooLargeError, NotFoundError, TransportError) as error:
                return replace(record, problem=error.message)
            if policy is AttachmentPolicy.BRANCH and is_pointer_file(place_of(folder.files, file.sha256)):
                return replace(record, problem=POINTER_PROBLEM)
            return replace(record, sha256=file.sha256, size=file.size, blob=file.blob)

        async def every() -> AsyncIterator[Named]:
            for one in named_in(folder.snapshot, f"{self.name}.ndjson", gitlab.web_url, project.full_path):
                yield one

        places: dict[str, int] = {}
        number = 0
        async for record in ahead(every(), stored, most=READ_AHEAD):
            if record.problem:
                yield record
                continue
            if policy is AttachmentPolicy.RELEASE and not record.size:
                yield replace(record, problem="it is empty, and GitHub takes no empty assets")
                continue
            where = place(record.sha256, record.filename, policy)
            twin = where in places
            if not twin:
                if policy is AttachmentPolicy.RELEASE and len(places) % ASSETS_PER_RELEASE == 0:
                    number += 1
                    yield UploadRecord(release=number)
                places[where] = number
            yield replace(record, place=where, release=places[where], twin=twin)

    def names(self, records: Iterator[UploadRecord], policies: Policies) -> Mapping[str, str]:
        """`<secret>/<filename>` → `<release>/<place>`, for what was stored."""
        del policies
        return {
            key_of(one.secret, one.filename): f"{one.release}/{one.place}" for one in records if one.place
        }

    def shape(self, record: UploadRecord, setting: Setting) -> Shaped[UploadDesired]:
        if not record.secret:
            desired = UploadDesired(
                tag=tag_of(setting.own_name(BASE), record.release), release=record.release
            )
            return Shaped(desired=desired)
        key = key_of(record.secret, record.filename)
        problem = record.problem
        if not problem and key not in setting.used_uploads:
            problem = f"only {record.item} and the like name it, which is not carried over"
        if problem:
            loss = Loss(
                kind=self.name,
                item=f"uploads/{key}",
                what=f"the attached file {record.filename!r} of {record.item}",
                reason=problem,
            )
            return Shaped(desired=None, losses=(loss,))
        return Shaped(
            desired=UploadDesired(
                tag=tag_of(setting.own_name(BASE), record.release) if record.release else "",
                place=record.place,
                sha256=record.sha256,
                size=record.size,
                blob=record.blob,
                label=record.filename if record.release else "",
                release=record.release,
            )
        )

    def is_same_twice(self, record: UploadRecord) -> bool:
        return record.twin

    def trees(self, desired: Iterator[UploadDesired], setting: Setting) -> Iterator[Tree]:
        policy, base = setting.policies.attachments, setting.own_name(BASE)
        first = next(desired, None)
        if first is None or setting.files is None:
            return
        files = setting.files

        def in_branch() -> Iterator[TreeFile]:
            yield _readme(setting, "branch")
            one: UploadDesired | None = first
            while one is not None:
                yield TreeFile(path=one.place, file=place_of(files, one.sha256))
                one = next(desired, None)

        message = f"Keep the attachments of {setting.book.project_path}"
        if policy is AttachmentPolicy.BRANCH:
            yield Tree(ref=f"refs/heads/{base}", message=message, files=in_branch())
            return
        numbers = {first.release, *(one.release for one in desired)}
        for number in sorted(numbers):
            tag = f"refs/tags/{tag_of(base, number)}"
            yield Tree(ref=tag, message=message, files=iter((_readme(setting, "release"),)))

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        del github, repo
        return
        yield  # makes this an async generator that yields nothing

    def steps(self, desired: UploadDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        del facts
        if not desired.tag:
            yield NoOp(
                id=f"uploads/{desired.place}", kind=self.name, reason="the push of the branches brings it"
            )
        elif not desired.place:
            yield Call(
                id=_release_step(desired.release),
                kind=self.name,
                method="POST",
                path=f"/repos/{repo}/releases",
                body={
                    "tag_name": desired.tag,
                    "name": "Attachments from GitLab",
                    "body": "Files that were attached to texts on GitLab. The texts link to them: keep this.",
                    "prerelease": True,
                    "make_latest": "false",
                },
                pace=Pace.CONTENT,
                lookup=Lookup(
                    path=f"/repos/{repo}/releases/tags/{desired.tag}", field="tag_name", value=desired.tag
                ),
                keep=("id",),
            )
        else:
            yield Upload(
                id=f"uploads/{desired.tag}/{desired.place}",
                kind=self.name,
                repo=repo,
                release=_release_step(desired.release),
                file=f"snapshot/files/{stored_under(desired.sha256)}",
                name=desired.place,
                sha256=desired.sha256,
                size=desired.size,
                label=desired.label,
            )

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[UploadDesired]:
        refs = await witness.refs(repo)
        branch = newest_branch(BASE, refs)
        if branch is not None:
            async for entry in witness.tree(repo, refs[branch]):
                if entry.type == "blob" and entry.path != README:
                    yield UploadDesired(place=entry.path, blob=entry.sha, size=entry.size or 0)
        if not any(_TAGS.fullmatch(ref.removeprefix("refs/tags/")) for ref in refs):
            return
        async for release in witness.releases(repo):
            if not is_attachment_tag(release.tag_name):
                continue
            yield UploadDesired(tag=release.tag_name, draft=release.draft)
            async for asset in witness.release_assets(repo, release.id):
                yield _seen(asset, release.tag_name, await witness.digest(repo, asset), draft=release.draft)

    def check(self, desired: UploadDesired, seen: UploadDesired) -> Iterator[Difference]:
        ignore = {"release", "sha256" if not desired.tag else "blob"}
        yield from compare(
            self.name, f"uploads/{self.identity(desired)}", desired, seen, ignore=frozenset(ignore)
        )

    def identity(self, desired: UploadDesired) -> str:
        return f"{desired.tag}:{desired.place}"

    def parts(self, desired: UploadDesired) -> int:
        return 1 if desired.tag and desired.place else 0

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del removed
        if not items:
            return 0
        return 1 + pages(parts) + 1 if parts else 2


def is_attachment_tag(tag: str) -> bool:
    """True for the tag of a release that holds attachments and is none of the project's own."""
    return bool(_TAGS.fullmatch(tag))


async def _fetch(gitlab: GitLab, paths: list[str], source: Source, max_bytes: int) -> StoredFile:
    assert source.folder is not None
    api, *web = paths
    try:
        return await gitlab.file(api, source.folder.files, max_bytes=max_bytes)
    except NotFoundError:
        if not web:
            raise
        try:
            address = f"{gitlab.web_url}{web[0]}"
            return await gitlab.file(address, source.folder.files, max_bytes=max_bytes)
        except NotFoundError as error:
            raise NotFoundError(f"GitLab does not give it: {error.message}") from error


def _seen(asset: ReleaseAsset, tag: str, sha256: str, *, draft: bool) -> UploadDesired:
    return UploadDesired(
        tag=tag, place=asset.name, sha256=sha256, size=asset.size, label=asset.label or "", draft=draft
    )


def _release_step(number: int) -> str:
    return f"uploads/release/{number}"


def _readme(setting: Setting, what: str) -> TreeFile:
    about = _ABOUT.format(path=setting.book.project_path, what=what)
    return TreeFile(path=README, content=about.encode())
