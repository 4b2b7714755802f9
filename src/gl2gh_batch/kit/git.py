"""git as the only way in which commits travel: mirrors of GitLab, pushes to GitHub.

Never forced, no hook, no submodule, no prompt, no redirect; the token is in the child's environment only,
bound to one origin. Names of refs come from GitLab and are hostile: they are checked, and reach git only
as whole ref names within refspecs, never as an argument of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import AuthenticationError, GitError, TargetError, TargetNotOursError
from gl2gh_batch.kit.git_addresses import commits_by_address
from gl2gh_batch.kit.git_bundle import GitBundles, emptied
from gl2gh_batch.kit.git_contents import Contents
from gl2gh_batch.kit.git_history import History, object_ids
from gl2gh_batch.kit.git_lfs import GitLfs
from gl2gh_batch.kit.git_listing import listed
from gl2gh_batch.kit.git_messages import NamedNumbers, named_in_messages
from gl2gh_batch.kit.git_parts import PUSH_BYTES, PushParts, lies_in
from gl2gh_batch.kit.git_process import (
    DEFAULT_TIMEOUT_S,
    PAUSES_S,
    GitAuth,
    GitProcess,
    Redactor,
    Sleep,
    config_text,
    drawn,
    failure,
    is_of_the_moment,
    origin_of,
)
from gl2gh_batch.kit.git_refs import (
    BLOB_LIMIT_BYTES,
    PRIVATE_ADDRESS,
    OversizedBlob,
    PushedRef,
    PushedState,
    PushReport,
    RemoteRefs,
    check_refs,
    parse_push,
    parse_refs,
    parse_symref,
)
from gl2gh_batch.kit.git_trees import OWN_PREFIX, TreeFile, write_branch
from gl2gh_batch.kit.git_wiki import GitWiki, SnippetHistory, WikiHistory

BRANCHES_AND_TAGS: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
MERGE_REQUEST_HEADS: Final = "+refs/merge-requests/*/head:refs/merge-requests/*/head"
_NAMED_AT_MOST: Final = 5
# An argument list ends somewhere; a project whose heads are all gone is beyond help.
_FETCHED_AT_MOST: Final = 1000


class RefsRefusedError(TargetError):
    """The target refused refs, so none was pushed."""


class Git:
    """Git below one work directory; `redact` cleans every word of git's before it gets into an error."""

    def __init__(
        self,
        work: Path,
        redact: Redactor = str,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        push_bytes: int = PUSH_BYTES,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._work = work.resolve()
        self._process = GitProcess(self._work, redact, timeout_s=timeout_s, sleep=sleep)
        self._push_bytes = push_bytes
        self._lfs = GitLfs(self._process)
        self._wiki = GitWiki(self._process)
        self._bundles = GitBundles(self._process)

    async def ls_remote(self, url: str, auth: GitAuth | None = None) -> RemoteRefs:
        """All refs of a remote and what its HEAD stands for; an empty repository has none."""
        origin_of(url)
        output = await listed(self._process, url, auth)
        return RemoteRefs(refs=parse_refs(output), head=parse_symref(output))

    async def mirror(
        self,
        url: str,
        dest: Path,
        auth: GitAuth | None = None,
        *,
        refspecs: Sequence[str] = BRANCHES_AND_TAGS,
    ) -> dict[str, str]:
        """Bring the bare repository `dest` to what the remote holds and return its refs.

        Can be run again at any time: what is there is kept, what vanished from the remote goes. Only one
        process at a time may work on `dest`.
        """
        origin_of(url)
        dest = dest.resolve()
        await self._prepare(dest)
        done = await self._process.read(
            "fetch",
            "--quiet",
            "--prune",
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            url,
            *refspecs,
            mirror=dest,
            url=url,
            auth=auth,
        )
        if done.code:
            raise failure("fetch", done)
        return await self.refs(dest)

    async def fetch_commits(
        self, url: str, mirror: Path, shas: Sequence[str], auth: GitAuth | None = None
    ) -> None:
        """Bring commits into a mirror that no ref of the remote leads to any more, all in one fetch.

        GitLab gives them by their SHA as long as it has them; where it refuses one, it gives none, and the
        mirror stays as it is.
        """
        wanted = object_ids(shas)
        if not wanted:
            return
        origin_of(url)
        await self._process.read(
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--",
            url,
            *(f"+{sha}:refs/gl2gh/{sha}" for sha in wanted[:_FETCHED_AT_MOST]),
            mirror=mirror.resolve(),
            url=url,
            auth=auth,
        )

    @property
    def lfs(self) -> GitLfs:
        """Git LFS, for the same mirrors."""
        return self._lfs

    @property
    def wiki(self) -> GitWiki:
        """Wikis, for the same mirrors."""
        return self._wiki

    @property
    def bundles(self) -> GitBundles:
        """Histories as single files, for the same mirrors."""
        return self._bundles

    async def make_anew(self, mirror: Path) -> None:
        """An empty mirror, whatever lay there."""
        await emptied(mirror)
        await self._prepare(mirror.resolve())

    async def fetch_wiki(self, url: str, mirror: Path, auth: GitAuth | None = None) -> WikiHistory | None:
        """Bring a wiki into a mirror (made if need be); None for one without a commit."""
        await self._prepare(mirror.resolve())
        return await self._wiki.fetch(url, mirror, auth)

    async def fetch_snippet(
        self, url: str, mirror: Path, snippet_id: int, auth: GitAuth | None = None
    ) -> SnippetHistory | None:
        """Bring the history of a snippet into a mirror (made if need be); None for one without a commit."""
        await self._prepare(mirror.resolve())
        return await self._wiki.fetch_snippet(url, mirror, snippet_id, auth)

    def history(self, mirror: Path) -> History:
        """The history in a mirror, for questions."""
        return History(self._process, mirror)

    async def named_numbers(self, mirror: Path, full_path: str) -> NamedNumbers:
        """How many commits of branches and tags name which issues and merge requests of that project."""
        return await named_in_messages(self._process, mirror.resolve(), full_path)

    def contents(self, mirror: Path) -> Contents:
        """The files in a mirror, for questions."""
        return Contents(self._process, mirror)

    async def refs(self, mirror: Path) -> dict[str, str]:
        """Full ref name → object id of everything in a mirror but what we made ourselves."""
        done = await self._process.run(
            "for-each-ref", "--format=%(objectname) %(refname)", mirror=mirror.resolve()
        )
        if done.code:
            raise failure("for-each-ref", done)
        refs = parse_refs(done.output)
        return {name: sha for name, sha in refs.items() if not name.startswith(OWN_PREFIX)}

    async def push(
        self,
        mirror: Path,
        url: str,
        refs: Mapping[str, str],
        auth: GitAuth | None = None,
        *,
        expect: Mapping[str, str] | None = None,
        remove: Mapping[str, str] | None = None,
        found: Mapping[str, str] | None = None,
    ) -> PushReport:
        """Push `refs` (full name → object id) in one push, all or none, never forced, and remove `remove`.

        The refs of `found` are made with the first of them, of any name: where one is there already, nothing
        is pushed and `RefsRefusedError` raised.

        Only what is too large for one push goes in several, along the history (`git_parts`).

        The target may hold beforehand what is being pushed, and what `expect` says; any other branch or tag
        raises `TargetNotOursError`. A refused ref raises `TargetError` with the remedy. Can be repeated: refs
        that are there already are `unchanged`, and without anything to do nothing is sent.
        """
        check_refs(refs)
        there = await self.ls_remote(url, auth)
        held, found = there.pushed(), found or {}
        if taken := sorted(name for name in found if name in there.refs):
            raise RefsRefusedError(f"the target has {_some(taken)} already, so nothing was pushed")
        is_large = bool(refs) and await asyncio.to_thread(lies_in, mirror.resolve()) > self._push_bytes
        begun = await self._begun(mirror.resolve(), held, refs) if is_large else {}
        _check_expected(held, refs, {**(expect or {}), **(remove or {}), **begun})
        gone = sorted(name for name in remove or {} if name in held)
        missing = {name: sha for name, sha in refs.items() if held.get(name) != sha}
        unchanged = tuple(
            PushedRef(name=name, state=PushedState.UNCHANGED) for name in refs if name not in missing
        )
        if not missing and not gone and not found:
            return PushReport(refs=unchanged)
        parts = [missing]
        if is_large and missing:
            parts = await PushParts(self._process, mirror.resolve(), self._push_bytes).of(
                missing, held.values()
            )
        pushed: dict[str, PushedRef] = {}
        for number, part in enumerate(parts, start=1):
            is_last = number == len(parts)
            report = await self._push(
                mirror.resolve(), url, part, auth, gone if is_last else (), found if number == 1 else {}
            )
            if report.refused:
                error = _refusal(report.refused)
                if report.code == PRIVATE_ADDRESS:
                    shas = await commits_by_address(self._process, mirror.resolve())
                    error.hint = f"{error.hint} One of these, a commit of each address: {', '.join(shas)}."
                raise error
            pushed |= {one.name: one for one in report.refs if one.name not in found}
        return PushReport(refs=(*pushed.values(), *unchanged))

    async def _begun(self, mirror: Path, held: Mapping[str, str], refs: Mapping[str, str]) -> dict[str, str]:
        """The branches of the target that stand on the way to where they are to be: pushed in part before."""
        begun = {}
        for name, sha in held.items():
            if refs.get(name, sha) != sha:
                done = await self._process.run("merge-base", "--is-ancestor", sha, refs[name], mirror=mirror)
                if done.code == 0:
                    begun[name] = sha
        return begun

    async def _push(
        self,
        mirror: Path,
        url: str,
        refs: Mapping[str, str],
        auth: GitAuth | None,
        gone: Sequence[str],
        found: Mapping[str, str],
        pauses_s: Sequence[float] = PAUSES_S,
    ) -> PushReport:
        own, refs = refs, {**refs, **found}
        refspecs = [f"{sha}:{name}" for name, sha in sorted(refs.items())]
        refspecs += [f":{name}" for name in gone]
        with tempfile.NamedTemporaryFile("w", dir=self._process.home, suffix=".config") as file:
            file.write(config_text("target", url, refspecs))
            file.flush()
            done = await self._process.run(
                "push",
                "--porcelain",
                "--atomic",
                "--no-verify",
                # An empty value stands for "not there": the server compares before it makes the ref.
                *(f"--force-with-lease={name}:" for name in found),
                "--",
                "target",
                mirror=mirror,
                url=url,
                auth=auth,
                config_file=Path(file.name),
            )
        report = parse_push(done.output, done.errors)
        if done.code and not report.refused:
            error = failure("push", done)
            if isinstance(error, AuthenticationError):
                raise error  # nothing was taken, and who is not let in need not look
            # The connection may have gone after the target took it all: look, before calling it a failure.
            with contextlib.suppress(GitError):
                held = (await self.ls_remote(url, auth)).refs
                if all(held.get(name) == sha for name, sha in refs.items()) and not held.keys() & set(gone):
                    return PushReport(
                        refs=tuple(PushedRef(name=name, state=PushedState.CREATED) for name in refs)
                    )
                if pauses_s and is_of_the_moment(done) and not held.keys() & found.keys():
                    await self._process.sleep(drawn(pauses_s[0]))
                    return await self._push(mirror, url, own, auth, gone, found, pauses_s[1:])
            raise error
        return report

    async def lacks(self, mirror: Path, shas: Iterable[str]) -> list[str]:
        """Those of the object ids that the mirror does not hold, each once; what is no id is passed over."""
        asked = object_ids(shas)
        if not asked:
            return []
        lines = "".join(f"{sha}^{{}}\n" for sha in asked).encode()
        done = await self._process.run("cat-file", "--batch-check", mirror=mirror.resolve(), stdin=lines)
        if done.code:
            raise failure("cat-file", done)
        told = done.output.splitlines()
        return [sha for sha, line in zip(asked, told, strict=True) if line.endswith(b" missing")]

    async def write_branch(
        self,
        mirror: Path,
        name: str,
        files: Iterable[TreeFile],
        *,
        message: str,
        seconds: int,
        parent: str = "",
        removed: Iterable[str] = (),
        joined: Sequence[str] = (),
    ) -> str:
        """Make a branch of these files in a mirror (made if need be); its last commit's id.

        It has no past, or goes on from the commit `parent` without its `removed` files; that of the commits
        `joined`, which are read after the files, becomes part of it. It lies below
        `refs/gl2gh-batch/`, where no look at the project's own refs meets it.
        """
        mirror = mirror.resolve()
        await self._prepare(mirror)
        return await write_branch(
            self._process,
            mirror,
            name,
            files,
            message=message,
            seconds=seconds,
            parent=parent,
            removed=removed,
            joined=joined,
        )

    async def bundle(self, mirror: Path, names: Sequence[str], dest: Path) -> None:
        """Put branches of our own making, by the names that they were written under, into one file."""
        refs = [f"{OWN_PREFIX}{name}" for name in names]
        done = await self._process.run(
            "bundle", "create", "--quiet", str(dest.resolve()), *refs, mirror=mirror.resolve()
        )
        if done.code:
            raise failure("bundle", done)

    async def unbundle(self, mirror: Path, bundle: Path) -> None:
        """Bring what a bundle of ours holds into a mirror."""
        done = await self._process.run("bundle", "unbundle", str(bundle.resolve()), mirror=mirror.resolve())
        if done.code:
            raise failure("bundle", done)

    async def set_head(self, mirror: Path, ref: str) -> None:
        """Let the HEAD of a mirror stand for the branch `ref` (a full name)."""
        done = await self._process.run("symbolic-ref", "--", "HEAD", ref, mirror=mirror.resolve())
        if done.code:
            raise failure("symbolic-ref", done)

    async def oversized_blobs(self, mirror: Path, limit: int = BLOB_LIMIT_BYTES) -> list[OversizedBlob]:
        """Files larger than `limit` bytes anywhere in the history of branches and tags, largest first."""
        large = await self._large_objects(mirror.resolve(), limit)
        if not large:
            return []
        # Only now the walk through the whole history, which says where they are and whether they are used.
        found = []
        walk = self._process.lines("rev-list", "--objects", "--branches", "--tags", mirror=mirror.resolve())
        async for line in walk:
            sha, _, path = line.rstrip(b"\n").partition(b" ")
            if (size := large.pop(sha, None)) is not None:
                name = path.decode("utf-8", "backslashreplace")
                found.append(OversizedBlob(sha=sha.decode(), size=size, path=name))
        return sorted(found, key=lambda one: (-one.size, one.sha))

    async def _large_objects(self, mirror: Path, limit: int) -> dict[bytes, int]:
        large: dict[bytes, int] = {}
        every = self._process.lines(
            "cat-file",
            "--batch-all-objects",
            "--unordered",
            "--buffer",
            "--batch-check=%(objecttype) %(objectsize) %(objectname)",
            mirror=mirror,
        )
        async for line in every:
            kind, size, sha = line.split()
            if kind == b"blob" and int(size) > limit:
                large[sha] = int(size)
        return large

    async def _prepare(self, dest: Path) -> None:
        """A bare repository at `dest`, without what a killed git left behind."""
        if dest.exists() and not (dest / "HEAD").is_file():
            # Not even the first file is there: an `init` that was interrupted.
            await asyncio.to_thread(shutil.rmtree, dest)
        if not dest.exists():
            dest.parent.mkdir(parents=True, exist_ok=True)
        # Harmless on a repository that is whole, and completes one that is not.
        done = await self._process.run("init", "--bare", "--quiet", "--template=", mirror=dest)
        if done.code:
            raise failure("init", done)
        await asyncio.to_thread(_sweep, dest)


def _sweep(dest: Path) -> None:
    # No ref may be called *.lock, so nothing but locks of the dead is met here.
    for stale in (*dest.glob("*.lock"), *(dest / "refs").rglob("*.lock")):
        stale.unlink(missing_ok=True)
    for stale in (dest / "objects" / "pack").glob("tmp_*"):
        stale.unlink(missing_ok=True)


def _check_expected(held: Mapping[str, str], refs: Mapping[str, str], expect: Mapping[str, str]) -> None:
    strangers = sorted(
        name for name, sha in held.items() if refs.get(name) != sha and expect.get(name) != sha
    )
    if strangers:
        raise TargetNotOursError(
            f"the target holds refs that this plan did not put there: {_some(strangers)}",
            hint="Nothing was pushed. Choose an empty target, or make the plan again and see what it says.",
        )


def _refusal(refused: Sequence[PushedRef]) -> RefsRefusedError:
    first = refused[0]
    names = _some([one.name for one in refused if one.hint == first.hint])
    return RefsRefusedError(
        f"GitHub refused {len(refused)} refs, so none was pushed: {names} {first.reason}", hint=first.hint
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED_AT_MOST
    return ", ".join(names[:_NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")
