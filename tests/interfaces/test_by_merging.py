"""Approve by merging: the plan on the pull request, and the apply of exactly that plan after the merge."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from lab import Lab, is_writing
from runner import Runner, Step

from gl2gh_batch.output.plan_comment import reviewed_plan
from gl2gh_batch.sandbox.github.state import Artifact, Token

REPOSITORY = "acme/migration"
WORKFLOW_TOKEN = "ghs-the-workflows-own-token"


class Place:
    """A repository with a batch file and a pull request that changes it, and its workflows."""

    def __init__(self, lab: Lab, folder: Path, session: aiohttp.ClientSession) -> None:
        self.lab = lab
        self.folder = folder
        self._session = session
        self._runs = 0

    async def api(self, method: str, path: str, body: Any = None) -> Any:
        sandbox = self.lab.sandbox
        headers = {"Authorization": f"Bearer {sandbox.github_token}"}
        url = f"{sandbox.github_api_url}{path}"
        async with self._session.request(method, url, json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json() if answer.content_type == "application/json" else None

    async def make(self) -> None:
        """The repository, its main branch, and pull request 1."""
        sandbox = self.lab.sandbox
        await self.api("POST", f"/orgs/{sandbox.owner}/repos", {"name": "migration", "private": True})
        work = self.folder / "clone"
        work.mkdir()
        address = f"{sandbox.github_url}/{REPOSITORY}.git".replace("//", f"//x:{sandbox.github_token}@")
        batch = {
            "gitlab": {"url": sandbox.gitlab_url},
            "github": {
                "owner": sandbox.owner,
                "url": sandbox.github_url,
                "api_url": sandbox.github_api_url,
            },
            "projects": [{"id": 17}],
        }
        for argv in (
            ["init", "-q", "-b", "main"],
            ["commit", "-q", "--allow-empty", "-m", "Begin"],
            ["push", "-q", address, "main"],
            ["checkout", "-q", "-b", "wave-1"],
        ):
            await asyncio.to_thread(self._git, work, *argv)
        (work / "batch.yml").write_text(yaml.safe_dump(batch))
        for argv in (["add", "."], ["commit", "-q", "-m", "Wave 1"], ["push", "-q", address, "wave-1"]):
            await asyncio.to_thread(self._git, work, *argv)
        pull = {"title": "Wave 1", "head": "wave-1", "base": "main"}
        assert (await self.api("POST", f"/repos/{REPOSITORY}/pulls", pull))["number"] == 1
        sandbox.github.add_account("github-actions[bot]")
        sandbox.github.add_token(
            Token(
                secret=WORKFLOW_TOKEN,
                login="github-actions[bot]",
                kind="installation",
                permissions={"issues": "write", "pull_requests": "write", "contents": "read"},
                repositories=[REPOSITORY],
            )
        )

    @staticmethod
    def _git(work: Path, *argv: str) -> None:
        environment = {
            "PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
        }  # fmt: skip
        subprocess.run(["git", *argv], cwd=work, check=True, env=environment)

    def runner(self, event: str, *, fork: bool = False, sha: str = "0" * 40) -> Runner:
        """A job of a fresh workflow run on that event."""
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        head = "stranger/migration" if fork else REPOSITORY
        payload = {
            "pull_request": {
                "number": 1,
                "head": {"sha": "1" * 40, "repo": {"full_name": head}},
                "base": {"repo": {"full_name": REPOSITORY}},
            }
        }
        path = folder / "event.json"
        path.write_text(json.dumps(payload if event == "pull_request" else {}))
        runner = Runner(
            folder / "job",
            event=event,
            extra={
                "GITHUB_EVENT_PATH": str(path),
                "GITHUB_API_URL": self.lab.sandbox.github_api_url,
                "GITHUB_SERVER_URL": self.lab.sandbox.github_url,
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_RUN_ID": str(4711 + self._runs),
                "GITHUB_SHA": sha,
            },
        )
        (runner.workspace / "batch.yml").write_bytes((self.folder / "clone/batch.yml").read_bytes())
        return runner

    def given(self, mode: str, **fields: str) -> dict[str, str]:
        sandbox = self.lab.sandbox
        return {
            "mode": mode, "config": "batch.yml", "workflow_token": WORKFLOW_TOKEN,
            "gitlab_token": sandbox.gitlab_token, "github_token": sandbox.github_token, **fields,
        }  # fmt: skip

    async def plan(self, **fields: str) -> tuple[Runner, Step]:
        """Plan on the pull request."""
        runner = self.runner("pull_request")
        return runner, await runner.run(self.given("PLAN_ONLY", **fields))

    def upload(self, runner: Runner, step: Step, name: str = "gl2gh-plan-batch.yml") -> Artifact:
        """What the workflow's upload step does."""
        root = runner.workspace / step.outputs["artifact_path"]
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as zipped:
            for path in sorted(root.rglob("*")):
                if path.is_file() and not path.is_symlink():
                    zipped.write(path, path.relative_to(root))
        github = self.lab.sandbox.github
        repository = github.repository(REPOSITORY)
        assert repository is not None
        run_id = 4711 + self._runs
        return github.add_artifact(repository, run_id=run_id, name=name, data=packed.getvalue())

    async def merge(self) -> str:
        """Merge the pull request; the commit that does it."""
        return str((await self.api("PUT", f"/repos/{REPOSITORY}/pulls/1/merge", {}))["sha"])

    async def comments(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = await self.api("GET", f"/repos/{REPOSITORY}/issues/1/comments")
        return found

    async def apply(self, sha: str, **fields: str) -> Step:
        return await self.runner("push", sha=sha).run(self.given("APPLY", **fields))


@pytest.fixture
async def place(lab: Lab, tmp_path: Path) -> Any:
    """A migration repository with an open pull request."""
    async with aiohttp.ClientSession() as session:
        made = Place(lab, tmp_path, session)
        await made.make()
        yield made


async def test_the_merge_applies_what_was_reviewed(place: Place) -> None:
    """Two plans leave one comment; the push of the merge fetches the last one and carries out exactly it."""
    _, first = await place.plan()
    assert first.exit_code == 0, first
    runner, step = await place.plan()
    [comment] = await place.comments()
    assert comment["user"]["login"] == "github-actions[bot]"
    said = reviewed_plan(comment["body"])
    assert said is not None
    assert (said.digest, said.name) == (step.outputs["plan_digest"], "batch.yml")
    assert "✅ **1 project can be migrated.**" in comment["body"]
    place.upload(runner, step)
    assert sorted(await place.lab.repositories()) == [REPOSITORY]
    sha = await place.merge()
    mark = place.lab.mark()
    applied = await place.apply(sha)
    assert applied.exit_code == 0, applied
    assert applied.outputs["plan_digest"] == said.digest
    assert (applied.outputs["status"], applied.outputs["successful"]) == ("success", "1")
    assert len((await place.lab.repository("acme/app"))["issues"]) == 3
    writes = [one for one in place.lab.github(mark) if is_writing(one) and "migration" in one.path]
    assert not writes, "the apply only reads the repository of its own workflow"


@pytest.mark.parametrize(
    ("trouble", "reason", "words"),
    [
        ("no artifact", "plan-missing", "is not there"),
        ("expired", "plan-missing", "has expired"),
        ("other artifact", "plan-changed", "was reviewed"),
        ("torn", "work-dir-damaged", "cannot be unpacked"),
        ("no comment", "plan-missing", "no comment with a plan"),
        ("forged comment", "plan-missing", "no comment with a plan"),
        ("no pull request", "plan-missing", "no merged pull request"),
    ],
)
async def test_anything_else_is_refused(place: Place, trouble: str, reason: str, words: str) -> None:
    """Without the very plan that was reviewed nothing is written, and the message says what to do."""
    runner, step = await place.plan()
    [comment] = await place.comments()
    sandbox = place.lab.sandbox.github
    if trouble != "no artifact":
        artifact = place.upload(runner, step)
        artifact.expired = trouble == "expired"
        if trouble == "other artifact":
            plan = runner.workspace / "gl2gh-work/plan.json"
            plan.write_text(plan.read_text().replace(step.outputs["plan_digest"], "0" * 64, 1))
            document = json.loads(plan.read_text())
            document["projects"][0]["digest"] = "1" * 64
            plan.write_text(json.dumps(document))
            artifact.data = place.upload(runner, step, "other").data
        if trouble == "torn":
            artifact.data = artifact.data[: len(artifact.data) // 2]
    if trouble in {"no comment", "forged comment"}:
        await place.api("DELETE", f"/repos/{REPOSITORY}/issues/comments/{comment['id']}")
    if trouble == "forged comment":
        await place.api("POST", f"/repos/{REPOSITORY}/issues/1/comments", {"body": comment["body"]})
    sha = await place.merge()
    if trouble == "no pull request":
        repository = sandbox.repository(REPOSITORY)
        assert repository is not None
        repository.pulls.clear()
    applied = await place.apply(sha)
    assert applied.exit_code == 1, applied
    assert applied.outputs["failure_reason"] == reason, applied.stdout
    [said] = applied.log.annotations("error")
    assert words in said.data
    assert sorted(await place.lab.repositories()) == [REPOSITORY]
    for token in (WORKFLOW_TOKEN, place.lab.sandbox.github_token):
        assert token not in applied.everything.replace(f"::add-mask::{token}", "")


async def test_a_fork_gets_its_configuration_checked(place: Place) -> None:
    """Without secrets the batch file is read and judged, and the reader learns why there is no plan."""
    runner = place.runner("pull_request", fork=True)
    step = await runner.run(place.given("PLAN_ONLY", gitlab_token="", github_token=""))
    assert step.exit_code == 0, step
    assert (step.outputs["status"], step.outputs["total_projects"]) == ("success", "1")
    assert "The configuration is valid" in step.summary
    [said] = step.log.annotations("notice")
    assert "no secrets" in said.data
    assert await place.comments() == []
    credentials = "[{token_env: A}, {name: b, owner: b, app_id: 1, installation_id: 2, private_key_env: B}]"
    (runner.workspace / "batch.yml").write_text(
        f"github: {{owner: acme, credentials: {credentials}}}\nprojects: [17, 18]"
    )
    step = await runner.run(place.given("PLAN_ONLY", gitlab_token="", github_token=""))
    assert (step.exit_code, step.outputs["total_projects"]) == (0, "2"), step
    (runner.workspace / "batch.yml").write_text("projects: 17")
    step = await runner.run(place.given("PLAN_ONLY", gitlab_token="", github_token=""))
    assert (step.exit_code, step.outputs["failure_reason"]) == (2, "config-invalid")


async def test_a_refused_comment_spoils_nothing(place: Place) -> None:
    """A workflow token without the right to comment is a warning with the remedy; the plan is made."""
    place.lab.sandbox.github.tokens[WORKFLOW_TOKEN].permissions = {"contents": "read"}
    _, step = await place.plan()
    assert step.exit_code == 0, step
    assert step.outputs["plan_digest"]
    [said] = step.log.annotations("warning")
    assert "could not be shown" in said.data
    assert "`permissions: {pull-requests: write}`" in said.data
    assert await place.comments() == []


async def test_people_went_on_between_review_and_merge(place: Place) -> None:
    """A source that changed since is refused by name; accepted, the snapshot goes as it was reviewed."""
    runner, step = await place.plan()
    place.upload(runner, step)
    place.lab.sandbox.gitlab.projects[17].issues[1].title = "Changed since"
    place.lab.sandbox.gitlab.projects[17].issues[1].updated_at = "2030-01-01T00:00:00.000Z"
    sha = await place.merge()
    refused = await place.apply(sha)
    assert (refused.exit_code, refused.outputs["failure_reason"]) == (1, "source-changed"), refused.stdout
    [said] = refused.log.annotations("error")
    assert "issues or merge requests were updated" in said.data
    assert "accept_source_changes: true" in said.data
    assert sorted(await place.lab.repositories()) == [REPOSITORY]
    applied = await place.apply(sha, accept_source_changes="true")
    assert applied.exit_code == 0, applied
    assert (await place.lab.repository("acme/app"))["issues"][0]["title"] == "Issue 1"
