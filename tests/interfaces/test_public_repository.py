"""What is private on GitLab stays out of the artifacts of a public repository."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import pytest
from lab import Lab, project
from runner import Runner, Step

from gl2gh_batch.interfaces.workflow_event import read_event


def _runner(folder: Path, lab: Lab, repository: object, name: str = "acme/migration") -> Runner:
    """A job of a repository about which the event tells that."""
    folder.mkdir(exist_ok=True)
    event = folder / "event-of-the-test.json"
    event.write_text(json.dumps({"repository": repository} if repository else {}))
    extra = {
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": name,
        "GITHUB_API_URL": lab.sandbox.github_api_url,
    }
    return Runner(folder / "job", extra=extra)


def _given(lab: Lab, **inputs: str) -> dict[str, str]:
    sandbox = lab.sandbox
    return {
        "project_ids": "17", "gitlab_url": sandbox.gitlab_url, "gitlab_token": sandbox.gitlab_token,
        "github_url": sandbox.github_url, "github_token": sandbox.github_token,
        "target_owner": sandbox.owner, **inputs,
    }  # fmt: skip


def _refused(step: Step, runner: Runner) -> None:
    assert (step.exit_code, step.outputs["failure_reason"]) == (1, "artifacts-public"), step
    [said] = step.log.annotations("error")
    assert "acme/migration is public" in said.data
    assert "acme/app is not public on GitLab" in said.data
    assert "allow_public_artifacts" in said.data
    left = [path.name for path in (runner.workspace / "gl2gh-work").rglob("*") if path.is_file()]
    assert all(name.startswith("rate-limit.json") for name in left), left


@pytest.mark.parametrize("mode", ["DISCOVER_ONLY", "PLAN_ONLY", "APPLY", "FULL"])
async def test_a_private_project_is_refused_before_it_is_read(lab: Lab, tmp_path: Path, mode: str) -> None:
    """In every mode one question a project is all that is asked, and nothing is left behind."""
    runner = _runner(tmp_path / "here", lab, {"visibility": "public", "private": False})
    mark = lab.mark()
    _refused(await runner.run(_given(lab, mode=mode)), runner)
    asked = [one.path for one in list(lab.sandbox.journal)[mark:]]
    assert [one for one in asked if "/projects/" in one] == ["/api/v4/projects/17"], asked


async def test_what_is_public_anyway_goes_on(lab: Lab, tmp_path: Path) -> None:
    """A public project passes, and so does a private one of which somebody said that it may."""
    public = {"visibility": "public"}
    runner = _runner(tmp_path / "one", lab, public)
    step = await runner.run(_given(lab, mode="DISCOVER_ONLY", allow_public_artifacts="true"))
    assert step.exit_code == 0, step
    lab.sandbox.gitlab.projects[17].visibility = "public"
    runner = _runner(tmp_path / "two", lab, public)
    step = await runner.run(_given(lab, mode="DISCOVER_ONLY"))
    assert step.exit_code == 0, step
    lab.sandbox.gitlab.projects[17].features["wiki"] = "private"  # for members only
    step = await runner.run(_given(lab, mode="DISCOVER_ONLY"))
    assert (step.exit_code, step.outputs["failure_reason"]) == (1, "artifacts-public"), step


@pytest.mark.parametrize("private", [True, False])
async def test_where_the_event_does_not_tell_github_is_asked(lab: Lab, tmp_path: Path, private: bool) -> None:
    """A schedule's event names no repository: GitHub itself says whether anybody may read it."""
    sandbox = lab.sandbox
    body = {"name": "migration", "private": private}
    headers = {"Authorization": f"Bearer {sandbox.github_token}"}
    address = f"{sandbox.github_api_url}/orgs/{sandbox.owner}/repos"
    async with aiohttp.ClientSession() as session, session.post(address, json=body, headers=headers) as made:
        assert made.status == 201
    runner = _runner(tmp_path / "here", lab, None)
    step = await runner.run(_given(lab, mode="DISCOVER_ONLY", workflow_token=lab.sandbox.github_token))
    if private:
        assert step.exit_code == 0, step
    else:
        _refused(step, runner)


@pytest.mark.parametrize(
    ("repository", "expected"),
    [
        ({"visibility": "public"}, "public"),
        ({"visibility": "internal", "private": True}, "internal"),
        ({"private": True}, "private"),
        ({"private": False}, "public"),
        ({}, ""),
        (None, ""),
        ("acme/migration", ""),
        ({"visibility": 1, "private": "no"}, ""),
    ],
)
def test_what_an_event_tells(repository: object, expected: str, tmp_path: Path) -> None:
    """The payload's visibility, else whether it is private, as older servers say; nothing is guessed."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps({"repository": repository}))
    assert read_event({"GITHUB_EVENT_PATH": str(path)}).visibility == expected


def test_the_project_of_these_tests_is_private() -> None:
    """Else the tests above would hold nothing."""
    assert project()["project"].get("visibility", "private") == "private"
