"""Many projects at once: one failure never stops the rest, and everything adds up."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

import pytest
from lab import issue, project

from gl2gh_batch import BatchOrchestrator
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.events import Event, ProjectFinished, ProjectStarted
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.domain.result import StoppedBy


def _small(number: int, **fields: Any) -> dict[str, Any]:
    return project(f"acme/p{number}", number, labels=[], milestones=[], issues=[issue(1), issue(2)], **fields)


def _adds_up(result: dict[str, Any]) -> bool:
    counts = [result[name] for name in ("successful", "failed", "incomplete", "not_started")]
    statuses = [one["status"] for one in result["results"]]
    seen = [statuses.count(name) for name in ("success", "failed", "incomplete", "not_started")]
    return counts == seen and sum(counts) == result["total_projects"] == len(result["results"])


@pytest.mark.parametrize("parallel_limit", [1, 3, 20])
async def test_every_project_has_its_place(open_lab: Any, parallel_limit: int) -> None:
    """At any parallel limit all projects are migrated, their results in the order given."""
    lab = await open_lab(*(_small(number) for number in range(1, 6)))
    configs = [lab.config(number) for number in (3, 1, 5, 2, 4)]
    running: set[str] = set()
    most = 0

    def listen(event: Event) -> None:
        nonlocal most
        match event:
            case ProjectStarted():
                running.add(event.project)
                most = max(most, len(running))
            case ProjectFinished():
                running.discard(event.project)
            case _:
                pass

    result = await lab.batch("FULL", configs, parallel_limit=parallel_limit, listen=listen)
    assert result["status"] == "success", result
    assert [one["project_id"] for one in result["results"]] == [3, 1, 5, 2, 4]
    assert [one["index"] for one in result["results"]] == [0, 1, 2, 3, 4]
    assert most == min(parallel_limit, 5)
    assert set(await lab.repositories()) == {f"acme/p{number}" for number in range(1, 6)}
    assert _adds_up(result)


async def test_the_result_has_its_keys(open_lab: Any) -> None:
    """The batch's result has the keys of the library's face, and is what is in the work directory."""
    lab = await open_lab(_small(1))
    result = await lab.batch(MigrationMode.FULL, [lab.config(1)])
    assert str(uuid.UUID(result["batch_id"])) == result["batch_id"]
    assert (result["mode"], result["parallel_limit"], result["total_projects"]) == ("FULL", 5, 1)
    for one in (result, *result["results"]):
        begun, ended = (datetime.fromisoformat(one[name]) for name in ("started_at", "finished_at"))
        assert one["started_at"].endswith("Z")
        assert one["finished_at"].endswith("Z")
        assert begun <= ended
    (only,) = result["results"]
    assert (only["project_id"], only["index"], only["status"]) == (1, 0, "success")
    assert list(only["agents"]) == ["discovery", "export", "transform", "plan", "apply", "verify"]
    assert "error" not in only
    assert json.loads((lab.work / "batch-result.json").read_bytes()) == result
    assert (
        json.loads((lab.work / "plan.json").read_bytes())["projects"][0]["digest"] == only["plan"]["digest"]
    )


async def test_no_failure_stops_the_rest(open_lab: Any) -> None:
    """Projects that cannot be read, have no token, a bad setting or a foreign target fail alone."""
    lab = await open_lab(*(_small(number) for number in range(1, 7)))
    await lab.control(
        "PATCH",
        "state",
        [
            {
                "op": "add",
                "path": "/repositories/acme~1p4",
                "value": {"issues": [{"title": "A", "comments": []}]},
            }
        ],
    )
    configs = [
        lab.config(1),
        lab.config(404),
        lab.config(2, github_token="wrong"),
        lab.config(3, visibility="secret"),
        lab.config(4),
        lab.config(5, gitlab_token=""),
        lab.config(6),
        lab.config("no/where", gitlab_url="http://127.0.0.1:1"),
    ]
    result = await lab.batch("FULL", configs)
    reasons = [one.get("error", {}).get("reason") for one in result["results"]]
    assert reasons == [
        None,
        "not-found",
        "auth-failed",
        "config-invalid",
        "findings-block",
        "config-invalid",
        None,
        "unreachable",
    ]
    assert all(one["error"]["hint"] for one in result["results"] if one["status"] == "failed")
    assert (result["status"], result["successful"], result["failed"]) == ("partial_success", 2, 6)
    assert _adds_up(result)


@pytest.mark.parametrize("body", ["json", "html", "empty", "binary"])
async def test_nonsense_from_gitlab_fails_one_project(open_lab: Any, body: str) -> None:
    """Answers of GitLab's that are no answers fail the project that they concern, and no other."""
    lab = await open_lab(_small(1), _small(2))
    fault = {"side": "gitlab", "path": "/projects/1/issues", "effect": {"foreign_body": body, "status": 200}}
    await lab.control("PUT", "faults", [fault])
    result = await lab.batch("FULL")
    assert [one["status"] for one in result["results"]] == ["failed", "success"], result
    assert result["results"][0]["error"]["reason"] != "internal", result["results"][0]["error"]


async def test_a_project_named_twice_is_refused(open_lab: Any) -> None:
    """A project that is listed twice, also once by id and once by path, is refused naming both places."""
    lab = await open_lab(_small(1), _small(2))
    both = [lab.config(1), lab.config(2), lab.config("acme/P1", origin="batch.yml line 9")]
    for configs in (both, [lab.config(1), lab.config(2), lab.config("1", origin="batch.yml line 9")]):
        with pytest.raises(ConfigurationError, match=r"entry 1.*batch\.yml line 9"):
            await lab.batch("PLAN_ONLY", configs)
    slash = lab.config(1)["gitlab_url"] + "/"
    with pytest.raises(ConfigurationError, match="listed twice"):
        await lab.batch("PLAN_ONLY", [lab.config(1), lab.config(1, gitlab_url=slash)])
    assert lab.writes() == []


async def test_higher_priorities_come_first(open_lab: Any) -> None:
    """Projects begin in the order of their priority, and then as they were given."""
    lab = await open_lab(*(_small(number) for number in (1, 2, 3)))
    configs = [lab.config(1), lab.config(2, priority=10), lab.config(3)]
    await lab.batch("DISCOVER_ONLY", configs, parallel_limit=1)
    started = [one.project for one in lab.events if type(one).__name__ == "ProjectStarted"]
    assert started == ["acme/p2", "acme/p1", "acme/p3"]


@pytest.mark.parametrize("long", [False, True], ids=["at once", "after the grace"])
async def test_stopped_and_run_again(open_lab: Any, long: bool) -> None:
    """A stop leaves projects resumable or not started; nothing is sent any more, and the next run ends it."""
    lab = await open_lab(*(_small(number) for number in (1, 2, 3)))
    assert (await lab.batch("PLAN_ONLY"))["status"] == "success"
    orchestrators: list[BatchOrchestrator] = []
    marks: list[int] = []
    if long:
        await lab.faults({"path": "*/git-receive-pack", "method": "POST", "effect": {"delay_s": 30}})

    def listen(event: Event) -> None:
        if getattr(event, "agent", "") == "apply" and getattr(event, "done", 0) == 2 and not marks:
            orchestrators[0].stop(StoppedBy.SIGNAL, "stopped by a test")
            marks.append(lab.mark())

    result = await lab.batch("APPLY", listen=listen, started=orchestrators.append, parallel_limit=1)
    assert [one["status"] for one in result["results"]] == ["incomplete", "not_started", "not_started"], (
        result
    )
    assert (result["status"], result["stopped_by"]) == ("partial_success", "signal")
    assert _adds_up(result)
    assert all(one.endswith("git-receive-pack") for one in lab.writes(marks[0]))
    await lab.faults()
    again = await lab.batch("APPLY")
    assert again["status"] == "success", again


async def test_progress_is_told_while_it_runs(open_lab: Any) -> None:
    """`get_progress` counts projects by status, and says of each where it is; in the end all are finished."""
    lab = await open_lab(_small(1), _small(2))
    orchestrators: list[BatchOrchestrator] = []
    seen: list[dict[str, Any]] = []
    await lab.batch(
        "FULL",
        started=orchestrators.append,
        listen=lambda _: seen.append(orchestrators[0].get_progress()),
        parallel_limit=1,
    )
    during = [one for one in seen if one["in_progress"]]
    assert all(one["finished"] + one["in_progress"] + one["not_started"] == 2 for one in during)
    assert {"apply", "export"} <= {one["projects"].get("acme/p1", {}).get("agent") for one in during}
    assert any((one["projects"]["acme/p1"]["eta_s"] or 0) > 0 for one in during)
    last = orchestrators[0].get_progress()
    assert (last["finished"], last["by_status"]) == (2, {"success": 2})


async def test_a_project_that_the_survey_missed_is_told_under_one_name(open_lab: Any) -> None:
    """GitLab had a bad moment when the batch began: where the project is, and how long it takes, is told."""
    lab = await open_lab(_small(1))
    fault = {"side": "gitlab", "path": "*/projects/1", "nth": [1, 2], "effect": {"status": 502}}
    await lab.control("PUT", "faults", [fault])
    orchestrators: list[BatchOrchestrator] = []
    agents: set[str] = set()
    names: set[str] = set()

    def listen(event: Event) -> None:
        names.add(str(getattr(event, "project", "")))
        for name, one in orchestrators[0].get_progress()["projects"].items():
            names.add(name)
            agents.add(str(one["agent"]))

    result = await lab.batch("FULL", started=orchestrators.append, listen=listen)
    assert result["results"][0]["source"] == "acme/p1"
    assert {"export", "apply", "verify"} <= agents
    assert names - {""} == {"1"}


async def test_texts_refer_across_the_batch(open_lab: Any) -> None:
    """A text may refer to an issue of another project of the batch, even one that comes later."""
    lab = await open_lab(_small(1) | {"issues": [issue(1, description="See acme/p2#2 and #1")]}, _small(2))
    result = await lab.batch("FULL", parallel_limit=1)
    assert result["status"] == "success", result
    (only,) = (await lab.repositories())["acme/p1"]["issues"]
    assert "acme/p2#2" in only["body"]


async def test_survey_failures_are_kept_apart(open_lab: Any) -> None:
    """A project whose survey is answered with nonsense is told as failed, and the others go on."""
    lab = await open_lab(_small(1), _small(2))
    fault = {"side": "gitlab", "path": "/projects/1/merge_requests", "effect": {"foreign_body": "json"}}
    await lab.control("PUT", "faults", [fault])
    result = await lab.batch("DISCOVER_ONLY")
    assert result["results"][1]["status"] == "success"
    assert _adds_up(result)
