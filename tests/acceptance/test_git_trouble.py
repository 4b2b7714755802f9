"""Trouble of a moment costs git and LFS a pause, as it costs a request one; nothing is there twice."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab
from whole import HAS_LFS, POLICIES, link_files, whole

REFS = "/acme/app.git/info/refs"
PACK = "/acme/app.git/git-upload-pack"
LFS = "/acme/app.git/info/lfs/objects/batch"
EFFECTS: dict[str, dict[str, Any]] = {"503": {"status": 503}, "lost": {"drop": True}}
BROKEN = {"status": 502, "body": "<html>Bad gateway</html>"}
# Pushes in trouble: with what, how often, and whether the request had its effect.
PUSHES: dict[str, dict[str, Any]] = {
    "its list of refs": {"path": "*/info/refs", "nth": [1, 2], "effect": BROKEN},
    "itself": {"path": "*/git-receive-pack", "nth": [1, 2], "effect": BROKEN},
    "its answer": {"path": "*/git-receive-pack", "nth": 1, "when": "after", "effect": {"drop": True}},
}


@pytest.mark.parametrize("effect", EFFECTS)
@pytest.mark.parametrize("side", ["gitlab", "github"])
async def test_what_is_only_read_is_asked_for_again(open_lab: Any, side: str, effect: str) -> None:
    """The refs, the history and the batch of LFS objects, each in vain at first: the run goes on."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    paths = [REFS, PACK, *([LFS] if HAS_LFS else [])]
    faults = [{"side": side, "path": path, "nth": 1, "effect": EFFECTS[effect]} for path in paths]
    # What GitHub is asked under that address before a push is part of the push.
    faults[0]["nth"] = 1 if side == "gitlab" else 10**6
    await lab.faults(*faults)
    result = await lab.run("FULL", lab.config(**POLICIES))
    assert result["status"] == "success", result["error"]
    assert all(one.matched > 1 for one in lab.sandbox.faults)


async def test_an_empty_answer_is_no_empty_history(lab: Lab) -> None:
    """A 200 without a body in the place of the refs: nothing goes to GitHub without the history."""
    await lab.faults({"side": "gitlab", "path": REFS, "nth": [2, 3, 4], "effect": {"foreign_body": "empty"}})
    result = await lab.run("FULL")
    assert (result["status"], result["error"]["item"]) == ("failed", "repository"), result
    assert lab.writes() == []
    await lab.faults()
    assert (await lab.run("FULL"))["status"] == "success"
    assert "refs/heads/main" in (await lab.repository())["refs"]


async def test_what_does_not_pass_is_said_after_three_tries(lab: Lab) -> None:
    """It ends, and the error says that running again is safe; a refused token is not tried again."""
    await lab.faults({"side": "gitlab", "path": REFS, "effect": {"status": 503}})
    result = await lab.run("PLAN_ONLY")
    assert (result["status"], result["error"]["reason"]) == ("failed", "git-failed"), result
    assert "Running again is safe" in result["error"]["hint"]
    assert lab.sandbox.faults[0].matched == 3
    await lab.faults({"side": "gitlab", "path": REFS, "effect": {"status": 401}})
    result = await lab.run("PLAN_ONLY")
    assert result["error"]["reason"] == "auth-failed", result
    assert "GitLab" in result["error"]["message"]
    assert lab.sandbox.faults[0].matched == 1


@pytest.mark.parametrize("what", PUSHES)
async def test_a_push_is_looked_for_before_it_is_sent_again(lab: Lab, what: str) -> None:
    """The run goes on and ends well, with what is there without trouble."""
    await lab.control("PUT", "faults", [{"side": "github", **PUSHES[what]}])
    result = await lab.run("FULL")
    assert result["status"] == "success", result["error"]
    assert result["verification"]["total_differences"] == 0
    mark = lab.mark()
    assert (await lab.run("FULL"))["status"] == "success"
    assert lab.writes(mark) == []


async def test_lasting_trouble_of_pushes_ends_the_project(lab: Lab) -> None:
    """After three tries it is an error with a remedy; the same command goes on later."""
    await lab.faults({"path": "*/git-receive-pack", "effect": BROKEN})
    result = await lab.run("FULL")
    assert result["error"]["reason"] == "git-failed"
    assert "Running again is safe" in result["error"]["hint"]
    assert sum(one.path.endswith("/git-receive-pack") and one.method == "POST" for one in lab.github()) == 3
    await lab.faults()
    assert (await lab.run("FULL"))["status"] == "success"
