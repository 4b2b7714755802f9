"""A plan is cut, each job applies its part on its own copy of the work directory, and merge joins them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.domain.errors import ConfigurationError, PlanRefusedError, WorkDirectoryError
from gl2gh_batch.domain.events import Event, Noticed
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.domain.ports import Emit
from gl2gh_batch.interfaces.merging import merge
from gl2gh_batch.interfaces.running import run_batch
from gl2gh_batch.interfaces.wiring import wire
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.sandbox import Sandbox

SEEDS = {
    name: f"project: {{path: acme/{name}, id: {number}}}\nissues:\n  - title: See acme/two#1\n"
    for number, name in enumerate(("one", "two", "three"), start=901)
}


async def run(sandbox: Sandbox, work_dir: Path, listen: Emit = lambda _: None, **inputs: str) -> Any:
    """Run the command line's way into the batch; its result."""
    batch = wire(
        {
            "gitlab_url": sandbox.gitlab_url,
            "gitlab_token": sandbox.gitlab_token,
            "github_url": sandbox.github_url,
            "github_token": sandbox.github_token,
            "target_owner": sandbox.owner,
            "work_dir": str(work_dir),
            **inputs,
        }
    )
    return (await run_batch(batch, Redactor(), listen)).result


@pytest.fixture
def seeds(tmp_path: Path) -> list[Path]:
    """Three projects whose texts refer to each other."""
    paths = []
    for name, text in SEEDS.items():
        path = tmp_path / f"{name}.yml"
        path.write_text(text, "utf-8")
        paths.append(path)
    return paths


async def test_the_shards_of_a_plan_make_what_one_run_would(tmp_path: Path, seeds: list[Path]) -> None:
    """Every project arrives once, references hold across shards, and the merged result is whole."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        plan = tmp_path / "plan"
        made = await run(sandbox, plan, project_ids="901,902,903", mode="PLAN_ONLY", shards="2")
        assert made["shards"] == ["1/2", "2/2"]
        together = tmp_path / "together"
        shutil.copytree(plan, together / "plan-job")
        for name in ("plan.json", "rate-limit.json"):
            shutil.copy(plan / name, together / name)
        first, second = _allotments(together).values()
        whole = {name: units + second[name] for name, units in first.items()}
        for number in (1, 2):
            if number == 2:
                early = merge(together)
                assert early["missing_shards"] == ["2/2"]
                assert early["status"] == "partial_success"
                # Who goes on from here has what the one that ended leaves.
                assert _allotments(together) == {"2/2": whole}
            job = tmp_path / f"job-{number}"
            shutil.copytree(plan, job)
            result = await run(sandbox, job, mode="APPLY", shard=f"{number}/2")
            assert result["status"] == "success"
            assert f"{number}/2" not in _allotments(job)
            shutil.copytree(job, together / f"job-{number}")
        merged = merge(together)
        assert merged["status"] == "success"
        assert [one["project_id"] for one in merged["results"]] == [901, 902, 903]
        assert merged["missing_shards"] == []
        assert _allotments(together) == {}
        assert json.loads((together / "batch-result.json").read_text("utf-8")) == merged
        _is_one_report(together / "report", plan / "report")
        repositories = sandbox.github.repositories.values()
        issues = {one.name: [issue.title for issue in one.issues.values()] for one in repositories}
        assert issues == {
            "one": ["See acme/two#1"],
            "two": ["See #1"],
            "three": ["See acme/two#1"],
        }


def _allotments(folder: Path) -> dict[str, dict[str, int]]:
    """The units of each class that the rate-limit file allots to each shard."""
    allotments = json.loads((folder / "rate-limit.json").read_text("utf-8"))["allotments"]
    return {
        shard: {name: one["limit"] for name, one in limits.items()} for shard, limits in allotments.items()
    }


def _is_one_report(joined: Path, planned: Path) -> None:
    """The shards' reports make what one run's is: each project's lines once, its certificate, all sums."""
    for name in ("numbers.csv", "inventory.csv", "losses.csv", "losses.ndjson"):
        found, whole = (sorted((one / name).read_text("utf-8").splitlines()) for one in (joined, planned))
        assert [line.partition(",")[0] for line in found] == [line.partition(",")[0] for line in whole], name
        if name == "numbers.csv":
            assert found == whole
    certificates = sorted(path.name for path in (joined / "certificates").glob("*.json"))
    assert certificates == [
        f"acme-{name}-{number}.json" for name, number in (("one", 901), ("three", 903), ("two", 902))
    ]
    assert json.loads((joined / "results.json").read_text("utf-8"))["successful"] == 3
    assert "acme/three" in (joined / "summary.md").read_text("utf-8").replace("&#47;", "/")


async def test_a_rate_file_that_takes_no_allotments_is_no_reason_to_fail(
    tmp_path: Path, seeds: list[Path]
) -> None:
    """The plan is cut all the same, a notice says so, and each shard divides the limits by itself."""
    (tmp_path / "folder").mkdir()
    # Who goes on alone begins as if the windows were full.
    short = ("points", "content_minute", "gitlab_requests")
    wide = {name: {"limit": 10_000, "window_s": 1} for name in short}
    (tmp_path / "limits.json").write_text(json.dumps(wide))
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        heard: list[Event] = []
        work = tmp_path / "w"
        inputs = {"rate_limit_file": str(tmp_path / "folder"), "limits": str(tmp_path / "limits.json")}
        made = await run(
            sandbox, work, heard.append, project_ids="901,902", mode="PLAN_ONLY", shards="2", **inputs
        )
        assert (made["status"], made["shards"]) == ("success", ["1/2", "2/2"])
        told = [one.message for one in heard if isinstance(one, Noticed) and "allotments" in one.message]
        assert len(told) == 1
        for shard in made["shards"]:
            result = await run(sandbox, work, mode="APPLY", shard=shard, **inputs)
            assert result["status"] == "success"


async def test_a_shard_that_the_plan_does_not_know_is_refused(tmp_path: Path, seeds: list[Path]) -> None:
    """Another count than the plan's would leave projects out or do them twice."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        await run(sandbox, tmp_path / "w", project_ids="901,902,903", mode="PLAN_ONLY", shards="2")
        with pytest.raises(PlanRefusedError, match="1/3"):
            await run(sandbox, tmp_path / "w", mode="APPLY", shard="1/3")


async def test_a_shard_without_a_cut_plan_is_refused(tmp_path: Path, seeds: list[Path]) -> None:
    """APPLY takes its part from the plan alone."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        with pytest.raises(PlanRefusedError, match="no plan with shards"):
            await run(sandbox, tmp_path / "w", project_ids="901", mode="APPLY", shard="1/2")


async def test_other_modes_cut_the_list_evenly(tmp_path: Path, seeds: list[Path]) -> None:
    """Without a plan the parts are a partition of the list."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        seen = []
        for number in (1, 2):
            result = await run(
                sandbox,
                tmp_path / str(number),
                project_ids="901,902,903",
                mode="DISCOVER_ONLY",
                shard=f"{number}/2",
            )
            seen += [one["project_id"] for one in result["results"]]
        assert sorted(seen) == [901, 902, 903]


@pytest.mark.parametrize("mode", [mode for mode in MigrationMode if mode is not MigrationMode.PLAN_ONLY])
def test_only_a_plan_is_cut(mode: MigrationMode) -> None:
    """`shards` goes with PLAN_ONLY; elsewhere it is a configuration error that says so."""
    with pytest.raises(ConfigurationError) as refused:
        wire(
            {
                "project_ids": "1",
                "gitlab_token": "a-token",
                "github_token": "b-token",
                "target_owner": "acme",
                "mode": mode,
                "shards": "2",
            }
        )
    assert refused.value.field == "shards"


def test_merge_says_what_it_needs(tmp_path: Path) -> None:
    """No plan, no shard's result, a damaged one: each has its own message."""
    with pytest.raises(PlanRefusedError):
        merge(tmp_path)
    plan = {"shards": {"1/1": ["1"]}, "projects": [{"project_id": 1}]}
    (tmp_path / "plan.json").write_text(json.dumps(plan), "utf-8")
    with pytest.raises(ConfigurationError):
        merge(tmp_path)
    whole = {"shard": "1/1", "started_at": "2026", "finished_at": "2027", "results": []}
    for damaged in (
        "{",
        "[]",
        json.dumps({**whole, "results": [{}]}),
        json.dumps({**whole, "results": ["a"]}),
        json.dumps({**whole, "results": [{"project_id": 1, "status": "fine"}]}),
        json.dumps({**whole, "started_at": 7}),
        json.dumps({**whole, "budgets": [{"requests": 7}]}),
        json.dumps({**whole, "parallelism": {"limit": "a"}}),
    ):
        (tmp_path / "batch-result.shard-1-of-1.json").write_text(damaged, "utf-8")
        with pytest.raises(WorkDirectoryError, match="shard-1-of-1"):
            merge(tmp_path)


async def test_a_project_planned_by_its_path_is_joined_with_what_was_applied_by_its_id(
    tmp_path: Path, seeds: list[Path]
) -> None:
    """Applying needs no list, and names projects by their ids; the merged result has each once."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        plan = tmp_path / "plan"
        await run(sandbox, plan, project_ids="901,acme/two", mode="PLAN_ONLY", shards="2")
        for number in (1, 2):
            await run(sandbox, plan, mode="APPLY", shard=f"{number}/2")
        merged = merge(plan)
        assert [(one["source"], one["status"]) for one in merged["results"]] == [
            ("acme/one", "success"),
            ("acme/two", "success"),
        ]


async def test_a_result_of_another_plan_or_of_no_apply_does_not_count(
    tmp_path: Path, seeds: list[Path]
) -> None:
    """It is named with the reason, and its shard is missing."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        plan = tmp_path / "plan"
        await run(sandbox, plan, project_ids="901,902", mode="PLAN_ONLY", shards="2")
        await run(sandbox, plan, mode="APPLY", shard="1/2")
        await run(sandbox, plan, project_ids="901,902", mode="PLAN_ONLY", shard="2/2")
        merged = merge(plan)
        assert (merged["status"], merged["missing_shards"]) == ("partial_success", ["2/2"])
        (said,) = merged["passed_over"]
        assert "shard 2/2 is not counted: it is of mode PLAN_ONLY" in said
        await run(sandbox, plan, project_ids="902,903", mode="PLAN_ONLY", shards="2")
        with pytest.raises(ConfigurationError, match="it is of another plan"):
            merge(plan)


async def test_what_no_shard_has_is_told(tmp_path: Path, seeds: list[Path]) -> None:
    """A project that is listed and was not planned, and a shard more than there are projects."""
    async with Sandbox(projects=seeds, profile="unlimited") as sandbox:
        plan, told = tmp_path / "plan", list[Event]()
        await run(sandbox, plan, project_ids="901,902", mode="PLAN_ONLY", shards="2")
        await run(sandbox, plan, told.append, project_ids="901,902,903", mode="APPLY", shard="2/2")
        assert "903 is listed and not in the plan: no shard migrates it" in _said(told)
        told.clear()
        done = [
            await run(
                sandbox, tmp_path / "x", told.append, project_ids="901,902", mode="EXPORT_ONLY", shard=one
            )
            for one in ("1/3", "2/3", "3/3")
        ]
        assert [one["total_projects"] for one in done] == [1, 1, 0]
        assert "shard 3/3 has nothing to do: the batch has fewer projects" in _said(told)


def _said(events: list[Event]) -> list[str]:
    return [one.message for one in events if isinstance(one, Noticed)]


def test_a_part_is_not_cut_again() -> None:
    """`shard` and `shards` together are one mistake, told at once."""
    given = {"project_ids": "1", "mode": "PLAN_ONLY", "shard": "1/2", "shards": "2"}
    with pytest.raises(ConfigurationError, match="shard 1/2 is a part of a plan that was cut"):
        wire({**given, "gitlab_token": "t", "github_token": "t", "target_owner": "acme"})
