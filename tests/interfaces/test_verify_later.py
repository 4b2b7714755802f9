"""Long after, on another machine and without GitLab: a project is compared again, and certified."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from lab import Lab
from shell import Shell
from whole import link_files, whole

FLAGS = ("--config=batch.yml",)
BATCH = "projects: [{id: 17, visibility: source, merge_requests: all-as-pull-request, attachments: release}]"


async def _applied(open_lab: Any, folder: Path) -> Lab:
    """A finished batch of every kind whose handover is all that is left, in `folder`; GitLab is gone."""
    lab: Lab = await open_lab(whole())
    link_files(lab)
    shell = Shell(lab.folder)
    (lab.folder / "batch.yml").write_text(BATCH)
    ended = await shell.run(lab, *FLAGS, "--mode=FULL")
    assert ended.code == 0, ended
    shutil.move(lab.folder / "gl2gh-work" / "handover", folder / "kept")
    shutil.rmtree(lab.folder / "gl2gh-work")
    (folder / "batch.yml").write_text(BATCH)
    await lab.control("PUT", "faults", [{"side": "gitlab", "path": "*", "effect": {"status": 503}}])
    return lab


def _certificate(folder: Path) -> dict[str, Any]:
    place = folder / "kept/report/certificates/acme-app-17.json"
    found: dict[str, Any] = json.loads(place.read_text())
    return found


async def test_the_handover_is_enough_to_verify(open_lab: Any, tmp_path: Path) -> None:
    """Every kind is read back and certified again with no token for GitLab; nothing is written anywhere."""
    folder = tmp_path / "later"
    folder.mkdir()
    lab = await _applied(open_lab, folder)
    shell, mark = Shell(folder), lab.mark()
    env = {"GH_TOKEN": lab.sandbox.github_token}
    ended = await shell("verify", *shell.flags(lab), *FLAGS, "--work-dir=kept", env=env)
    assert ended.code == 0, ended
    certificate = _certificate(folder)
    assert (certificate["verdict"], certificate["total_differences"]) == ("complete", 0)
    assert {name for name, one in certificate["kinds"].items() if one["seen"]} >= {
        "repository", "labels", "milestones", "issues", "merge_requests", "releases", "wiki", "uploads",
    }  # fmt: skip
    # LFS is asked by POST what it holds.
    assert [one for one in lab.writes(mark) if not one.endswith("/info/lfs/objects/batch")] == []
    assert [one.path for one in list(lab.sandbox.journal)[mark:] if one.side == "gitlab"] == []


async def test_what_was_changed_later_is_told(open_lab: Any, tmp_path: Path) -> None:
    """A difference is an exit code of 1, and a certificate that says which."""
    folder = tmp_path / "later"
    folder.mkdir()
    lab = await _applied(open_lab, folder)
    await lab.damage({"op": "replace", "path": "/issues/0/title", "value": "Other"})
    shell = Shell(folder)
    env = {"GH_TOKEN": lab.sandbox.github_token}
    ended = await shell("verify", *shell.flags(lab), *FLAGS, "--work-dir=kept", env=env)
    assert ended.code == 1, ended
    certificate = _certificate(folder)
    assert certificate["verdict"] == "different"
    assert [one["field"] for one in certificate["differences"]] == ["title"]
