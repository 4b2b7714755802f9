"""The job summary says what became of every project, whatever the projects are called."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyromark
import pytest
from page_shape import OPTIONS, shape

from gl2gh_batch.output.plan_view import plan_markdown
from gl2gh_batch.output.summary import LIMIT_BYTES, failure_summary, job_summary


@pytest.mark.parametrize("page", [job_summary, plan_markdown])
def test_hostile_texts_do_not_change_the_page(
    page: Callable[[dict[str, Any]], str], friendly: dict[str, Any], hostile: dict[str, Any]
) -> None:
    """The page has the same structure with hostile texts as with friendly ones, and nothing live in it."""
    assert shape(page(hostile)) == shape(page(friendly))
    html = pyromark.html(page(hostile), options=OPTIONS)
    assert not re.search(r"<(?!/?(?:p|h[23]|table|thead|tbody|tr|t[hd]|code|b|br|ul|li)\b)", html)
    assert not re.search(r"(?:^|\W)@\w", html, re.ASCII)
    assert "\u202e" not in html


def test_every_project_has_a_row_and_failures_come_first(friendly: dict[str, Any]) -> None:
    """Outcome, a row for each project, the error with its remedy, findings, and how to resume."""
    friendly["results"][0]["source"] = "group/good"
    text = job_summary(friendly)
    rows = [line for line in text.splitlines() if line.startswith("| <code>")]
    assert [row for row in rows if "success" in row] == [rows[3]]
    assert "⚠️ Some projects did not succeed" in text
    assert "4 projects: 1 succeeded, 1 failed, 1 incomplete, 1 not started" in text
    assert "git&#45;failed" in text
    assert "### How to resume" in text
    assert "3,702 requests, about 45 min for one token" in text
    assert text.index("### Findings") < text.index("### How to resume")


def test_a_success_needs_no_advice(all_good: dict[str, Any]) -> None:
    """When all went well there is nothing to resume."""
    assert "How to resume" not in job_summary(all_good)
    assert "All projects succeeded" in job_summary(all_good)


def test_an_empty_batch_has_a_page() -> None:
    """No projects is nothing to do, and no empty table."""
    text = job_summary({"status": "success", "results": [], "total_projects": 0})
    assert "nothing to do" in text
    assert "|---" not in text


def test_a_thousand_projects_fit(thousand: dict[str, Any]) -> None:
    """The page stays below its limit, is cut at the end of a row, and says how much is missing."""
    text = job_summary(thousand)
    assert len(text.encode()) <= LIMIT_BYTES
    assert "How to resume" in text
    small = job_summary(thousand, limit=50_000)
    assert len(small.encode()) <= 50_000
    rows = [line for line in small.splitlines() if line.startswith("| <code>")]
    assert 0 < len(rows) < 1000
    assert all(row.endswith(" |") for row in rows)
    assert f"and {1000 - len(rows)} more" in small


def test_a_run_without_a_batch_has_a_page() -> None:
    """A failure before the batch is told with its remedy, in harmless words."""
    text = failure_summary("config-invalid", "mode: <b>x</b> | `y`", "Use one.")
    assert "Nothing was migrated" in text
    assert "<b>x" not in text
    assert "What to do: Use one" in text
