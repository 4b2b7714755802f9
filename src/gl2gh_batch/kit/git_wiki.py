"""The git repository of a wiki: beside the project's own history in one mirror, and on its way to GitHub.

GitHub has no wiki repository before its first page was made by hand; what lies there then is one commit, and
that alone may be replaced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import GitError, NotFoundError, TargetError, TargetNotOursError
from gl2gh_batch.kit.git_lfs import POINTER_BYTES, is_pointer
from gl2gh_batch.kit.git_listing import listed
from gl2gh_batch.kit.git_process import Finished, GitAuth, GitProcess, failure, origin_of
from gl2gh_batch.kit.git_refs import BLOB_LIMIT_BYTES, parse_push, parse_refs, parse_symref
from gl2gh_batch.kit.git_trees import OWN_PREFIX, contents

# Where GitLab's wiki lies in a mirror, as it was read.
_SNIPPETS: Final = f"{OWN_PREFIX}snippet-source/"
_SOURCE: Final = f"{OWN_PREFIX}wiki-source/"
# The names of a wiki's own repository, and of its bundle → their places in a mirror.
SOURCE_PLACES: Final[Mapping[str, str]] = {"HEAD": f"{_SOURCE}HEAD", "refs/heads/": f"{_SOURCE}heads/"}
# The same for the histories of snippets, each a branch called by the snippet's id.
SNIPPET_PLACES: Final[Mapping[str, str]] = {"refs/heads/": _SNIPPETS}
_FIRST_PAGE: Final = f"{OWN_PREFIX}wiki-first-page"
_NO_HEAD: Final = re.compile(r"couldn't find remote ref", re.IGNORECASE)
_READ_AT_ONCE: Final = 200
# GitLab's largest wikis have some thousand pages.
FILES_AT_MOST: Final = 100_000
_CHUNK_BYTES: Final = 1 << 18
DEFAULT_BRANCH: Final = "refs/heads/master"
# What is fetched has nothing in common with the project's history, all of which git would offer as known.
_APART: Final = ("-c", "fetch.negotiationAlgorithm=noop")


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiFile:
    """One file of a commit; `path` holds `\\xNN` for bytes that are not UTF-8, and is then not `plain`."""

    path: str
    mode: str
    blob: str
    size: int
    plain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class WikiHistory:
    """A wiki as it was read: its commit, the branches beside that one, and what GitHub would refuse.

    `refused` maps the ids of files anywhere in the history to why it would; `pointers` are those of them that
    stand for objects of Git LFS, which are files like others in GitHub's own wikis.
    """

    commit: str
    others: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    pointers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class SnippetHistory:
    """A snippet's history: its newest commit, how many there are, and why GitHub would refuse it."""

    commit: str
    commits: int
    problem: str = ""


class TooManyFilesError(GitError):
    """A commit has more files than are listed."""


class GitWiki:
    """Wikis and snippets, which have repositories of their own, for the mirrors below one work directory."""

    def __init__(self, process: GitProcess) -> None:
        self._process = process

    async def fetch(self, url: str, mirror: Path, auth: GitAuth | None = None) -> WikiHistory | None:
        """Bring a wiki's branches into a mirror, where no look at the project's refs meets them.

        None for a wiki without a commit; raises `NotFoundError` for one that is not there.
        """
        origin_of(url)
        mirror = mirror.resolve()
        done = await self._process.read(
            *_APART,
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            url,
            f"+HEAD:{_SOURCE}HEAD",
            f"+refs/heads/*:{_SOURCE}heads/*",
            mirror=mirror,
            url=url,
            auth=auth,
        )
        if done.code:
            if _NO_HEAD.search(done.errors):
                return None
            raise failure("fetch", done)
        listed = await self._process.run(
            "for-each-ref", "--format=%(objectname) %(refname)", _SOURCE, mirror=mirror
        )
        if listed.code:
            raise failure("for-each-ref", listed)
        refs = parse_refs(listed.output)
        commit = refs.pop(f"{_SOURCE}HEAD")
        others = [name.removeprefix(f"{_SOURCE}heads/") for name, sha in refs.items() if sha != commit]
        refused, pointers = await self._refused(mirror, commit)
        return WikiHistory(
            commit=commit,
            others=tuple(sorted(others)),
            refused=refused,
            pointers=frozenset(pointers),
        )

    async def source_refs(self, mirror: Path) -> dict[str, str]:
        """What was fetched of a wiki, by the names that it has in a repository of its own."""
        refs = await self._below(mirror, _SOURCE)
        return {name if name == "HEAD" else f"refs/{name}": sha for name, sha in refs.items()}

    async def snippet_refs(self, mirror: Path) -> dict[str, str]:
        """What was fetched of snippets, as branches that are called by their ids."""
        refs = await self._below(mirror, _SNIPPETS)
        return {f"refs/heads/{name}": sha for name, sha in refs.items()}

    async def _below(self, mirror: Path, prefix: str) -> dict[str, str]:
        done = await self._process.run(
            "for-each-ref", "--format=%(objectname) %(refname)", prefix, mirror=mirror.resolve()
        )
        if done.code:
            raise failure("for-each-ref", done)
        return {name.removeprefix(prefix): sha for name, sha in parse_refs(done.output).items()}

    async def fetch_snippet(
        self, url: str, mirror: Path, snippet_id: int, auth: GitAuth | None = None
    ) -> SnippetHistory | None:
        """Bring a snippet's history into a mirror, where no look at the project's refs meets it.

        None for one without a commit; raises `NotFoundError` for one that has no repository.
        """
        origin_of(url)
        mirror, ref = mirror.resolve(), f"{_SNIPPETS}{int(snippet_id)}"
        if not await self._fetch_head(url, mirror, ref, auth):
            return None
        counted = await self._process.run("rev-list", "--count", ref, mirror=mirror)
        named = await self._process.run("rev-parse", "--verify", ref, mirror=mirror)
        if counted.code or named.code:
            raise failure("rev-list", counted if counted.code else named)
        commit = named.output.decode("ascii").strip()
        refused, _ = await self._refused(mirror, commit)
        return SnippetHistory(
            commit=commit, commits=int(counted.output), problem=next(iter(refused.values()), "")
        )

    async def _refused(self, mirror: Path, commit: str) -> tuple[dict[str, str], list[str]]:
        """The files of a history that GitHub takes in no branch: too large, or pointers of Git LFS."""
        small: list[str] = []
        refused: dict[str, str] = {}
        walk = self._process.lines("rev-list", "--objects", "--no-object-names", commit, mirror=mirror)
        some = [line.decode("ascii").strip() async for line in walk]
        for kind, size, sha in await self._facts(mirror, some):
            if kind == "blob" and size > BLOB_LIMIT_BYTES:
                refused[sha] = f"it has {size} bytes, and GitHub takes at most {BLOB_LIMIT_BYTES} in git"
            elif kind == "blob" and size < POINTER_BYTES:
                small.append(sha)
        pointers = [
            sha for sha, content in (await self.contents(mirror, small)).items() if is_pointer(content)
        ]
        for sha in pointers:
            refused[sha] = "it is a pointer of Git LFS, whose object GitLab does not give for wikis"
        return refused, pointers

    async def _facts(self, mirror: Path, shas: Iterable[str]) -> list[tuple[str, int, str]]:
        done = await self._process.run(
            "cat-file",
            "--batch-check=%(objecttype) %(objectsize) %(objectname)",
            mirror=mirror,
            stdin="".join(f"{sha}\n" for sha in shas).encode(),
        )
        if done.code:
            raise failure("cat-file", done)
        rows = [line.split() for line in done.output.decode("ascii").splitlines()]
        return [(kind, int(size), sha) for kind, size, sha in rows]

    async def files(self, mirror: Path, commit: str, most: int = FILES_AT_MOST) -> list[WikiFile]:
        """Every file of a commit, in git's order.

        Raises `TooManyFilesError` for more than `most`: a few objects can stand for any number of files.
        """
        found: list[WikiFile] = []
        left = b""
        async with self._process.started(
            "ls-tree", "-r", "-z", "-l", commit, "--", mirror=mirror.resolve()
        ) as child:
            assert child.stdout is not None
            assert child.stderr is not None
            while chunk := await child.stdout.read(_CHUNK_BYTES):
                *lines, left = (left + chunk).split(b"\0")
                found += [_file(line) for line in lines]
                if len(found) > most:
                    raise TooManyFilesError(f"it has more than {most:,} files")
            errors = self._process.clean(await child.stderr.read(), None)
            done = Finished(code=await child.wait(), output=b"", errors=errors)
        if done.code:
            raise failure("ls-tree", done)
        return found

    async def contents(self, mirror: Path, blobs: Iterable[str]) -> dict[str, bytes]:
        """The bytes of files by their ids."""
        wanted = list(dict.fromkeys(blobs))
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), _READ_AT_ONCE):
            some = wanted[start : start + _READ_AT_ONCE]
            done = await self._process.run(
                "cat-file",
                "--batch=%(objectsize)",
                mirror=mirror.resolve(),
                stdin="".join(f"{sha}\n" for sha in some).encode(),
            )
            if done.code:
                raise failure("cat-file", done)
            found.update(zip(some, contents(done.output), strict=True))
        return found

    async def look(self, url: str, scratch: Path, auth: GitAuth | None = None) -> Sequence[WikiFile]:
        """The commit of a wiki on GitHub (a file without a path) and its files; nothing without one."""
        origin_of(url)
        mirror = scratch.resolve() / "wiki-seen.git"
        done = await self._process.run("init", "--bare", "--quiet", "--template=", mirror=mirror)
        if done.code:
            raise failure("init", done)
        try:
            commit = await self._head(url, mirror, auth)
        except NotFoundError:
            return ()
        if commit is None:
            return ()
        head = WikiFile(path="", mode="", blob=commit, size=0)
        return (head, *await self.files(mirror, commit))

    async def _fetch_head(self, url: str, mirror: Path, ref: str, auth: GitAuth | None, *more: str) -> bool:
        """Bring what `HEAD` names there to `ref`; False where there is no commit yet."""
        done = await self._process.read(
            *_APART,
            "fetch",
            "--quiet",
            *more,
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            url,
            f"+HEAD:{ref}",
            mirror=mirror,
            url=url,
            auth=auth,
        )
        if done.code and not _NO_HEAD.search(done.errors):
            raise failure("fetch", done)
        return not done.code

    async def _head(self, url: str, mirror: Path, auth: GitAuth | None) -> str | None:
        if not await self._fetch_head(url, mirror, _FIRST_PAGE, auth, "--depth=2"):
            return None
        found = await self._process.run("rev-parse", "--verify", "--quiet", _FIRST_PAGE, mirror=mirror)
        return found.output.decode("ascii").strip()

    async def push(self, mirror: Path, url: str, commit: str, auth: GitAuth | None, *, hint: str) -> None:
        """Let the branch of GitHub's wiki be `commit`, in place of a first page that was made by hand.

        Anything more than one commit there raises `TargetNotOursError`, and no wiki at all `TargetError` with
        the `hint`. Can be repeated.
        """
        origin_of(url)
        mirror = mirror.resolve()
        try:
            output = await listed(self._process, url, auth)
        except NotFoundError as error:
            raise TargetError("GitHub has no wiki there before its first page", hint=hint) from error
        refs, head = parse_refs(output), parse_symref(output) or DEFAULT_BRANCH
        held = refs.get(head, "")
        if held == commit:
            return
        if held:
            await self._require_first_page(mirror, url, auth, held)
        pushed = await self._process.run(
            "push",
            "--porcelain",
            "--no-verify",
            f"--force-with-lease={head}:{held}",
            "--",
            url,
            f"{commit}:{head}",
            mirror=mirror,
            url=url,
            auth=auth,
        )
        report = parse_push(pushed.output, pushed.errors)
        if report.refused:
            first = report.refused[0]
            raise TargetError(f"GitHub refused the wiki: {first.reason}", hint=first.hint)
        if pushed.code:
            raise failure("push", pushed)

    async def _require_first_page(self, mirror: Path, url: str, auth: GitAuth | None, held: str) -> None:
        commit = await self._head(url, mirror, auth)
        parents = await self._process.run("cat-file", "commit", _FIRST_PAGE, mirror=mirror)
        lines = parents.output.partition(b"\n\n")[0].splitlines()
        if commit != held or any(line.startswith(b"parent ") for line in lines):
            raise TargetNotOursError(
                "the wiki on GitHub holds more than its first page",
                hint="Nothing was pushed. Write wiki: docs-branch, or choose another target.",
            )


def _file(line: bytes) -> WikiFile:
    facts, _, path = line.partition(b"\t")
    mode, _, blob, size = facts.decode("ascii").split()
    try:
        name, plain = path.decode("utf-8"), True
    except UnicodeDecodeError:
        name, plain = path.decode("utf-8", "backslashreplace"), False
    return WikiFile(path=name, mode=mode, blob=blob, size=int(size) if size.isdigit() else 0, plain=plain)


def is_plain_path(file: WikiFile) -> bool:
    """True for a path that git-fast-import(1) and GitHub take from us.

    What lies elsewhere stays where and as it is: nothing of a wiki is ever checked out.
    """
    odd = any(part in {"", ".", ".."} or part.lower().startswith(".git") for part in file.path.split("/"))
    return file.plain and not odd and file.path.isprintable()


def is_plain_file(file: WikiFile) -> bool:
    """True for a regular file at such a path; links and submodules are none."""
    return file.mode in {"100644", "100755"} and is_plain_path(file)


def first_page_hint(address: str) -> str:
    """How the first page of a repository's wiki is made, and what happens then."""
    return (
        f"Save any page at {address}/wiki/_new once the repository is there, then apply again: that page is"
        " replaced by the wiki, and the rest stays as it is. With wiki: docs-branch nothing is to be done."
    )
