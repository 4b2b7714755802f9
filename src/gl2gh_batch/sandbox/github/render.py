"""State as GitHub's documents; their shapes are those of GitHub's OpenAPI description."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from gl2gh_batch.sandbox.github.state import (
    Account,
    Comment,
    ImportJob,
    Issue,
    Label,
    Milestone,
    Repository,
    Role,
    State,
    node_id,
    role_of,
)

TYPE_COLORS: Final = ("gray", "blue", "green", "yellow", "orange", "red", "pink", "purple")
REACTIONS: Final = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")

# Fields of the repository document that a PATCH simply sets, with their values in a new repository.
SETTINGS: Final[Mapping[str, Any]] = {
    "has_issues": True,
    "has_projects": True,
    "has_wiki": True,
    "has_discussions": False,
    "has_downloads": True,
    "is_template": False,
    "allow_squash_merge": True,
    "allow_merge_commit": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "allow_update_branch": False,
    "allow_forking": True,
    "delete_branch_on_merge": False,
    "use_squash_pr_title_as_default": False,
    "squash_merge_commit_title": "COMMIT_OR_PR_TITLE",
    "squash_merge_commit_message": "COMMIT_MESSAGES",
    "merge_commit_title": "MERGE_MESSAGE",
    "merge_commit_message": "PR_TITLE",
    "web_commit_signoff_required": False,
    "has_pull_requests": True,
    "pull_request_creation_policy": "all",
}

# Addresses of a repository document that are templates over its own address.
_REPOSITORY_URLS: Final = (
    ("archive_url", "/{archive_format}{/ref}"),
    ("assignees_url", "/assignees{/user}"),
    ("blobs_url", "/git/blobs{/sha}"),
    ("branches_url", "/branches{/branch}"),
    ("collaborators_url", "/collaborators{/collaborator}"),
    ("comments_url", "/comments{/number}"),
    ("commits_url", "/commits{/sha}"),
    ("compare_url", "/compare/{base}...{head}"),
    ("contents_url", "/contents/{+path}"),
    ("contributors_url", "/contributors"),
    ("deployments_url", "/deployments"),
    ("downloads_url", "/downloads"),
    ("events_url", "/events"),
    ("forks_url", "/forks"),
    ("git_commits_url", "/git/commits{/sha}"),
    ("git_refs_url", "/git/refs{/sha}"),
    ("git_tags_url", "/git/tags{/sha}"),
    ("hooks_url", "/hooks"),
    ("issue_comment_url", "/issues/comments{/number}"),
    ("issue_events_url", "/issues/events{/number}"),
    ("issues_url", "/issues{/number}"),
    ("keys_url", "/keys{/key_id}"),
    ("labels_url", "/labels{/name}"),
    ("languages_url", "/languages"),
    ("merges_url", "/merges"),
    ("milestones_url", "/milestones{/number}"),
    ("notifications_url", "/notifications{?since,all,participating}"),
    ("pulls_url", "/pulls{/number}"),
    ("releases_url", "/releases{/id}"),
    ("stargazers_url", "/stargazers"),
    ("statuses_url", "/statuses/{sha}"),
    ("subscribers_url", "/subscribers"),
    ("subscription_url", "/subscription"),
    ("tags_url", "/tags"),
    ("teams_url", "/teams"),
    ("trees_url", "/git/trees{/sha}"),
)


def repository_url(state: State, repository: Repository) -> str:
    """The address of a repository in the API."""
    return f"{state.api_url}/repos/{repository.full_name}"


def web_url(state: State, repository: Repository) -> str:
    """The address of a repository for people and for git."""
    return f"{state.url}/{repository.full_name}"


def _type_of(account: Account) -> str:
    if account.is_organization:
        return "Organization"
    return "Bot" if account.login.endswith("[bot]") else "User"


def user_document(state: State, login: str) -> dict[str, Any]:
    """A simple user; one that is gone is GitHub's `ghost`."""
    account = state.account(login) or Account(id=10137, login="ghost")
    url = f"{state.api_url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("O" if account.is_organization else "U", account.id),
        "avatar_url": f"{state.url}/avatars/u/{account.id}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{state.url}/{account.login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": _type_of(account),
        "user_view_type": "public",
        "site_admin": False,
    }


def repository_document(state: State, repository: Repository, role: Role) -> dict[str, Any]:
    """A repository as lists show it."""
    url, page = repository_url(state, repository), web_url(state, repository)
    counts = state.milestone_counts(repository)
    open_issues = sum(count for (_, issue_state), count in counts.items() if issue_state == "open")
    document: dict[str, Any] = {
        "id": repository.id,
        "node_id": node_id("R", repository.id),
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user_document(state, repository.owner),
        "html_url": page,
        "description": repository.description,
        "fork": False,
        "url": url,
        **{name: url + tail for name, tail in _REPOSITORY_URLS},
        "git_url": page.replace("http://", "git://") + ".git",
        "ssh_url": f"git@{state.url.partition('//')[2]}:{repository.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "homepage": repository.homepage,
        "mirror_url": None,
        "language": None,
        "license": None,
        "size": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "watchers": 0,
        "forks_count": 0,
        "forks": 0,
        "open_issues_count": open_issues,
        "open_issues": open_issues,
        "default_branch": repository.default_branch,
        "topics": list(repository.topics),
        "has_pages": False,
        "archived": repository.archived,
        "disabled": False,
        "visibility": "private" if repository.private else "public",
        "pushed_at": repository.pushed_at or repository.created_at,
        "created_at": repository.created_at,
        "updated_at": repository.updated_at,
        "permissions": {
            "admin": role >= Role.ADMIN,
            "maintain": role >= Role.ADMIN,
            "push": role >= Role.WRITE,
            "triage": role >= Role.WRITE,
            "pull": role >= Role.READ,
        },
        **SETTINGS,
        **repository.settings,
    }
    return document


def full_repository_document(state: State, repository: Repository, role: Role) -> dict[str, Any]:
    """A repository by itself."""
    document = repository_document(state, repository, role)
    document |= {"network_count": 0, "subscribers_count": 0, "temp_clone_token": ""}
    owner = state.account(repository.owner)
    if owner is not None and owner.is_organization:
        document["organization"] = user_document(state, repository.owner)
    return document


def label_document(state: State, repository: Repository, label: Label) -> dict[str, Any]:
    """A label."""
    return {
        "id": label.id,
        "node_id": node_id("LA", label.id),
        "url": f"{repository_url(state, repository)}/labels/{quote(label.name, safe='')}",
        "name": label.name,
        "color": label.color,
        "default": label.default,
        "description": label.description,
    }


def milestone_document(state: State, repository: Repository, milestone: Milestone) -> dict[str, Any]:
    """A milestone with the counts of its issues."""
    url = f"{repository_url(state, repository)}/milestones/{milestone.number}"
    counts = state.milestone_counts(repository)
    return {
        "url": url,
        "html_url": f"{web_url(state, repository)}/milestone/{milestone.number}",
        "labels_url": f"{url}/labels",
        "id": milestone.id,
        "node_id": node_id("MI", milestone.id),
        "number": milestone.number,
        "title": milestone.title,
        "description": milestone.description,
        "creator": user_document(state, milestone.creator),
        "open_issues": counts[milestone.number, "open"],
        "closed_issues": counts[milestone.number, "closed"],
        "state": milestone.state,
        "created_at": milestone.created_at,
        "updated_at": milestone.updated_at,
        "due_on": milestone.due_on,
        "closed_at": milestone.closed_at,
    }


def association(state: State, login: str, repository: Repository) -> str:
    """How an author is associated with a repository."""
    if login.casefold() == repository.owner.casefold():
        return "OWNER"
    owner = state.account(repository.owner)
    if owner is not None and login.casefold() in {name.casefold() for name in owner.members}:
        return "MEMBER"
    return "COLLABORATOR" if role_of(state, login, repository) > Role.READ else "NONE"


def _reactions(url: str) -> dict[str, Any]:
    return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(REACTIONS, 0)}


def issue_document(state: State, repository: Repository, issue: Issue) -> dict[str, Any]:
    """An issue."""
    base = repository_url(state, repository)
    url = f"{base}/issues/{issue.number}"
    labels = [repository.labels[each] for each in issue.labels if each in repository.labels]
    milestone = None if issue.milestone is None else repository.milestones.get(issue.milestone)
    assignees = [user_document(state, login) for login in issue.assignees]
    document: dict[str, Any] = {
        "url": url,
        "repository_url": base,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "timeline_url": f"{url}/timeline",
        "html_url": f"{web_url(state, repository)}/issues/{issue.number}",
        "id": issue.id,
        "node_id": node_id("I", issue.id),
        "number": issue.number,
        "title": issue.title,
        "user": user_document(state, issue.user),
        "labels": [label_document(state, repository, label) for label in labels],
        "state": issue.state,
        "state_reason": issue.state_reason,
        "locked": issue.locked,
        "active_lock_reason": issue.active_lock_reason,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None if milestone is None else milestone_document(state, repository, milestone),
        "comments": len(issue.comments),
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "closed_by": None if issue.closed_by is None else user_document(state, issue.closed_by),
        "author_association": association(state, issue.user, repository),
        "type": None if issue.type is None else issue_type_document(state, repository.owner, issue.type),
        "body": issue.body,
        "reactions": _reactions(url),
        "performed_via_github_app": None,
        **_relations(state, issue),
    }
    if (pull := repository.pulls.get(issue.number)) is not None:
        page = f"{web_url(state, repository)}/pull/{issue.number}"
        document |= {
            "html_url": page,
            "node_id": node_id("PR", pull.id),
            "state_reason": None,
            "draft": pull.draft,
            "pull_request": {
                "url": f"{base}/pulls/{issue.number}",
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": pull.merged_at,
            },
        }
    return document


def _relations(state: State, issue: Issue) -> dict[str, Any]:
    """What an issue says of its parts, its parent and what it waits for."""
    index = state.relations()
    parts = index.parts.get(issue.id, [])
    done = sum(each.state == "closed" for _, each in parts)
    blockers = [index.issues[each][1] for each in issue.blocked_by if each in index.issues]
    blocked = index.blocked.get(issue.id, [])
    above = None if issue.parent is None else index.issues.get(issue.parent)
    relations: dict[str, Any] = {
        "sub_issues_summary": {
            "total": len(parts),
            "completed": done,
            "percent_completed": done * 100 // len(parts) if parts else 0,
        },
        "issue_dependencies_summary": {
            "blocked_by": sum(each.state == "open" for each in blockers),
            "total_blocked_by": len(blockers),
            "blocking": sum(each.state == "open" for _, each in blocked),
            "total_blocking": len(blocked),
        },
    }
    if above is not None:
        place = repository_url(state, above[0])
        relations["parent_issue_url"] = f"{place}/issues/{above[1].number}"
    return relations


def issue_type_document(state: State, organization: str, name: str) -> dict[str, Any] | None:
    """An issue type as an issue shows it; None when the organisation has none of that name."""
    account = state.account(organization)
    names = state.settings.issue_types if account is not None and account.is_organization else ()
    for place, each in enumerate(names, start=1):
        if each.casefold() == name.casefold():
            identity = place + (account.id if account is not None else 0) * 100
            return {
                "id": identity,
                "node_id": node_id("IT", identity),
                "name": each,
                "description": None,
                "color": TYPE_COLORS[place % len(TYPE_COLORS)],
                "created_at": "2025-01-01T00:00:00Z",
                "updated_at": "2025-01-01T00:00:00Z",
                "is_enabled": True,
            }
    return None


def comment_document(state: State, repository: Repository, issue: Issue, comment: Comment) -> dict[str, Any]:
    """A comment on an issue."""
    base = repository_url(state, repository)
    url = f"{base}/issues/comments/{comment.id}"
    return {
        "url": url,
        "html_url": f"{web_url(state, repository)}/issues/{issue.number}#issuecomment-{comment.id}",
        "issue_url": f"{base}/issues/{issue.number}",
        "id": comment.id,
        "node_id": node_id("IC", comment.id),
        "user": user_document(state, comment.user),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "body": comment.body,
        "author_association": association(state, comment.user, repository),
        "reactions": _reactions(url),
        "performed_via_github_app": None,
    }


def import_document(state: State, repository: Repository, job: ImportJob) -> dict[str, Any]:
    """The status of an issue import (gist jonmagic/5282384165e0f86ef105)."""
    base = repository_url(state, repository)
    document: dict[str, Any] = {
        "id": job.id,
        "status": job.status,
        "url": f"{base}/import/issues/{job.id}",
        "import_issues_url": f"{base}/import/issues",
        "repository_url": base,
        "created_at": job.created_at,
        "updated_at": job.updated_at,
    }
    if job.issue_number is not None:
        document["issue_url"] = f"{base}/issues/{job.issue_number}"
    if job.errors:
        document["errors"] = job.errors
    return document
