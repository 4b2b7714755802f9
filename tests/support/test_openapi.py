"""The oracle is no yes-man: it refuses what GitHub would not answer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openapi import DESCRIPTION, Exchanged, Oracle


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    """The oracle, where the description was fetched."""
    if not DESCRIPTION.exists():
        pytest.skip("no .tools/openapi: run tools/fetch-openapi.sh")
    return Oracle()


LABEL = {
    "id": 1,
    "node_id": "LA_1",
    "url": "https://x/labels/a",
    "name": "a",
    "color": "ffffff",
    "default": False,
    "description": None,
}
LABELS = "/repos/acme/app/labels"


def test_a_true_exchange_has_no_deviation(oracle: Oracle) -> None:
    """What GitHub answers is passed, null where it may be null, refusals included."""
    judge = oracle.judge
    made = Exchanged(method="POST", path=LABELS, status=201, request={"name": "a"}, response=LABEL)
    assert judge(made) == []
    assert judge(Exchanged(method="GET", path=LABELS, status=200, response=[LABEL])) == []
    assert judge(Exchanged(method="GET", path="/nothing", status=404, response={"message": "x"})) == []
    assert judge(Exchanged(method="DELETE", path=f"{LABELS}/a", status=204)) == []


@pytest.mark.parametrize(
    ("method", "path", "status", "request_body", "response"),
    [
        ("POST", LABELS, 201, {"name": 1}, LABEL),
        ("POST", LABELS, 201, {"name": "a"}, {**LABEL, "color": None}),
        ("POST", LABELS, 201, {"name": "a"}, {key: LABEL[key] for key in LABEL if key != "default"}),
        ("POST", LABELS, 201, {"name": "a"}, {**LABEL, "url": "not an address"}),
        ("POST", LABELS, 200, {"name": "a"}, LABEL),
        ("DELETE", f"{LABELS}/a", 204, None, {"message": "gone"}),
        ("GET", "/repos/acme/app/nothing", 200, None, {}),
        ("POST", "/repos/acme/app/import/issues", 202, {"issue": {"title": "t"}}, None),
        ("GET", "/repos/acme/app/import/issues/1", 200, None, {"id": 1, "status": "imported"}),
    ],
)
def test_a_false_exchange_is_told(
    oracle: Oracle, method: str, path: str, status: int, request_body: Any, response: Any
) -> None:
    """A wrong type, a missing field, a foreign status, a body too many, an unknown operation."""
    exchanged = Exchanged(method=method, path=path, status=status, request=request_body, response=response)
    assert oracle.judge(exchanged)


FALSE_NPM = """#!/bin/sh
mkdir -p package/generated
echo "{}" >package/generated/api.github.com.json
tar -czf octokit-openapi-23.0.2.tgz package
"""


def fetch(folder: Path, path: str) -> subprocess.CompletedProcess[str]:
    """Run a copy of tools/fetch-openapi.sh."""
    command = [shutil.which("sh") or "sh", str(folder / "tools" / "fetch-openapi.sh")]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def test_only_the_pinned_description_is_taken(tmp_path: Path, project_root: Path, oracle: Oracle) -> None:
    """Another file under the pinned version is refused; the right one is left alone, without asking npm."""
    (tmp_path / "tools").mkdir()
    shutil.copy(project_root / "tools" / "fetch-openapi.sh", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text(FALSE_NPM)
    npm.chmod(0o755)
    false_first = f"{npm.parent}{os.pathsep}{os.environ['PATH']}"
    refused = fetch(tmp_path, false_first)
    assert refused.returncode == 1
    assert refused.stderr == "fetch-openapi: @octokit/openapi 23.0.2 holds another file than the pinned one\n"
    kept = tmp_path / ".tools" / "openapi" / DESCRIPTION.name
    assert not kept.exists()
    shutil.copy(DESCRIPTION, kept)
    assert fetch(tmp_path, false_first).returncode == 0
    assert kept.read_bytes() == DESCRIPTION.read_bytes()
