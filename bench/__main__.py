"""`make bench`: every measurement in a process of its own, a few at a time, and one table at the end."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from typing import Any, Final

from bench.batch import SMALL, TINY
from bench.figures import (
    Figure,
    applied_figures,
    efficiency_figures,
    memory_figures,
    refusals_figure,
    repeated_figures,
    speed_up_figure,
    table,
    whole_figure,
)
from bench.memory import NO_SETTINGS, STEADY, peak_memory
from bench.tasks import equal_projects, planned_and_applied, repeated, scheduled

PROFILES: Final = ("github.com", "github.com-strict", "ghes")
PARALLEL: Final = (1, 2, 4, 8, 16, 20)
MOST_AT_ONCE: Final = 20
# What is measured without limits is a ratio that a smaller batch shows as well.
SCHEDULED_SHARE: Final = 0.25
FEW_ISSUES: Final = 1000
CROWD: Final = 20
ALLOCATORS: Final = {"malloc as it is": NO_SETTINGS, "steady malloc": STEADY}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a goal is missed."""
    asked = _parse(arguments)
    began = time.monotonic()
    print(
        f"The benchmark batch: 100 projects, their issues and comments (merge requests are not migrated yet),"
        f" at {asked.scale:g} of their size; {MOST_AT_ONCE} at once where a row says nothing else.",
        flush=True,
    )
    with ProcessPoolExecutor(asked.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        figures = _measure(pool, asked)
    print(f"\n{table(figures)}\n\n{time.monotonic() - began:.0f} s")
    return 0 if all(figure.is_met for figure in figures) else 1


def _measure(pool: ProcessPoolExecutor, asked: argparse.Namespace) -> list[Figure]:
    def begin(name: str, function: Callable[..., Any], *values: Any) -> Future[Any]:
        future = pool.submit(function, *values)
        future.add_done_callback(lambda _: print(f"done: {name}", file=sys.stderr, flush=True))
        return future

    scale, scheduled_scale = asked.scale, asked.scale * SCHEDULED_SHARE
    # What takes longest goes first, here too.
    memory = [(note, *_memory(begin, note, settings, asked.issues)) for note, settings in ALLOCATORS.items()]
    applied = [begin(name, planned_and_applied, name, scale, MOST_AT_ONCE) for name in PROFILES]
    runs = [begin(f"p = {parallel}", scheduled, parallel, scheduled_scale) for parallel in PARALLEL]
    equal = [begin(f"equal projects, p = {parallel}", equal_projects, parallel) for parallel in (1, 8)]
    again = begin("rerun", repeated, {TINY: 2, SMALL: 2})
    schedules = [run.result() for run in runs]
    one, eight = (run.result() for run in equal)
    return [
        *(figure for run in applied for figure in applied_figures(run.result())),
        *efficiency_figures(schedules[0], schedules),
        whole_figure(schedules[-1]),
        speed_up_figure(one, eight),
        *(
            figure
            for note, *peaks in memory
            for figure in memory_figures(*(peak.result() for peak in peaks), note=note)
        ),
        *repeated_figures(again.result()),
        refusals_figure([*schedules, one, eight, again.result()]),
    ]


def _memory(
    begin: Callable[..., Future[Any]], note: str, settings: Mapping[str, str], issues: int
) -> tuple[Future[Any], Future[Any], Future[Any]]:
    """One project with few issues, one with many, and many projects that have as many together."""
    many = begin(f"memory, {note}, many issues", peak_memory, 1, issues, settings)
    crowd = begin(f"memory, {note}, many projects", peak_memory, CROWD, issues // CROWD, settings)
    few = begin(f"memory, {note}, few issues", peak_memory, 1, FEW_ISSUES, settings)
    return few, many, crowd


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=0.1, help="the share of each project that is migrated (0.1; 1 is all)"
    )
    parser.add_argument("--issues", type=int, default=5_000, help="issues of the large project (5000)")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="measurements at a time (2)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
