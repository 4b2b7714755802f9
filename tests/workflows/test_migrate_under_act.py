"""`migrate.yml` as a user calls it, run whole by nektos/act against the sandbox."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import lab as labs
import pytest
import yaml
from acting import ACT, Acted, act, artifact_actions, commit_all, stand_in, with_stand_ins
from lab import Lab

IDS = range(11, 17)
SHARDS = tuple(f"wave-1-shard-{number}-of-3" for number in (1, 2, 3))
CALLER = {
    "name": "Migrate",
    "on": {"workflow_dispatch": {}},
    "permissions": {},
    "jobs": {
        "migrate": {
            "permissions": {"contents": "read"},
            "uses": "./.github/workflows/migrate.yml",
            "with": {"config": "batch.yml", "shards": "3", "artifacts": "wave-1"},
            "secrets": {
                "gitlab_token": "${{ secrets.GITLAB_TOKEN }}",
                "github_token": "${{ secrets.MIGRATION_TOKEN }}",
            },
        }
    },
}
needs_act = pytest.mark.skipif(not ACT.exists(), reason="act is not installed for this platform")


class Place:
    """A repository of a user's with a batch file, the workflow, and where its artifacts go."""

    def __init__(self, lab: Lab, folder: Path, root: Path) -> None:
        self.lab = lab
        self.folder = folder
        self.store = folder / "store"
        self._checkout = folder / "checkout"
        sandbox = lab.sandbox
        batch = {
            "gitlab": {"url": sandbox.gitlab_url},
            "github": {
                "owner": sandbox.owner,
                "url": sandbox.github_url,
                "api_url": sandbox.github_api_url,
            },
            "projects": [{"id": number} for number in IDS],
        }
        workflows = self._checkout / ".github/workflows"
        workflows.mkdir(parents=True)
        self.store.mkdir()
        action = yaml.safe_load((root / "action.yml").read_text())
        given = {name: str(about["default"]) for name, about in action["inputs"].items()}
        ours = stand_in(
            self._checkout,
            "gl2gh",
            given,
            f"{sys.executable} -m gl2gh_batch action",
            {f"INPUT_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in given},
            tuple(action["outputs"]),
        )
        text = (root / ".github/workflows/migrate.yml").read_text()
        actions = artifact_actions(self._checkout, self.store, backwards=True)
        workflow = with_stand_ins(text, {"your-org/gl2gh-batch": ours, **actions})
        workflows.joinpath("migrate.yml").write_text(yaml.safe_dump(workflow))
        workflows.joinpath("call.yml").write_text(yaml.safe_dump(CALLER))
        self._checkout.joinpath("batch.yml").write_text(yaml.safe_dump(batch))
        commit_all(self._checkout)

    async def run(self, attempt: int = 1) -> Acted:
        sandbox = self.lab.sandbox
        tokens = {"GITLAB_TOKEN": sandbox.gitlab_token, "MIGRATION_TOKEN": sandbox.github_token}
        attempts = {"GITHUB_RUN_ATTEMPT": str(attempt)}
        acted = await act(self._checkout, "call.yml", self.folder, secrets=tokens, variables=attempts)
        assert not [one for one in tokens.values() if one in acted.said]
        return acted

    def result(self, artifact: str) -> Any:
        return json.loads((self.store / artifact / "batch-result.json").read_bytes())


@pytest.mark.slow
@needs_act
async def test_the_whole_migration_runs(tmp_path: Path, project_root: Path) -> None:
    """Plan, a matrix of three shards, merge and verify: every project arrives, and the result says so."""
    seeds = [labs.project(f"acme/app-{number}", number) for number in IDS]
    async with labs.open_lab(tmp_path, seeds) as lab:
        place = Place(lab, tmp_path, project_root)
        acted = await place.run()
        assert acted.code == 0, acted.said[-6000:]
        repositories = await lab.repositories()
    assert sorted(repositories) == [f"{lab.sandbox.owner}/app-{number}" for number in IDS]
    assert all(len(one["issues"]) == 3 for one in repositories.values())
    assert {one.name for one in place.store.iterdir()} == {
        "wave-1-plan", "wave-1-result", "wave-1-verified", *SHARDS,
    }  # fmt: skip
    for name in ("wave-1-result", "wave-1-verified"):
        result = place.result(name)
        assert (result["status"], result["successful"]) == ("success", 6)
        certificates = [path.name for path in (place.store / name / "report/certificates").glob("*.json")]
        assert len(certificates) == 6


@pytest.mark.slow
@needs_act
async def test_a_second_attempt_goes_on(tmp_path: Path, project_root: Path) -> None:
    """What one attempt did is neither planned nor sent again by the next; what it could not do is done."""
    seeds = [labs.project(f"acme/app-{number}", number) for number in IDS]
    async with labs.open_lab(tmp_path, seeds) as lab:
        place = Place(lab, tmp_path, project_root)
        refused = {"status": 422, "body": {"message": "Not today"}}
        await lab.faults({"method": "POST", "path": "*/app-13/import/issues", "effect": refused})
        acted = await place.run()
        assert acted.code == 1, acted.said[-6000:]
        merged = place.result("wave-1-result")
        assert (merged["status"], merged["successful"], merged["failed"]) == ("partial_success", 5, 1)
        assert "wave-1-verified" not in {one.name for one in place.store.iterdir()}
        await lab.faults()
        mark = lab.mark()
        acted = await place.run(attempt=2)
        assert acted.code == 0, acted.said[-20_000:]
        touched = {path.split("/")[5] for path in lab.writes_but_claims(mark) if "/repos/" in path}
        repositories = await lab.repositories()
    assert touched == {"app-13"}
    assert place.result("wave-1-result")["successful"] == 6
    assert place.result("wave-1-verified")["status"] == "success"
    assert all(len(one["issues"]) == 3 for one in repositories.values())
