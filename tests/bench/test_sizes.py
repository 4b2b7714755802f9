"""What the README recommends for three sizes of batches follows from the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.batch import HUNDRED, mix
from bench.sizes import ORGANISATIONS, WEEKEND_H, WORTH, batch_hours, price_of, recommended, sizes_table


@pytest.mark.parametrize("name", ORGANISATIONS)
def test_the_recommendation_is_enough_and_no_more(name: str) -> None:
    """A weekend either way of counting imports; a credential or a project at once less would be too few."""
    row = recommended(name)
    counts, times = ORGANISATIONS[name]
    prices = [price_of(size) for size in mix(counts)] * times
    assert row.hours <= row.strict_hours <= WEEKEND_H
    assert row.hours <= batch_hours(prices, 20, row.credentials).hours * WORTH
    if row.credentials > 1:
        fewer = batch_hours(prices, 20, row.credentials - 1)
        assert fewer.hours_if_imports_are_content > WEEKEND_H
    if row.parallel > 1:
        narrower = batch_hours(prices, row.parallel - 1, row.credentials)
        assert narrower.hours > batch_hours(prices, 20, row.credentials).hours * WORTH


def test_the_medium_one_is_the_benchmark_batch() -> None:
    """`make bench` holds its hours next to measurements; they are the least that the limits allow."""
    row = recommended("medium")
    assert (row.projects, row.issues) == (100, 21_680)
    assert row.issues == sum(size.issues for size in mix(HUNDRED))
    assert row.hours == row.requests // 5000
    assert row.strict_hours == row.issues // 500


def test_the_readme_has_the_table(project_root: Path) -> None:
    """As it is computed now."""
    assert sizes_table() in (project_root / "README.md").read_text()
