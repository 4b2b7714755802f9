"""Budgets cut into shares for jobs that see no common disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.limits import Limit, LimitClass, Limits

# The dearest single request of a class (a write costs five points): a share below it could never send one.
DEAREST: Final[Mapping[LimitClass, int]] = {LimitClass.POINTS: 5}
_SHARD: Final = re.compile(r"([1-9][0-9]{0,3})/([1-9][0-9]{0,3})")


def parse_shard(shard: str) -> tuple[int, int]:
    """`2/3` as (2, 3); raises `ConfigurationError`."""
    match = _SHARD.fullmatch(shard)
    number, of = (int(part) for part in match.groups()) if match else (1, 0)
    if number > of:
        raise ConfigurationError(
            f"{shard!r} is not a shard",
            field="shard",
            hint="Give its number and how many there are, for example 2/3.",
        )
    return number, of


def divide(limits: Limits, number: int, of: int) -> dict[LimitClass, Limit]:
    """The share `number` (from 1) of `of`: together they make the whole, unit by unit.

    Where the whole has too few units for everybody to get one (or what a single request costs), a share gets
    that much in a window that is longer in the same proportion; without a window it gets one.
    """
    return {name: _share(name, limit, number, of) for name, limit in limits.items()}


def remaining(allotments: Mapping[str, Limits], shard: tuple[int, int]) -> tuple[int, int]:
    """A shard's place among those of its cut that still have an allotment, and how many these are.

    Who ended has none any more: its part is the others'. Where none is told for the shard itself, all
    are there.
    """
    number, of = shard
    left = [one for one in range(1, of + 1) if f"{one}/{of}" in allotments]
    return (left.index(number) + 1, len(left)) if number in left else shard


def without(allotments: Mapping[str, Limits], shard: str) -> dict[str, Limits]:
    """The allotments when that shard has ended: its units are dealt out to the others of its cut."""
    left = dict(allotments)
    given = left.pop(shard, {})
    of = shard.partition("/")[2]
    others = [one for one in left if one.partition("/")[2] == of]
    for place, other in enumerate(others):
        left[other] = {
            name: replace(limit, limit=limit.limit + _part(given.get(name), place, len(others)))
            for name, limit in left[other].items()
        }
    return left


def _part(limit: Limit | None, place: int, of: int) -> int:
    """The units of one of so many parts; all shards of a cut have windows of one length."""
    units, over = divmod(0 if limit is None else limit.limit, of)
    return units + (place < over)


def _share(name: LimitClass, limit: Limit, number: int, of: int) -> Limit:
    units, over = divmod(limit.limit, of)
    units += number <= over
    least = min(DEAREST.get(name, 1), limit.limit)
    if limit.limit // of >= least:
        return Limit(limit=units, window_s=limit.window_s)
    if limit.window_s is None:
        return Limit(limit=max(1, units))
    return Limit(limit=least, window_s=limit.window_s * least * of / limit.limit)
