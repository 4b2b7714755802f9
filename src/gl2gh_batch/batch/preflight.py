"""The few looks before a batch that spare it failing project by project; a handful of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.checks import Check, CheckState
from gl2gh_batch.domain.errors import ChecksFailedError, Gl2ghError
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.kit.checks import check_machine
from gl2gh_batch.source.checks import check_gitlab_token
from gl2gh_batch.target.checks import check_rights


async def preflight(
    resources: SharedResources,
    shared: Mapping[str, Any],
    agents: Collection[AgentName],
    *,
    work_dir: Path,
) -> None:
    """Look at this machine, and at each credential that these agents use, ahead of the batch.

    One request to GitLab, five to GitHub for each credential. What is doubtful is told as a notice without a
    project. Raises `ChecksFailedError` for what would make every project fail. A credential that is refused,
    or a platform that does not answer, is left to the projects, which report it with all their patience. For
    a plan the rights at the target are told, and stop nothing: it writes nothing.
    """
    stopping = [one async for one in check_machine(work_dir)]
    if AgentName.DISCOVERY in agents:
        today = resources.clock.now().date()
        with suppress(Gl2ghError):
            gitlab = resources.cold_gitlab(shared)
            stopping += [one async for one in check_gitlab_token(gitlab, today, whole=False)]
    told: list[Check] = []
    if AgentName.APPLY in agents:
        stopping += [one async for one in _github(resources, shared)]
    elif AgentName.PLAN in agents:
        told += [one async for one in _github(resources, shared)]
    if any(one.stops for one in stopping):
        raise ChecksFailedError.of(stopping)
    for one in (*stopping, *told):
        if one.state in {CheckState.BAD, CheckState.WARNING}:
            said = f"{one.name}: {one.found}"
            resources.emit(Noticed(project="", level="warning", message=said, hint=one.remedy))


async def _github(resources: SharedResources, shared: Mapping[str, Any]) -> AsyncIterator[Check]:
    owner = str(shared.get("target_owner") or "")
    credentials = [(one.settings(), one.owner or owner) for one in resources.github_credentials]
    for settings, whose in credentials or [({}, owner)]:
        config = {**shared, **settings}
        with suppress(Gl2ghError):
            github = resources.github(config)
            scopes = await github.scopes()
            async for check in check_rights(github, whose, scopes, is_app=bool(config.get("github_app_id"))):
                yield check
