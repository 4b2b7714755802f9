"""Everything at once: kills, lost answers, refusals of limits, late effects; projects made at random."""

from __future__ import annotations

import random
import shutil
from typing import Any

import pytest
from any_project import AnyProject
from lab import Lab, differing
from torture import SEED, in_parts, turns
from victim import apply_until_killed

# What a bad night has in store; each may hit any request of its side.
EFFECTS: tuple[dict[str, Any], ...] = (
    {"status": 502, "body": "<html>Bad gateway</html>"},
    {"status": 503},
    {"status": 500, "body": {"message": "Server Error"}},
    {"drop": True},
    {"truncate": 9},
    {"foreign_body": "html"},
    {"rate_limit": "secondary", "retry_after": 1},
    {"rate_limit": "primary", "retry_after": 1},
    {"delay_s": 0.05},
)
LATE = {"drop": True, "lag_s": 0.05}  # with the brisk clock 2.5 s of the client's


def _weather(rng: random.Random) -> list[dict[str, Any]]:
    """Some faults, each with a small chance at every request that it fits."""
    faults: list[dict[str, Any]] = []
    for _ in range(rng.randint(2, 5)):
        side = rng.choice(["github", "github", "gitlab"])
        when = rng.choice(["before", "after"])
        effect = rng.choice(EFFECTS)
        if "rate_limit" in effect:
            when = "before"
        if side == "github" and rng.random() < 0.2:
            effect, when = LATE, "after"
        faults.append(
            {
                "side": side,
                "path": "*/api/*" if side == "gitlab" else "*",
                "method": "POST" if effect is LATE else rng.choice(["*", "*", "POST", "GET", "PATCH", "PUT"]),
                "probability": rng.choice([0.02, 0.05, 0.1]),
                "seed": rng.randint(0, 10**6),
                "when": when,
                "effect": effect,
            }
        )
    return faults


@in_parts
@pytest.mark.timeout(4 * 3600)
async def test_any_project_through_any_weather(open_lab: Any, subtests: Any, part: int) -> None:
    """Killed and disturbed at random again and again, it ends as the same project that nobody disturbed."""
    for number, rng in turns("weather", part, 3, 100):
        seed = rng.randint(0, 10**6)
        described = AnyProject(seed)
        with subtests.test(f"{number}: project {seed} (sweep {SEED})"):
            lab: Lab = await open_lab(described.description)
            configs = lab.configs(**described.policies)
            first = await lab.batch("FULL", configs)
            if first["status"] != "success":
                assert first["results"][0]["error"]["reason"] == "findings-block", first["results"][0]
                continue
            wanted, requests = await lab.settled(dated=False), len(lab.github())
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            said: list[Any] = []
            for _ in range(rng.randint(1, 4)):
                await lab.control("PUT", "faults", _weather(rng))
                nth = rng.randint(1, requests)
                await apply_until_killed(lab, nth, before=rng.random() < 0.5, configs=configs, mode="FULL")
            await lab.control("PUT", "faults", _weather(rng))
            stormy = await lab.batch("FULL", configs)
            said.append(stormy["results"][0].get("error"))
            assert (said[0] or {}).get("reason") != "internal", said
            await lab.faults()
            result = await lab.batch("FULL", configs)
            assert result["status"] == "success", (said, result["results"][0].get("error"))
            assert differing(await lab.settled(dated=False), wanted) == []
