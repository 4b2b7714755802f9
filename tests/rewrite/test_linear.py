"""The time that rewriting takes grows with the length of a text, and with nothing else."""

from __future__ import annotations

import time
from typing import Final

import pytest
from shapes import PROSE, REPEATED, shape

from gl2gh_batch.domain.ports import Book
from gl2gh_batch.rewrite.text import pieces, to_github

SMALL: Final = 20 * 1024
TIMES: Final = 10
# `python -m bench.rewrite` holds 12 on a quiet machine; a busy one gets room, and squared would be 100.
ALLOWED: Final = 12 * TIMES / 10
ALLOWED_WHEN_BUSY: Final = 18 * TIMES / 10
pytestmark = pytest.mark.slow  # it measures, and wants the machine for itself
# Below this, what is measured is the clock.
FLOOR_S: Final = 0.004


def cost(text: str, book: Book, *, tries: int) -> float:
    """The processor time of one rewriting, the best of some tries."""
    best = float("inf")
    for _ in range(tries):
        started = time.process_time()
        to_github(text, book)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize("unit", [PROSE, *REPEATED.values()], ids=["prose", *REPEATED])
def test_ten_times_the_text_takes_at_most_twelve_times_as_long(book: Book, unit: str) -> None:
    """Processor time for 200 KiB against 20 KiB, whatever is repeated; squared would be a hundred."""
    for tries in (2, 4, 9):  # a machine that is busy with other things gets another chance
        small = max(cost(shape(unit, SMALL), book, tries=tries), FLOOR_S)
        large = cost(shape(unit, SMALL * TIMES), book, tries=tries)
        if large <= (ALLOWED if tries < 9 else ALLOWED_WHEN_BUSY) * small:
            return
    pytest.fail(f"{large:.3f} s for {TIMES} times what takes {small:.3f} s")


def test_cutting_is_linear_too(book: Book) -> None:
    """A long nested list, the dearest to cut: five times the text takes less than twice that as long."""

    def seconds(items: int) -> float:
        text = "".join(f"- item {one}\n  - sub @bob #12\n\n    > quote {one}\n" for one in range(items))
        started = time.process_time()
        assert pieces(text, book)
        return time.process_time() - started

    once = min(seconds(3_000) for _ in range(2))
    assert min(seconds(15_000) for _ in range(2)) <= 10 * once
