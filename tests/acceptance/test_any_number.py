"""Where no number is promised imports run side by side: nothing is missing, twice, or named wrongly."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from brisk import BriskClock
from lab import USERS, Lab, issue, note, project
from merging import hide_branches, merging
from victim import apply_until_killed

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.rewrite.markers import find_marker

ANY = {"numbering": "any"}
# Jobs end in another order than they were begun.
MIXED = {"import_job_s": (0.001, 0.06)}
EVERYTHING = Path(__file__).resolve().parents[1] / "support" / "everything.yml"
RELATED = project(
    labels=[{"title": "later", "color": "#428bca"}],
    issues=[
        issue(1, labels=["later"], milestone="1.0", locked=True, notes=[note("Same as #3, see !1.")]),
        issue(2, assignees=["anna", "ben"], description="Closes #1, and acme/other#1, and GH-1."),
        issue(
            5,
            state="closed",
            type="task",
            links=[{"type": "is_blocked_by", "issue": 1}, {"type": "blocks", "issue": 2}],
            notes=[note("added #1 as parent issue", system=True), note("x" * 70_000)],
        ),
        *(issue(iid) for iid in range(7, 12)),
    ],
)
PEOPLE = [*USERS, ("ben", "ben")]
SEED = 20261123


def _polls(lab: Lab, since: int = 0) -> int:
    return sum(one.method == "GET" and "/import/issues" in one.path for one in lab.github(since))


def _by_source(repository: dict[str, Any]) -> dict[str, Any]:
    """What the repository holds, told by where it comes from and not by number."""
    sources = {one["number"]: find_marker(one["body"] or "") for one in repository["issues"]}
    assert None not in sources.values()
    assert len(set(sources.values())) == len(sources), "something is there twice"
    return {
        str(sources[one["number"]]): (
            one["title"],
            one["body"],
            one["state"],
            one["locked"],
            sorted(user["login"] if isinstance(user, dict) else user for user in one["assignees"]),
            sources.get(one["parent"]),
            sorted(str(sources[blocker]) for blocker in one["blocked_by"]),
            [comment["body"] for comment in one["comments"]],
        )
        for one in repository["issues"]
    }


async def test_a_list_tells_of_a_hundred_jobs(open_lab: Any) -> None:
    """At most one look for twenty imports, every issue once, and as many requests as the plan said."""
    lab = await open_lab(project(issues=[], volume={"seed": 3, "issues": 240, "notes_per_issue": 1}))
    planned = await lab.run("PLAN_ONLY", lab.config(**ANY))
    mark = lab.mark()
    applied = await lab.run("APPLY", lab.config(**ANY))
    assert applied["status"] == "success", applied.get("error")
    assert len(_by_source(await lab.repository())) == 240
    assert _polls(lab, mark) <= 0.05 * 240
    price = planned["plan"]["price"]
    sent = [one for one in lab.github(mark) if one.classes]
    reads = sum(one.method in {"GET", "HEAD"} for one in sent)
    assert 0.9 <= price["reads"] / reads <= 1.1, (price["reads"], reads)
    assert price["imports"] == sum(one.method == "POST" and "/import/" in one.path for one in sent) == 240
    exact = await lab.run("PLAN_ONLY", lab.config(numbering="issues-exact"), work=lab.folder / "other")
    assert price["requests"] < 0.55 * exact["plan"]["price"]["requests"]
    assert price["hours"] < 0.5 * exact["plan"]["price"]["hours"]


@pytest.mark.parametrize("issues", [99, 100, 101])
async def test_the_last_jobs_are_waited_for(open_lab: Any, issues: int) -> None:
    """Also when the look that comes after a hundred was the last thing, and saw that they had not ended."""
    many = project(issues=[], volume={"seed": 3, "issues": issues, "notes_per_issue": 0})
    lab = await open_lab(many, settings={"import_job_s": (0.3, 0.5)})
    result = await lab.run("FULL", lab.config(**ANY))
    assert result["status"] == "success", result.get("error")
    assert len(_by_source(await lab.repository())) == issues


async def test_follow_ups_find_their_issues(open_lab: Any) -> None:
    """Locks, second assignees, long comments and relations are at the issue that they belong to."""
    lab = await open_lab(RELATED, settings=MIXED)
    result = await lab.run("FULL", lab.config(**ANY, issue_details="all"), users=PEOPLE)
    assert result["status"] == "success", result.get("error") or result["verification"]
    found = _by_source(await lab.repository())
    assert len(found) == 8
    assert found["issues/1"][3] is True
    assert found["issues/2"][4] == ["anna", "ben"]
    assert found["issues/5"][5:7] == ("issues/1", ["issues/1"])
    assert found["issues/2"][6] == ["issues/5"]
    mark = lab.mark()
    again = await lab.run("FULL", lab.config(**ANY, issue_details="all"), users=PEOPLE)
    assert again["status"] == "success"
    assert lab.writes(mark) == []


async def test_references_lead_to_gitlab(open_lab: Any) -> None:
    """No text names a number of GitHub's that is somebody else's: each reference is a link to the source."""
    other = project("acme/other", 18, issues=[issue(1, description="See acme/app#2 and #1.")])
    lab = await open_lab(RELATED, other)
    result = await lab.batch("FULL", [lab.config(17, **ANY), lab.config(18, numbering="issues-exact")])
    assert result["status"] == "success", [one.get("error") for one in result["results"]]
    app = _by_source(await lab.repository("acme/app"))
    texts = "\n".join(text for one in app.values() for text in (one[1], *one[7]))
    live = re.sub(r"\[[^\]]*\]\([^)]*\)|https?://\S+", "", texts)
    # The other project's numbers are promised, and so named.
    assert re.findall(r"[\w/]*#[0-9]+", live) == [f"{lab.sandbox.owner}/other#1"]
    assert "/acme/app/-/issues/3)" in texts
    assert "/acme/app/-/merge_requests/1)" in texts
    there = _by_source(await lab.repository(f"{lab.sandbox.owner}/other"))["issues/1"][1]
    assert "/acme/app/-/issues/2)" in there
    assert "#1" in there
    losses = (lab.folder_of() / "desired/losses.ndjson").read_text()
    assert "numbering: any" in losses


async def test_the_map_is_written_when_numbers_are_given(open_lab: Any) -> None:
    """The plan has no map; after the apply `report/numbers.csv` says which issue got which number."""
    lab = await open_lab(RELATED, settings=MIXED)
    planned = await lab.run("PLAN_ONLY", lab.config(**ANY))
    assert planned["plan"]["numbers"] == []
    assert (await lab.run("APPLY", lab.config(**ANY)))["status"] == "success"
    rows = list(csv.DictReader((lab.work / "report/numbers.csv").read_text().splitlines()))
    state = await lab.repository()
    titles = {one["number"]: one["title"] for one in state["issues"]}
    told: dict[int, str] = {}
    for row in rows:
        first, number = int(row["first"]), int(row["first_number"])
        count = int(row["last"]) - first + 1
        told |= {number + place: f"Issue {first + place}" for place in range(count)}
    assert told == titles


@pytest.mark.parametrize("policy", ["all-as-issue", "open-as-pull-request", "all-as-pull-request"])
async def test_merge_requests_arrive(open_lab: Any, policy: str) -> None:
    """Pull requests with their reviews and issues in their place, without a difference."""
    lab = await open_lab(merging(), settings=MIXED)
    hide_branches(lab)
    exact = await lab.run("FULL", lab.config(merge_requests=policy), users=PEOPLE)
    assert exact["status"] == "success"
    wanted = {source.split("/")[0] for source in _by_source(await lab.repository())}
    await lab.control("POST", "reset")
    hide_branches(lab)
    shutil.rmtree(lab.work)
    result = await lab.run("FULL", lab.config(merge_requests=policy, **ANY), users=PEOPLE)
    assert result["status"] == "success", json.dumps(result.get("error") or result["verification"])
    found = _by_source(await lab.repository())
    assert {source.split("/")[0] for source in found} == wanted - {"placeholders"}
    expected = result["verification"]["kinds"]
    assert expected["merge_requests"]["seen"] == sum(one.startswith("merge_requests/") for one in found)


async def test_a_refused_pull_request_becomes_an_issue(open_lab: Any) -> None:
    """What stands in its place gets a number of its own, and what follows is written there."""
    lab = await open_lab(merging(), settings=MIXED)
    hide_branches(lab)
    refusal = {"method": "POST", "path": "/api/v3/repos/*/*/pulls", "effect": {"status": 422}}
    await lab.faults(refusal)
    result = await lab.run("FULL", lab.config(merge_requests="all-as-pull-request", **ANY))
    assert result["status"] == "success", json.dumps(result.get("error") or result["verification"])
    assert not any(one.get("pull_request") for one in (await lab.repository())["issues"])
    _by_source(await lab.repository())


async def test_the_ordinary_endpoints_do_as_well(open_lab: Any) -> None:
    """Without the import API the numbers come with the answers, and nothing is looked at in vain."""
    lab = await open_lab(RELATED)
    result = await lab.run("FULL", lab.config(issues_via="rest", **ANY))
    assert result["status"] == "success", result.get("error") or result["verification"]
    assert len(_by_source(await lab.repository())) == 8


async def test_damage_is_seen(open_lab: Any) -> None:
    """Verify tells a missing, a changed and a foreign issue, whatever numbers they have."""
    lab = await open_lab(RELATED, settings=MIXED)
    assert (await lab.run("FULL", lab.config(**ANY)))["status"] == "success"
    state = await lab.repository()
    places = {find_marker(one["body"]): place for place, one in enumerate(state["issues"])}
    await lab.damage(
        {"op": "replace", "path": f"/issues/{places['issues/7']}/title", "value": "Another"},
        {"op": "replace", "path": f"/issues/{places['issues/8']}/body", "value": "Not ours"},
    )
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        result = await BatchOrchestrator(resources).execute_batch_verification([lab.config(**ANY)])
    assert result["status"] == "failed"
    shown = [json.loads(line) for line in (lab.folder_of() / "verify.ndjson").read_text().splitlines()]
    numbers = {source: state["issues"][place]["number"] for source, place in places.items()}
    said = {(one["item"], one["sort"]) for one in shown}
    assert (f"issues/{numbers['issues/7']}", "changed") in said
    assert any(item.startswith(f"issues/{numbers['issues/8']}") for item, _ in said)


async def test_a_failed_job_stops_the_project_and_is_sent_again(open_lab: Any) -> None:
    """The error names the issue; what else ended has its receipt, and the next run makes just the rest."""
    lab = await open_lab(RELATED, settings=MIXED)
    assert (await lab.run("PLAN_ONLY", lab.config(**ANY)))["status"] == "success"
    untrue = {"status": 201, "body": {"id": 1, "name": "later"}}
    await lab.faults({"method": "POST", "path": "/api/v3/repos/*/*/labels", "effect": untrue})
    result = await lab.run("APPLY", lab.config(**ANY))
    assert result["status"] == "failed", result
    assert result["error"]["item"] == "issues/1"
    await lab.faults()
    made = _by_source(await lab.repository())
    assert "issues/1" not in made
    headers = {"Authorization": f"Bearer {lab.sandbox.github_token}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{lab.sandbox.github_api_url}/repos/acme/app/labels", json={"name": "later"}, headers=headers
        ) as answer,
    ):
        assert answer.status == 201
    mark = lab.mark()
    again = await lab.run("APPLY", lab.config(**ANY))
    sent = [one for one in lab.writes(mark) if "/import/issues" in one]
    assert len(sent) == 8 - len(made)
    assert len(_by_source(await lab.repository())) == 8, again


async def test_killed_anywhere_and_resumed(open_lab: Any, subtests: Any) -> None:
    """Killed at requests before and after their effect, the next run leaves nothing out and nothing twice."""
    lab = await open_lab(RELATED, settings=MIXED)
    configs = [lab.config(**ANY)]
    assert (await lab.batch("PLAN_ONLY", configs))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    wanted, requests = _by_source(await lab.repository()), len(lab.github(mark))
    kills = 0
    for nth in range(4, requests, 3):
        with subtests.test(f"request {nth}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            kills += await apply_until_killed(lab, nth, before=bool(nth % 2), configs=configs)
            result = await lab.batch("APPLY", configs)
            assert result["status"] == "success", result["results"][0].get("error")
            assert _by_source(await lab.repository()) == wanted
    assert kills >= 10


async def test_a_lost_ledger_is_recovered(open_lab: Any, subtests: Any) -> None:
    """By markers alone: after `recover` the apply goes on with nothing twice."""
    lab = await open_lab(RELATED, settings=MIXED)
    configs = [lab.config(**ANY)]
    assert (await lab.batch("PLAN_ONLY", configs))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    wanted, requests = _by_source(await lab.repository()), len(lab.github(mark))
    print(f"seed {SEED}, {requests} requests")
    for nth in [*random.Random(SEED).sample(range(6, requests + 1), 5), requests + 100]:
        with subtests.test(f"request {nth}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            await apply_until_killed(lab, nth, before=bool(nth % 2), configs=configs)
            for path in lab.folder_of().glob("ledger.sqlite*"):
                path.unlink()
            async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
                recovered = await BatchOrchestrator(resources).execute_batch_task(configs, Task.RECOVER)
            assert recovered["status"] == "success", recovered
            result = await lab.batch("APPLY", configs)
            assert result["status"] == "success", result["results"][0].get("error")
            assert _by_source(await lab.repository()) == wanted
