"""A sandbox and clients of it for the tests of this floor."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from gl2gh_batch.domain.limits import READ_COSTS
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.kit.http_threads import GovernedAdapter, Line, ThreadRunner, governed_session
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.target import sansio
from gl2gh_batch.target.api import GitHub, open_github
from gl2gh_batch.target.auth import StaticToken
from gl2gh_batch.target.witness import Witness

_SUPPORT = str(Path(__file__).resolve().parent.parent / "support")
if _SUPPORT not in sys.path:
    sys.path.insert(0, _SUPPORT)


@dataclass
class Target:
    """A sandbox without limits, one repository in it, and both of our readers."""

    sandbox: Sandbox
    github: GitHub
    witness: Witness
    governor: RequestGovernor
    runner: ThreadRunner
    repo: RepoRef


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    """The sandbox's GitHub with an empty repository `app`."""
    clock = SystemClock()
    async with Sandbox(profile="unlimited") as sandbox, open_session() as session:
        governor = RequestGovernor(credential="github", limits={}, clock=clock)
        credential = StaticToken(sandbox.github_token)
        github = open_github(
            session=session,
            api_url=sandbox.github_api_url,
            authorize=credential.authorize,
            governor=governor,
            clock=clock,
        )
        repo = RepoRef(owner=sandbox.owner, name="app")
        answer = await github.write("POST", f"/orgs/{repo.owner}/repos", {"name": repo.name, "private": True})
        assert answer.status == 201
        runner = ThreadRunner(1, clock)
        adapter = GovernedAdapter(
            service="GitHub",
            base_url=sandbox.github_api_url,
            governor=governor,
            costs=READ_COSTS,
            read_limits=sansio.read_limits,
            loop=asyncio.get_running_loop(),
        )
        thread_session = governed_session(adapter)

        async def ls_remote(asked: RepoRef) -> Mapping[str, str]:
            return {f"refs/heads/of-{asked.name}": "0" * 40}

        witness = Witness(
            api_url=sandbox.github_api_url,
            credential=credential,
            runner=runner,
            line=Line(thread_session),
            ls_remote=ls_remote,
        )
        try:
            yield Target(sandbox, github, witness, governor, runner, repo)
        finally:
            runner.close()
            thread_session.close()
