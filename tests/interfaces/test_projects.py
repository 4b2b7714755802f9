"""Groups are asked for their projects, and names that collide are found before anything is written."""

from __future__ import annotations

import json
from typing import Any

import lab as labs
import pytest
from lab import Lab

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces.projects import expand_groups
from gl2gh_batch.interfaces.running import run_batch
from gl2gh_batch.interfaces.wiring import Batch, resources_for, wire
from gl2gh_batch.kit.redact import Redactor

PATHS = {
    11: "acme/app",
    12: "acme/archive-2019",
    13: "acme/web/app",
    14: "acme/web/archive-old",
    15: "acme/web/deep/site",
    16: "other/app",
}


def _small(number: int, path: str) -> dict[str, Any]:
    return labs.project(path, number, labels=[], milestones=[], issues=[labs.issue(1)])


def _batch(lab: Lab, text: str, **inputs: str) -> Batch:
    sandbox = lab.sandbox
    (lab.folder / "batch.yml").write_text(text)
    given = {
        "config": "batch.yml",
        "gitlab_url": sandbox.gitlab_url,
        "gitlab_token": sandbox.gitlab_token,
        "github_url": sandbox.github_url,
        "github_token": sandbox.github_token,
        "target_owner": sandbox.owner,
        "work_dir": "work",
    }
    return wire({**given, **inputs}, base=lab.folder)


async def _found(batch: Batch) -> list[tuple[int | str, str]]:
    async with resources_for(batch) as resources:
        return [(one["project_id"], one["origin"]) for one in await expand_groups(batch, resources)]


@pytest.fixture
async def many(open_lab: Any) -> Lab:
    """A lab with projects in groups and subgroups."""
    found = await open_lab(*(_small(number, path) for number, path in PATHS.items()))
    assert isinstance(found, Lab)
    return found


GROUPS = (
    ("[acme]", [11, 12, 13, 14, 15]),
    ("[{path: acme, subgroups: false}]", [11, 12]),
    ("[{path: acme/web}]", [13, 14, 15]),
    ('[{path: acme, exclude: ["*/archive-*"]}]', [11, 13, 15]),
    ('[{path: acme, exclude: ["acme/web/*", "*/archive-????"]}]', [11]),
    ('[{path: acme, exclude: ["*"]}, other]', [16]),
    ("[acme, acme/web, other]", [11, 12, 13, 14, 15, 16]),
)


async def test_groups_become_projects(many: Lab, subtests: Any) -> None:
    """All projects of a group and its subgroups, without those excluded, each once."""
    for groups, expected in GROUPS:
        with subtests.test(groups):
            found = await _found(_batch(many, f"groups: {groups}"))
            assert sorted(number for number, _ in found) == expected


async def test_a_listed_project_keeps_its_entry(many: Lab) -> None:
    """A project that is listed by itself, by id or by path in any case, is not taken from its group again."""
    text = "projects: [{id: 11, target: acme/mine}, ACME/Web/App]\ngroups: [acme]"
    found = await _found(_batch(many, text))
    assert [one for one, _ in found] == [11, "ACME/Web/App", 12, 14, 15]
    assert [origin for _, origin in found][:3] == [
        "projects[0]",
        "projects[1]",
        "groups[0] (acme/archive-2019)",
    ]


async def test_an_empty_group_is_no_batch(many: Lab) -> None:
    """When nothing remains, that is an error of usage with a remedy."""
    with pytest.raises(ConfigurationError, match="no project to migrate") as caught:
        await _found(_batch(many, 'groups: [{path: acme, exclude: ["*"]}]'))
    assert caught.value.hint


async def test_names_that_collide_block_both(many: Lab) -> None:
    """Two projects that would go to one repository both get a blocking finding, and nothing is written."""
    batch = _batch(many, "projects: [11, 13, {id: 16, target: acme/APP}, 15]", mode="FULL")
    outcome = await run_batch(batch, Redactor(), lambda _: None)
    statuses = [one["status"] for one in outcome.result["results"]]
    assert statuses == ["failed", "failed", "failed", "success"], outcome.result
    for one in outcome.result["results"][:3]:
        assert one["error"]["reason"] == "findings-block"
        assert {found["code"] for found in one["findings"] if found["severity"] == "blocking"} == {
            "target-collision"
        }
        assert "naming: full-path" in one["error"]["hint"]
    assert set(await many.repositories()) == {"acme/site"}


async def test_full_paths_do_not_collide(many: Lab) -> None:
    """With `naming: full-path` the groups are part of the name; a target of one's own stays."""
    text = "naming: full-path\nprojects: [11, 13, {id: 16, target: acme/mine}]"
    outcome = await run_batch(_batch(many, text), Redactor(), lambda _: None)
    assert outcome.exit_code == 0, outcome.result
    assert [one["target"] for one in outcome.result["results"]] == [
        "acme/acme-app",
        "acme/acme-web-app",
        "acme/mine",
    ]
    plan = json.loads((many.folder / "work/plan.json").read_bytes())
    assert [one["source"] for one in plan["projects"]] == ["acme/app", "acme/web/app", "other/app"]
