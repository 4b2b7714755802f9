"""How much of a sweep runs: a sample in every run of the tests, all of it under `make torture`."""

from __future__ import annotations

import os
import random
from typing import Final

FULL: Final = bool(os.environ.get("GL2GH_TORTURE"))
SEED: Final = int(os.environ.get("GL2GH_SEED") or 20261123)


def amount(few: int, many: int) -> int:
    """`few` in the tests, `many` under torture."""
    return many if FULL else few


def dice(name: str) -> random.Random:
    """A generator of its own for each sweep; what repeats it is printed."""
    print(f"{name}: seed {SEED}")
    return random.Random(f"{SEED} {name}")
