"""After an upgrade of the program, or a step back: files of another version are named, none is misread."""

from __future__ import annotations

import contextlib
import json
import sqlite3

import pytest
from lab import Lab

FILES = ("plan.json", "verify.json", "inventory.json", "desired/manifest.json", "snapshot/manifest.json")


@pytest.mark.parametrize("name", FILES)
async def test_a_newer_file_is_named(lab: Lab, name: str) -> None:
    """What a newer version wrote is refused with both versions, and left as it is."""
    assert (await lab.run("FULL"))["status"] == "success"
    path = lab.folder_of() / name
    newer = json.dumps({**json.loads(path.read_text()), "version": 999})
    path.write_text(newer)
    mark = lab.mark()
    result = await lab.run("FULL")
    assert result["status"] == "failed", result
    assert "999" in result["error"]["message"]
    assert result["error"]["hint"]
    assert path.read_text() == newer
    assert lab.writes(mark) == []


async def test_a_newer_ledger_is_named(lab: Lab) -> None:
    """A ledger of a newer version is refused, and kept as it is."""
    assert (await lab.run("FULL"))["status"] == "success"
    path = lab.folder_of() / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    mark = lab.mark()
    result = await lab.run("APPLY")
    assert (result["status"], result["error"]["reason"]) == ("failed", "work-dir-damaged"), result
    assert "999" in result["error"]["message"]
    assert lab.writes(mark) == []


async def test_another_version_of_the_program_plans_anew_and_writes_nothing_twice(lab: Lab) -> None:
    """A plan by another version of the program is made again by FULL, and what is done stays done."""
    assert (await lab.run("FULL"))["status"] == "success"
    path = lab.folder_of() / "desired" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["inputs"]["program"] = "0.0.1"
    path.write_text(json.dumps(manifest))
    mark = lab.mark()
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    assert result["agents"]["transform"]["status"] == "done"
    assert [one for one in lab.writes(mark) if "/api/" in one] == []
