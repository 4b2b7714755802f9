"""python-gitlab, as it is, reads whole projects from the sandbox's GitLab."""

from __future__ import annotations

import asyncio
from typing import Any

import gitlab
import pytest

from gl2gh_batch.sandbox import seeds


def read(url: str, token: str, path: str) -> dict[str, Any]:
    """Read a project with everything that a migrator reads, through the library's own objects."""
    client = gitlab.Gitlab(url, private_token=token, per_page=3, timeout=20)
    client.auth()
    assert client.user is not None
    project = client.projects.get(path, statistics=True)
    listed = client.projects.list(iterator=True, pagination="keyset", order_by="id", sort="asc")
    issues = project.issues.list(iterator=True, order_by="created_at", sort="asc")
    return {
        "user": client.user.username,
        "version": client.version()[0],
        "projects": [each.path_with_namespace for each in listed],
        "groups": [each.full_path for each in client.groups.list(get_all=True)],
        "face": project.attributes,
        "labels": [each.name for each in project.labels.list(get_all=True)],
        "milestones": [each.title for each in project.milestones.list(get_all=True)],
        "members": [each.username for each in project.members_all.list(get_all=True)],
        "issues": {
            each.iid: {
                "title": each.title,
                "notes": [note.body for note in each.notes.list(iterator=True, sort="asc")],
                "threads": len(each.discussions.list(get_all=True)),
                "awards": [award.name for award in each.awardemojis.list(get_all=True)],
                "links": [link.iid for link in each.links.list(get_all=True)],
                "events": len(each.resourcestateevents.list(get_all=True)),
                "merge_requests": [row["iid"] for row in each.related_merge_requests(get_all=True)],
            }
            for each in issues
        },
        "merge_requests": {
            each.iid: {
                "state": project.mergerequests.get(each.iid).state,
                "notes": [note.body for note in each.notes.list(iterator=True, sort="asc")],
                "threads": len(each.discussions.list(get_all=True)),
                "approved": len(each.approvals.get().approved_by),
                "commits": len(each.commits(get_all=True)),
                "versions": len(each.diffs.list(get_all=True)),
            }
            for each in project.mergerequests.list(iterator=True)
        },
        "branches": {each.name: each.commit["id"] for each in project.branches.list(get_all=True)},
        "tags": {each.name: each.target for each in project.tags.list(get_all=True)},
        "commits": len(project.commits.list(get_all=True)),
        "releases": [each.tag_name for each in project.releases.list(get_all=True)],
        "snippets": [each.content().decode() for each in project.snippets.list(get_all=True)],
        "wikis": [each.slug for each in project.wikis.list(get_all=True)],
        "settings": {
            name: len(getattr(project, name).list(get_all=True))
            for name in (
                "protectedbranches",
                "protectedtags",
                "variables",
                "hooks",
                "environments",
                "keys",
                "pipelineschedules",
                "triggers",
                "badges",
                "boards",
            )
        },
        "languages": project.languages(),
    }


async def test_python_gitlab_reads_a_whole_project(open_site: Any) -> None:
    """Every list and object that a migrator needs is there, page by page, and is what the world holds."""
    site = await open_site(*seeds.SAMPLES)
    path = "acme/platform/billing-api"
    seen = await asyncio.to_thread(read, site.world.url, site.world.token, path)
    project = site.world.project(path)
    assert seen["user"] == "migrator"
    assert len(seen["projects"]) == len(seeds.SAMPLES)
    assert seen["groups"] == ["acme", "acme/docs", "acme/legacy", "acme/ops", "acme/platform", "acme/web"]
    assert seen["face"]["statistics"]["commit_count"] == seen["commits"]
    assert list(seen["issues"]) == list(project.issues)
    for iid, issue in project.issues.items():
        assert seen["issues"][iid]["notes"] == [note.body for note in issue.notes.all()]
        assert seen["issues"][iid]["title"] == issue.title
        assert len(seen["issues"][iid]["awards"]) == len(issue.awards)
    assert seen["issues"][2]["threads"] < len(seen["issues"][2]["notes"])
    assert seen["issues"][5]["links"] == [6, 11]
    assert seen["issues"][2]["merge_requests"] == [2]
    assert {iid: row["state"] for iid, row in seen["merge_requests"].items()} == {
        1: "merged",
        2: "merged",
        3: "merged",
        4: "opened",
    }
    assert seen["merge_requests"][2]["approved"] == 2
    assert all(row["commits"] and row["versions"] for row in seen["merge_requests"].values())
    assert {"type::bug", "priority::high", "team::platform"} <= set(seen["labels"])
    assert set(seen["milestones"]) == {"v1.0", "v1.1", "Backlog"}
    assert "migrator" in seen["members"]
    assert set(seen["branches"]) >= {"main", "release/1.0", "feature/dunning"}
    assert set(seen["tags"]) == {"v1.0.0", "v1.0.2"}
    assert seen["releases"] == ["v1.0.2", "v1.0.0"]
    assert seen["snippets"] == ["SELECT country, count(*) FROM invoices GROUP BY 1;\n"]
    assert set(seen["wikis"]) == {"home", "Runbook"}
    assert seen["settings"]["variables"] == 2
    assert "Python" in seen["languages"]


def export(url: str, token: str) -> tuple[list[str], bytes]:
    """Export the empty project and download the archive."""
    client = gitlab.Gitlab(url, private_token=token)
    job = client.projects.get("acme/platform/empty-repo").exports.create()
    states = []
    while not states or states[-1] != "finished":
        job.refresh()
        states.append(job.export_status)
    return states, job.download() or b""


async def test_python_gitlab_exports_a_project(open_site: Any) -> None:
    """Start, wait, download: the way of its documentation."""
    site = await open_site(seeds.SAMPLES[2])
    states, archive = await asyncio.to_thread(export, site.world.url, site.world.token)
    assert states == ["queued", "started", "finished"]
    assert archive.startswith(b"\x1f\x8b")


async def test_python_gitlab_meets_refusals(open_site: Any) -> None:
    """A wrong token is an authentication error, and what may not be seen is a 404."""
    site = await open_site(seeds.SAMPLES[0])
    site.world.add_token("stranger", "stranger")

    def ask(token: str) -> None:
        gitlab.Gitlab(site.world.url, private_token=token).projects.get("acme/platform/billing-api")

    with pytest.raises(gitlab.GitlabAuthenticationError):
        await asyncio.to_thread(ask, "wrong")
    with pytest.raises(gitlab.GitlabGetError) as caught:
        await asyncio.to_thread(ask, "stranger")
    assert caught.value.response_code == 404
