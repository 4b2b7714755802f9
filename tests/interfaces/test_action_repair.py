"""The repairing commands in the Action: what the stand-in of the runner gives, sees and shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, project
from runner import Runner, Step

from gl2gh_batch.interfaces import action
from gl2gh_batch.kit.git_claim import CLAIM_REF


class Job:
    """One job: a workspace with an applied migration, and steps after it."""

    def __init__(self, lab: Lab, folder: Path, event: str = "workflow_dispatch") -> None:
        self.lab = lab
        self.runner = Runner(folder, event=event)
        self.work = self.runner.workspace / "gl2gh-work"

    async def step(self, **inputs: str) -> Step:
        sandbox = self.lab.sandbox
        step = await self.runner.run(
            {
                "project_ids": "17",
                "gitlab_url": sandbox.gitlab_url,
                "gitlab_token": sandbox.gitlab_token,
                "github_url": sandbox.github_url,
                "github_token": sandbox.github_token,
                "target_owner": sandbox.owner,
                **inputs,
            }
        )
        assert list(step.outputs) == list(action.OUTPUTS), step
        assert step.summary.startswith("## ")
        assert "Traceback" not in step.everything
        return step


@pytest.fixture
async def job(open_lab: Any, tmp_path: Path) -> Job:
    """A job whose first step migrated the project."""
    lab: Lab = await open_lab(project(issues=[issue(1), issue(2)]))
    job = Job(lab, tmp_path / "job")
    assert (await job.step(mode="FULL")).exit_code == 0
    return job


async def test_the_source_is_as_it_was(job: Job) -> None:
    """`source-undo` takes back what `source_after` left on GitLab, and the summary says so."""
    source = job.lab.sandbox.gitlab.projects[17]
    step = await job.step(mode="FULL", source_after="archive")
    assert (step.exit_code, source.archived) == (0, True), step
    step = await job.step(command="source-undo")
    assert (step.exit_code, source.archived, source.description) == (0, False, "An app"), step
    assert "unarchived" in step.summary


async def test_recover_makes_a_lost_ledger_again(job: Job) -> None:
    """The summary says how much was found, and the APPLY after it sends nothing twice."""
    (job.work / "projects/acme-app-17/ledger.sqlite").unlink()
    mark = job.lab.mark()
    step = await job.step(command="recover")
    assert (step.exit_code, step.outputs["status"], step.outputs["failure_reason"]) == (0, "success", "")
    assert "APPLY goes on from there" in step.summary
    assert "acme" in step.summary
    # Nothing but the claim is written.
    assert job.lab.writes_but_claims(mark) == []
    assert (await job.step(mode="APPLY")).exit_code == 0
    assert not any(one.endswith("/import/issues") for one in job.lab.writes(mark))


async def test_cleanup_wants_the_digest_of_the_plan(job: Job, subtests: Any) -> None:
    """Without it, or with another one, nothing is asked of GitHub; the message names all of it."""
    digest = json.loads((job.work / "plan.json").read_bytes())["digest"]
    for given in ("", "yes", "0" * 64):
        with subtests.test(given):
            mark = job.lab.mark()
            step = await job.step(command="cleanup", confirm=given)
            assert (step.exit_code, step.outputs["failure_reason"]) == (2, "config-invalid"), step
            assert job.lab.github(mark) == []
            (error,) = step.log.annotations("error")
            assert "acme/app" in error.data
            assert f"confirm: {digest}" in error.data
    assert list(await job.lab.repositories()) == ["acme/app"]


async def test_cleanup_deletes_what_is_confirmed(job: Job) -> None:
    """The digest of the plan, as the outputs and the refusal give it, deletes the repositories."""
    asked = await job.step(command="cleanup")
    digest = json.loads((job.work / "plan.json").read_bytes())["digest"]
    assert asked.exit_code == 2
    step = await job.step(command="cleanup", confirm=f"sha256:{digest}")
    assert (step.exit_code, step.outputs["status"]) == (0, "success"), step
    assert "was deleted" in step.summary
    assert await job.lab.repositories() == {}


async def test_cleanup_authorises_just_what_it_names(open_lab: Any, tmp_path: Path) -> None:
    """The digest is that of the plans whose repositories go; another plan's, of the same folder, is none."""
    lab: Lab = await open_lab(
        project(issues=[issue(1)]),
        project("acme/lib", 18, issues=[issue(1)]),
        project("acme/doc", 19, issues=[issue(1)]),
    )
    job = Job(lab, tmp_path / "job")
    assert (await job.step(mode="PLAN_ONLY", project_ids="17,18,19")).exit_code == 0
    assert (await job.step(mode="APPLY", project_ids="17,18")).exit_code == 0
    whole = json.loads((job.work / "plan.json").read_bytes())["digest"]
    assert (await job.step(mode="PLAN_ONLY", project_ids="19", resume_from="plan")).exit_code == 0
    other = json.loads((job.work / "plan.json").read_bytes())["digest"]
    for given in ("", other, whole):
        step = await job.step(command="cleanup", project_ids="17,19", confirm=given)
        assert (step.exit_code, step.outputs["failure_reason"]) == (2, "config-invalid"), step
        (error,) = step.log.annotations("error")
        assert "cleanup deletes acme/app" in error.data
        assert "acme/lib" not in error.data
        assert "acme/doc" not in error.data
    digest = error.data.rpartition("confirm: ")[2].strip(". ")
    step = await job.step(command="cleanup", project_ids="17,18,19", confirm=digest)
    assert (step.exit_code, sorted(await lab.repositories())) == (2, ["acme/app", "acme/lib"]), step
    step = await job.step(command="cleanup", project_ids="17,19", confirm=digest)
    assert (step.exit_code, list(await lab.repositories())) == (0, ["acme/lib"]), step


async def test_cleanup_takes_the_digest_of_the_whole_plan(open_lab: Any, tmp_path: Path) -> None:
    """What a run gave out as `plan_digest` holds for those of its projects that came to be made."""
    lab: Lab = await open_lab(project(issues=[issue(1)]), project("acme/lib", 18, issues=[issue(1)]))
    job = Job(lab, tmp_path / "job")
    planned = await job.step(mode="PLAN_ONLY", project_ids="17,18")
    assert (await job.step(mode="APPLY", project_ids="18")).exit_code == 0
    step = await job.step(command="cleanup", project_ids="17,18", confirm=planned.outputs["plan_digest"])
    assert (step.exit_code, await lab.repositories()) == (0, {}), step


async def test_cleanup_leaves_what_somebody_changed(job: Job) -> None:
    """A repository with work in it that was not planned stays, and the row says why."""
    await job.lab.damage({"op": "replace", "path": "/issues/0/title", "value": "Mine now"})
    digest = json.loads((job.work / "plan.json").read_bytes())["digest"]
    step = await job.step(command="cleanup", confirm=digest)
    assert step.exit_code == 1, step
    assert list(await job.lab.repositories()) == ["acme/app"]
    assert "was changed since" in step.summary
    assert step.log.annotations("error")


async def test_unlock_takes_a_dead_run_s_claim_by_confirmation(job: Job) -> None:
    """A claim that may still be alive is named with its age; confirmed, it goes."""
    lab = job.lab
    assert (await job.step(command="unlock")).exit_code == 0
    head = (await lab.repository())["refs"]["refs/heads/main"]
    held = {"op": "add", "path": f"/refs/{CLAIM_REF.replace('/', '~1')}", "value": head}
    await lab.damage(held)
    refused = await job.step(command="unlock")
    assert (refused.exit_code, refused.outputs["failure_reason"]) == (1, "target-locked"), refused
    assert CLAIM_REF in (await lab.repository())["refs"]
    digest = json.loads((job.work / "plan.json").read_bytes())["digest"]
    assert "confirm" in refused.summary
    step = await job.step(command="unlock", confirm=digest)
    assert (step.exit_code, step.outputs["status"]) == (0, "success"), step
    assert CLAIM_REF not in (await lab.repository())["refs"]


async def test_no_repair_on_a_pull_request(job: Job, tmp_path: Path, subtests: Any) -> None:
    """What a pull request proposes repairs nothing and deletes nothing."""
    proposed = Job(job.lab, tmp_path / "proposed", event="pull_request")
    shutil.copytree(job.work, proposed.work)
    digest = json.loads((job.work / "plan.json").read_bytes())["digest"]
    for command in ("recover", "cleanup", "unlock"):
        with subtests.test(command):
            mark = job.lab.mark()
            step = await proposed.step(command=command, confirm="" if command == "recover" else digest)
            assert (step.exit_code, step.outputs["failure_reason"]) == (2, "config-invalid"), step
            assert job.lab.github(mark) == []


async def test_confirm_belongs_to_two_commands(open_lab: Any, tmp_path: Path, subtests: Any) -> None:
    """Where nothing is taken away there is nothing to confirm."""
    job = Job(await open_lab(project()), tmp_path / "job")
    for command in ("run", "verify", "doctor", "recover"):
        with subtests.test(command):
            step = await job.step(command=command, confirm="0" * 64)
            assert (step.exit_code, step.outputs["failure_reason"]) == (2, "config-invalid"), step
            assert "confirm" in step.everything
