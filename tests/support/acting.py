"""Workflows of this repository as nektos/act runs them here: with stand-ins for the actions of others."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ACT = Path(sys.executable).with_name("act")
# Artifacts are folders in $STORE. Like the real ones they hold no hidden files, take no name that a Windows
# runner could not unpack, and one name is there once in a run unless it is overwritten.
# Sources: READMEs of actions/upload-artifact and actions/download-artifact.
UPLOAD = """
set -eu
refuse() { echo "::error::$1"; exit 1; }
[ -n "$NAME" ] || refuse "an artifact without a name"
case $NAME in *[\\"\\:\\<\\>\\|\\*\\?\\\\\\/]*) refuse "an artifact cannot be called $NAME" ;; esac
if [ -e "$STORE/$NAME" ]; then
  [ "$OVERWRITE" = true ] || refuse "there is an artifact $NAME already"
  rm -rf "${STORE:?}/$NAME"
fi
case $RETENTION in ''|*[!0-9]*) refuse "it is kept for $RETENTION days" ;; esac
mkdir -p "$STORE/$NAME"
mapfile -t paths < <(grep . <<< "$FROM")
root=${paths[0]%/}
[ "${#paths[@]}" -eq 1 ] && [ -d "$root" ] || root=$(dirname "$root")
for one in "${paths[@]}"; do
  one=${one%/}
  [ -e "$one" ] || continue
  while IFS= read -r -d '' file; do
    inner=${file#"$root/"}
    [ "$inner" != "$file" ] || refuse "$file is not below $root"
    case $inner in *[\\"\\:\\<\\>\\|\\*\\?]*|*$'\\n'*) refuse "no artifact can hold $inner" ;; esac
    (cd "$root" && cp --parents "./$inner" "$STORE/$NAME/")
  done < <(find "$one" -name '.*' -prune -o -type f -print0)
done
"""
# Several artifacts are unpacked side by side: nobody knows which of them comes last.
DOWNLOAD = """
set -eu
shopt -s nullglob
mkdir -p "$TO"
if [ -n "$NAME" ]; then cp -R "$STORE/$NAME/." "$TO/"; exit; fi
for one in $(printf '%s\\n' "$STORE"/$PATTERN | sort "$ORDER"); do
  if [ "$MERGE" = true ]; then cp -R "$one/." "$TO/"
  else mkdir -p "$TO/$(basename "$one")"; cp -R "$one/." "$TO/$(basename "$one")/"; fi
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """How a run of a workflow ended, and what it printed."""

    code: int
    said: str


def stand_in(
    folder: Path,
    name: str,
    inputs: Mapping[str, str],
    run: str,
    environment: Mapping[str, str],
    outputs: Sequence[str] = (),
) -> str:
    """A local action in `folder` that runs a script of bash; what a workflow names it by."""
    described = {
        "name": "stand-in",
        "description": "stand-in",
        "inputs": {one: {"description": one, "default": value} for one, value in inputs.items()},
        "outputs": {
            one: {"description": one, "value": f"${{{{ steps.it.outputs.{one} }}}}"} for one in outputs
        },
        "runs": {
            "using": "composite",
            "steps": [{"id": "it", "shell": "bash", "run": run, "env": dict(environment)}],
        },
    }
    place = folder / ".stand-ins" / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "action.yml").write_text(json.dumps(described))
    return f"./.stand-ins/{name}"


def artifact_actions(folder: Path, store: Path, *, backwards: bool = False) -> dict[str, str]:
    """The actions that keep and fetch artifacts, with folders in the place of GitHub's store."""
    kept = {"STORE": str(store), "NAME": "${{ inputs.name }}"}
    upload = stand_in(
        folder,
        "upload",
        {"name": "artifact", "path": "", "overwrite": "", "retention-days": "", "if-no-files-found": ""},
        UPLOAD,
        {
            **kept,
            "FROM": "${{ inputs.path }}",
            "OVERWRITE": "${{ inputs.overwrite }}",
            "RETENTION": "${{ inputs.retention-days }}",
        },
    )
    download = stand_in(
        folder,
        "download",
        {"name": "", "path": "", "pattern": "", "merge-multiple": ""},
        DOWNLOAD,
        {
            **kept,
            "TO": "${{ inputs.path }}",
            "PATTERN": "${{ inputs.pattern }}",
            "MERGE": "${{ inputs.merge-multiple }}",
            "ORDER": "-r" if backwards else "-s",
        },
    )
    return {"actions/upload-artifact": upload, "actions/download-artifact": download}


def with_stand_ins(workflow: str, actions: Mapping[str, str]) -> dict[str, Any]:
    """The workflow with local actions in the place of others'; every job checks out, to have them."""
    for name, local in actions.items():
        workflow = re.sub(rf"uses: {re.escape(name)}@\S+.*", f"uses: {local}", workflow)
    found = yaml.safe_load(workflow)
    for job in found["jobs"].values():
        if "uses" not in job and not job["steps"][0].get("uses", "").startswith("actions/checkout"):
            job["steps"].insert(0, {"uses": "actions/checkout@v6"})
    return {"on": found.pop(True), **found}  # YAML 1.1 reads the key `on` as a truth value


def commit_all(folder: Path) -> None:
    """Make a repository of a folder: act checks out what is committed."""
    for argv in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-qm", "All"]):
        name = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
        subprocess.run(["git", *name, *argv], cwd=folder, check=True)


async def act(
    folder: Path,
    workflow: str,
    scratch: Path,
    *,
    inputs: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    path: str = "",
) -> Acted:
    """Run a workflow of the repository in `folder`, started by hand, on this machine without containers."""
    told = [word for name, value in (inputs or {}).items() for word in ("--input", f"{name}={value}")]
    told += [word for name, value in (secrets or {}).items() for word in ("--secret", f"{name}={value}")]
    given = {"NO_COLOR": "1", **(variables or {})}
    told += [word for name, value in given.items() for word in ("--env", f"{name}={value}")]
    process = await asyncio.create_subprocess_exec(
        *(str(ACT), "workflow_dispatch", "--workflows", f".github/workflows/{workflow}"),
        *("--platform", "ubuntu-latest=-self-hosted", "--platform", "ubuntu-24.04-arm=-self-hosted"),
        *("--pull=false", "--no-cache-server", "--action-cache-path", str(scratch / "cache"), *told),
        cwd=folder,
        env={
            "PATH": f"{path}{os.environ['PATH']}", "HOME": str(scratch), "GIT_CONFIG_GLOBAL": os.devnull,
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Acted(code=process.returncode, said=out.decode())
