"""`python -m bench.rewrite`: how long rewriting takes, in seconds for a MiB and as the ratio of
1 MiB to 100 KiB, for prose and for hard shapes.

The goals: one second for a MiB of prose, and at most 12 times the time for 10.24 times the text.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Final

from known_book import KnownBook
from shapes import PROSE, REPEATED, shape

from gl2gh_batch.rewrite.text import to_github

MIB: Final = 1024 * 1024
SMALL: Final = 100 * 1024
GOAL_S: Final = 1.0
GOAL_RATIO: Final = 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """Seconds for a MiB of prose, and the worst ratio of 1 MiB to 100 KiB with the shape that has it."""

    prose_s: float
    ratio: float
    shape: str


def rewritten() -> Rewritten:
    """Measure every shape."""
    measured = measure()
    worst = max(measured, key=lambda name: measured[name][1])
    return Rewritten(prose_s=measured["prose"][0], ratio=measured[worst][1], shape=worst)


def main() -> int:
    """Print a line for each shape; 1 when a goal is missed."""
    missed = 0
    print(f"{'shape':<22} {'s/MiB':>8} {'ratio':>7}")
    for name, (large, ratio) in measure().items():
        bad = ratio > GOAL_RATIO or (name == "prose" and large > GOAL_S)
        missed += bad
        print(f"{name:<22} {large:8.3f} {ratio:7.1f}{'  missed' if bad else ''}")
    return int(missed > 0)


def measure() -> dict[str, tuple[float, float]]:
    """For each shape the seconds for a MiB, and how many times 100 KiB that is."""
    found = {}
    for name, unit in {"prose": PROSE, **REPEATED}.items():
        small, large = best(shape(unit, SMALL)), best(shape(unit, MIB))
        if large / small > GOAL_RATIO:
            # The machine may have been busy with something else.
            small, large = best(shape(unit, SMALL), 15), best(shape(unit, MIB), 5)
        found[name] = (large, large / small)
    return found


def best(text: str, tries: int = 3) -> float:
    """Processor seconds for one rewriting."""
    book = KnownBook()
    found = []
    for _ in range(tries):
        started = time.process_time()
        to_github(text, book)
        found.append(time.process_time() - started)
    return max(min(found), 1e-6)


if __name__ == "__main__":
    sys.exit(main())
