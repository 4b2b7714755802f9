"""An export from a foreign hand is data: it reads no file of ours, writes none, and runs nothing."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from complete import complete, settle_complete
from forging import forge, mutate
from lab import USERS, Lab
from torture import in_parts, turns

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.sandbox.github.repositories import git_of

pytestmark = pytest.mark.lfs
PEOPLE = [*USERS, ("ben", "ben")]
POLICIES = {"merge_requests": "all-as-pull-request"}
NAME = "acme-app-17"
SECRET = "what only this machine knows"


@pytest.fixture
async def lab(open_lab: Any) -> Lab:
    """A lab with something of everything, and a file beside its work directory that is nobody's business."""
    lab = await open_lab(complete())
    assert isinstance(lab, Lab)
    settle_complete(lab)
    (lab.folder / "secret.txt").write_text(SECRET)
    return lab


async def exported(lab: Lab, **fields: Any) -> Path:
    """A copy of an export that shares no file with the work directory that it was made in."""
    result = await lab.run("EXPORT_ONLY", lab.config(**POLICIES, **fields), work=lab.folder / "first")
    assert result["status"] == "success", result
    copied = lab.folder / "foreign" / NAME
    shutil.copytree(lab.folder / "first" / "export" / NAME, copied)
    return copied


def outside(lab: Lab) -> set[str]:
    """The files beside the work directory and the export."""
    apart = {"work", "foreign", "first"}
    return {
        path.relative_to(lab.folder).as_posix()
        for path in lab.folder.rglob("*")
        if path.is_file() and path.relative_to(lab.folder).parts[0] not in apart
    }


async def holds(lab: Lab, text: str) -> bool:
    """Whether the text is anywhere on GitHub: in a record or in an object of any repository."""
    if text in json.dumps(await lab.repositories()):
        return True
    for name in await lab.repositories():
        repository = lab.sandbox.github.repository(name)
        assert repository is not None
        git = git_of(lab.sandbox.github, repository)
        objects = await git.run("cat-file", "--batch-all-objects", "--batch", "--unordered")
        if text.encode() in objects:
            return True
    return False


def in_files(name: str, value: str) -> Callable[[dict[str, Any]], None]:
    """Changes a field of every file of a record."""

    def change(row: dict[str, Any]) -> None:
        for file in row.get("files", ()) or [row]:
            if file.get("sha256"):
                file[name] = value

    return change


def in_history(row: dict[str, Any]) -> None:
    """Adds commands to the stream that makes the branch of the snippets."""
    if row.get("history"):
        row["history"]["commit"] = "0" * 40 + "\ncommit refs/heads/owned\n"


FORGED: dict[str, tuple[str, Callable[[dict[str, Any]], None]]] = {
    "a snippet's file": ("snippets", in_files("sha256", "SECRET")),
    "an attached file": ("uploads", in_files("sha256", "SECRET")),
    "a release's file": ("releases", in_files("sha256", "SECRET")),
    "a file without an end": ("releases", in_files("sha256", "/dev/zero")),
    "a snippet without an end": ("snippets", in_files("sha256", "/dev/zero")),
    "a file above": ("snippets", in_files("sha256", "../../../../../../secret.txt")),
    "an LFS object": ("lfs_objects", lambda row: row.update(oid="--all")),
    "an LFS object elsewhere": ("lfs_objects", lambda row: row.update(oid="../../../../../../../secret.txt")),
    "a snippet's past": ("snippets", in_history),
    "a wiki's file": ("wiki", lambda row: row.update(mode="100644 inline x\ndata 1\nx", commit="")),
    "a wiki's object": ("wiki", lambda row: row.update(blob="inline x\ndata 1\nx", commit="")),
    "a wiki's past": ("wiki", lambda row: row.update(commit="x\nreset refs/heads/owned\n")),
    "a wiki's path": ("wiki", lambda row: row.update(path="../../../secret.txt", commit="")),
    "a branch": ("repository", lambda row: row["refs"].update({"refs/heads/../../x": "1" * 40})),
    "a commit": ("repository", lambda row: row["refs"].update({"refs/heads/x": "--upload-pack=x"})),
    "a namespace": ("merge_requests", lambda row: row.update(namespace="../../x")),
    "a head": ("merge_requests", lambda row: row["git"].update(head="--force")),
}


@pytest.mark.parametrize("what", FORGED)
async def test_a_forged_record_reaches_nothing(lab: Lab, what: str) -> None:
    """Whatever a record names in the place of a digest or an id: one error with a remedy, or none at all."""
    folder, before = await exported(lab), outside(lab)
    kind, change = FORGED[what]

    def changed(row: dict[str, Any]) -> None:
        change(row)
        for file in row.get("files") or [row]:
            if isinstance(file, dict) and file.get("sha256") == "SECRET":
                file["sha256"] = str(lab.folder / "secret.txt")

    untouched = (folder / f"records/{kind}.ndjson").read_bytes()
    forge(folder, f"records/{kind}.ndjson", changed)
    assert (folder / f"records/{kind}.ndjson").read_bytes() != untouched
    async with asyncio.timeout(60):
        result = await lab.run(
            "FULL", lab.config(from_export=folder, gitlab_token="", **POLICIES), users=PEOPLE
        )
    if result["status"] != "success":
        assert result["error"]["reason"] != "internal", result["error"]
        assert result["error"]["hint"], result["error"]
    assert not await holds(lab, SECRET)
    assert outside(lab) == before
    repository = lab.sandbox.github.repository("acme/app")
    if repository is not None:
        assert "refs/heads/owned" not in await git_of(lab.sandbox.github, repository).refs()


@in_parts
@pytest.mark.timeout(6 * 3600)
async def test_any_value_in_any_record(lab: Lab, subtests: Any, part: int) -> None:
    """One field of one record holds anything at all: no traceback, no file of ours, and a word of remedy."""
    source, before = await exported(lab), outside(lab)
    files = ["manifest.json", *sorted(f"records/{one.name}" for one in (source / "records").iterdir())]
    for number, rng in turns("foreign exports", part, 12, 1500):
        path = rng.choice(files)
        shutil.rmtree(lab.folder / "foreign" / "next", ignore_errors=True)
        folder = lab.folder / "foreign" / "next" / NAME
        shutil.copytree(source, folder)
        said: list[str] = []
        with subtests.test(f"{number}: {path}"):
            try:
                forge(folder, path, lambda row, said=said, rng=rng: said.append(mutate(row, rng)))
            except (ValueError, TypeError, OverflowError, WorkDirectoryError):
                continue
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work, ignore_errors=True)
            config = lab.config(from_export=folder, gitlab_token="", **POLICIES)
            async with asyncio.timeout(120):
                result = await lab.batch("FULL", [config], users=PEOPLE)
            error = result["results"][0].get("error")
            if error is not None:
                assert error["reason"] != "internal", (said, error)
                assert error["hint"], (said, error)
            assert outside(lab) == before, said
