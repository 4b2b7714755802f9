"""Snippets may have a repository of their own, which goes through all that the target goes through."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
from brisk import BriskClock
from lab import USERS, Lab, differing, issue, project

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.sandbox.github.repositories import git_of

PLACE = "acme/app-snippets"
SNIPPETS = [
    {
        "title": "Deploy",
        "author": "anna",
        "visibility": "public",
        "files": {"deploy.sh": "three\n"},
        "updated_at": "2024-03-02T00:00:00Z",
        "versions": [{"files": {"deploy.sh": "one\n"}, "at": "2024-02-02T00:00:00Z"}],
    },
    {"title": "Own", "author": "ben", "visibility": "public", "files": {"a": "b"}},
]


async def opened(open_lab: Any, **fields: Any) -> Lab:
    """A lab whose issue names a snippet; both have known ids."""
    lab: Lab = await open_lab(project(issues=[issue(1, description="See $5")], snippets=SNIPPETS, **fields))
    for number, snippet in enumerate(lab.sandbox.gitlab.projects[17].snippets, start=5):
        snippet.id = number
    return lab


def _items(lab: Lab) -> set[str]:
    lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
    return {json.loads(line)["item"] for line in lines}


async def test_they_lie_in_a_repository_of_their_own(open_lab: Any) -> None:
    """It has their folders, index and history on `main`, texts lead there, and it is opened, too."""
    lab = await opened(open_lab)
    config = lab.config(snippets="repository", visibility="public")
    result = await lab.run("FULL", config, users=USERS)
    assert result["status"] == "success", result
    held = await lab.repositories()
    assert set(held) == {"acme/app", PLACE}
    assert [held[name]["private"] for name in sorted(held)] == [False, False]
    assert list(held[PLACE]["refs"]) == ["refs/heads/main"]
    assert not any("gl2gh-snippets" in ref for ref in held["acme/app"]["refs"])
    repository = lab.sandbox.github.repository(PLACE)
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    rows = await git.tree(await git.tree_of("main"), recursive=True)
    paths = sorted(path for _, kind, _, _, path in rows if kind == "blob")
    assert paths == ["5/README.md", "5/deploy.sh", "6/README.md", "6/a", "README.md"]
    assert int(await git.run("rev-list", "--count", "main")) == 4
    (first,) = held["acme/app"]["issues"]
    assert f"]({lab.sandbox.github_url}/{PLACE}/tree/main/5)" in first["body"]
    about = (await git.run("show", "main:5/README.md")).decode()
    assert f"{lab.sandbox.github_url}/{PLACE}/commits/" in about
    mark = lab.mark()
    assert (await lab.run("FULL", config, users=USERS))["status"] == "success"
    assert lab.writes(mark) == []


async def test_skipped_by_policy(open_lab: Any) -> None:
    """`snippets: skip` leaves them out, as `kinds` does."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", lab.config(snippets="skip"), users=USERS)
    assert result["status"] == "success", result
    assert set(await lab.repositories()) == {"acme/app"}
    assert not any("snippets" in ref for ref in (await lab.repository())["refs"])


async def test_verify_finds_damage_there(open_lab: Any, subtests: Any) -> None:
    """A branch that was lost or moved, and a repository that was opened or lost, are differences."""
    lab = await opened(open_lab)
    config = lab.config(snippets="repository")
    assert (await lab.run("FULL", config, users=USERS))["status"] == "success"
    repository = lab.sandbox.github.repository(PLACE)
    assert repository is not None
    git = git_of(lab.sandbox.github, repository)
    whole = (await git.refs())["refs/heads/main"]
    earlier = (await git.run("rev-list", "--max-parents=0", whole)).decode().split()[-1]

    async def found(name: str) -> set[str]:
        with subtests.test(name):
            again = await lab.run("APPLY", config, resume_from="verify", users=USERS)
            assert (again["status"], again["error"]["reason"]) == ("failed", "verify-differences"), again
            return _items(lab)
        return set()

    await git.update_ref("refs/heads/main", earlier)
    assert "repository" in await found("moved")
    await git.delete_ref("refs/heads/main")
    assert "snippets/5" in await found("lost")
    await git.update_ref("refs/heads/main", whole)
    repository.private = False
    assert await found("opened") == {"repository"}
    repository.private = True
    assert (await lab.run("APPLY", config, resume_from="verify", users=USERS))["status"] == "success"


async def test_what_stands_there_is_found_in_the_plan(open_lab: Any) -> None:
    """A repository of that name with anything in it blocks the plan, as a target of the batch does."""
    lab = await opened(open_lab)
    value = {"private": True, "issues": [{"title": "Theirs", "body": "", "comments": []}]}
    await lab.control(
        "PATCH", "state", [{"op": "add", "path": "/repositories/acme~1app-snippets", "value": value}]
    )
    result = await lab.run("FULL", lab.config(snippets="repository"), users=USERS)
    assert (result["status"], result["error"]["reason"]) == ("failed", "findings-block"), result
    assert PLACE in result["error"]["message"]
    assert lab.writes() == []


@pytest.mark.parametrize("path", ["*/orgs/acme/repos", "*/acme/app-snippets.git/git-receive-pack"])
async def test_refused_it_costs_the_snippets_alone(open_lab: Any, path: str) -> None:
    """Issues arrive, the error names what was refused, and the next run makes it."""
    lab = await opened(open_lab)
    config = lab.config(snippets="repository")
    nth = {"nth": 2} if path.endswith("repos") else {}
    await lab.faults(
        {"method": "POST", "path": path, **nth, "effect": {"status": 403, "body": {"message": "No"}}}
    )
    result = await lab.run("FULL", config, users=USERS)
    assert result["status"] == "failed", result
    assert result["error"]["item"].startswith("repository/snippets"), result["error"]
    assert len((await lab.repository())["issues"]) == 1
    await lab.faults()
    assert (await lab.run("FULL", config, users=USERS))["status"] == "success"
    assert PLACE in await lab.repositories()


async def _done(lab: Lab, task: Task) -> dict[str, Any]:
    """The result of a task."""
    async with SharedResources(work_dir=lab.work, clock=BriskClock()) as resources:
        batch = BatchOrchestrator(resources)
        done = await batch.execute_batch_task([lab.config(snippets="repository")], task)
    (result,) = done["results"]
    assert isinstance(result, dict)
    return result


async def test_cleanup_says_what_it_leaves(open_lab: Any) -> None:
    """A ledger that was made again knows nothing of the repository of the snippets until the next apply."""
    lab = await opened(open_lab)
    assert (await lab.run("FULL", lab.config(snippets="repository"), users=USERS))["status"] == "success"
    (lab.folder_of() / "ledger.sqlite").unlink()
    assert (await _done(lab, Task.RECOVER))["status"] == "success"
    result = await _done(lab, Task.CLEANUP)
    assert f"acme/app was deleted; {PLACE} stays" in result["agents"]["apply"]["summary"], result
    assert set(await lab.repositories()) == {PLACE}


async def test_cleanup_takes_both_or_neither(open_lab: Any, subtests: Any) -> None:
    """What somebody put into either repository, or says of it, keeps both."""
    lab = await opened(open_lab)
    config = lab.config(snippets="repository")

    async def change(name: str, path: str, value: Any) -> None:
        root = f"/repositories/{name.replace('/', '~1')}"
        await lab.control("PATCH", "state", [{"op": "add", "path": root + path, "value": value}])

    async def taken_back(name: str, path: str) -> None:
        """Empty again, or as it was."""
        held = before[name]
        for part in path.strip("/").split("/"):
            held = held[int(part) if part.isdigit() else part]
        await change(name, path, {"refs": {}} if path == "/wiki" else held)
        await change(name, "/has_wiki", before[name]["has_wiki"])

    assert (await lab.run("FULL", config, users=USERS))["status"] == "success"
    before = await lab.repositories()
    theirs = {"title": "Theirs", "body": "x", "comments": []}
    pages = {"refs": {}, "pages": {"Home": "text"}}
    release = {"tag_name": "v1", "name": "T", "body": "", "draft": True, "assets": []}
    for name, path, value, word in (
        (PLACE, "/issues", [theirs], "its issues"),
        (PLACE, "/description", "Theirs", "its description"),
        (PLACE, "/homepage", "https://theirs.example", "its homepage"),
        (PLACE, "/private", False, "its visibility"),
        (PLACE, "/archived", True, "its archived"),
        (PLACE, "/releases", [release], "its releases"),
        (PLACE, "/wiki", pages, "its wiki"),
        ("acme/app", "/wiki", pages, "its wiki"),
        ("acme/app", "/homepage", "https://theirs.example", "its homepage"),
        ("acme/app", "/private", False, "its visibility"),
        ("acme/app", "/default_branch", "release/1.0", "its default branch"),
        ("acme/app", "/issues/0/body", "", "issues/1"),
    ):
        with subtests.test(f"{name}{path}"):
            await change(name, path, value)
            result = await _done(lab, Task.CLEANUP)
            assert (result["status"], result["error"]["reason"]) == ("failed", "target-not-empty"), result
            assert f"{name} was changed since: {word}" in result["error"]["message"]
            assert set(await lab.repositories()) == {"acme/app", PLACE}
        await taken_back(name, path)
    await lab.control("PATCH", "state", [{"op": "remove", "path": "/repositories/acme~1app"}])
    result = await _done(lab, Task.CLEANUP)
    assert result["agents"]["apply"]["summary"] == f"acme/app is gone already; {PLACE} was deleted"
    assert await lab.repositories() == {}


async def test_a_handover_and_a_lost_ledger_bring_it_too(open_lab: Any) -> None:
    """An apply from the handover alone makes the same; a lost ledger is recovered; cleanup takes both."""
    lab = await opened(open_lab)
    config = lab.config(snippets="repository")
    assert (await lab.run("PLAN_ONLY", config, users=USERS))["status"] == "success"
    elsewhere = lab.folder / "elsewhere"
    shutil.copytree(lab.work / "handover", elsewhere)
    assert (await lab.run("APPLY", config, users=USERS))["status"] == "success"
    wanted = await lab.settled()
    await lab.control("POST", "reset")
    for number, snippet in enumerate(lab.sandbox.gitlab.projects[17].snippets, start=5):
        snippet.id = number
    result = await lab.run("APPLY", config, work=elsewhere, users=USERS)
    assert result["status"] == "success", result
    assert differing(await lab.settled(), wanted) == []
    for path in (elsewhere / "projects").rglob("ledger*"):
        path.unlink()
    for task in (Task.RECOVER, None, Task.CLEANUP):
        if task is None:
            again = await lab.run("APPLY", config, work=elsewhere, users=USERS)
            assert again["status"] == "success", again
            assert differing(await lab.settled(), wanted) == []
            continue
        async with SharedResources(work_dir=elsewhere, clock=BriskClock()) as resources:
            done = await BatchOrchestrator(resources).execute_batch_task([config], task)
        assert done["results"][0]["status"] == "success", done
    assert await lab.repositories() == {}
