"""The floor is arithmetic that can be done by hand."""

from __future__ import annotations

import pytest
from bench.batch import HUNDRED, Size, mix
from bench.bed import Latency
from bench.floor import Floor, best_makespan_s, efficiency, floor_of

QUICK = Latency(read_s=1, write_s=2, job_s=4)


def _floor(**counts: int) -> Floor:
    return Floor(
        reads=counts.get("reads", 0),
        writes=counts.get("writes", 0),
        imports=counts.get("imports", 0),
        chains_s=(1.0,),
    )


def test_the_batch_has_the_hundred_projects_of_the_model() -> None:
    """Forty tiny to two huge projects, 21,680 issues in all."""
    sizes = mix()
    assert (len(sizes), sum(size.issues for size in sizes)) == (100, 21_680)
    assert sum(HUNDRED.values()) == 100


def test_a_project_costs_each_thing_once_and_its_chain_one_after_the_other() -> None:
    """An import and a look for each issue, a write for each label, pages of a hundred to read back."""
    floor = floor_of([Size(name="one", issues=150, notes=3, labels=4, milestones=1)], QUICK)
    # four looks at the repository; 2 pages of issues, 5 of comments, 1 of labels, 1 of milestones
    assert (floor.reads, floor.writes, floor.imports) == (150 + 4 + 9, 5 + 4 + 1, 150)
    assert floor.chains_s == (150 * (2 + 4 + 1) + 10 * 2 + 13 * 1,)


def test_the_makespan_is_bound_by_the_sum_and_by_the_longest() -> None:
    """Workers share the work evenly at best, and nobody shares one project."""
    assert best_makespan_s([4, 4, 4], 3) == 4
    assert best_makespan_s([1, 1, 10], 3) == 10
    assert efficiency({"a": 5.0, "b": 5.0}, 10.0, 2) == pytest.approx(0.5)


def test_hours_pass_for_each_full_window_and_minutes_in_the_last() -> None:
    """Twelve thousand requests are two full hours of 5000, and 2000 reads more at 900 a minute."""
    limits = {"primary": (5000, 3600.0), "points": (900, 60.0)}
    assert _floor(reads=12_000).wall_s(limits, 1) == 2 * 3600 + 2 * 60
    assert _floor(reads=5000).wall_s({"primary": (5000, 3600.0)}, 1) == 1.0


def test_imports_are_content_only_where_they_count_as_such() -> None:
    """1100 contents are two full hours of 500, and 100 more at 80 a minute."""
    limits = {"content_hour": (500, 3600.0), "content_minute": (80, 60.0)}
    floor = _floor(imports=1100)
    assert floor.wall_s(limits, 1, imports_are_content=True) == 2 * 3600 + 60
    assert floor.wall_s(limits, 1) == 1.0
