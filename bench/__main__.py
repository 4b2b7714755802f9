"""`make bench`: every measurement in a process of its own, a few at a time, and one table at the end."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

from bench.batch import HUNDRED, SMALL, TINY
from bench.figures import (
    SCENES,
    Figure,
    applied_figures,
    efficiency_figures,
    image_figures,
    memory_figures,
    refusals_figure,
    repeated_figures,
    rewriting_figures,
    service_figures,
    shared_figures,
    speed_up_figure,
    table,
    whole_figure,
)
from bench.image import Image, measured
from bench.memory import NOTES, peak_memory
from bench.rewrite import rewritten
from bench.service import served
from bench.tasks import any_number, equal_projects, known_strict, planned_and_applied, repeated, scheduled

PARTS: Final = ("rewriting", "rate-file", "image", "memory", "profiles", "schedule", "rerun", "service")
PROFILES: Final = ("github.com", "github.com-strict", "ghes")
PARALLEL: Final = (1, 2, 4, 8, 16, 20)
MOST_AT_ONCE: Final = 20
# What is measured without limits is a ratio that a smaller batch shows as well.
SCHEDULED_SHARE: Final = 0.25
# A look at a list tells of a hundred jobs: projects have to be of some size to show that.
ANY_SCALE: Final = 0.25
# Against the floor, what is looked up before the first write counts: as long chains, of fewer projects.
HALF: Final = {size: count // 2 for size, count in HUNDRED.items()}
FEW_ISSUES: Final = 1000
CROWD: Final = 20
# More issues than this in each of a crowd are measured without their notes, which are read one by one.
MOST_WITH_NOTES: Final = 4000
RATE_FILE: Final = Path(__file__).with_name("rate_file.py")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 when a goal is missed."""
    asked = _parse(arguments)
    began = time.monotonic()
    print(
        f"The benchmark batch: 100 projects, their issues and comments, without merge requests,"
        f" at {asked.scale:g} of their size; {MOST_AT_ONCE} at once where a row says nothing else.",
        flush=True,
    )
    # In real time, so before anything else uses the machine.
    wanted = set(asked.only or PARTS)
    figures = rewriting_figures(rewritten()) if "rewriting" in wanted else []
    figures += shared_figures(_shared(quick=asked.quick)) if "rate-file" in wanted else []
    image = measured() if "image" in wanted else None
    if isinstance(image, Image):
        figures += image_figures(image)
    with ProcessPoolExecutor(asked.jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        figures += _measure(pool, asked)
    print(f"\n{table(figures)}\n")
    if isinstance(image, str):
        print(f"image: not measured: {image}\n")
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if all(figure.is_met for figure in figures) else 1


def _shared(*, quick: bool) -> dict[str, dict[str, float]]:
    """What many processes do with one rate-limit file; a program of its own, for it starts them."""
    done = subprocess.run(
        [sys.executable, RATE_FILE, "--json", *(["--quick"] if quick else ["--only", *SCENES])],
        check=True,
        stdout=subprocess.PIPE,
    )
    scenes: dict[str, dict[str, float]] = json.loads(done.stdout)
    print("done: one rate-limit file", file=sys.stderr, flush=True)
    return scenes


def _measure(pool: ProcessPoolExecutor, asked: argparse.Namespace) -> list[Figure]:
    def begin(name: str, function: Callable[..., Any], *values: Any) -> Future[Any]:
        future = pool.submit(function, *values)
        future.add_done_callback(lambda _: print(f"done: {name}", file=sys.stderr, flush=True))
        return future

    scale, scheduled_scale = asked.scale, asked.scale * SCHEDULED_SHARE
    wanted = set(asked.only or PARTS)
    crowd_notes = NOTES if asked.crowd <= MOST_WITH_NOTES else 0
    # What takes longest goes first, here too.
    memory: list[Future[Any]] = []
    applied: list[Future[Any]] = []
    runs: list[Future[Any]] = []
    equal: list[Future[Any]] = []
    more: list[Future[Any]] = []
    if "memory" in wanted:
        memory = [
            begin("memory, many issues", peak_memory, 1, asked.issues),
            begin("memory, many projects", peak_memory, CROWD, asked.crowd, crowd_notes),
            begin("memory, few issues", peak_memory, 1, FEW_ISSUES),
        ]
    if "profiles" in wanted:
        applied = [begin(name, planned_and_applied, name, scale, MOST_AT_ONCE) for name in PROFILES]
        applied.append(begin("strict, known", known_strict, scale, MOST_AT_ONCE))
        applied.append(begin("any number", any_number, max(scale, ANY_SCALE), MOST_AT_ONCE))
    if "schedule" in wanted:
        runs = [begin(f"p = {parallel}", scheduled, parallel, scheduled_scale) for parallel in PARALLEL]
        equal = [begin(f"equal projects, p = {parallel}", equal_projects, parallel) for parallel in (1, 8)]
        more = [begin("all agents", scheduled, MOST_AT_ONCE, scale, HALF)]
    again = [begin("rerun", repeated, {TINY: 2, SMALL: 2})] if "rerun" in wanted else []
    service = [begin("service", served)] if "service" in wanted else []
    figures = [figure for run in applied for figure in applied_figures(run.result())]
    free: list[Any] = [run.result() for run in (*runs, *more, *equal, *again)]
    if runs:
        schedules, (whole, one, eight) = free[: len(runs)], free[len(runs) : len(runs) + 3]
        figures += efficiency_figures(schedules[0], schedules)
        figures += [whole_figure(whole), speed_up_figure(one, eight)]
    if memory:
        many, crowd, few = (run.result() for run in memory)
        figures += memory_figures(few, many, crowd)
    for run in again:
        figures += repeated_figures(run.result())
    for run in service:
        figures += service_figures(run.result())
    return [*figures, *([refusals_figure(free)] if free else [])]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=0.1, help="the share of each project that is migrated (0.1; 1 is all)"
    )
    parser.add_argument("--issues", type=int, default=5_000, help="issues of the large project (5000)")
    parser.add_argument(
        "--crowd", type=int, default=FEW_ISSUES, help=f"issues of each of {CROWD} projects at once (1000)"
    )
    parser.add_argument(
        "--only", action="append", choices=PARTS, help="measure this part alone; may be given more than once"
    )
    parser.add_argument("--quick", action="store_true", help="fewer and shorter scenes with processes")
    parser.add_argument(
        "--jobs", type=int, default=min(2, os.cpu_count() or 1), help="measurements at a time (2)"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
