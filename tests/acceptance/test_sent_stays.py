"""What was sent stays what is expected, whatever has changed since; the rest follows the change."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from lab import Lab, UserMapping, differing, issue, note, project
from victim import apply_until_killed

BEN = [("ben", UserMapping(gitlab_username="ben", github_login="ben"))]
CHANGED = "what changed since it was sent"


def two() -> tuple[Any, Any]:
    """Two projects that refer to each other."""
    return (
        project(
            issues=[
                issue(1, description="see acme/lib#2 and @ben", author="ben", notes=[note("acme/lib#1")]),
                issue(2, description="ask @ben"),
            ]
        ),
        project("acme/lib", 18, issues=[issue(1, description="acme/app#2"), issue(2)]),
    )


def losses(lab: Lab) -> list[tuple[str, str]]:
    """What is told to be left as it was sent."""
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    return [
        (one["item"], one["what"]) for one in map(json.loads, lines) if "since it was sent" in one["what"]
    ]


def failures(batch: Any) -> list[Any]:
    """The errors of the projects that have one."""
    return [one["error"] for one in batch["results"] if one.get("error")]


async def test_a_batch_may_grow(open_lab: Any) -> None:
    """A finished project whose references have a target by now stays as it is, complete."""
    lab: Lab = await open_lab(*two())
    assert failures(await lab.batch("FULL", [lab.config(17)])) == []
    before, mark = await lab.repository(), lab.mark()
    for configs in ([lab.config(17), lab.config(18)], [lab.config(18), lab.config(17)]):
        grown = await lab.batch("FULL", configs)
        assert failures(grown) == []
        assert {one["certificate"]["verdict"] for one in grown["results"]} == {"complete"}
    assert differing(await lab.repository(), before) == []
    assert [one for one in lab.writes(mark) if "POST" in one and "/acme/app/" in one] == []
    assert losses(lab) == [("issues/1", CHANGED)]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("issues_via", ["rest", "import"])
async def test_a_killed_apply_takes_what_is_known_by_now_for_the_rest(
    open_lab: Any, issues_via: str, before: bool
) -> None:
    """A login that was filled in after the kill stands in what was not sent yet, and only there.

    What was under way may have been sent, and stays as it was, too.
    """
    lab: Lab = await open_lab(project(issues=[issue(one, description="ask @ben") for one in (1, 2, 3)]))
    configs = [lab.config(17, issues_via=issues_via)]
    mark = lab.mark()
    assert failures(await lab.batch("FULL", configs)) == []
    made = [one.startswith("POST") and one.endswith("/issues") for one in lab.writes(mark)]
    await lab.control("POST", "reset")
    shutil.rmtree(lab.work)
    assert failures(await lab.batch("PLAN_ONLY", configs)) == []
    # At the making of the second issue.
    nth = [number for number, one in enumerate(made, start=1) if one][1]
    assert await apply_until_killed(lab, nth, before=before, configs=configs, writes=True)
    assert failures(await lab.batch("FULL", configs, users=BEN)) == []
    bodies = [one["body"] for one in (await lab.repository())["issues"]]
    assert ["@ben" in one for one in bodies] == [False, False, True]


async def test_what_is_edited_or_deleted_afterwards_stays_and_what_is_new_follows(open_lab: Any) -> None:
    """A finished project takes new issues; an edited or deleted one is told among the losses."""
    lab: Lab = await open_lab(two()[0])
    assert failures(await lab.batch("FULL", [lab.config(17)])) == []
    edit = lab.sandbox.gitlab.edit(17)
    edit.add_note(1, "Another word")
    edit.delete_issue(2)
    again = await lab.batch("FULL", [lab.config(17)])
    assert failures(again) == []
    assert again["results"][0]["certificate"]["verdict"] == "complete"
    assert [one["number"] for one in (await lab.repository())["issues"]] == [1, 2]
    assert losses(lab) == [
        ("issues/1", CHANGED),
        ("issues/2", "that it is gone from GitLab since it was sent"),
    ]
    assert failures(await lab.batch("FULL", [lab.config(17)])) == []


async def test_a_transformation_that_breaks_off_forgets_nothing(open_lab: Any) -> None:
    """What was sent is put aside before the records are written anew, and outlives a half-written one."""
    lab: Lab = await open_lab(*two())
    assert failures(await lab.batch("FULL", [lab.config(17)])) == []
    desired = lab.folder_of() / "desired"
    assert failures(await lab.batch("TRANSFORM_ONLY", [lab.config(17), lab.config(18)])) == []
    (desired / "manifest.json").unlink()
    (desired / "issues.ndjson").write_bytes(b"")
    assert failures(await lab.batch("FULL", [lab.config(17), lab.config(18)])) == []


async def test_numbers_that_were_given_stand(open_lab: Any) -> None:
    """Another policy of numbering after the apply began is told by the plan, and nothing is sent."""
    lab: Lab = await open_lab(two()[0])
    assert failures(await lab.batch("PLAN_ONLY", [lab.config(17)])) == []
    assert await apply_until_killed(lab, 16, before=True)
    for finished in (False, True):
        mark = lab.mark()
        (error,) = failures(await lab.batch("FULL", [lab.config(17, numbering="merge-requests-exact")]))
        assert "numbering is issues-exact since its apply began" in error["message"], error
        assert lab.writes_but_claims(mark) == []
        if not finished:
            assert failures(await lab.batch("FULL", [lab.config(17)])) == []
