"""Trouble of a moment costs git a second try, as it costs a request one; nothing is there twice."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab

BROKEN = {"status": 502, "body": "<html>Bad gateway</html>"}
# Who is in trouble, with what, how often, and whether the request had its effect.
TROUBLE: dict[str, dict[str, Any]] = {
    "GitHub's list of refs": {"side": "github", "path": "*/info/refs", "nth": [1, 2], "effect": BROKEN},
    "a push": {"side": "github", "path": "*/git-receive-pack", "nth": [1, 2], "effect": BROKEN},
    "a push whose answer is lost": {
        "side": "github",
        "path": "*/git-receive-pack",
        "nth": 1,
        "when": "after",
        "effect": {"drop": True},
    },
    "a fetch": {"side": "gitlab", "path": "*/git-upload-pack", "nth": [2, 3], "effect": BROKEN},
}


@pytest.mark.parametrize("what", TROUBLE)
async def test_trouble_of_a_moment_is_over_soon(lab: Lab, what: str) -> None:
    """The run goes on and ends well, with what is there without trouble."""
    await lab.control("PUT", "faults", [TROUBLE[what]])
    result = await lab.run("FULL")
    assert result["status"] == "success", result["error"]
    assert result["verification"]["total_differences"] == 0
    mark = lab.mark()
    assert (await lab.run("FULL"))["status"] == "success"
    assert lab.writes(mark) == []


async def test_lasting_trouble_ends_the_project(lab: Lab) -> None:
    """After three tries it is an error with a remedy; the same command goes on later."""
    await lab.faults({"path": "*/git-receive-pack", "effect": BROKEN})
    result = await lab.run("FULL")
    assert result["error"]["reason"] == "git-failed"
    assert "Running again is safe" in result["error"]["hint"]
    assert sum(one.path.endswith("/git-receive-pack") and one.method == "POST" for one in lab.github()) == 3
    await lab.faults()
    assert (await lab.run("FULL"))["status"] == "success"
