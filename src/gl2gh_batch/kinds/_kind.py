"""The contract of a kind: six members, none of which writes."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from gl2gh_batch.domain.audience import hidden_parts
from gl2gh_batch.domain.inventory import Inventory
from gl2gh_batch.domain.ledger import Receipt
from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.people import Person
from gl2gh_batch.domain.plan import Loss, NoOp, Phase, Step, TargetFacts
from gl2gh_batch.domain.ports import Book
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._wiki_pages import Wiki
from gl2gh_batch.kit.git_history import History
from gl2gh_batch.kit.git_lfs_server import LfsObject
from gl2gh_batch.kit.git_trees import TreeFile
from gl2gh_batch.kit.git_wiki import SnippetHistory, WikiFile, WikiHistory
from gl2gh_batch.kit.workdir import ProjectFolder
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.source.models import Project
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness


def _as_it_is(project: Project) -> Project:
    return project


R = TypeVar("R")
D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The project that is read: what discovery found, and what its mirror holds.

    `history` answers questions to the mirror, `fetch` brings commits into it that no ref leads to, `lfs`
    fetches the LFS objects that it names; all are None for a repository without a commit. `wiki` brings the
    wiki into the mirror, `snippet` the history of a snippet by its id. `folder` holds what the kinds before
    this one read; files go into its `files`. `unmarked` gives the project without what an earlier migration
    of ours left on it.
    """

    inventory: Inventory
    refs: dict[str, str]
    history: History | None = None
    fetch: Callable[[Sequence[str]], Awaitable[None]] | None = None
    lfs: Callable[[], Awaitable[LfsObjects]] | None = None
    wiki: Callable[[], Awaitable[WikiContent | None]] | None = None
    snippet: Callable[[int], Awaitable[SnippetHistory | None]] | None = None
    policies: Policies = field(default_factory=Policies)
    folder: ProjectFolder | None = None
    unmarked: Callable[[Project], Project] = _as_it_is


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A branch or tag of our own making, by its full ref name, with the files of its only commits.

    With a `parent` they are what its commit adds to that one's, without the `removed` ones; without any, the
    branch is that commit. The commits `joined`, which may be named while the files are read, become part of
    its history. A ref that is neither a branch nor a tag does not go with the others.
    """

    ref: str
    message: str
    files: Iterator[TreeFile]
    parent: str = ""
    removed: Sequence[str] = ()
    joined: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiContent:
    """A wiki as it was read; `texts` holds the pages whose text is Markdown, by their paths.

    `problem` says why it cannot be carried at all; then there are no files.
    """

    history: WikiHistory
    files: Sequence[WikiFile]
    texts: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LfsObjects:
    """The LFS objects that a history names: those that were fetched, and those that GitLab has lost."""

    held: Sequence[LfsObject]
    lost: Sequence[LfsObject]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaped(Generic[D]):
    """A record as GitHub should have it (None: not carried over), and what is lost."""

    desired: D | None
    losses: tuple[Loss, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What holds for all records of a project while they are shaped; `names` by kind, see `Kind.names`.

    A kind that is skipped has no entry in `names`. `pushed` are the refs that kinds want beside those of the
    project, see `Kind.refs`. `taken` are the refs of the mirror, `used_uploads` the attachments that texts
    were given addresses of, `files` the folder of the files that were read, and `trees` the refs that kinds
    had made (full name → object id; there when `repository` is shaped). `wiki` knows the pages of the wiki.
    `unpromised` is there for a project whose items take any number: it tells only their order. `skipped` are
    the kinds that the request leaves out.
    """

    book: Book
    policies: Policies
    inventory: Inventory
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    pushed: Refs = field(default_factory=lambda: Refs())
    taken: frozenset[str] = frozenset()
    used_uploads: AbstractSet[str] = frozenset()
    files: Path | None = None
    trees: Mapping[str, str] = field(default_factory=dict)
    wiki: Wiki | None = None
    unpromised: Numbers | None = None
    skipped: frozenset[str] = frozenset()

    @property
    def hidden(self) -> tuple[str, ...]:
        """The kinds that are carried over and that GitLab shows to members of the project only."""
        return hidden_parts(self.inventory.members_only, self.skipped)

    def issue_place(self, iid: int) -> int | None:
        """The number of an issue of this project, or its place where none is promised; None when unknown."""
        if self.unpromised is not None:
            return self.unpromised.issue(iid)
        found = self.book.issue_number(iid)
        return None if found is None else found[1]

    def merge_request_place(self, iid: int) -> int | None:
        """The same of a merge request."""
        if self.unpromised is not None:
            return self.unpromised.merge_request(iid)
        found = self.book.merge_request_number(iid)
        return None if found is None else found[1]

    def own_name(self, base: str) -> str:
        """The name of a branch or tag of ours: `base`, or numbered where the project has one of that name."""
        return own_name(base, self.taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refs:
    """Refs that a kind wants in the target (full name → SHA): some stay, some go in the close phase.

    Those of `spare` (full name → SHA, and the id of a step) come in the close phase where that step was
    refused. `lfs` are LFS objects (oid → bytes) that have to be there before.
    """

    kept: Mapping[str, str] = field(default_factory=dict)
    temporary: Mapping[str, str] = field(default_factory=dict)
    spare: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    lfs: Mapping[str, int] = field(default_factory=dict)


Receipts = Callable[[str], Receipt | None]


class Kind(ABC, Generic[R, D]):
    """One sort of thing that is migrated."""

    name: ClassVar[str]
    has_assignees: ClassVar[bool] = False
    # Nothing is read back where nothing was planned.
    is_rare: ClassVar[bool] = False
    # Made by requests that are never sent twice: what has changed since is not carried (see `agents._sent`).
    is_sent_once: ClassVar[bool] = False
    # What cannot be carried over (see `domain.inventory`) and is named among its losses, one by one.
    lists: ClassVar[frozenset[str]] = frozenset()
    # When records are read: a later kind finds in the mirror what the earlier ones fetched.
    read_order: ClassVar[int] = 0
    # When records are shaped: a later kind sees what the earlier ones used and made.
    transform_order: ClassVar[int] = 0
    record_type: type[R]
    desired_type: type[D]

    @abstractmethod
    def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[R]:
        """The project's records, from GitLab."""

    @abstractmethod
    def shape(self, record: R, setting: Setting) -> Shaped[D]:
        """The record as GitHub should have it, and what is lost; pure."""

    @abstractmethod
    def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        """The identities that the target already has."""

    @abstractmethod
    def steps(self, desired: D, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        """What to do about one record; pure."""

    @abstractmethod
    def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[D]:
        """What is in the target, in the shape of `Desired`."""

    @abstractmethod
    def check(self, desired: D, seen: D) -> Iterator[Difference]:
        """How the seen one differs from the desired one."""

    # ── for kinds whose reading takes long enough to be overtaken ────────────────────────────────

    rereads: ClassVar[bool] = False
    # What costs requests of its own for each record is gone on with when an export was stopped: while the
    # source is as it was, or (what never changes) in any case.
    goes_on: ClassVar[bool] = False
    never_changes: ClassVar[bool] = False

    def key(self, record: R) -> str:
        """What tells a record from the others of its kind on GitLab; for kinds that are read again."""
        raise NotImplementedError

    async def read_again(
        self, gitlab: GitLab, source: Source, before: Callable[[str], R | None]
    ) -> AsyncIterator[R]:
        """The records that are there after all were read, each as it is by now.

        `before` gives what the first reading, or a stopped one, found under a key; what is not given again is
        gone.
        """
        del before
        async for record in self.read(gitlab, source):
            yield record

    # ── what most kinds leave as it is ───────────────────────────────────────────────────────────

    @abstractmethod
    def identity(self, desired: D) -> str:
        """What tells this item from the others of its kind, the same for desired and seen."""

    def source_of(self, desired: D) -> str:
        """Where an item with a number comes from: `issues/12`; `placeholders/13` for what fills a gap."""
        del desired
        return ""

    def seen_of(self, witness: Witness, repo: RepoRef, desired: Iterator[D]) -> AsyncIterator[D]:
        """What `read_back` gives; kinds without a list in the target ask for just what was desired."""
        del desired
        return self.read_back(witness, repo)

    def seen_closed(self, witness: Witness, repo: RepoRef, desired: Iterator[D]) -> AsyncIterator[D]:
        """The same of a closed project, whenever it is verified again: in an apply nothing pays for more."""
        return self.seen_of(witness, repo, desired)

    def number_of(self, desired: D) -> int | None:
        """The number that the item takes in the sequence of issues and pull requests, if it does."""
        del desired
        return None

    def filler(self, number: int, setting: Setting) -> D | None:
        """What holds a number that no item takes; None for kinds without numbers."""
        del number, setting
        return None

    def numbers_of(self, numbers: Numbers) -> range:
        """The numbers that belong to the kind, gaps included; none for kinds without numbers."""
        del numbers
        return range(0)

    def is_absent(self, numbers: Numbers) -> bool:
        """True when no item of the kind can be there: then nothing is read back."""
        del numbers
        return False

    def owns(self, seen: D, numbers: Numbers) -> bool:
        """True for what is of this kind among the things that several kinds read back from one list."""
        del seen, numbers
        return True

    def refs(self, records: Iterator[R], policies: Policies) -> Refs:
        """The refs that the items need in the target beside the project's own."""
        del records, policies
        return Refs()

    def as_made(self, desired: D, receipts: Receipts) -> D:
        """The item as GitHub took it, where its receipts say that it took something else."""
        del receipts
        return desired

    def settle(self, desired: D, facts: TargetFacts, phase: Phase) -> D | None:
        """The item as this target can have it in this phase; None when it should not be there."""
        del facts, phase
        return desired

    def as_begun(self, settled: D, desired: D, receipts: Receipts) -> D:
        """The item settled for the fill, with what steps of the close phase have done to it already."""
        del desired, receipts
        return settled

    def last_step(self, desired: D) -> str:
        """The id of the step that makes the item, or takes it away, in the close phase; empty for others."""
        del desired
        return ""

    def is_accepted_extra(self, seen: D) -> bool:
        """True for what may be in the target without having been planned."""
        del seen
        return False

    def names(self, records: Iterator[R], policies: Policies) -> Mapping[str, str]:
        """What other records call the items of this kind → what they are called on GitHub.

        Empty for what is not carried over. It is asked before any record is shaped, so it may also say of
        one record what only others tell.
        """
        del records, policies
        return {}

    def losses(self, setting: Setting) -> Iterator[Loss]:
        """What is lost of this kind as a whole, whatever its records hold."""
        del setting
        return iter(())

    def is_same_twice(self, record: R) -> bool:
        """True for a record that becomes one with an earlier one, without anything being lost."""
        del record
        return False

    def trees(self, desired: Iterator[D], setting: Setting) -> Iterator[Tree]:
        """The branches and tags of our own making that hold items of this kind; pushed with the others."""
        del desired, setting
        return iter(())

    def assignees(self, desired: D) -> tuple[str, ...]:
        """The logins that the item wants as assignees."""
        del desired
        return ()

    def reviewers(self, desired: D) -> tuple[str, ...]:
        """The logins that the item asks for a review."""
        del desired
        return ()

    def issue_types(self, desired: D) -> tuple[str, ...]:
        """The types of issues that the item asks the target's organisation for."""
        del desired
        return ()

    def own_reads(self, desired: D) -> int:
        """How many requests `read_back` makes for this item alone."""
        del desired
        return 0

    def people(self, record: R) -> Iterator[Person]:
        """The people whom the record names in its fields, each as often as it does, with their role."""
        del record
        return iter(())

    def texts(self, record: R) -> Iterator[str]:
        """The texts of people's that the record holds, for those whom they mention."""
        del record
        return iter(())

    async def check_closed(
        self, witness: Witness, repo: RepoRef, desired: Iterator[D], facts: TargetFacts
    ) -> AsyncIterator[Difference]:
        """The differences in what the `close` steps change, and in nothing else."""
        del witness, repo, desired, facts
        return
        yield  # makes this an async generator that yields nothing

    def parts(self, desired: D) -> int:
        """How many things of their own the item holds (an issue its comments), for the price."""
        del desired
        return 0

    def content_by_choice(self, desired: D) -> Mapping[str, int]:
        """How many content-creating requests the item costs by each choice of a policy; 0 for an import."""
        del desired
        return {}

    def listed(self, desired: D) -> Mapping[str, int]:
        """The lists that only this kind reads → how many entries the item has there; pages of a hundred."""
        del desired
        return {}

    def shared_reads(self, items: int, parts: int, removed: int) -> Mapping[str, int]:
        """The lists that `read_back` and `check_closed` share with other kinds → how many entries they add.

        Each list is read once for all kinds, in pages of a hundred.
        """
        del items, parts, removed
        return {}

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        """How many requests `read_back` and `check_closed` cost beside the lists of `shared_reads`.

        `removed` is how many of the items are gone after the close phase.
        """
        del parts, removed
        return pages(items)


def filling_order(kinds: Mapping[str, Kind[Any, Any]], numbers: Numbers) -> list[str]:
    """The kinds as they are filled: in their own order, but those that share GitHub's numbers by these."""
    counted = [name for name, kind in kinds.items() if kind.numbers_of(numbers)]
    by_number = iter(sorted(counted, key=lambda name: kinds[name].numbers_of(numbers).start))
    return [next(by_number) if name in counted else name for name in kinds]


def own_name(base: str, taken: frozenset[str]) -> str:
    """`base`, or `base-2` and so on, so that neither a branch nor a tag of the project is in the way."""
    below = [ref for ref in taken if base in ref]
    for number in range(1, len(below) + 2):
        name = base if number == 1 else f"{base}-{number}"
        full = (f"refs/heads/{name}", f"refs/tags/{name}")
        if not any(ref.startswith((f"{one}/", f"{one}.")) or ref == one for ref in below for one in full):
            return name
    raise AssertionError("one of so many names is free")


def newest_branch(base: str, refs: Iterable[str]) -> str | None:
    """The ref of the branch that `own_name` chose: of those with such a name it has the highest number."""
    names = re.compile(rf"refs/heads/{re.escape(base)}(?:-([0-9]+))?")
    found = [one for ref in refs if (one := names.fullmatch(ref))]
    return max(found, key=lambda one: int(one.group(1) or 1)).group() if found else None


def pages(items: int) -> int:
    """How many pages of 100 hold so many items; an empty list is a page too."""
    return max(1, -(-items // 100))


def compare(
    kind: str, item: str, desired: Any, seen: Any, *, ignore: frozenset[str] = frozenset()
) -> Iterator[Difference]:
    """The fields in which two dataclass values of one type differ."""
    for one in fields(desired):
        if one.name in ignore:
            continue
        expected, found = getattr(desired, one.name), getattr(seen, one.name)
        if expected != found:
            yield Difference(
                kind=kind,
                item=item,
                sort=DifferenceSort.CHANGED,
                field=one.name,
                expected=_short(expected),
                seen=_short(found),
            )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}… ({len(text)} characters)"
