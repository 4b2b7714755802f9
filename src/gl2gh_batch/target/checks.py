"""Whether GitHub, its token and the owner are fit for a migration; only reading.

Sources: GitHub docs, "Scopes for OAuth apps", "Permissions required for fine-grained personal access tokens",
"REST API endpoints for organizations" (an organisation's settings are shown to its owners alone),
"REST API endpoints for rules".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from gl2gh_batch.domain.checks import Check, bad, good, unknown, warning
from gl2gh_batch.domain.errors import Gl2ghError, NotFoundError, TransportError
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.refusals import RefusedAnswerError

NEEDED_SCOPES: Final = ("repo", "workflow")
LOW_SHARE: Final = 0.5


async def check_github(github: GitHub, owner: str, *, is_app: bool) -> AsyncIterator[Check]:
    """The instance, the token, the owner and its policies; stops where nothing more can be asked."""
    try:
        budgets = await github.rate_limit()
        scopes = await github.scopes()
    except Gl2ghError as error:
        yield bad(
            "GitHub", f"{github.api_url}: {error.message}", error.hint or "Check github_url and github_token."
        )
        return
    core = budgets.get("core")
    if core is None:
        yield good("GitHub", f"{github.api_url} keeps no rate limits")
    elif core.remaining < core.limit * LOW_SHARE:
        yield warning(
            "GitHub",
            f"{core.remaining:,} of {core.limit:,} requests are left in this hour",
            "Something else uses this token: the migration waits whenever the budget is used up.",
        )
    else:
        yield good("GitHub", f"{github.api_url}, {core.remaining:,} of {core.limit:,} requests left")
    try:
        async for check in check_rights(github, owner, scopes, is_app=is_app):
            yield check
    except Gl2ghError as error:
        yield bad("GitHub credential", error.message, error.remedy)
        return
    if owner:
        async for check in _policies(github, owner):
            yield check


async def check_rights(
    github: GitHub, owner: str, scopes: tuple[str, ...] | None, *, is_app: bool
) -> AsyncIterator[Check]:
    """Whether the credential may do the work at the owner's: four requests; raises what GitHub refuses."""
    login = ""
    if is_app:
        yield good("GitHub credential", "a GitHub App's installation: its tokens are renewed")
    else:
        login = (await github.viewer()).login
        yield _scopes(login, scopes)
    if owner:
        async for check in _owner(github, owner, login):
            yield check


def _scopes(login: str, scopes: tuple[str, ...] | None) -> Check:
    if scopes is None:
        return unknown(
            "GitHub credential",
            f"{login}'s fine-grained token does not tell its permissions",
            "It needs, for all repositories of the owner: Administration, Contents, Issues, Pull requests and"
            " Workflows, read and write.",
        )
    missing = [one for one in NEEDED_SCOPES if one not in scopes]
    if missing:
        return bad(
            "GitHub credential",
            f"{login}'s token lacks the scope {' and '.join(missing)}",
            "Make a classic token with repo and workflow, or use a GitHub App.",
        )
    return good("GitHub credential", f"{login}'s token, scopes {', '.join(sorted(scopes))}")


async def _owner(github: GitHub, owner: str, login: str) -> AsyncIterator[Check]:
    try:
        account = await github.account(owner)
    except TransportError:
        raise
    except Gl2ghError as error:  # single sign-on among them: its message says what to do
        yield bad("target owner", error.message, error.remedy)
        return
    if account is None:
        yield bad(
            "target owner",
            f"there is no {owner} on this GitHub",
            "Check the spelling of `target_owner`: it must be there already.",
        )
        return
    if account.type != "Organization":
        if login and login.lower() != owner.lower():
            yield bad(
                "target owner",
                f"{owner} is a user, and the token is {login}'s",
                "Only they themselves can create repositories there: use their token, or an organisation.",
                may_pass=True,
            )
        else:
            yield good("target owner", f"{owner}, the token's own account")
        return
    role = await _role(github, owner) if login else ""
    async for check in _organisation(github, owner, role, login):
        yield check


async def _role(github: GitHub, organisation: str) -> str:
    """The viewer's role; empty for who is no member, `?` where that cannot be asked."""
    try:
        answer = await github.find(f"/user/memberships/orgs/{quote(organisation, safe='')}")
    except RefusedAnswerError:
        return "?"
    if answer is None:
        return ""
    body = answer.json()
    return str(body.get("role", "")) if body.get("state") == "active" else "invited"


# Who may create no repository may still fill one that is there and empty: that is for the batch to find out.
async def _organisation(github: GitHub, owner: str, role: str, login: str) -> AsyncIterator[Check]:
    settings = await _settings(github, f"/orgs/{quote(owner, safe='')}")
    if login and role == "":
        yield bad(
            "target owner",
            f"{login} is no member of {owner}",
            "Add the user to the organisation, with the right to create repositories.",
            may_pass=True,
        )
    elif role == "invited":
        yield bad(
            "target owner",
            f"{login} has not accepted the invitation to {owner}",
            "Accept it, then run again.",
            may_pass=True,
        )
    elif role == "admin":
        yield good("target owner", f"{login} owns the organisation {owner}")
    elif settings.get("members_can_create_private_repositories") is False:
        yield bad(
            "target owner",
            f"members of {owner} may not create private repositories",
            "Use an owner's token, or a GitHub App with administration rights, or change the policy.",
            may_pass=True,
        )
    elif "members_can_create_private_repositories" in settings:
        yield good("target owner", f"members of {owner} may create private repositories")
    else:
        yield unknown(
            "target owner",
            f"whether {login or 'the App'} may create repositories in {owner} is shown to its owners only",
            "If the first creation is refused, ask an owner for that right.",
        )


async def _policies(github: GitHub, owner: str) -> AsyncIterator[Check]:
    """What the organisation does to new repositories; a user has no such policies."""
    rules = await _active_rules(github, owner)
    if rules:
        yield warning(
            "organisation rulesets",
            f"{len(rules)} active: {', '.join(rules[:5])}",
            "A ruleset for all repositories can refuse pushes: let this credential bypass it, or exclude the"
            " new repositories until the migration is done.",
        )
    actions = await _settings(github, f"/orgs/{quote(owner, safe='')}/actions/permissions")
    if actions.get("enabled_repositories") == "none":
        yield warning(
            "GitHub Actions",
            f"they are off in {owner}",
            "Converted workflows will not run until they are on.",
        )


async def _active_rules(github: GitHub, owner: str) -> list[str]:
    try:
        answer = await github.find(f"/orgs/{quote(owner, safe='')}/rulesets")
    except RefusedAnswerError:
        return []
    raw: list[dict[str, Any]] = [] if answer is None else answer.json()
    return [str(one.get("name")) for one in raw if one.get("enforcement") == "active"]


async def _settings(github: GitHub, path: str) -> dict[str, Any]:
    try:
        return dict((await github.get(path)).json())
    except (NotFoundError, RefusedAnswerError):
        return {}
