"""The examples that users copy."""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
from pathlib import Path

from lab import open_lab, project

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


async def test_the_library_example_runs_as_it_stands(project_root: Path, tmp_path: Path) -> None:
    """With other addresses and tokens, and nothing else changed: both are planned, and nothing stays open."""
    text = (project_root / "examples/library.py").read_text(encoding="utf-8")
    both = [project("group/one", 123, issues=[]), project("group/app", 124, issues=[])]
    async with open_lab(tmp_path, both) as lab:
        sandbox = lab.sandbox
        for example, here in {
            "https://gitlab.example.com": sandbox.gitlab_url,
            "https://github.com": sandbox.github_url,
        }.items():
            assert text.count(example) == 1
            text = text.replace(example, here)
        (tmp_path / "example.py").write_text(text, encoding="utf-8")
        tokens = {"GITLAB_TOKEN": sandbox.gitlab_token, "GH_TOKEN": sandbox.github_token}
        running = await asyncio.create_subprocess_exec(
            *(sys.executable, "-W", "always", "example.py"),
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(project_root / "src"), **tokens},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said, trouble = (text.decode() for text in await running.communicate())
        assert lab.writes() == []
    assert (running.returncode, trouble) == (0, "")
    assert said.startswith("success ")
    assert said.splitlines()[1:] == ["123 success ", "group/app success "]
    assert {"one", "app", "batch-result.json"} <= {one.name for one in (tmp_path / "gl2gh-work").iterdir()}
