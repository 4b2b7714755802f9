"""Under budgets a batch closes for all at once, and says what it waits and has waited for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, issue, open_lab, project

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.events import Event, WindowClosed
from gl2gh_batch.domain.limits import LimitClass
from gl2gh_batch.domain.result import StoppedBy
from gl2gh_batch.target.limits import parse_limits

PROJECTS = 3


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Three projects with a few issues."""
    many = [
        project(f"acme/p{number}", number, issues=[issue(one) for one in range(1, 6)], repository=None)
        for number in range(31, 31 + PROJECTS)
    ]
    async with open_lab(tmp_path, many) as one:
        yield one


async def test_a_refusal_stops_every_project_at_once_and_then_all_go_on(lab: Lab) -> None:
    """After one 403 with Retry-After nobody sends but who was under way; later every project succeeds."""
    assert (await lab.batch("PLAN_ONLY"))["status"] == "success"
    refusal = {"rate_limit": "secondary", "retry_after": 100}
    await lab.faults({"method": "POST", "path": "*/import/issues", "nth": 4, "effect": refusal})
    marks: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, WindowClosed):
            marks.append(lab.mark())

    since = lab.mark()
    result = await lab.batch("APPLY", listen=listen, parallel_limit=PROJECTS)
    assert result["status"] == "success"
    assert len(marks) == 1
    (budget,) = [one for one in result["budgets"] if one["credential"].startswith("github")]
    assert budget["refusals"] == {"secondary": 1}
    assert budget["imports_are_content"]
    sent = list(lab.sandbox.journal)
    closed_at = next(one.t for one in sent[since:] if one.status == 403)
    into = [one for one in sent[marks[0] :] if one.side == "github" and one.t < closed_at + 1.0]
    assert len(into) < PROJECTS  # the clock is fifty times as fast: it is closed for two seconds


@pytest.mark.parametrize(
    "told", [{"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1"}, {"Retry-After": "0"}]
)
async def test_a_refusal_whose_time_is_over_is_not_hammered_and_fails_nothing(
    lab: Lab, told: dict[str, str]
) -> None:
    """GitHub goes on refusing after the reset that it told: one request looks again, ever more slowly."""
    effect = {
        "status": 403,
        "headers": {"x-ratelimit-limit": "5000", **told},
        "body": {"message": "API rate limit exceeded for user ID 1."},
    }
    fault = {"method": "POST", "path": "*/import/issues", "nth": list(range(2, 8))}
    await lab.faults({**fault, "effect": effect})
    result = await lab.batch("FULL", parallel_limit=1)
    assert result["status"] == "success"
    refused = [one.t for one in lab.sandbox.journal if one.side == "github" and one.status == 403]
    assert len(refused) == 6
    pauses = [after - before for before, after in pairwise(refused)]
    # The clock is fifty times as fast.
    assert all(pause > seconds / 50 for pause, seconds in zip(pauses, (1, 2, 4, 8, 16), strict=True))


async def test_progress_and_result_say_what_was_waited_for(lab: Lab) -> None:
    """While a project waits, `get_progress` names the budget and how long; the result sums it up."""
    orchestrators: list[BatchOrchestrator] = []
    seen: list[dict[str, Any]] = []

    def listen(event: Event) -> None:
        # We are told first: progress shows what came before this event.
        if orchestrators and not isinstance(event, WindowClosed):
            seen.extend(orchestrators[0].get_progress()["projects"].values())

    limits = parse_limits({"points": {"limit": 40, "window_s": 60}})
    result = await lab.batch(
        "FULL",
        listen=listen,
        started=orchestrators.append,
        shared={"limits": limits},
        parallel_limit=PROJECTS,
    )
    assert result["status"] == "success"
    told = [one for one in seen if one["waits_for"] == "points"]
    assert max(one["waits_s"] for one in told) > 0
    assert all(one["waits_s"] <= 61 for one in told)
    (budget,) = [one for one in result["budgets"] if one["credential"].startswith("github")]
    assert budget["waited_s"]["points"] > 0
    assert budget["margin_s"] > 0
    assert budget["refusals"] == {}
    assert "resume" not in result


@pytest.mark.parametrize(
    ("shared", "kept"),
    [
        ({}, 15_000),
        ({"github_rate_limit": 900}, 900),
        ({"limits": parse_limits({"primary": {"limit": 700, "window_s": 3600}})}, 700),
    ],
)
async def test_what_github_tells_of_a_token_is_believed_unless_somebody_named_less(
    tmp_path: Path, shared: dict[str, Any], kept: int
) -> None:
    """A token with 15,000 requests an hour is not paced as one with 5,000, nor priced so."""
    limits = {"primary": {"limit": 15_000, "window_s": 3600}}
    async with (
        open_lab(tmp_path, [project(repository=None)], profile="github.com", limits=limits) as lab,
        SharedResources(work_dir=lab.work, clock=BriskClock(), **shared) as resources,
    ):
        result = await BatchOrchestrator(resources).execute_batch_migration([lab.config()])
        assert result["status"] == "success"
        (governor,) = [one for one in resources.governors() if one.credential == "github-1"]
        assert governor.limits[LimitClass.PRIMARY].limit == kept
        assert resources.all_limits()[LimitClass.PRIMARY].limit == kept  # what shards are cut from


async def test_a_stopped_batch_says_how_to_go_on(lab: Lab) -> None:
    """The result of a run that was stopped has the instructions, not only the summary for people."""
    orchestrators: list[BatchOrchestrator] = []

    def listen(event: Event) -> None:
        if type(event).__name__ == "AgentFinished":
            orchestrators[0].stop(StoppedBy.DEADLINE, "the deadline came")

    result = await lab.batch("FULL", listen=listen, started=orchestrators.append, parallel_limit=1)
    assert (result["status"], result["stopped_by"]) == ("partial_success", "deadline")
    assert "same work directory" in result["resume"]
