"""What jobs that run side by side cost in looks."""

from __future__ import annotations

import pytest

from gl2gh_batch.domain.plan import Call, Completion, Pace
from gl2gh_batch.domain.pricing import Tally, looks_at_lists


@pytest.mark.parametrize("jobs", [100, 240, 1000, 5000, 20_000])
def test_a_list_tells_of_a_hundred(jobs: int) -> None:
    """From a hundred jobs on there is at most one look for twenty of them, and never fewer than the pages."""
    assert jobs / 100 <= looks_at_lists(jobs) <= 0.05 * jobs


def test_without_jobs_nothing_is_looked_at() -> None:
    """No job, no look; a few jobs take one or two."""
    assert looks_at_lists(0) == 0
    assert 1 <= looks_at_lists(3) <= 2


def test_side_by_side_costs_half_the_requests() -> None:
    """An import that nothing waits for has no look of its own, and takes the time of its request alone."""
    beside, alone = Tally(), Tally()
    for number in range(1000):
        call = Call(
            id=f"issues/{number}",
            kind="issues",
            method="POST",
            path="/repos/acme/app/import/issues",
            pace=Pace.IMPORT,
            completion=Completion.IMPORT_JOB,
            any_number=True,
            keep=("number",),
        )
        beside.add(call)
        alone.add(Call(**{name: getattr(call, name) for name in call.__slots__} | {"any_number": False}))
    assert beside.price({}).requests < 0.55 * alone.price({}).requests
    assert beside.chain_s() < alone.chain_s() / 3
