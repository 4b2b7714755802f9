"""Git LFS objects travel with the history, before the refs that name them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lab import issue, open_lab, project
from merging import merge_request

pytestmark = pytest.mark.lfs
TEXTS = ("first", "second", "third one")


def with_lfs(**files: Any) -> dict[str, Any]:
    """A project with three LFS objects, two of them in its past or on another branch."""
    attributes = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", **files}
    commits = [
        {"name": "one", "message": "Begin", "files": {**attributes, "a.bin": {"lfs": TEXTS[0]}}},
        {"name": "two", "message": "Go on", "files": {"a.bin": {"lfs": TEXTS[1]}}},
        {"name": "side", "branch": "side", "message": "Aside", "files": {"b.bin": {"lfs": TEXTS[2]}}},
    ]
    return project(repository={"default_branch": "main", "commits": commits})


async def test_objects_arrive_and_are_compared_by_oid(tmp_path: Path) -> None:
    """All versions of all branches are there; verify counts them; a second run sends nothing."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        result = await lab.run("FULL")
        assert result["status"] == "success", result
        held = (await lab.repository())["lfs_objects"]
        assert sorted(held.values()) == sorted(len(text) for text in TEXTS)
        assert held == {
            oid: path.stat().st_size for oid, path in lab.sandbox.gitlab.projects[17].lfs_objects.items()
        }
        assert result["agents"]["verify"]["counts"]["lfs_objects"] == 3
        mark = lab.mark()
        assert (await lab.run("FULL"))["status"] == "success"
        assert not [line for line in lab.writes(mark) if "/storage/" in line]


async def test_a_lost_object_is_a_difference_with_its_oid(tmp_path: Path) -> None:
    """What the target loses before verify is named, and the project is not opened."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        # The first look of verify is made to fail, so that the fill stands and nothing is closed.
        await lab.faults({"method": "GET", "path": "*/labels", "effect": {"status": 404, "body": {}}})
        assert (await lab.run("FULL"))["agents"]["apply"]["status"] == "done"
        await lab.faults()
        oid = min((await lab.repository())["lfs_objects"])
        await lab.damage({"op": "remove", "path": f"/lfs_objects/{oid}"})
        result = await lab.run("APPLY", resume_from="verify")
        assert (result["status"], result["error"]["reason"]) == ("failed", "verify-differences")
        (found,) = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
        assert (json.loads(found)["item"], json.loads(found)["sort"]) == (f"lfs_objects/{oid}", "missing")


def _every(change: Callable[[dict[str, Path], str], object]) -> Callable[[dict[str, Path]], None]:
    """The same damage to every object."""

    def damage(objects: dict[str, Path]) -> None:
        for oid in list(objects):
            change(objects, oid)

    return damage


def _one(change: Callable[[dict[str, Path], str], object]) -> Callable[[dict[str, Path]], None]:
    """Damage to the object of the last text, which another branch alone names."""
    oid = hashlib.sha256(TEXTS[2].encode()).hexdigest()

    def damage(objects: dict[str, Path]) -> None:
        change(objects, oid)

    return damage


def _bytes(content: bytes) -> Callable[[dict[str, Path], str], object]:
    return lambda objects, oid: objects[oid].write_bytes(content)


# What is damaged → how, and how many objects verify has to name.
DAMAGES: dict[str, tuple[Callable[[dict[str, Path]], None], int]] = {
    "lost": (_one(lambda objects, oid: objects.pop(oid)), 1),
    "all lost": (_every(lambda objects, oid: objects.pop(oid)), 3),
    "cut": (_one(_bytes(b"thi")), 1),
    "emptied": (_one(_bytes(b"")), 1),
    "grown": (_one(_bytes(b"third one and more")), 1),
    "other bytes of the same length": (_one(_bytes(b"third 0ne")), 1),
    "one in the place of another": (
        _one(lambda objects, oid: objects.update({oid: objects[min(objects)]})),
        1,
    ),
    "all cut": (_every(lambda objects, oid: objects[oid].write_bytes(b"x")), 3),
}


async def test_every_damage_to_objects_is_found(tmp_path: Path, subtests: Any) -> None:
    """Lost, cut, grown or with other bytes, one or all: each object is named, and no other."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        assert (await lab.run("FULL"))["status"] == "success"
        repository = lab.sandbox.github.repository("acme/app")
        assert repository is not None
        held = {oid: path.read_bytes() for oid, path in repository.lfs_objects.items()}
        places = dict(repository.lfs_objects)
        for name, (damage, count) in DAMAGES.items():
            with subtests.test(name):
                damage(repository.lfs_objects)
                result = await lab.run("APPLY", resume_from="verify")
                assert (result["status"], result["error"]["reason"]) == ("failed", "verify-differences")
                lines = (lab.folder_of() / "verify.ndjson").read_text().splitlines()
                items = {json.loads(line)["item"] for line in lines}
                assert len(items) == count
                assert items <= {f"lfs_objects/{oid}" for oid in held}
            repository.lfs_objects = dict(places)
            for oid, content in held.items():
                places[oid].write_bytes(content)
        assert (await lab.run("APPLY", resume_from="verify"))["status"] == "success"


async def test_objects_of_merge_requests_and_tags_arrive_too(tmp_path: Path) -> None:
    """What only a deleted branch's merge request, a tag, or an earlier commit names is there and compared."""
    described = with_lfs()
    commits = described["repository"]["commits"]
    commits += [
        {
            "name": "mr",
            "branch": "gone",
            "parents": ["two"],
            "message": "x",
            "files": {"m.bin": {"lfs": "mr"}},
        },
        {
            "name": "tag",
            "branch": "t",
            "parents": ["two"],
            "message": "x",
            "files": {"t.bin": {"lfs": "tag"}},
        },
        {"name": "not", "branch": "t", "parents": ["two"], "message": "x", "files": {"x.txt": "x"}},
    ]
    described["repository"]["tags"] = {"v1": "tag"}
    described["merge_requests"] = [
        merge_request(1, "gone", state="closed", head="mr", branch="deleted"),
    ]
    async with open_lab(tmp_path, [described]) as lab:
        result = await lab.run("FULL", lab.config(merge_requests="all-as-pull-request"))
        assert result["status"] == "success", result
        held = (await lab.repository())["lfs_objects"]
        for text in ("mr", "tag", *TEXTS):
            oid = hashlib.sha256(text.encode()).hexdigest()
            assert held[oid] == len(text)


async def test_a_pointer_that_is_no_objects_stops_nobody(tmp_path: Path) -> None:
    """A snippet or an attached file that looks like a pointer is a loss; all else arrives."""
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'a' * 64}\nsize 12\n"
    described = project(
        repository=with_lfs()["repository"],
        snippets=[{"title": "Odd", "author": "anna", "files": {"p.bin": pointer, "good.txt": "good\n"}}],
        uploads=[{"secret": "e" * 32, "filename": "p.bin", "text": pointer}],
        issues=[issue(1, description=f"[x](/uploads/{'e' * 32}/p.bin)")],
        wiki={"home.md": "x\n", "p.bin": pointer},
    )
    async with open_lab(tmp_path, [described]) as lab:
        result = await lab.run("FULL")
        assert result["status"] == "success", result["error"]
        losses = (lab.folder_of() / "desired" / "losses.ndjson").read_text()
        assert losses.count("a pointer of Git LFS") >= 3, losses
        mark = lab.mark()
        assert (await lab.run("FULL"))["status"] == "success"
        assert not lab.writes(mark)


async def test_an_apply_elsewhere_fetches_the_objects_again(tmp_path: Path) -> None:
    """From a plan whose mirror did not come along, history and objects are fetched anew."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        assert (await lab.run("PLAN_ONLY"))["status"] == "success"
        await asyncio.to_thread(shutil.rmtree, lab.folder_of() / "git")
        result = await lab.run("APPLY")
        assert result["status"] == "success", result
        assert len((await lab.repository())["lfs_objects"]) == 3


async def test_what_gitlab_has_lost_is_a_loss_and_the_refusal_says_what_to_do(tmp_path: Path) -> None:
    """The plan names the object; GitHub refuses the history that names it, with the remedy."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        objects = lab.sandbox.gitlab.projects[17].lfs_objects
        oid = min(objects)
        objects.pop(oid).unlink()
        planned = await lab.run("PLAN_ONLY")
        assert planned["status"] == "success"
        losses = (lab.folder_of() / "desired" / "losses.ndjson").read_text()
        assert f"lfs_objects/{oid}" in losses
        result = await lab.run("APPLY")
        assert result["status"] != "success"
        assert "unknown Git LFS object" in str(result["error"]) or "LFS objects" in str(result["error"])
        assert (await lab.repository())["refs"] == {}


async def test_a_budget_that_is_used_up_stops_one_project_and_goes_on_later(tmp_path: Path) -> None:
    """The error says so; the other project of the batch arrives; with more budget the run goes on."""
    other = project("acme/other", 18)
    async with open_lab(tmp_path, [with_lfs(), other]) as lab:
        await lab.control(
            "PATCH", "state", [{"op": "replace", "path": "/settings/lfs_quota_bytes", "value": 3}]
        )
        results = {one["project_id"]: one for one in (await lab.batch("FULL"))["results"]}
        assert results[18]["status"] == "success"
        assert results[17]["status"] != "success"
        assert "LFS" in str(results[17]["error"])
        await lab.control(
            "PATCH", "state", [{"op": "replace", "path": "/settings/lfs_quota_bytes", "value": 999}]
        )
        again = {one["project_id"]: one["status"] for one in (await lab.batch("FULL"))["results"]}
        assert again == {17: "success", 18: "success"}


async def test_a_server_in_trouble_is_asked_again(tmp_path: Path) -> None:
    """Two answers of a broken LFS server, or a lost one, cost a moment and not the run."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        batch = {"method": "POST", "path": "*/info/lfs/objects/batch"}
        await lab.faults(
            {**batch, "nth": 1, "effect": {"status": 503}}, {**batch, "nth": 2, "effect": {"drop": True}}
        )
        result = await lab.run("FULL")
        assert result["status"] == "success", result["error"]
        assert len((await lab.repository())["lfs_objects"]) == 3


async def test_an_object_that_storage_refuses_is_sent_again(tmp_path: Path) -> None:
    """git-lfs passes over a 422 of the storage without an error: the run stops there, and goes on later."""
    async with open_lab(tmp_path, [with_lfs()]) as lab:
        await lab.faults({"method": "PUT", "path": "*/storage/*", "nth": 1, "effect": {"status": 422}})
        result = await lab.run("FULL")
        assert (result["status"], result["error"]["item"]) == ("failed", "repository/lfs")
        assert "did not take all LFS objects" in result["error"]["message"]
        await lab.faults()
        assert (await lab.run("FULL"))["status"] == "success"
        assert len((await lab.repository())["lfs_objects"]) == 3


async def test_a_poisoned_lfsconfig_leads_nowhere(tmp_path: Path) -> None:
    """Another host, exclusions and an agent in the repository's own configuration change nothing."""
    reached: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1000))
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    host = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/evil"
    poison = "\n".join(
        (
            "[lfs]",
            f"\turl = {host}",
            f"\tpushurl = {host}",
            "\tfetchexclude = *",
            "\tskipdownloaderrors = true",
            "\tstandalonetransferagent = evil",
            f'[remote "source"]\n\tlfsurl = {host}\n\tlfspushurl = {host}',
            f'[remote "origin"]\n\tlfsurl = {host}',
            '[lfs "customtransfer.evil"]',
            f"\tpath = touch {tmp_path / 'owned'}",
            "",
        )
    )
    async with server, open_lab(tmp_path, [with_lfs(**{".lfsconfig": poison})]) as lab:
        result = await lab.run("FULL")
        assert result["status"] == "success", result
        assert len((await lab.repository())["lfs_objects"]) == 3
    assert reached == []
    assert not (tmp_path / "owned").exists()
