"""All modes, and what happens when the same is asked for again."""

from __future__ import annotations

import pytest
from lab import Lab, differing

from gl2gh_batch.domain.modes import AGENTS_OF, MigrationMode


@pytest.mark.parametrize("mode", [mode for mode in MigrationMode if mode is not MigrationMode.APPLY])
async def test_mode_runs_its_agents_and_leaves_their_files(lab: Lab, mode: MigrationMode) -> None:
    """A mode runs exactly its agents, in their order, and each leaves its file."""
    result = await lab.run(mode)
    files = {
        "discovery": "inventory.json",
        "export": "snapshot/manifest.json",
        "transform": "desired/manifest.json",
        "plan": "plan.json",
        "apply": "ledger.sqlite",
        "verify": "verify.json",
    }
    assert result["status"] == "success", result
    assert list(result["agents"]) == list(AGENTS_OF[mode])
    assert {one["status"] for one in result["agents"].values()} == {"done"}
    folder = lab.folder_of()
    assert {agent: (folder / file).exists() for agent, file in files.items()} == {
        agent: agent in AGENTS_OF[mode] for agent in files
    }
    assert bool(lab.writes()) is (mode is MigrationMode.FULL)


async def test_apply_after_plan_equals_full(lab: Lab) -> None:
    """PLAN_ONLY and then APPLY make the same target as FULL."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert not lab.writes()
    result = await lab.run("APPLY")
    assert result["status"] == "success", result
    in_two = await lab.settled()
    await lab.control("POST", "reset")
    assert (await lab.run("FULL", work=lab.folder / "other"))["status"] == "success"
    assert differing(await lab.settled(), in_two) == []
    assert set(in_two) == {"acme/app"}


@pytest.mark.parametrize("mode", ["APPLY", "FULL"])
async def test_the_second_time_nothing_is_written(lab: Lab, mode: str) -> None:
    """A finished project that is run again sends no writing request and at most five others to GitHub."""
    first = await lab.run("FULL")
    assert first["status"] == "success", first
    before, mark = await lab.settled(), lab.mark()
    again = await lab.run(mode)
    assert again["status"] == "success", again
    assert lab.writes(mark) == []
    assert len(lab.github(mark)) <= 5
    assert {one["status"] for one in again["agents"].values()} == {"passed-over"}
    assert differing(await lab.settled(), before) == []
