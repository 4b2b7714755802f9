"""Releases arrive with their notes and their files; verify finds what was changed."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lab as labs
import pytest
from lab import USERS, Lab, issue, project

SECRET = "f" * 32
API = "{gitlab}/api/v4/projects/17/packages/generic/app/1.0"


def released(gitlab: str = "{gitlab}", **fields: Any) -> dict[str, Any]:
    """A project with releases of every sort."""
    api = API.format(gitlab=gitlab)
    at = datetime(2024, 2, 1, 12, tzinfo=UTC)
    return project(
        labels=[],
        issues=[issue(1)],
        releases=[
            {
                "tag": "v1.0",
                "name": "One @anna",
                "description": f"Notes for #1, see [log](/uploads/{SECRET}/log.txt)",
                "author": "anna",
                "released_at": at,
                "milestones": ["1.0"],
                "links": [
                    {
                        "name": "The program",
                        "url": f"{api}/app%20(1).zip",
                        "type": "package",
                        "direct_asset_path": "/bin/app",
                    },
                    {"name": "Again", "url": f"{api}/app%20(1).zip", "type": "package"},
                    {"name": "Docs", "url": "https://docs.example.com/v1", "type": "runbook"},
                    {"name": "Gone", "url": f"{api}/gone.zip"},
                    {"name": "Other project's", "url": f"{gitlab}/api/v4/projects/18/packages/generic/a/1/x"},
                    {"name": "Log", "url": f"{gitlab}/acme/app/uploads/{SECRET}/log.txt"},
                ],
                "evidences": [{"text": '{"release": 1}', "collected_at": at}],
            },
            {
                "tag": "v1.1",
                "name": "Two",
                "description": "",
                "author": "ben",
                "released_at": datetime(2024, 3, 1, tzinfo=UTC),
            },
            {"tag": "v9.9", "name": "Tagless", "released_at": datetime(2024, 4, 1, tzinfo=UTC)},
            {"tag": "release/next", "name": "Next", "released_at": datetime(2099, 1, 1, tzinfo=UTC)},
        ],
        repository={
            **project()["repository"],
            "tags": {"v1.0": "one", "v1.1": {"commit": "two", "message": "m"}, "release/next": "two"},
        },
        packages=[
            {"name": "app", "version": "1.0", "files": {"app (1).zip": "zipped", "empty.bin": ""}},
        ],
        uploads=[{"secret": SECRET, "filename": "log.txt", "text": "a log"}],
        **fields,
    )


async def test_notes_count_in_characters(open_lab: Any) -> None:
    """Long notes of signs of several bytes arrive whole; should GitHub refuse them, the error says so."""
    notes = "あ" * 100_000 + " ENDMARK"
    release = {"tag": "v1.0", "name": "One", "description": notes}
    lab = await open_lab(project(issues=[], releases=[release]))
    rules = lab.sandbox.github.rules
    rules.tighten("release_body_chars", 100_000)
    refused = await lab.run("FULL", users=USERS)
    assert refused["error"]["item"] == "releases/v1.0"
    assert "too long" in refused["error"]["message"]
    rules.tighten("release_body_chars", 125_000)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    assert result["verification"]["total_differences"] == 0
    (found,) = (await lab.repository())["releases"]
    assert notes in found["body"]
    assert "of the notes" not in (lab.folder_of() / "desired" / "losses.ndjson").read_text()


async def opened(open_lab: Any, **arguments: Any) -> Lab:
    """A lab whose releases link to files of the sandbox's own GitLab."""
    lab: Lab = await open_lab(released(), **arguments)
    for one in lab.sandbox.gitlab.projects[17].releases:
        for link in one.links:
            link["url"] = link["url"].replace("{gitlab}", lab.sandbox.gitlab_url)
    return lab


def by_tag(repository: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The releases of the target by their tags."""
    return {one["tag_name"]: one for one in repository["releases"]}


async def test_links_to_files_of_releases_lead_to_their_assets(open_lab: Any) -> None:
    """By the names that the assets have; what is no asset stays on GitLab; the latest is GitHub's latest."""
    lab = await opened(open_lab)
    root = f"{lab.sandbox.gitlab_url}/acme/app/-/releases"
    ends = (
        "v1.0/downloads/bin/app",
        "v1.0/evidences/1.json",
        "v1.0/downloads/gone.zip",
        "v9.9/downloads/bin/app",
        "permalink/latest",
        "permalink/latest/downloads/bin/app",
    )
    held = lab.sandbox.gitlab.projects[17]
    held.issues[1].description = "\n".join(f"- [x]({root}/{end})" for end in ends)
    held.releases[1].links = [
        {
            "id": 1,
            "name": "Two",
            "url": f"{API.format(gitlab=lab.sandbox.gitlab_url)}/app%20(1).zip",
            "direct_asset_path": "/bin/app",
        }
    ]
    assert (await lab.run("FULL", users=USERS))["status"] == "success"
    repository = await lab.repository()
    there = f"{lab.sandbox.github_url}/acme/app/releases"
    links = [line[6:-1] for line in repository["issues"][0]["body"].splitlines() if line.startswith("- [x]")]
    assert links == [
        f"{there}/download/v1.0/app-1.zip",
        f"{there}/download/v1.0/evidence-1.json",
        f"{root}/v1.0/downloads/gone.zip",
        f"{root}/v9.9/downloads/bin/app",
        f"{there}/latest",
        f"{there}/latest/download/app-1.zip",
    ]
    assert [one["name"] for one in by_tag(repository)["v1.1"]["assets"]] == ["app-1.zip"]


async def test_releases_arrive_with_notes_and_files(open_lab: Any) -> None:
    """Notes are rewritten and attributed, files are assets byte for byte, the rest is said or listed."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    repository = await lab.repository()
    found = by_tag(repository)
    assert set(found) == {"v1.0", "v1.1", "v9.9", "release/next"}
    first = found["v1.0"]
    assert (first["draft"], first["prerelease"], first["make_latest"]) == (False, False, "false")
    assert first["name"] == "One @anna"
    assert "[Anna Berg]" in first["body"]
    assert "2024-02-01 12:00 UTC" in first["body"]
    assert "#1" in first["body"]
    assert "/blob/gl2gh-attachments/" in first["body"]
    assert "Milestones: 1.0" in first["body"]
    assert "- [Docs](https://docs.example.com/v1) (runbook)" in first["body"]
    assert "[Gone](" in first["body"]
    assert "[Other project's](" in first["body"]
    files = {one["name"]: (one["label"], base64.b64decode(one["content"])) for one in first["assets"]}
    assert files == {
        "app-1.zip": ("The program", b"zipped"),
        "app-1-2.zip": ("Again", b"zipped"),
        "log.txt": ("Log", b"a log"),
        "evidence-1.json": ("Evidence 1 of GitLab", b'{"release": 1}'),
    }
    assert found["v1.1"]["make_latest"] == "true"
    assert (found["v9.9"]["draft"], found["release/next"]["prerelease"]) == (True, True)
    assert "planned for 2099-01-01" in found["release/next"]["body"]
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    lost = [one for one in map(json.loads, lines) if one["kind"] == "releases"]
    assert {(one["item"], one["what"]) for one in lost} == {
        ("releases/v1.0", "the file 'Gone'"),
        ("releases/v9.9", "its being published: it is a draft"),
    }
    assert "refs/tags/v9.9" not in repository["refs"]
    asked = [one.path for one in lab.sandbox.journal if one.side == "gitlab"]
    assert not any("/projects/18/" in path for path in asked)


@pytest.mark.parametrize("visibility", ["source", "private"])
async def test_files_of_members_do_not_become_public(open_lab: Any, visibility: str) -> None:
    """A package that members alone may fetch is no asset of a release that everybody sees, but a loss."""
    described = released()
    described["project"] |= {"visibility": "public", "features": {"package_registry": "private"}}
    lab = await open_lab(described)
    for link in lab.sandbox.gitlab.projects[17].releases[0].links:
        link["url"] = link["url"].replace("{gitlab}", lab.sandbox.gitlab_url)
    assert (await lab.run("FULL", lab.config(visibility=visibility)))["status"] == "success"
    repository = await lab.repository()
    assets = {one["name"] for one in by_tag(repository)["v1.0"]["assets"]}
    left = {"log.txt", "evidence-1.json"}
    assert assets == (left if visibility == "source" else left | {"app-1.zip", "app-1-2.zip"})
    assert repository["private"] is (visibility == "private")
    losses = (lab.folder_of() / "desired" / "losses.ndjson").read_text()
    assert losses.count("to members only") == (2 if visibility == "source" else 0)


async def test_files_from_object_storage_get_no_token(open_lab: Any) -> None:
    """Packages that lie in object storage are fetched there without the token."""
    lab = await opened(open_lab, object_storage=True)
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    assert (lab.sandbox.storage.leaks, lab.sandbox.storage.served > 0) == (0, True)


async def test_verify_reads_the_bytes_where_github_names_no_digest(open_lab: Any) -> None:
    """An older GitHub says no digest: the bytes are read from where it sends readers, without the token."""
    lab = await opened(open_lab, loosened=("asset_digest",))
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    assert (lab.sandbox.storage.leaks, lab.sandbox.storage.served) == (0, 4)


async def test_releases_can_be_skipped(open_lab: Any) -> None:
    """Skipped releases are one loss."""
    lab = await opened(open_lab)
    result = await lab.run("FULL", lab.config(kinds={"releases": "skip"}), users=USERS)
    assert result["status"] == "success", result
    assert (await lab.repository())["releases"] == []


async def test_the_price_is_what_is_sent(open_lab: Any) -> None:
    """The plan's writes are the writes of the apply; a broken upload costs a little more."""
    lab = await opened(open_lab)
    planned = await lab.run("PLAN_ONLY", users=USERS)
    price = planned["plan"]["price"]
    mark = lab.mark()
    result = await lab.run("APPLY", users=USERS)
    assert result["status"] == "success", result
    writes = [one for one in lab.writes(mark) if "git-receive-pack" not in one]
    assert price["writes"] + price["content"] + price["imports"] == len(writes)
    requests = [one for one in lab.github(mark) if "/git-" not in one.path and "/info/refs" not in one.path]
    assert abs(price["requests"] - len(requests)) <= 2


async def test_lost_answers_make_no_duplicates(open_lab: Any) -> None:
    """The answers to all releases and uploads are lost after their effect: each is there once."""
    lab = await opened(open_lab)
    await lab.faults(
        {"path": "/repos/*/*/releases", "method": "POST", "when": "after", "effect": {"drop": True}},
        {"path": "/api/uploads/**", "method": "POST", "when": "after", "effect": {"status": 502}},
    )
    result = await lab.run("FULL", users=USERS)
    assert result["status"] == "success", result
    repository = await lab.repository()
    assert len(repository["releases"]) == 4
    assert len(by_tag(repository)["v1.0"]["assets"]) == 4
    sent = [one for one in lab.writes() if "/api/uploads/" in one]
    assert len(sent) == 4


def _set(path: str, value: Any) -> list[dict[str, Any]]:
    return [{"op": "add", "path": path, "value": value}]


# What is damaged → where, below the release that is meant, and the item that verify has to name.
DAMAGES: dict[str, tuple[str, str, Any, str]] = {
    "name": ("v1.0", "/name", "Other", "releases/v1.0"),
    "notes": ("v1.0", "/body", "Other", "releases/v1.0"),
    "notes emptied": ("v1.1", "/body", None, "releases/v1.1"),
    "made a draft": ("v1.0", "/draft", True, "releases/v1.0"),
    "draft published": ("v9.9", "/draft", False, "releases/v9.9"),
    "made a pre-release": ("v1.0", "/prerelease", True, "releases/v1.0"),
    "pre-release lost": ("release/next", "/prerelease", False, "releases/release/next"),
    "another tag": ("v1.1", "/tag_name", "v1.2", "releases/v1.1"),
    "lost": ("v1.1", "", None, "releases/v1.1"),
    "file renamed": ("v1.0", "/assets/0/name", "other.zip", "releases/v1.0/"),
    "file's label": ("v1.0", "/assets/0/label", "Other", "releases/v1.0/"),
    "file's bytes": ("v1.0", "/assets/0/content", base64.b64encode(b"zipp3d").decode(), "releases/v1.0/"),
    "file cut": ("v1.0", "/assets/0/content", base64.b64encode(b"zip").decode(), "releases/v1.0/"),
    "file broken": ("v1.0", "/assets/0/state", "starter", "releases/v1.0/"),
    "file lost": ("v1.0", "/assets/0", None, "releases/v1.0/"),
    "file extra": ("v1.1", "/assets/-", {"name": "extra.bin"}, "releases/v1.1/extra.bin"),
}


@pytest.fixture
async def filled(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab whose project was migrated with attachments in a release."""
    async with labs.open_lab(tmp_path, [released()]) as lab:
        for one in lab.sandbox.gitlab.projects[17].releases:
            for link in one.links:
                link["url"] = link["url"].replace("{gitlab}", lab.sandbox.gitlab_url)
        result = await lab.run("FULL", lab.config(attachments="release"), users=USERS)
        assert result["status"] == "success", result
        yield lab


async def _found(lab: Lab) -> set[str]:
    result = await lab.batch("APPLY", [lab.config(attachments="release")], resume_from="verify", users=USERS)
    assert result["status"] == "failed", result
    lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
    return {json.loads(line)["item"] for line in lines}


async def test_verify_finds_every_damage_to_releases(filled: Lab, subtests: Any) -> None:
    """Each of the kinds of damage is found, by the name of what was damaged."""
    for name, (tag, where, value, item) in DAMAGES.items():
        with subtests.test(name):
            releases = (await filled.repository())["releases"]
            index = next(place for place, one in enumerate(releases) if one["tag_name"] == tag)
            path = f"/releases/{index}{where}"
            is_removal = where in {"", "/assets/0"}
            before = await filled.repository()
            await filled.damage({"op": "remove", "path": path} if is_removal else _set(path, value)[0])
            found = await _found(filled)
            assert any(one == item or (item.endswith("/") and one.startswith(item)) for one in found), found
            await _mend(filled, before)


async def test_verify_finds_another_latest_release(filled: Lab) -> None:
    """A release that somebody made the latest is found, and the one that no longer is."""
    tags = [one["tag_name"] for one in (await filled.repository())["releases"]]
    await filled.damage(
        *_set(f"/releases/{tags.index('v1.1')}/make_latest", "false"),
        *_set(f"/releases/{tags.index('v1.0')}/make_latest", "true"),
    )
    assert await _found(filled) == {"releases/v1.0", "releases/v1.1"}


async def test_verify_finds_every_damage_to_attachments(filled: Lab, subtests: Any) -> None:
    """A file lost, changed, renamed or added, a release hidden or lost: each is found."""
    damages: dict[str, dict[str, Any]] = {
        "bytes": {"op": "add", "path": "/assets/0/content", "value": base64.b64encode(b"a l0g").decode()},
        "lost": {"op": "remove", "path": "/assets/0"},
        "renamed": {"op": "add", "path": "/assets/0/name", "value": "x.txt"},
        "label": {"op": "add", "path": "/assets/0/label", "value": "x"},
        "extra": {"op": "add", "path": "/assets/-", "value": {"name": "extra"}},
        "starter": {"op": "add", "path": "/assets/0/state", "value": "starter"},
        "hidden": {"op": "add", "path": "/draft", "value": True},
        "release lost": {"op": "remove", "path": ""},
    }
    for name, operation in damages.items():
        with subtests.test(name):
            before = await filled.repository()
            tags = [one["tag_name"] for one in before["releases"]]
            root = f"/releases/{tags.index('gl2gh-attachments')}"
            await filled.damage({**operation, "path": root + operation["path"]})
            assert any(one.startswith("uploads/gl2gh-attachments:") for one in await _found(filled))
            await _mend(filled, before)


async def _mend(lab: Lab, before: dict[str, Any]) -> None:
    """Put the releases back as they were; ids of what was lost are new, and nobody minds."""
    await lab.damage({"op": "add", "path": "/releases", "value": []})
    await lab.damage(
        {
            "op": "add",
            "path": "/releases",
            "value": [
                {
                    **{key: one[key] for key in ("tag_name", "name", "body", "draft", "prerelease")},
                    "make_latest": one["make_latest"],
                    "assets": [
                        {key: asset[key] for key in ("name", "label", "content")} for asset in one["assets"]
                    ],
                }
                for one in before["releases"]
            ],
        }
    )
