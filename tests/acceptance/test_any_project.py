"""Whatever a project holds and by whatever policies, it arrives whole, and once."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from any_project import AnyProject
from lab import USERS, Lab
from torture import in_parts, turns

from gl2gh_batch.sandbox.github.git import GitError
from gl2gh_batch.sandbox.github.repositories import git_of


@in_parts
@pytest.mark.timeout(3600)
async def test_any_project_arrives_once(open_lab: Any, subtests: Any, part: int) -> None:
    """Projects made at random: success without a difference, nothing lost that is not listed, and not one
    writing request the second time."""
    for _, rng in turns("any project", part, 5, 150):
        seed = rng.randrange(1_000_000)
        with subtests.test(f"project {seed}"):
            project = AnyProject(seed)
            lab: Lab = await open_lab(project.description)
            project.settle(lab)
            for writes_more in (True, False):
                mark = lab.mark()
                result = await lab.run("FULL", lab.config(**project.policies), users=USERS)
                assert result["status"] == "success", result
                assert writes_more or not lab.writes(mark)
            await nothing_is_missing(lab, project)


async def nothing_is_missing(lab: Lab, project: AnyProject) -> None:
    """Every text that may be there is there, no other is, and each commit is there or listed as lost."""
    held = json.dumps(await lab.repository(), ensure_ascii=False)
    lines = (lab.folder_of() / "desired/losses.ndjson").read_text().splitlines()
    losses = [json.loads(one) for one in lines]
    for word, item in project.words.items():
        assert (word in held) is bool(item), (word, item)
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    unkept = {one["item"] for one in losses if "commit" in one["what"]}
    for iid, one in lab.sandbox.gitlab.projects[17].merge_requests.items():
        for sha in filter(None, (one.sha, one.merge_commit_sha, one.squash_commit_sha)):
            led = b""
            with contextlib.suppress(GitError):  # it is not even there
                led = await git.run("for-each-ref", "--contains", sha, "--count=1")
            assert led.strip() or f"merge_requests/{iid}" in unkept, (iid, sha)
