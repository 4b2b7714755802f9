"""Snippets of the project: a folder for each in one branch of our own, with an index."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Final
from urllib.parse import quote

from gl2gh_batch.domain.audience import visibility_on_github
from gl2gh_batch.domain.errors import AuthenticationError, NotFoundError, SourceError, TransportError
from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.plan import Loss, NoOp, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies, SnippetsPolicy, Visibility
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._ahead import ahead
from gl2gh_batch.kinds._attachments import branch_name
from gl2gh_batch.kinds._file_book import FileBook
from gl2gh_batch.kinds._kind import Kind, Setting, Shaped, Source, Tree, compare, newest_branch
from gl2gh_batch.kit.git_lfs import POINTER_PROBLEM, is_pointer_file
from gl2gh_batch.kit.git_trees import TreeFile
from gl2gh_batch.kit.git_wiki import SnippetHistory
from gl2gh_batch.rewrite.attribution import attributed, plain_words
from gl2gh_batch.rewrite.names import one_line
from gl2gh_batch.rewrite.shorthands import escaped
from gl2gh_batch.rewrite.text import to_github
from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source import published
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.files import SentAs, is_stored, place_of
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

BASE: Final = "gl2gh-snippets"
# In a mirror, what goes to the branch `MAIN` of a repository of their own.
SNIPPETS_REF: Final = "refs/gl2gh-snippets/main"
MAIN: Final = "refs/heads/main"
INDEX: Final = "README.md"
# What we say of a snippet, where it has no file of that name itself.
ABOUT: Final = ("README.md", "gitlab-snippet.md")
READ_AHEAD: Final = 2
MOST_BYTES: Final = 100 * 1024 * 1024
_WITHIN: Final = "x "
# The name of a repository has at most 100 characters.
_NAME_LENGTH: Final = 100 - len("-snippets")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetContent:
    """A file of a snippet as it was read; `blob` is git's id of it, `problem` why it was not stored."""

    path: str
    sha256: str = ""
    size: int = 0
    blob: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetRecord:
    """A snippet with its files and its comments.

    `history` is there for one that was changed since it was made, unless there was a `history_problem`.
    """

    snippet: published.Snippet
    files: tuple[SnippetContent, ...] = ()
    notes: tuple[gitlab.Note, ...] = ()
    history: SnippetHistory | None = None
    history_problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetDesired:
    """A folder of the branch: git's ids of its files by their paths, and what those files are.

    `stored` maps paths to the digests of files that were read; `about` is the text of the file `about_path`;
    `commit` is the newest of the earlier versions' history, empty without one; `apart` is true where
    they lie in a repository of their own.
    """

    folder: str
    blobs: Mapping[str, str]
    title: str = ""
    about_path: str = ""
    about: str = ""
    stored: Mapping[str, str] = field(default_factory=dict)
    commit: str = ""
    apart: bool = False


class SnippetsKind(Kind[SnippetRecord, SnippetDesired]):
    """No request at all: the push of the branches, or that of their own repository, brings them."""

    name = "snippets"
    record_type = SnippetRecord
    desired_type = SnippetDesired
    is_rare: ClassVar[bool] = True
    goes_on: ClassVar[bool] = True
    read_order: ClassVar[int] = 2

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[SnippetRecord]:
        async for record in self.read_again(gitlab, source, lambda _: None):
            yield record

    def key(self, record: SnippetRecord) -> str:
        return str(record.snippet.id)

    async def read_again(
        self, gitlab: GitLab, source: Source, before: Callable[[str], SnippetRecord | None]
    ) -> AsyncIterator[SnippetRecord]:
        project_id = source.inventory.project.id
        if source.inventory.counts.get(self.name) == 0:
            return

        async def whole(snippet: published.Snippet) -> SnippetRecord:
            known = before(str(snippet.id))
            if known is None or known.snippet != snippet or not _is_whole(known, source):
                files = [await _stored(gitlab, snippet, one, source) for one in _files_of(snippet)]
                notes = [one async for one in gitlab.snippet_notes(project_id, snippet.id) if not one.system]
                known = SnippetRecord(snippet=snippet, files=tuple(files), notes=tuple(notes))
            history, problem = await _history(snippet, source)
            return replace(known, history=history, history_problem=problem)

        try:
            async for record in ahead(gitlab.snippets(project_id), whole, most=READ_AHEAD):
                yield record
        except (NotFoundError, SourceError):
            if source.inventory.counts.get(self.name) is not None:
                raise
            return  # switched off, or not for this token: discovery could not count them either

    def names(self, records: Iterator[SnippetRecord], policies: Policies) -> Mapping[str, str]:
        """The id of each snippet → who may see it."""
        del policies
        return {str(record.snippet.id): record.snippet.visibility for record in records}

    def shape(self, record: SnippetRecord, setting: Setting) -> Shaped[SnippetDesired]:
        snippet, book = record.snippet, setting.book
        folder, item = str(snippet.id), f"snippets/{snippet.id}"

        def loss(what: str, reason: str) -> Loss:
            return Loss(kind=self.name, item=item, what=what, reason=reason)

        if not is_carried(snippet.visibility, setting.policies, setting.inventory, setting.hidden):
            hidden = loss(
                f"the {snippet.visibility} snippet {snippet.title!r}", "the repository will be public"
            )
            return Shaped(desired=None, losses=(hidden,))
        losses = [loss(f"the file {one.path!r}", one.problem) for one in record.files if one.problem]
        kept = [one for one in record.files if not one.problem]
        paths = dict(zip(_paths([one.path for one in kept]), kept, strict=True))
        losses += [
            loss(f"the path {one.path!r}; it becomes {path!r}", "it is no plain path")
            for path, one in paths.items()
            if path != one.path
        ]
        if _is_edited(snippet) and record.history is None:
            why = record.history_problem or "its repository was not read, or has no commit"
            losses.append(loss("its earlier versions", why))
        taken = {path.lower() for path in paths}
        about_path = next((one for one in ABOUT if one.lower() not in taken), f"{folder}.md")
        url = f"{book.gitlab_url}/{book.project_path}/-/snippets/{snippet.id}"
        about = "\n\n".join(_about(record, list(paths), url, setting))
        blobs = {path: one.blob for path, one in paths.items()} | {about_path: _blob(about)}
        return Shaped(
            desired=SnippetDesired(
                folder=folder,
                blobs=blobs,
                title=snippet.title,
                about_path=about_path,
                about=about,
                stored={path: one.sha256 for path, one in paths.items()},
                commit=_commit_of(record),
                apart=_is_apart(setting.policies),
            ),
            losses=tuple(losses),
        )

    def trees(self, desired: Iterator[SnippetDesired], setting: Setting) -> Iterator[Tree]:
        first = next(desired, None)
        if first is None or setting.files is None:
            return
        files, joined = setting.files, list[str]()

        def content() -> Iterator[TreeFile]:
            lines = [f"# Snippets of {plain_words(setting.book.project_path)}", ""]
            one: SnippetDesired | None = first
            while one is not None:
                page = f"[\\${one.folder}]({one.folder}/{quote(one.about_path)})"
                lines.append(f"- {page} {_title(one.title, setting)}")
                joined.extend({one.commit} - {""})
                yield TreeFile(path=f"{one.folder}/{one.about_path}", content=one.about.encode())
                for path, sha256 in one.stored.items():
                    yield TreeFile(path=f"{one.folder}/{path}", file=place_of(files, sha256))
                one = next(desired, None)
            yield TreeFile(path=INDEX, content="\n".join((*lines, "")).encode())

        yield Tree(
            ref=SNIPPETS_REF if first.apart else f"refs/heads/{setting.own_name(BASE)}",
            message=f"Keep the snippets of {setting.book.project_path}",
            files=content(),
            joined=joined,
        )

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        del github, repo
        return
        yield  # makes this an async generator that yields nothing

    def steps(self, desired: SnippetDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        del repo, facts
        yield NoOp(id=f"snippets/{desired.folder}", kind=self.name, reason="the push brings it")

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[SnippetDesired]:
        branch = newest_branch(BASE, await witness.refs(repo))
        if branch is not None:
            async for seen in self._read(witness, repo, branch):
                yield seen

    async def seen_of(
        self, witness: Witness, repo: RepoRef, desired: Iterator[SnippetDesired]
    ) -> AsyncIterator[SnippetDesired]:
        first = next(desired, None)
        place = companion(repo)
        if first is None or not first.apart:
            async for seen in self.read_back(witness, repo):
                yield seen
        elif await witness.repository(place) is not None and MAIN in await witness.refs(place):
            async for seen in self._read(witness, place, MAIN):
                yield seen

    async def _read(self, witness: Witness, repo: RepoRef, branch: str) -> AsyncIterator[SnippetDesired]:
        refs = await witness.refs(repo)
        folders: dict[str, dict[str, str]] = {}
        async for entry in witness.tree(repo, refs[branch]):
            folder, slash, path = entry.path.partition("/")
            if entry.type != "tree" and slash:
                folders.setdefault(folder, {})[path] = entry.sha
        for folder, blobs in folders.items():
            yield SnippetDesired(folder=folder, blobs=blobs)

    def check(self, desired: SnippetDesired, seen: SnippetDesired) -> Iterator[Difference]:
        for path in sorted({*desired.blobs, *seen.blobs}):
            item = f"snippets/{desired.folder}/{path}"
            wanted, found = desired.blobs.get(path), seen.blobs.get(path)
            if wanted is None or found is None:
                sort = DifferenceSort.MISSING if found is None else DifferenceSort.UNEXPECTED
                yield Difference(kind=self.name, item=item, sort=sort)
            else:
                yield from compare(
                    self.name,
                    item,
                    SnippetContent(path=path, blob=wanted),
                    SnippetContent(path=path, blob=found),
                )

    def identity(self, desired: SnippetDesired) -> str:
        return desired.folder

    def people(self, record: SnippetRecord) -> Iterator[Person]:
        for user in (record.snippet.author, *(note.author for note in record.notes)):
            if user is not None:
                yield Person(username=user.username, name=user.name, web_url=user.web_url)

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del parts, removed
        return 2 if items else 0


def companion(repo: RepoRef) -> RepoRef:
    """The repository that the snippets of a target have where they do not lie in a branch of it."""
    return RepoRef(owner=repo.owner, name=f"{repo.name[:_NAME_LENGTH]}-snippets")


def snippets_root(repo: RepoRef, policies: Policies, branch: str) -> str:
    """Where the folders of snippets lie on GitHub, below its address; `branch` is the one that they have."""
    return f"{companion(repo)}/tree/main" if _is_apart(policies) else f"{repo}/tree/{branch}"


def _is_apart(policies: Policies) -> bool:
    return policies.snippets is SnippetsPolicy.REPOSITORY


def is_carried(visibility: str, policies: Policies, inventory: Inventory, hidden: Collection[str]) -> bool:
    """False for what members alone may see, when everybody may see the repository."""
    if visibility_on_github(policies, inventory.visibility, hidden) is not Visibility.PUBLIC:
        return True
    return visibility == "public" and (inventory.visibility == "private" or "snippets" not in hidden)


async def _history(snippet: published.Snippet, source: Source) -> tuple[SnippetHistory | None, str]:
    """The versions of a snippet that was changed since it was made, or why they cannot come along."""
    if source.snippet is None or not _is_edited(snippet):
        return None, ""
    try:
        history = await source.snippet(snippet.id)
    except (NotFoundError, AuthenticationError) as error:
        return None, error.message
    if history is not None and history.problem:
        return None, history.problem
    return history, ""


def _is_whole(record: SnippetRecord, source: Source) -> bool:
    """Whether every file of it was read, and lies there still."""
    assert source.folder is not None
    folder = source.folder.files
    return all(not one.problem and is_stored(folder, one.sha256, one.size) for one in record.files)


def _is_edited(snippet: published.Snippet) -> bool:
    return bool(snippet.updated_at) and snippet.updated_at != snippet.created_at


def _commit_of(record: SnippetRecord) -> str:
    """The newest commit of a snippet with earlier versions; a single one says no more than the files."""
    return record.history.commit if record.history is not None and record.history.commits > 1 else ""


def _files_of(snippet: published.Snippet) -> tuple[published.SnippetFile, ...]:
    if snippet.files:
        return snippet.files
    return (published.SnippetFile(path=snippet.file_name or "snippet.txt"),)


async def _stored(
    gitlab: GitLab, snippet: published.Snippet, file: published.SnippetFile, source: Source
) -> SnippetContent:
    assert source.folder is not None
    start = f"/projects/{source.inventory.project.id}/snippets/{snippet.id}"
    # `…/raw/<ref>/<path>`: which branch a snippet has is told by the address alone.
    ref = file.raw_url.partition("/raw/")[2].partition("/")[0]
    part = f"files/{quote(ref, safe='')}/{quote(file.path, safe='')}/raw" if ref else "raw"
    try:
        stored = await gitlab.file(
            f"{start}/{part}",
            source.folder.files,
            max_bytes=MOST_BYTES,
            sent_as=SentAs.FILE if ref else SentAs.TEXT,
        )
    except (NotFoundError, SourceError, TransportError) as error:
        return SnippetContent(path=file.path, problem=error.message)
    if is_pointer_file(place_of(source.folder.files, stored.sha256)):
        return SnippetContent(path=file.path, problem=POINTER_PROBLEM)
    return SnippetContent(path=file.path, sha256=stored.sha256, size=stored.size, blob=stored.blob)


def _paths(wanted: list[str]) -> Iterator[str]:
    """Plain paths, each once whatever the case, none of which leads out of its folder."""
    taken: set[str] = set()
    for one in wanted:
        parts = [branch_name(part) for part in one.split("/") if part not in {"", ".", ".."}]
        # A name that is plain already stays, a leading dot too; git's own folder does not.
        parts = [
            raw if raw.isascii() and raw.isprintable() and raw.lower() != ".git" and "\\" not in raw else part
            for raw, part in zip((p for p in one.split("/") if p not in {"", ".", ".."}), parts, strict=True)
        ] or ["file"]
        path, number = "/".join(parts), 1
        while any(path.lower() == other or other.startswith(f"{path.lower()}/") for other in taken) or any(
            path.lower().startswith(f"{other}/") for other in taken
        ):
            number += 1
            path = f"{'-'.join(parts)}-{number}"
        taken.add(path.lower())
        yield path


def _about(record: SnippetRecord, paths: list[str], url: str, setting: Setting) -> Iterator[str]:
    snippet, book = record.snippet, setting.book
    in_file = FileBook(book)
    yield f"# {_title(snippet.title, setting)}"
    yield attributed(
        to_github(snippet.description or "", in_file),
        book,
        author=_person(snippet.author),
        at=snippet.created_at,
        url=url,
    )
    if paths:
        yield "\n".join(f"- [{plain_words(path)}]({quote(path)})" for path in paths)
    if (commit := _commit_of(record)) and record.history is not None:
        repo = companion(book.repo) if _is_apart(setting.policies) else book.repo
        address = f"{book.github_url}/{repo}/commits/{commit}"
        yield f"Its {record.history.commits} versions: [{commit[:8]}]({address})"
    for note in record.notes:
        yield attributed(
            to_github(note.body or "", in_file),
            book,
            author=_person(note.author),
            at=note.created_at,
            url=f"{url}#note_{note.id}",
        )


def _title(title: str, setting: Setting) -> str:
    """A title within a line of Markdown: no markup in it counts, but its references are links."""
    return to_github(f"{_WITHIN}{escaped(one_line(title))}", FileBook(setting.book)).removeprefix(_WITHIN)


def _person(user: gitlab.User | None) -> Person | None:
    return (
        None
        if user is None
        else Person(username=user.username, name=user.name, id=user.id, web_url=user.web_url)
    )


def _blob(text: str) -> str:
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
