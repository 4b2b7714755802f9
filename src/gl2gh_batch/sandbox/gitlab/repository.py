"""What the API tells of a bare repository: branches, tags, commits, the tree, sizes, languages."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.history import run_git

_FORMAT: Final = "%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x1e"
_LANGUAGES: Final = {
    ".py": "Python",
    ".rb": "Ruby",
    ".js": "JavaScript",
    ".ts": "TypeScript",
    ".go": "Go",
    ".java": "Java",
    ".rs": "Rust",
    ".c": "C",
    ".h": "C",
    ".sh": "Shell",
    ".html": "HTML",
    ".css": "CSS",
    ".tf": "HCL",
    ".php": "PHP",
    ".kt": "Kotlin",
    ".sql": "PLpgSQL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A branch or tag: `sha` is the commit, `target` the object (of an annotated tag: the tag's own)."""

    name: str
    sha: str
    target: str
    message: str = ""
    created_at: str | None = None


class Repository:
    """A bare repository, read by git itself whenever something is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def is_empty(self) -> bool:
        """Whether there is no branch."""
        return not self._path.exists() or not self._git("for-each-ref", "--count=1", "refs/heads").strip()

    def branches(self) -> list[Ref]:
        """The branches, by name."""
        return self._refs("refs/heads/")

    def tags(self) -> list[Ref]:
        """The tags, by name."""
        return self._refs("refs/tags/")

    def refs_key(self) -> str:
        """Changes whenever a ref does."""
        return self._git("for-each-ref", "--format=%(objectname) %(refname)") if self._path.exists() else ""

    def commits(self, *shas: str) -> dict[str, dict[str, Any]]:
        """Commits by their SHA, in the shape of the API without addresses; unknown ones are left out."""
        wanted = "\n".join(dict.fromkeys(shas))
        if not wanted:
            return {}
        kinds = self._git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=wanted + "\n")
        known = [line.split()[0] for line in kinds.splitlines() if line.endswith(" commit")]
        if not known:
            return {}
        found = self._log("--no-walk=unsorted", "--stdin", stdin="\n".join(known) + "\n")
        return {commit["id"]: commit for commit in found}

    def log(self, ref: str, *, path: str = "", since: str = "", until: str = "") -> list[dict[str, Any]]:
        """The history of a ref, newest first; raises `LookupError` when there is no such ref."""
        sha = self.resolve(ref)
        if sha is None:
            raise LookupError(ref)
        limits = [f"--{name}={value}" for name, value in (("since", since), ("until", until)) if value]
        return self._log(*limits, sha, "--", *([path] if path else []))

    def all_log(self) -> list[dict[str, Any]]:
        """The history of all branches."""
        return self._log("--branches")

    def resolve(self, ref: str) -> str | None:
        """The commit that a branch, a tag or a SHA names."""
        if not self._path.exists() or not ref or ref.startswith("-"):
            return None
        for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", ref):
            try:
                return self._git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
            except subprocess.CalledProcessError:
                continue
        return None

    def is_merged(self, sha: str, into: str) -> bool:
        """Whether a commit is part of another one's history."""
        try:
            self._git("merge-base", "--is-ancestor", sha, into)
        except subprocess.CalledProcessError:
            return False
        return True

    def stats(self, sha: str) -> dict[str, int]:
        """Added and deleted lines of a commit."""
        lines = self._git("show", "--numstat", "--format=", sha).split("\n")
        numbers = [line.split("\t")[:2] for line in lines if line and not line.startswith("-")]
        added, deleted = sum(int(each[0]) for each in numbers), sum(int(each[1]) for each in numbers)
        return {"additions": added, "deletions": deleted, "total": added + deleted}

    def tree(self, sha: str, path: str, *, is_recursive: bool) -> list[dict[str, Any]]:
        """The entries of a folder; raises `LookupError` when it is not there."""
        arguments = ["ls-tree", "-z", "--full-tree", *(["-r", "-t"] if is_recursive else []), sha]
        if path:
            arguments += ["--", path.rstrip("/") + "/"]
        entries = []
        for line in self._git(*arguments).split("\0"):
            if not line:
                continue
            head, _, name = line.partition("\t")
            mode, kind, object_id = head.split()
            entries.append(
                {"id": object_id, "name": PurePosixPath(name).name, "type": kind, "path": name, "mode": mode}
            )
        if path and not entries:
            raise LookupError(path)
        return sorted(entries, key=lambda entry: (entry["type"] != "tree", entry["path"]))

    def file(self, sha: str, path: str) -> bytes | None:
        """A file's content."""
        try:
            return run_git(self._path, "cat-file", "blob", f"{sha}:{path}")
        except subprocess.CalledProcessError:
            return None

    def languages(self, sha: str) -> dict[str, float]:
        """The share of each language in percent, by bytes."""
        sizes: dict[str, int] = {}
        for line in self._git("ls-tree", "-r", "-l", "-z", "--full-tree", sha).split("\0"):
            head, _, name = line.partition("\t")
            language = _LANGUAGES.get(PurePosixPath(name).suffix)
            if language is not None:
                sizes[language] = sizes.get(language, 0) + int(head.split()[3])
        whole = sum(sizes.values()) or 1
        shares = {name: round(100 * size / whole, 2) for name, size in sizes.items()}
        return dict(sorted(shares.items(), key=lambda share: -share[1]))

    def size(self) -> int:
        """Bytes on disk."""
        return sum(each.stat().st_size for each in self._path.rglob("*") if each.is_file())

    def commit_count(self) -> int:
        """Commits of the default branch."""
        try:
            return int(self._git("rev-list", "--count", "HEAD"))
        except subprocess.CalledProcessError:
            return 0

    def _refs(self, prefix: str) -> list[Ref]:
        if not self._path.exists():
            return []
        fields = ("refname", "objectname", "*objectname", "contents", "taggerdate:iso-strict", "objecttype")
        form = "%00".join(f"%({name})" for name in fields) + "%1e"
        refs = []
        for row in self._git("for-each-ref", f"--format={form}", prefix.rstrip("/")).split("\x1e"):
            if not row.strip():
                continue
            name, target, peeled, contents, date, kind = row.lstrip("\n").split("\0")
            refs.append(
                Ref(
                    name=name.removeprefix(prefix),
                    sha=peeled or target,
                    target=target,
                    message=contents.rstrip("\n") if kind == "tag" else "",
                    created_at=date or None,
                )
            )
        return refs

    def _log(self, *arguments: str, stdin: str | None = None) -> list[dict[str, Any]]:
        commits = []
        for row in self._git("log", f"--format={_FORMAT}", *arguments, stdin=stdin).split("\x1e"):
            if not row.strip():
                continue
            sha, parents, name, email, date, committer, committer_email, committed, message = row.lstrip(
                "\n"
            ).split("\0")
            message = message.rstrip("\n")
            commits.append(
                {
                    "id": sha,
                    "short_id": sha[:8],
                    "created_at": _millis(committed),
                    "parent_ids": parents.split(),
                    "title": message.partition("\n")[0],
                    "message": message + "\n" if "\n" in message else message,
                    "author_name": name,
                    "author_email": email,
                    "authored_date": _millis(date),
                    "committer_name": committer,
                    "committer_email": committer_email,
                    "committed_date": _millis(committed),
                    "trailers": {},
                    "extended_trailers": {},
                }
            )
        return commits

    def _git(self, *arguments: str, stdin: str | None = None) -> str:
        output = run_git(self._path, *arguments, stdin=None if stdin is None else stdin.encode())
        return output.decode(errors="replace")


def _millis(date: str) -> str:
    """`2019-11-28T08:49:16+00:00` as `2019-11-28T08:49:16.000+00:00`."""
    return f"{date[:19]}.000{'+00:00' if date.endswith('Z') else date[19:]}"
