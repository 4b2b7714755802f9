"""Configurations that nobody foresaw: taken, or refused as clearly as the foreseen ones."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from mutated_configurations import INPUTS, Mutated, mutated
from runner import Runner
from wrong_configurations import SECRET

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces import action, cli
from gl2gh_batch.interfaces.cli import TOKENS
from gl2gh_batch.interfaces.inputs import OF_THE_ACTION
from gl2gh_batch.interfaces.wiring import wire
from gl2gh_batch.kit.redact import Redactor

SEED = int(os.environ.get("GL2GH_SEED") or 20261124)
TABLE = list(mutated(SEED, 5000 if os.environ.get("GL2GH_TORTURE") else 630))
pytestmark = pytest.mark.torture
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")


def _is_taken(values: dict[str, str], base: Path | None) -> bool:
    """Whether it is a batch; anything but an error of the configuration is a fault."""
    given = {name: value for name, value in values.items() if name not in OF_THE_ACTION}
    try:
        wire(given, base=base, environment={})
    except ConfigurationError:
        return False
    return True


def _check(message: str) -> None:
    assert len(message) < 1300, message
    assert not CONTROL.search(message), message
    assert "Traceback" not in message
    assert SECRET not in message
    assert "root:" not in message, "what another file holds is quoted"


def _named(door: str) -> list[Mutated]:
    return [one for one in TABLE if door in one.doors]


def test_there_are_many() -> None:
    """Each door meets more than five hundred, most of them wrong for sure, by more than fifteen ways."""
    for door in ("cli", "action"):
        assert len(_named(door)) >= 500
    assert len({one.name for one in TABLE}) == len(TABLE)
    assert sum(one.is_wrong for one in TABLE) >= 300


@pytest.mark.parametrize("one", _named("cli"), ids=lambda one: one.name)
def test_the_command_line(
    one: Mutated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Refused with two lines, exit code 2 and nothing left behind; or taken, where it may be right."""
    monkeypatch.chdir(tmp_path)
    one.put(tmp_path)
    before = {path.name for path in tmp_path.iterdir()}
    argv = ["run"]
    for name, value in one.inputs.items():
        if name in TOKENS:
            monkeypatch.setenv(TOKENS[name][0], value.replace("\0", ""))
        elif value:
            argv.append(f"--{name.replace('_', '-')}={value}")
    if all(name in INPUTS or not one.is_wrong for name in one.inputs) and _is_taken(dict(one.inputs), None):
        assert not one.is_wrong
        return
    assert cli.main(argv) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    what, remedy, *rest = seen.err.splitlines()
    assert rest == []
    assert re.fullmatch(r"gl2gh-batch: (\S.{0,100}: )?\S.*", what), what
    assert re.fullmatch(r"  [A-Z].*[.?)]", remedy), remedy
    _check(seen.err)
    assert {path.name for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("one", _named("action"), ids=lambda one: one.name)
def test_the_action(one: Mutated, tmp_path: Path) -> None:
    """Refused with one annotation, `config-invalid`, every output and nothing left behind; or taken."""
    runner = Runner(tmp_path)
    one.put(runner.workspace)
    before = {path.name for path in runner.workspace.iterdir()}
    try:
        values, _ = action.read_inputs(runner.environment(one.inputs))
    except ConfigurationError:
        pass
    else:
        if _is_taken(values, runner.workspace):
            assert not one.is_wrong
            return
    step = runner.run_here(one.inputs, lambda environment: action.main(environment, Redactor()))
    assert step.exit_code == 2, step
    assert step.stderr == ""
    [said] = step.log.annotations("error")
    assert said.properties["title"] == "gl2gh-batch: config-invalid"
    assert re.search(r" [A-Z].*[.?)]$", said.data), said.data
    assert {found.name for found in step.log.commands} <= {"add-mask", "error", "notice"}
    _check(said.data)
    assert SECRET not in step.summary + "".join(step.log.shown) + "".join(step.outputs.values())
    assert "Nothing was migrated" in step.summary
    assert list(step.outputs) == list(action.OUTPUTS)
    assert (step.outputs["status"], step.outputs["failure_reason"]) == ("failed", "config-invalid")
    assert {path.name for path in runner.workspace.iterdir()} == before
