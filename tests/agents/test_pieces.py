"""The small parts of the agents: order on disk, digests, and one project run by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import lab as labs
import pytest
from brisk import BriskClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gl2gh_batch import AgentOrchestrator, SharedResources
from gl2gh_batch.agents import ALL_AGENTS
from gl2gh_batch.agents.plan import STEPS, plan_digest, read_plan, read_steps
from gl2gh_batch.agents.transform import Sorter, numbered
from gl2gh_batch.domain.errors import ConfigurationError, PlanRefusedError
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.numbering import NumberingPolicy, Numbers
from gl2gh_batch.domain.plan import Call, GitPush, NoOp, Upload
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kinds import ALL_KINDS, filling_order
from gl2gh_batch.kit.workdir import ProjectFolder


def test_every_agent_is_registered_in_order() -> None:
    """The registry is the line of agents."""
    assert list(ALL_AGENTS) == list(AgentName)
    assert all(agent.name is name for name, agent in ALL_AGENTS.items())


@given(places=st.lists(st.integers(1, 30), max_size=40), last=st.integers(0, 30))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_come_in_order_and_gaps_are_filled(tmp_path: Path, places: list[int], last: int) -> None:
    """Each place has its line or a filler, once; a doubled identity is refused."""
    with Sorter(tmp_path / "sorter.sqlite") as sorter:
        fresh = [sorter.add(str(place), place, b"%d" % place) for place in places]
        lines = [int(line) for line in sorter.lines((n, b"%d" % -n) for n in range(1, last + 1))]
    assert sum(fresh) == len(set(places))
    assert [abs(line) for line in lines] == sorted(set(places) | set(range(1, last + 1)))
    assert {line for line in lines if line > 0} == set(places)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("policy", "spans"),
    [
        (NumberingPolicy.ISSUES_EXACT, {"issues": range(1, 10), "merge_requests": range(10, 14)}),
        (NumberingPolicy.MERGE_REQUESTS_EXACT, {"merge_requests": range(1, 5), "issues": range(5, 14)}),
        (NumberingPolicy.COMPACT, {"issues": range(1, 3), "merge_requests": range(3, 4)}),
    ],
)
def test_the_numbers_to_fill(policy: NumberingPolicy, spans: dict[str, range]) -> None:
    """Each number is filled by one kind, in order; what a kind that is left out would take the next fills."""
    numbers = Numbers(
        policy=policy,
        highest_issue=9,
        highest_merge_request=4,
        issue_iids=(2, 9),
        merge_request_iids=(4,),
    )
    assert list(numbered(ALL_KINDS, ALL_KINDS, numbers).items()) == list(spans.items())
    first, last = spans
    assert numbered(ALL_KINDS, {last}, numbers) == {last: range(1, spans[last].stop)}
    assert numbered(ALL_KINDS, {first}, numbers) == {first: spans[first]}
    assert [name for name in filling_order(ALL_KINDS, numbers) if name in spans] == list(spans)
    assert numbered(ALL_KINDS, ALL_KINDS, Numbers(policy=policy)) == {}


@pytest.mark.parametrize(
    "step",
    [
        Call(id="a", kind="k", method="POST", path="/x", body={"a": [{"$ref": "b", "field": "id"}]}),
        GitPush(id="b", kind="k", repo=RepoRef(owner="o", name="n"), mirror="m", refs={"refs/heads/a": "1"}),
        Upload(
            id="c",
            kind="k",
            repo=RepoRef(owner="o", name="n"),
            release="a",
            file="f",
            name="n",
            sha256="0",
            size=1,
        ),
        NoOp(id="d", kind="k", reason="there"),
    ],
    ids=lambda step: type(step).__name__,
)
def test_steps_come_back_from_their_file(tmp_path: Path, step: Any) -> None:
    """Every sort of step is read as it was written; a line that is none refuses the plan."""
    folder = ProjectFolder(tmp_path)
    folder.steps.write_bytes(STEPS.encode(step) + b"\n")
    assert list(read_steps(folder)) == [step]
    folder.steps.write_bytes(STEPS.encode(step)[:-9] + b"\n")
    with pytest.raises(PlanRefusedError):
        list(read_steps(folder))


async def test_one_project_by_itself(tmp_path: Path) -> None:
    """An AgentOrchestrator runs a project without a batch, in its own folder, and answers with a dict."""
    async with (
        labs.open_lab(tmp_path, [labs.project()]) as lab,
        SharedResources(clock=BriskClock()) as resources,
    ):
        config = lab.config(output_dir=str(tmp_path / "out"))
        orchestrator = AgentOrchestrator(shared_resources=resources)
        planned = await orchestrator.run_migration(mode="PLAN_ONLY", config=config)
        assert planned["status"] == "success"
        plan = read_plan(ProjectFolder(tmp_path / "out"))
        assert plan is not None
        assert plan.digest == plan_digest(plan) == planned["plan"]["digest"]
        assert plan.steps == sum(1 for _ in read_steps(ProjectFolder(tmp_path / "out")))
        applied = await orchestrator.run_migration(mode="APPLY", config=config)
        assert applied["status"] == "success"
        assert (applied["source"], applied["target"]) == ("acme/app", "acme/app")
        verified = await orchestrator.verify_only(config=config)
        assert verified["status"] == "success"
        assert verified["verification"]["total_differences"] == 0
        with pytest.raises(ConfigurationError):
            await orchestrator.run_migration(mode="APPLY", config=config, resume_from="plan")


async def test_the_price_is_what_apply_spends(tmp_path: Path) -> None:
    """The plan's writes are exactly those that apply and close send; its requests are near the true ones."""
    async with labs.open_lab(tmp_path, [labs.project()]) as lab:
        planned = await lab.run("PLAN_ONLY")
        price = planned["plan"]["price"]
        mark = lab.mark()
        assert (await lab.run("APPLY"))["status"] == "success"
        writes = [one for one in lab.writes(mark) if not one.endswith("git-receive-pack")]
        assert price["writes"] + price["content"] + price["imports"] == len(writes)
        sent = [one for one in lab.github(mark) if "/api/" in one.path]
        assert 0.5 <= price["requests"] / len(sent) <= 1.5
