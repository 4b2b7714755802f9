"""What is passed over, what is done again, and from where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from brisk import BriskClock
from lab import Lab, differing, issue, project

from gl2gh_batch import BatchOrchestrator, SharedResources
from gl2gh_batch.domain.modes import AGENTS_OF, MigrationMode
from gl2gh_batch.domain.people import UserMapping

FULL = AGENTS_OF[MigrationMode.FULL]


def _statuses(result: dict[str, Any]) -> dict[str, str]:
    return {name: one["status"] for name, one in result["agents"].items()}


@pytest.mark.parametrize("agent", FULL)
async def test_resume_from_does_that_agent_and_the_rest_again(lab: Lab, agent: str) -> None:
    """`resume_from` does the agent it names and those after it again, and writes nothing twice."""
    assert (await lab.run("FULL"))["status"] == "success"
    before, mark = await lab.settled(), lab.mark()
    result = await lab.run("FULL", resume_from=agent)
    assert result["status"] == "success", result
    begun = FULL.index(agent)
    assert _statuses(result) == {
        name: "done" if FULL.index(name) >= begun else "passed-over" for name in FULL
    }
    assert lab.writes(mark) == []
    assert differing(await lab.settled(), before) == []


async def test_each_mode_goes_on_from_the_one_before(lab: Lab) -> None:
    """A longer mode passes over what a shorter one has done."""
    modes = [mode for mode in MigrationMode if mode is not MigrationMode.APPLY]
    for before, mode in zip([None, *modes], modes, strict=False):
        done = set() if before is None else set(AGENTS_OF[before])
        statuses = _statuses(await lab.run(mode))
        assert statuses == {name: "passed-over" if name in done else "done" for name in AGENTS_OF[mode]}


def _touch(lab: Lab, iid: int, **fields: Any) -> None:
    (only,) = lab.sandbox.gitlab.projects.values()
    for name, value in {**fields, "updated_at": "2025-01-01T00:00:00Z"}.items():
        setattr(only.issues[iid], name, value)


async def test_a_changed_source_is_exported_again(lab: Lab) -> None:
    """An issue that was changed on GitLab since makes every agent of the plan work again."""
    first = await lab.run("PLAN_ONLY")
    _touch(lab, 1, title="Changed since")
    second = await lab.run("PLAN_ONLY")
    assert set(_statuses(second).values()) == {"done"}
    assert second["plan"]["digest"] != first["plan"]["digest"]
    assert b"Changed since" in (lab.folder_of() / "plan.ndjson").read_bytes()


@pytest.mark.parametrize(
    ("changed", "first_done"),
    [
        ({"config": {"visibility": "public"}}, "export"),
        ({"users": [("anna", UserMapping(gitlab_username="anna", github_login="anna"))]}, "transform"),
        ({"config": {"target": "acme/elsewhere"}}, "transform"),
    ],
    ids=["policy", "users", "target"],
)
async def test_a_changed_request_is_planned_again(lab: Lab, changed: dict[str, Any], first_done: str) -> None:
    """A changed policy, users' map or target does again all that it concerns."""
    await lab.run("PLAN_ONLY")
    result = await lab.run(
        "PLAN_ONLY", lab.config(**changed.get("config", {})), users=changed.get("users", ())
    )
    statuses = _statuses(result)
    assert statuses[first_done] == "done"
    assert statuses["plan"] == "done"
    assert statuses["discovery"] == "passed-over"


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("snapshot/issues.ndjson", "export"),
        ("desired/issues.ndjson", "transform"),
        ("desired/losses.ndjson", "transform"),
        ("plan.ndjson", "plan"),
    ],
)
@pytest.mark.parametrize("change", ["cut", "lost"])
async def test_a_torn_file_is_made_again(lab: Lab, name: str, agent: str, change: str) -> None:
    """An agent whose file of lines is torn or lost is not passed over."""
    await lab.run("PLAN_ONLY")
    path = lab.folder_of() / name
    if change == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        path.unlink()
    result = await lab.run("PLAN_ONLY")
    assert result["status"] == "success", result
    assert _statuses(result)[agent] == "done"
    assert (await lab.run("APPLY"))["status"] == "success"


@pytest.mark.parametrize(
    ("name", "agent"),
    [
        ("inventory.json", "discovery"),
        ("snapshot/manifest.json", "export"),
        ("desired/manifest.json", "transform"),
        ("plan.json", "plan"),
        ("verify.json", "verify"),
    ],
)
async def test_a_damaged_head_is_told_with_a_remedy_that_works(lab: Lab, name: str, agent: str) -> None:
    """A damaged JSON file of ours fails the project with the very command that mends it."""
    await lab.run("FULL")
    path = lab.folder_of() / name
    path.write_bytes(path.read_bytes()[:-30])
    result = await lab.run("FULL")
    assert (result["status"], result["error"]["reason"]) == ("failed", "work-dir-damaged"), result
    assert f"resume_from={agent}" in result["error"]["hint"]
    mended = await lab.run("FULL", resume_from=agent)
    assert mended["status"] == "success", mended


@pytest.mark.parametrize(
    "content", [b"", b"SQLite format 3\x00 and then nothing of the kind", b"\x00" * 4096]
)
async def test_a_damaged_map_is_told_with_a_remedy(lab: Lab, content: bytes) -> None:
    """A damaged map of the batch is no traceback: it is empty and asked for anew, or named with a remedy."""
    await lab.run("PLAN_ONLY")
    (lab.work / "references.sqlite").write_bytes(content)
    result = await lab.run("APPLY")
    if result["status"] == "failed":
        assert result["error"]["reason"] == "work-dir-damaged", result
        assert result["error"]["hint"]


async def test_a_moved_work_directory_goes_on(lab: Lab) -> None:
    """The work directory can be carried to another place between plan and apply."""
    await lab.run("PLAN_ONLY")
    elsewhere = lab.work.rename(lab.folder / "moved")
    result = await lab.run("APPLY", work=elsewhere)
    assert result["status"] == "success", result


async def test_one_project_with_a_folder_of_its_own(lab: Lab) -> None:
    """A single project with an `output_dir` is planned and applied there, without a work directory."""
    config = lab.config(output_dir=str(lab.folder / "own"))
    for mode in ("PLAN_ONLY", "APPLY"):
        result = await _without_work_dir(lab, mode, [config])
        assert result["status"] == "success", result
    assert {"plan.json", "plan.ndjson", "ledger.sqlite", "batch-result.json"} <= _names(lab.folder / "own")


async def test_projects_with_folders_of_their_own(open_lab: Any) -> None:
    """Projects with an `output_dir` each are written there, the batch's files into the common folder."""
    lab = await open_lab(project("acme/one", 1), project("acme/two", 2))
    configs = [lab.config(one, output_dir=str(lab.folder / "out" / str(one))) for one in (1, 2)]
    for mode in ("PLAN_ONLY", "APPLY"):
        result = await _without_work_dir(lab, mode, configs)
        assert result["status"] == "success", result
    assert {"1", "2", "plan.json", "batch-result.json"} <= _names(lab.folder / "out")


def _names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


async def _without_work_dir(lab: Lab, mode: str, configs: list[dict[str, Any]]) -> dict[str, Any]:
    async with SharedResources(clock=BriskClock()) as resources:
        return await BatchOrchestrator(resources).execute_batch_migration(configs, mode=mode)


@pytest.mark.parametrize("skipped", ["issues", "labels", "milestones"])
async def test_a_kind_can_be_skipped(open_lab: Any, skipped: str) -> None:
    """A kind that the request skips is not written and is listed as a loss; the others come whole."""
    lab = await open_lab()
    assert (await lab.run("PLAN_ONLY"))[
        "status"
    ] == "success"  # with all kinds: its files must not count later
    result = await lab.run("FULL", lab.config(kinds={skipped: "skip", "wiki": "skip"}))
    assert result["status"] == "success", result
    repository = await lab.repository()
    if skipped == "labels":
        assert all(one["default"] for one in repository["labels"])
        assert all(one["labels"] == [] for one in repository["issues"])
    else:
        assert repository[skipped] == []
    text = (lab.folder_of() / "desired/losses.ndjson").read_text()
    assert f'"item":"{skipped}"' in text


async def test_a_project_without_issues_is_finished_twice(open_lab: Any) -> None:
    """Where issues are turned off they are so on GitHub too, and verify does not stumble over that."""
    features = {"issues": "disabled"}
    lab = await open_lab(
        project(
            project={"path": "acme/app", "id": 17, "creator": "anna", "features": features},
            issues=[],
            milestones=[],
        )
    )
    assert (await lab.run("FULL"))["status"] == "success"
    assert not (await lab.repository())["has_issues"]
    # GitHub's answer to lists of issues where there are none.
    gone = {"status": 410, "body": {"message": "Issues are disabled for this repo"}}
    await lab.faults({"method": "GET", "path": "/repos/*/*/issues**", "effect": gone})
    result = await lab.run("APPLY", resume_from="verify")
    assert result["status"] == "success", result


async def test_a_repository_with_everything_hidden_ends_as_planned(open_lab: Any) -> None:
    """Public and archived at the end, private all the way there, and finished again without a write."""
    head = {"path": "acme/app", "id": 17, "creator": "anna", "visibility": "public", "archived": True}
    lab = await open_lab(project(project=head, issues=[issue(1), issue(3)]))
    private: list[bool] = []

    def listen(event: Any) -> None:
        repository = lab.sandbox.github.repository("acme/app")
        if repository is not None and getattr(event, "agent", "") == "apply":
            private.append(repository.private)

    config = lab.config(visibility="source")
    result = await lab.run("FULL", config, listen=listen)
    assert result["status"] == "success", result
    repository = await lab.repository()
    assert (repository["private"], repository["archived"]) == (False, True)
    assert private
    mark = lab.mark()
    again = await lab.run("APPLY", config, resume_from="apply")
    assert again["status"] == "success", again
    assert lab.writes(mark) == []
