"""Uploads and project exports of the sandbox's GitLab."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch.sandbox import seeds


async def test_an_upload_is_found_by_every_address(open_site: Any) -> None:
    """By secret and name in the API, by the id of the list, and by the addresses that stand in texts."""
    site = await open_site(seeds.SAMPLES[1])
    (row,) = await site.all("/projects/4102/uploads")
    assert "secret" not in row
    secret, name = "0123456789abcdef0123456789abcdef", "Entwurf-gr%C3%B6%C3%9Fer.svg"
    expected = site.world.project(4102).uploads[0].path.read_bytes()
    for address in (
        f"/projects/4102/uploads/{secret}/{name}",
        f"/projects/4102/uploads/{row['id']}",
        f"{site.world.url}/acme/web/storefront/uploads/{secret}/{name}",
        f"{site.world.url}/-/project/4102/uploads/{secret}/{name}",
    ):
        reply = await site.ask(address)
        assert (reply.status, reply.body) == (200, expected), address
        assert (await site.ask(address, token=None)).status in (401, 404)
    assert row["size"] == len(expected)
    assert (await site.ask(f"/projects/4102/uploads/{'0' * 32}/{name}")).status == 404


async def test_an_export_is_a_job(open_site: Any) -> None:
    """None, then asked for (202), queued, started, finished; the archive is there at the end only."""
    site = await open_site(seeds.SAMPLES[0])
    here = "/projects/4101/export"
    assert (await site.ask(here)).body["export_status"] == "none"
    assert (await site.ask(f"{here}/download")).status == 404
    assert (await site.ask(here, method="POST")).status == 202
    states = [(await site.ask(here)).body["export_status"] for _ in range(2)]
    assert states == ["queued", "started"]
    assert (await site.ask(f"{here}/download")).status == 404
    assert (await site.ask(here)).body["export_status"] == "finished"
    archive = (await site.ask(f"{here}/download")).body
    with tarfile.open(fileobj=io.BytesIO(archive)) as opened:
        names = opened.getnames()
    assert {"VERSION", "tree/project.json", "tree/project/issues.ndjson", "project.bundle"} <= set(names)


@pytest.mark.parametrize("sample", [0, 1, 2, 4])
async def test_an_export_read_again_is_the_same_project(open_site: Any, tmp_path: Path, sample: int) -> None:
    """The archive of the present form gives back issues, notes, labels, milestones, refs and uploads."""
    site = await open_site(seeds.SAMPLES[sample])
    (project,) = site.world.projects.values()
    here = f"/projects/{project.id}/export"
    await site.ask(here, method="POST")
    while (await site.ask(here)).body["export_status"] != "finished":
        pass
    archive = tmp_path / "again_export.tar.gz"
    archive.write_bytes((await site.ask(f"{here}/download")).body)
    other = await open_site(archive)
    (copy,) = other.world.projects.values()
    assert copy.full_path == "imported/again"
    both = ((site, project.id), (other, copy.id))
    for path in ("issues?per_page=100", "merge_requests", "labels", "milestones"):
        rows = [await each.all(f"/projects/{each_id}/{path}") for each, each_id in both]
        assert [essence(row) for row in rows[0]] == [essence(row) for row in rows[1]], path
    for iid in project.issues:
        notes = [await each.all(f"/projects/{each_id}/issues/{iid}/discussions") for each, each_id in both]
        assert threads(notes[0]) == threads(notes[1])
    refs = [
        {row["name"]: row["commit"]["id"] for row in await each.all(f"/projects/{each_id}/repository/{kind}")}
        for kind in ("branches", "tags")
        for each, each_id in both
    ]
    assert refs[0] == refs[1]
    assert refs[2] == refs[3]
    assert [(each.secret, each.filename) for each in copy.uploads] == [
        (each.secret, each.filename) for each in project.uploads
    ]


def essence(row: dict[str, Any]) -> dict[str, Any]:
    """What of a row an export carries: no numbers of the database, no addresses, no usernames."""
    kept = ("iid", "title", "name", "description", "state", "created_at", "updated_at", "closed_at", "labels")
    kept += (
        "due_date",
        "weight",
        "confidential",
        "color",
        "sha",
        "upvotes",
        "user_notes_count",
        "issue_type",
    )
    face = {name: row[name] for name in kept if name in row}
    if row.get("milestone"):
        face["milestone"] = row["milestone"]["title"]
    if row.get("author"):
        face["author"] = row["author"]["name"]
    return face


def threads(rows: list[dict[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The threads of an item with the essence of their notes."""
    return [
        [
            (note["body"], note["author"]["name"], note["created_at"], note["system"], note["internal"])
            for note in thread["notes"]
        ]
        for thread in rows
    ]
