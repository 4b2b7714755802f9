"""Whether GitLab and its token are fit for a migration; only reading.

Scopes and roles: GitLab docs, "Personal access tokens", "Permissions and roles".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from datetime import date
from typing import Final

from gl2gh_batch.domain.checks import Check, bad, good, unknown, warning
from gl2gh_batch.domain.errors import Gl2ghError, NotFoundError
from gl2gh_batch.domain.request import SourceAfter
from gl2gh_batch.source.cold import ColdGitLab
from gl2gh_batch.source.models import Project
from gl2gh_batch.source.refusals import RefusedAnswerError

# Older ones have neither the keyset lists nor the fields that are read.
OLDEST: Final = (14, 0)
REPORTER: Final = 20
MAINTAINER: Final = 40
OWNER: Final = 50
# GitLab docs, "Permissions and roles": who edits a project, and who archives it.
NEEDED_FOR: Final = {SourceAfter.NOTE: MAINTAINER, SourceAfter.ARCHIVE: OWNER}
SOON_DAYS: Final = 14
# `read_api` reads the API, `read_repository` git; `api` and `write_repository` hold them.
NEEDED: Final = (
    ({"api", "read_api"}, "read_api"),
    ({"api", "read_repository", "write_repository"}, "read_repository"),
)


async def check_gitlab(
    gitlab: ColdGitLab,
    projects: Sequence[int | str],
    *,
    url: str,
    today: date,
    source_after: SourceAfter = SourceAfter.NOTHING,
) -> AsyncIterator[Check]:
    """The instance, the token, and each project that is named; stops where nothing more can be asked.

    `source_after` is the most that is to be done to a project afterwards.
    """
    try:
        version = await gitlab.version()
        user = await gitlab.current_user()
    except Gl2ghError as error:
        yield bad("GitLab", f"{url}: {error.message}", error.hint or "Check gitlab_url and gitlab_token.")
        return
    yield _version(url, version.version)
    yield good("GitLab user", f"the token is {user.username}'s")
    async for check in check_gitlab_token(gitlab, today, source_after):
        yield check
    for project in projects:
        yield await _project(gitlab, project, source_after)


def _version(url: str, version: str) -> Check:
    parts = version.split(".")
    numbers = tuple(int(part) for part in parts[:2] if part.isdigit())
    if len(numbers) == 2 and numbers < OLDEST:
        return warning(
            "GitLab",
            f"{url} runs {version}",
            "Versions before 14.0 answer with fewer fields: expect more losses, or upgrade first.",
        )
    return good("GitLab", f"{url} runs {version}")


async def check_gitlab_token(
    gitlab: ColdGitLab,
    today: date,
    source_after: SourceAfter = SourceAfter.NOTHING,
    *,
    whole: bool = True,
    marks_now: bool = True,
) -> AsyncIterator[Check]:
    """Scopes and end of the token; `marks_now` is false where `source_after` is of a later run."""
    try:
        token = await gitlab.token()
    except (NotFoundError, RefusedAnswerError):
        yield unknown("GitLab token", "it does not tell its scopes (an OAuth token, or an old GitLab)")
        return
    scopes = set(token.scopes)
    missing = [name for enough, name in NEEDED if not scopes & enough]
    if missing:
        yield bad(
            "GitLab token",
            f"it has {', '.join(sorted(scopes)) or 'no scopes'} and lacks {' and '.join(missing)}",
            "Make a token with read_api and read_repository.",
        )
    else:
        yield good("GitLab token", f"scopes {', '.join(sorted(scopes))}")
    if source_after is not SourceAfter.NOTHING:
        if "api" not in scopes:
            yield bad(
                "GitLab token",
                f"source_after: {source_after} changes projects there, and the token lacks api",
                "Make a token with api and read_repository, or write source_after: nothing.",
                may_pass=not marks_now,
            )
    elif whole and scopes & {"api", "write_repository", "sudo", "admin_mode"}:
        yield warning(
            "GitLab token",
            "it may write, and nothing here needs that",
            "A token with read_api and read_repository alone is enough.",
        )
    if token.expires_at:
        left = (date.fromisoformat(token.expires_at) - today).days
        if left < SOON_DAYS:
            yield warning(
                "GitLab token",
                f"it ends on {token.expires_at}",
                "Make one that outlives the migration: a batch that stops in between can be resumed.",
            )


async def check_marking(
    gitlab: ColdGitLab, wanted: Iterable[tuple[int | str, SourceAfter]]
) -> AsyncIterator[Check]:
    """The projects whose role there is too low for what `source_after` is to do; one request each.

    Everything else that is wrong with a project is left to its own agents.
    """
    for named, source_after in wanted:
        if source_after is SourceAfter.NOTHING:
            continue
        with suppress(Gl2ghError):
            project = await gitlab.project(named)
            level = _level(project)
            if level is not None and level < NEEDED_FOR[source_after]:
                yield _role_for_marking(f"project {named}", project, source_after)


async def _project(gitlab: ColdGitLab, named: int | str, source_after: SourceAfter) -> Check:
    name = f"project {named}"
    try:
        project = await gitlab.project(named)
    except NotFoundError:
        return bad(
            name,
            "it is missing, or hidden from the token's user",
            "Check the id or path; add the user to the project or its group as Reporter or more.",
        )
    except Gl2ghError as error:
        return bad(name, error.message, error.remedy)
    level = _level(project)
    path = project.path_with_namespace
    if project.marked_for_deletion_on:
        return warning(
            name, f"{path} is to be deleted on {project.marked_for_deletion_on}", "Restore it first."
        )
    if level is None:
        return unknown(name, f"{path}: the role is not told (an administrator's or public access)")
    if level < REPORTER:
        return bad(
            name,
            f"{path}: the user's role is below Reporter",
            "Reporter reads issues and code; give that role.",
        )
    if level < NEEDED_FOR.get(source_after, 0):
        return _role_for_marking(name, project, source_after)
    if level < MAINTAINER:
        return warning(
            name,
            f"{path}: the user is no Maintainer",
            "Protected branches, variables, hooks and uploads are listed for Maintainers only: without, they"
            " are counted as unknown.",
        )
    return good(name, f"{path}: the user is Maintainer or more")


def _role_for_marking(name: str, project: Project, source_after: SourceAfter) -> Check:
    role = "Owner" if NEEDED_FOR[source_after] == OWNER else "Maintainer"
    return bad(
        name,
        f"{project.path_with_namespace}: source_after: {source_after} needs a higher role than the user has",
        f"Make the user {role}, or write source_after: nothing.",
        may_pass=True,  # it is migrated all the same, and its source not marked
    )


def _level(project: Project) -> int | None:
    if project.permissions is None:
        return None
    accesses = (project.permissions.project_access, project.permissions.group_access)
    levels = [one.access_level for one in accesses if one is not None]
    return max(levels, default=None)
