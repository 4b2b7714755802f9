"""Merge requests become pull requests or issues, and nothing of them is lost unsaid."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import re
import shutil
from typing import Any

import pytest
from lab import USERS, Lab, issue, note, project
from merging import AS_ALL, AS_OPEN, LOST, TEMPORARY, commit, hide_branches, merge_request, merging, shas

from gl2gh_batch.kit.git_claim import CLAIM_REF
from gl2gh_batch.sandbox.github.repositories import git_of
from gl2gh_batch.sandbox.seeds.history import run_git

ISSUES = 3
POLICIES = {
    "all-as-issue": dict.fromkeys(AS_OPEN, "I"),
    "open-as-pull-request": AS_OPEN,
    "all-as-pull-request": AS_ALL,
}
PEOPLE = [*USERS, ("ben", "ben")]
ON_A_BRANCH = {1, 2, 7, 8, 9, 10}
# What a repository takes whatever is in it: it is made, its Actions off and on, its face, its topics, its
# claim given back; four looks at it, at whose token it is, and for strangers' issues. Then a release with its
# asset and which is the latest, the files of two branches (wiki, snippets), and a placeholder that goes: its
# removal, and two looks whether it is gone.
FIXED = (6 + 6) + (2 + 1) + 2 + 3


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
    made = [one for one in lab.sandbox.journal if ".git/" in one.path and ".wiki.git/" not in one.path]
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
async def test_every_head_is_reachable(merge_lab: Lab, policy: str) -> None:
    """GitHub keeps it of the pull request, or a branch or a ref of ours leads to it.

    Only what GitLab has lost itself is listed as lost.
    """
    lab = merge_lab
    result = await lab.run("FULL", lab.config(merge_requests=policy))
    assert result["status"] == "success"
    state = await lab.repository()
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    lost = {one["item"] for one in losses(lab) if "commits of" in one["what"]}
    assert lost == {f"merge_requests/{LOST}"}
    made = [name for name in state["refs"] if name.startswith("refs/gitlab/")]
    for iid, sha in shas(lab).items():
        number = ISSUES + iid
        if number in repository.pulls:
            assert state["refs"][f"refs/pull/{number}/head"] == sha
        elif iid != LOST:
            assert (await git.run("for-each-ref", "--contains", sha, "--count=1")).strip(), iid
            kept = f"refs/gitlab/merge-requests/{iid}/head"
            assert state["refs"].get(kept) == (None if iid in ON_A_BRANCH else sha)
            link = f"/acme/app/commit/{sha})"
            assert link in str(repository.issues[number].body), iid
    assert len(made) == sum(
        number not in repository.pulls and number - ISSUES not in {*ON_A_BRANCH, LOST}
        for number in repository.issues
        if number > ISSUES and number - ISSUES in shas(lab)
    )
    assert git_operations(lab)["push"] == result["plan"]["price"]["git_operations"]
    ours = [name for name in state["refs"] if name.startswith("refs/heads/gitlab-merge-requests/")]
    kept = [f"refs/heads/gitlab-merge-requests/{iid}/head" for iid in (4, 6)]
    assert ours == ([] if policy == "all-as-issue" else kept)


def floor_of(repository: Any) -> int:
    """The fewest requests for what GitHub holds in the end, by what each thing takes alone.

    `performance-model.md`: a pull request 1, its state, labels, milestone and assignees together 1, its
    review with all lines 1, its talk 1; an import and one look at it; a write for each label and milestone;
    everything read back once, in pages of a hundred, and what the repository itself takes.
    """
    imports, writes = 0, 0
    for number in range(1, repository.last_number + 1):
        item, pull = repository.issues.get(number), repository.pulls.get(number)
        if item is None or pull is None:
            imports += 1  # of a placeholder that is gone again, too
            continue
        has_face = item.state == "closed" or item.labels or item.milestone or item.assignees
        writes += 1 + bool(has_face) + bool(item.locked)
        writes += bool(pull.requested_reviewers) + bool(pull.review_comments) + bool(item.comments)
    comments = sum(len(one.comments) for one in repository.issues.values())
    lines = sum(len(one.review_comments) for one in repository.pulls.values())
    lists = [repository.last_number, comments, len(repository.pulls), lines, 0, 0, 0]
    reads = sum(max(1, math.ceil(count / 100)) for count in lists)
    ours = [one for one in repository.labels.values() if one.name in {"type::bug", "later"}]
    writes += len(ours) + len(repository.milestones)
    return reads + writes + 2 * imports + FIXED


@pytest.mark.parametrize("policy", ["all-as-pull-request", "open-as-pull-request"])
@pytest.mark.parametrize(
    "count",
    [
        24,
        pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1800)]),
    ],
)
async def test_many_of_every_sort_arrive(open_lab: Any, count: int, policy: str) -> None:
    """Merge requests in every state, four of ten without a branch, beside all else that a project can have.

    No difference, no commit missing, hardly a request more than the floor, and three git operations.
    """
    volume = {"seed": 7, "varied_merge_requests": count, "deleted_branches": 40}
    releases = [{"tag": "v1.0", "name": "One", "description": "Notes for #1", "evidences": [{}]}]
    described = project(
        issues=[issue(2)],
        repository=None,
        volume=volume,
        wiki={"home.md": "Hello, see !3\n"},
        snippets=[{"title": "Plain", "author": "ben", "files": {"b": "b"}}],
        releases=releases,
    )
    lab = await open_lab(described)
    config = lab.config(merge_requests=policy)
    assert (await lab.run("PLAN_ONLY", config, users=PEOPLE))["status"] == "success"
    mark = lab.mark()
    result = await lab.run("APPLY", config, users=PEOPLE)
    assert result["status"] == "success", json.dumps(result.get("error"))
    sent = [one for one in lab.github(mark) if "/git-" not in one.path and "info/refs" not in one.path]
    assert sum(git_operations(lab).values()) <= 3
    # A list of refs and a fetch, which offers nothing of the project's own history as known.
    wiki = [one for one in lab.sandbox.journal if one.path.endswith(".wiki.git/git-upload-pack")]
    assert len(wiki) == 2
    assert result["verification"]["kinds"]["merge_requests"]["seen"] == count
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    assert len(sent) <= 1.05 * floor_of(repository), (len(sent), floor_of(repository))
    git = git_of(lab.sandbox.github, repository)
    assert not [one for one in losses(lab) if "commit" in one["what"] and "#" not in one["what"]]
    for iid, one in lab.sandbox.gitlab.projects[17].merge_requests.items():
        for sha in filter(None, (one.sha, one.merge_commit_sha, one.squash_commit_sha)):
            led = await git.run("for-each-ref", "--contains", sha, "--count=1")
            assert led.strip(), (iid, sha)
    is_open_only = policy == "open-as-pull-request"
    assert len(repository.pulls) >= count * (0.15 if is_open_only else 0.9)


async def test_commits_that_no_ref_of_gitlabs_leads_to_are_reachable(open_lab: Any) -> None:
    """Merged into a branch that is gone, squashed, its head gone too: three commits, fetched by their SHA.

    Also when another machine carries the plan out, which has to fetch them again; verify misses each.
    """
    commits = [
        commit("one", "Begin", "", "", {"README.md": "# App\n"}),
        commit("h", "Work", "work", "one", {"a.txt": "1\n"}),
        commit("s", "All of it", "squashed", "one", {"a.txt": "1\n"}),
        commit("m", "Merge", "next", "one s", {"a.txt": "1\n"}),
    ]
    gone = merge_request(
        1,
        "work",
        state="merged",
        target_branch="next",
        head="h",
        merge_commit="m",
        squash_commit="s",
        merged_by="ben",
    )
    lab: Lab = await open_lab(
        project(
            issues=[],
            merge_requests=[gone],
            repository={"default_branch": "main", "commits": commits},
        )
    )
    source = lab.sandbox.gitlab.projects[17]
    git_dir = lab.sandbox.gitlab.repository(source)
    for ref in ("refs/heads/work", "refs/heads/squashed", "refs/heads/next", "refs/merge-requests/1/head"):
        await asyncio.to_thread(run_git, git_dir, "update-ref", "-d", ref)
    config = lab.config(merge_requests="all-as-issue")
    assert (await lab.run("PLAN_ONLY", config))["status"] == "success"
    assert [one for one in losses(lab) if "commit" in one["what"] and "commits of" in one["what"]] == []
    shutil.rmtree(lab.folder_of() / "git")
    result = await lab.run("APPLY", config)
    assert result["status"] == "success", result
    merged = source.merge_requests[1]
    refs = (await lab.repository())["refs"]
    wanted = {"head": merged.sha, "merge": merged.merge_commit_sha, "squash": merged.squash_commit_sha}
    assert len(set(wanted.values())) == 3
    assert {name: refs.get(f"refs/gitlab/merge-requests/1/{name}") for name in wanted} == wanted
    mark = lab.mark()
    assert (await lab.run("FULL", config))["status"] == "success"
    assert lab.writes(mark) == []
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    for name, sha in wanted.items():
        ref = f"refs/gitlab/merge-requests/1/{name}"
        await git.run("update-ref", "-d", ref)
        found = await lab.run("APPLY", config, resume_from="verify")
        assert found["error"]["reason"] == "verify-differences"
        lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
        assert [json.loads(line)["item"] for line in lines] == [f"repository/{ref}"]
        await git.run("update-ref", ref, str(sha))


async def test_where_nothing_was_said_there_is_no_comment(open_lab: Any) -> None:
    """The list of commits and GitLab's own notes are in the text: making and closing is all that it costs."""
    noted = [note("assigned to @anna", system=True, author="anna")]
    commits = [
        commit("one", "Begin", "", "", {"a": "1\n"}),
        commit("c", "Not wanted", "c", "one", {"c": "1\n"}),
    ]
    closed = {"state": "closed", "head": "c", "notes": noted}
    lab: Lab = await open_lab(
        project(
            issues=[],
            merge_requests=[merge_request(iid, "c", **closed) for iid in range(1, 7)],
            repository={"default_branch": "main", "commits": commits},
        )
    )
    config = lab.config(merge_requests="all-as-pull-request")
    planned = await lab.run("PLAN_ONLY", config)
    mark = lab.mark()
    assert (await lab.run("APPLY", config))["status"] == "success"
    made = [one for one in lab.github(mark) if "content_minute" in one.classes and "/labels" not in one.path]
    assert [one.path.rpartition("/")[2] for one in made] == ["pulls"] * 6
    assert planned["plan"]["price"]["content"] == 6
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    for item in repository.issues.values():
        assert not item.comments
        assert "Not wanted (" in str(item.body)
        assert "assigned to" in str(item.body)


async def test_one_push_for_all_and_one_that_tidies_up(merge_lab: Lab) -> None:
    """Three git operations in all: the mirror, a push of everything, one that removes temporary refs.

    The claim on the target comes with the first push, and goes by one request; a look moves nothing.
    Actions are off before the first push and on after the last; no pull request is merged, or changed but as
    an issue.
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
    order = [one.rpartition("/")[2] for one in lab.writes() if one.endswith(("permissions", "receive-pack"))]
    assert order == ["permissions", "git-receive-pack", "git-receive-pack", "permissions"]
    assert not [one for one in lab.writes() if re.search(r"PATCH \S+/pulls/|/merge$", one)]
    repository = lab.sandbox.github.repository("acme/app")
    assert repository is not None
    assert [one for one in repository.pulls.values() if one.merged_at] == []


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
