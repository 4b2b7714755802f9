"""Small git histories made from a description: the same description gives the same SHAs, on any machine."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gl2gh_batch.sandbox.git_http import git_environment

# Refs that a GitLab keeps for itself: fetches do not see them (gitaly: internal ref prefixes).
HIDDEN_REFS: Final = ("refs/keep-around", "refs/environments", "refs/pipelines", "refs/remotes", "refs/tmp")


def run_git(folder: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """What a git command prints, run in `folder` with nothing of the machine's own configuration.

    Raises `subprocess.CalledProcessError`, with git's words in `stderr`.
    """
    return subprocess.run(
        ["git", *arguments], cwd=folder, input=stdin, capture_output=True, check=True, env=git_environment()
    ).stdout


def make_bare(path: Path, default_branch: str = "main") -> Path:
    """An empty bare repository as a GitLab has it."""
    path.mkdir(parents=True, exist_ok=True)
    run_git(path, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", ".")
    for prefix in HIDDEN_REFS:
        run_git(path, "config", "--add", "uploadpack.hideRefs", prefix)
    return path


def make_from_bundle(path: Path, bundle: Path, default_branch: str | None = None) -> Path:
    """A bare repository with every ref of a bundle, also those that a clone would leave out."""
    heads: dict[str, str] = {}
    for line in run_git(bundle.parent, "bundle", "list-heads", str(bundle)).decode().splitlines():
        sha, _, ref = line.partition(" ")
        heads[ref] = sha
    branches = [ref.removeprefix("refs/heads/") for ref in heads if ref.startswith("refs/heads/")]
    at_head = [name for name in branches if heads[f"refs/heads/{name}"] == heads.get("HEAD")]
    if default_branch not in branches:
        preferred = [name for name in ("main", "master") if name in (at_head or branches)]
        default_branch = next(iter(preferred or at_head or branches), "main")
    make_bare(path, default_branch)
    run_git(path, "fetch", "--quiet", "--update-head-ok", str(bundle), "+refs/*:refs/*")
    return path


@dataclass(slots=True)
class Commit:
    """One commit of a history, with its whole tree."""

    mark: int
    tree: dict[str, bytes] = field(default_factory=dict)


@dataclass(slots=True)
class History:
    """Collects commits, branches and tags, and writes them at once through `git fast-import`.

    Commits are named by any string; the tree of a commit is that of its first parent with its `files`
    applied.
    """

    default_branch: str = "main"
    _stream: list[bytes] = field(default_factory=list)
    _commits: dict[str, Commit] = field(default_factory=dict)
    _refs: dict[str, str] = field(default_factory=dict)
    _count: int = 0

    def __contains__(self, name: object) -> bool:
        return name in self._commits

    def commit(
        self,
        name: str,
        *,
        message: str,
        author: tuple[str, str],
        date: str,
        files: Mapping[str, str | bytes | None] | None = None,
        parents: list[str] | None = None,
        committer: tuple[str, str] | None = None,
    ) -> None:
        """Add a commit by `(name, email)`, at an ISO 8601 date; its parents must be there already.

        `files` maps a path to its text or bytes, or to None for a deletion.
        """
        mark = self._next_mark()
        tree = dict(self._commits[parents[0]].tree) if parents else {}
        for path, content in (files or {}).items():
            if content is None:
                tree.pop(path, None)
            else:
                tree[path] = content.encode() if isinstance(content, str) else content
        self._commits[name] = Commit(mark, tree)
        lines = [
            b"commit refs/sandbox/import",
            b"mark :%d" % mark,
            _identity("author", author, date),
            _identity("committer", committer or author, date),
            _data(message.encode()),
        ]
        # Without a `from`, fast-import would go on from the ref's last commit: a root commit resets it first.
        if not parents:
            lines.insert(0, b"reset refs/sandbox/import\n")
        for index, parent in enumerate(parents or ()):
            lines.append(b"%s :%d" % (b"from" if index == 0 else b"merge", self._commits[parent].mark))
        for path, content in (files or {}).items():
            if content is None:
                lines.append(b"D %s" % _quoted(path))
            else:
                lines += [b"M 100644 inline %s" % _quoted(path), _data(tree[path])]
        self._stream.append(b"\n".join(lines) + b"\n")

    def branch(self, name: str, commit: str) -> None:
        """Let a branch point to a commit."""
        self._refs[f"refs/heads/{name}"] = commit

    def ref(self, name: str, commit: str) -> None:
        """Let any ref, by its full name, point to a commit."""
        self._refs[name] = commit

    def tag(
        self,
        name: str,
        commit: str,
        *,
        message: str | None = None,
        tagger: tuple[str, str] = ("", ""),
        date: str = "",
    ) -> None:
        """Add a lightweight tag, or with a message an annotated one."""
        if message is None:
            self._refs[f"refs/tags/{name}"] = commit
            return
        lines = [b"tag " + name.encode(), b"from :%d" % self._commits[commit].mark]
        lines += [_identity("tagger", tagger, date), _data(message.encode())]
        self._stream.append(b"\n".join(lines) + b"\n")

    def files(self, commit: str) -> dict[str, bytes]:
        """The whole tree of a commit."""
        return dict(self._commits[commit].tree)

    def branch_commit(self, name: str) -> str | None:
        """The commit that a branch points to so far."""
        return self._refs.get(f"refs/heads/{name}")

    def write(self, path: Path) -> dict[str, str]:
        """Make the bare repository; answers the SHA of each commit by its name."""
        make_bare(path, self.default_branch)
        stream = list(self._stream)
        for ref, commit in self._refs.items():
            stream.append(b"reset %s\nfrom :%d\n" % (ref.encode(), self._commits[commit].mark))
        marks = path / "sandbox-marks"
        run_git(path, "fast-import", "--quiet", "--force", f"--export-marks={marks}", stdin=b"".join(stream))
        shas = dict(line.split() for line in marks.read_text().splitlines()) if marks.exists() else {}
        marks.unlink(missing_ok=True)
        if self._commits:
            run_git(path, "update-ref", "-d", "refs/sandbox/import")
        return {name: shas[f":{commit.mark}"] for name, commit in self._commits.items()}

    def _next_mark(self) -> int:
        self._count += 1
        return self._count


def _identity(role: str, who: tuple[str, str], date: str) -> bytes:
    name, email = (part.replace("<", "").replace(">", "").replace("\n", " ") for part in who)
    moment = datetime.fromisoformat(date)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return f"{role} {name} <{email}> {int(moment.timestamp())} {moment.strftime('%z')}".encode()


def _data(content: bytes) -> bytes:
    return b"data %d\n%s" % (len(content), content)


def _quoted(path: str) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'.encode()
