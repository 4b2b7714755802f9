"""Answers that are none: whatever a platform or a proxy sends, the run ends by itself and tells the item."""

from __future__ import annotations

import asyncio
import random
import re
import shutil
from typing import Any

import pytest
from lab import Lab, differing
from torture import in_parts, turns
from whole import HAS_LFS, POLICIES, link_files, whole

from gl2gh_batch.kit import git_process

DEEP = "[" * 100_000
EFFECTS: tuple[dict[str, Any], ...] = (
    {"truncate": 0},
    {"truncate": 7},
    {"foreign_body": "html"},
    {"foreign_body": "html", "status": 200},
    {"foreign_body": "json"},
    {"foreign_body": "empty"},
    {"foreign_body": "binary"},
    {"status": 200, "body": "null", "headers": {"Content-Type": "application/json"}},
    {"status": 200, "body": [1, None, "x"]},
    {"status": 200, "body": [[]]},
    {"status": 200, "body": {"id": None, "number": "x", "status": 7, "user": [], "default_branch": 1}},
    {"status": 201, "body": {"id": "x", "number": None, "full_name": None, "node_id": 5}},
    {"status": 200, "body": '{"id": 1' + "0" * 500 + "}"},
    {"status": 200, "body": DEEP},
    {"status": 200, "body": "x" * 900_000},
    {"status": 204, "body": ""},
    {"status": 502, "body": {"message": None, "errors": "x"}},
    {"status": 500, "body": {"message": ["a"], "errors": [None, 3, {"field": []}]}},
    {"drop": True},
)
# A failure that is no item's names the request or the command that got the answer.
ASKED = re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE) /|\bgit [a-z-]+ failed|\bLFS |of an unexpected shape")
# What shows that the endpoints of a kind are among those that the faults are drawn from.
PATHS = {
    "labels": "/labels",
    "milestones": "/milestones",
    "issues": "/import/issues",
    "merge requests": "/pulls",
    "discussions": "/discussions",
    "releases": "/releases",
    "assets": "/assets",
    "attachments": "/uploads/",
    "packages": "/packages/generic/",
    "wiki": ".wiki.git/",
    "LFS": "/info/lfs/objects/batch",
    "snippets": "/snippets/",
    "designs": "/api/graphql",
    "git": "/git-receive-pack",
}


def _fault(rng: random.Random, requests: dict[str, int]) -> dict[str, Any]:
    side = rng.choice(sorted(requests))
    return {
        "side": side,
        "path": "*",
        "nth": rng.randint(1, requests[side]),
        "when": rng.choice(["before", "after"]),
        "effect": rng.choice(EFFECTS),
    }


def _unordered(value: Any) -> Any:
    """A document with the files of each release by name: one that is sent twice is a later one."""
    if isinstance(value, list):
        return [_unordered(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {key: _unordered(one) for key, one in value.items()}
    if "tag_name" in found and "assets" in found:
        found["assets"] = sorted(found["assets"], key=lambda one: one["name"])
    return found


@in_parts
@pytest.mark.timeout(6 * 3600)
async def test_malformed_answers(
    open_lab: Any, subtests: Any, monkeypatch: pytest.MonkeyPatch, part: int
) -> None:
    """One broken answer anywhere: no traceback, no hang, a hint; the next run ends as if it had not been."""
    monkeypatch.setattr(git_process, "STILL_S", 10.0)
    lab: Lab = await open_lab(whole())
    link_files(lab)
    config = lab.config(**POLICIES)
    assert (await lab.run("FULL", config))["status"] == "success"
    asked = {kind for kind, path in PATHS.items() if any(path in one.path for one in lab.sandbox.journal)}
    assert asked >= {*PATHS} - (set() if HAS_LFS else {"LFS"})
    requests = {side: sum(one.side == side for one in lab.sandbox.journal) for side in ("gitlab", "github")}
    wanted = _unordered(await lab.settled(dated=False))
    for number, rng in turns("malformed answers", part, 8, 2000):
        fault = _fault(rng, requests)
        shown = {**fault, "effect": str(fault["effect"])[:60]}
        with subtests.test(f"{number}: {shown}"):
            await lab.faults()
            await lab.control("POST", "reset")
            link_files(lab)
            shutil.rmtree(lab.work, ignore_errors=True)
            await lab.control("PUT", "faults", [fault])
            async with asyncio.timeout(120):
                result = await lab.run("FULL", config)
            error = result.get("error")
            if result["status"] != "success":
                assert error is not None
                assert error["reason"] != "internal", error
                assert error["message"]
                assert error["item"] or ASKED.search(error["message"]), error
            await lab.faults()
            again = await lab.run("FULL", config)
            assert again["status"] == "success", (error, again["error"])
            assert differing(_unordered(await lab.settled(dated=False)), wanted) == []
