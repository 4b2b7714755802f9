"""The file on disk: written whole or not at all, set aside when damaged, careful about time and loss."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from fleets import FakeHost, hurry

from gl2gh_batch.kit.host import ThisHost
from gl2gh_batch.kit.rate_record import Account
from gl2gh_batch.kit.rate_store import NewerFileError, RateStore


def store_at(path: Path) -> RateStore:
    """A store on this machine."""
    return RateStore(path, ThisHost())


def spend_and_fail(store: RateStore) -> None:
    """A visit that ends with an error."""
    with store.transaction() as opened:
        assert opened is not None
        opened.record.accounts["k"] = Account()
        _ = 1 / 0


def test_what_one_writes_another_reads_and_nothing_is_left_beside(tmp_path: Path) -> None:
    """The folder is made; after a visit there is the file and its lock."""
    path = tmp_path / "new" / "r.json"
    one, two = store_at(path), store_at(path)
    with one.transaction() as opened:
        assert opened is not None
        assert opened.is_new
        opened.record.accounts["k"] = Account(turn=7)
        with two.transaction() as busy:
            assert busy is None
    with two.transaction() as opened:
        assert opened is not None
        assert opened.record.accounts["k"].turn == 7
        assert not opened.forgot_us
    assert sorted(one.name for one in path.parent.iterdir()) == ["r.json", "r.json.lock"]
    one.close()
    two.close()


def test_a_visit_that_fails_changes_nothing(tmp_path: Path) -> None:
    """An error inside leaves the file as it was, and the lock free."""
    store = store_at(tmp_path / "r.json")
    with store.transaction():
        pass
    before = store.path.read_bytes()
    with pytest.raises(ZeroDivisionError):
        spend_and_fail(store)
    assert store.path.read_bytes() == before
    with store.transaction() as opened:
        assert opened is not None
    store.close()


@pytest.mark.parametrize("damage", [b"", b"{}", b"\xff\xfe", b'{"digest":"', b"[" * 100_000])
def test_a_damaged_file_is_set_aside_under_a_name_of_its_own(tmp_path: Path, damage: bytes) -> None:
    """What was there is kept; what is there now is valid, and knows that something was lost."""
    store = store_at(tmp_path / "r.json")
    for number in (1, 2):
        store.path.write_bytes(damage)
        with store.transaction() as opened:
            assert opened is not None
            assert opened.record.lost_at is not None
            assert (tmp_path / opened.set_aside).read_bytes() == damage
        assert len(list(tmp_path.glob("r.json.corrupt-*"))) == number
        assert json.loads(store.path.read_bytes())["version"] == 2
    store.close()


def test_a_link_stays_one_and_all_share_what_it_leads_to(tmp_path: Path) -> None:
    """A work directory's link to the file on a volume, also before that exists."""
    shared, link = tmp_path / "volume" / "r.json", tmp_path / "work" / "r.json"
    link.parent.mkdir()
    link.symlink_to("../volume/r.json")
    one, two = store_at(link), store_at(shared)
    for number, store in enumerate((one, two, one), start=1):
        with store.transaction() as opened:
            assert opened is not None
            assert opened.record.serial == number - 1
    assert link.is_symlink()
    assert sorted(one.name for one in shared.parent.iterdir()) == ["r.json", "r.json.lock"]
    one.close()
    two.close()


def test_what_is_far_too_large_is_somebody_elses_and_not_read(tmp_path: Path) -> None:
    """It is set aside like anything foreign."""
    store = store_at(tmp_path / "r.json")
    with store.path.open("wb") as file:
        file.truncate(1 << 40)  # a hole: it takes no room
    with store.transaction() as opened:
        assert opened is not None
        assert opened.set_aside
    store.close()


def test_a_newer_file_is_left_as_it_is(tmp_path: Path) -> None:
    """It belongs to somebody who knows more."""
    store = store_at(tmp_path / "r.json")
    newer = b'{"schema":"gl2gh-batch/rate-limit-file","version":99}'
    store.path.write_bytes(newer)
    with pytest.raises(NewerFileError, match="99"), store.transaction():
        pass
    assert store.path.read_bytes() == newer
    assert list(tmp_path.glob("*corrupt*")) == []
    store.close()


def test_one_that_vanishes_or_goes_back_is_noticed_by_who_wrote_it(tmp_path: Path) -> None:
    """Deleted: something is lost. An older copy put back: it does not know us."""
    store = store_at(tmp_path / "r.json")
    with store.transaction():
        pass
    old = store.path.read_bytes()
    with store.transaction():
        pass
    store.path.write_bytes(old)
    assert store.changed()
    with store.transaction() as opened:
        assert opened is not None
        assert opened.forgot_us
    store.path.unlink()
    with store.transaction() as opened:
        assert opened is not None
        assert opened.forgot_us
        assert opened.record.lost_at is not None
    store.close()


@pytest.mark.parametrize(("skew_s", "passed_s"), [(3600.0, 5.0), (-3600.0, 0.0), (30.0, 5.0), (-30.0, 5.0)])
def test_a_host_whose_date_is_wrong_does_not_move_the_time_of_the_file(
    tmp_path: Path, skew_s: float, passed_s: float
) -> None:
    """A second host goes by what its volume says, and never beyond it; far off, by the less of both."""

    async def main() -> None:
        one = RateStore(tmp_path / "r.json", FakeHost(1))
        with one.transaction() as opened:
            assert opened is not None
            before = opened.now
        os.utime(one.path, (one.path.stat().st_atime, one.path.stat().st_mtime - 5.0))
        two = RateStore(one.path, FakeHost(1, host="b", boot=900.0, skew_s=skew_s))
        with two.transaction() as opened:
            assert opened is not None
            passed = opened.now - before
        assert passed == pytest.approx(passed_s, abs=2.0)
        one.close()
        two.close()

    hurry(main)


@pytest.mark.parametrize("place", ["/", "//", "/tmp/..", "."])
def test_a_folder_is_no_file_whatever_its_name(place: str) -> None:
    """It is refused at a visit, where it is a notice, and nothing is made beside it."""
    path = Path(place).resolve()
    store = store_at(Path(place))
    with pytest.raises(OSError, match="it is no file"), store.transaction():
        pass
    store.close()
    assert not Path(f"{path}.lock").exists()
