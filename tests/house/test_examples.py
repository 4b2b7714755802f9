"""The examples that users copy."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

from gl2gh_batch.interfaces.wiring import wire


def test_the_batch_file_is_understood(project_root: Path) -> None:
    """The example batch file is a valid batch, with its users' map, and says what the comments say."""
    batch = wire(
        {"config": "batch.yml", "gitlab_token": "one", "github_token": "two"}, base=project_root / "examples"
    )
    assert [one["project_id"] for one in batch.configs] == [123, "group/app"]
    assert [one["path"] for one in batch.groups] == ["group/platform"]
    assert batch.parallel_limit == 5


def test_the_users_map_has_the_documented_columns(project_root: Path) -> None:
    """The example map of users has the three columns, and one login empty: somebody without an account."""
    with (project_root / "examples/users.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["gitlab_username", "gitlab_email", "github_login"]
    assert [row["github_login"] for row in rows].count("") == 1


def test_the_library_example_finds_what_it_imports(project_root: Path) -> None:
    """The library example can be imported where the package is, and does nothing until it is run."""
    ended = subprocess.run(
        [sys.executable, "-c", "import runpy; runpy.run_path('examples/library.py')"],
        cwd=project_root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
