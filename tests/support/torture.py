"""How much of a sweep runs: a sample in every run of the tests, all of it under `make torture`."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest

FULL: Final = bool(os.environ.get("GL2GH_TORTURE"))
SEED: Final = int(os.environ.get("GL2GH_SEED") or 20261123)
# A sweep in full goes over all processes there are, and one that broke off is gone on with by its parts.
PARTS: Final = 8 if FULL else 1


def amount(few: int, many: int) -> int:
    """`few` in the tests, `many` under torture."""
    return many if FULL else few


def dice(name: str) -> random.Random:
    """A generator of its own for each sweep; what repeats it is printed."""
    print(f"{name}: seed {SEED}")
    return random.Random(f"{SEED} {name}")


def in_parts(test: Any) -> Any:
    """Marks a sweep whose `part` is every eighth of its turns: `ARGS="-k 'malformed and part3'"` is one."""
    ids = [f"part{one}" for one in range(PARTS)] if FULL else ["sample"]
    return pytest.mark.torture(pytest.mark.parametrize("part", range(PARTS), ids=ids)(test))


def turns(name: str, part: int, few: int, many: int) -> Iterator[tuple[int, random.Random]]:
    """The turns of one part of a sweep, each with its number and with dice that no other turn has thrown."""
    whole = amount(few, many)
    print(f"{name}: seed {SEED}, part {part} of {PARTS}, {len(range(part, whole, PARTS))} of {whole} turns")
    for number in range(part, whole, PARTS):
        yield number, random.Random(f"{SEED} {name} {number}")
