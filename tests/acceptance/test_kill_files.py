"""Killed with SIGKILL at any request that makes releases and files, the target ends whole all the same."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from lab import Lab, differing, issue, project
from victim import apply_until_killed

SECRET = "a" * 32
FILES = project(
    labels=[],
    milestones=[],
    issues=[issue(1, description=f"![shot](/uploads/{SECRET}/shot.png)")],
    uploads=[{"secret": SECRET, "filename": "shot.png", "text": "a picture" * 1000}],
    packages=[{"name": "app", "version": "1", "files": {"a.zip": "zipped", "b.zip": "zipped too"}}],
    releases=[{"tag": "v1.0"}, {"tag": "v9.9"}],
)


async def _prepared(open_lab: Any) -> tuple[Lab, list[dict[str, Any]], Any, int]:
    """A lab with a plan that has files, what an undisturbed APPLY makes, and in how many requests."""
    lab = await open_lab(FILES)
    for release in lab.sandbox.gitlab.projects[17].releases:
        release.links = [
            {
                "id": number,
                "name": name,
                "link_type": "package",
                "url": f"{lab.sandbox.gitlab_url}/api/v4/projects/17/packages/generic/app/1/{name}",
            }
            for number, name in enumerate(("a.zip", "b.zip"))
        ]
    configs = [lab.config(attachments="release")]
    planned = await lab.batch("PLAN_ONLY", configs)
    assert planned["status"] == "success", planned["results"][0].get("error")
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    applied = await lab.batch("APPLY", configs)
    assert applied["status"] == "success", applied["results"][0]
    return lab, configs, await lab.settled(), len(lab.github(mark))


async def _again(lab: Lab) -> None:
    await lab.control("POST", "reset")
    shutil.rmtree(lab.work)
    shutil.copytree(lab.folder / "planned", lab.work)


async def test_killed_at_requests_that_make_files(open_lab: Any, subtests: Any) -> None:
    """At every other request, alternately before and after its effect: nothing is lost, nothing is twice."""
    lab, configs, wanted, requests = await _prepared(open_lab)
    kills = 0
    for nth in range(2, requests + 1, 2):
        with subtests.test(f"request {nth}"):
            await _again(lab)
            kills += await apply_until_killed(lab, nth, before=bool(nth // 2 % 2), configs=configs)
            result = await lab.batch("APPLY", configs)
            assert result["status"] == "success", (lab.writes(), result["results"][0].get("error"))
            assert differing(await lab.settled(), wanted) == []
    assert kills >= 8


@pytest.mark.parametrize("broken", [1, 3])
async def test_broken_uploads_are_mended(open_lab: Any, broken: int) -> None:
    """Uploads that end with a 502 leave starters, which are deleted and sent again."""
    lab, configs, wanted, _ = await _prepared(open_lab)
    await _again(lab)
    lab.sandbox.github.settings.broken_uploads = broken
    result = await lab.batch("APPLY", configs)
    assert result["status"] == "success", result["results"][0]
    assert sum(one.startswith("DELETE") for one in lab.writes_but_claims()) == broken
    found = await lab.settled()
    assert differing(found, wanted) == []
