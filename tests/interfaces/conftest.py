"""The doors, opened on a sandbox: the command line and the Action as processes of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import lab as labs
import pytest
from lab import Lab
from shell import Shell

OpenLab = Callable[..., Awaitable[Lab]]


@pytest.fixture
async def open_lab(tmp_path: Path) -> AsyncIterator[OpenLab]:
    """Opens labs with the projects given; all end with the test."""
    async with AsyncExitStack() as stack:

        async def opened(*projects: Mapping[str, Any] | Path | str, **arguments: Any) -> Lab:
            folder = tmp_path / f"lab-{len(list(tmp_path.iterdir()))}"
            folder.mkdir()
            return await stack.enter_async_context(
                labs.open_lab(folder, projects or [labs.project()], **arguments)
            )

        yield opened


@pytest.fixture
async def lab(open_lab: OpenLab) -> Lab:
    """A lab with the one small project."""
    return await open_lab()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """The program, in a folder of its own."""
    folder = tmp_path / "here"
    folder.mkdir()
    return Shell(folder)
