"""The git data of a repository: a bare repository that real git reads and writes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gl2gh_batch.sandbox.git_http import git_environment

BRANCHES: Final = "refs/heads/"
TAGS: Final = "refs/tags/"
NOBODY: Final[Mapping[str, str]] = {
    "GIT_AUTHOR_NAME": "GitHub",
    "GIT_AUTHOR_EMAIL": "noreply@github.com",
    "GIT_COMMITTER_NAME": "GitHub",
    "GIT_COMMITTER_EMAIL": "noreply@github.com",
}


class GitError(Exception):
    """git refused; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who made a commit, and when (ISO 8601)."""

    name: str
    email: str
    date: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """A commit as git tells it."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeEntry:
    """One entry of a folder: `kind` is blob, tree or commit; `size` is None for all but blobs."""

    path: str
    kind: str
    sha: str
    size: int | None


class BareGit:
    """One bare repository on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return (self.folder / "HEAD").is_file()

    async def run(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """What git prints; GitError with what it complains about when it fails."""
        process = await asyncio.create_subprocess_exec(
            "git",
            f"--git-dir={self.folder}",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=git_environment(extra=env),
        )
        output, complaint = await process.communicate(stdin)
        if process.returncode:
            raise GitError(complaint.decode(errors="replace").strip())
        return output

    async def create(self, default_branch: str = "main") -> None:
        """Make it, empty."""
        self.folder.mkdir(parents=True, exist_ok=True)
        await self.run("init", "--quiet", "--bare", "--template=", f"--initial-branch={default_branch}")

    async def refs(self, prefix: str = "refs/") -> dict[str, str]:
        """The refs below a prefix, in git's order, with what they hold (an annotated tag's own id)."""
        if not self.exists:
            return {}
        output = await self.run("for-each-ref", "--format=%(refname) %(objectname)")
        pairs = (line.split(" ") for line in output.decode(errors="surrogateescape").splitlines())
        return {name: sha for name, sha in pairs if name.startswith(prefix)}

    async def save_page(self, name: str, text: str) -> None:
        """A page of a wiki, saved by hand: one commit more on its branch."""
        head = await self.run("symbolic-ref", "HEAD")
        ref, path, content = head.decode().strip(), f"{name}.md", text.encode()
        before = f"from {ref}^0\n" if ref in await self.refs() else ""
        stream = (
            f"commit {ref}\ncommitter GitHub <noreply@github.com> 1700000000 +0000\ndata 4\nSave\n"
            f"{before}M 100644 inline {path}\ndata {len(content)}\n"
        ).encode()
        await self.run("fast-import", "--quiet", stdin=stream + content + b"\n")

    async def is_empty(self) -> bool:
        """Whether nothing was pushed yet."""
        return not await self.refs()

    async def kind(self, sha: str) -> str | None:
        """commit, tag, tree or blob; None for what is not there."""
        try:
            return (await self.run("cat-file", "-t", sha)).decode().strip()
        except GitError:
            return None

    async def resolve(self, revision: str) -> str | None:
        """The commit that a branch, tag or id names."""
        for candidate in (f"{BRANCHES}{revision}", f"{TAGS}{revision}", revision):
            try:
                output = await self.run(
                    "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}"
                )
            except GitError:
                continue
            return output.decode().strip()
        return None

    async def update_ref(self, ref: str, sha: str) -> None:
        """Set a ref to an object."""
        await self.run("update-ref", ref, sha)

    async def delete_ref(self, ref: str) -> None:
        """Remove a ref."""
        await self.run("update-ref", "-d", ref)

    async def is_ancestor(self, old: str, new: str) -> bool:
        """Whether going from `old` to `new` is a fast-forward."""
        try:
            await self.run("merge-base", "--is-ancestor", old, new)
        except GitError:
            return False
        return True

    async def set_head(self, branch: str) -> None:
        """Let HEAD name a branch."""
        await self.run("symbolic-ref", "HEAD", f"{BRANCHES}{branch}")

    async def commits(self, revision: str, path: str | None, skip: int, count: int) -> list[Commit]:
        """Commits that are reachable from a revision, newest first."""
        fields = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x00%x01"
        arguments = ["log", f"--format={fields}", f"--skip={skip}", f"--max-count={count}", revision, "--"]
        output = await self.run(*arguments, *([path] if path else []))
        records = output.decode(errors="replace").split("\x00\x01")
        return [_commit(record.lstrip("\n").split("\x00")) for record in records if record.strip()]

    async def count(self, revision: str, path: str | None) -> int:
        """How many commits are reachable from a revision."""
        output = await self.run("rev-list", "--count", revision, "--", *([path] if path else []))
        return int(output)

    async def entries(self, revision: str, path: str) -> list[TreeEntry]:
        """What lies at a path (`""` is the root): the entry; after a final slash, what is in the folder."""
        try:
            output = await self.run("ls-tree", "-z", "--long", revision, *([path] if path else []))
        except GitError:
            return []
        return [_entry(line) for line in output.decode(errors="replace").split("\0") if line]

    async def tree_of(self, revision: str) -> str | None:
        """The tree that a branch, tag or id leads to."""
        for candidate in (f"{BRANCHES}{revision}", f"{TAGS}{revision}", revision):
            try:
                output = await self.run(
                    "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{tree}}"
                )
            except GitError:
                continue
            return output.decode().strip()
        return None

    async def tree(self, sha: str, *, recursive: bool) -> list[tuple[str, str, str, int | None, str]]:
        """The entries of a tree: mode, kind, id, size (blobs only), path."""
        flags = ["-r", "-t"] if recursive else []
        output = await self.run("ls-tree", "-z", "--long", *flags, sha)
        rows = []
        for line in output.decode(errors="replace").split("\0"):
            if line:
                facts, _, path = line.partition("\t")
                mode, kind, one, size = facts.split()
                rows.append((mode, kind, one, None if size == "-" else int(size), path))
        return rows

    async def blob(self, sha: str) -> bytes:
        """The bytes of a file."""
        return await self.run("cat-file", "blob", sha)

    async def first_commit(self, branch: str, files: Mapping[str, str], message: str, date: str) -> str:
        """Begin a branch with a few files; the id of its commit."""
        lines = []
        for name, text in files.items():
            blob = await self.run("hash-object", "-w", "--stdin", stdin=text.encode())
            lines.append(f"100644 blob {blob.decode().strip()}\t{name}\n")
        tree = await self.run("mktree", stdin="".join(lines).encode())
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        commit = await self.run("commit-tree", tree.decode().strip(), "-m", message, env={**NOBODY, **dates})
        sha = commit.decode().strip()
        await self.update_ref(f"{BRANCHES}{branch}", sha)
        return sha


def _commit(fields: Sequence[str]) -> Commit:
    sha, tree, parents, author, author_mail, authored, committer, committer_mail, committed, message = fields[
        :10
    ]
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Person(name=author, email=author_mail, date=authored),
        committer=Person(name=committer, email=committer_mail, date=committed),
        message=message.rstrip("\n"),
    )


def _entry(line: str) -> TreeEntry:
    facts, _, path = line.partition("\t")
    _, kind, sha, size = facts.split()
    return TreeEntry(path=path, kind=kind, sha=sha, size=None if size == "-" else int(size))
