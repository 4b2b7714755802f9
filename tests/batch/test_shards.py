"""A batch cut into shards, and its results joined again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.batch.shards import (
    MOST_SHARDS,
    Shard,
    cut,
    matrix,
    merge_results,
    parse_shard,
    parse_shards,
)
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.output.summary import job_summary

COSTS = st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0, 100), max_size=60)


@given(costs=COSTS, wanted=st.integers(0, MOST_SHARDS))
def test_every_project_is_in_exactly_one_shard(costs: dict[str, float], wanted: int) -> None:
    """A cut is a partition, with no more shards than projects and no empty one."""
    shards = cut(costs, wanted)
    assert sorted(name for part in shards.values() for name in part) == sorted(costs)
    assert 1 <= len(shards) <= MOST_SHARDS
    assert not costs or all(shards.values())


@given(
    costs=st.dictionaries(st.text(min_size=1, max_size=8), st.floats(0.01, 100), min_size=1),
    wanted=st.integers(1, 9),
)
def test_the_heaviest_shard_is_within_four_thirds_of_the_best(costs: dict[str, float], wanted: int) -> None:
    """Largest first to the lightest keeps Graham's bound against a lower bound of the best cut."""
    shards = cut(costs, wanted)
    loads = [sum(costs[name] for name in part) for part in shards.values()]
    ordered = sorted(costs.values(), reverse=True)
    count = len(shards)
    # No cut beats the mean, the largest project, or two of the first count + 1 together.
    pair = ordered[count - 1] + ordered[count] if len(ordered) > count else 0.0
    lower = max(sum(loads) / count, ordered[0], pair)
    assert max(loads) <= lower * (4 / 3) + 1e-9


def test_auto_follows_hours_and_number_of_projects() -> None:
    """Small batches stay whole; long ones and large ones are cut, never beyond GitHub's 256."""
    assert list(cut({"a": 0.1, "b": 0.2}, 0)) == ["1/1"]
    assert len(cut({str(number): 1.0 for number in range(11)}, 0)) == 3
    assert len(cut({str(number): 0.0 for number in range(120)}, 0)) == 3
    assert len(cut({str(number): 9.0 for number in range(1000)}, 0)) == MOST_SHARDS


def test_the_matrix_is_what_a_strategy_takes() -> None:
    """A batch that is not cut is one shard, so that `fromJSON` always has something to read."""
    assert matrix(["1/2", "2/2"]) == {"shard": ["1/2", "2/2"]}
    assert matrix([]) == {"shard": ["1/1"]}


@pytest.mark.parametrize("text", ["9/8", "0/3", "3", "1/0", "a/b", "1/257", "-1/3", "1/3/4", "１/３"])
def test_a_bad_shard_is_a_configuration_error(text: str) -> None:
    """What names no part of a batch is refused with the field and the form."""
    with pytest.raises(ConfigurationError) as refused:
        parse_shard(text)
    assert refused.value.field == "shard"
    assert "2/3" in refused.value.hint


@pytest.mark.parametrize("text", ["0", "257", "many", "-1", "1.5"])
def test_a_bad_number_of_shards_is_a_configuration_error(text: str) -> None:
    """Only auto and 1 to 256 can be asked for."""
    with pytest.raises(ConfigurationError) as refused:
        parse_shards(text)
    assert refused.value.field == "shards"


def test_good_ones_are_read() -> None:
    """Nothing, auto, a number, a part."""
    assert parse_shard("") is None
    assert parse_shard("2/3") == Shard(index=2, count=3)
    assert parse_shards("") is None
    assert parse_shards("auto") == 0
    assert parse_shards("12") == 12


PLAN = {
    "projects": [
        {"project_id": 1, "source": "a/one", "target": "acme/one"},
        {"project_id": 2, "source": "a/two", "target": "acme/two"},
        {"project_id": 3, "source": "a/three", "target": "acme/three"},
    ],
    "shards": {"1/2": [2], "2/2": [1, 3]},
}


def result(*projects: dict[str, object]) -> dict[str, object]:
    """A shard's result with these projects."""
    return {
        "batch_id": "x",
        "mode": "APPLY",
        "started_at": "2026-01-01T00:00:00.000Z",
        "finished_at": "2026-01-01T01:00:00.000Z",
        "stopped_by": None,
        "results": list(projects),
    }


def test_results_of_all_shards_become_one_in_the_order_of_the_plan() -> None:
    """Counts, status, times and order are those of one batch."""
    merged = merge_results(
        PLAN,
        {
            "1/2": result({"project_id": 2, "index": 0, "status": "success"}),
            "2/2": result(
                {"project_id": 1, "index": 0, "status": "success"},
                {"project_id": 3, "index": 1, "status": "success"},
            ),
        },
    )
    assert [one["project_id"] for one in merged["results"]] == [1, 2, 3]
    assert [one["index"] for one in merged["results"]] == [0, 1, 2]
    assert (merged["status"], merged["successful"], merged["missing_shards"]) == ("success", 3, [])


def test_what_all_shards_waited_for_and_did_at_once_is_in_the_one_result() -> None:
    """Credentials are told for each shard, projects at once and what held them back added up."""
    own: dict[str, object] = {
        "budgets": [{"credential": "github-1", "requests": 7, "waited_s": {"content_hour": 60.0}}],
        "parallelism": {"limit": 5, "highest": 2, "held_back_s": {"budget": 3}},
    }
    done = {"project_id": 2, "index": 0, "status": "success"}
    merged = merge_results(PLAN, {shard: result(done) | own for shard in ("2/2", "1/2")})
    assert [one["credential"] for one in merged["budgets"]] == ["1/2 github-1", "2/2 github-1"]
    assert merged["parallelism"] == {"limit": 10, "highest": 4, "held_back_s": {"budget": 6}}
    page = job_summary(merged)
    assert "| <code>2/2 github&#45;1</code> | 7 | content&#95;hour 60 s | never |" in page
    assert "4 of 10 projects at once" in page


def test_a_project_that_could_not_be_planned_is_not_lost_in_the_merge() -> None:
    """No shard has it, and the batch is no success all the same: it is as the planning left it."""
    error = {"reason": "source-missing", "message": "it is not there", "hint": "look", "retryable": False}
    lost = {"project_id": 9, "source": "", "target": "", "status": "failed", "error": error}
    plan = {**PLAN, "projects": PLAN["projects"][1:2], "shards": {"1/1": [2]}, "unplanned": [lost]}
    merged = merge_results(plan, {"1/1": result({"project_id": 2, "index": 0, "status": "success"})})
    assert (merged["status"], merged["total_projects"], merged["failed"]) == ("partial_success", 2, 1)
    last = merged["results"][-1]
    assert (last["project_id"], last["index"], last["status"], last["error"]) == (9, 1, "failed", error)
    assert "it is not there" in job_summary(merged)


def test_a_missing_shard_is_named_and_its_projects_are_not_started() -> None:
    """What nobody reported is never counted as done."""
    merged = merge_results(PLAN, {"1/2": result({"project_id": 2, "index": 0, "status": "success"})})
    assert merged["missing_shards"] == ["2/2"]
    assert merged["status"] == "partial_success"
    assert merged["not_started"] == 2
    assert "Re-run failed jobs" in merged["resume"]
    absent = merged["results"][0]
    assert (absent["status"], absent["shard"], absent["target"]) == ("not_started", "2/2", "acme/one")
