"""EXPORT_ONLY leaves a folder that stands for GitLab: complete, checked, and enough for all later modes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from complete import SECRET, complete, settle_complete
from lab import USERS, Lab, differing, issue, project

from gl2gh_batch.kit.exported import SCHEMA, VERSION, read_export, sealed
from gl2gh_batch.kit.workdir import facts_of, write_document

pytestmark = pytest.mark.lfs
PEOPLE = [*USERS, ("ben@example.com", "ben")]
OFFLINE = {"gitlab_token": ""}
NAME = "acme-app-17"
BUNDLES = ("repository.bundle", "wiki.bundle", "snippets.bundle")


@pytest.fixture
async def whole(open_lab: Any) -> Lab:
    """A lab with something of everything."""
    lab = await open_lab(complete())
    settle_complete(lab)
    assert isinstance(lab, Lab)
    return lab


async def exported(lab: Lab, **fields: Any) -> Path:
    """An export of the lab's project, at another place than where it was made."""
    result = await lab.run("EXPORT_ONLY", lab.config(**fields), work=lab.folder / "first")
    assert result["status"] == "success", result
    copied = lab.folder / "elsewhere" / "copied"
    shutil.copytree(lab.folder / "first" / "export", copied)
    shutil.rmtree(lab.folder / "first")
    return copied / NAME


def gitlab_requests(lab: Lab, since: int) -> list[str]:
    """What GitLab was asked since a mark, by git and downloads too."""
    return [f"{one.method} {one.path}" for one in list(lab.sandbox.journal)[since:] if one.side == "gitlab"]


def listed(folder: Path) -> dict[str, Mapping[str, Any]]:
    """The files that an export names, by their paths."""
    lines = (folder / "files.ndjson").read_text().splitlines()
    return {one["path"]: one for one in map(json.loads, lines)}


async def test_every_file_is_named_with_its_digest(whole: Lab) -> None:
    """All that is in the folder is listed, right to the byte; histories can be cloned as they are."""
    folder = await exported(whole)
    named = listed(folder)
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == {*named, "manifest.json", "files.ndjson"}
    for path, one in named.items():
        content = (folder / path).read_bytes()
        assert (one["size"], one["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    tops = {path.split("/")[0] for path in named}
    assert tops == {"inventory.json", "records", "files", "lfs", *BUNDLES}
    assert sum(path.startswith("files/") for path in named) == 3  # an upload, a release's file, a snippet's
    for bundle, file in (("repository.bundle", "README.md"), ("wiki.bundle", "home.md")):
        to = folder.parent / bundle.removesuffix(".bundle")
        clone = ["git", "clone", "--quiet", str(folder / bundle), str(to)]
        await asyncio.to_thread(subprocess.run, clone, check=True)
        assert (to / file).is_file()


async def test_later_modes_need_nothing_else(whole: Lab) -> None:
    """Plan, apply and verify go on from a copy, with not one request to GitLab and no token for it; what is
    on GitHub then is what an undisturbed run made."""
    lab = whole
    folder = await exported(lab)
    assert (await lab.run("FULL", users=PEOPLE))["status"] == "success"
    undisturbed = await lab.settled(dated=False)
    await lab.control("PATCH", "state", [{"op": "remove", "path": "/repositories/acme~1app"}])
    assert await lab.repositories() == {}
    mark, config = lab.mark(), lab.config(from_export=folder, **OFFLINE)
    lab.work = lab.folder / "second"
    for mode in ("TRANSFORM_ONLY", "PLAN_ONLY"):
        result = await lab.run(mode, config, users=PEOPLE)
        assert result["status"] == "success", result
    result = await lab.run("APPLY", config, users=PEOPLE)
    assert result["status"] == "success", result
    assert result["verification"]["total_differences"] == 0
    assert differing(await lab.settled(dated=False), undisturbed) == []
    assert gitlab_requests(lab, mark) == []


async def test_a_handover_applies_from_the_export(whole: Lab) -> None:
    """A job that has the plan's handover and the export needs no GitLab for the history either."""
    lab = whole
    folder = await exported(lab)
    mark, config = lab.mark(), lab.config(from_export=folder, **OFFLINE)
    assert (await lab.run("PLAN_ONLY", config))["status"] == "success"
    shutil.move(lab.work / "handover", lab.folder / "third")
    shutil.rmtree(lab.work)
    result = await lab.run("APPLY", config, work=lab.folder / "third")
    assert result["status"] == "success", result
    assert gitlab_requests(lab, mark) == []


async def test_numbers_are_those_of_any_policy(whole: Lab) -> None:
    """Numbering is chosen when the plan is made, ranks too."""
    folder = await exported(whole)
    config = whole.config(from_export=folder, numbering="compact", **OFFLINE)
    result = await whole.run("PLAN_ONLY", config)
    assert result["status"] == "success", result
    offline = result["plan"]["numbers"]
    online = await whole.run("PLAN_ONLY", whole.config(numbering="compact"), work=whole.folder / "online")
    assert offline == online["plan"]["numbers"]


async def test_an_export_is_made_once(whole: Lab) -> None:
    """Unchanged, it is passed over; damaged, it is made again from what was read; changed, read again."""
    assert (await whole.run("EXPORT_ONLY"))["agents"]["export"]["status"] == "done"
    assert (await whole.run("EXPORT_ONLY"))["agents"]["export"]["status"] == "passed-over"
    folder = whole.work / "export" / NAME
    before = listed(folder)
    (folder / "repository.bundle").unlink()
    mark = whole.mark()
    assert (await whole.run("EXPORT_ONLY"))["agents"]["export"]["status"] == "done"
    assert listed(folder).keys() == before.keys()
    assert not [one for one in gitlab_requests(whole, mark) if one.endswith("/discussions")]


PARTS = (
    "records/issues.ndjson",
    "repository.bundle",
    "wiki.bundle",
    "inventory.json",
    "files/*/*",
    "lfs/*/*/*",
    "files.ndjson",
    "manifest.json",
)


@pytest.mark.parametrize("how", ["changed", "shorter", "missing", "link"])
async def test_damage_is_one_error_that_names_the_file(whole: Lab, how: str) -> None:
    """Whatever is changed, cut, missing or a link is named with the remedy, and GitHub is not written to."""
    lab, mark = whole, whole.mark()
    source = await exported(lab)
    for number, path in enumerate(PARTS):
        folder = lab.folder / f"damaged-{number}" / NAME
        shutil.copytree(source, folder)
        victim = next(folder.glob(path))
        damage(victim, how, lab.folder / f"outside-{number}")
        work = lab.folder / f"work-{number}"
        result = await lab.run("PLAN_ONLY", lab.config(from_export=folder, **OFFLINE), work=work)
        if (path, how) == ("manifest.json", "link"):
            assert result["status"] == "success"  # its own digest covers it, wherever it lies
            continue
        assert result["status"] == "failed", path
        error = result["error"]
        assert victim.name in error["message"], error
        assert "EXPORT_ONLY" in error["hint"]
    assert lab.writes(mark) == []


def damage(victim: Path, how: str, outside: Path) -> None:
    """Do that to a file."""
    content = victim.read_bytes()
    match how:
        case "changed":
            victim.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
        case "shorter":
            victim.write_bytes(content[:-3])
        case "missing":
            victim.unlink()
        case _:
            victim.unlink()
            outside.write_bytes(content)
            victim.symlink_to(outside)


async def test_paths_that_lead_out_are_refused(lab: Lab) -> None:
    """A list that names a file elsewhere is refused, even when its digest is right."""
    folder = await exported(lab)
    line = {"path": "../outside", "sha256": "0" * 64, "size": 1}
    with (folder / "files.ndjson").open("a") as file:
        file.write(json.dumps(line) + "\n")
    head = replace(read_export(folder).head, files=facts_of(folder / "files.ndjson"))
    write_document(folder / "manifest.json", SCHEMA, VERSION, sealed(head))
    result = await lab.run("PLAN_ONLY", lab.config(from_export=folder, **OFFLINE))
    assert result["status"] == "failed"
    assert "'../outside'" in result["error"]["message"]


@pytest.mark.parametrize(
    ("made", "asked", "said"),
    [
        ({"attachments": "link"}, {}, "made with attachments: link"),
        ({"kinds": {"issues": "skip"}}, {}, "made without issues"),
        ({}, {"gitlab_url": "https://gitlab.example.com"}, "the export is of http"),
        ({}, {"project_id": 18}, "the export is of acme/app"),
    ],
)
async def test_what_an_export_cannot_give_is_said(
    lab: Lab, made: dict[str, Any], asked: dict[str, Any], said: str
) -> None:
    """A request that wants what was not exported, or something else, is one error with the remedy."""
    folder = await exported(lab, **made)
    result = await lab.run("PLAN_ONLY", lab.config(**{"from_export": folder, **OFFLINE, **asked}))
    assert result["status"] == "failed"
    assert (result["error"]["reason"], said in result["error"]["message"]) == ("config-invalid", True)
    assert result["error"]["hint"]


async def test_less_than_was_exported_is_fine(lab: Lab) -> None:
    """Kinds that are skipped now are left out, and named as losses."""
    folder = await exported(lab)
    result = await lab.run("FULL", lab.config(from_export=folder, kinds={"issues": "skip"}, **OFFLINE))
    assert result["status"] == "success", result
    assert (await lab.repository())["issues"] == []


async def test_an_empty_project_has_an_export(open_lab: Any) -> None:
    """Without a commit there is no bundle, and everything else goes on."""
    lab = await open_lab(project(repository={}, issues=[]))
    folder = await exported(lab)
    assert not (folder / "repository.bundle").exists()
    result = await lab.run("FULL", lab.config(from_export=folder, **OFFLINE))
    assert result["status"] == "success", result


async def test_a_handover_of_attachments_alone_applies(open_lab: Any) -> None:
    """Without a commit of the project's own, the branch of attachments still comes from the handover."""
    described = issue(1, description=f"![shot](/uploads/{SECRET}/shot.png)")
    upload = {"secret": SECRET, "filename": "shot.png", "text": "a picture"}
    lab = await open_lab(project(repository={}, issues=[described], uploads=[upload]))
    folder = await exported(lab)
    mark, config = lab.mark(), lab.config(from_export=folder, **OFFLINE)
    assert (await lab.run("PLAN_ONLY", config))["status"] == "success"
    shutil.move(lab.work / "handover", lab.folder / "third")
    shutil.rmtree(lab.work)
    result = await lab.run("APPLY", config, work=lab.folder / "third")
    assert result["status"] == "success", result
    assert "refs/heads/gl2gh-attachments" in (await lab.repository())["refs"]
    assert gitlab_requests(lab, mark) == []


async def test_no_export_is_made_from_an_export(lab: Lab) -> None:
    """EXPORT_ONLY reads from GitLab or not at all."""
    folder = await exported(lab)
    result = await lab.run("EXPORT_ONLY", lab.config(from_export=folder, **OFFLINE))
    assert (result["status"], result["error"]["reason"]) == ("failed", "config-invalid")


@pytest.mark.parametrize(
    ("admin", "emails"), [(True, {"anna@example.com", "ben@example.com"}), (False, set())]
)
async def test_addresses_are_asked_for_where_they_are_told(lab: Lab, admin: bool, emails: set[str]) -> None:
    """An administrator's export holds everybody's addresses; another one's asks nobody for them."""
    lab.sandbox.gitlab.user("anna").is_admin = admin
    lab.sandbox.gitlab.add_token("annas", "anna")
    mark = lab.mark()
    folder = await exported(lab, gitlab_token="annas")
    users = [json.loads(line) for line in (folder / "records/users.ndjson").read_text().splitlines()]
    addresses = {address for one in users for address in one["emails"]}
    assert addresses >= ({"anna@example.com", "ben@example.com"} if admin else set())
    assert any("/users/" in one for one in gitlab_requests(lab, mark)) is admin
    assert {one["username"] for one in users} >= {"anna", "ben"}
