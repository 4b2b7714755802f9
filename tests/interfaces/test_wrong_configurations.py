"""Whatever is wrong with a configuration, both doors say it once, clearly, and do nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from meant_otherwise import meant_otherwise
from runner import Runner
from wrong_configurations import BOTH, RIGHT, SECRET, Wrong, all_wrong

from gl2gh_batch.interfaces import action, cli
from gl2gh_batch.interfaces.cli import TOKENS
from gl2gh_batch.kit.redact import Redactor

TABLE = [*all_wrong(), *meant_otherwise()]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


def test_the_table_is_large() -> None:
    """There are at least two hundred different wrong configurations for either door."""
    assert len({one.name for one in TABLE}) == len(TABLE)
    for door in BOTH:
        assert sum(door in one.doors for one in TABLE) >= 200


def _put(folder: Path, wrong: Wrong) -> dict[str, str]:
    for name, data in wrong.files.items():
        (folder / name).write_bytes(data)
    return {**RIGHT, **wrong.inputs}


@pytest.mark.parametrize("wrong", [one for one in TABLE if "cli" in one.doors], ids=lambda one: one.name)
def test_the_command_line_refuses(
    wrong: Wrong, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, two lines (what is wrong, what to do), no secret, no traceback, no file."""
    monkeypatch.chdir(tmp_path)
    argv = ["run"]
    for name, value in _put(tmp_path, wrong).items():
        if name in TOKENS:
            monkeypatch.setenv(TOKENS[name][0], value)
        elif value:
            argv.append(f"--{name.strip().replace('_', '-')}={value}")
    assert cli.main(argv) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    what, remedy, *rest = seen.err.splitlines()
    assert rest == []
    assert re.fullmatch(r"gl2gh-batch: (\S.{0,100}: )?\S.*", what)
    assert re.fullmatch(r"  [A-Z].*[.?)]", remedy), remedy
    _check(wrong, seen.err)
    assert {one.name for one in tmp_path.iterdir()} == set(wrong.files)


@pytest.mark.parametrize("wrong", [one for one in TABLE if "action" in one.doors], ids=lambda one: one.name)
def test_the_action_refuses(wrong: Wrong, tmp_path: Path) -> None:
    """Exit code 2, one annotation, every output set, a summary, no other command, no secret, no file."""
    runner = Runner(tmp_path)
    inputs = _put(runner.workspace, wrong)
    step = runner.run_here(inputs, lambda environment: action.main(environment, Redactor()))
    assert step.exit_code == 2
    assert step.stderr == ""
    [said] = step.log.annotations()
    assert (said.name, said.properties["title"]) == ("error", "gl2gh-batch: config-invalid")
    assert re.search(r" [A-Z].*[.?)]$", said.data), said.data
    assert {one.name for one in step.log.commands} <= {"add-mask", "error"}
    _check(wrong, said.data)
    assert SECRET not in step.summary + "".join(step.log.shown) + "".join(step.outputs.values())
    assert "Nothing was migrated" in step.summary
    assert "<b>" not in step.summary
    assert list(step.outputs) == list(action.OUTPUTS)
    assert (step.outputs["status"], step.outputs["failure_reason"]) == ("failed", "config-invalid")
    assert json.loads(step.outputs["matrix"]) == {"shard": ["1/1"]}
    assert {one.name for one in runner.workspace.iterdir()} == set(wrong.files)


def _check(wrong: Wrong, message: str) -> None:
    for word in wrong.words:
        assert word in message, (word, message)
    assert len(message) < 1300
    assert not CONTROL.search(message)
    assert "Traceback" not in message
    assert SECRET not in message
