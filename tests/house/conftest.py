"""Fixtures for the tests of the house around the code."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="session")
def tool(project_root: Path) -> Callable[[str], ModuleType]:
    """Loads one of the scripts in tools/ as a module."""

    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"tool_{name}", project_root / "tools" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture(scope="session")
def action(project_root: Path) -> dict[str, Any]:
    """What action.yml says."""
    return yaml.safe_load((project_root / "action.yml").read_text())
