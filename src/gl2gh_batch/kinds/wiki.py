"""The wiki: its whole history, with one commit on top of it that makes its pages right on GitHub."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from gl2gh_batch.domain.errors import AuthenticationError, NotFoundError, SourceError
from gl2gh_batch.domain.plan import Loss, NoOp, Phase, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies, WikiPolicy
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._kind import Kind, Setting, Shaped, Source, Tree, compare
from gl2gh_batch.kinds._wiki_pages import OTHER_MARKUP, page_to_github, places_of
from gl2gh_batch.kit.git_trees import TreeFile
from gl2gh_batch.kit.git_wiki import WikiFile, is_plain_path
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

BASE: Final = "wiki"
# No branch of the repository: what goes into GitHub's own wiki.
WIKI_REF: Final = "refs/wiki/pages"
# Pushes GitHub's own wiki, and with it every page.
WIKI_STEP: Final = "repository/wiki"


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiRecord:
    """One file of the wiki; `text` of a page whose text is Markdown.

    `commit` is where the history ends; empty when GitHub would refuse it, and files go without their past.
    `own_files` are those of the wiki's files that the text names, `others` (in one record) other branches.
    `refused` says why GitHub would not take the file; without a path, the history, or all of it (`is_whole`).
    """

    path: str
    mode: str = ""
    blob: str = ""
    commit: str = ""
    text: str | None = None
    own_files: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    refused: str = ""
    is_whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiDesired:
    """One file on GitHub: in the branch `ref`, or in GitHub's wiki when that is empty.

    `blob` is git's id of it; `text` is there when it differs from GitLab's file `source_path`.
    """

    path: str
    blob: str
    ref: str = ""
    mode: str = ""
    source_path: str = ""
    commit: str = ""
    text: str | None = None


class WikiKind(Kind[WikiRecord, WikiDesired]):
    """No request at all: the push of the branches brings it; in GitHub's wiki, one push of its own."""

    name = "wiki"
    record_type = WikiRecord
    desired_type = WikiDesired
    is_rare: ClassVar[bool] = True
    read_order: ClassVar[int] = 2

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[WikiRecord]:
        del gitlab
        count = source.inventory.counts.get(self.name)
        if source.wiki is None or count == 0 or (count is None and not source.inventory.wiki_enabled):
            return
        try:
            content = await source.wiki()
        except (NotFoundError, AuthenticationError):
            if count is not None:
                raise
            return  # discovery could not count its pages either
        if content is None and count:
            # git takes an empty answer, which a proxy may give, for a wiki without a page.
            raise SourceError(
                "GitLab says that the wiki has pages, and git found none",
                hint="A proxy may have answered in its place. Running again is safe.",
                item=self.name,
            )
        if content is None:
            return
        if content.problem:
            yield WikiRecord(path="", refused=content.problem, is_whole=True)
            return
        history = content.history
        refused = {
            blob: reason
            for blob, reason in history.refused.items()
            if blob not in history.pointers or source.policies.wiki is not WikiPolicy.WIKI
        }
        commit = "" if refused else history.commit
        others = history.others
        for one in content.files:
            text = content.texts.get(one.path)
            yield WikiRecord(
                path=one.path,
                mode=one.mode,
                blob=one.blob,
                commit=commit,
                text=text,
                own_files=_named(text, content.files),
                others=others,
                refused=refused.get(
                    one.blob, "" if commit or is_plain_path(one) else "its path is an odd one"
                ),
            )
            others = ()
        if refused:
            blob, reason = next(iter(refused.items()))
            yield WikiRecord(path="", refused=f"it holds {blob}, of which GitHub takes nothing: {reason}")

    def names(self, records: Iterator[WikiRecord], policies: Policies) -> Mapping[str, str]:
        """The path of each file on GitLab → its path on GitHub."""
        return places_of((one.path for one in records if one.path and not one.refused), policies.wiki)

    def shape(self, record: WikiRecord, setting: Setting) -> Shaped[WikiDesired]:
        losses = list(self._losses(record, setting))
        if record.refused or setting.wiki is None:
            return Shaped(desired=None, losses=tuple(losses))
        place = setting.wiki.places[record.path]
        text = None
        if record.text is not None:
            text = page_to_github(record.text, record.path, setting.wiki, setting.book)
            text = None if text == record.text else text
        return Shaped(
            desired=WikiDesired(
                path=place,
                blob=record.blob if text is None else _blob(text),
                ref=setting.wiki.ref and f"refs/heads/{setting.wiki.ref}",
                mode=record.mode,
                source_path=record.path,
                commit=record.commit,
                text=text,
            ),
            losses=tuple(losses),
        )

    def _losses(self, record: WikiRecord, setting: Setting) -> Iterator[Loss]:
        def loss(item: str, what: str, reason: str) -> Loss:
            return Loss(kind=self.name, item=f"wiki/{item}", what=what, reason=reason)

        for branch in record.others:
            yield loss(branch, f"the branch {branch!r} of the wiki", "GitLab shows the other branch alone")
        if record.refused:
            of_all = "the wiki" if record.is_whole else "the history of the wiki"
            what = f"the file {record.path!r}" if record.path else of_all
            yield loss(record.path or "history", what, record.refused)
            return
        place = record.path if setting.wiki is None else setting.wiki.places[record.path]
        if posixpath.basename(place).lower() != posixpath.basename(record.path).lower():
            yield loss(
                record.path,
                f"the name of the page; it becomes {place!r}",
                "GitHub's wiki knows one of a name",
            )
        if record.path.lower().endswith(OTHER_MARKUP):
            yield loss(
                record.path, "references and links in the page", "it is no Markdown, and stays as it is"
            )

    def trees(self, desired: Iterator[WikiDesired], setting: Setting) -> Iterator[Tree]:
        first = next(desired, None)
        if first is None:
            return
        files: list[TreeFile] = []
        removed: list[str] = []
        one: WikiDesired | None = first
        while one is not None:
            content = None if one.text is None else one.text.encode()
            if one.commit and one.path != one.source_path:
                removed.append(one.source_path)
            if content is not None:
                files.append(TreeFile(path=one.path, content=content, mode=one.mode))
            elif not one.commit or one.path != one.source_path:
                files.append(TreeFile(path=one.path, blob=one.blob, mode=one.mode))
            one = next(desired, None)
        yield Tree(
            ref=first.ref or WIKI_REF,
            message=f"Make the wiki of {setting.book.project_path} right for GitHub",
            files=iter(files),
            parent=first.commit,
            removed=removed,
        )

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        del github, repo
        return
        yield  # makes this an async generator that yields nothing

    def steps(self, desired: WikiDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        del repo, facts
        what = "the push of the branches" if desired.ref else "the push of the wiki"
        yield NoOp(id=f"wiki/{desired.path}", kind=self.name, reason=f"{what} brings it")

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[WikiDesired]:
        del witness, repo
        return
        yield  # where it is, is known from what was desired: see `seen_of`

    async def seen_of(
        self, witness: Witness, repo: RepoRef, desired: Iterator[WikiDesired]
    ) -> AsyncIterator[WikiDesired]:
        first = next(desired, None)
        if first is None:
            return
        if not first.ref:
            for file in await witness.wiki(repo):
                if file.path:
                    yield WikiDesired(path=file.path, blob=file.blob, mode=file.mode)
            return
        sha = (await witness.refs(repo)).get(first.ref)
        if sha is None:
            return
        async for entry in witness.tree(repo, sha):
            if entry.type != "tree":
                yield WikiDesired(path=entry.path, blob=entry.sha, ref=first.ref, mode=entry.mode)

    def check(self, desired: WikiDesired, seen: WikiDesired) -> Iterator[Difference]:
        ignored = frozenset({"source_path", "commit", "text"})
        yield from compare(self.name, f"wiki/{desired.path}", desired, seen, ignore=ignored)

    def identity(self, desired: WikiDesired) -> str:
        return desired.path

    def settle(self, desired: WikiDesired, facts: TargetFacts, phase: Phase) -> WikiDesired | None:
        del facts
        # GitHub's own wiki is pushed last of all, when a person may have to make its first page.
        return desired if desired.ref or phase is Phase.CLOSE else None

    def last_step(self, desired: WikiDesired) -> str:
        return "" if desired.ref else WIKI_STEP

    async def check_closed(
        self, witness: Witness, repo: RepoRef, desired: Iterator[WikiDesired], facts: TargetFacts
    ) -> AsyncIterator[Difference]:
        del facts
        wanted = {one.path: one for one in desired if not one.ref}
        if not wanted:
            return
        seen = {one.path: one async for one in self.seen_of(witness, repo, iter(wanted.values()))}
        for path in sorted({*wanted, *seen}):
            if path in wanted and path in seen:
                for difference in self.check(wanted[path], seen[path]):
                    yield difference
            else:
                sort = DifferenceSort.MISSING if path in wanted else DifferenceSort.UNEXPECTED
                yield Difference(kind=self.name, item=f"wiki/{path}", sort=sort)

    def texts(self, record: WikiRecord) -> Iterator[str]:
        if record.text is not None:
            yield record.text

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del parts, removed
        return 1 if items else 0


def _named(text: str | None, files: Sequence[WikiFile]) -> tuple[str, ...]:
    """The attachments inside the wiki that a text names."""
    if text is None or "uploads/" not in text:
        return ()
    return tuple(one.path for one in files if one.path.startswith("uploads/") and one.path in text)


def _blob(text: str) -> str:
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
