"""The repository and the wiki of a YAML description (the form is described in `seeds.description`)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from gl2gh_batch.sandbox.seeds.errors import SeedError
from gl2gh_batch.sandbox.seeds.history import History, make_bare, run_git
from gl2gh_batch.sandbox.seeds.reader import Reader
from gl2gh_batch.sandbox.seeds.records import MergeRequest, Project, User, version_row
from gl2gh_batch.sandbox.seeds.shapes import later
from gl2gh_batch.sandbox.seeds.synthesis import add_merge_request, identity_of, set_shas, synthesize


def write_repository(top: Reader, project: Project, users: Mapping[str, User], path: Path) -> None:
    """Write the described history, and put its SHAs into the merge requests."""
    if top.anything("repository") is None:
        synthesize(project, path, users)
        return
    with top.child("repository") as described:
        history = History(default_branch=described.text("default_branch", "main"))
        tips = _commits(described, history, project, users, path.parent / "lfs-objects")
        tips = _generated(described, history, project, users, tips)
        for name, commit in described.pairs("branches"):
            tips[name] = _known(described, f"branches.{name}", history, commit)
        _tags(described, history, project, users)
        for name, commit in described.pairs("refs"):
            history.ref(name, _known(described, f"refs.{name}", history, commit))
    if history.default_branch not in tips:
        # No commit on the default branch: the repository is empty, and so has no default branch yet.
        project.default_branch = None
        make_bare(path, history.default_branch)
        return
    project.default_branch = history.default_branch
    own = _merge_requests(history, project, users, tips)
    gone = {each.source_branch for each in project.merge_requests.values() if each.has_branch is False}
    for name, commit in tips.items():
        if name not in gone:
            history.branch(name, commit)
    shas = history.write(path)
    for each in project.merge_requests.values():
        if each.iid in own:
            set_shas(each, shas)
            continue
        each.sha = shas[each.sha or ""]
        each.merge_commit_sha = shas.get(each.merge_commit_sha or "")
        each.base_sha = shas.get(each.base_sha or "") or _base(path, each, shas[tips[each.target_branch]])
        each.start_sha = each.base_sha
        each.squash_commit_sha = shas.get(each.squash_commit_sha or "")
        for row in each.versions:
            for name in ("base", "start", "head"):
                row[f"{name}_commit_sha"] = shas[row[f"{name}_commit_sha"]]
        if each.versions:
            at = each.versions[0]["created_at"]
            each.versions.insert(0, version_row(each.base_sha, each.start_sha, each.sha, later(at, hours=1)))


def _base(path: Path, item: MergeRequest, target: str) -> str:
    """Where a merge request branched off; of one that its target has already, before its last commit."""
    head = item.sha or ""
    base = run_git(path, "merge-base", target, head).decode().strip()
    if base != head:
        return base
    if item.merge_commit_sha is not None:
        return run_git(path, "merge-base", f"{item.merge_commit_sha}^1", head).decode().strip()
    parents = run_git(path, "log", "-1", "--format=%P", head).decode().split()
    return parents[0] if parents else head


def write_wiki(top: Reader, project: Project, users: Mapping[str, User], path: Path) -> None:
    """Write the described pages as the wiki's one commit."""
    pages = {name: str(text) for name, text in top.pairs("wiki")}
    if not pages:
        return
    history = History(default_branch="main")
    history.commit(
        "pages",
        message="Write the wiki",
        author=identity_of(project.creator or "", users),
        date=project.created_at,
        files=pages,
    )
    history.branch("main", "pages")
    history.write(path)


def _commits(
    described: Reader, history: History, project: Project, users: Mapping[str, User], lfs: Path
) -> dict[str, str]:
    """Add the described commits; answers the last commit of each branch."""
    tips: dict[str, str] = {}
    for index, entry in enumerate(described.children("commits"), 1):
        with entry as commit:
            name = commit.text("name", f"commit {index}")
            branch = commit.text("branch", history.default_branch)
            start = tips.get(branch) or tips.get(history.default_branch)
            parents = commit.texts("parents") if "parents" in commit else [start] if start else []
            for parent in parents:
                _known(commit, "parents", history, parent)
            history.commit(
                name,
                message=commit.needed_text("message"),
                author=identity_of(commit.text("author", project.creator or ""), users),
                date=commit.zoned("date", later(project.created_at, hours=index)),
                files={name: _content(project, content, lfs) for name, content in commit.pairs("files")},
                parents=parents,
            )
            tips[branch] = name
    return tips


def _content(project: Project, described: object, lfs: Path) -> str | None:
    """A file's text, None for its end, or (`{lfs: text}`) the pointer to an LFS object, which is kept."""
    if isinstance(described, dict) and "lfs" in described:
        content = str(described["lfs"]).encode()
        oid = hashlib.sha256(content).hexdigest()
        lfs.mkdir(exist_ok=True)
        (lfs / oid).write_bytes(content)
        project.lfs_objects[oid] = lfs / oid
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n"
    return None if described is None else str(described)


def _generated(
    described: Reader, history: History, project: Project, users: Mapping[str, User], tips: dict[str, str]
) -> dict[str, str]:
    """Add as many commits, branches and tags as wanted, always the same for the same numbers."""
    with described.child("generated") as wanted:
        count, seed = wanted.number("commits"), wanted.number("seed")
        branches, tags = wanted.number("branches"), wanted.number("tags")
    people = sorted(users) or [project.creator or ""]
    tip = tips.get(history.default_branch)
    for index in range(1, count + 1):
        name = f"generated {index}"
        folder = ("src", "docs", "tests", "config")[(index + seed) % 4]
        history.commit(
            name,
            message=f"Improve {folder}, step {index}",
            author=identity_of(people[(index * 7 + seed) % len(people)], users),
            date=later(project.created_at, days=index, minutes=seed % 60),
            files={f"{folder}/part-{index % 12}.txt": f"{folder} {index} of {seed}\n"},
            parents=[tip] if tip else None,
        )
        tip = name
        if tags and index % max(count // tags, 1) == 0 and index // max(count // tags, 1) <= tags:
            history.tag(f"v0.{index // max(count // tags, 1)}.0", tip)
    if tip is not None:
        tips[history.default_branch] = tip
    for index in range(1, branches + 1):
        start = max(count - index, 1)
        tips[f"feature/generated-{index}"] = f"generated {start}" if count else tips[history.default_branch]
    return tips


def _tags(described: Reader, history: History, project: Project, users: Mapping[str, User]) -> None:
    for name, value in described.pairs("tags"):
        if not isinstance(value, dict):
            history.tag(name, _known(described, f"tags.{name}", history, value))
            continue
        with Reader(value, f"tags.{name}") as tag:
            history.tag(
                name,
                _known(tag, "commit", history, tag.needed_text("commit")),
                message=tag.text("message", name),
                tagger=identity_of(tag.text("tagger", project.creator or ""), users),
                date=tag.zoned("date", project.created_at),
            )


def _merge_requests(
    history: History, project: Project, users: Mapping[str, User], tips: dict[str, str]
) -> set[int]:
    """Give every merge request a head; answers the numbers of those that got commits of their own."""
    own = set()
    for each in sorted(project.merge_requests.values(), key=lambda each: (each.created_at, each.iid)):
        each.target_branch = each.target_branch or history.default_branch
        for row in each.versions:
            for name in ("base", "start", "head"):
                if row[f"{name}_commit_sha"] not in history:
                    raise SeedError(f"merge request {each.iid}: no commit {row[f'{name}_commit_sha']!r}")
        head = each.sha if each.sha in history else tips.get(each.source_branch)
        if head is not None and each.target_branch in tips:
            each.sha = head
            history.ref(f"refs/merge-requests/{each.iid}/head", head)
            continue
        own.add(each.iid)
        tip = add_merge_request(history, each, tips[history.default_branch], users)
        tips[history.default_branch] = tip
        for name in (each.source_branch, each.target_branch):
            if (commit := history.branch_commit(name)) is not None:
                tips[name] = commit
    return own


def _known(owner: Reader, key: str, history: History, commit: object) -> str:
    if str(commit) not in history:
        raise owner.refuse(key, f"there is no commit {commit!r}")
    return str(commit)
