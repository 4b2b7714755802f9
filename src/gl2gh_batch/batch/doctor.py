"""Looks at everything that a batch will need, before the batch; only reading, and cheap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.exports import Exports
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.checks import Check, bad, good, unknown
from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.request import SourceAfter
from gl2gh_batch.kit.checks import check_machine
from gl2gh_batch.source.checks import check_gitlab
from gl2gh_batch.target.checks import check_github

# A look at each of hundreds of projects would be a discovery; these few show wrong roles and wrong names.
MOST_PROJECTS: Final = 20


async def examine(
    resources: SharedResources,
    shared: Mapping[str, Any],
    projects: Sequence[int | str],
    *,
    work_dir: Path,
    exports: Exports | None = None,
    source_after: SourceAfter = SourceAfter.NOTHING,
) -> AsyncIterator[Check]:
    """Every check, one after the other: this machine, GitLab with the projects, GitHub with the owner.

    `shared` holds addresses, credentials and the owner, as a project's configuration does. At most about ten
    requests to GitHub for each credential, and four to GitLab with one for each of the first `MOST_PROJECTS`
    projects; none to GitLab where `exports` are read in its place: then every file of them is checked.
    """
    async for check in check_machine(work_dir):
        yield check
    if exports is not None:
        async for check in _check_exports(exports):
            yield check
    else:
        today = resources.clock.now().date()
        gitlab, url = resources.cold_gitlab(shared), str(shared["gitlab_url"])
        async for check in check_gitlab(
            gitlab, projects[:MOST_PROJECTS], url=url, today=today, source_after=source_after
        ):
            yield check
    if exports is None and len(projects) > MOST_PROJECTS:
        left = len(projects) - MOST_PROJECTS
        yield unknown("projects", f"{left} more were not looked at", "DISCOVER_ONLY looks at all of them.")
    async for check in _check_credentials(resources, shared):
        yield check


async def _check_credentials(resources: SharedResources, shared: Mapping[str, Any]) -> AsyncIterator[Check]:
    """GitHub with each credential that the batch has; of several, each check says whose it is."""
    owner = str(shared.get("target_owner") or "")
    several = [(one.name, one.settings(), one.owner or owner) for one in resources.github_credentials]
    for name, settings, whose in several or [("", {}, owner)]:
        config = {**shared, **settings}
        is_app = bool(config.get("github_app_id"))
        async for check in check_github(resources.github(config), whose, is_app=is_app):
            yield replace(check, name=f"{check.name} ({name})") if name else check


async def _check_exports(exports: Exports) -> AsyncIterator[Check]:
    for one in exports:
        name = f"export {one.path.name}"
        try:
            await asyncio.to_thread(one.check)
        except WorkDirectoryError as error:
            yield bad(name, error.message, error.remedy)
        else:
            head = one.head
            found = f"{head.project} of {head.gitlab_url}, {head.made_at}"
            yield good(name, f"{found}: {head.files.count} files, all whole")
