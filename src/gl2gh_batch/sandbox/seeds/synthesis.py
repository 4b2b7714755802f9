"""A small, always equal git history for a project whose records came without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gl2gh_batch.sandbox.seeds.history import History
from gl2gh_batch.sandbox.seeds.records import MergeRequest, Project, User, version_row
from gl2gh_batch.sandbox.seeds.shapes import later


def synthesize(project: Project, path: Path, users: Mapping[str, User]) -> None:
    """Write a history in which every branch, tag and head that the records name exists, and set their SHAs to
    it.

    The default branch has a first commit, one for each release (tagged) and the merges, in the order of time.
    """
    default = project.default_branch or "main"
    project.default_branch = default
    history = History(default_branch=default)
    creator = identity_of(project.creator or "", users)
    tip = "first"
    readme = f"# {project.name}\n\n{project.description or ''}\n"
    history.commit(
        tip,
        message="Initial commit",
        author=creator,
        date=project.created_at,
        files={"README.md": readme, "src/main.txt": "one\ntwo\nthree\n"},
    )
    changes: list[tuple[str, str, object]] = [
        (release.created_at, release.tag, release) for release in project.releases
    ]
    changes += [(each.created_at, str(each.iid), each) for each in project.merge_requests.values()]
    for date, name, record in sorted(changes, key=lambda change: change[:2]):
        if isinstance(record, MergeRequest):
            tip = add_merge_request(history, record, tip, users)
            continue
        history.commit(
            f"release {name}",
            message=f"Prepare {name}",
            author=creator,
            date=date,
            files={"CHANGELOG.md": f"# {name}\n"},
            parents=[tip],
        )
        tip = f"release {name}"
        history.tag(name, tip)
    history.branch(default, tip)
    shas = history.write(path)
    for each in project.merge_requests.values():
        set_shas(each, shas)


def set_shas(record: MergeRequest, shas: Mapping[str, str]) -> None:
    """Put the SHAs of a written history into a merge request that `add_merge_request` added to it."""
    base = record.base_sha = record.start_sha = shas[record.base_sha or ""]
    record.sha = shas[record.sha or ""]
    record.merge_commit_sha = shas.get(f"merge {record.iid}")
    record.squash_commit_sha = shas.get(f"squash {record.iid}")
    if record.commit_count > 1:
        present = version_row(base, base, record.sha, later(record.created_at, hours=1))
        first = version_row(base, base, shas[f"first {record.iid}"], record.created_at)
        record.versions = [present, first]


def add_merge_request(history: History, record: MergeRequest, tip: str, users: Mapping[str, User]) -> str:
    """Add a merge request's commits, and its merge if merged; answers the new tip of the default branch."""
    record.base_sha = tip
    record.sha = head = _add_commits(history, record, tip, identity_of(record.author, users))
    history.ref(f"refs/merge-requests/{record.iid}/head", head)
    record.target_branch = record.target_branch or history.default_branch
    if record.target_branch != history.default_branch and history.branch_commit(record.target_branch) is None:
        history.branch(record.target_branch, tip)
    has_branch = record.state == "opened" if record.has_branch is None else record.has_branch
    if has_branch and ":" not in record.source_branch:
        history.branch(record.source_branch, head)
    if record.state != "merged":
        return tip
    path = f"changes/{record.iid}.md"
    merger, date = (
        identity_of(record.merged_by or record.author, users),
        record.merged_at or record.updated_at,
    )
    merged = {path: history.files(head)[path]}
    if record.squash and record.has_branch is not None:
        squashed = f"squash {record.iid}"
        history.commit(squashed, message=record.title, author=merger, date=date, files=merged, parents=[tip])
        head = squashed
    merge = f"merge {record.iid}"
    history.commit(
        merge,
        message=f"Merge branch '{record.source_branch}' into '{record.target_branch}'\n\n{record.title}",
        author=merger,
        date=date,
        files=merged,
        parents=[tip, head],
    )
    return merge if record.target_branch == history.default_branch else tip


def _add_commits(history: History, record: MergeRequest, tip: str, author: tuple[str, str]) -> str:
    """The merge request's own commits, as many as it wants; answers its head."""
    path, text = f"changes/{record.iid}.md", f"# {record.title}\n\n{record.description or ''}\n"
    if not record.commit_count:
        return tip
    if record.commit_count > 1:
        first = f"first {record.iid}"
        history.commit(
            first,
            message=f"Begin: {record.title}",
            author=author,
            date=record.created_at,
            files={path: f"# Begun\n\nby {record.title}\n"},
            parents=[tip],
        )
        tip = first
    head = f"head {record.iid}"
    history.commit(
        head, message=record.title, author=author, date=record.created_at, files={path: text}, parents=[tip]
    )
    return head


def identity_of(username: str, users: Mapping[str, User]) -> tuple[str, str]:
    """A person's name and e-mail address as their commits have them."""
    user = users.get(username)
    name = user.name if user is not None else username or "Sandbox"
    email = (user.email or user.public_email) if user is not None else ""
    return name, email or f"{username or 'sandbox'}@users.noreply.example.com"
