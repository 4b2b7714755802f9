"""What a release writes: action.yml with the digest, notes, and tags that are made once or moved."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

needs_jq = pytest.mark.skipif(
    shutil.which("jq") is None, reason="GitHub's runners have jq, this machine has not"
)
IMAGE = f"ghcr.io/Acme/gl2gh-batch@sha256:{'0f' * 32}"
CHANGELOG = (
    "# Changelog\n\n## [Unreleased]\n\n- later\n\n## [1.2.3] - 2026-01-01\n\n- this\n\n## [1.2.2]\n\n- old\n"
)
# Answers by the sandbox of a few lines: what was asked goes into a file, a line each.
GH = """#!/usr/bin/env python3
import json, os, sys
arguments = sys.argv[1:]
body = sys.stdin.read() if "--input" in arguments else ""
with open(os.environ["ASKED"], "a") as file:
    file.write(json.dumps([arguments, body and json.loads(body)]) + "\\n")
if arguments[1].endswith("/git/ref/tags/v1"):
    sys.exit(0 if os.environ["MAJOR_IS_THERE"] == "yes" else 1)
if arguments[1].endswith("/git/refs") and "ref=refs/tags/" + os.environ.get("TAKEN", "none") in arguments:
    sys.exit(1)
if "--jq" in arguments:
    print(arguments[1].split("/")[4] + "-sha")
"""


def test_the_released_action_pulls_its_image(
    tool: Callable[[str], ModuleType], project_root: Path, action: dict[str, Any]
) -> None:
    """The released action.yml is today's, with the image by digest and nothing else changed."""
    written = tool("release").with_image((project_root / "action.yml").read_text(), IMAGE)
    released = yaml.safe_load(written)
    assert released["runs"] == {**action["runs"], "image": f"docker://{IMAGE.lower()}"}
    assert {**released, "runs": 0} == {**action, "runs": 0}


@pytest.mark.parametrize(
    "image", ["", "ghcr.io/acme/app:1.2.3", "ghcr.io/a@sha256:abc", f"{IMAGE}\n  x: y", f"docker.io/{IMAGE}"]
)
def test_only_a_digest_is_written(tool: Callable[[str], ModuleType], project_root: Path, image: str) -> None:
    """A tag, half a digest or a line more is refused."""
    with pytest.raises(ValueError, match="is no image"):
        tool("release").with_image((project_root / "action.yml").read_text(), image)


def test_a_version_is_what_the_repository_names(tool: Callable[[str], ModuleType], tmp_path: Path) -> None:
    """pyproject.toml and CHANGELOG.md must name it; its notes are its own section."""
    check = tool("release").check
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    assert check(tmp_path, "1.2.3") == "- this\n"
    for version, words in (("1.2.2", "says 1.2.3"), ("v1.2.3", "no version"), ("1.2.3\n", "no version")):
        with pytest.raises(ValueError, match=words):
            check(tmp_path, version)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG.replace("[1.2.3]", "[1.2.4]"))
    with pytest.raises(ValueError, match="no section"):
        check(tmp_path, "1.2.3")


def _publish(root: Path, folder: Path, **environment: str) -> tuple[int, list[Any]]:
    gh, asked = folder / "bin/gh", folder / "asked"
    gh.parent.mkdir()
    gh.write_text(GH)
    gh.chmod(0o755)
    (folder / "action.yml").write_text("name: x\n")
    (folder / "notes.md").write_text("- this\n")
    ended = subprocess.run(
        [root / "tools/publish-release.sh"],
        cwd=folder,
        env={
            "PATH": f"{gh.parent}:{os.environ['PATH']}",
            "GITHUB_REPOSITORY": "acme/gl2gh-batch",
            "GITHUB_SHA": "main-sha",
            "VERSION": "1.2.3",
            "ASKED": str(asked),
            "MAJOR_IS_THERE": "yes",
            **environment,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return ended.returncode, [json.loads(line) for line in asked.read_text().splitlines()]


@needs_jq
@pytest.mark.parametrize("there", ["yes", "no"])
def test_a_release_is_a_commit_beside_main(project_root: Path, tmp_path: Path, there: str) -> None:
    """One file is changed on top of the tested commit; its tag is made, and the major's moved or made."""
    code, asked = _publish(project_root, tmp_path, MAJOR_IS_THERE=there)
    assert code == 0
    bodies = [body for _, body in asked if body]
    assert bodies == [
        {
            "base_tree": "commits-sha",
            "tree": [{"path": "action.yml", "mode": "100644", "type": "blob", "content": "name: x\n"}],
        },
        {"message": "Release v1.2.3", "tree": "trees-sha", "parents": ["main-sha"]},
    ]
    written = [one for one, body in asked if not body and {"--raw-field", "create"} & set(one)]
    assert "ref=refs/tags/v1.2.3" in written[0]
    assert written[1][:3] == ["release", "create", "v1.2.3"]
    assert "sha=commits-sha" in written[2]
    assert ("PATCH" in written[2], "ref=refs/tags/v1" in written[2]) == (there == "yes", there == "no")


@needs_jq
def test_a_version_that_is_out_stays_what_it_is(project_root: Path, tmp_path: Path) -> None:
    """Where the tag is there already nothing is released, and the major's tag does not move."""
    code, asked = _publish(project_root, tmp_path, TAKEN="v1.2.3")
    assert code != 0
    assert not [one for one, _ in asked if "PATCH" in one or one[0] == "release"]


def test_the_base_of_a_release_is_looked_up(project_root: Path) -> None:
    """The image stands on the digest of the Dockerfile's base, and its labels name both."""
    steps = yaml.safe_load((project_root / ".github/workflows/release.yml").read_text())["jobs"]["image"][
        "steps"
    ]
    named = {one.get("id", ""): one for one in steps}
    digest = "${{ steps.base.outputs.digest }}"
    build = named["build"]["with"]
    assert build["build-args"] == f"BASE=${{{{ steps.base.outputs.name }}}}@{digest}"
    assert f"org.opencontainers.image.base.digest={digest}" in build["labels"]
    script = named["base"]["run"].splitlines()[0].removeprefix("name=$(").removesuffix(")")
    found = subprocess.run(["sh", "-c", script], cwd=project_root, check=True, capture_output=True, text=True)
    assert found.stdout == "python:3.12-slim\n"
