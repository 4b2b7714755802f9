"""Sandboxes for foreign clients, which are not changed and run in processes of their own.

Whatever a client asks of GitHub is judged by GitHub's own OpenAPI description, and whatever GitLab answers by
GitLab's own schemas.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gitlab_schemas
import pytest
from gitlab_schemas import GitLabOracle
from openapi import DESCRIPTION, Oracle

from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.journal import Exchange

HERE = Path(__file__).resolve().parent
OPENAPI_API = "/api/v3"

OpenSandbox = Callable[..., Awaitable[Sandbox]]
RunScript = Callable[..., Awaitable[Any]]


def absent(what: str) -> None:
    """Skip where a developer has not set something up; in CI that is a failure."""
    message = f"no {what}: run make setup"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)


@dataclass(frozen=True, slots=True)
class Judges:
    """The two oracles of one test; `rest` holds every request to GitHub's REST API that passed."""

    github: Oracle
    gitlab: GitLabOracle | None
    rest: list[str]

    def observe(self, exchange: Exchange) -> None:
        """Let both judge."""
        if exchange.side == "github" and exchange.path.startswith(OPENAPI_API):
            self.rest.append(f"{exchange.method} {exchange.path}")
        self.github.observe(exchange)
        if self.gitlab is not None:
            self.gitlab.observe(exchange)


@pytest.fixture(scope="session")
def shared_oracle() -> Oracle:
    """GitHub's description, loaded once."""
    if not DESCRIPTION.exists():
        absent(".tools/openapi")
    return Oracle()


@pytest.fixture
def judges(shared_oracle: Oracle, project_root: Path) -> Judges:
    """Oracles that have seen nothing yet; GitLab's is there where its schemas are."""
    shared_oracle.forget()
    folder = project_root.parent / "shared" / "data" / "gitlab-api-schemas"
    gitlab = GitLabOracle(gitlab_schemas.load(folder)) if folder.is_dir() else None
    return Judges(shared_oracle, gitlab, [])


@pytest.fixture
async def open_sandbox(judges: Judges) -> AsyncIterator[OpenSandbox]:
    """Starts sandboxes without limits; at the end of the test nothing may have deviated."""
    async with AsyncExitStack() as stack:

        async def start(**arguments: Any) -> Sandbox:
            arguments = {"profile": "unlimited", "observe": judges.observe, **arguments}
            return await stack.enter_async_context(Sandbox(**arguments))

        yield start
    assert judges.github.deviations == []
    assert judges.gitlab is None or judges.gitlab.deviations == []


@pytest.fixture
def run_script(project_root: Path, request: pytest.FixtureRequest) -> RunScript:
    """Runs a script of this folder with python or node and gives the JSON that it printed."""
    modules = project_root / ".tools" / "npm" / "node_modules"

    async def run(name: str, **variables: str) -> Any:
        source = (HERE / name).read_bytes()
        if name.endswith(".mjs"):
            if not modules.is_dir():
                absent(".tools/npm")
            # From standard input a module finds its packages from the working directory.
            command: tuple[str, ...] = (request.getfixturevalue("node"), "--input-type=module", "-")
            folder = modules.parent
        else:
            command, folder = (sys.executable, "-W", "error", "-"), HERE
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(source)
        assert process.returncode == 0, err.decode()
        return json.loads(out)

    return run
