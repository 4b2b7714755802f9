"""The rules that tools/tree.py holds, and that it would notice a breach."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def tree(tool: Callable[[str], ModuleType]) -> ModuleType:
    """tools/tree.py."""
    return tool("tree")


def test_our_tree_keeps_the_rules(project_root: Path) -> None:
    """No file over 500 lines, no circle of imports, no address of a registry, no path of a machine."""
    ended = subprocess.run(
        [sys.executable, project_root / "tools/tree.py"], capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.returncode) == ("", 0)


def test_a_long_file_is_noticed(tree: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """501 lines are too many, 500 are not."""
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    long, short = tmp_path / "long.py", tmp_path / "short.py"
    long.write_text("\n" * 501)
    short.write_text("\n" * 500)
    assert [line.partition(":")[0] for line in tree.too_long([long, short])] == ["long.py"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("index: https://pypi" + ".org/simple", 1),
        ("see /ro" + "ot/.cache", 1),
        ("cd /ho" + "me/ada/src", 1),
        ("HOME is /github/home, or /home/runner/work", 0),
        ("src/root/x and ${dir}/root/x", 0),
    ],
)
def test_a_foreign_word_is_noticed(
    tree: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    """Registries' addresses and paths of somebody's machine are found; what only looks like one is not."""
    monkeypatch.setattr(tree, "ROOT", tmp_path)
    path = tmp_path / "x.md"
    path.write_text(text)
    assert len(list(tree.foreign_words([path]))) == expected


def test_a_circle_is_noticed(tree: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two modules that import each other are a circle, also when one does so inside a function."""
    package = tmp_path / "roundabout"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "a.py").write_text("from roundabout import b\n")
    (package / "b.py").write_text("def late():\n    import roundabout.a\n")
    monkeypatch.syspath_prepend(tmp_path)
    [found] = tree.circles("roundabout")
    assert "roundabout.a" in found
    assert "roundabout.b" in found
