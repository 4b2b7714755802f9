"""Whatever a project holds and by whatever policies, it arrives whole, and once."""

from __future__ import annotations

from typing import Any

import pytest
from any_project import AnyProject
from lab import USERS, Lab
from torture import amount, dice


@pytest.mark.torture
@pytest.mark.timeout(3600)
async def test_any_project_arrives_once(open_lab: Any, subtests: Any) -> None:
    """Projects made at random: success without a difference, and not one writing request the second time."""
    rng = dice("any project")
    for _ in range(amount(5, 150)):
        seed = rng.randrange(1_000_000)
        with subtests.test(f"project {seed}"):
            project = AnyProject(seed)
            lab: Lab = await open_lab(project.description)
            for writes_more in (True, False):
                mark = lab.mark()
                result = await lab.run("FULL", lab.config(**project.policies), users=USERS)
                assert result["status"] == "success", result
                assert writes_more or not lab.writes(mark)
