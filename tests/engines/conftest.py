"""An engine on a work bench whose GitHub is the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import lab as labs
import pytest
from brisk import BriskClock
from lab import Lab

from gl2gh_batch.domain.events import Event
from gl2gh_batch.domain.plan import TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines.rest import RestEngine
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_process import GitAuth
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder
from gl2gh_batch.target.api import open_github
from gl2gh_batch.target.auth import StaticToken


@dataclass
class Bench:
    """An engine, its ledger, and the sandbox that it writes to."""

    lab: Lab
    engine: RestEngine
    ledger: Ledger
    repo: RepoRef
    events: list[Event] = field(default_factory=list)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench for the repository acme/app, which is not there yet."""
    clock, events = BriskClock(), list[Event]()
    repo = RepoRef(owner="acme", name="app")
    ledger = Ledger(tmp_path / "ledger.sqlite")
    async with labs.open_lab(tmp_path, [labs.project()]) as lab, open_session() as session:
        credential = StaticToken(lab.sandbox.github_token)

        async def git_auth() -> GitAuth:
            return GitAuth(username="x-access-token", token=lab.sandbox.github_token)

        engine = RestEngine(
            Workbench(
                github=open_github(
                    session=session,
                    api_url=lab.sandbox.github_api_url,
                    authorize=credential.authorize,
                    governor=RequestGovernor(credential="github", limits={}, clock=clock),
                    clock=clock,
                ),
                git=Git(tmp_path / "git"),
                ledger=ledger,
                folder=ProjectFolder(tmp_path),
                repo=repo,
                git_url=f"{lab.sandbox.github_url}/{repo}.git",
                git_auth=git_auth,
                facts=TargetFacts(),
                clock=clock,
                emit=events.append,
                project="group/app",
            )
        )
        yield Bench(lab, engine, ledger, repo, events)
    ledger.close()
