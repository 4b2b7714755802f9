"""The figures of `make bench` at a reduced size: ratios on a clock that jumps, the same on every machine."""

from __future__ import annotations

import pytest
from bench.batch import HUGE, LARGE, MEDIUM, SMALL, TINY, Size
from bench.figures import (
    Figure,
    applied_figures,
    efficiency_figures,
    memory_figures,
    refusals_figure,
    repeated_figures,
    shared_figures,
    speed_up_figure,
    table,
)
from bench.memory import peak_memory
from bench.tasks import any_number, equal_projects, planned_and_applied, repeated, scheduled

SCALE = 0.02
FEW = {TINY: 6, SMALL: 5, MEDIUM: 4, LARGE: 3, HUGE: 1}
# github.com's limits at a fiftieth, in shorter windows: they bind here as those do on the whole batch.
NARROW = {
    "primary": (200, 144.0),
    "points": (90, 6.0),
    "content_minute": (8, 6.0),
    "content_hour": (50, 360.0),
}


def _missed(*figures: Figure) -> list[str]:
    return [
        f"{one.name}: {one.measured:.3f}, goal {one.goal} ({one.note})" for one in figures if not one.is_met
    ]


@pytest.mark.slow
def test_the_schedule_is_nearly_the_best_at_every_width() -> None:
    """Projects side by side end when the longest, or their share of the sum, would: within one in twenty."""
    alone, *others = [scheduled(parallel, SCALE, FEW) for parallel in (1, 4, 8)]
    assert not _missed(*efficiency_figures(alone, [alone, *others]), refusals_figure([alone, *others]))


@pytest.mark.slow
def test_eight_at_once_are_nearly_eight_times_as_fast() -> None:
    """Where only latency binds, equal projects go on side by side without hindering each other."""
    size = Size(name="equal", issues=10, notes=2, has_history=False)
    one, eight = (equal_projects(parallel, 32, size) for parallel in (1, 8))
    assert not _missed(speed_up_figure(one, eight), refusals_figure([one, eight]))


def test_limits_are_used_to_the_full_never_broken_and_foreseen() -> None:
    """Requests, wall time and the plan's forecast are near the floor while limits bind, without a refusal."""
    size = Size(name="some", issues=150, notes=3, labels=3)
    run = planned_and_applied("github.com", 1.0, 2, {size: 2}, NARROW)
    assert run.floor_s > max(run.floor.chains_s)  # it is the limits that bind
    assert not _missed(*applied_figures(run))


def test_without_promised_numbers_one_look_tells_of_a_hundred() -> None:
    """Jobs side by side: next to no status polls, few requests above the floor, and foreseen."""
    run = any_number(1.0, 2, {Size(name="some", issues=150, notes=2, labels=20, milestones=5): 2})
    assert not _missed(*applied_figures(run))


@pytest.mark.parametrize("known", [False, True])
def test_imports_that_count_as_content_are_paced_and_foreseen_so(known: bool) -> None:
    """Learnt by a refusal of those under way, or known: pace and price are near the floor."""
    size = Size(name="some", issues=150, notes=3, labels=3)
    run = planned_and_applied("github.com-strict", 1.0, 2, {size: 2}, NARROW, known=known)
    assert run.floor_s > max(run.floor.chains_s)
    assert not _missed(*applied_figures(run))


def test_a_finished_project_costs_next_to_nothing_again() -> None:
    """The second run of a project reads a little and writes nothing."""
    assert not _missed(*repeated_figures(repeated({TINY: 1, SMALL: 1})))


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_issues() -> None:
    """Six times as many issues take nearly the same memory."""
    few, many = peak_memory(1, 100), peak_memory(1, 600)
    growth, _ = memory_figures(few, many, few)
    assert not _missed(growth)


def test_the_scenes_of_the_rate_limit_file_have_goals() -> None:
    """Each scene becomes rows with its own goals; what breaks one is told."""
    good = {
        "shared-4": {"use": 0.98, "violations": 0, "fairness": 0.9},
        "killed": {"use": 0.98, "violations": 0, "killed": 1, "fairness of the others": 0.9},
        "refused": {
            "sent after it was told": 1,
            "in flight then": 2,
            "full rate after s": 3.1,
            "goal s": 5.0,
            "violations": 0,
        },
        "overhead": {"requests": 160, "p50 ms": 1.0, "p99 ms": 6.0, "most ms": 8.0},
    }
    assert not _missed(*shared_figures(good))
    bad = {
        "shared-4": {"use": 0.90, "violations": 1, "fairness": 0.5},
        "refused": {**good["refused"], "sent after it was told": 3, "full rate after s": 9.0},
        "overhead": {**good["overhead"], "p99 ms": 60.0},
    }
    assert len(_missed(*shared_figures(bad))) == 6


def test_the_table_says_which_goal_is_missed() -> None:
    """Each figure is a row with its goal, and whether it is reached."""
    rows = table(
        [
            Figure(name="one", measured=0.5, least=0.95),
            Figure(name="two", measured=1.0, least=0.95, most=1.05),
            Figure(name="three", measured=7, most=5),
        ]
    ).splitlines()
    assert [row.split(" | ")[3].strip() for row in rows[2:]] == ["MISSED", "met", "MISSED"]
    assert len({len(row) for row in rows}) == 1
