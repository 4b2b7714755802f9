"""GitHub says that it was made, and it was not: found, named, and with `recover` sent once more."""

from __future__ import annotations

import collections
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing, issue, note, project

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task

DESCRIBED = project(
    issues=[
        issue(1, labels=["later"], milestone="1.0", notes=[note("Same here."), note("Yes.")], locked=True),
        issue(2, state="closed"),
    ],
    releases=[{"tag": "v1.0", "name": "One", "description": "The first"}],
)
# What says so: method, path and answer. A label and a milestone are missed by the issues that have them, the
# others by verify.
LIES: dict[str, tuple[str, str, int, Any]] = {
    "label": ("POST", "/repos/*/*/labels", 201, {"id": 9, "name": "later"}),
    "milestone": ("POST", "/repos/*/*/milestones", 201, {"id": 9, "number": 1, "title": "1.0"}),
    "comment": ("POST", "/repos/*/*/issues/1/comments", 201, {"id": 9}),
    "release": ("POST", "/repos/*/*/releases", 201, {"id": 9, "tag_name": "v1.0"}),
    "topics": ("PUT", "/repos/*/*/topics", 200, {"names": ["tools"]}),
    "closing": ("PATCH", "/repos/*/*/issues/2", 200, {"id": 9, "number": 2}),
    "lock": ("PUT", "/repos/*/*/issues/1/lock", 204, ""),
}


async def _recover(lab: Lab, config: dict[str, Any]) -> dict[str, Any]:
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_task([config], Task.RECOVER)
    only: dict[str, Any] = result["results"][0]
    return only


async def _held(lab: Lab) -> Any:
    """What GitHub holds, in whatever order labels and milestones were made."""
    (held,) = (await lab.settled(dated=False)).values()
    held["labels"] = sorted(held["labels"], key=lambda one: str(one["name"]))
    for one in [*held["milestones"], *(one["milestone"] for one in held["issues"] if one["milestone"])]:
        del one["number"]
    held["milestones"] = sorted(held["milestones"], key=lambda one: str(one["title"]))
    return held


def _sent(lab: Lab, mark: int) -> collections.Counter[str]:
    return collections.Counter(lab.writes_but_claims(mark))


@pytest.mark.parametrize("name", LIES)
async def test_what_was_said_and_is_not_there_is_sent_again(open_lab: Any, name: str) -> None:
    """The run fails and names `recover`; after it the next one sends what is missing, and nothing twice."""
    lab: Lab = await open_lab(DESCRIBED)
    config = lab.config(issues_via="rest")
    assert (await lab.run("FULL", config))["status"] == "success"
    wanted, alone = await _held(lab), _sent(lab, 0)
    await lab.control("POST", "reset")
    lab.work = lab.folder / "lied to"
    method, path, status, body = LIES[name]
    nth = 2 if name == "comment" else 1
    await lab.faults({"method": method, "path": path, "nth": nth, "effect": {"status": status, "body": body}})
    mark = lab.mark()
    lied = await lab.run("FULL", config)
    assert lab.sandbox.faults[0].matched >= nth
    assert lied["status"] == "failed", lied
    assert "gl2gh-batch recover" in lied["error"]["hint"], lied["error"]
    recovered = await _recover(lab, config)
    assert recovered["status"] == "success", recovered
    result = await lab.run("APPLY", config)
    assert result["status"] == "success", result.get("error")
    assert differing(await _held(lab), wanted) == []
    more = _sent(lab, mark) - alone
    creating = {one: count for one, count in more.items() if one.startswith("POST") and "graphql" not in one}
    assert sum(creating.values()) <= 2, creating


@pytest.mark.parametrize("body", ["<html>Please log in</html>", "null", ""])
@pytest.mark.parametrize("path", ["/acme/app.git/info/refs", "/acme/app.wiki.git/info/refs"])
async def test_a_page_in_place_of_refs_is_no_empty_repository(open_lab: Any, path: str, body: str) -> None:
    """git takes it for a repository without a ref: its protocol was not spoken, and the API knows better."""
    lab: Lab = await open_lab(project(issues=[issue(1)], wiki={"home.md": "Hello\n"}))
    await lab.faults({"side": "gitlab", "path": path, "effect": {"status": 200, "body": body}})
    error = (await lab.run("FULL"))["error"]
    said = {"git-failed": "no answer of git's", "source-failed": "git found none"}
    assert said[error["reason"]] in error["message"], error
    await lab.faults()
    assert (await lab.run("FULL"))["status"] == "success"
