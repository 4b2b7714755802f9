"""The pinned requirements and node programs."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

NAMES = ("runtime", "build", "dev", "node", "docs")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ \\]+)(?P<rest>[^\\\n]*)\\$", re.MULTILINE)


def pins(text: str) -> dict[str, str]:
    """Version by canonical name."""
    return {canonicalize_name(one["name"]): one["version"] for one in PIN.finditer(text)}


@pytest.fixture(scope="module")
def pyproject(project_root: Path) -> dict[str, Any]:
    """What pyproject.toml says."""
    return tomllib.loads((project_root / "pyproject.toml").read_text())


@pytest.fixture(params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    """Each requirements file in turn."""
    return request.param


@pytest.fixture
def pinned(project_root: Path, name: str) -> str:
    """The text of that file."""
    return (project_root / "requirements" / f"{name}.txt").read_text()


def test_pins_are_what_pyproject_asks_for(
    tool: Callable[[str], ModuleType], pyproject: dict[str, Any], name: str, pinned: str
) -> None:
    """Each file was made from today's pyproject.toml, and pins everything it names within its bounds."""
    lock = tool("lock")
    wanted = lock.wanted(pyproject, name)
    assert pinned.startswith(lock.header(name, wanted))
    versions = pins(pinned)
    for line in wanted:
        requirement = Requirement(line)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), line


def test_files_are_hashed_and_name_no_address(pinned: str) -> None:
    """Every pin carries SHA-256 hashes, and no line is an option or an address."""
    lines = [line.strip(" \\") for line in pinned.splitlines() if line.strip() and not line.startswith("#")]
    for line, following in zip(lines, [*lines[1:], "end"], strict=True):
        assert "://" not in line
        if "==" in line:
            assert following.startswith("--hash=sha256:"), line
        else:
            assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", line), line


def test_what_ships_is_what_was_tested(project_root: Path) -> None:
    """The tests run with the very versions that the program is shipped with."""
    folder = project_root / "requirements"
    dev = pins((folder / "dev.txt").read_text())
    for file in ("runtime", "build"):
        for name, version in pins((folder / f"{file}.txt").read_text()).items():
            assert dev[name] == version


def test_the_build_backend_is_pinned(pyproject: dict[str, Any]) -> None:
    """Everything that the build asks for is in the build group, since it is built without isolation."""
    group = {canonicalize_name(Requirement(line).name) for line in pyproject["dependency-groups"]["build"]}
    assert {
        canonicalize_name(Requirement(line).name) for line in pyproject["build-system"]["requires"]
    } <= group


def test_node_programs_are_pinned_without_addresses(project_root: Path) -> None:
    """Exact versions, the same in the lock, integrity for all of it, and no address of a registry."""
    wanted = json.loads((project_root / "tools/package.json").read_text())["dependencies"]
    packages = json.loads((project_root / "tools/package-lock.json").read_text())["packages"]
    assert packages.pop("")["dependencies"] == wanted
    for name, version in wanted.items():
        assert packages[f"node_modules/{name}"]["version"] == version
    for about in packages.values():
        assert about["integrity"].startswith("sha512-")
        assert "resolved" not in about
