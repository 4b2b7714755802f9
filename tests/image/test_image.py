"""The image itself: its entry as process 1, in a workspace of the runner's user, against the sandbox.

Needs `tools/image.py build` beforehand, and GL2GH_IMAGE=1 to say so: `.ci/run` does both.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import lab as labs
import pytest
from lab import Lab
from runner import Runner

pytestmark = [
    pytest.mark.skipif(not os.environ.get("GL2GH_IMAGE"), reason="GL2GH_IMAGE does not say that it is built"),
    pytest.mark.timeout(600),
]
TOOL = Path(__file__).parents[2] / "tools/image.py"
# The runner's user on GitHub's own machines.
OWNER = 1001


@pytest.fixture
def job() -> Iterator[Path]:
    """A folder of the runner's user; one of pytest's own could not be entered by anybody but root."""
    folder = Path(tempfile.mkdtemp(prefix="gl2gh-image-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def runner(job: Path) -> Runner:
    """A job whose steps run in the image; all its files belong to the runner's user."""
    extra = {"GL2GH_IMAGE_FOLDER": str(job)}
    if "GL2GH_IMAGE_STORE" in os.environ:
        extra["GL2GH_IMAGE_STORE"] = os.environ["GL2GH_IMAGE_STORE"]
    return Runner(job / "job", extra=extra)


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """A lab with the one small project."""
    async with labs.open_lab(tmp_path, [labs.project()]) as opened:
        yield opened


def _given(lab: Lab, mode: str) -> dict[str, str]:
    sandbox = lab.sandbox
    return {
        "project_ids": "17", "mode": mode, "target_owner": sandbox.owner,
        "gitlab_url": sandbox.gitlab_url, "gitlab_token": sandbox.gitlab_token,
        "github_url": sandbox.github_url, "github_token": sandbox.github_token,
    }  # fmt: skip


def _program(job: Path) -> tuple[str, ...]:
    """The image's entry as a step's program; what root made for the step goes to the runner's user."""
    script = 'chown -R "$1:$1" "$2" && shift 2 && exec "$@"'
    return ("sh", "-c", script, "sh", str(OWNER), str(job), sys.executable, str(TOOL), "run")


async def test_plan_and_apply_in_the_image(lab: Lab, runner: Runner, job: Path) -> None:
    """A project is planned and applied without root's rights: all that is left is the runner's user's."""
    for mode in ("PLAN_ONLY", "APPLY"):
        step = await runner.run(_given(lab, mode), program=_program(job))
        assert (step.exit_code, step.outputs["status"]) == (0, "success"), step
        assert step.summary.startswith("## ")
        owners = {path.lstat().st_uid for path in (job / "job/workspace/gl2gh-work").rglob("*")}
        assert owners == {OWNER}
    result = json.loads((job / "job/workspace" / step.outputs["result_path"]).read_bytes())
    assert result["successful"] == 1
    assert len((await lab.repository())["issues"]) == 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_reach_process_1(lab: Lab, runner: Runner, job: Path, number: int) -> None:
    """What stops a container stops the batch cleanly: a code that names the signal, and every output."""
    await lab.control("PUT", "faults", [{"side": "gitlab", "path": "*", "effect": {"delay_s": 1.0}}])

    async def begun() -> None:
        while not list(lab.sandbox.journal):  # noqa: ASYNC110 - the journal tells nobody
            await asyncio.sleep(0.05)

    step = await runner.run(_given(lab, "PLAN_ONLY"), program=_program(job), cancel=begun, by=number)
    assert step.exit_code == 128 + number, step
    assert step.outputs["failure_reason"] == "cancelled"


def test_nothing_that_builds_is_left() -> None:
    """No compiler, linker, installer or header is in the image, and the program's parts are what they say."""
    script = (
        "for one in gcc cc g++ c++ clang as ld make pip pip3; do command -v $one; done;"
        " ls /usr/include/*.h /opt/gl2gh-batch/lib/python3*/site-packages/pip /build 2>/dev/null;"
        " git --version >&2 && git lfs version >&2"
    )
    argv = [sys.executable, TOOL, "shell", "sh", "-c", script]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done
    assert "git-lfs/" in done.stderr
