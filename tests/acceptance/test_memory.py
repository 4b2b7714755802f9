"""The memory of our process does not grow with the number of items."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, project

from gl2gh_batch import SharedResources
from gl2gh_batch.agents import ALL_AGENTS, Desk
from gl2gh_batch.domain.modes import AgentName


@asynccontextmanager
async def _desk(lab: Lab) -> AsyncIterator[Desk]:
    """The desk of the lab's one project."""
    async with (
        SharedResources(work_dir=lab.work, clock=BriskClock()) as resources,
        resources.desk(lab.config()) as desk,
    ):
        yield desk


async def _peak(desk: Desk, name: AgentName) -> int:
    """The most memory, in bytes, that an agent takes on top of what was there."""
    tracemalloc.start()
    await ALL_AGENTS[name].run(desk)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.slow
async def test_memory_does_not_follow_the_number_of_issues(open_lab: Any) -> None:
    """Ten times as many issues take nowhere near ten times the memory in transform and plan."""
    agents = (AgentName.TRANSFORM, AgentName.PLAN)
    peaks = {}
    for issues in (200, 2000):
        lab = await open_lab(project(issues=[], volume={"seed": 7, "issues": issues, "notes_per_issue": 1}))
        assert (await lab.run("EXPORT_ONLY"))["status"] == "success"
        async with _desk(lab) as desk:
            peaks[issues] = {agent: await _peak(desk, agent) for agent in agents}
    for agent in agents:
        assert peaks[2000][agent] < 2.5 * peaks[200][agent] + 200_000, peaks


@pytest.mark.slow
async def test_memory_of_verify_does_not_follow_the_number_of_issues(open_lab: Any) -> None:
    """Verify reads the target back page by page (the sandbox answers in this process and is counted too)."""
    peaks = {}
    for issues in (100, 1000):
        lab = await open_lab(project(issues=[], volume={"seed": 7, "issues": issues, "notes_per_issue": 1}))
        assert (await lab.run("FULL"))["status"] == "success"
        async with _desk(lab) as desk:
            peaks[issues] = await _peak(desk, AgentName.VERIFY)
    assert peaks[1000] < 2.5 * peaks[100] + 200_000, peaks
