"""APPLY carries out what was reviewed of a source that is as it was, or asks a person."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from lab import Lab
from shell import Shell

LATER = "2030-01-01T00:00:00.000Z"


def _commit(lab: Lab) -> None:
    world = lab.sandbox.gitlab
    path = world.repository(world.projects[17])
    head = _git(path, "rev-parse", "refs/heads/release/1.0")
    _git(path, "update-ref", "refs/heads/hotfix", head)


def _git(path: Any, *arguments: str) -> str:
    argv = ["git", f"--git-dir={path}", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.strip()


def _issue(lab: Lab) -> None:
    found = lab.sandbox.gitlab.projects[17].issues[1]
    found.updated_at = LATER


def _activity(lab: Lab) -> None:
    found = lab.sandbox.gitlab.projects[17]
    found.last_activity_at = LATER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_commit, "branches or tags are not where they were"),
        (_issue, "issues or merge requests were updated (last "),
        (_activity, "there was activity at "),
    ],
)
async def test_a_changed_source_is_refused(lab: Lab, change: Callable[[Lab], None], words: str) -> None:
    """What changed is named, with both remedies; nothing is written; and each of the two works."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    change(lab)
    mark = lab.mark()
    refused = await lab.run("APPLY")
    assert (refused["status"], refused["error"]["reason"]) == ("failed", "source-changed"), refused
    assert words in refused["error"]["message"]
    assert "Plan again" in refused["error"]["hint"]
    assert "accept_source_changes: true" in refused["error"]["hint"]
    assert lab.writes(mark) == []
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    assert (await lab.run("APPLY"))["status"] == "success"


@pytest.mark.parametrize("accept", [True, "true", "True"])
async def test_what_was_reviewed_can_be_applied_all_the_same(lab: Lab, accept: bool | str) -> None:
    """With `accept_source_changes` the snapshot goes as it was reviewed, and GitLab is not asked."""
    await lab.run("PLAN_ONLY")
    _commit(lab)
    _issue(lab)
    mark = lab.mark()
    applied = await lab.run("APPLY", lab.config(accept_source_changes=accept))
    assert applied["status"] == "success", applied
    assert "refs/heads/hotfix" not in (await lab.repository())["refs"]
    asked = [one for one in list(lab.sandbox.journal)[mark:] if one.side == "gitlab"]
    assert asked == []


async def test_what_has_begun_goes_on(lab: Lab) -> None:
    """An apply that was stopped is carried on with what was exported, whatever happened on GitLab since."""
    await lab.run("PLAN_ONLY")
    await lab.faults({"method": "POST", "path": "*/import/issues", "effect": {"status": 403, "body": {}}})
    assert (await lab.run("APPLY"))["status"] == "failed"
    await lab.faults()
    _issue(lab)
    assert (await lab.run("APPLY"))["status"] == "success"


async def test_a_plan_of_the_same_source_stands(lab: Lab) -> None:
    """Planned twice with nothing changed in between, the plan and its digest are the same."""
    first = await lab.run("PLAN_ONLY")
    again = await lab.run("PLAN_ONLY")
    assert first["plan"]["digest"] == again["plan"]["digest"]


async def test_full_does_not_ask_twice(lab: Lab) -> None:
    """FULL has just read the source: it looks at the watermark once."""
    mark = lab.mark()
    assert (await lab.run("FULL"))["status"] == "success"
    newest = [
        one.path for one in list(lab.sandbox.journal)[mark:]
        if one.side == "gitlab" and one.path.endswith("/issues") and "updated_at" in str(one.query)
    ]  # fmt: skip
    assert len(newest) <= 1, newest


async def test_without_gitlab_the_remedy_is_told(lab: Lab, shell: Shell) -> None:
    """When GitLab is gone, the message says how to apply what was reviewed; and so it can be done."""
    planned = await shell.run(lab, "--project-ids=17", "--mode=PLAN_ONLY")
    assert planned.code == 0, planned
    lab.sandbox.gitlab.tokens.clear()
    refused = await shell.run(lab, "--project-ids=17", "--mode=APPLY")
    assert refused.code == 1
    assert "accept_source_changes: true" in refused.out + refused.err, refused
    applied = await shell.run(lab, "--project-ids=17", "--mode=APPLY", "--accept-source-changes=true")
    assert applied.code == 0, applied
