"""The survey of a whole batch, which none of its projects may keep from the others."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from gl2gh_batch.batch.config import ProjectConfig
from gl2gh_batch.batch.resources import SharedResources
from gl2gh_batch.domain.errors import Gl2ghError, TransportError

_log = logging.getLogger(__name__)

SURVEYED_AT_ONCE: Final = 20


async def survey_all(resources: SharedResources, configs: Sequence[ProjectConfig], root: Path) -> None:
    """Put every project on the map that can be reached; what befalls one is for its own agents to report."""
    room = asyncio.Semaphore(SURVEYED_AT_ONCE)
    unreachable: set[str] = set()

    async def one(config: ProjectConfig) -> None:
        async with room:
            if config.gitlab_url in unreachable:
                return  # one vain wait for an instance is enough
            try:
                if not resources.is_under_way(config, root):
                    await resources.survey(config, root, patient=False)
            except TransportError as error:
                unreachable.add(config.gitlab_url)
                _log.info("survey found no way to GitLab: %s", error.reason)
            except Gl2ghError as error:
                # Its own agents meet the same fault and report it, with all their patience.
                _log.info("survey of one project failed: %s", error.reason)
            except Exception:  # noqa: BLE001 - kept from the others, as whatever else befalls a project
                _log.exception("the survey of a project failed in a way nobody foresaw")

    await asyncio.gather(*map(one, configs))
