"""What a project says of itself arrives, or is listed before anything is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from lab import USERS, Lab, differing, project

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


PARTS = ("issues", "wiki", "merge_requests", "releases", "snippets", "repository")


def guarded(*parts: str, visibility: str = "public") -> dict[str, Any]:
    """A project that others see, with something in every part; GitLab shows these parts to members only."""
    described = project(
        wiki={"home.md": "the runbook"},
        releases=[{"tag": "v1.0", "name": "One"}],
        snippets=[{"title": "script", "author": "anna", "visibility": "public", "files": {"a.sh": "ls"}}],
    )
    described["project"] |= {"visibility": visibility, "features": dict.fromkeys(parts, "private")}
    return described


def told(result: dict[str, Any]) -> dict[str, str]:
    """What the plan says of who sees what: code → message."""
    return {one["code"]: one["message"] for one in result["findings"] if "members-only" in one["code"]}


@pytest.mark.parametrize("part", PARTS)
async def test_what_members_alone_see_keeps_the_repository_private(open_lab: Any, part: str) -> None:
    """With `visibility: source` one such part is enough, named in the plan; left out, it does not count."""
    lab = await open_lab(guarded(part))
    planned = await lab.run("PLAN_ONLY", lab.config(visibility="source"), users=USERS)
    (message,) = told(planned).values()
    assert message.endswith("acme/app stays private")
    assert part.replace("repository", "code").replace("_", " ") in message
    steps = (lab.folder_of() / "plan.ndjson").read_text()
    assert "snippets/5" not in {one["item"] for one in map(json.loads, _losses_lines(lab))}
    assert '"visibility":"public"' not in steps
    if part != "repository":
        config = lab.config(visibility="source", kinds={part: "skip"})
        assert told(await lab.run("PLAN_ONLY", config, users=USERS)) == {}
        assert '"visibility":"public"' in (lab.folder_of() / "plan.ndjson").read_text()


def _losses_lines(lab: Lab) -> list[str]:
    return (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()


async def test_members_only_parts_stay_private_to_the_end(open_lab: Any) -> None:
    """Applied, verified and from an export: nobody else reads it, and all of it is there."""
    lab = await open_lab(guarded(*PARTS, "builds"))
    reading = lab.config(confidential="include")
    assert (await lab.run("EXPORT_ONLY", reading, work=lab.folder / "first"))["status"] == "success"
    exported = lab.folder / "first" / "export" / "acme-app-17"
    config = lab.config(visibility="source", from_export=exported, gitlab_token="", confidential="include")
    result = await lab.run("FULL", config, users=USERS)
    assert result["status"] == "success", result
    held = await lab.repository()
    assert (held["private"], len(held["issues"]), len(held["releases"])) == (True, 3, 1)
    assert {"refs/heads/wiki", "refs/heads/gl2gh-snippets"} <= set(held["refs"])
    assert losses(lab) == set()


@pytest.mark.parametrize("visibility", ["public", "internal"])
async def test_what_becomes_readable_on_purpose_is_told(open_lab: Any, visibility: str) -> None:
    """With an explicit `visibility` each such part is a loss, and a warning names them; snippets stay out."""
    lab = await open_lab(guarded(*PARTS))
    result = await lab.run("PLAN_ONLY", lab.config(visibility=visibility), users=USERS)
    assert result["status"] == "success", result
    shown = {*PARTS, "labels", "milestones"} - ({"snippets"} if visibility == "public" else set())
    assert losses(lab) == {f"repository/members-only/{part}" for part in shown}
    (message,) = told(result).values()
    assert ("snippets" in message) is (visibility == "internal")
    assert "merge requests" in message
    left = [one for one in map(json.loads, _losses_lines(lab)) if one["kind"] == "snippets"]
    assert len(left) == (visibility == "public")


async def test_a_private_projects_parts_are_no_exceptions(open_lab: Any) -> None:
    """GitLab calls the parts of a private project members-only as well: nothing more is told of them."""
    lab = await open_lab(guarded(*PARTS, visibility="private"))
    for visibility in ("source", "public", "private"):
        result = await lab.run("PLAN_ONLY", lab.config(visibility=visibility), users=USERS)
        assert (result["status"], told(result)) == ("success", {})
        assert losses(lab) == set()


async def test_a_repository_that_is_switched_off_is_an_empty_one(open_lab: Any) -> None:
    """All the rest arrives, verified, from an export, too; what is not read is told and listed."""
    described = guarded(visibility="private")
    change = {"title": "Change", "author": "ben", "source_branch": "release/1.0", "target_branch": "main"}
    described["merge_requests"] = [change]
    described["project"]["features"] = {"repository": "disabled"}
    lab = await open_lab(described)
    planned = await lab.run("PLAN_ONLY", users=USERS)
    assert planned["status"] == "success", planned
    assert {one["code"] for one in planned["findings"]} == {"repository-off", "people-unresolved"}
    price, mark = planned["plan"]["price"], lab.mark()
    result = await lab.run("APPLY", users=USERS)
    assert result["status"] == "success", result
    assert result["verification"]["total_differences"] == 0
    made = [one for one in lab.github(mark) if "/git-" not in one.path and "/info/refs" not in one.path]
    assert sum(one.method not in {"GET", "HEAD"} for one in made) == sum(
        price[pace] for pace in ("writes", "content", "imports")
    )
    held = await lab.repository()
    assert {ref for ref in held["refs"] if ref.startswith("refs/heads/")} == {
        "refs/heads/wiki",
        "refs/heads/gl2gh-snippets",
    }
    assert (len(held["issues"]), held["pulls"], held["releases"]) == (3, [], [])
    assert losses(lab) == {"repository/switched-off"}
    (left,) = [one for one in map(json.loads, _losses_lines(lab)) if one["kind"] == "releases"]
    assert left["what"] == "1 release"
    assert (await lab.run("APPLY", resume_from="verify"))["status"] == "success"
    before = await lab.settled()
    await lab.control("POST", "reset")
    assert (await lab.run("EXPORT_ONLY", work=lab.folder / "first"))["status"] == "success"
    exported = lab.config(from_export=lab.folder / "first" / "export" / "acme-app-17", gitlab_token="")
    result = await lab.run("FULL", exported, work=lab.folder / "second", users=USERS)
    assert result["status"] == "success", result
    assert differing(await lab.settled(), before) == []


async def test_a_repository_that_is_switched_off_later_is_a_change(open_lab: Any) -> None:
    """What was planned with its history is not applied without a word when GitLab hides it since."""
    lab = await open_lab(project())
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    lab.sandbox.gitlab.projects[17].features["repository"] = "disabled"
    result = await lab.run("APPLY")
    assert (result["status"], result["error"]["reason"]) == ("failed", "source-changed")
