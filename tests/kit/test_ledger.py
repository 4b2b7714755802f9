"""The ledger keeps what it acknowledged, through crashes, and never takes damage for emptiness."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gl2gh_batch.domain.errors import WorkDirectoryError
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.kit.ledger import VERSION, Ledger

AT = "2024-01-01T00:00:00Z"


def small(path: Path) -> dict[str, Receipt]:
    """A ledger with a few receipts in one file; returns what it holds."""
    with Ledger(path) as ledger:
        ledger.set("lineage", "abc")
        for number in range(6):
            ledger.intent(f"issues/{number}", f"{number:064x}", AT)
        ledger.done("issues/0", {"number": 1, "id": 4711, "text": "ünïcode ✓"}, AT)
        ledger.refused("issues/1", {"status": 422}, AT)
        return {one.step: one for one in ledger.receipts()}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Intent, receipt, refusal and facts come back as they were, also after opening again."""
    path = tmp_path / "ledger.db"
    held = small(path)
    with Ledger(path, create=False) as ledger:
        assert {one.step: one for one in ledger.receipts()} == held
        assert ledger.receipt("issues/0") == Receipt(
            step="issues/0",
            state=StepState.DONE,
            at=AT,
            step_sha256=f"{0:064x}",
            fields={"number": 1, "id": 4711, "text": "ünïcode ✓"},
        )
        assert ledger.receipt("issues/99") is None
        assert (ledger.count(), ledger.count(StepState.INTENT), ledger.count(StepState.DONE)) == (6, 4, 1)
        assert [one.step for one in ledger.receipts(StepState.REFUSED)] == ["issues/1"]
        assert (ledger.get("lineage"), ledger.get("nothing")) == ("abc", None)


def test_a_deleted_ledger_is_gone_though_a_kill_left_files_beside_it(tmp_path: Path) -> None:
    """Deleting the one file that people are told of makes everything anew; a link beside it leads nowhere."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.intent("issues/0", "a", AT)
        killed = Path(shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-killed")))
    path = killed / "ledger.db"
    assert (killed / "ledger.db-wal").stat().st_size > 0
    path.unlink()
    with Ledger(path) as ledger:
        assert ledger.count() == 0
    path.unlink()
    apart = tmp_path / "apart"
    apart.write_text("kept")
    (killed / "ledger.db-wal").symlink_to(apart)
    with Ledger(path) as ledger:
        assert ledger.count() == 0
    assert apart.read_text() == "kept"
    path.unlink()
    (killed / "ledger.db-shm").mkdir()
    with pytest.raises(WorkDirectoryError):
        Ledger(path)
    assert not path.exists()


def test_a_done_step_is_not_begun_again(tmp_path: Path) -> None:
    """The same step cannot lose its receipt; a changed one can be begun."""
    with Ledger(tmp_path / "ledger.db") as ledger:
        ledger.intent("a", "1", AT)
        ledger.done("a", {"id": 1}, AT)
        with pytest.raises(ValueError, match="done already"):
            ledger.intent("a", "1", AT)
        ledger.intent("a", "2", AT)
        assert ledger.receipt("a") == Receipt(step="a", state=StepState.INTENT, at=AT, step_sha256="2")
        with pytest.raises(ValueError, match="never begun"):
            ledger.done("b", {}, AT)


def test_a_missing_ledger_is_only_made_when_asked(tmp_path: Path) -> None:
    """Opening for an apply does not make an empty ledger where there was none."""
    with pytest.raises(WorkDirectoryError, match="no ledger"):
        Ledger(tmp_path / "ledger.db", create=False)
    assert list(tmp_path.iterdir()) == []


def test_every_truncation_is_told_and_not_taken_for_a_new_ledger(tmp_path: Path) -> None:
    """A ledger cut at any length is an error that names the next command, or holds all that it held."""
    path, cut = tmp_path / "ledger.db", tmp_path / "cut.db"
    held = small(path)
    data = path.read_bytes()
    for length in [*range(200), *range(200, len(data), 97), len(data) - 1]:
        cut.write_bytes(data[:length])
        with contextlib.suppress(WorkDirectoryError), Ledger(cut) as ledger:
            assert {one.step: one for one in ledger.receipts()} == held
        for rest in tmp_path.glob("cut.db-*"):
            rest.unlink()
    cut.write_bytes(b"")
    with pytest.raises(WorkDirectoryError, match="empty") as caught:
        Ledger(cut)
    assert "recover" in caught.value.hint


def test_no_mutation_shows_a_wrong_receipt_or_another_error(tmp_path: Path) -> None:
    """With any bytes changed, a ledger answers with what it held or with a `WorkDirectoryError`."""
    path, bad = tmp_path / "ledger.db", tmp_path / "bad.db"
    held = small(path)
    data = path.read_bytes()
    dice = random.Random(2024)
    refused = 0
    for _ in range(400):
        changed = bytearray(data)
        for _ in range(dice.choice((1, 1, 1, 4, 64))):
            changed[dice.randrange(len(changed))] = dice.randrange(256)
        bad.write_bytes(changed)
        for rest in tmp_path.glob("bad.db-*"):
            rest.unlink()
        try:
            with Ledger(bad) as ledger:
                assert {one.step: one for one in ledger.receipts()} == held
        except WorkDirectoryError:
            refused += 1
    assert refused > 20


def test_foreign_and_newer_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    """Another program's database, a text file and a newer version are named, and not changed."""
    foreign, text, newer = tmp_path / "foreign.db", tmp_path / "text.db", tmp_path / "newer.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    text.write_text("hello, this is no database at all\n" * 100)
    small(newer)
    connection = sqlite3.connect(newer)
    connection.execute(f"PRAGMA user_version = {VERSION + 1}")
    connection.close()
    for path, words in ((foreign, "not a ledger"), (text, "damaged"), (newer, "version")):
        before = path.read_bytes()
        with pytest.raises(WorkDirectoryError, match=words) as caught:
            Ledger(path)
        assert caught.value.hint
        assert path.read_bytes() == before


def test_a_folder_in_its_place_is_an_error_of_ours(tmp_path: Path) -> None:
    """What cannot be opened at all is told as a matter of the work directory."""
    (tmp_path / "ledger.db").mkdir()
    with pytest.raises(WorkDirectoryError):
        Ledger(tmp_path / "ledger.db")


def test_a_second_writer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes at one ledger end in an error that says so, and not in a lost receipt."""
    monkeypatch.setattr("gl2gh_batch.kit.ledger._BUSY_TIMEOUT_S", 0.01)
    path = tmp_path / "ledger.db"
    small(path)
    with Ledger(path) as ledger:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WorkDirectoryError, match="another process"):
            ledger.intent("x", "1", AT)
        other.execute("ROLLBACK")
        other.close()
        ledger.intent("x", "1", AT)


def test_a_copy_is_whole_while_the_ledger_is_in_use(tmp_path: Path) -> None:
    """A copy is one file that holds all that was acknowledged before it was asked for."""
    path = tmp_path / "ledger.db"
    held = small(path)
    with Ledger(path) as ledger:
        ledger.copy_to(tmp_path / "copy.db")
        ledger.intent("later", "1", AT)
        ledger.copy_to(tmp_path / "copy.db")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.db", "ledger.db"]
    with Ledger(tmp_path / "copy.db", create=False) as copy:
        assert {one.step for one in copy.receipts()} == {*held, "later"}
        assert copy.get("lineage") == "abc"


def test_the_export_has_a_line_for_each_receipt(tmp_path: Path) -> None:
    """The export is JSON, one receipt a line, in the order of the steps."""
    held = small(tmp_path / "ledger.db")
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.export_ndjson(tmp_path / "receipts.ndjson") == len(held)
    lines = [json.loads(line) for line in (tmp_path / "receipts.ndjson").read_text().splitlines()]
    assert [one["step"] for one in lines] == sorted(held)
    assert lines[0]["fields"]["number"] == 1


CHILD = """
import sys
from pathlib import Path
from gl2gh_batch.kit.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
start = ledger.count()
print("open", flush=True)
for number in range(start, start + 10_000):
    ledger.intent(f"step/{number:06d}", "1", "now")
    print("intent", number, flush=True)
    ledger.done(f"step/{number:06d}", {"number": number}, "now")
    print("done", number, flush=True)
"""


def test_what_was_acknowledged_outlives_kill_9(tmp_path: Path) -> None:
    """A process killed hard at any moment, also while it makes the ledger, loses nothing acknowledged."""
    path = tmp_path / "ledger.db"
    dice = random.Random(7)
    said: dict[int, str] = {}
    for round_number in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True, env=os.environ
        )
        assert child.stdout is not None
        for _ in range(dice.randrange(0, 40) if round_number else 0):
            word, *number = child.stdout.readline().split()
            if number:
                said[int(number[0])] = word
        child.kill()
        rest = child.stdout.read()
        for line in rest.splitlines():
            word, *number = line.split()
            if number:
                said[int(number[0])] = word
        child.wait()
        child.stdout.close()
        with Ledger(path) as ledger:
            for step, word in said.items():
                receipt = ledger.receipt(f"step/{step:06d}")
                assert receipt is not None
                if word == "done":
                    assert receipt.state is StepState.DONE
                    assert receipt.fields == {"number": step}
            assert ledger.count() <= len(said) + round_number + 1
    assert len(said) > 50


STEPS = st.sampled_from([f"issues/{number}" for number in range(5)])
FIELDS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), max_size=8),
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    max_size=3,
)


class LedgerMachine(RuleBasedStateMachine):
    """The ledger against a dict; at any point it is copied as a crash would leave it, and opened again."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.path = self.folder / "ledger.db"
        self.ledger = Ledger(self.path)
        self.model: dict[str, Receipt] = {}
        self.facts: dict[str, str] = {}

    @rule(step=STEPS, digest=st.sampled_from("ab"))
    def intent(self, step: str, digest: str) -> None:
        known = self.model.get(step)
        if known and known.state is StepState.DONE and known.step_sha256 == digest:
            with pytest.raises(ValueError):
                self.ledger.intent(step, digest, AT)
            return
        self.ledger.intent(step, digest, AT)
        self.model[step] = Receipt(step=step, state=StepState.INTENT, at=AT, step_sha256=digest)

    @rule(step=STEPS, fields=FIELDS, state=st.sampled_from([StepState.DONE, StepState.REFUSED]))
    def conclude(self, step: str, fields: dict[str, Any], state: StepState) -> None:
        write = self.ledger.done if state is StepState.DONE else self.ledger.refused
        if step not in self.model:
            with pytest.raises(ValueError):
                write(step, fields, AT)
            return
        write(step, fields, AT)
        self.model[step] = Receipt(
            step=step, state=state, at=AT, step_sha256=self.model[step].step_sha256, fields=fields
        )

    @rule(key=st.sampled_from("xy"), value=st.text(st.characters(codec="utf-8")))
    def fact(self, key: str, value: str) -> None:
        self.ledger.set(key, value)
        self.facts[key] = value

    @precondition(lambda self: self.model)
    @rule()
    def crash(self) -> None:
        """The files as they are now, without a close: what a power cut leaves."""
        crashed = self.folder / "crashed"
        shutil.rmtree(crashed, ignore_errors=True)
        crashed.mkdir()
        for name in ("ledger.db", "ledger.db-wal"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, crashed / name)
        self.ledger.close()
        self.path = crashed.rename(Path(tempfile.mkdtemp(dir=self.folder)) / "l") / "ledger.db"
        self.folder_of_ledger = self.path.parent
        for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
            (self.folder / name).unlink(missing_ok=True)
        for one in self.folder_of_ledger.iterdir():
            one.rename(self.folder / one.name)
        self.path = self.folder / "ledger.db"
        self.ledger = Ledger(self.path, create=False)

    @invariant()
    def equal(self) -> None:
        assert {one.step: one for one in self.ledger.receipts()} == self.model
        assert {key: self.ledger.get(key) for key in self.facts} == self.facts
        for state in StepState:
            assert self.ledger.count(state) == sum(one.state is state for one in self.model.values())

    def teardown(self) -> None:
        self.ledger.close()
        shutil.rmtree(self.folder)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
