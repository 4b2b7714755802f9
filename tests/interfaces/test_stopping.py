"""Whatever a platform leaves unanswered, a signal ends the program soon, with its exit code and its files."""

from __future__ import annotations

import asyncio
import html
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, project
from runner import parse_pairs
from shell import Shell

from gl2gh_batch.batch.shards import matrix
from gl2gh_batch.interfaces import action
from gl2gh_batch.interfaces.outputs import OUTPUTS, WHOLE_BATCH
from gl2gh_batch.kit.redact import Redactor

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


async def _importing(folder: Path, *argv: str, **environment: str) -> asyncio.subprocess.Process:
    """The program in the middle of its imports, of which one takes a minute."""
    (folder / "yaml.py").write_text("import time\nprint('here', flush=True)\ntime.sleep(60)\n")
    path = os.pathsep.join((str(folder), os.environ.get("PYTHONPATH", "")))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gl2gh_batch", *argv),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"here\n"
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_during_the_imports(tmp_path: Path, number: signal.Signals) -> None:
    """Ends the program at once, in one line: as process 1 of a container it would not be heard by default.

    What a workflow's step that calls the command line gets is the command's own matter.
    """
    given = tmp_path / "output"
    given.touch()
    process = await _importing(tmp_path, "--version", GITHUB_OUTPUT=str(given))
    process.send_signal(number)
    told, said = await process.communicate()
    assert process.returncode == 128 + number
    assert (told, said) == (b"", b"gl2gh-batch: stopped before it began; nothing was done\n")
    assert given.read_text() == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_during_the_imports_of_the_action(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    """Outputs, summary and annotation are, once, those of a signal a moment later, when nothing was begun."""
    assert json.dumps(matrix(())) == WHOLE_BATCH
    files = {"early": {}, "later": {}}
    for when, paths in files.items():
        (tmp_path / when).mkdir()
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            paths[name] = tmp_path / when / name
            paths[name].write_text("before=1\n" if name == "GITHUB_OUTPUT" else "Before\n")
    given = {"GITHUB_RUN_ID": "4711", **{name: str(path) for name, path in files["early"].items()}}
    process = await _importing(tmp_path, "action", **given)
    for one in (number, signal.SIGTERM):
        process.send_signal(one)
    told, said = await process.communicate()
    assert process.returncode == 128 + number
    assert said == b"gl2gh-batch: stopped before it began; nothing was done\n"

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt(number)

    monkeypatch.setattr(action._Door, "run", interrupted)
    for name, path in files["later"].items():
        monkeypatch.setenv(name, str(path))
    later = {"GITHUB_RUN_ID": "4711", **{name: str(path) for name, path in files["later"].items()}}
    assert action.main(later, Redactor()) == 128 + number
    nowhere = ",file=,line=,endLine=,col=,endColumn="
    assert told.decode() == capsys.readouterr().out.replace(nowhere, "")
    found = {when: list(parse_pairs(paths["GITHUB_OUTPUT"].read_text())) for when, paths in files.items()}
    assert found["early"] == found["later"]
    assert [name for name, _ in found["early"]] == ["before", *OUTPUTS]
    summaries = [html.unescape(paths["GITHUB_STEP_SUMMARY"].read_text()) for paths in files.values()]
    assert summaries[0] == summaries[1]


async def test_a_signal_before_the_action_s_door(tmp_path: Path) -> None:
    """Its work directory is told, and a runner that gave no files gets none."""
    given = tmp_path / "output"
    given.touch()
    environment = {"GITHUB_OUTPUT": str(given), "GITHUB_STEP_SUMMARY": str(tmp_path / "no such file")}
    process = await _importing(tmp_path, "action", **environment, INPUT_WORK_DIR=" a/b/ ")
    process.send_signal(signal.SIGTERM)
    await process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    outputs = dict(parse_pairs(given.read_text()))
    assert (outputs["artifact_path"], outputs["status"], outputs["resume_key"]) == ("a/b", "failed", "")
    assert not (tmp_path / "no such file").exists()


def test_a_signal_before_anybody_can_tell(tmp_path: Path) -> None:
    """It is kept until the outputs are known, and told then; the first one names the exit code."""
    program = (
        "import os; from gl2gh_batch.interfaces import early; early.listen();"
        " [os.kill(os.getpid(), one) for one in (15, 2)]; print('on', flush=True);"
        " early.tell_by(lambda: print('told', flush=True)); print('never')"
    )
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, cwd=tmp_path, env=env
    )
    assert (done.returncode, done.stdout) == (128 + signal.SIGTERM, b"on\ntold\n")
