"""The few looks before a batch that spare it failing project by project; a handful of requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.checks import Check, CheckState
from gl2gh_batch.domain.errors import ChecksFailedError, Gl2ghError
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.request import SourceAfter
from gl2gh_batch.kit.checks import check_machine
from gl2gh_batch.source.checks import check_gitlab_token, check_marking
from gl2gh_batch.target.checks import check_rights

# A look at each of hundreds of projects would be a discovery of its own.
MOST_PROJECTS: Final = 20


async def preflight(
    resources: SharedResources,
    shared: Mapping[str, Any],
    agents: Collection[AgentName],
    *,
    work_dir: Path,
    marks: Sequence[tuple[int | str, SourceAfter]] = (),
) -> None:
    """Look at this machine, and at each credential that these agents use, ahead of the batch.

    One request to GitLab, five to GitHub for each credential. What is doubtful is told as a notice without a
    project. Raises `ChecksFailedError` for what would make every project fail. A credential that is refused,
    or a platform that does not answer, is left to the projects, which report it with all their patience. For
    a plan the rights at the target are told, and stop nothing: it writes nothing.

    `marks` says for each project what is to become of its source: then the scope for that is looked at, and
    before an apply the role in the first `MOST_PROJECTS` of them, a request each.
    """
    stopping = [one async for one in check_machine(work_dir)]
    applies = AgentName.APPLY in agents
    after = max((one for _, one in marks), key=list(SourceAfter).index, default=SourceAfter.NOTHING)
    if not applies and AgentName.PLAN not in agents:
        after = SourceAfter.NOTHING
    told: list[Check] = []
    if AgentName.DISCOVERY in agents or after is not SourceAfter.NOTHING:
        today = resources.clock.now().date()
        with suppress(Gl2ghError):
            gitlab = resources.cold_gitlab(shared)
            looks = check_gitlab_token(gitlab, today, after, whole=False, marks_now=applies)
            stopping += [one async for one in looks]
            if applies:
                wanted = [one for one in marks if one[1] is not SourceAfter.NOTHING][:MOST_PROJECTS]
                told += [one async for one in check_marking(gitlab, wanted)]
    if applies:
        stopping += [one async for one in _github(resources, shared)]
    elif AgentName.PLAN in agents:
        told += [one async for one in _github(resources, shared)]
    if any(one.stops for one in stopping):
        raise ChecksFailedError.of(stopping)
    for one in (*stopping, *told):
        if one.state in {CheckState.BAD, CheckState.WARNING}:
            said = f"{one.name}: {one.found}"
            resources.emit(Noticed(project="", level="warning", message=said, hint=one.remedy))


def source_marks(configs: Sequence[Mapping[str, Any]]) -> list[tuple[int | str, SourceAfter]]:
    """What is to become of the source of each of these projects, once their configurations are checked."""
    return [
        (one["project_id"], SourceAfter(str(one.get("source_after") or SourceAfter.NOTHING)))
        for one in configs
    ]


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
