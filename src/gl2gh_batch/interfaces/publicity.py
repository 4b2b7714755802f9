"""What a run leaves in a public repository is for everybody; a project that is not public is kept out of it.

Sources: GitHub's pages "Managing workflow runs" (logs and artifacts follow the right to read the repository),
"REST API endpoints for repositories" (who is not known sees public ones alone).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from gl2gh_batch.batch.config import ProjectConfig, parse_config
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.audience import hidden_parts
from gl2gh_batch.domain.errors import Gl2ghError, PublicArtifactsError
from gl2gh_batch.interfaces.review import open_review
from gl2gh_batch.interfaces.workflow_event import WorkflowEvent

ASKED_AT_ONCE: Final = 10
NAMED: Final = 5
ANSWER_S: Final = 15.0
HINT: Final = (
    "Run this workflow in a private repository; or give allow_public_artifacts: true, if everybody may see"
    " what these projects hold."
)


async def is_public(event: WorkflowEvent, token: str) -> bool:
    """Whether anybody can read the repository that the workflow runs in; False where nobody tells."""
    if event.repo is None:
        return False
    if event.visibility:
        return event.visibility == "public"
    try:
        async with asyncio.timeout(ANSWER_S), open_review(event, token) as review:
            return await review.visibility() == "public"
    except (Gl2ghError, TimeoutError):
        return False


async def refuse_private_sources(
    configs: Sequence[Mapping[str, Any]], resources: SharedResources, repo: str
) -> None:
    """Raise `PublicArtifactsError` when one of the projects, or a part of it, is not public.

    One request each, and no more.
    """
    room = asyncio.Semaphore(ASKED_AT_ONCE)

    async def ask(config: ProjectConfig) -> str:
        if config.from_export is not None:
            return f"the export of {config.request.project}"  # nobody is asked who might see it
        async with room:
            try:
                project = await resources.gitlab_of(config).project(config.request.project)
            except Gl2ghError:
                return ""  # its own agents meet the same fault and report it, with nothing read
            hidden = hidden_parts(project.members_only, config.request.skipped)
            is_open = project.visibility == "public" and not hidden
            return "" if is_open else project.path_with_namespace

    found = [one for one in await asyncio.gather(*(ask(parse_config(raw)) for raw in configs)) if one]
    if found:
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        raise PublicArtifactsError(
            f"{repo} is public, so that everybody can download the artifacts of this run, and"
            f" {', '.join(found[:NAMED])}{more} {'is' if len(found) == 1 else 'are'} not public on GitLab,"
            " or not in all parts",
            hint=HINT,
        )
