"""Pull requests of a repository: opened, read, listed, changed, merged; commits, files and reviewers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, Route, answer, text_field
from gl2gh_batch.sandbox.github.diffs import changed_files
from gl2gh_batch.sandbox.github.errors import Refused, invalid, not_found, too_long, wrong
from gl2gh_batch.sandbox.github.git import BRANCHES
from gl2gh_batch.sandbox.github.issues import checked_texts
from gl2gh_batch.sandbox.github.pull_documents import file_document, full_pull_document, pull_document
from gl2gh_batch.sandbox.github.pull_life import (
    RESOURCE,
    checked_comparison,
    close,
    follow_refs,
    keep_refs,
    merge_commit,
    open_between,
    reopen,
    retarget,
    take,
)
from gl2gh_batch.sandbox.github.pull_state import Pull
from gl2gh_batch.sandbox.github.refs import commit_document
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.github.state import Issue, Repository, Role, is_assignable

PERMISSION: Final = "pull_requests"
MAX_COMMITS: Final = 250
MAX_FILES: Final = 3000
SORTS: Final[Mapping[str, Callable[[Repository, Pull], Any]]] = {
    "created": lambda repository, pull: repository.issues[pull.number].created_at,
    "updated": lambda repository, pull: repository.issues[pull.number].updated_at,
    "popularity": lambda repository, pull: len(repository.issues[pull.number].comments),
    "long-running": lambda repository, pull: repository.issues[pull.number].created_at,
}


def pull_of(call: Call, repository: Repository) -> Pull:
    """The pull request of the path."""
    pull = repository.pulls.get(call.number("pull_number"))
    if pull is None:
        raise not_found()
    return pull


def _full(call: Call, repository: Repository, pull: Pull, *, is_new: bool = False) -> dict[str, Any]:
    role = role_with(call.state, call.token, repository)
    return full_pull_document(call.state, repository, pull, role, is_new=is_new)


def _branch(repository: Repository, fields: Mapping[str, Any], name: str) -> str:
    """The branch that `head` or `base` names; a head may say whose it is."""
    value = fields[name]
    if not isinstance(value, str) or not value:
        raise invalid(wrong(RESOURCE, name))
    owner, colon, branch = value.partition(":")
    if name == "base" or not colon:
        return value
    if owner.casefold() != repository.owner.casefold():
        raise invalid(wrong(RESOURCE, name))
    return branch


def require_fields(fields: Mapping[str, Any], *names: str) -> None:
    """422 that names the fields that are not there."""
    absent = [f'"{name}"' for name in names if fields.get(name) is None]
    if absent:
        verb = "wasn't" if len(absent) == 1 else "weren't"
        raise invalid(message=f"Invalid request.\n\n{', '.join(absent)} {verb} supplied.")


async def create_pull(call: Call) -> web.StreamResponse:
    """POST /repos/{owner}/{repo}/pulls."""
    state = call.state
    repository = call.repository(Role.WRITE, PERMISSION)
    viewer = call.viewer()
    fields = await call.body()
    require_fields(fields, "head", "base")
    issue = _issue_to_convert(repository, fields)
    title = text_field(fields, "title", RESOURCE) if issue is None else issue.title
    if (not title or not title.strip()) and state.rules.holds("pull_title"):
        raise invalid(wrong(RESOURCE, "title", "missing_field"))
    title = (title or "").strip()
    _checked_texts(call, {**fields, "title": title})
    draft = bool(fields.get("draft"))
    if draft and not state.settings.has_drafts and repository.private:
        raise invalid(message="Draft pull requests are not supported in this repository.")
    head, base = _branch(repository, fields, "head"), _branch(repository, fields, "base")
    git = git_of(state, repository)
    branches = await git.refs(BRANCHES)
    tips = []
    for name, branch in (("base", base), ("head", head)):
        if BRANCHES + branch not in branches:
            raise invalid(wrong(RESOURCE, name))
        tips.append(branches[BRANCHES + branch])
    _refuse_second(call, repository, base, head)
    comparison = await checked_comparison(state, git, (base, head), (tips[0], tips[1]))
    _refuse_second(call, repository, base, head)
    now = state.clock.stamp()
    if issue is None:
        issue = Issue(
            id=state.next_id(),
            number=repository.take_number(),
            title=title,
            body=fields.get("body"),
            user=viewer.login,
            created_at=now,
            updated_at=now,
        )
        repository.issues[issue.number] = issue
    pull = Pull(
        id=state.next_id(),
        number=issue.number,
        head_ref=head,
        head_sha=tips[1],
        base_ref=base,
        base_sha=tips[0],
        fork_sha=tips[0],
        draft=draft,
    )
    take(pull, comparison)
    repository.pulls[pull.number] = pull
    await keep_refs(git, pull, title)
    document = _full(call, repository, pull, is_new=True)
    return answer(document, 201, {"Location": document["url"]})


def _checked_texts(call: Call, fields: Mapping[str, Any]) -> None:
    """The limits of titles and bodies are those of issues."""
    try:
        checked_texts(call.state, fields)
    except Refused as refused:
        for error in refused.document.get("errors", ()):
            error["resource"] = RESOURCE
        raise


def _issue_to_convert(repository: Repository, fields: Mapping[str, Any]) -> Issue | None:
    if (number := fields.get("issue")) is None:
        return None
    issue = repository.issues.get(number) if isinstance(number, int) else None
    if issue is None or issue.number in repository.pulls or issue.state != "open":
        raise invalid(wrong(RESOURCE, "issue"))
    return issue


def _refuse_second(call: Call, repository: Repository, base: str, head: str) -> None:
    if open_between(repository, base, head) is not None and call.state.rules.holds("pull_exists"):
        message = f"A pull request already exists for {repository.owner}:{head}."
        raise invalid({"resource": RESOURCE, "code": "custom", "message": message})


async def get_pull(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}."""
    repository = call.repository()
    return answer(_full(call, repository, pull_of(call, repository)))


async def list_pulls(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls, with GitHub's filters and sorts."""
    repository = call.repository()
    query = call.query
    wanted, sort = query.get("state", "open"), query.get("sort", "created")
    if wanted not in ("open", "closed", "all"):
        raise invalid(wrong(RESOURCE, "state"))
    if sort not in SORTS:
        raise invalid(wrong(RESOURCE, "sort"))
    owner, colon, branch = query.get("head", "").partition(":")
    found = [
        pull
        for pull in repository.pulls.values()
        if wanted in ("all", repository.issues[pull.number].state)
        and query.get("base", pull.base_ref) == pull.base_ref
        # "Filter pulls by head user or head organization and branch name in the format of user:ref-name."
        and (not colon or (owner.casefold() == repository.owner.casefold() and branch == pull.head_ref))
    ]
    descending = query.get("direction", "desc" if sort == "created" else "asc") == "desc"
    found.sort(key=lambda pull: (SORTS[sort](repository, pull), pull.number), reverse=descending)
    role = role_with(call.state, call.token, repository)
    return call.paged(found, lambda pull: pull_document(call.state, repository, pull, role))


async def update_pull(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}/pulls/{pull_number}: title, body, state, base."""
    state = call.state
    repository = call.repository(Role.WRITE, PERMISSION)
    pull = pull_of(call, repository)
    issue = repository.issues[pull.number]
    fields = await call.body()
    _checked_texts(call, fields)
    if fields.get("state") not in (None, "open", "closed"):
        raise invalid(wrong(RESOURCE, "state"))
    if "title" in fields and not str(fields["title"] or "").strip():
        raise invalid(wrong(RESOURCE, "title", "missing_field"))
    git = git_of(state, repository)
    base = fields.get("base")
    if base is not None and base != pull.base_ref:
        await retarget(state, git, repository, pull, _branch(repository, fields, "base"))
    if fields.get("state") == "open":
        await reopen(state, git, repository, issue)
    elif fields.get("state") == "closed":
        await close(state, git, issue, call.viewer().login)
    if "title" in fields:
        issue.title = str(fields["title"]).strip()
    if "body" in fields:
        issue.body = fields["body"]
    issue.updated_at = state.clock.stamp()
    return answer(_full(call, repository, pull))


async def list_pull_commits(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/commits: oldest first, "a maximum of 250 commits"."""
    repository = call.repository()
    pull = pull_of(call, repository)
    git = git_of(call.state, repository)
    listed = await git.run("rev-list", "--topo-order", "--reverse", f"{pull.base_sha}..{pull.head_sha}")
    shas = listed.decode().split()[: int(min(call.state.rules.most("pull_commits_listed"), 10**6))]
    wanted, headers = call.page(shas, lambda sha: sha)
    commits = [(await git.commits(sha, None, 0, 1))[0] for sha in wanted]
    return answer([commit_document(call.state, repository, each) for each in commits], headers=headers)


async def list_pull_files(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/files: "a maximum of 3000 files"."""
    repository = call.repository()
    pull = pull_of(call, repository)
    changes = await changed_files(git_of(call.state, repository), pull.fork_sha, pull.head_sha)
    return call.paged(
        changes[:MAX_FILES], lambda change: file_document(call.state, repository, pull.head_sha, change)
    )


async def list_pulls_of_commit(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls: those with the commit, or merged by it."""
    repository = call.repository()
    git = git_of(call.state, repository)
    sha = await git.resolve(call.params["commit_sha"])
    if sha is None:
        raise invalid(message=f"No commit found for SHA: {call.params['commit_sha']}")
    listed = await git.run("for-each-ref", f"--contains={sha}", "--format=%(refname)", "refs/pull/*/head")
    numbers = {int(ref.split("/")[2]) for ref in listed.decode().split()}
    pulls = [
        pull
        for number, pull in sorted(repository.pulls.items())
        if (pull.merged_at is not None and pull.merge_sha == sha)
        or (number in numbers and not await git.is_ancestor(sha, pull.fork_sha))
    ]
    role = role_with(call.state, call.token, repository)
    return call.paged(pulls, lambda pull: pull_document(call.state, repository, pull, role))


async def is_merged(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/merge: 204 when it was merged."""
    if pull_of(call, call.repository()).merged_at is None:
        raise not_found()
    return web.Response(status=204)


async def merge_pull(call: Call) -> web.StreamResponse:
    """PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge, by a merge commit or squashed."""
    state = call.state
    repository = call.repository(Role.WRITE, "contents")
    pull = pull_of(call, repository)
    issue = repository.issues[pull.number]
    fields = await call.body()
    method = fields.get("merge_method", "merge")
    if method not in ("merge", "squash"):
        raise Refused(405, f"Merge method {method} is not allowed on this repository")
    if issue.state != "open" or pull.draft or pull.merge_sha is None:
        raise Refused(405, "Pull Request is not mergeable")
    if fields.get("sha") not in (None, pull.head_sha):
        raise Refused(409, "Head branch was modified. Review and try the merge again.")
    git = git_of(state, repository)
    before = await git.refs(BRANCHES)
    title = fields.get("commit_title") or f"Merge pull request #{pull.number} from {pull.head_ref}"
    message = f"{title}\n\n{fields.get('commit_message') or issue.title}"
    sha = await merge_commit(git, pull, message, squash=method == "squash")
    if sha is None:
        raise Refused(405, "Pull Request is not mergeable")
    login = call.viewer().login
    await git.update_ref(BRANCHES + pull.base_ref, sha)
    await close(state, git, issue, login)
    pull.merged_at, pull.merged_by, pull.merge_sha = issue.closed_at, login, sha
    await follow_refs(state, git, repository, before, login)
    return answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


async def get_requested_reviewers(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers."""
    pull = pull_of(call, call.repository())
    document = pull_document(call.state, call.repository(), pull, Role.READ)
    return answer({"users": document["requested_reviewers"], "teams": []})


async def change_requested_reviewers(call: Call) -> web.StreamResponse:
    """POST (adds) and DELETE (removes) /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers."""
    state = call.state
    repository = call.repository(Role.WRITE, PERMISSION)
    pull = pull_of(call, repository)
    asked = (await call.body()).get("reviewers", [])
    if not isinstance(asked, list) or not all(isinstance(login, str) for login in asked):
        raise invalid(message="Invalid request.\n\nFor 'properties/reviewers', expected an array of strings.")
    role = role_with(state, call.token, repository)
    is_post = call.request.method == "POST"
    if is_post:
        author = repository.issues[pull.number].user.casefold()
        if author in {login.casefold() for login in asked} and state.rules.holds("reviewer_author"):
            raise invalid(message="Review cannot be requested from pull request author.")
        if not all(is_assignable(state, login, repository) for login in asked) and state.rules.holds(
            "reviewer_known"
        ):
            message = (
                "Reviews may only be requested from collaborators. One or more of the users or teams "
                f"you specified is not a collaborator of the {repository.full_name} repository."
            )
            raise invalid(message=message)
        accounts = [state.account(login) for login in asked]
        added = [account.login for account in accounts if account is not None]
        wanted = list(dict.fromkeys([*pull.requested_reviewers, *added]))
        most = state.rules.most("reviewers")
        if len(wanted) > most:
            raise invalid(too_long(RESOURCE, "reviewers", most))
        pull.requested_reviewers = wanted
    else:
        gone = {login.casefold() for login in asked}
        pull.requested_reviewers = [each for each in pull.requested_reviewers if each.casefold() not in gone]
    repository.issues[pull.number].updated_at = state.clock.stamp()
    return answer(pull_document(state, repository, pull, role), 201 if is_post else 200)


_PULLS: Final = "/repos/{owner}/{repo}/pulls"
_PULL: Final = f"{_PULLS}/{{pull_number:[0-9]+}}"
ROUTES: Final[tuple[Route, ...]] = (
    ("GET", _PULLS, list_pulls),
    ("POST", _PULLS, create_pull),
    ("GET", _PULL, get_pull),
    ("PATCH", _PULL, update_pull),
    ("GET", f"{_PULL}/commits", list_pull_commits),
    ("GET", f"{_PULL}/files", list_pull_files),
    ("GET", f"{_PULL}/merge", is_merged),
    ("PUT", f"{_PULL}/merge", merge_pull),
    ("GET", f"{_PULL}/requested_reviewers", get_requested_reviewers),
    ("POST", f"{_PULL}/requested_reviewers", change_requested_reviewers),
    ("DELETE", f"{_PULL}/requested_reviewers", change_requested_reviewers),
    ("GET", "/repos/{owner}/{repo}/commits/{commit_sha:[0-9a-f]+}/pulls", list_pulls_of_commit),
)
