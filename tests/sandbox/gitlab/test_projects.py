"""Projects, groups and what belongs to them on the sandbox's GitLab."""

from __future__ import annotations

from typing import Any

import pytest

from gl2gh_batch.sandbox import seeds


@pytest.fixture
async def demo(open_site: Any) -> Any:
    """The world of all samples."""
    return await open_site(*seeds.SAMPLES)


async def test_a_project_is_found_by_id_and_by_path_in_any_case(demo: Any) -> None:
    """The number, the URL-encoded path and the path in capitals name the same project."""
    faces = [
        (await demo.ask(f"/projects/{reference}")).body
        for reference in ("4101", "acme%2Fplatform%2Fbilling-api", "ACME%2Fplatform%2FBilling-API")
    ]
    assert [face["id"] for face in faces] == [4101, 4101, 4101]
    assert faces[0]["_links"]["self"] == f"{demo.world.url}/api/v4/projects/4101"
    assert faces[0]["http_url_to_repo"] == f"{demo.world.url}/acme/platform/billing-api.git"
    assert faces[0]["namespace"]["full_path"] == "acme/platform"
    assert faces[0]["permissions"]["group_access"]["access_level"] == 50


async def test_statistics_and_license_come_when_asked_for(demo: Any) -> None:
    """`statistics` counts the commits and sizes, `license` knows the MIT one."""
    plain = (await demo.ask("/projects/4101")).body
    assert "statistics" not in plain
    full = (await demo.ask("/projects/4101?statistics=true&license=true")).body
    assert full["statistics"]["commit_count"] >= 5
    assert full["statistics"]["storage_size"] >= full["statistics"]["repository_size"] > 0
    assert full["license"]["key"] == "mit"


async def test_an_empty_repository_says_so(demo: Any) -> None:
    """No default branch, no branches, no commits, a tree that is not there."""
    face = (await demo.ask("/projects/4103")).body
    assert (face["empty_repo"], face["default_branch"], face["readme_url"]) == (True, None, None)
    assert (await demo.ask("/projects/4103/repository/branches")).body == []
    assert (await demo.ask("/projects/4103/repository/commits")).body == []
    assert (await demo.ask("/projects/4103/repository/tree")).status == 404
    assert (await demo.ask("/projects/4103/repository/commits/main")).status == 404


async def test_switched_off_features_are_seen_in_project_and_lists(demo: Any) -> None:
    """A project without issues says so, lists none and finds none."""
    face = (await demo.ask("/projects/4104")).body
    assert (face["issues_enabled"], face["issues_access_level"]) == (False, "disabled")
    assert (await demo.ask("/projects/4104/issues")).body == []
    assert (await demo.ask("/projects/4104/snippets")).status == 403
    demo.world.edit(4101).edit_project(features={"issues": "disabled", "merge_requests": "disabled"})
    assert (await demo.ask("/projects/4101/issues")).body == []
    assert (await demo.ask("/projects/4101/issues/1")).status == 404
    assert (await demo.ask("/projects/4101/merge_requests")).status == 403


async def test_labels_of_the_groups_above_belong_to_the_project(demo: Any) -> None:
    """Group labels are listed too unless told otherwise, with their counts and marked as such."""
    labels = {row["name"]: row for row in await demo.all("/projects/4101/labels?with_counts=true")}
    assert labels["priority::high"]["is_project_label"] is False
    assert labels["team::platform"]["is_project_label"] is False
    assert labels["type::bug"]["is_project_label"] is True
    issues = await demo.all("/projects/4101/issues?labels=type::bug")
    closed = sum(issue["state"] == "closed" for issue in issues)
    assert labels["type::bug"]["closed_issues_count"] == closed > 0
    assert labels["type::bug"]["open_issues_count"] == len(issues) - closed > 0
    own = await demo.all("/projects/4101/labels?include_ancestor_groups=false")
    assert all(row["is_project_label"] for row in own)
    group = await demo.all("/groups/acme%2Fplatform/labels")
    assert {row["name"] for row in group} == {
        "priority::high",
        "priority::low",
        "needs decision",
        "team::platform",
    }


async def test_every_label_and_milestone_of_an_issue_is_listed(demo: Any) -> None:
    """What an issue names can be found by the project's lists, with those of its groups."""
    for project in demo.world.projects.values():
        labels = {row["name"] for row in await demo.all(f"/projects/{project.id}/labels")}
        milestones = {
            row["id"] for row in await demo.all(f"/projects/{project.id}/milestones?include_ancestors=true")
        }
        for issue in await demo.all(f"/projects/{project.id}/issues?per_page=100"):
            assert set(issue["labels"]) <= labels
            assert issue["milestone"] is None or issue["milestone"]["id"] in milestones


async def test_milestones_tell_whose_they_are(demo: Any) -> None:
    """A project's milestone has its project, a group's its group; only the own ones are listed by default."""
    own = await demo.all("/projects/4101/milestones")
    assert {row["title"] for row in own} == {"v1.0", "v1.1", "Backlog"}
    assert {row["project_id"] for row in own} == {4101}
    every = await demo.all("/projects/4101/milestones?include_ancestors=true")
    above = [row for row in every if "group_id" in row]
    assert {row["title"] for row in above} == {"2023 H2", "2024 H1"}
    assert [row["title"] for row in await demo.all("/projects/4101/milestones?state=closed")] == ["v1.0"]
    (issue,) = [row for row in await demo.all("/projects/4101/issues") if row["iid"] == 14]
    assert issue["milestone"]["group_id"] == above[0]["group_id"]
    assert issue["milestone"]["web_url"].startswith(f"{demo.world.url}/groups/acme/-/milestones/")


async def test_groups_lead_to_their_projects(demo: Any) -> None:
    """Projects of a group, of its subgroups too when asked, archived or not; subgroups; full names."""
    assert await demo.all("/groups/acme/projects") == []
    deep = await demo.all("/groups/acme/projects?include_subgroups=true")
    assert len(deep) == 6
    active = await demo.all("/groups/acme/projects?include_subgroups=true&archived=false")
    assert len(active) == 5
    platform = await demo.all("/groups/acme%2Fplatform/projects?order_by=name&sort=asc")
    assert [row["name"] for row in platform] == ["Billing API", "Next idea"]
    below = await demo.all("/groups/acme/subgroups")
    assert [row["full_path"] for row in below] == [
        "acme/docs",
        "acme/legacy",
        "acme/ops",
        "acme/platform",
        "acme/web",
    ]
    group = (await demo.ask("/groups/acme%2Fplatform")).body
    assert (group["full_name"], group["projects"][0]["namespace"]["id"]) == ("ACME / Platform", group["id"])
    assert (await demo.ask("/groups/nothing")).body == {"message": "404 Group Not Found"}


async def test_members_are_direct_or_all(demo: Any) -> None:
    """`/members` has the direct ones, `/members/all` everybody once with the highest level."""
    direct = {row["username"]: row["access_level"] for row in await demo.all("/projects/4101/members")}
    assert direct == {"anna": 40, "ben": 40, "chloe": 30, "dmitri": 30, "emi": 20}
    every = {row["username"]: row["access_level"] for row in await demo.all("/projects/4101/members/all")}
    assert every == {**direct, "anna": 50, "migrator": 50}


async def test_users_are_found_by_name(demo: Any) -> None:
    """By username in any case; e-mail addresses only for administrators; bots and states are told."""
    (found,) = await demo.all("/users?username=ANNA")
    assert (found["name"], found["email"]) == ("Anna Bergström", "anna.bergstrom@acme.example")
    page = (await demo.ask(f"/users/{found['id']}")).body
    assert page["public_email"] == "anna.bergstrom@acme.example"
    demo.world.add_token("emi", "emi")
    (seen,) = await demo.all("/users?username=anna", token="emi")
    assert "email" not in seen
    (bot,) = await demo.all("/users?username=project_4101_bot_9f3c")
    assert bot["bot"] is True
    assert (await demo.all("/users?username=karl"))[0]["state"] == "blocked"
    assert await demo.all("/users?username=nobody-at-all") == []
    assert (await demo.ask("/users/999")).status == 404


async def test_settings_show_no_secrets(demo: Any) -> None:
    """Settings have GitLab's fields; what is hidden there is not shown."""
    demo.world.project(4101).settings["hooks"][0]["token"] = "secret"
    for kind in ("protected_branches", "protected_tags", "variables", "hooks", "environments"):
        assert await demo.all(f"/projects/4101/{kind}"), kind
    for kind in ("deploy_keys", "triggers", "badges"):
        assert await demo.all(f"/projects/4101/{kind}") == [], kind
    (hook,) = await demo.all("/projects/4101/hooks")
    assert "token" not in hook
    (branch,) = await demo.all("/projects/4101/protected_branches")
    assert branch["push_access_levels"][0]["access_level_description"] == "Maintainers"
    assert (await demo.ask("/projects/4101/variables/REGISTRY")).body["value"] == "registry.acme.example"
    (schedule,) = await demo.all("/projects/4101/pipeline_schedules")
    assert schedule["owner"]["username"] == "ben"


async def test_releases_and_snippets(demo: Any) -> None:
    """Releases come newest first with the tag's commit and their links, snippets with their files."""
    releases = await demo.all("/projects/4101/releases")
    assert [row["tag_name"] for row in releases] == ["v1.0.2", "v1.0.0"]
    one = (await demo.ask("/projects/4101/releases/v1.0.0")).body
    assert [link["name"] for link in one["assets"]["links"]] == ["Handbook"]
    assert one["assets"]["count"] == 5
    assert one["milestones"][0]["issue_stats"]["total"] > 0
    (snippet,) = await demo.all("/projects/4101/snippets")
    raw = await demo.ask(f"/projects/4101/snippets/{snippet['id']}/raw")
    assert raw.body == b"SELECT country, count(*) FROM invoices GROUP BY 1;\n"
    assert [each["path"] for each in snippet["files"]] == ["count.sql"]


async def test_a_repository_that_is_off_shows_no_branch_and_no_tag(open_site: Any) -> None:
    """Nothing of it is there for anybody, releases are without their tags; whether it is empty is told."""
    site = await open_site(
        "project: {path: a/app, id: 3, creator: anna, features: {repository: disabled}}\n"
        "users: {anna: {name: Anna}}\n"
        "releases: [{tag: v1, name: One}]\n"
    )
    face = (await site.ask("/projects/3")).body
    assert (face["empty_repo"], face["repository_access_level"]) == (False, "disabled")
    assert "default_branch" not in face
    for path in ("repository/branches", "repository/tags", "merge_requests"):
        assert (await site.ask(f"/projects/3/{path}")).status == 403
    (release,) = await site.all("/projects/3/releases")
    assert release["name"] == "One"
    assert "v1" not in str({**release, "author": None})
