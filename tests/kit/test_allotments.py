"""Allotments: together they are the whole, and each can send something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.kit.allotments import DEAREST, divide, parse_shard, remaining, without


@given(st.sampled_from(LimitClass), st.integers(1, 6000), st.integers(1, 256))
def test_shares_make_the_whole_and_never_more(name: LimitClass, units: int, of: int) -> None:
    """The units add up where they suffice; where they do not, the rates do; a request always fits."""
    whole = Limit(limit=units, window_s=None if name is LimitClass.CONCURRENCY else 60.0)
    shares = [divide({name: whole}, number, of)[name] for number in range(1, of + 1)]
    least = min(DEAREST.get(name, 1), units)
    assert all(share.limit >= least for share in shares)
    if units // of >= least:
        assert sum(share.limit for share in shares) == units
        assert {share.window_s for share in shares} == {whole.window_s}
    elif whole.window_s is not None:
        rate = sum(share.limit / (share.window_s or 1.0) for share in shares)
        assert rate <= units / whole.window_s * 1.000001


@pytest.mark.parametrize("shard", ["9/8", "0/3", "3", "", "a/b", "1/0", "1/99999", " 1/2", "1/2\n"])
def test_a_bad_shard_is_refused(shard: str) -> None:
    """A shard is its number and how many there are."""
    with pytest.raises(ConfigurationError, match="shard"):
        parse_shard(shard)


def test_a_shard_is_read() -> None:
    """`2/3` is the second of three."""
    assert parse_shard("2/3") == (2, 3)


@given(st.integers(1, 12).flatmap(lambda of: st.tuples(st.just(of), st.sets(st.integers(1, of)))))
def test_who_ended_leaves_its_part_to_the_others(cut: tuple[int, set[int]]) -> None:
    """Those that are left have places from 1 to their number; who is not told of counts with all."""
    of, left = cut
    allotments = {f"{number}/{of}": {} for number in left} | {"1/99": {}}
    places = [remaining(allotments, (number, of)) for number in sorted(left)]
    assert places == [(place, len(left)) for place in range(1, len(left) + 1)]
    assert all(remaining(allotments, (number, of)) == (number, of) for number in {*range(1, of + 1)} - left)


@given(st.sampled_from(LimitClass), st.integers(1, 600), st.integers(1, 12), st.data())
def test_what_is_given_up_is_dealt_out_unit_by_unit(
    name: LimitClass, units: int, of: int, data: st.DataObject
) -> None:
    """However many end, in whatever order: the others have what all had at first, the last one has it all."""
    whole = Limit(limit=units, window_s=None if name is LimitClass.CONCURRENCY else 60.0)
    shards = [f"{number}/{of}" for number in range(1, of + 1)]
    allotments = {one: divide({name: whole}, *parse_shard(one)) for one in shards}
    total = sum(one[name].limit for one in allotments.values())
    for shard in data.draw(st.permutations(shards))[: of - 1]:
        allotments = without(allotments, shard)
        assert shard not in allotments
        assert sum(one[name].limit for one in allotments.values()) == total
    assert without({**allotments, "1/99": {}}, "7/99") == {**allotments, "1/99": {}}
