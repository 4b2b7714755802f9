"""Releases: tag, name, notes, and the files that belong to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final
from urllib.parse import quote

from gl2gh_batch.domain.audience import visibility_on_github
from gl2gh_batch.domain.errors import NotFoundError, SourceError, TransportError
from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.plan import Call, Lookup, Loss, NoOp, Pace, Step, TargetFacts, Upload
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies, Visibility
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._ahead import ahead
from gl2gh_batch.kinds._attachments import ASSETS_PER_RELEASE
from gl2gh_batch.kinds._kind import Kind, Setting, Shaped, Source, compare, pages
from gl2gh_batch.kinds._release_files import (
    DOWNLOADS,
    ReleaseFile,
    distinct_names,
    feature_of,
    file_name,
    paths_of,
    source_of,
)
from gl2gh_batch.kinds.uploads import is_attachment_tag
from gl2gh_batch.kit.git_refs import refused_refs
from gl2gh_batch.rewrite.addresses import moved, safe
from gl2gh_batch.rewrite.attribution import attributed, moment_text, plain_words
from gl2gh_batch.rewrite.text import beginning, title_to_github, units
from gl2gh_batch.source import published
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.files import SentAs, is_stored, stored_under
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.models import Release, ReleaseAsset
from gl2gh_batch.target.witness import Witness

READ_AHEAD: Final = 2
MOST_BYTES: Final = 2 * 1024 * 1024 * 1024 - 1
# "body is too long (maximum is 125000 characters)", ncipollo/release-action#493. Nobody has written down what
# GitHub counts there; in the bodies of pull requests it is characters (dead-claudia/github-limits#13).
BODY_LIMIT: Final = 125_000
NOTES_LEAST: Final = 10_000
LINES_LIMIT: Final = 20_000
# The list of releases shows their assets; beyond so many, the list of assets is asked.
SHOWN_ASSETS: Final = 30
LATEST: Final = "latest"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """A release of GitLab's with the files that it links to; `tag_sha` empty when its tag is gone."""

    release: published.Release
    files: tuple[ReleaseFile, ...] = ()
    tag_sha: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetDesired:
    """A file of a release as GitHub has it."""

    name: str
    label: str
    sha256: str
    size: int
    state: str = "uploaded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDesired:
    """A release as GitHub has it; one whose tag is gone is a draft."""

    tag: str
    name: str
    body: str
    draft: bool = False
    prerelease: bool = False
    latest: bool = False
    assets: tuple[AssetDesired, ...] = ()


class ReleasesKind(Kind[ReleaseRecord, ReleaseDesired]):
    """One request for each release, and one for each of its files."""

    name = "releases"
    is_sent_once = True
    record_type = ReleaseRecord
    desired_type = ReleaseDesired
    is_rare: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[ReleaseRecord]:
        async for record in self.read_again(gitlab, source, lambda _: None):
            yield record

    def key(self, record: ReleaseRecord) -> str:
        return record.release.tag_name

    async def read_again(
        self, gitlab: GitLab, source: Source, before: Callable[[str], ReleaseRecord | None]
    ) -> AsyncIterator[ReleaseRecord]:
        project = source.inventory.project
        if source.inventory.counts.get(self.name) == 0 or not source.inventory.repository_enabled:
            return

        async def whole(release: published.Release) -> ReleaseRecord:
            known = before(release.tag_name)
            held = {one.url: one for one in known.files} if known and known.release == release else {}
            files = [
                await _stored(one, gitlab, source, held) for one in _files_of(release, gitlab.web_url, source)
            ]
            sha = source.refs.get(f"refs/tags/{release.tag_name}", "")
            return ReleaseRecord(release=release, files=tuple(files), tag_sha=sha)

        try:
            async for record in ahead(gitlab.releases(project.id), whole, most=READ_AHEAD):
                yield record
        except (NotFoundError, SourceError):
            if source.inventory.counts.get(self.name) is not None:
                raise
            return  # switched off, or not for this token: discovery could not count them either

    def names(self, records: Iterator[ReleaseRecord], policies: Policies) -> Mapping[str, str]:
        """`latest` → the tag of the newest release that is out; and where the files of all are.

        Each of their paths below GitLab's `releases/` → the path below GitHub's.
        """
        del policies
        newest: tuple[str, str, dict[str, str]] = ("", "", {})
        places: dict[str, str] = {}
        for record in records:
            release, tag = record.release, record.release.tag_name
            if not record.tag_sha or any(refused_refs([f"refs/tags/{tag}"])):
                continue  # nobody sees the files of a draft
            names = dict(paths_of(release, _kept(record.files)))
            places |= {f"{tag}/{path}": f"download/{quote(tag)}/{name}" for path, name in names.items()}
            moment = (release.released_at or release.created_at, tag)
            if not release.upcoming_release and moment > newest[:2]:
                newest = (*moment, names)
        _, tag, names = newest
        places |= {
            f"permalink/latest/{path}": f"latest/download/{name}"
            for path, name in names.items()
            if path.startswith(DOWNLOADS)
        }
        return places | ({LATEST: tag} if tag else {})

    def losses(self, setting: Setting) -> Iterator[Loss]:
        count = setting.inventory.counts.get(self.name)
        if count and not setting.inventory.repository_enabled:
            yield Loss(
                kind=self.name,
                item=self.name,
                what=f"{count} release{'' if count == 1 else 's'}",
                reason="the repository is switched off on GitLab, which does not tell their tags",
            )

    def shape(self, record: ReleaseRecord, setting: Setting) -> Shaped[ReleaseDesired]:
        release, book = record.release, setting.book
        tag, item = release.tag_name, f"releases/{release.tag_name}"

        def loss(what: str, reason: str) -> Loss:
            return Loss(kind=self.name, item=item, what=what, reason=reason)

        for refused in refused_refs([f"refs/tags/{tag}"]):
            return Shaped(
                desired=None, losses=(loss(f"the release of {tag!r}", f"its tag {refused.reason}"),)
            )
        losses = []
        if not record.tag_sha:
            losses.append(
                loss("its being published: it is a draft", f"the tag {tag!r} is not there any more")
            )
        files = [_unless_hidden(one, setting) for one in record.files]
        kept = _kept(files)
        left = [one for one in files if not one.problem][ASSETS_PER_RELEASE:]
        losses += [
            loss(
                f"the file {one.label!r}", one.problem or f"GitHub takes {ASSETS_PER_RELEASE} files a release"
            )
            for one in (*(each for each in files if each.problem), *left)
        ]
        url = f"{book.gitlab_url}/{book.project_path}/-/releases/{quote(tag, safe='')}"
        author = release.author
        header = attributed(
            "",
            book,
            author=None
            if author is None
            else Person(username=author.username, name=author.name, id=author.id, web_url=author.web_url),
            at=release.released_at or release.created_at,
            url=url,
            wrote="plans to release this" if release.upcoming_release else "released this",
        )
        details = "\n".join(_details(record, {one.url for one in kept}, setting))
        room = BODY_LIMIT - units(f"{header}\n\n\n\n{details}")
        notes, is_whole = beginning(release.description or "", book, max(room, NOTES_LEAST))
        if not is_whole:
            losses.append(loss("the end of the notes", "GitHub takes 125,000 characters"))
        return Shaped(
            desired=ReleaseDesired(
                tag=tag,
                name=title_to_github(release.name or tag, book),
                body="\n\n".join(part for part in (header, notes, details) if part.strip()),
                draft=not record.tag_sha,
                prerelease=bool(release.upcoming_release),
                latest=bool(record.tag_sha) and setting.names.get(self.name, {}).get(LATEST) == tag,
                assets=tuple(
                    AssetDesired(name=one.name, label=one.label, sha256=one.sha256, size=one.size)
                    for one in kept
                ),
            ),
            losses=tuple(losses),
        )

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        del github, repo  # what has neither branch nor tag can have no release but drafts
        return
        yield  # makes this an async generator that yields nothing

    def steps(self, desired: ReleaseDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        del facts
        step = f"releases/{desired.tag}"
        body: dict[str, Any] = {
            "tag_name": desired.tag,
            "name": desired.name,
            "body": desired.body,
            "draft": desired.draft,
            "prerelease": desired.prerelease,
        }
        if not desired.draft:
            body["make_latest"] = "true" if desired.latest else "false"
        path = f"/repos/{repo}/releases"
        by_tag = f"{path}?per_page=100" if desired.draft else f"{path}/tags/{quote(desired.tag)}"
        yield Call(
            id=step,
            kind=self.name,
            method="POST",
            path=path,
            body=body,
            pace=Pace.CONTENT,
            lookup=Lookup(path=by_tag, field="tag_name", value=desired.tag),
            keep=("id",),
        )
        for asset in desired.assets:
            yield Upload(
                id=f"{step}/{asset.name}",
                kind=self.name,
                repo=repo,
                release=step,
                file=f"snapshot/files/{stored_under(asset.sha256)}",
                name=asset.name,
                sha256=asset.sha256,
                size=asset.size,
                label=asset.label,
            )

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[ReleaseDesired]:
        latest = await witness.latest_release(repo)
        async for release in witness.releases(repo):
            if is_attachment_tag(release.tag_name):
                continue
            assets = [
                AssetDesired(
                    name=one.name,
                    label=one.label or "",
                    sha256=await witness.digest(repo, one),
                    size=one.size,
                    state=one.state,
                )
                async for one in _assets_of(witness, repo, release)
            ]
            yield ReleaseDesired(
                tag=release.tag_name,
                name=release.name or "",
                body=release.body or "",
                draft=release.draft,
                prerelease=release.prerelease,
                latest=latest is not None and latest.id == release.id,
                assets=tuple(assets),
            )

    def check(self, desired: ReleaseDesired, seen: ReleaseDesired) -> Iterator[Difference]:
        item = f"releases/{desired.tag}"
        # Where no release is out, GitHub may call any the latest.
        yield from compare(self.name, item, replace(desired, assets=()), replace(seen, assets=()))
        wanted = {one.name: one for one in desired.assets}
        found = {one.name: one for one in seen.assets}
        for name, asset in wanted.items():
            place = f"{item}/{name}"
            if name not in found:
                yield Difference(kind=self.name, item=place, sort=DifferenceSort.MISSING)
            else:
                yield from compare(self.name, place, asset, found[name])
        for name in found.keys() - wanted.keys():
            yield Difference(kind=self.name, item=f"{item}/{name}", sort=DifferenceSort.UNEXPECTED)

    def identity(self, desired: ReleaseDesired) -> str:
        return desired.tag

    def people(self, record: ReleaseRecord) -> Iterator[Person]:
        author = record.release.author
        if author is not None:
            yield Person(username=author.username, name=author.name, web_url=author.web_url)

    def parts(self, desired: ReleaseDesired) -> int:
        return pages(len(desired.assets)) if len(desired.assets) >= SHOWN_ASSETS else 0

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del removed
        return pages(items) + 1 + parts if items else 0


def _kept(files: Iterable[ReleaseFile]) -> list[ReleaseFile]:
    return [one for one in files if not one.problem][:ASSETS_PER_RELEASE]


def _files_of(release: published.Release, root: str, source: Source) -> Iterator[tuple[ReleaseFile, str]]:
    """The files that the release's links lead to, and its evidence, each with where it is read from."""
    project = source.inventory.project
    found: list[tuple[str, str, str, str]] = []
    for link in release.assets.links:
        address = source_of(link.url, root, project.id, project.full_path)
        if address is not None:
            found.append((file_name(link.url, link.name), link.name, link.url, address))
    for number, evidence in enumerate(release.evidences or (), start=1):
        if evidence.filepath.startswith(f"{root}/{project.full_path}/-/releases/"):
            name = f"evidence-{number}.json"
            found.append((name, f"Evidence {number} of GitLab", evidence.filepath, evidence.filepath))
    for name, (_, label, url, address) in zip(distinct_names([one[0] for one in found]), found, strict=True):
        yield ReleaseFile(name=name, label=label, url=url), address


async def _stored(
    one: tuple[ReleaseFile, str], gitlab: GitLab, source: Source, held: Mapping[str, ReleaseFile]
) -> ReleaseFile:
    file, address = one
    assert source.folder is not None
    known = held.get(file.url)
    if known is not None and is_stored(source.folder.files, known.sha256, known.size):
        return replace(file, sha256=known.sha256, size=known.size)
    try:
        is_evidence = file.url.endswith(".json") and "/evidences/" in file.url
        stored = await gitlab.file(
            address,
            source.folder.files,
            max_bytes=MOST_BYTES,
            sent_as=SentAs.EVIDENCE if is_evidence else SentAs.FILE,
        )
    except (NotFoundError, SourceError, TransportError) as error:
        return replace(file, problem=error.message)
    if not stored.size:
        return replace(file, problem="it is empty, and GitHub takes no empty assets")
    return replace(file, sha256=stored.sha256, size=stored.size)


def _unless_hidden(one: ReleaseFile, setting: Setting) -> ReleaseFile:
    """What GitLab shows to members only, in a project that others see, stays out of a public release."""
    inventory = setting.inventory
    target = visibility_on_github(setting.policies, inventory.visibility, setting.hidden)
    is_hidden = inventory.visibility != "private" and feature_of(one.url) in inventory.members_only
    if one.problem or not is_hidden or target is not Visibility.PUBLIC:
        return one
    return replace(one, problem="GitLab shows it to members only, and the repository will be public")


def _details(record: ReleaseRecord, uploaded: set[str], setting: Setting) -> Iterator[str]:
    """What GitHub has no field for, in words: dates, milestones, links, evidence."""
    release = record.release
    said = []
    if release.upcoming_release and release.released_at:
        said.append(f"Upcoming: planned for {moment_text(release.released_at)}")
    if release.created_at and release.created_at != release.released_at:
        said.append(f"Created on {moment_text(release.created_at)}")
    if release.milestones:
        names = setting.names.get("milestones", {})
        titles = [plain_words(names.get(f"id:{one.id}", one.title)) for one in release.milestones]
        said.append(f"Milestones: {', '.join(titles)}")
    said.extend(
        f"Evidence {plain_words(one.sha)} of {moment_text(one.collected_at)}"
        for one in release.evidences or ()
    )
    if said:
        yield f"> {' · '.join(said)}"
    lines = [_line(link, setting) for link in release.assets.links if link.url not in uploaded]
    if lines:
        yield "\n**Links**\n"
        size = 0
        for place, line in enumerate(lines):
            size += len(line)
            if size > LINES_LIMIT:
                yield f"- and {len(lines) - place} more on GitLab"
                return
            yield line


def _line(link: published.ReleaseLink, setting: Setting) -> str:
    words = plain_words(link.name) or "link"
    sort = f" ({plain_words(link.link_type)})" if link.link_type not in {None, "other"} else ""
    if not link.url.lower().startswith(("http://", "https://")):
        return f"- {words}{sort}: {plain_words(link.url)}"
    address = moved(link.url, setting.book) or safe(link.url)
    return f"- [{words}]({address}){sort}"


async def _assets_of(witness: Witness, repo: RepoRef, release: Release) -> AsyncIterator[ReleaseAsset]:
    if len(release.assets) < SHOWN_ASSETS:
        for one in release.assets:
            yield one
        return
    async for one in witness.release_assets(repo, release.id):
        yield one
