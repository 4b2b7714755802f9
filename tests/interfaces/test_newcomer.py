"""Somebody who has read the README, with a GitLab address and two tokens, from its own examples alone."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import yaml
from lab import Lab, project
from runner import Runner


def _readme_step(root: Path) -> dict[str, str]:
    """The inputs of the README's first workflow."""
    [text] = re.findall(
        r"^```yaml\n(on: .+?)^```$", (root / "README.md").read_text(), re.MULTILINE | re.DOTALL
    )
    [job] = yaml.safe_load(text)["jobs"].values()
    [step] = job["steps"]
    assert step["uses"].startswith("your-org/gl2gh-batch@")
    return {name: str(value) for name, value in step["with"].items()}


def _filled_in(given: dict[str, str], lab: Lab, **inputs: str) -> dict[str, str]:
    """The same with the reader's own addresses, tokens and projects."""
    sandbox = lab.sandbox
    own = {
        "project_ids": "17, acme/lib",
        "gitlab_url": sandbox.gitlab_url,
        "gitlab_token": sandbox.gitlab_token,
        "github_token": sandbox.github_token,
        "target_owner": sandbox.owner,
    }
    assert set(given) == set(own), "the README's workflow asks for other things than a reader has"
    # Only a sandbox's GitHub is elsewhere.
    return {**own, "github_url": sandbox.github_url, **inputs}


async def test_from_the_readme_to_a_migration(open_lab: Any, tmp_path: Path, project_root: Path) -> None:
    """Look, check, plan, and apply the edited inventory: what the README says, in its order, works."""
    lab: Lab = await open_lab(project(), project("acme/lib", 18))
    given = _readme_step(project_root)
    runner = Runner(tmp_path / "job")

    planned = await runner.run(_filled_in(given, lab))
    assert planned.exit_code == 0, planned
    assert planned.outputs["plan_digest"]
    assert int(planned.outputs["predicted_requests"]) > 20
    assert await lab.repositories() == {}, "the first example writes nothing"

    looked = await runner.run(_filled_in(given, lab, mode="DISCOVER_ONLY", work_dir="look"))
    assert looked.exit_code == 0, looked
    assert "### Inventory" in looked.summary
    checked = await runner.run(_filled_in(given, lab, command="doctor"))
    assert checked.exit_code == 0, checked
    assert "Fit for a migration" in checked.summary

    table = runner.workspace / "look/report/inventory.csv"
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[1] |= {"migrate": "no"}
    rows[0] |= {"target": "acme/renamed"}
    with table.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    wave = {"project_ids": "", "config": "look/report/inventory.csv", "work_dir": "wave-1"}
    for mode in ("PLAN_ONLY", "APPLY"):
        step = await runner.run(_filled_in(given, lab, **wave, mode=mode))
        assert step.exit_code == 0, step
    assert list(await lab.repositories()) == ["acme/renamed"]
    assert "verified, no difference" in step.summary


async def test_a_matrix_and_its_merge(open_lab: Any, tmp_path: Path, project_root: Path) -> None:
    """The plan is cut, each job applies its shard on a copy, and merge makes one result of them."""
    lab: Lab = await open_lab(project(), project("acme/lib", 18))
    given = _readme_step(project_root)
    first = Runner(tmp_path / "plan")
    plan = await first.run(_filled_in(given, lab, shards="2"))
    assert plan.exit_code == 0, plan
    shards = json.loads(plan.outputs["matrix"])["shard"]
    assert shards == ["1/2", "2/2"]
    home = first.workspace / "gl2gh-work"
    for number, shard in enumerate(shards):
        job = Runner(tmp_path / f"job-{number}")
        _copy(home, job.workspace / "gl2gh-work")
        said = {"mode": "APPLY", "shard": shard, "approved_plan": plan.outputs["plan_digest"]}
        step = await job.run(_filled_in(given, lab, **said))
        assert (step.exit_code, step.outputs["total_projects"]) == (0, "1"), step
        _copy(job.workspace / "gl2gh-work", tmp_path / f"done-{number}")
    for number in range(2):
        _copy(tmp_path / f"done-{number}", home / f"shards/{number}")
    merged = await first.run({"command": "merge"})
    assert (merged.exit_code, merged.outputs["successful"]) == (0, "2"), merged
    assert sorted(await lab.repositories()) == ["acme/app", "acme/lib"]


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / path.relative_to(source)).write_bytes(path.read_bytes())
