"""What a project says of itself arrives, or is listed before anything is written."""

from __future__ import annotations

import json
from typing import Any

from lab import Lab, project

FACE = {
    "description": "Two\nlines \x1b[31m and ‮more",
    "topics": ["C++ tools", "go"],
    "archived": True,
    "visibility": "public",
    "features": {
        "issues": "disabled",
        "merge_requests": "disabled",
        "builds": "disabled",
        "forking": "disabled",
    },
    "settings": {"merge_method": "ff", "squash_option": "always", "remove_source_branch_after_merge": False},
    "forked_from": "acme/origin",
    "avatar": "/uploads/-/system/project/avatar/17/face.png",
}


def faced(**fields: Any) -> dict[str, Any]:
    """The project with that face."""
    described = project(issues=[], merge_requests=[])
    return {**described, "project": {**described["project"], **FACE, **fields}}


def losses(lab: Lab) -> set[str]:
    """The items of the repository's losses."""
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    return {one["item"] for one in map(json.loads, lines) if one["kind"] == "repository"}


async def test_the_face_arrives(open_lab: Any) -> None:
    """Every setting that GitHub has is there in the end, verified, and stays so in a second run."""
    lab = await open_lab(faced(), project("acme/origin", 18, issues=[], merge_requests=[]))
    config = lab.config(visibility="source")
    result = await lab.run("FULL", config)
    assert result["status"] == "success", result
    held = lab.sandbox.github.repository("acme/app")
    assert held is not None
    assert held.description == "Two lines [31m and more"
    assert held.topics == ["c-tools", "go"]
    assert (held.archived, held.private, held.default_branch) == (True, False, "main")
    wanted = {
        "has_issues": False,
        "has_pull_requests": False,
        "has_wiki": False,
        "has_projects": False,
        "allow_merge_commit": False,
        "allow_squash_merge": True,
        "allow_rebase_merge": False,
        "delete_branch_on_merge": False,
    }
    assert {name: held.settings.get(name) for name in wanted} == wanted
    assert held.actions["enabled"] is False
    assert losses(lab) == {
        "repository/description",
        "repository/topics/C++ tools",
        "repository/forked-from",
        "repository/avatar",
        "repository/merge-method",
        "repository/forking",
    }
    mark = lab.mark()
    assert (await lab.run("FULL", config))["status"] == "success"
    assert lab.writes(mark) == []


async def test_every_damage_to_the_face_is_found(open_lab: Any) -> None:
    """Verify names each field that somebody changed since."""
    lab = await open_lab(faced(archived=False))
    assert (await lab.run("FULL"))["status"] == "success"
    held = lab.sandbox.github.repository("acme/app")
    assert held is not None
    held.description, held.topics, held.archived = "Other", ["other"], True
    held.homepage, held.actions["enabled"] = "https://elsewhere.example", True
    for name in (
        "has_issues",
        "has_pull_requests",
        "has_wiki",
        "allow_merge_commit",
        "delete_branch_on_merge",
    ):
        held.settings[name] = not held.settings[name]
    result = await lab.run("APPLY", resume_from="verify")
    assert result["status"] == "failed"
    lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
    found = {one["field"] for one in map(json.loads, lines) if one["kind"] == "repository"}
    assert found == {
        "description",
        "topics",
        "archived",
        "homepage",
        "has_issues",
        "has_pull_requests",
        "has_wiki",
        "has_actions",
        "allow_merge_commit",
        "delete_branch_on_merge",
    }


BADGES = [
    {
        "id": 3,
        "name": "Coverage @anna",
        "link_url": "https://cov.example.com/%{project_path}/%{default_branch}",
        "image_url": "https://cov.example.com/%{project_id}.svg",
    },
    {
        "id": 4,
        "name": "::error::x",
        "link_url": "https://%{gitlab_server}/%{project_path}",
        "image_url": "javascript:alert(1)",
    },
]


async def test_each_badge_is_a_loss_with_its_line(open_lab: Any) -> None:
    """Badges are named one by one, their placeholders resolved, in the plan and from an export too."""
    lab = await open_lab(project(settings={"badges": BADGES}))
    assert (await lab.run("EXPORT_ONLY", work=lab.folder / "first"))["status"] == "success"
    exported = lab.config(from_export=lab.folder / "first" / "export" / "acme-app-17", gitlab_token="")
    for number, config in enumerate((lab.config(), exported)):
        work = lab.folder / f"work-{number}"
        assert (await lab.run("PLAN_ONLY", config, work=work))["status"] == "success"
        listed = work / "projects" / "acme-app-17" / "desired" / "losses.ndjson"
        lines = map(json.loads, listed.read_text().splitlines())
        found = {one["item"]: one for one in lines if "badge" in one["item"]}
        assert set(found) == {"repository/badges/3", "repository/badges/4"}
        line = "(https://cov.example.com/17.svg)](https://cov.example.com/acme/app/main)"
        assert line in found["repository/badges/3"]["reason"]
        assert "@anna" not in found["repository/badges/3"]["reason"]
        assert "javascript" not in found["repository/badges/4"]["reason"]


async def test_badges_that_nobody_tells_are_counted(open_lab: Any) -> None:
    """Where GitLab refuses the list of badges their number is the loss; without any, nothing is asked."""
    lab = await open_lab(project(settings={"badges": BADGES}))
    await lab.control(
        "PUT",
        "faults",
        [
            {
                "side": "gitlab",
                "path": "*/projects/17/badges",
                "nth": [2, 3, 4],
                "effect": {"status": 403, "body": {"message": "403 Forbidden"}},
            }
        ],
    )
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text()
    assert '"2 badges"' in lines
    other = await open_lab(project())
    assert (await other.run("PLAN_ONLY"))["status"] == "success"
    asked = [one.path for one in other.sandbox.journal if one.path.endswith("/badges")]
    assert len(asked) == 1  # discovery counts them
