"""The table of traps names tests that there are."""

from __future__ import annotations

import re
from pathlib import Path

ROW = re.compile(r"^\| (T[0-9]+) .*\| `(tests/[\w/]+\.py)::(test_\w+)` \|$", re.MULTILINE)
# The traps of the reference that concern issues, their labels and their numbers.
NEEDED = {"T1", "T2", "T3", "T8", "T9", "T10", "T11", "T12", "T20", "T22", "T23", "T36"}


def test_each_trap_of_issues_has_a_test(project_root: Path) -> None:
    """Every row names a test that is there, and no trap that concerns issues is missing."""
    rows = ROW.findall((project_root / "docs" / "issues.md").read_text())
    assert {trap for trap, _, _ in rows} >= NEEDED
    for trap, path, name in rows:
        source = (project_root / path).read_text()
        assert re.search(rf"^(?:async )?def {name}\(", source, re.MULTILINE), f"{trap}: {path}::{name}"
