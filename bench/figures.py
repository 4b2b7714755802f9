"""From measurements to the table: each figure next to its goal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.floor import efficiency
from bench.image import Image
from bench.memory import Peak
from bench.rewrite import Rewritten
from bench.service import LISTENERS, QUEUED, Served
from bench.tasks import Applied, Repeated, Scheduled

# The scenes of bench/rate_file.py that have goals.
SCENES: Final[Mapping[str, str]] = {
    "shared-1": "1 process",
    "shared-4": "4 processes",
    "shared-16": "16 processes",
    "killed": "kill -9 of one of 4 that holds the lock",
    "refused": "403 with Retry-After to one of 4",
    "refused-16": "403 with Retry-After to one of 16",
    "overhead": "16 processes, 15 requests a second",
}
HEADS: Final = ("figure", "measured", "goal", "", "how it came about")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One row: `least` and `most` bound what is good."""

    name: str
    measured: float
    least: float | None = None
    most: float | None = None
    note: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return (self.least is None or self.measured >= self.least) and (
            self.most is None or self.measured <= self.most
        )

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.least is not None and self.most is not None:
            return f"{self.least:g} to {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else f"≤ {self.most:g}"


def rewriting_figures(run: Rewritten) -> list[Figure]:
    """What rewriting a text costs, in the processor's time."""
    return [
        Figure(name="rewriting: seconds for a MiB of prose", measured=run.prose_s, most=1.0),
        Figure(
            name="rewriting: 1 MiB ÷ 100 KiB, the worst of all shapes",
            measured=run.ratio,
            most=12.0,
            note=run.shape,
        ),
    ]


def image_figures(image: Image) -> list[Figure]:
    """What a runner pulls, and how long it then waits."""
    return [
        Figure(
            name="image: compressed size (MB)",
            measured=image.megabytes,
            most=150,
            note=f"all layers, on {image.base}",
        ),
        Figure(
            name="image: start to the end of `--version` (s of processor)",
            measured=image.processor_seconds,
            most=3.0,
            note=f"{image.seconds:.1f} s on the clock of this machine, with its other work",
        ),
    ]


def service_figures(run: Served) -> list[Figure]:
    """What listeners and a queue cost the HTTP service beside a running batch, on a real clock."""
    crowd = f"{LISTENERS} listeners, {QUEUED} batches queued beside a running one"
    return [
        Figure(
            name="service: answer to a start, median (ms)",
            measured=run.median_ms,
            most=100.0,
            note=f"{crowd}; the slowest {run.slowest_ms:.0f} ms",
        ),
        Figure(
            name="service: memory that they add (MB)",
            measured=run.peak_mb - run.before_mb,
            most=64.0,
            note=f"from {run.before_mb:.0f} to {run.peak_mb:.0f} MB at the peak, the batch's own among it",
        ),
        Figure(
            name="service: streams without a gap or a double",
            measured=run.whole_streams,
            least=float(LISTENERS),
            note=f"{run.events} events to each",
        ),
    ]


def applied_figures(run: Applied) -> list[Figure]:
    """What the limits of a profile leave of the floor, and how well the plan foresaw it."""
    counts, predicted, name = run.counts, run.predicted, run.profile
    return [
        Figure(
            name=f"{name}: wall time ÷ floor",
            measured=run.wall_s / run.floor_s,
            most=1.10,
            note=f"{_hours(run.wall_s)} of {_hours(run.floor_s)}; {run.real_s:.0f} s of real time",
        ),
        Figure(
            name=f"{name}: GitHub requests ÷ floor",
            measured=counts.requests / run.floor.requests,
            most=1.05,
            note=f"{counts.requests} of {run.floor.requests}, of {run.projects} projects",
        ),
        Figure(
            name=f"{name}: status polls per import",
            measured=counts.polls / counts.imports,
            most=run.most_polls,
            note=f"{counts.polls} for {counts.imports}",
        ),
        *(
            Figure(
                name=f"{name}: {sort} foreseen ÷ sent",
                measured=foreseen / sent,
                least=0.95,
                most=1.05,
                note=f"{foreseen} and {sent}",
            )
            for sort, foreseen, sent in (
                ("reads", predicted.reads, counts.reads),
                ("writes", predicted.writes, counts.writes),
                ("imports", predicted.imports, counts.imports),
            )
        ),
        Figure(
            name=f"{name}: hours foreseen ÷ taken",
            measured=run.predicted_s / run.wall_s,
            least=0.75,
            most=1.25,
            note=f"{_hours(run.predicted_s)} and {_hours(run.wall_s)}",
        ),
        Figure(
            name=f"{name}: answers 403 and 429",
            measured=run.refusals,
            most=run.may_be_refused,
            note="those under way when the first import is refused" if run.may_be_refused else "",
        ),
    ]


def efficiency_figures(alone: Scheduled, runs: Sequence[Scheduled]) -> list[Figure]:
    """The share of the best makespan; what a project takes is measured where it ran alone."""
    return [
        Figure(
            name=f"orchestrator efficiency, p = {run.parallel}",
            measured=efficiency(alone.project_s, run.wall_s, run.parallel),
            least=0.95,
            note=f"{_hours(run.wall_s)} for {len(run.project_s)} projects",
        )
        for run in runs
    ]


def whole_figure(run: Scheduled) -> Figure:
    """All agents, from survey to verification, against the floor of the writes: reading could hide behind."""
    return Figure(
        name=f"limits off, all agents, p = {run.parallel}: wall time ÷ floor",
        measured=run.wall_s / run.floor_s,
        most=1.10,
        note=f"{_hours(run.wall_s)} of {_hours(run.floor_s)}",
    )


def speed_up_figure(one: Scheduled, eight: Scheduled) -> Figure:
    """Eight at once against one by one."""
    return Figure(
        name="speed-up, p = 8 over p = 1",
        measured=one.wall_s / eight.wall_s,
        least=7.2,
        note=f"{one.wall_s:.0f} s and {eight.wall_s:.0f} s",
    )


def memory_figures(few: Peak, many: Peak, crowd: Peak) -> list[Figure]:
    """Whether memory grows with the number of issues, and what many projects at once take."""
    return [
        Figure(
            name=f"peak memory: {many.issues} issues ÷ {few.issues}",
            measured=many.peak_mb / few.peak_mb,
            most=1.10,
            note=f"{many.peak_mb:.0f} MB and {few.peak_mb:.0f} MB",
        ),
        Figure(
            name=f"peak memory: {crowd.projects} projects of {crowd.issues} issues (MB)",
            measured=crowd.peak_mb,
            most=150,
        ),
    ]


def repeated_figures(run: Repeated) -> list[Figure]:
    """What a finished project costs when it is run again."""
    return [
        Figure(name="rerun of a finished project: GitHub requests", measured=run.most_requests, most=5),
        Figure(name="rerun of a finished project: writes", measured=run.writes, most=0),
    ]


def shared_figures(scenes: Mapping[str, Mapping[str, float]]) -> list[Figure]:
    """Processes on one rate-limit file, in real time: the scenes of bench/rate_file.py by name."""
    figures = []
    for name, seen in scenes.items():
        what = f"one rate-limit file, {SCENES[name]}"
        if "use" in seen:
            figures.append(Figure(name=f"{what}: use of the budget", measured=seen["use"], least=0.95))
        if "violations" in seen:
            figures.append(Figure(name=f"{what}: violations", measured=seen["violations"], most=0))
        fairness = seen.get("fairness", seen.get("fairness of the others"))
        if fairness is not None and name != "shared-1":
            figures.append(Figure(name=f"{what}: slowest ÷ fastest process", measured=fairness, least=0.80))
        if "full rate after s" in seen:
            figures += [
                Figure(
                    name=f"{what}: seconds until the full rate",
                    measured=seen["full rate after s"],
                    most=seen["goal s"],
                    note="Retry-After and 2 s",
                ),
                Figure(
                    name=f"{what}: sent into the closed window",
                    measured=seen["sent after it was told"],
                    most=seen["in flight then"],
                    note="those in flight",
                ),
            ]
        if "p99 ms" in seen:
            figures.append(
                Figure(
                    name=f"{what}: asking, 99th percentile (ms)",
                    measured=seen["p99 ms"],
                    most=10,
                    note=f"half of them in {seen['p50 ms']:.1f} ms; {seen['requests']:.0f} requests",
                )
            )
    return figures


def refusals_figure(runs: Sequence[Scheduled | Repeated]) -> Figure:
    """Refusals of all runs without limits."""
    return Figure(name="limits off: answers 403 and 429", measured=sum(run.refusals for run in runs), most=0)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [
        (
            one.name,
            f"{one.measured:.3g}" if one.measured < 100 else f"{one.measured:.0f}",
            one.goal,
            "met" if one.is_met else "MISSED",
            one.note,
        )
        for one in figures
    ]
    widths = [max(len(row[column]) for row in (HEADS, *rows)) for column in range(len(HEADS))]
    lines = [HEADS, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.2f} h"
