"""`migrate.yml` as a user calls it, run whole by nektos/act against the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import lab as labs
import pytest
import yaml

ACT = Path(sys.executable).with_name("act")
CALLER = {
    "name": "Migrate",
    "on": {"workflow_dispatch": {}},
    "permissions": {},
    "jobs": {
        "migrate": {
            "permissions": {"contents": "read"},
            "uses": "./.github/workflows/migrate.yml",
            "with": {"config": "batch.yml", "shards": "3"},
            "secrets": {
                "gitlab_token": "${{ secrets.GITLAB_TOKEN }}",
                "github_token": "${{ secrets.MIGRATION_TOKEN }}",
            },
        }
    },
}
# Actions of others cannot be fetched here: these do what they do, with folders instead of GitHub's store.
UPLOAD = """
set -eu
rm -rf "$STORE/$NAME"; mkdir -p "$STORE/$NAME"
mapfile -t paths < <(grep . <<< "$FROM")
if [ "${#paths[@]}" -gt 1 ]; then
  # Of several paths the artifact holds what lies below the folder that they share.
  root=$(dirname "${paths[0]}")
  for one in "${paths[@]}"; do
    [ "${one#"$root/"}" != "$one" ]
    (cd "$root" && cp -R --parents "${one#"$root/"}" "$STORE/$NAME/")
  done
elif [ -d "$FROM" ]; then cp -R "$FROM/." "$STORE/$NAME/"; else cp "$FROM" "$STORE/$NAME/"; fi
"""
DOWNLOAD = """
set -eu
mkdir -p "$TO"
if [ -n "$NAME" ]; then cp -R "$STORE/$NAME/." "$TO/"; exit; fi
for one in "$STORE"/$PATTERN; do
  if [ "$MERGE" = true ]; then cp -R "$one/." "$TO/"
  else mkdir -p "$TO/$(basename "$one")"; cp -R "$one/." "$TO/$(basename "$one")/"; fi
done
"""


def _composite(
    inputs: dict[str, str], run: str, environment: dict[str, str], outputs: tuple[str, ...]
) -> str:
    return json.dumps(
        {
            "name": "stand-in",
            "description": "stand-in",
            "inputs": {name: {"description": name, "default": value} for name, value in inputs.items()},
            "outputs": {
                name: {"description": name, "value": f"${{{{ steps.it.outputs.{name} }}}}"}
                for name in outputs
            },
            "runs": {
                "using": "composite",
                "steps": [{"id": "it", "shell": "bash", "run": run, "env": environment}],
            },
        }
    )


def _stand_ins(folder: Path, store: Path, action: dict[str, Any]) -> None:
    """The three actions that the workflow uses, as local ones."""
    given = {name: str(about["default"]) for name, about in action["inputs"].items()}
    runs = {
        "gl2gh": _composite(
            given,
            f"{sys.executable} -m gl2gh_batch action",
            {f"INPUT_{name.upper()}": f"${{{{ inputs.{name} }}}}" for name in given},
            tuple(action["outputs"]),
        ),
        "upload": _composite(
            {"name": "", "path": "", "overwrite": "", "retention-days": "", "if-no-files-found": ""},
            UPLOAD,
            {"STORE": str(store), "NAME": "${{ inputs.name }}", "FROM": "${{ inputs.path }}"},
            (),
        ),
        "download": _composite(
            {"name": "", "path": "", "pattern": "", "merge-multiple": ""},
            DOWNLOAD,
            {
                "STORE": str(store),
                "NAME": "${{ inputs.name }}",
                "TO": "${{ inputs.path }}",
                "PATTERN": "${{ inputs.pattern }}",
                "MERGE": "${{ inputs.merge-multiple }}",
            },
            (),
        ),
    }
    for name, text in runs.items():
        place = folder / ".stand-ins" / name
        place.mkdir(parents=True)
        (place / "action.yml").write_text(text)


def _checkout(project_root: Path, folder: Path, store: Path, batch: dict[str, Any]) -> None:
    """A repository of a user's: a batch file, and the workflow with local actions in it."""
    text = (project_root / ".github/workflows/migrate.yml").read_text()
    text = re.sub(r"uses: your-org/gl2gh-batch@\S+.*", "uses: ./.stand-ins/gl2gh", text)
    text = re.sub(r"uses: actions/upload-artifact@\S+.*", "uses: ./.stand-ins/upload", text)
    text = re.sub(r"uses: actions/download-artifact@\S+.*", "uses: ./.stand-ins/download", text)
    # A job without a checkout has no local actions: here every job has one.
    workflow = yaml.safe_load(text)
    for job in workflow["jobs"].values():
        if not job["steps"][0].get("uses", "").startswith("actions/checkout"):
            job["steps"].insert(0, {"uses": "actions/checkout@v6"})
    place = folder / ".github/workflows"
    place.mkdir(parents=True)
    place.joinpath("migrate.yml").write_text(yaml.safe_dump({"on": workflow.pop(True), **workflow}))
    place.joinpath("call.yml").write_text(yaml.safe_dump(CALLER))
    folder.joinpath("batch.yml").write_text(yaml.safe_dump(batch))
    _stand_ins(folder, store, yaml.safe_load((project_root / "action.yml").read_text()))
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "A batch"]):
        name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *name, *argv], cwd=folder, check=True)


@pytest.mark.slow
@pytest.mark.skipif(not ACT.exists(), reason="act is not installed for this platform")
async def test_the_whole_migration_runs(tmp_path: Path, project_root: Path) -> None:
    """Plan, a matrix of three shards, merge and verify: every project arrives, and the result says so."""
    seeds = [labs.project(f"acme/app-{number}", number) for number in range(11, 17)]
    (tmp_path / "lab").mkdir()
    async with labs.open_lab(tmp_path / "lab", seeds) as lab:
        sandbox = lab.sandbox
        batch = {
            "gitlab": {"url": sandbox.gitlab_url},
            "github": {
                "owner": sandbox.owner,
                "url": sandbox.github_url,
                "api_url": sandbox.github_api_url,
            },
            "projects": [{"id": number} for number in range(11, 17)],
        }
        folder, store = tmp_path / "checkout", tmp_path / "store"
        store.mkdir()
        folder.mkdir()
        _checkout(project_root, folder, store, batch)
        process = await asyncio.create_subprocess_exec(
            str(ACT), "workflow_dispatch", "--workflows", ".github/workflows/call.yml",
            "--platform", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server",
            "--action-cache-path", str(tmp_path / "cache"), "--env", "NO_COLOR=1",
            "--secret", f"GITLAB_TOKEN={sandbox.gitlab_token}",
            "--secret", f"MIGRATION_TOKEN={sandbox.github_token}",
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "GIT_CONFIG_GLOBAL": os.devnull},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate()
        said = out.decode()
        assert process.returncode == 0, said[-6000:]
        repositories = await lab.repositories()
    assert sorted(repositories) == [f"{sandbox.owner}/app-{number}" for number in range(11, 17)]
    assert all(len(one["issues"]) == 3 for one in repositories.values())
    assert {one.name for one in store.iterdir()} == {
        "gl2gh-plan", "gl2gh-result", "gl2gh-verified", *(f"gl2gh-shard-{index}-of-3" for index in (1, 2, 3)),
    }  # fmt: skip
    for name in ("gl2gh-result", "gl2gh-verified"):
        result = json.loads((store / name / "batch-result.json").read_bytes())
        assert (result["status"], result["successful"]) == ("success", 6)
    for token in (sandbox.gitlab_token, sandbox.github_token):
        assert token not in said
    shutil.rmtree(store)
