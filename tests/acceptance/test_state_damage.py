"""Files of the work directory that are cut or changed: one message with a remedy, and nothing twice."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, differing, issue, project
from torture import in_parts, turns

FILES = (
    "projects/acme-app-17/ledger.sqlite",
    "projects/acme-app-17/plan.json",
    "projects/acme-app-17/plan.ndjson",
    "projects/acme-app-17/verify.json",
    "projects/acme-app-17/desired/manifest.json",
    "projects/acme-app-17/desired/issues.ndjson",
    "projects/acme-app-17/claim.json",
    "references.sqlite",
    "plan.json",
    "rate-limit.json",
)


def _cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) or 1)]


def _change(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


@in_parts
@pytest.mark.timeout(6 * 3600)
async def test_damaged_files_never_cost_a_duplicate(open_lab: Any, subtests: Any, part: int) -> None:
    """An apply that is half done goes on, or is refused with a remedy; it is never begun anew."""
    lab: Lab = await open_lab(project(issues=[issue(1), issue(2), issue(4)]))
    arguments: dict[str, Any] = {}
    assert (await lab.run("FULL"))["status"] == "success"
    wanted = await lab.settled()
    for number, rng in turns("damage", part, 10, 1000):
        name = FILES[number % len(FILES)]
        damage: Callable[[bytes, random.Random], bytes] = rng.choice([_cut, _change])
        with subtests.test(f"{number}: {name} {damage.__name__}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            await lab.faults(
                {"method": "POST", "path": "*/import/issues", "nth": 3, "effect": {"status": 403, "body": {}}}
            )
            assert (await lab.run("FULL"))["status"] == "failed"
            await lab.faults()
            path: Path = lab.work / name
            if not path.exists():
                path.write_bytes(b"{}")
            whole = path.read_bytes()
            for beside in path.parent.glob(f"{path.name}-*"):
                beside.unlink()
            path.write_bytes(damage(whole, rng))
            mark = lab.mark()
            result = await lab.run("APPLY", **arguments)
            imports = sum(one.endswith("/import/issues") for one in lab.writes(mark))
            if result["status"] == "success":
                assert imports == 2
                assert differing(await lab.settled(), wanted) == []
            else:
                assert result["error"]["reason"] not in {"internal", "number-mismatch"}, result["error"]
                assert result["error"]["hint"], result["error"]
                assert imports in {0, 2}  # what is only read by verify is met after them
