"""The whole state of the GitHub as one document, for the control interface."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any, Final

from gl2gh_batch.sandbox.github.published import Release
from gl2gh_batch.sandbox.github.pull_documents import (
    full_pull_document,
    review_comment_document,
    review_document,
)
from gl2gh_batch.sandbox.github.pull_state import Pull
from gl2gh_batch.sandbox.github.releases import release_document
from gl2gh_batch.sandbox.github.render import (
    SETTINGS,
    comment_document,
    import_document,
    issue_document,
    label_document,
    milestone_document,
)
from gl2gh_batch.sandbox.github.repositories import git_of, wiki_of
from gl2gh_batch.sandbox.github.state import Repository, Role, State

SMALL_BYTES: Final = 1 << 16


async def state_document(state: State) -> dict[str, Any]:
    """What `GET control/state` shows: repositories by full name, accounts, tokens, settings."""
    ordered = sorted(state.repositories.values(), key=lambda each: each.full_name.casefold())
    return {
        "repositories": {each.full_name: await repository_state(state, each) for each in ordered},
        "users": {
            each.login: {"id": each.id, "name": each.name, "email": each.email}
            for each in state.accounts.values()
            if not each.is_organization
        },
        "organizations": {
            each.login: {"id": each.id, "name": each.name, "members": dict(each.members)}
            for each in state.accounts.values()
            if each.is_organization
        },
        "tokens": {
            token.secret: {
                "login": token.login,
                "kind": token.kind,
                "scopes": list(token.scopes),
                "permissions": token.permissions,
                "repositories": token.repositories,
                "expires_at": token.expires_at,
            }
            for token in state.tokens.values()
        },
        "settings": asdict(state.settings)
        | {
            "import_job_s": list(state.settings.import_job_s),
            "issue_types": list(state.settings.issue_types),
        },
    }


async def repository_state(state: State, repository: Repository) -> dict[str, Any]:
    """One repository: its settings, refs, labels, milestones, issues with their comments, imports, wiki."""
    wiki = wiki_of(state, repository)
    return {
        "id": repository.id,
        "private": repository.private,
        "archived": repository.archived,
        "default_branch": repository.default_branch,
        "description": repository.description,
        "homepage": repository.homepage,
        "topics": list(repository.topics),
        "collaborators": dict(repository.collaborators),
        "actions": dict(repository.actions),
        "created_at": repository.created_at,
        "pushed_at": repository.pushed_at,
        "last_number": repository.last_number,
        **SETTINGS,
        **repository.settings,
        "refs": await git_of(state, repository).refs(),
        "wiki": {"refs": await wiki.refs()} if wiki.exists else None,
        "labels": [label_document(state, repository, label) for label in repository.labels.values()],
        "milestones": [
            milestone_document(state, repository, each) for each in repository.milestones.values()
        ],
        "issues": [
            issue_document(state, repository, issue)
            | {
                "comments": [
                    comment_document(state, repository, issue, comment) for comment in issue.comments.values()
                ],
                "parent": _number(repository, issue.parent),
                "blocked_by": [_number(repository, each) for each in issue.blocked_by],
                "type": issue.type,
            }
            for _, issue in sorted(repository.issues.items())
        ],
        "pulls": [_pull_state(state, repository, pull) for _, pull in sorted(repository.pulls.items())],
        "lfs_objects": {oid: path.stat().st_size for oid, path in sorted(repository.lfs_objects.items())},
        "releases": [_release_state(state, repository, each) for each in repository.releases.values()],
        "imports": [import_document(state, repository, job) for job in repository.imports.values()],
    }


def _pull_state(state: State, repository: Repository, pull: Pull) -> dict[str, Any]:
    """A pull request with its reviews, and its review comments in place of their count."""
    return full_pull_document(state, repository, pull, Role.ADMIN) | {
        "reviews": [review_document(state, repository, pull, each) for each in pull.reviews.values()],
        "review_comments": [
            review_comment_document(state, repository, pull, each) | {"is_resolved": each.is_resolved}
            for each in pull.review_comments.values()
        ],
    }


def _release_state(state: State, repository: Repository, release: Release) -> dict[str, Any]:
    """A release; `content` of a small asset is its bytes in base64."""
    document = release_document(state, repository, release)
    for shown, asset in zip(document["assets"], release.assets.values(), strict=True):
        if asset.size <= SMALL_BYTES:
            shown["content"] = base64.b64encode(asset.path.read_bytes()).decode()
    return document | {"make_latest": release.make_latest}


def _number(repository: Repository, identity: int | None) -> int | None:
    """The number of the issue of that id; None for one of another repository."""
    return next((number for number, each in repository.issues.items() if each.id == identity), None)
