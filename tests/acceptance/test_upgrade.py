"""After an upgrade of the program, or a step back: files of another version are named, none is misread."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, differing
from victim import apply_until_killed
from whole import POLICIES, link_files, whole

from gl2gh_batch.kit.ledger import _checksum

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


@pytest.mark.parametrize("version", [999, 0])
async def test_a_newer_ledger_is_named(lab: Lab, version: int) -> None:
    """A ledger of a newer version is refused, and kept as it is; so is one of a version that never was."""
    assert (await lab.run("FULL"))["status"] == "success"
    path = lab.folder_of() / "ledger.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    mark = lab.mark()
    result = await lab.run("APPLY")
    assert (result["status"], result["error"]["reason"]) == ("failed", "work-dir-damaged"), result
    assert f"version {version}," in result["error"]["message"]
    assert result["error"]["hint"]
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


def _age(path: Path) -> None:
    """Let every receipt be of a program whose steps look different."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT step, state, at, fields FROM receipts").fetchall()
        for step, state, at, fields in rows:
            values = (step, state, at, "0" * 64, fields)
            connection.execute(
                "UPDATE receipts SET step_sha256 = ?, checksum = ? WHERE step = ?",
                (values[3], _checksum(*values), step),
            )
        connection.commit()


async def test_a_half_done_apply_goes_on_after_an_upgrade(open_lab: Any, subtests: Any) -> None:
    """Receipts by a program that wrote its steps otherwise: what they say stands, nothing is made twice."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    configs = lab.configs(**POLICIES)
    assert (await lab.batch("PLAN_ONLY", configs))["status"] == "success"
    shutil.copytree(lab.work, lab.folder / "planned")
    mark = lab.mark()
    assert (await lab.batch("APPLY", configs))["status"] == "success"
    wanted, requests = await lab.settled(dated=False), len(lab.github(mark))
    for nth in (requests // 2, requests * 3 // 4):
        with subtests.test(f"request {nth} of {requests}"):
            await lab.control("POST", "reset")
            shutil.rmtree(lab.work)
            shutil.copytree(lab.folder / "planned", lab.work)
            assert await apply_until_killed(lab, nth, before=False, configs=configs)
            _age(lab.folder_of() / "ledger.sqlite")
            result = await lab.batch("APPLY", configs)
            assert result["status"] == "success", result["results"][0].get("error")
            assert differing(await lab.settled(dated=False), wanted) == []
