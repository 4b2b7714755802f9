"""The library's face, with a stand-in for the agents: what the batch itself makes of a project's outcome."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

import gl2gh_batch
from gl2gh_batch import BatchOrchestrator, MigrationMode, SharedResources
from gl2gh_batch.batch.surveying import SURVEYED_AT_ONCE
from gl2gh_batch.domain.errors import ConfigurationError, StoppedError, TargetError
from gl2gh_batch.domain.result import StoppedBy


def _configs(*names: int | str) -> list[dict[str, Any]]:
    return [
        {
            "project_id": name,
            "gitlab_url": "https://gitlab.invalid",
            "gitlab_token": "glpat-x",
            "github_token": "ghp_x",
            "target": f"acme/p{number}",
        }
        for number, name in enumerate(names)
    ]


class StandIn:
    """Takes the place of AgentOrchestrator; `run_migration` is shared by all that are made."""

    run_migration = AsyncMock()

    def __init__(self, shared_resources: SharedResources) -> None:
        self.shared_resources = shared_resources


@pytest.fixture
def agents(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncMock:
    """What every AgentOrchestrator's `run_migration` is during a test, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    mock = AsyncMock(return_value={"status": "success", "agents": {"plan": {"status": "done"}}, "own": [1]})
    monkeypatch.setattr(StandIn, "run_migration", mock)
    monkeypatch.setattr("gl2gh_batch.batch.orchestrator.AgentOrchestrator", StandIn)
    return mock


async def test_results_are_collected_as_they_are(agents: AsyncMock) -> None:
    """Each project's dict comes back whole, with its place; an unreachable GitLab is no hindrance."""
    async with SharedResources(github_rate_limit=5000) as resources:
        result = await asyncio.wait_for(
            BatchOrchestrator(shared_resources=resources).execute_batch_migration(
                project_configs=_configs(123, "group/app"), mode=MigrationMode.PLAN_ONLY, parallel_limit=5
            ),
            20,
        )
    assert [one["project_id"] for one in result["results"]] == [123, "group/app"]
    assert [one["index"] for one in result["results"]] == [0, 1]
    assert all(
        one["own"] == [1] and one["agents"] == {"plan": {"status": "done"}} for one in result["results"]
    )
    assert (result["status"], result["successful"], result["total_projects"]) == ("success", 2, 2)
    assert [call.kwargs["mode"] for call in agents.await_args_list] == [MigrationMode.PLAN_ONLY] * 2
    assert {call.kwargs["config"]["project_id"] for call in agents.await_args_list} == {123, "group/app"}
    assert {call.kwargs["resume_from"] for call in agents.await_args_list} == {None}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TargetError("refused", hint="do this"), "target-refused"),
        (RuntimeError("boom"), "internal"),
        (sqlite3.OperationalError("disk I/O error"), "internal"),
        (KeyError("id"), "internal"),
        (TimeoutError(), "internal"),
    ],
    ids=repr,
)
async def test_an_exception_becomes_a_failed_result(agents: AsyncMock, error: Exception, reason: str) -> None:
    """Whatever one project raises is its own failed result, and the others go on."""
    agents.side_effect = [error, {"status": "success"}, {"status": "success"}]
    async with SharedResources() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration(
            _configs(1, 2, 3), mode="FULL", parallel_limit=1
        )
    assert [one["status"] for one in result["results"]] == ["failed", "success", "success"]
    assert result["results"][0]["error"]["reason"] == reason
    assert result["results"][0]["error"]["hint"]
    assert (result["status"], result["failed"], result["successful"]) == ("partial_success", 1, 2)


async def test_secrets_in_an_exception_are_masked(agents: AsyncMock) -> None:
    """A token that an unforeseen error carries does not get into the result."""
    resources = SharedResources()
    resources.redactor.add("ghp_0123456789abcdef")
    agents.side_effect = RuntimeError("https://x:ghp_0123456789abcdef@github.com")
    result = await BatchOrchestrator(resources).execute_batch_migration(_configs(1), mode="FULL")
    await resources.close()
    assert "ghp_0123456789abcdef" not in json.dumps(result)


@pytest.mark.parametrize("answer", [None, {}, {"status": "nonsense"}, {"status": None}, 7], ids=repr)
async def test_a_strange_outcome_is_a_failure(agents: AsyncMock, answer: Any) -> None:
    """A result without one of the four statuses counts as failed."""
    agents.return_value = answer
    async with SharedResources() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration(_configs(1), mode="FULL")
    assert (result["status"], result["failed"]) == ("failed", 1)
    assert result["results"][0]["agents"] == {}


async def test_an_unreachable_gitlab_is_asked_for_once(agents: AsyncMock) -> None:
    """A hundred projects of an instance that is not there wait for it no longer than a handful do."""
    begun: list[float] = []

    class Counting(SharedResources):
        async def survey(self, *arguments: Any, **more: Any) -> Any:
            begun.append(asyncio.get_running_loop().time())
            return await super().survey(*arguments, **more)

    async with Counting() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration(
            _configs(*range(1, 101)), mode="FULL"
        )
    assert result["successful"] == 100
    assert len(begun) <= SURVEYED_AT_ONCE


@pytest.mark.parametrize("limit", [1, 4, 20])
async def test_no_more_than_the_limit_at_once(agents: AsyncMock, limit: int) -> None:
    """At most `parallel_limit` projects run at once, and that many do; results keep their order."""
    running = most = 0

    async def run(*, config: dict[str, Any], **_: Any) -> dict[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001 * (25 - config["project_id"]))
        running -= 1
        return {"status": "success", "name": config["project_id"]}

    agents.side_effect = run
    async with SharedResources() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration(
            _configs(*range(1, 25)), mode="FULL", parallel_limit=limit
        )
    assert most == limit
    assert [one["name"] for one in result["results"]] == list(range(1, 25))


async def test_statuses_add_up(agents: AsyncMock) -> None:
    """The four counts are those of the projects' statuses."""
    statuses = ["success", "failed", "incomplete", "not_started", "success"]
    agents.side_effect = [{"status": one} for one in statuses]
    async with SharedResources() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration(
            _configs(*range(1, 6)), mode="FULL", parallel_limit=1
        )
    counts = {name: result[name] for name in ("successful", "failed", "incomplete", "not_started")}
    assert counts == {"successful": 2, "failed": 1, "incomplete": 1, "not_started": 1}
    assert result["status"] == "partial_success"


@pytest.mark.parametrize("limit", [0, 21, -1, True, "5", 5.0, None], ids=repr)
async def test_a_wrong_limit_is_refused(agents: AsyncMock, limit: Any) -> None:
    """Anything but a whole number from 1 to 20 is a ConfigurationError, which is a ValueError."""
    async with SharedResources() as resources:
        with pytest.raises(ConfigurationError, match="parallel_limit") as caught:
            await BatchOrchestrator(resources).execute_batch_migration(_configs(1), parallel_limit=limit)
    assert isinstance(caught.value, ValueError)
    assert caught.value.exit_code == 2
    agents.assert_not_awaited()


@pytest.mark.parametrize(
    "arguments",
    [
        {"mode": "EVERYTHING"},
        {"mode": "apply"},
        {"mode": "PLAN_ONLY", "resume_from": "apply"},
        {"mode": "APPLY", "resume_from": "plan"},
        {"mode": "FULL", "resume_from": "nothing"},
    ],
    ids=str,
)
async def test_wrong_usage_is_refused(agents: AsyncMock, arguments: dict[str, Any]) -> None:
    """An unknown mode, or an agent that the mode does not run, is refused before any project runs."""
    async with SharedResources() as resources:
        with pytest.raises(ConfigurationError) as caught:
            await BatchOrchestrator(resources).execute_batch_migration(_configs(1), **arguments)
    assert caught.value.hint
    agents.assert_not_awaited()


@pytest.mark.parametrize(
    "config", [{}, {"project_id": None}, {"project_id": ""}, {"project_id": True}], ids=str
)
async def test_a_project_without_a_name_is_refused(agents: AsyncMock, config: dict[str, Any]) -> None:
    """A configuration that names no project is wrong usage."""
    async with SharedResources() as resources:
        with pytest.raises(ConfigurationError, match="project_id"):
            await BatchOrchestrator(resources).execute_batch_migration([config])


@pytest.mark.parametrize("configs", [None, 7, "group/app", {"project_id": 1}, ["group/app"], [None], [[1]]])
async def test_what_is_no_list_of_projects_is_refused(agents: AsyncMock, configs: Any) -> None:
    """Also from a program that took no care: a ConfigurationError that says what is wanted."""
    async with SharedResources() as resources:
        with pytest.raises(ConfigurationError, match="projects"):
            await BatchOrchestrator(resources).execute_batch_migration(configs)
    agents.assert_not_awaited()


async def test_an_empty_batch_is_a_success(agents: AsyncMock, tmp_path: Path) -> None:
    """No project at all is a success with 0 projects, and writes nothing."""
    async with SharedResources() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration([], mode="FULL")
    assert (result["status"], result["total_projects"], result["results"]) == ("success", 0, [])
    assert list(tmp_path.iterdir()) == []


async def test_a_project_listed_twice_names_both_places(agents: AsyncMock) -> None:
    """The error names where the one and the other entry are."""
    async with SharedResources() as resources:
        with pytest.raises(ConfigurationError, match="entry 1 and entry 3"):
            await BatchOrchestrator(resources).execute_batch_migration(_configs(5, 6, 5))
    agents.assert_not_awaited()


async def test_two_projects_in_one_folder_are_refused_before_anything_runs(
    agents: AsyncMock, tmp_path: Path
) -> None:
    """The error names both; the folder may be written in two ways."""
    one, two, three = _configs(5, 6, 7)
    one["output_dir"], two["output_dir"] = str(tmp_path / "a"), str(tmp_path / "b")
    three["output_dir"] = tmp_path / "b" / ".." / "a"
    async with SharedResources() as resources:
        with pytest.raises(ConfigurationError, match=r"5 \(entry 1\) and 7 \(entry 3\)") as caught:
            await BatchOrchestrator(resources).execute_batch_migration([one, two, three])
    assert caught.value.field == "output_dir"
    agents.assert_not_awaited()
    assert list(tmp_path.iterdir()) == []


async def test_what_waits_for_its_turn_is_not_lost_in_a_stop(agents: AsyncMock) -> None:
    """A stop that has to cut off the running project leaves the waiting ones as not started."""
    orchestrators: list[BatchOrchestrator] = []

    async def run(**_: Any) -> dict[str, Any]:
        orchestrators[0].stop(StoppedBy.DEADLINE, "time is up")
        orchestrators[0]._run.cancel()  # type: ignore[union-attr] # because the grace would take seconds
        await asyncio.sleep(60)
        return {"status": "success"}

    agents.side_effect = run
    async with SharedResources() as resources:
        orchestrators.append(BatchOrchestrator(resources))
        result = await orchestrators[0].execute_batch_migration(
            _configs(1, 2, 3), mode="FULL", parallel_limit=1
        )
    assert [one["status"] for one in result["results"]] == ["incomplete", "not_started", "not_started"]
    assert (result["stopped_by"], result["status"]) == ("deadline", "partial_success")


async def test_a_stop_before_a_projects_first_agent_leaves_it_to_be_resumed(agents: AsyncMock) -> None:
    """Stopped while its place was being laid out it has not failed, and the next run goes on with it."""
    agents.side_effect = StoppedError("stopped by SIGTERM")
    async with SharedResources() as resources:
        result = await BatchOrchestrator(resources).execute_batch_migration(_configs(1), mode="FULL")
    assert (result["status"], result["incomplete"], result["failed"]) == ("partial_success", 1, 0)
    assert "error" not in result["results"][0]
    assert "same work directory" in result["resume"]


async def test_being_cancelled_from_outside_passes_through(agents: AsyncMock) -> None:
    """Cancelling the call itself cancels the projects and is not turned into a result."""

    both = asyncio.Barrier(3)

    async def run(**_: Any) -> dict[str, Any]:
        await both.wait()
        await asyncio.sleep(60)
        return {}

    agents.side_effect = run
    async with SharedResources() as resources:
        task = asyncio.create_task(BatchOrchestrator(resources).execute_batch_migration(_configs(1, 2)))
        await both.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_user_mappings_are_kept() -> None:
    """A mapping of any shape is given back as it was; None when unknown."""
    async with SharedResources(github_rate_limit=5000) as resources:
        mapping = {"github_login": "octocat", "own": [1]}
        await resources.set_user_mapping("gitlab_user_123", mapping)
        assert await resources.get_user_mapping("gitlab_user_123") == mapping
        assert await resources.get_user_mapping("gitlab_user_124") is None


@pytest.mark.parametrize("limit", [0, -5, "5000", True, 1.5])
def test_a_rate_limit_is_a_positive_number(limit: Any) -> None:
    """A primary limit below one, or that is no whole number, is refused at once."""
    with pytest.raises(ConfigurationError, match="github_rate_limit") as caught:
        SharedResources(github_rate_limit=limit)
    assert caught.value.field == "github_rate_limit"


def test_the_face_is_what_it_says() -> None:
    """Everything in `__all__` is there."""
    for name in gl2gh_batch.__all__:
        assert getattr(gl2gh_batch, name) is not None
    with pytest.raises(AttributeError):
        _ = gl2gh_batch.nothing_of_the_kind
