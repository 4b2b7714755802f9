"""python-gitlab for discovery: facts about a project, and how much of each thing it holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import quote

import gitlab
import gitlab.exceptions

from gl2gh_batch.domain.errors import Gl2ghError, NotFoundError, SourceError
from gl2gh_batch.kit.http_threads import Line, ThreadRunner
from gl2gh_batch.kit.together import together
from gl2gh_batch.source.api import TokenHeader
from gl2gh_batch.source.models import AccessToken, Group, Project, User, Version, decode
from gl2gh_batch.source.refusals import RefusedAnswerError, missing

# kind → the list that holds it, below the project's path (GitLab docs, api/…)
COUNTED: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "issues": ("issues", {"scope": "all", "state": "all"}),
    "merge_requests": ("merge_requests", {"scope": "all", "state": "all"}),
    "labels": ("labels", {"include_ancestor_groups": "true", "with_counts": "false"}),
    "milestones": ("milestones", {"include_ancestors": "true", "include_parent_milestones": "true"}),
    "branches": ("repository/branches", {}),
    "tags": ("repository/tags", {}),
    "releases": ("releases", {}),
    "snippets": ("snippets", {}),
    "uploads": ("uploads", {}),  # since 17.2, for maintainers (api/project_markdown_uploads)
}
NOT_CARRIED_LISTS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "members": ("members/all", {}),
    "protected_branches": ("protected_branches", {}),
    "protected_tags": ("protected_tags", {}),
    "variables": ("variables", {}),
    "hooks": ("hooks", {}),
    "environments": ("environments", {}),
    "pipeline_schedules": ("pipeline_schedules", {}),
    "deploy_keys": ("deploy_keys", {}),
    "boards": ("boards", {}),
    "badges": ("badges", {}),
}
# A small project is mostly looked at: a few of its lists at a time.
COUNTED_AT_ONCE: Final = 6
_UNPAGED: Final = ("wikis", {"with_content": "0"})  # the whole list at once (api/wikis)


class _Gitlab(gitlab.Gitlab):
    """Neither sleeps nor retries: both are ours to do."""

    def http_request(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["obey_rate_limit"] = False
        kwargs["retry_transient_errors"] = False
        return super().http_request(*args, **kwargs)


class ColdGitLab:
    """The small, typed, rare questions; for one instance and one credential."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        runner: ThreadRunner,
        line: Line,
        header: TokenHeader = TokenHeader.PRIVATE_TOKEN,
    ) -> None:
        self._runner = runner
        self._line = line
        self._gitlab = _Gitlab(
            url,
            private_token=token if header is TokenHeader.PRIVATE_TOKEN else None,
            oauth_token=token if header is TokenHeader.BEARER else None,
            session=line.session,
            keep_base_url=True,  # an instance behind a proxy may name another host in its links
            per_page=100,
        )

    def for_project(self, who: str) -> ColdGitLab:
        """The same, asking in the name of a project."""
        other = object.__new__(ColdGitLab)
        other._runner = self._runner
        other._line = self._line.for_project(who)
        other._gitlab = self._gitlab
        return other

    async def version(self) -> Version:
        """The version of the instance."""
        return decode(await self._get("/version", {}), Version)

    async def current_user(self) -> User:
        """Who the token belongs to."""
        return decode(await self._get("/user", {}), User)

    async def token(self) -> AccessToken:
        """What the token says of itself; missing for tokens that are no access tokens."""
        return decode(await self._get("/personal_access_tokens/self", {}), AccessToken)

    async def group(self, group: int | str) -> Group:
        """One group."""
        return decode(
            await self._get(f"/groups/{quote(str(group), safe='')}", {"with_projects": "false"}), Group
        )

    async def project(self, project: int | str) -> Project:
        """One project, with its sizes where the token may see them."""
        path = f"/projects/{quote(str(project), safe='')}"
        return decode(await self._get(path, {"statistics": "true"}), Project)

    async def counts(self, project_id: int) -> dict[str, int | None]:
        """How many there are of each kind that can be carried over; None where GitLab does not say."""
        counts = await self._counts(project_id, COUNTED)
        rest, params = _UNPAGED
        try:
            counts["wiki"] = len(await self._get(f"/projects/{project_id}/{rest}", params))
        except (NotFoundError, RefusedAnswerError):
            counts["wiki"] = None
        return counts

    async def counts_not_carried(self, project: Project) -> dict[str, int | None]:
        """How many there are of each thing that cannot be carried yet; None where GitLab does not say."""
        return await self._counts(project.id, NOT_CARRIED_LISTS)

    async def _counts(
        self, project_id: int, lists: Mapping[str, tuple[str, Mapping[str, str]]]
    ) -> dict[str, int | None]:
        works = [partial(self._count, project_id, rest, params) for rest, params in lists.values()]
        return dict(zip(lists, await together(works, most=COUNTED_AT_ONCE), strict=True))

    async def _get(self, path: str, params: Mapping[str, str]) -> Any:
        return await self._runner.read(self._line, self._read, path, dict(params))

    async def _count(self, project_id: int, rest: str, params: Mapping[str, str]) -> int | None:
        path = f"/projects/{project_id}/{rest}"
        try:
            return await self._runner.read(self._line, self._read_total, path, dict(params))
        except (NotFoundError, RefusedAnswerError):
            return None  # switched off, too new for the instance, or not for this token

    def _read(self, path: str, params: dict[str, str]) -> Any:
        try:
            raw = self._gitlab.http_get(path, query_data=params)
        except gitlab.exceptions.GitlabError as error:
            raise _error_of(error, path) from error
        if not isinstance(raw, dict | list):
            raise SourceError(
                f"GitLab answered GET {path} with something that is no JSON",
                hint="A proxy or a maintenance page may stand in between. Running again is safe.",
            )
        return raw

    def _read_total(self, path: str, params: dict[str, str]) -> int | None:
        try:
            page = self._gitlab.http_list(path, query_data=params, iterator=True, per_page=1)
        except gitlab.exceptions.GitlabError as error:
            raise _error_of(error, path) from error
        return page.total if isinstance(page, gitlab.client.GitlabList) else len(page)


def _error_of(error: gitlab.exceptions.GitlabError, path: str) -> Gl2ghError:
    status = error.response_code
    if status in {404, 410}:
        return missing("GET", path)
    if status is None:
        return SourceError(f"GitLab's answer to GET {path} could not be read: {type(error).__name__}")
    return RefusedAnswerError(f"GitLab refused GET {path} with {status}", status=status)
