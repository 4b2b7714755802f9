"""What becomes of pull requests: compared, moved with their branches, merged, closed, reopened.

The rules are those of github/docs `about-pull-requests` and of what github.com is seen to do: a push that
brings the head into the base merges, a branch that goes away closes, and `refs/pull/N/head` keeps the head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.sandbox.github.diffs import changed_files
from gl2gh_batch.sandbox.github.errors import invalid, wrong
from gl2gh_batch.sandbox.github.git import BRANCHES, NOBODY, BareGit, GitError
from gl2gh_batch.sandbox.github.pull_state import Pull
from gl2gh_batch.sandbox.github.state import Issue, Repository, State

RESOURCE: Final = "PullRequest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two commits compared: how many commits `head` has that `base` has not, and what they change."""

    fork_sha: str | None
    commits: int
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0


async def compare(git: BareGit, base_sha: str, head_sha: str) -> Comparison:
    """Compare as a pull request does; `fork_sha` is None without a common history."""
    commits = int(await git.run("rev-list", "--count", f"{base_sha}..{head_sha}"))
    try:
        fork_sha = (await git.run("merge-base", base_sha, head_sha)).decode().split()[0]
    except GitError:
        return Comparison(fork_sha=None, commits=commits)
    stat = (await git.run("diff", "--shortstat", "-M", fork_sha, head_sha, "--")).decode()
    files, additions, deletions = (
        int(found[1]) if (found := re.search(rf"(\d+) {word}", stat)) else 0
        for word in ("file", "insertion", "deletion")
    )
    return Comparison(
        fork_sha=fork_sha, commits=commits, additions=additions, deletions=deletions, changed_files=files
    )


async def checked_comparison(
    state: State, git: BareGit, names: tuple[str, str], tips: tuple[str, str]
) -> Comparison:
    """Compare base and head (their names and tips in this order); 422 without a common history or commits."""
    comparison = await compare(git, *tips)
    if comparison.fork_sha is None and state.rules.holds("pull_history"):
        words = f"The {names[1]} branch has no history in common with {names[0]}"
        raise invalid({"resource": RESOURCE, "code": "custom", "message": words})
    if not comparison.commits and state.rules.holds("pull_commits"):
        words = f"No commits between {names[0]} and {names[1]}"
        raise invalid({"resource": RESOURCE, "code": "custom", "message": words})
    return comparison


def take(pull: Pull, comparison: Comparison) -> None:
    """Note the outcome of a comparison."""
    pull.fork_sha = comparison.fork_sha or pull.base_sha
    pull.commits, pull.changed_files = comparison.commits, comparison.changed_files
    pull.additions, pull.deletions = comparison.additions, comparison.deletions


async def keep_refs(git: BareGit, pull: Pull, title: str) -> None:
    """Let `refs/pull/N/head` and, unless the two conflict, `refs/pull/N/merge` say what is compared now."""
    pull.merge_sha = await merge_commit(git, pull, f"Merge {pull.head_sha} into {pull.base_sha}\n\n{title}")
    lines = [f"update {pull.head_pull_ref} {pull.head_sha}\n"]
    lines.append(
        f"delete {pull.merge_pull_ref}\n"
        if pull.merge_sha is None
        else f"update {pull.merge_pull_ref} {pull.merge_sha}\n"
    )
    await git.run("update-ref", "--stdin", stdin="".join(lines).encode())


async def merge_commit(git: BareGit, pull: Pull, message: str, *, squash: bool = False) -> str | None:
    """A commit that merges head into base, on no branch yet; None when they conflict."""
    try:
        tree = (
            await git.run(
                "merge-tree", "--write-tree", "--allow-unrelated-histories", pull.base_sha, pull.head_sha
            )
        ).split()[0]
    except GitError:
        return None
    parents = ["-p", pull.base_sha, *([] if squash else ["-p", pull.head_sha])]
    commit = await git.run("commit-tree", tree.decode(), *parents, stdin=message.encode(), env=NOBODY)
    return commit.decode().strip()


def open_pulls(repository: Repository) -> list[Pull]:
    """The pull requests that are open."""
    return [each for each in repository.pulls.values() if repository.issues[each.number].state == "open"]


def open_between(repository: Repository, base: str, head: str) -> Pull | None:
    """The open pull request from one branch into another."""
    return next(
        (each for each in open_pulls(repository) if (each.base_ref, each.head_ref) == (base, head)), None
    )


async def close(state: State, git: BareGit, issue: Issue, login: str) -> None:
    """Close a pull request: its test merge goes, its head stays."""
    now = state.clock.stamp()
    if issue.state == "open":
        issue.closed_at, issue.closed_by, issue.updated_at = now, login, now
    issue.state, issue.state_reason = "closed", None
    await git.run("update-ref", "-d", f"refs/pull/{issue.number}/merge")


async def reopen(state: State, git: BareGit, repository: Repository, issue: Issue) -> None:
    """Reopen a closed pull request; 422 for a merged one, or one whose branches are gone or replaced."""
    pull = repository.pulls[issue.number]
    if issue.state == "open":
        return
    comparison: Comparison | None = None
    refs = await git.refs(BRANCHES)
    head, base = refs.get(BRANCHES + pull.head_ref), refs.get(BRANCHES + pull.base_ref)
    reason: str | None = None
    if pull.merged_at is not None:
        reason = "The pull request cannot be reopened."
    elif head is None or base is None:
        reason = f"The {pull.base_ref if head else pull.head_ref} branch has been deleted."
    elif not await git.is_ancestor(pull.head_sha, head):
        reason = f"The {pull.head_ref} branch was force-pushed or recreated."
    elif open_between(repository, pull.base_ref, pull.head_ref) is not None:
        reason = f"There is already an open pull request from {pull.head_ref} to {pull.base_ref}."
    elif not (comparison := await compare(git, base, head)).commits:
        reason = f"There are no new commits on the {pull.head_ref} branch."
    if reason is not None and state.rules.holds("pull_reopen"):
        raise invalid(wrong(RESOURCE, "state", message=f"state cannot be changed. {reason}"))
    if reason is None and head is not None and base is not None and comparison is not None:
        pull.head_sha, pull.base_sha = head, base
        take(pull, comparison)
        await keep_refs(git, pull, issue.title)
    issue.state, issue.closed_at, issue.closed_by = "open", None, None
    issue.state_reason, issue.updated_at = None, state.clock.stamp()


async def retarget(state: State, git: BareGit, repository: Repository, pull: Pull, base: str) -> None:
    """Change the base branch; 422 for a closed pull request, an unknown branch, no new commits."""
    issue = repository.issues[pull.number]
    if issue.state != "open" and state.rules.holds("pull_base_open"):
        message = "Cannot change the base branch of a closed pull request."
        raise invalid(wrong(RESOURCE, "base", message=message))
    tip = (await git.refs(BRANCHES)).get(BRANCHES + base)
    if tip is None:
        message = f"Proposed base branch '{base}' was not found"
        raise invalid(wrong(RESOURCE, "base", message=message))
    if open_between(repository, base, pull.head_ref) not in (None, pull):
        message = f"A pull request already exists for base branch '{base}' and head branch '{pull.head_ref}'"
        raise invalid(wrong(RESOURCE, "base", message=message))
    comparison = await compare(git, tip, pull.head_sha)
    if not comparison.commits:
        message = f"There are no new commits between base branch '{base}' and head branch '{pull.head_ref}'"
        raise invalid(wrong(RESOURCE, "base", message=message))
    pull.base_ref, pull.base_sha = base, tip
    take(pull, comparison)
    if issue.state == "open":
        await keep_refs(git, pull, issue.title)


async def follow_refs(
    state: State, git: BareGit, repository: Repository, before: Mapping[str, str], login: str
) -> None:
    """Carry out on the open pull requests what a push or a change of refs by the API means."""
    pulls = open_pulls(repository)
    if not pulls:
        return
    after = await git.refs(BRANCHES)
    contained: dict[str, set[str]] = {}
    for pull in pulls:
        issue = repository.issues[pull.number]
        head, base = after.get(BRANCHES + pull.head_ref), after.get(BRANCHES + pull.base_ref)
        if base is not None and base != before.get(BRANCHES + pull.base_ref):
            if base not in contained:
                listed = await git.run(
                    "for-each-ref", f"--merged={base}", "--format=%(refname)", "refs/pull/"
                )
                contained[base] = set(listed.decode().split())
            if pull.head_pull_ref in contained[base]:
                await _merged(state, git, pull, issue, base, login)
                continue
        if head is None or base is None:
            await close(state, git, issue, login)
        elif head != pull.head_sha or base != pull.base_sha:
            await _compared_anew(state, git, pull, issue, (base, head), login)


async def _merged(state: State, git: BareGit, pull: Pull, issue: Issue, base: str, login: str) -> None:
    """The base has come to contain the head: the commit of the base that brought it in is the merge."""
    await close(state, git, issue, login)
    pull.merged_at, pull.merged_by = issue.closed_at, login
    path = await git.run("rev-list", "--ancestry-path", "--first-parent", f"{pull.head_sha}..{base}")
    pull.merge_sha = path.decode().split()[-1] if path.strip() else pull.head_sha


async def _compared_anew(
    state: State, git: BareGit, pull: Pull, issue: Issue, tips: tuple[str, str], login: str
) -> None:
    """One of the branches moved: compare again; a head without commits of its own closes."""
    base, head = tips
    comparison = await compare(git, base, head)
    if not comparison.commits:
        await close(state, git, issue, login)
        return
    has_comments = bool(pull.review_comments)
    old_files = await _patches(git, pull) if has_comments else {}
    has_moved = head != pull.head_sha
    pull.base_sha, pull.head_sha = base, head
    take(pull, comparison)
    await keep_refs(git, pull, issue.title)
    if has_moved:
        issue.updated_at = state.clock.stamp()
    if has_comments:
        files = await _patches(git, pull)
        for comment in pull.review_comments.values():
            if files.get(comment.path) != old_files.get(comment.path) or comment.path not in files:
                comment.position = comment.line = comment.start_line = None
            elif comment.line is not None:
                comment.commit_id = head


async def _patches(git: BareGit, pull: Pull) -> dict[str, str | None]:
    return {each.path: each.patch for each in await changed_files(git, pull.fork_sha, pull.head_sha)}
