"""Users, organisations, and what GitHub says about itself."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from gl2gh_batch.sandbox.github.call import Call, Route, answer, no_content
from gl2gh_batch.sandbox.github.errors import forbidden, not_found
from gl2gh_batch.sandbox.github.render import user_document
from gl2gh_batch.sandbox.github.state import Account, State

# The addresses in the document at the API's root, below its base.
_ROOT_URLS: Final = (
    ("current_user_url", "/user"),
    ("authorizations_url", "/authorizations"),
    ("code_search_url", "/search/code?q={query}{&page,per_page,sort,order}"),
    ("commit_search_url", "/search/commits?q={query}{&page,per_page,sort,order}"),
    ("emails_url", "/user/emails"),
    ("emojis_url", "/emojis"),
    ("events_url", "/events"),
    ("feeds_url", "/feeds"),
    ("followers_url", "/user/followers"),
    ("following_url", "/user/following{/target}"),
    ("gists_url", "/gists{/gist_id}"),
    ("issue_search_url", "/search/issues?q={query}{&page,per_page,sort,order}"),
    ("issues_url", "/issues"),
    ("keys_url", "/user/keys"),
    ("label_search_url", "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}"),
    ("notifications_url", "/notifications"),
    ("organization_url", "/orgs/{org}"),
    ("organization_repositories_url", "/orgs/{org}/repos{?type,page,per_page,sort}"),
    ("organization_teams_url", "/orgs/{org}/teams"),
    ("public_gists_url", "/gists/public"),
    ("rate_limit_url", "/rate_limit"),
    ("repository_url", "/repos/{owner}/{repo}"),
    ("repository_search_url", "/search/repositories?q={query}{&page,per_page,sort,order}"),
    ("current_user_repositories_url", "/user/repos{?type,page,per_page,sort}"),
    ("starred_url", "/user/starred{/owner}{/repo}"),
    ("starred_gists_url", "/gists/starred"),
    ("user_url", "/users/{user}"),
    ("user_organizations_url", "/user/orgs"),
    ("user_repositories_url", "/users/{user}/repos{?type,page,per_page,sort}"),
    ("user_search_url", "/search/users?q={query}{&page,per_page,sort,order}"),
)


async def get_root(call: Call) -> web.StreamResponse:
    """GET /."""
    document = {name: call.state.api_url + tail for name, tail in _ROOT_URLS}
    document["current_user_authorizations_html_url"] = (
        f"{call.state.url}/settings/connections/applications{{/client_id}}"
    )
    return answer(document)


async def get_meta(call: Call) -> web.StreamResponse:  # noqa: ARG001 - every handler takes the call
    """GET /meta."""
    return answer({"verifiable_password_authentication": False})


def full_user_document(state: State, account: Account, *, is_self: bool) -> dict[str, Any]:
    """A user by themselves; their own view holds more."""
    public = [repository for repository in state.owned_by(account.login) if not repository.private]
    private_count = len(state.owned_by(account.login)) - len(public)
    document = user_document(state, account.login) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": len(public),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": account.created_at,
        "updated_at": account.created_at,
    }
    if is_self:
        document |= {
            "user_view_type": "private",
            "private_gists": 0,
            "total_private_repos": private_count,
            "owned_private_repos": private_count,
            "disk_usage": 0,
            "collaborators": 0,
            "two_factor_authentication": True,
        }
    return document


async def get_viewer(call: Call) -> web.StreamResponse:
    """GET /user; an installation is no user."""
    if call.token is not None and call.token.kind == "installation" and call.state.rules.holds("permission"):
        raise forbidden("Resource not accessible by integration")
    return answer(full_user_document(call.state, call.viewer(), is_self=True))


async def get_user(call: Call) -> web.StreamResponse:
    """GET /users/{login}."""
    account = call.state.account(call.params["login"])
    if account is None:
        raise not_found()
    return answer(full_user_document(call.state, account, is_self=False))


def _organization(call: Call) -> Account:
    account = call.state.account(call.params["org"])
    if account is None or not account.is_organization:
        raise not_found()
    return account


def _role(call: Call, account: Account) -> str:
    """The viewer's role in an organisation: `admin`, `member`, or empty."""
    login = call.viewer().login.casefold()
    return next((role for name, role in account.members.items() if name.casefold() == login), "")


async def get_organization(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}: its settings are shown to its owners alone."""
    account = _organization(call)
    settings = {"members_can_create_repositories": True, "members_can_create_private_repositories": True}
    shown = {**settings, **account.policies} if call.token and _role(call, account) == "admin" else {}
    url = f"{call.state.api_url}/orgs/{account.login}"
    user = user_document(call.state, account.login)
    kept = {key: user[key] for key in ("login", "id", "node_id", "avatar_url", "html_url", "type")}
    return answer(
        kept
        | shown
        | {
            "url": url,
            "repos_url": f"{url}/repos",
            "events_url": f"{url}/events",
            "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues",
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "description": None,
            "name": account.name or account.login,
            "email": account.email or f"{account.login}@example.com",
            "has_organization_projects": True,
            "has_repository_projects": True,
            "public_repos": sum(not each.private for each in call.state.owned_by(account.login)),
            "public_gists": 0,
            "followers": 0,
            "following": 0,
            "created_at": account.created_at,
            "updated_at": account.created_at,
            "archived_at": None,
        }
    )


async def get_membership(call: Call) -> web.StreamResponse:
    """GET /user/memberships/orgs/{org}: 404 for who is no member."""
    account = _organization(call)
    token = call.token
    viewer = call.viewer()
    scopes = {"read:org", "write:org", "admin:org", "repo", "user"}
    if token is not None and token.kind == "classic" and not scopes & set(token.scopes):
        raise forbidden("You need at least read:org scope or user scope to get your membership.")
    role = _role(call, account)
    if not role:
        raise not_found()
    url = f"{call.state.api_url}/orgs/{account.login}"
    user = user_document(call.state, account.login)
    kept = {key: user[key] for key in ("login", "id", "node_id", "avatar_url")}
    links = {name: f"{url}/{name}" for name in ("repos", "events", "hooks", "issues")}
    return answer(
        {
            "url": f"{url}/memberships/{viewer.login}",
            "state": "active",
            "role": role,
            "organization_url": url,
            "organization": kept
            | {"url": url, "description": None}
            | {f"{name}_url": link for name, link in links.items()}
            | {
                "members_url": f"{url}/members{{/member}}",
                "public_members_url": f"{url}/public_members{{/member}}",
            },
            "user": user_document(call.state, viewer.login),
        }
    )


async def list_rulesets(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}/rulesets, for the organisation's owners."""
    account = _owned(call)
    url = f"{call.state.api_url}/orgs/{account.login}/rulesets"
    return answer(
        [
            {
                "id": number,
                "name": name,
                "target": "branch",
                "source_type": "Organization",
                "source": account.login,
                "enforcement": enforcement,
                "node_id": f"RRS_{number}",
                "_links": {"self": {"href": f"{url}/{number}"}},
            }
            for number, (name, enforcement) in enumerate(account.rulesets.items(), start=1)
        ]
    )


async def get_actions_permissions(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}/actions/permissions, for the organisation's owners."""
    account = _owned(call)
    return answer({"enabled_repositories": account.policies.get("enabled_repositories", "all")})


def _owned(call: Call) -> Account:
    account = _organization(call)
    if _role(call, account) != "admin":
        raise not_found() if not _role(call, account) else forbidden("Must be an organization owner.")
    return account


async def list_members(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}/members."""
    account = _organization(call)
    logins = sorted(account.members, key=str.casefold)
    return call.paged(logins, lambda login: user_document(call.state, login))


async def check_member(call: Call) -> web.StreamResponse:
    """GET /orgs/{org}/members/{username}: 204 for a member; 302 to the public ones for who is none."""
    account = _organization(call)
    members = {login.casefold() for login in account.members}
    if call.viewer().login.casefold() not in members:
        place = f"/orgs/{account.login}/public_members/{call.params['username']}"
        return web.Response(status=302, headers={"Location": call.state.api_url + place})
    if call.params["username"].casefold() not in members:
        raise not_found()
    return no_content()


ROUTES: Final[tuple[Route, ...]] = (
    ("GET", "/", get_root),
    ("GET", "/meta", get_meta),
    ("GET", "/user", get_viewer),
    ("GET", "/users/{login}", get_user),
    ("GET", "/orgs/{org}", get_organization),
    ("GET", "/orgs/{org}/rulesets", list_rulesets),
    ("GET", "/orgs/{org}/actions/permissions", get_actions_permissions),
    ("GET", "/user/memberships/orgs/{org}", get_membership),
    ("GET", "/orgs/{org}/members", list_members),
    ("GET", "/orgs/{org}/members/{username}", check_member),
)
