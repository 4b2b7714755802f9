"""Questions about a target that plan and engine both ask before anything is written."""

from __future__ import annotations

from urllib.parse import quote

from gl2gh_batch.domain.errors import TargetError
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.target.api import GitHub


def graphql_url(api_url: str) -> str:
    """Where GraphQL is beside the REST API (GitHub docs: "Forming calls with GraphQL", also for GHES)."""
    base = api_url.rstrip("/")
    return f"{base.removesuffix('/v3')}/graphql" if base.endswith("/api/v3") else f"{base}/graphql"


async def is_empty(github: GitHub, repo: RepoRef) -> bool:
    """True when the repository holds neither a ref nor an issue or pull request."""
    async for ref in github.refs(repo):
        if ref.ref != CLAIM_REF:  # which is ours, or that of a run that meets the same repository
            return False
    path = f"/repos/{quote(repo.owner, safe='')}/{quote(repo.name, safe='')}/issues"
    # 410 where issues are turned off: then there are none.
    issues = await github.find(path, {"state": "all", "per_page": 1})
    return issues is None or not issues.json()


async def issue_types(github: GitHub, organisation: str) -> tuple[str, ...]:
    """The names of the organisation's issue types; none where there are no such things, or no right to see.

    Source: "List issue types for an organization"; older servers answer 404.
    """
    try:
        answer = await github.find(f"/orgs/{quote(organisation, safe='')}/issue-types")
    except TargetError:  # a token without read:org
        return ()
    listed = answer.json() if answer is not None else []
    return tuple(str(one["name"]) for one in listed or () if isinstance(one, dict) and one.get("name"))


async def is_member(github: GitHub, organisation: str, login: str) -> bool:
    """True when the token may see that the user is a member (docs: "Members of an organization").

    An outside collaborator is none, and could be assigned all the same: the name stays in the text.
    """
    path = f"/orgs/{quote(organisation, safe='')}/members/{quote(login, safe='')}"
    return await github.find(path) is not None
