"""Pull requests, their files, reviews and review comments as GitHub's documents."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from gl2gh_batch.sandbox.github.diffs import FileChange
from gl2gh_batch.sandbox.github.pull_state import Pull, Review, ReviewComment
from gl2gh_batch.sandbox.github.render import (
    REACTIONS,
    association,
    issue_document,
    repository_document,
    repository_url,
    user_document,
    web_url,
)
from gl2gh_batch.sandbox.github.state import Repository, Role, State, node_id

# What the issue side tells about a pull request too, in the same words.
SHARED: Final = (
    "number",
    "state",
    "locked",
    "title",
    "user",
    "body",
    "created_at",
    "updated_at",
    "closed_at",
    "assignee",
    "assignees",
    "milestone",
    "labels",
    "author_association",
    "active_lock_reason",
)


def pull_document(state: State, repository: Repository, pull: Pull, role: Role) -> dict[str, Any]:
    """A pull request as lists show it; `role` is what the caller may do."""
    issue = repository.issues[pull.number]
    base = repository_url(state, repository)
    url, page = f"{base}/pulls/{pull.number}", f"{web_url(state, repository)}/pull/{pull.number}"
    issue_side = issue_document(state, repository, issue)
    links = {
        "self": url,
        "html": page,
        "issue": f"{base}/issues/{pull.number}",
        "comments": f"{base}/issues/{pull.number}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{base}/statuses/{pull.head_sha}",
    }
    return {
        "url": url,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        **{
            f"{name}_url": links[name]
            for name in ("issue", "commits", "review_comments", "review_comment", "comments", "statuses")
        },
        **{name: issue_side[name] for name in SHARED},
        "merged_at": pull.merged_at,
        "merge_commit_sha": pull.merge_sha,
        "requested_reviewers": [user_document(state, login) for login in pull.requested_reviewers],
        "requested_teams": [],
        "head": _side(state, repository, pull.head_ref, pull.head_sha, role),
        "base": _side(state, repository, pull.base_ref, pull.base_sha, role),
        "_links": {name: {"href": address} for name, address in links.items()},
        "auto_merge": None,
        "draft": pull.draft,
    }


def full_pull_document(
    state: State, repository: Repository, pull: Pull, role: Role, *, is_new: bool = False
) -> dict[str, Any]:
    """A pull request by itself; whether a new one can be merged is not known yet."""
    is_open = repository.issues[pull.number].state == "open"
    mergeable = None if is_new or not is_open else pull.merge_sha is not None
    standing = {True: "draft" if pull.draft else "clean", False: "dirty", None: "unknown"}[mergeable]
    return pull_document(state, repository, pull, role) | {
        "merged": pull.merged_at is not None,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": standing,
        "merged_by": None if pull.merged_by is None else user_document(state, pull.merged_by),
        "comments": len(repository.issues[pull.number].comments),
        "review_comments": len(published_comments(pull)),
        "maintainer_can_modify": False,
        "commits": pull.commits,
        "additions": pull.additions,
        "deletions": pull.deletions,
        "changed_files": pull.changed_files,
    }


def _side(state: State, repository: Repository, ref: str, sha: str, role: Role) -> dict[str, Any]:
    return {
        "label": f"{repository.owner}:{ref}",
        "ref": ref,
        "sha": sha,
        "user": user_document(state, repository.owner),
        "repo": repository_document(state, repository, role),
    }


def published_comments(pull: Pull) -> list[ReviewComment]:
    """The review comments that everyone sees: those of reviews that were submitted."""
    pending = {review.id for review in pull.reviews.values() if review.state == "PENDING"}
    return [each for each in pull.review_comments.values() if each.review not in pending]


def file_document(state: State, repository: Repository, head_sha: str, change: FileChange) -> dict[str, Any]:
    """One changed file."""
    path, page = quote(change.path), web_url(state, repository)
    document: dict[str, Any] = {
        "sha": change.sha,
        "filename": change.path,
        "status": change.status,
        "additions": change.additions,
        "deletions": change.deletions,
        "changes": change.additions + change.deletions,
        "blob_url": f"{page}/blob/{head_sha}/{path}",
        "raw_url": f"{page}/raw/{head_sha}/{path}",
        "contents_url": f"{repository_url(state, repository)}/contents/{path}?ref={head_sha}",
    }
    if change.patch is not None:
        document["patch"] = change.patch
    if change.previous_path is not None:
        document["previous_filename"] = change.previous_path
    return document


def review_document(state: State, repository: Repository, pull: Pull, review: Review) -> dict[str, Any]:
    """A review; a pending one was not submitted at any time."""
    url = f"{repository_url(state, repository)}/pulls/{pull.number}"
    page = f"{web_url(state, repository)}/pull/{pull.number}#pullrequestreview-{review.id}"
    document = {
        "id": review.id,
        "node_id": node_id("PRR", review.id),
        "user": user_document(state, review.user),
        "body": review.body,
        "state": review.state,
        "html_url": page,
        "pull_request_url": url,
        "author_association": association(state, review.user, repository),
        "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        "commit_id": review.commit_id,
    }
    if review.submitted_at is not None:
        document["submitted_at"] = review.submitted_at
    return document


def review_comment_document(
    state: State, repository: Repository, pull: Pull, comment: ReviewComment
) -> dict[str, Any]:
    """A review comment; a reply says to which it belongs."""
    base = repository_url(state, repository)
    url, pull_url = f"{base}/pulls/comments/{comment.id}", f"{base}/pulls/{pull.number}"
    page = f"{web_url(state, repository)}/pull/{pull.number}#discussion_r{comment.id}"
    document: dict[str, Any] = {
        "url": url,
        "pull_request_review_id": comment.review,
        "id": comment.id,
        "node_id": node_id("PRRC", comment.id),
        "diff_hunk": comment.diff_hunk,
        "path": comment.path,
        "commit_id": comment.commit_id,
        "original_commit_id": comment.original_commit_id,
        "user": user_document(state, comment.user),
        "body": comment.body,
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "html_url": page,
        "pull_request_url": pull_url,
        "author_association": association(state, comment.user, repository),
        "_links": {"self": {"href": url}, "html": {"href": page}, "pull_request": {"href": pull_url}},
        "reactions": {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(REACTIONS, 0)},
        "subject_type": comment.subject_type,
    }
    if comment.subject_type == "line":
        document |= {
            "start_line": comment.start_line,
            "original_start_line": comment.original_start_line,
            "start_side": comment.start_side,
            "line": comment.line,
            "original_line": comment.original_line,
            "side": comment.side,
            "position": comment.position,
            "original_position": comment.original_position,
        }
    if comment.in_reply_to is not None:
        document["in_reply_to_id"] = comment.in_reply_to
    return document
