"""Looks at everything that a batch will need, before the batch; only reading, and cheap."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.checks import Check, unknown
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
) -> AsyncIterator[Check]:
    """Every check, one after the other: this machine, GitLab with the projects, GitHub with the owner.

    `shared` holds addresses, credentials and the owner, as a project's configuration does. At most about ten
    requests to GitHub, and four to GitLab with one for each of the first `MOST_PROJECTS` projects.
    """
    async for check in check_machine(work_dir):
        yield check
    gitlab = resources.cold_gitlab(shared)
    today = resources.clock.now().date()
    async for check in check_gitlab(
        gitlab, projects[:MOST_PROJECTS], url=str(shared["gitlab_url"]), today=today
    ):
        yield check
    if len(projects) > MOST_PROJECTS:
        left = len(projects) - MOST_PROJECTS
        yield unknown("projects", f"{left} more were not looked at", "DISCOVER_ONLY looks at all of them.")
    github = resources.github(shared)
    is_app = bool(shared.get("github_app_id"))
    async for check in check_github(github, str(shared.get("target_owner") or ""), is_app=is_app):
        yield check
