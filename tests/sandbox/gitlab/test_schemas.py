"""The answers of the sandbox's GitLab against the JSON schemas of GitLab's own tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gitlab_schemas
import pytest
from gitlab_schemas import Schemas

from gl2gh_batch.sandbox import seeds

# (path below the project or the instance, schema, whether the schema is of one row of a list)
PLACES = [
    ("/projects/{id}/issues?per_page=100", "issue", True),
    ("/projects/{id}/issues?with_labels_details=false&state=closed", "issue", True),
    ("/projects/{id}/issues/{issue}", "issue", False),
    ("/projects/{id}/issues/{issue}/notes?per_page=100", "notes", False),
    ("/projects/{id}/issues/{issue}/links", "issue", True),
    ("/projects/{id}/labels?with_counts=true", "labels/project_label_with_counts", True),
    ("/projects/{id}/labels", "labels/project_label", True),
    ("/projects/{id}/milestones?include_ancestors=true", "milestone", True),
    ("/projects/{id}/merge_requests", "merge_request", True),
    ("/projects/{id}/merge_requests/{merge_request}", "merge_request", False),
    ("/projects/{id}/members", "members", False),
    ("/projects/{id}/members/all", "members", False),
    ("/projects/{id}/repository/branches", "branch", True),
    ("/projects/{id}/repository/commits", "commit/basic", True),
    ("/projects/{id}/repository/commits/HEAD", "commit/detail", False),
    ("/projects/{id}/hooks", "project_hook", True),
    ("/projects/{id}/environments", "environment", True),
    ("/projects/{id}/boards", "board", True),
    ("/projects/{id}/export", "project/export_status", False),
    ("/projects?simple=true", "project", True),
    ("/projects?membership=true&pagination=keyset&order_by=id", "project/identity", True),
    ("/users?username=migrator", "user/basic", True),
    ("/user", "user/public", False),
]


@pytest.fixture(scope="session")
def schemas(shared_data: Path) -> Schemas:
    """GitLab's schemas."""
    return gitlab_schemas.load(shared_data / "gitlab-api-schemas")


FORMS = {
    "recordings": "gitlab-recordings/gitea-test_repo",
    "archived": "gitlab-recordings/archbuild",
    "archive": "gitlab-export-8.16/test_project_export.tar.gz",
    "project.json": "gitlab-export-8.16/project.json",
    "description": None,
    "unicode": None,
}


def seed_of(form: str, shared_data: Path) -> str | Path:
    """A seed of each form."""
    if (name := FORMS[form]) is not None:
        return shared_data / name
    return seeds.SAMPLES[0 if form == "description" else 1]


@pytest.mark.shared_data
@pytest.mark.parametrize("form", FORMS)
async def test_answers_are_valid_by_gitlabs_schemas(
    form: str, open_site: Any, schemas: Schemas, shared_data: Path
) -> None:
    """Whatever the form of the seed, every answer that has a schema is valid by it."""
    site = await open_site(seed_of(form, shared_data))
    (project,) = site.world.projects.values()
    # One of the exports has its issues switched off, and so hidden.
    site.world.edit(project).edit_project(features={})
    numbers = {
        "id": project.id,
        "issue": max(project.issues, key=lambda iid: len(project.issues[iid].notes)),
        "merge_request": max(project.merge_requests),
    }
    problems = []
    for place, name, is_row in PLACES:
        reply = await site.ask(place.format(**numbers))
        assert reply.status == 200, (place, reply.body)
        for row in reply.body if is_row else [reply.body]:
            problems += [f"{place}: {problem}" for problem in schemas.problems(name, row)]
    assert problems == []


@pytest.mark.shared_data
@pytest.mark.parametrize("form", FORMS)
async def test_every_issue_has_valid_notes(
    form: str, open_site: Any, schemas: Schemas, shared_data: Path
) -> None:
    """The notes of every issue are valid, and as many as the discussions hold."""
    site = await open_site(seed_of(form, shared_data))
    (project,) = site.world.projects.values()
    site.world.edit(project).edit_project(features={})
    for iid, issue in project.issues.items():
        here = f"/projects/{project.id}/issues/{iid}"
        notes = await site.all(f"{here}/notes?per_page=100")
        assert schemas.problems("notes", notes) == []
        threads = await site.all(f"{here}/discussions?per_page=100")
        assert sorted(note["id"] for thread in threads for note in thread["notes"]) == sorted(
            note["id"] for note in notes
        )
        face = (await site.ask(here)).body
        assert face["user_notes_count"] == sum(not note["system"] for note in notes) == issue.notes.user_count


@pytest.mark.shared_data
@pytest.mark.parametrize("form", ["recordings", "description"])
async def test_releases_and_tags_are_valid_but_for_newer_fields(
    form: str, open_site: Any, schemas: Schemas, shared_data: Path
) -> None:
    """A release is valid; a tag is, without what the older schema does not know."""
    site = await open_site(seed_of(form, shared_data))
    (project,) = site.world.projects.values()
    releases = await site.all(f"/projects/{project.id}/releases")
    assert releases
    for release in releases:
        assert schemas.problems("release", release) == []
        assert release["commit"]["id"]
    tags = await site.all(f"/projects/{project.id}/repository/tags")
    assert {release["tag_name"] for release in releases} <= {tag["name"] for tag in tags}
    for tag in tags:
        known = {name: tag[name] for name in ("name", "message", "commit")}
        assert schemas.problems("tag", {**known, "release": None}) == []
        assert schemas.problems("tag", {**known, "release": {"tag_name": 1}}) != []


@pytest.mark.shared_data
def test_the_oracle_refuses_what_is_wrong(schemas: Schemas) -> None:
    """The schemas are really applied: a note without author and a colour of the wrong type are refused."""
    assert schemas.problems("notes", [{"id": 1}]) != []
    assert schemas.problems("labels/project_label_with_counts", {"color": 3}) != []
    assert schemas.problems("issue", {"id": "1"}) != []


@pytest.mark.shared_data
async def test_recorded_answers_are_given_again(open_site: Any, shared_data: Path) -> None:
    """Labels, milestones, issues, awards and discussions are those of the recordings, field by field."""
    folder = shared_data / "gitlab-recordings/gitea-test_repo"
    site = await open_site(folder)
    different = []
    for path in sorted(folder.iterdir()):
        name = unquote(path.name)
        if not any(part in name for part in ("labels", "milestones", "issues", "award_emoji", "discussions")):
            continue
        recorded = json.loads(path.read_bytes().partition(b"\n\n")[2])
        reply = await site.ask(unquote(path.name.removeprefix("GET_")).removeprefix("/api/v4"))
        if "view=simple" not in name:
            different += _differences(name, recorded, reply.body, site.world.url)
    assert different == []


def _differences(where: str, recorded: Any, given: Any, url: str) -> list[str]:
    """Recorded fields that are given differently, hosts apart; more fields than recorded do no harm."""
    if isinstance(recorded, dict) and isinstance(given, dict):
        return [
            each
            for key in recorded
            # The stored schema of an issue has no `locked` in its assignees.
            if not (key == "locked" and key not in given)
            for each in (
                _differences(f"{where}.{key}", recorded[key], given[key], url)
                if key in given
                else [f"{where}.{key} is missing"]
            )
        ]
    if isinstance(recorded, list) and isinstance(given, list):
        if len(recorded) != len(given):
            return [f"{where}: {len(given)} rows and not {len(recorded)}"]
        rows = enumerate(zip(recorded, given, strict=True))
        return [each for at, (one, two) in rows for each in _differences(f"{where}[{at}]", one, two, url)]
    if isinstance(recorded, str) and recorded.startswith("https://gitlab.com/"):
        recorded = recorded.replace("https://gitlab.com", url)
    return [] if recorded == given else [f"{where}: {given!r} and not {recorded!r}"]
