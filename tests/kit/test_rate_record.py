"""The record: what is written is valid and read again, damage is never believed, time goes forward."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.codec import DecodeError, NewerVersionError
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.kit.budgets import Told
from gl2gh_batch.kit.host import ThisHost
from gl2gh_batch.kit.rate_record import (
    Account,
    Demand,
    Member,
    Record,
    Share,
    Spending,
    Timeline,
    decode_record,
    encode_record,
    new_record,
)


def full() -> Record:
    """A record with something in every field."""
    record = new_record(ThisHost(), lost=True)
    record.allotments = {"1/2": {LimitClass.POINTS: Limit(limit=450, window_s=60.0)}}
    record.members["m"] = Member(place="p", pid=7, started=8, shard="1/2", seen_at=3.5)
    record.accounts["k"] = Account(
        spent={LimitClass.POINTS: Spending(held=[(5.25, 3), (6.0, 1)], closed_until=2.0)},
        told=Told(limit=5000, resets_at=9.0, heard=True, ours=4, others=5),
        closed_until=1.0,
        turn=12,
        members={
            "m": Share(
                in_flight={LimitClass.CONCURRENCY: 2},
                demands=[Demand(costs={LimitClass.POINTS: 5}, count=9, turn=11)],
            )
        },
    )
    return record


FULL = full()


class Clock(ThisHost):
    """A host whose clocks the test sets."""

    def __init__(self, clock_id: str, seconds: float, wall: float) -> None:
        self._clock_id = clock_id
        self.at = (seconds, wall)

    def seconds(self) -> float:
        return self.at[0]

    def wall(self) -> float:
        return self.at[1]


def test_what_is_written_is_valid_and_read_again(project_root: Path) -> None:
    """The bytes are one line that follows the published schema, and hold all that the record held."""
    data = encode_record(full())
    schema = json.loads((project_root / "docs/schemas/rate-limit-file.v2.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(json.loads(data))
    assert data.count(b"\n") == 1
    record = full()
    assert decode_record(encode_record(record)) == record


def test_a_file_that_was_only_formatted_anew_is_believed() -> None:
    """Spaces and the order of keys are no damage."""
    record = full()
    text = json.dumps(dict(reversed(json.loads(encode_record(record)).items())), indent=2)
    assert decode_record(text.encode()) == record


def test_no_prefix_is_believed() -> None:
    """A file that was cut anywhere is damaged."""
    data = encode_record(full())
    for length in range(len(data) - 1):
        with pytest.raises(DecodeError):
            decode_record(data[:length])


@given(st.data())
def test_no_changed_byte_is_believed(data: st.DataObject) -> None:
    """Whatever byte is changed: damaged, newer, or still the same content."""
    record = FULL
    whole = bytearray(encode_record(record))
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] = data.draw(st.integers(0, 255))
    with suppress(DecodeError):
        assert decode_record(bytes(whole)) == record


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)
)
def test_foreign_files_are_refused(data: bytes | str) -> None:
    """Anything else is damage, and no other error."""
    with pytest.raises(DecodeError):
        decode_record(data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass"))


def test_a_file_of_version_1_is_read() -> None:
    """It differs in what it does not hold, and is written anew as version 2."""
    written = full()
    document = json.loads(encode_record(written)) | {"version": 1}
    del document["digest"]
    body = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    old = json.dumps(document | {"digest": hashlib.sha256(body.encode()).hexdigest()})
    record = decode_record(old.encode())
    assert record == written
    assert json.loads(encode_record(record))["version"] == 2


def test_a_newer_version_is_told_from_damage() -> None:
    """Its digest and fields need not be known."""
    with pytest.raises(NewerVersionError):
        decode_record(b'{"schema": "gl2gh-batch/rate-limit-file", "version": 3, "x": 1}')
    with pytest.raises(DecodeError, match="version"):
        decode_record(b'{"schema": "gl2gh-batch/rate-limit-file", "version": "1"}')


@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 50), st.floats(-5000, 5000)), max_size=30))
def test_time_never_runs_backwards_and_jumps_of_the_date_do_not_move_it(
    visits: list[tuple[str, float, float]],
) -> None:
    """Three hosts with dates that jump: the file's time grows by what passed and no more."""
    boots = {"a": 10.0, "b": 7e5, "c": 3.0}
    line = Timeline(at=100.0, wall=1e9)
    passed, last = 0.0, 100.0
    for name, wait_s, skew_s in visits:
        passed += wait_s
        host = Clock(name, boots[name] + passed, 1e9 + passed + skew_s)
        now = line.move(host, 100.0 + passed - line.at)
        assert last <= now
        assert now == pytest.approx(100.0 + passed, abs=1e-6)
        last = now


def test_a_host_that_comes_for_the_first_time_starts_from_what_passed() -> None:
    """Told a negative time by a clock that is behind, it starts where the file is."""
    line = Timeline(at=100.0, wall=1e9)
    assert line.move(Clock("a", 5.0, 0.0), -3600.0) == 100.0
    assert line.move(Clock("a", 9.0, -1e9), 0.0) == 104.0
    assert line.move(Clock("b", 1.0, 0.0), 6.0) == 110.0
