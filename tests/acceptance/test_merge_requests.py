"""Merge requests become pull requests or issues, and nothing of them is lost unsaid."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

import pytest
from lab import USERS, Lab, issue, project
from merging import AS_ALL, AS_OPEN, LOST, TEMPORARY, hide_branches, merging, shas

from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.sandbox.github.repositories import git_of

ISSUES = 3
POLICIES = {
    "all-as-issue": dict.fromkeys(AS_OPEN, "I"),
    "open-as-pull-request": AS_OPEN,
    "all-as-pull-request": AS_ALL,
}
PEOPLE = [*USERS, ("ben", "ben")]


@pytest.fixture
async def merge_lab(open_lab: Any) -> Lab:
    """A lab with merge requests of every sort."""
    lab = await open_lab(merging())
    hide_branches(lab)
    assert isinstance(lab, Lab)
    return lab


def losses(lab: Lab) -> list[dict[str, Any]]:
    """What the last run said would be lost."""
    lines = (lab.folder_of() / "desired/losses.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines]


def git_operations(lab: Lab) -> dict[str, int]:
    """The fetches from GitLab and the pushes to GitHub in the journal, of the project's own repository.

    A fetch is one that asks for objects after a list of refs: one more POST in git's protocol. What asks
    for commits by their ids alone, where merge requests lost their refs, looks like a list: not counted.
    """
    made = [one for one in lab.sandbox.journal if not one.path.endswith(".wiki.git") and ".git/" in one.path]
    asked = [one for one in made if one.side == "gitlab" and "info/lfs" not in one.path]
    lists = sum(one.path.endswith("/info/refs") for one in asked)
    posts = sum(one.path.endswith("/git-upload-pack") for one in asked)
    pushes = [one for one in made if one.side == "github" and one.path.endswith("/git-receive-pack")]
    return {"fetch": posts - lists, "push": sum(one.method == "POST" for one in pushes)}


@pytest.mark.parametrize("policy", POLICIES)
async def test_each_becomes_what_its_policy_says(merge_lab: Lab, policy: str) -> None:
    """Pull request or issue, at its number, closed or open as it was, without a difference."""
    lab = merge_lab
    result = await lab.run("FULL", lab.config(merge_requests=policy), users=PEOPLE)
    assert result["status"] == "success", json.dumps(result.get("error") or result)
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    seen = {
        number - ISSUES: "P" if number in repository.pulls else "I"
        for number in repository.issues
        if number > ISSUES
    }
    assert seen == POLICIES[policy]
    source = lab.sandbox.gitlab.projects[17].merge_requests
    for iid, one in source.items():
        assert repository.issues[ISSUES + iid].state == ("open" if one.state == "opened" else "closed")
        assert repository.issues[ISSUES + iid].title == one.title
    assert repository.last_number == ISSUES + LOST


@pytest.mark.parametrize("policy", POLICIES)
async def test_every_head_is_reachable_or_listed(merge_lab: Lab, policy: str) -> None:
    """Each head is the commit that GitHub keeps of the pull request, or one of a branch, or a loss."""
    lab = merge_lab
    assert (await lab.run("FULL", lab.config(merge_requests=policy)))["status"] == "success"
    state = await lab.repository()
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    lost = {one["item"] for one in losses(lab) if "commits of" in one["what"]}
    for iid, sha in shas(lab).items():
        number = ISSUES + iid
        if number in repository.pulls:
            assert state["refs"][f"refs/pull/{number}/head"] == sha
        else:
            on_a_branch = iid in {1, 2, 7, 8, 9, 10}
            assert on_a_branch is (f"merge_requests/{iid}" not in lost), iid
    ours = [name for name in state["refs"] if name.startswith("refs/heads/gitlab-merge-requests/")]
    kept = [f"refs/heads/gitlab-merge-requests/{iid}/head" for iid in (4, 6)]
    assert ours == ([] if policy == "all-as-issue" else kept)


@pytest.mark.parametrize(
    "count",
    [
        24,
        pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
async def test_many_of_every_sort_arrive(open_lab: Any, count: int) -> None:
    """Merge requests in every state, four of ten without a branch: no difference, and no commit missing."""
    volume = {"seed": 7, "varied_merge_requests": count, "deleted_branches": 40}
    lab = await open_lab(project(issues=[issue(2)], repository=None, volume=volume))
    result = await lab.run("FULL", lab.config(merge_requests="all-as-pull-request"), users=PEOPLE)
    assert result["status"] == "success", json.dumps(result.get("error"))
    assert sum(git_operations(lab).values()) <= 3
    assert result["verification"]["kinds"]["merge_requests"]["seen"] == count
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    listed = {one["item"] for one in losses(lab) if "commit" in one["what"]}
    for iid, one in lab.sandbox.gitlab.projects[17].merge_requests.items():
        for sha in (one.sha, one.merge_commit_sha, one.squash_commit_sha):
            if sha and f"merge_requests/{iid}" not in listed:
                led = await git.run("for-each-ref", "--contains", sha, "--count=1")
                assert led.strip(), (iid, sha)
    assert len(repository.pulls) >= count * 0.9


async def test_one_push_for_all_and_one_that_tidies_up(merge_lab: Lab) -> None:
    """Three git operations in all: the mirror, a push of everything, one that removes temporary refs.

    The claim on the target comes with the first push, and goes by one request; a look moves nothing.
    """
    lab = merge_lab
    result = await lab.run("FULL", lab.config(merge_requests="all-as-pull-request"))
    assert result["status"] == "success", result
    assert git_operations(lab) == {"fetch": 1, "push": 2}
    assert result["plan"]["price"]["git_operations"] == 2
    assert [one for one in lab.writes() if CLAIM_REF in one] == [
        f"DELETE /api/v3/repos/acme/app/git/{CLAIM_REF}"
    ]
    refs = (await lab.repository())["refs"]
    assert not any(f"/{iid}/" in name for iid in TEMPORARY for name in refs if "refs/heads" in name)
    assert CLAIM_REF not in refs


async def test_the_price_is_what_it_costs(merge_lab: Lab) -> None:
    """The plan of each policy predicts its apply to five requests in a hundred, and names the others."""
    lab = merge_lab
    said: dict[str, list[tuple[str, str]]] = {}
    price: dict[str, Any] = {}
    policy = ""
    for policy in POLICIES:
        config = lab.config(merge_requests=policy)
        planned = await lab.run("PLAN_ONLY", config, work=lab.folder / policy)
        mark = lab.mark()
        applied = await lab.run("APPLY", config, work=lab.folder / policy)
        assert applied["status"] == "success", applied
        sent = [one for one in lab.github(mark) if "/git-" not in one.path and "info/refs" not in one.path]
        price = planned["plan"]["price"]
        assert len(sent) == pytest.approx(price["requests"], rel=0.05), (policy, price)
        assert sum("content_minute" in one.classes for one in sent) == price["content"]
        notice = next(one for one in planned["findings"] if one["code"] == "merge-request-prices")
        assert f"{policy} (chosen)" in notice["message"]
        assert all(other in notice["message"] for other in POLICIES)
        said[policy] = re.findall(r"([a-z-]+)(?: \(chosen\))?: ([0-9]+) content", notice["message"])
        await lab.control("POST", "reset")
        hide_branches(lab)
    # Whichever is chosen, the plan says the same of all three.
    assert len({tuple(one) for one in said.values()}) == 1
    assert dict(said[policy])[policy] == str(price["content"])


@pytest.mark.parametrize("numbering", ["issues-exact", "merge-requests-exact"])
async def test_a_finished_project_takes_newer_ones_along(merge_lab: Lab, numbering: str) -> None:
    """What came since follows where its numbers are free; what is there is let be."""
    lab = merge_lab
    config = lab.config(numbering=numbering, merge_requests="all-as-pull-request")
    assert (await lab.run("FULL", config, users=PEOPLE))["status"] == "success"
    before = await lab.repository()
    (source,) = lab.sandbox.gitlab.projects.values()
    at = "2024-09-01T00:00:00Z"
    items = {"issues-exact": source.merge_requests, "merge-requests-exact": source.issues}[numbering]
    model = items[3]
    newest = max(items) + 1
    items[newest] = dataclasses.replace(model, iid=newest, id=model.id + 5000, title="Newest", updated_at=at)
    if numbering == "merge-requests-exact":
        source.issues[newest].closed_by_merge_requests = []  # what is there stays as it was
    mark = lab.mark()
    result = await lab.run("FULL", config, users=PEOPLE)
    assert result["status"] == "success", (lab.folder_of() / "verify.ndjson").read_text()
    assert result["agents"]["apply"]["status"] == "done"
    after = await lab.repository()
    assert [one["title"] for one in after["issues"]] == [
        *(one["title"] for one in before["issues"]),
        "Newest",
    ]
    assert len([one for one in lab.writes(mark) if one.endswith(("/pulls", "/import/issues"))]) == 1
