"""Repositories: made, read, changed, renamed, archived, deleted; topics and Actions permissions."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.auth import role_with
from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content, text_field
from gl2gh_batch.sandbox.github.errors import forbidden, invalid, not_found, too_long, wrong
from gl2gh_batch.sandbox.github.git import BRANCHES, BareGit
from gl2gh_batch.sandbox.github.render import SETTINGS, full_repository_document, repository_document
from gl2gh_batch.sandbox.github.state import DEFAULT_LABELS, Account, Label, Repository, Role, State

RESOURCE: Final = "Repository"
TOPIC: Final = re.compile(r"[a-z0-9][a-z0-9-]*")


def git_of(state: State, repository: Repository) -> BareGit:
    """The git data of a repository."""
    return BareGit(state.git_root / repository.git_folder)


def wiki_of(state: State, repository: Repository) -> BareGit:
    """The git data of a repository's wiki, which may not exist."""
    return BareGit(state.git_root / repository.wiki_folder)


async def create_repository(state: State, owner: str, name: str, fields: Mapping[str, Any]) -> Repository:
    """Make a repository of `owner`, with git data and the default labels; no checks."""
    now = state.clock.stamp()
    repository = Repository(
        id=state.next_id(),
        owner=owner,
        name=name,
        created_at=now,
        updated_at=now,
        private=is_private(fields, default=False),
        description=fields.get("description"),
        homepage=fields.get("homepage"),
        settings={key: fields[key] for key in SETTINGS if fields.get(key) is not None},
    )
    if state.settings.has_default_labels:
        for label, color, description in DEFAULT_LABELS:
            identity = state.next_id()
            repository.labels[identity] = Label(
                id=identity, name=label, color=color, description=description, default=True
            )
    moment = state.clock.monotonic()
    state.hidden_until[repository.id] = moment + state.settings.repository_lag_s
    state.bare_labels_until[repository.id] = moment + state.settings.default_labels_lag_s
    await git_of(state, repository).create(repository.default_branch)
    state.place(repository)
    return repository


def is_private(fields: Mapping[str, Any], *, default: bool) -> bool:
    """What `visibility`, or else `private`, asks for; an internal repository counts as private."""
    if fields.get("visibility") is not None:
        return bool(fields["visibility"] != "public")
    return bool(fields["private"]) if fields.get("private") is not None else default


def document_of(call: Call, repository: Repository) -> dict[str, Any]:
    """The repository as the caller sees it."""
    return full_repository_document(call.state, repository, role_with(call.state, call.token, repository))


def check_fields(state: State, fields: Mapping[str, Any]) -> None:
    """Refuse descriptions and names that GitHub refuses."""
    description = text_field(fields, "description", RESOURCE) or ""
    most = state.rules.most("description_chars")
    if len(description) > most:
        raise invalid(too_long(RESOURCE, "description", most))
    if state.rules.holds("description_control") and any(
        unicodedata.category(character) == "Cc" for character in description
    ):
        message = "description control characters are not allowed"
        raise invalid(wrong(RESOURCE, "description", "custom", message=message))


def check_merging(state: State, settings: Mapping[str, Any]) -> None:
    """Refuse a repository into which nothing could be merged."""
    ways = ("allow_merge_commit", "allow_squash_merge", "allow_rebase_merge")
    if state.rules.holds("merge_method_left") and not any(settings[way] for way in ways):
        message = "Sorry, you need to allow at least one merge strategy. (no_merge_method)"
        raise invalid(wrong(RESOURCE, "merge_commit_allowed", "custom", message=message))


def wanted_name(state: State, owner: str, fields: Mapping[str, Any]) -> str:
    """The name that a new or renamed repository gets: GitHub replaces what it does not allow by hyphens."""
    asked = text_field(fields, "name", RESOURCE)
    if not asked or not asked.strip():
        raise invalid(wrong(RESOURCE, "name", "missing_field"))
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", asked.strip()).removesuffix(".git")
    most = state.rules.most("repository_name_chars")
    if len(name) > most:
        raise invalid(too_long(RESOURCE, "name", most), message="Repository creation failed.")
    if name in ("", ".", "..") or name.endswith(".wiki"):
        error = wrong(RESOURCE, "name", "custom", message="name is reserved")
        raise invalid(error, message="Repository creation failed.")
    if state.repository(f"{owner}/{name}") is not None and state.rules.holds("repository_exists"):
        error = wrong(RESOURCE, "name", "custom", message="name already exists on this account")
        raise invalid(error, message="Repository creation failed.")
    return name


async def create_for_organization(call: Call) -> web.StreamResponse:
    """POST /orgs/{org}/repos."""
    viewer = call.viewer()
    owner = call.state.account(call.params["org"])
    if owner is None or not owner.is_organization:
        raise not_found()
    if viewer.login.casefold() not in {login.casefold() for login in owner.members}:
        raise forbidden("You need admin access to the organization before adding a repository to it.")
    return await _create(call, owner)


async def create_for_user(call: Call) -> web.StreamResponse:
    """POST /user/repos."""
    return await _create(call, call.viewer())


async def _create(call: Call, owner: Account) -> web.StreamResponse:
    state = call.state
    fields = await call.body()
    name = wanted_name(state, owner.login, fields)
    check_fields(state, fields)
    check_merging(state, {**SETTINGS, **fields})
    private = is_private(fields, default=False)
    if call.token is not None and state.rules.holds("permission"):
        needed = {"repo"} if private else {"repo", "public_repo"}
        allowed = (
            bool(needed & set(call.token.scopes))
            if call.token.permissions is None
            else call.token.permissions.get("administration") == "write"
        )
        if not allowed:
            raise forbidden("Resource not accessible by personal access token")
    repository = await create_repository(state, owner.login, name, fields)
    if not owner.is_organization or owner.members.get(call.viewer().login) != "admin":
        repository.collaborators[call.viewer().login.casefold()] = "admin"
    if fields.get("auto_init"):
        await git_of(state, repository).first_commit(
            repository.default_branch, {"README.md": f"# {name}\n"}, "Initial commit", repository.created_at
        )
        repository.pushed_at = repository.created_at
    headers = {"Location": f"{state.api_url}/repos/{repository.full_name}"}
    return answer(document_of(call, repository), 201, headers)


async def get_repository(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}."""
    return answer(document_of(call, call.repository()))


async def list_repositories(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}/repos, /users/{login}/repos and /user/repos: those that the credential sees."""
    login = call.params.get("org") or call.params.get("login") or call.viewer().login
    if call.state.account(login) is None:
        raise not_found()
    seen = [
        (repository, role)
        for repository in call.state.owned_by(login)
        if (role := role_with(call.state, call.token, repository)) > Role.NONE
        and call.state.hidden_until.get(repository.id, 0) <= call.state.clock.monotonic()
    ]
    return call.paged(seen, lambda pair: repository_document(call.state, pair[0], pair[1]))


async def update_repository(call: Call) -> web.StreamResponse:
    """PATCH /repos/{owner}/{repo}."""
    state = call.state
    fields = await call.body()
    repository = call.repository(Role.ADMIN, "administration", even_archived=True)
    if repository.archived and fields.get("archived") is not False and state.rules.holds("archived"):
        raise forbidden("Repository was archived so is read-only.")
    check_fields(state, fields)
    check_merging(state, {**SETTINGS, **repository.settings, **fields})
    name = fields.get("name")
    if name is not None and str(name).casefold() != repository.name.casefold():
        name = wanted_name(state, repository.owner, fields)
    if (branch := fields.get("default_branch")) is not None:
        await _set_default_branch(state, repository, branch)
    apply_fields(repository, fields)
    if name is not None and name != repository.name:
        state.rename(repository, name)
    repository.updated_at = state.clock.stamp()
    return answer(document_of(call, repository))


def apply_fields(repository: Repository, fields: Mapping[str, Any]) -> None:
    """Set what a PATCH may simply set."""
    if "description" in fields:
        repository.description = fields["description"]
    if "homepage" in fields:
        repository.homepage = fields["homepage"]
    if fields.get("archived") is not None:
        repository.archived = bool(fields["archived"])
    repository.private = is_private(fields, default=repository.private)
    repository.settings |= {key: fields[key] for key in SETTINGS if fields.get(key) is not None}


async def _set_default_branch(state: State, repository: Repository, branch: str) -> None:
    git = git_of(state, repository)
    branches = await git.refs(BRANCHES)
    if f"{BRANCHES}{branch}" not in branches and state.rules.holds("default_branch_exists"):
        message = (
            f"The branch {branch} was not found. "
            "Please push that ref first or create it via the Git Data API."
            if branches
            else "Cannot update default branch for an empty repository. "
            "Please init the repository and push first."
        )
        raise invalid(wrong(RESOURCE, "default_branch", "invalid"), message=message)
    repository.default_branch = branch
    await git.set_head(branch)


async def delete_repository(call: Call) -> web.StreamResponse:
    """DELETE /repos/{owner}/{repo}; a classic token needs the scope `delete_repo`."""
    repository = call.repository(Role.ADMIN, "administration", even_archived=True)
    token = call.token
    has_scope = token is None or token.permissions is not None or "delete_repo" in token.scopes
    if not has_scope and call.state.rules.holds("permission"):
        raise forbidden("Must have admin rights to Repository.")
    remove_repository(call.state, repository)
    return no_content()


def remove_repository(state: State, repository: Repository) -> None:
    """Take a repository out of the state; its git folder stays, out of reach."""
    del state.repositories[repository.full_name.casefold()]


async def get_topics(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/topics."""
    return answer({"names": call.repository().topics})


async def replace_topics(call: Call) -> web.StreamResponse:
    """PUT /repos/{owner}/{repo}/topics."""
    state = call.state
    repository = call.repository(Role.ADMIN, "administration")
    names = (await call.body()).get("names")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid("names must be an array of strings", message="Invalid request.")
    topics = list(dict.fromkeys(name.lower() for name in names))
    if len(topics) > state.rules.most("topics"):
        raise invalid("A repository cannot have more than 20 topics.")
    most = state.rules.most("topic_chars")
    if state.rules.holds("topic_chars") and any(
        len(topic) > most or not TOPIC.fullmatch(topic) for topic in topics
    ):
        raise invalid(
            "Topics must start with a lowercase letter or number, consist of "
            f"{most:.0f} characters or less, and can include hyphens."
        )
    repository.topics = topics
    repository.updated_at = state.clock.stamp()
    return answer({"names": topics})


async def get_actions_permissions(call: Call) -> web.StreamResponse:
    """GET /repos/{owner}/{repo}/actions/permissions."""
    repository = call.repository(Role.ADMIN, "administration", even_archived=True)
    document = dict(repository.actions)
    if not document["enabled"]:
        document.pop("allowed_actions", None)
    return answer(document)


async def set_actions_permissions(call: Call) -> web.StreamResponse:
    """PUT /repos/{owner}/{repo}/actions/permissions."""
    repository = call.repository(Role.ADMIN, "administration")
    fields = await call.body()
    if not isinstance(fields.get("enabled"), bool):
        raise invalid(wrong(RESOURCE, "enabled", "missing_field"))
    repository.actions["enabled"] = fields["enabled"]
    if fields.get("allowed_actions") is not None:
        if fields["allowed_actions"] not in ("all", "local_only", "selected"):
            raise invalid(wrong(RESOURCE, "allowed_actions"))
        repository.actions["allowed_actions"] = fields["allowed_actions"]
    return no_content()


ROUTES: Final[tuple[Route, ...]] = (
    ("POST", "/orgs/{org}/repos", create_for_organization),
    ("GET", "/orgs/{org}/repos", list_repositories),
    ("POST", "/user/repos", create_for_user),
    ("GET", "/user/repos", list_repositories),
    ("GET", "/users/{login}/repos", list_repositories),
    ("GET", "/repos/{owner}/{repo}", get_repository),
    ("PATCH", "/repos/{owner}/{repo}", update_repository),
    ("DELETE", "/repos/{owner}/{repo}", delete_repository),
    ("GET", "/repos/{owner}/{repo}/topics", get_topics),
    ("PUT", "/repos/{owner}/{repo}/topics", replace_topics),
    ("GET", "/repos/{owner}/{repo}/actions/permissions", get_actions_permissions),
    ("PUT", "/repos/{owner}/{repo}/actions/permissions", set_actions_permissions),
)
