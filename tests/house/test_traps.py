"""The table of traps names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROW = re.compile(r"^\| (T[0-9]+) .*\| `(tests/[\w/]+\.py)::(test_\w+)` \|$", re.MULTILINE)
# The traps of the reference that concern issues, their labels and their numbers; those of merge requests.
NEEDED = {
    "issues.md": {"T1", "T2", "T3", "T8", "T9", "T10", "T11", "T12", "T20", "T22", "T23", "T36"},
    "merge-requests.md": {"T5", "T13", "T14", "T15", "T16", "T17", "T18", "T19", "T29", "T34", "T35"},
}


@pytest.mark.parametrize("page", NEEDED)
def test_each_trap_of_the_page_has_a_test(project_root: Path, page: str) -> None:
    """Every row names a test that is there, and no trap that concerns the page is missing."""
    rows = ROW.findall((project_root / "docs" / page).read_text())
    assert {trap for trap, _, _ in rows} >= NEEDED[page]
    for trap, path, name in rows:
        source = (project_root / path).read_text()
        assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), f"{trap}: {path}::{name}"
