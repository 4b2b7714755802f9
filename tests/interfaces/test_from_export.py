"""Every door goes on from exports: without a token or an address for GitLab, with the projects they hold."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, open_lab, project

from gl2gh_batch.batch.doctor import examine
from gl2gh_batch.domain.checks import CheckState
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces.projects import expand_groups
from gl2gh_batch.interfaces.running import run_batch
from gl2gh_batch.interfaces.wiring import Batch, resources_for, wire
from gl2gh_batch.kit.exported import SCHEMA, VERSION, read_export, sealed
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.kit.workdir import write_document

SMALL: dict[str, Any] = {"issues": [issue(1)], "labels": [], "milestones": []}


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab with exports of two projects in `exports`, and no other trace of them."""
    (tmp_path / "lab").mkdir()
    projects = [project(**SMALL), project("acme/tools/lib", 18, **SMALL)]
    async with open_lab(tmp_path / "lab", projects) as lab:
        assert (await lab.batch("EXPORT_ONLY"))["status"] == "success"
        shutil.move(lab.work / "export", tmp_path / "exports")
        shutil.rmtree(lab.work)
        lab.folder = tmp_path
        yield lab


def wired(lab: Lab, file: str = "", **inputs: str) -> Batch:
    """The batch of these inputs, without anything about GitLab."""
    given = {
        "github_token": lab.sandbox.github_token,
        "github_url": lab.sandbox.github_url,
        "github_api_url": lab.sandbox.github_api_url,
        "target_owner": "acme",
        "from_export": "exports",
        "work_dir": "work",
        **inputs,
    }
    if file:
        (lab.folder / "batch.yml").write_text(file)
        given["config"] = "batch.yml"
    return wire(given, base=lab.folder)


def named(batch: Batch) -> list[tuple[Any, str]]:
    """The projects of a batch, with the names of their exports."""
    return [(one["project_id"], one["from_export"].name) for one in batch.configs]


async def test_a_batch_of_all_exports(lab: Lab) -> None:
    """Without a list all exports are planned, and applied from the plan, with no request to GitLab."""
    mark = lab.mark()
    for mode in ("PLAN_ONLY", "APPLY"):
        outcome = await run_batch(wired(lab, mode=mode), Redactor(), lambda _event: None)
        assert (outcome.exit_code, outcome.result["total_projects"]) == (0, 2), outcome.result
    assert set(await lab.repositories()) == {"acme/app", "acme/lib"}
    assert [one for one in list(lab.sandbox.journal)[mark:] if one.side == "gitlab"] == []


async def test_a_list_chooses_among_exports(lab: Lab) -> None:
    """Projects are named by id or path, in inputs or a batch file; groups are what was exported of them."""
    assert named(wired(lab, project_ids="acme/app")) == [("acme/app", "acme-app-17")]
    assert named(wired(lab, project_ids="18")) == [(18, "acme-tools-lib-18")]
    text = "projects: [{id: 17, target: other/name}]\n"
    assert [one["target"] for one in wired(lab, text).configs] == ["other/name"]
    for group, expected in (
        ("acme", {17, 18}),
        ("acme/tools", {18}),
        ("{path: acme, subgroups: false}", {17}),
    ):
        batch = wired(lab, f"groups: [{group}]\n")
        async with resources_for(batch) as resources:
            configs = await expand_groups(batch, resources)
        assert {one["project_id"] for one in configs} == expected
        assert all(one["from_export"].is_dir() for one in configs)


async def test_the_folder_of_one_project_will_do(lab: Lab) -> None:
    """One project's folder is an export by itself; a batch file names its exports beside it."""
    assert named(wired(lab, from_export="exports/acme-app-17")) == [(17, "acme-app-17")]
    assert len(wired(lab, "from_export: exports\n", from_export="").configs) == 2


@pytest.mark.parametrize(
    ("inputs", "field", "said"),
    [
        ({"from_export": "nowhere"}, "from_export", "'nowhere' is no export"),
        ({"from_export": "."}, "from_export", "is no export"),
        ({"project_ids": "19"}, "from_export", "there is no export of project 19"),
        ({"mode": "EXPORT_ONLY"}, "from_export", "EXPORT_ONLY reads from GitLab"),
        ({"mode": "DISCOVER_ONLY"}, "from_export", "DISCOVER_ONLY reads from GitLab"),
    ],
)
async def test_wrong_use_is_one_error(lab: Lab, inputs: dict[str, str], field: str, said: str) -> None:
    """What cannot go on from an export is refused before anything is done."""
    with pytest.raises(ConfigurationError) as error:
        wired(lab, **inputs)
    assert (error.value.field, said in error.value.message, bool(error.value.hint)) == (field, True, True)


async def test_exports_of_two_gitlabs_are_no_batch(lab: Lab, tmp_path: Path) -> None:
    """Ids and paths of two instances would be taken for each other."""
    folder = tmp_path / "exports/acme-app-17"
    head = replace(read_export(folder).head, gitlab_url="https://gitlab.example.com")
    write_document(folder / "manifest.json", SCHEMA, VERSION, sealed(head))
    with pytest.raises(ConfigurationError) as error:
        wired(lab)
    assert "https://gitlab.example.com" in error.value.message


async def test_the_doctor_checks_every_file(lab: Lab, tmp_path: Path) -> None:
    """A damaged export is found before the batch, and GitLab is not asked."""
    mark = lab.mark()
    (tmp_path / "exports/acme-app-17/repository.bundle").write_bytes(b"no bundle")
    batch = wired(lab)
    async with resources_for(batch) as resources:
        found = {
            one.name: one
            async for one in examine(
                resources, batch.shared, [17, 18], work_dir=batch.work_dir, exports=batch.exports
            )
        }
    assert found["export acme-app-17"].state is CheckState.BAD
    assert "repository.bundle" in found["export acme-app-17"].found
    assert found["export acme-tools-lib-18"].state is CheckState.GOOD
    assert [one for one in list(lab.sandbox.journal)[mark:] if one.side == "gitlab"] == []
