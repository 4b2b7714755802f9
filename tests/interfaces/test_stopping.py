"""Whatever a platform leaves unanswered, a signal ends the program soon, with its exit code and its files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, project
from shell import Shell

# Longer than any time after which a request would be given up.
NEVER_S = 600.0
# What it takes, and much more where the machine is busy; less than a request waits for its answer.
SOON_S = 30.0
CONFIG = """
github: {credentials: [{name: one, token_env: GH_TOKEN}, {name: two, token_env: OTHER}]}
projects: [{id: 17}, {id: 18}]
"""


async def _stopped(lab: Lab, shell: Shell, fault: dict[str, Any], number: int, *flags: str) -> Any:
    """How the program ended after a signal that came while a request was left unanswered."""
    await lab.control("PUT", "faults", [{**fault, "effect": {"delay_s": NEVER_S}}])
    env = {**shell.tokens(lab), "OTHER": "ghp_other0000000000"}
    process = await shell.start("run", *shell.flags(lab), *flags, env=env)
    while not lab.sandbox.faults[0].matched and process.returncode is None:  # noqa: ASYNC110 - a fault tells nobody that it was met
        await asyncio.sleep(0.02)
    process.send_signal(number)
    began = time.monotonic()
    ended = await asyncio.wait_for(shell.ended(process), timeout=SOON_S)
    print(f"{time.monotonic() - began:.1f} s after {signal.Signals(number).name} at {fault}")
    assert ended.code == 128 + number, ended
    assert "Traceback" not in ended.err
    return ended


@pytest.mark.parametrize(
    ("side", "path", "mode"),
    [
        ("gitlab", "*/personal_access_tokens/self", "FULL"),  # before the batch
        ("github", "*/user", "FULL"),
        ("gitlab", "*/projects/17", "PLAN_ONLY"),  # the survey
        ("gitlab", "*/issues", "PLAN_ONLY"),
        ("gitlab", "*/info/refs", "EXPORT_ONLY"),  # git
        ("gitlab", "*/protected_tags", "DISCOVER_ONLY"),
        ("github", "*/git-receive-pack", "FULL"),
        ("github", "*/import/issues", "FULL"),
        ("github", "*/import/issues/*", "FULL"),  # a job's state
    ],
)
@pytest.mark.parametrize("number", [signal.SIGTERM])
async def test_an_answer_that_never_comes_keeps_nobody(
    open_lab: Any, shell: Shell, side: str, path: str, mode: str, number: int
) -> None:
    """The run ends with a result that says that it can be resumed, at whatever request it is."""
    lab = await open_lab(project(issues=[issue(one) for one in range(1, 4)]), project("acme/b", 18))
    await _stopped(lab, shell, {"side": side, "path": path}, number, "--project-ids=17,18", f"--mode={mode}")
    result = json.loads((shell.folder / "gl2gh-work" / "batch-result.json").read_text())
    assert (result["status"], result["stopped_by"]) == ("partial_success", "signal")
    assert result["incomplete"] + result["not_started"] == 2
    assert "same work directory" in result["resume"]


async def test_credentials_that_nobody_vouches_for_keep_nobody(open_lab: Any, shell: Shell) -> None:
    """While it is asked whose the tokens are, a signal is heard, too."""
    lab = await open_lab(project(), project("acme/b", 18))
    (shell.folder / "batch.yml").write_text(CONFIG)
    fault = {"side": "github", "path": "*/user", "nth": [3, 4, 5, 6, 7, 8]}
    await _stopped(lab, shell, fault, signal.SIGHUP, "--config=batch.yml", "--mode=PLAN_ONLY")


async def test_the_first_signal_names_the_exit_code(open_lab: Any, shell: Shell) -> None:
    """Who presses Ctrl-C twice, or is told to end twice, gets the first one's code, and not a traceback."""
    lab = await open_lab(project())
    fault = {"side": "gitlab", "path": "*/projects/17", "effect": {"delay_s": NEVER_S}}
    await lab.control("PUT", "faults", [fault])
    process = await shell.start("run", *shell.flags(lab), "--project-ids=17", env=shell.tokens(lab))
    while not lab.sandbox.faults[0].matched:  # noqa: ASYNC110 - a fault tells nobody that it was met
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGINT)
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    ended = await asyncio.wait_for(shell.ended(process), timeout=SOON_S)
    assert ended.code == 130, ended
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_during_the_imports(tmp_path: Path, number: signal.Signals) -> None:
    """Ends the program at once, in one line: as process 1 of a container it would not be heard by default."""
    (tmp_path / "yaml.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gl2gh_batch", "--version"),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"here\n"
    process.send_signal(number)
    _, said = await process.communicate()
    assert process.returncode == 128 + number
    assert said == b"gl2gh-batch: stopped before it began; nothing was done\n"
