"""tools/setup on machines that lack something."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ALWAYS = ("bash", "cp", "dirname", "env", "mkdir", "sed", "tail")


@pytest.fixture
def machine(tmp_path: Path, project_root: Path) -> Path:
    """A folder with tools/setup in it, and bin/ with hardly any program."""
    (tmp_path / "tools").mkdir()
    shutil.copy(project_root / "tools/setup", tmp_path / "tools/setup")
    (tmp_path / "bin").mkdir()
    for name in ALWAYS:
        give(tmp_path, name)
    return tmp_path


def give(machine: Path, name: str) -> None:
    """Let that machine have one of our programs."""
    found = shutil.which(name)
    assert found
    (machine / "bin" / name).symlink_to(found)


def script(machine: Path, name: str, text: str) -> None:
    """Let that machine have a program of that name that does as the shell script says."""
    path = machine / "bin" / name
    path.write_text(f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)


def set_up(machine: Path, part: str) -> str:
    """What tools/setup says as it fails."""
    ended = subprocess.run(
        ["bash", machine / "tools/setup", part],
        env={"PATH": str(machine / "bin")}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    return ended.stderr


def test_no_git(machine: Path) -> None:
    """Without git, one line says so and how to get it."""
    [line] = set_up(machine, "runtime").splitlines()
    assert line == "setup: git is missing (Debian, Ubuntu: apt-get install git)"


def test_no_http_backend(machine: Path) -> None:
    """With a git that cannot serve over HTTP, one line names the package that can."""
    script(machine, "git", f"echo {machine}")
    [line] = set_up(machine, "runtime").splitlines()
    assert "git http-backend is missing" in line


def test_old_python(machine: Path) -> None:
    """With no Python that is new enough, one line says what is needed and what was looked at."""
    give(machine, "git")
    script(machine, "python3", "exit 1")
    [line] = set_up(machine, "runtime").splitlines()
    assert "Python 3.11 or newer is missing (looked at: python3)" in line


def test_python_without_venv(machine: Path) -> None:
    """With a Python that lacks venv, one line names Debian's package."""
    give(machine, "git")
    script(machine, "python3", '[[ "$2" != *ensurepip* ]]')
    [line] = set_up(machine, "dev").splitlines()
    assert line == "setup: python3 has no venv (Debian, Ubuntu: apt-get install python3-venv)"


def test_no_package_index(machine: Path) -> None:
    """When packages cannot be had, what pip said comes first and the last line says what to look at."""
    give(machine, "git")
    (machine / ".venv/bin").mkdir(parents=True)
    script(
        machine,
        "../.venv/bin/python",
        'if [ "$1" = -c ]; then exit 0; fi; echo "no route to host" >&2; exit 1',
    )
    *before, last = set_up(machine, "runtime").splitlines()
    assert "no route to host" in before[-1]
    assert "is the package index within reach?" in last
