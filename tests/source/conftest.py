"""Sandboxes of real GitLab data and clients of them for the tests of this floor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from gl2gh_batch.domain.limits import GITLAB_COSTS, LimitClass
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.kit.http_threads import GovernedAdapter, Line, ThreadRunner, governed_session
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.source import sansio
from gl2gh_batch.source.api import GitLab, open_gitlab
from gl2gh_batch.source.cold import ColdGitLab

_SUPPORT = str(Path(__file__).resolve().parent.parent / "support")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)


@dataclass
class Source:
    """A sandbox with projects, and both of our readers."""

    sandbox: Sandbox
    gitlab: GitLab
    cold: ColdGitLab
    governor: RequestGovernor


@pytest.fixture
async def source(shared_data: Path) -> AsyncIterator[Source]:
    """The sandbox's GitLab with `gitea/test_repo` (recordings) and `imported/test_project` (an export)."""
    clock = SystemClock()
    seeds = [
        shared_data / "gitlab-recordings/gitea-test_repo",
        f"{shared_data / 'gitlab-export-8.16/test_project_export.tar.gz'}=7:imported/test_project",
    ]
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox(seeds, profile="unlimited"))
        session = await stack.enter_async_context(open_session())
        governor = RequestGovernor(
            credential="gitlab", limits={}, clock=clock, told_class=LimitClass.GITLAB_REQUESTS
        )
        gitlab = open_gitlab(
            session=session,
            url=sandbox.gitlab_url,
            token=sandbox.gitlab_token,
            governor=governor,
            clock=clock,
        )
        runner = ThreadRunner(1, clock)
        stack.callback(runner.close)
        adapter = GovernedAdapter(
            service="GitLab",
            base_url=sandbox.gitlab_url,
            governor=governor,
            costs=GITLAB_COSTS,
            read_limits=sansio.read_limits,
            loop=asyncio.get_running_loop(),
        )
        thread_session = governed_session(adapter)
        stack.callback(thread_session.close)
        cold = ColdGitLab(
            url=sandbox.gitlab_url, token=sandbox.gitlab_token, runner=runner, line=Line(thread_session)
        )
        yield Source(sandbox, gitlab, cold, governor)
