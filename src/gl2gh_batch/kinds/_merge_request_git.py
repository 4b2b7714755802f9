"""What the mirror says of a merge request: its ends, its commits, its diff, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gl2gh_batch.domain.errors import GitError
from gl2gh_batch.kinds._merge_request_values import GitFacts, Obstacle
from gl2gh_batch.kit.git_history import FileDiff, History, object_ids
from gl2gh_batch.source.merge_models import Discussion, MergeRequest, Position

HEADS = "refs/heads/"


def namespace_of(refs: Iterable[str]) -> str:
    """The first part of the names of our own branches: one that no branch of the project is in the way of."""
    taken = {name.removeprefix(HEADS).partition("/")[0].casefold() for name in refs if name.startswith(HEADS)}
    number, name = 1, "gitlab-merge-requests"
    while name in taken:
        number += 1
        name = f"gitlab-merge-requests-{number}"
    return name


def known_head(item: MergeRequest, refs: Mapping[str, str]) -> str:
    """The last commit of its changes, as far as refs tell; its branch's own for an open one."""
    if item.state in {"opened", "locked"} and not item.is_of_fork:
        tip = refs.get(HEADS + item.source_branch)
        if tip is not None and item.head_sha in {"", tip}:
            return tip
    return item.head_sha or refs.get(f"refs/merge-requests/{item.iid}/head", "")


async def git_facts(
    item: MergeRequest,
    discussions: tuple[Discussion, ...],
    refs: Mapping[str, str],
    history: History | None,
    base_sha: str = "",
) -> GitFacts:
    """Everything about one merge request; `base_sha` is where GitLab says that its changes begin."""
    if history is None:
        return GitFacts(live=Obstacle.NO_HEAD, rebuilt=Obstacle.NO_HEAD)
    head = known_head(item, refs)
    is_there = await history.has(head)
    kept = await _kept(item, discussions, history, head if is_there else "")
    loose = await _loose(item, head if is_there else "", kept, history)
    if not is_there:
        return GitFacts(live=Obstacle.NO_HEAD, rebuilt=Obstacle.NO_HEAD, kept=kept, loose=loose)
    target = refs.get(HEADS + item.target_branch, "")
    branch = item.source_branch if refs.get(HEADS + item.source_branch) == head else ""
    is_own = not item.is_of_fork
    meeting = await history.merge_base(target, head) if target else ""
    base = await _base(item, head, target, meeting, base_sha, history)
    facts = GitFacts(
        head=head,
        base=base,
        branch=branch if is_own and branch != item.target_branch else "",
        live=_live(item, head, target, meeting),
        rebuilt=None if base and base != head else Obstacle.NO_COMMITS if base else Obstacle.NO_HISTORY,
        kept=kept,
        loose=loose,
    )
    if not base or base == head:
        return facts
    if head not in kept and "head" not in loose:
        # What the branches themselves hold is the repository's matter.
        return replace(facts, live=facts.live or Obstacle.TOO_LARGE, rebuilt=Obstacle.TOO_LARGE)
    commits = await history.commits(base, head)
    facts = replace(
        facts,
        commits=tuple(commits),
        commit_count=len(commits) if len(commits) < 250 else await history.count(base, head),
    )
    return await _with_diff(facts, discussions, history)


def _live(item: MergeRequest, head: str, target: str, meeting: str) -> Obstacle | None:
    if not target:
        return Obstacle.NO_TARGET
    if item.source_branch == item.target_branch and not item.is_of_fork:
        return Obstacle.SAME_BRANCH
    if not meeting:
        return Obstacle.NO_HISTORY
    return Obstacle.NO_COMMITS if meeting == head else None


async def _base(
    item: MergeRequest, head: str, target: str, meeting: str, base_sha: str, history: History
) -> str:
    """Where its changes begin; the head itself when it has none, empty when nobody knows."""
    for merge in object_ids((item.merge_commit_sha, item.squash_commit_sha)):
        before = await history.first_parent(merge)
        found = await history.merge_base(before, head) if before else ""
        if found and found != head:
            return found
    if meeting and meeting != head:
        return meeting
    if base_sha and await history.merge_base(base_sha, head) == base_sha:
        return base_sha
    if item.state == "merged" and target and meeting == head:
        # Taken in without a commit of its own: one commit is the least that it was.
        return await history.first_parent(head) or meeting
    return meeting


async def _with_diff(facts: GitFacts, discussions: tuple[Discussion, ...], history: History) -> GitFacts:
    """The diff of the files that have notes, and how older versions' lines moved."""
    positions = [one for one in positions_of(discussions) if one.position_type == "text"]
    paths = {path for one in positions for path in (one.old_path, one.new_path) if path}
    if not paths:
        return facts
    older = object_ids(one.head_sha for one in positions if one.head_sha != facts.head)
    try:
        files = _of(paths, await history.diff(facts.base, facts.head))
        moved = {
            sha: _of(paths, await history.diff(sha, facts.head, context=0))
            for sha in older
            if await history.has(sha)
        }
    except (GitError, ValueError):  # a line too long to be read, or an object that is not whole
        return facts
    return replace(facts, files=files, moved=moved)


def positions_of(discussions: Iterable[Discussion]) -> Iterator[Position]:
    """The places in diffs that discussions are about."""
    for discussion in discussions:
        for note in discussion.notes:
            if note.position is not None:
                yield note.position


def _of(paths: set[str], files: Iterable[FileDiff]) -> tuple[FileDiff, ...]:
    return tuple(one for one in files if one.old_path in paths or one.new_path in paths)


async def _kept(
    item: MergeRequest, discussions: tuple[Discussion, ...], history: History, head: str
) -> tuple[str, ...]:
    shas = [head, item.merge_commit_sha, item.squash_commit_sha]
    for one in positions_of(discussions):
        shas += [one.head_sha, one.base_sha]
    return tuple([sha for sha in object_ids(shas) if await history.is_kept(sha)])


async def _loose(item: MergeRequest, head: str, kept: tuple[str, ...], history: History) -> dict[str, str]:
    """Its ends that no branch or tag leads to; without those that lead to files which GitHub refuses."""
    loose: dict[str, str] = {}
    for name, sha in (("head", head), ("merge", item.merge_commit_sha), ("squash", item.squash_commit_sha)):
        is_new = bool(sha) and sha not in kept and sha not in loose.values()
        if sha and is_new and await history.has(sha) and not await history.is_oversized(sha):
            loose[name] = sha
    return loose
