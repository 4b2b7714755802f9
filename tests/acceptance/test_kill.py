"""Killed with SIGKILL at any request of APPLY and started again, the target ends as if nothing had been."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from lab import Lab, differing, issue, note, project
from merging import hide_branches, merging
from torture import FULL, dice, in_parts, turns
from victim import apply_until_killed
from whole import POLICIES, link_files, whole

SMALL = project(
    project={
        "path": "acme/app",
        "id": 17,
        "name": "App",
        "visibility": "public",
        "archived": True,
        "creator": "anna",
        "topics": ["tools"],
    },
    labels=[{"title": "later", "color": "#428bca"}],
    milestones=[{"title": "1.0"}],
    issues=[
        issue(1, labels=["later"], milestone="1.0", locked=True, notes=[note("Same here.")]),
        issue(
            3,
            state="closed",
            type="task",
            links=[{"type": "is_blocked_by", "issue": 1}],
            notes=[note("added #1 as parent issue", system=True)],
        ),
    ],
)


async def _prepared(open_lab: Any, **fields: Any) -> tuple[Lab, list[dict[str, Any]], Any, int]:
    """A lab with a plan, and what an undisturbed APPLY of it makes, in how many requests."""
    lab = await open_lab(SMALL)
    configs = [lab.config(visibility="source", **fields)]
    planned = await lab.batch("PLAN_ONLY", configs)
    assert planned["status"] == "success", planned
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    applied = await lab.batch("APPLY", configs)
    assert applied["status"] == "success", applied
    requests = len(lab.github(mark))
    return lab, configs, await lab.settled(dated=fields.get("issues_via") != "rest"), requests


async def _kill_and_resume(
    lab: Lab,
    configs: list[dict[str, Any]],
    wanted: Any,
    points: list[tuple[int, bool]],
    subtests: Any,
    *,
    dated: bool = True,
    writes: bool = False,
) -> int:
    """Kill at each of the points (request, before its effect or after); how many of them killed.

    With `writes` only requests count that change something on GitHub.
    """
    kills, dated = 0, dated and configs[0].get("issues_via") != "rest"
    for nth, before in points:
        with subtests.test(f"{'before' if before else 'after'} request {nth}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            kills += await apply_until_killed(lab, nth, before=before, configs=configs, writes=writes)
            result = await lab.batch("APPLY", configs)
            errors = [one.get("error") for one in result["results"]]
            assert result["status"] == "success", (lab.writes(), errors)
            assert differing(await lab.settled(dated=dated), wanted) == []
    return kills


async def test_killed_at_any_request_and_resumed(open_lab: Any, subtests: Any) -> None:
    """At a sample of the requests, the last ones among them, before and after their effect."""
    lab, configs, wanted, requests = await _prepared(open_lab)
    step = max(1, requests // 6)
    points = [(nth, bool(nth // step % 2)) for nth in range(1, requests + 1, step)]
    points += [(nth, not before) for nth, before in points if nth // step % 2]
    points += [(requests - nth, False) for nth in range(2)]
    kills = await _kill_and_resume(lab, configs, wanted, points, subtests)
    assert kills == len(points) >= 10


async def test_killed_at_any_request_of_merge_requests(open_lab: Any, subtests: Any) -> None:
    """The same with pull requests, reviews, their parts and temporary branches."""
    lab = await open_lab(merging())
    # After a reset the branches that were deleted are there again; the plan holds what it was made from.
    hide_branches(lab)
    configs = [lab.config(merge_requests="all-as-pull-request", accept_source_changes=True)]
    planned = await lab.batch("PLAN_ONLY", configs)
    assert planned["status"] == "success", planned
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    requests, wanted = len(lab.github(mark)), await lab.settled(dated=False)
    step = max(1, requests // 6)
    points = [(nth, bool(nth // step % 2)) for nth in range(3, requests + 1, step)]
    kills = await _kill_and_resume(lab, configs, wanted, points, subtests, dated=False)
    assert kills >= len(points) - 1


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("issues_via", ["import", "rest"])
async def test_killed_at_every_request_and_resumed(open_lab: Any, subtests: Any, issues_via: str) -> None:
    """At every single request, before and after its effect."""
    lab, configs, wanted, requests = await _prepared(open_lab, issues_via=issues_via)
    points = [(nth, before) for nth in range(1, requests + 1) for before in (True, False)]
    kills = await _kill_and_resume(lab, configs, wanted, points, subtests)
    assert kills >= len(points) - 4


async def _five(open_lab: Any, few: int) -> tuple[Lab, list[dict[str, Any]], Any, int, int]:
    """A batch of five projects of all kinds (`few` in the tests): its plan, what APPLY makes, and in how many
    requests and writing ones."""
    lab: Lab = await open_lab(*(whole(f"acme/app-{one}", 20 + one) for one in range(5 if FULL else few)))
    link_files(lab)
    configs = lab.configs(**POLICIES)
    planned = await lab.batch("PLAN_ONLY", configs)
    assert planned["status"] == "success", planned
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    return lab, configs, await lab.settled(dated=False), len(lab.github(mark)), len(lab.writes(mark))


@in_parts
@pytest.mark.timeout(6 * 3600)
async def test_killed_twice_and_resumed(open_lab: Any, subtests: Any, part: int) -> None:
    """Killed at a random request, and the next run too: the third ends as if nothing had been."""
    lab, configs, wanted, requests, _ = await _five(open_lab, 1)
    kills = 0
    for number, rng in turns("double kills", part, 3, 200):
        first, second = rng.randint(1, requests - 1), rng.randint(1, requests // 2)
        with subtests.test(f"{number}: requests {first} and {second}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            kills += await apply_until_killed(lab, first, before=rng.random() < 0.5, configs=configs)
            kills += await apply_until_killed(lab, second, before=rng.random() < 0.5, configs=configs)
            result = await lab.batch("APPLY", configs)
            errors = [one.get("error") for one in result["results"]]
            assert result["status"] == "success", (lab.writes(), errors)
            assert differing(await lab.settled(dated=False), wanted) == []
    print(f"{kills} kills")
    assert kills


@in_parts
@pytest.mark.timeout(6 * 3600)
async def test_a_batch_of_five_is_killed_anywhere(open_lab: Any, subtests: Any, part: int) -> None:
    """Five projects of all kinds, killed before and after each request that writes, close phase included."""
    lab, configs, wanted, _, writes = await _five(open_lab, 5)
    every = [(nth, before) for nth in range(1, writes + 1) for before in (True, False)]
    dice("kills").shuffle(every)
    assert len(every) >= 300
    points = [every[number] for number, _ in turns("kills", part, 3, len(every))]
    kills = await _kill_and_resume(lab, configs, wanted, points, subtests, dated=False, writes=True)
    print(f"{writes} writes, {len(every)} points, {kills} kills at {len(points)} of them")
    assert kills >= len(points) * 0.9
