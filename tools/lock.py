"""Pin everything anew.

`requirements/*.txt` from pyproject.toml, `tools/package-lock.json` from tools/package.json. The files hold
hashes and no address of a registry, so they work with any mirror. `--check` changes nothing and says which
file was made from another pyproject.toml.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
UV: Final = "uv==0.13.9"
OLDEST_PYTHON: Final = "3.11"

# file → (with the program's own dependencies, dependency groups)
FILES: Final[dict[str, tuple[bool, tuple[str, ...]]]] = {
    "runtime": (True, ()),
    "build": (False, ("build",)),
    "dev": (True, ("build", "dev")),
    "node": (False, ("node",)),
    "docs": (False, ("docs",)),
}


def wanted(pyproject: dict[str, Any], name: str) -> list[str]:
    """The requirements that pyproject.toml states for one file, sorted."""
    with_own, groups = FILES[name]
    own = pyproject["project"]["dependencies"] if with_own else []
    return sorted([*own, *(line for group in groups for line in pyproject["dependency-groups"][group])])


def digest(requirements: list[str]) -> str:
    """What ties a file to the requirements it was made from."""
    return hashlib.sha256("\n".join(requirements).encode()).hexdigest()


def header(name: str, requirements: list[str]) -> str:
    """The first lines of a requirements file."""
    made = f"# {name}: made by tools/lock.py from pyproject.toml; do not edit."
    return f"{made}\n# inputs: {digest(requirements)}\n"


def lock_python(name: str, requirements: list[str], uv: Path) -> None:
    """Write requirements/<name>.txt; what runtime.txt pins, the others pin alike."""
    folder = ROOT / "requirements"
    constraint = [] if name == "runtime" else ["--constraint", "requirements/runtime.txt"]
    compiled = subprocess.run(
        [
            uv, "pip", "compile", "-", "--universal", "--python-version", OLDEST_PYTHON, "--generate-hashes",
            "--upgrade", "--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links",
            "--quiet",
            *constraint,
        ],
        input="\n".join(requirements), capture_output=True, text=True, check=True, cwd=ROOT,
    ).stdout  # fmt: skip
    folder.joinpath(f"{name}.txt").write_text(header(name, requirements) + compiled)


def lock_node() -> None:
    """Write tools/package-lock.json without the addresses that npm would put in."""
    subprocess.run(
        [
            "npm", "install", "--prefix", "tools", "--package-lock-only", "--omit-lockfile-registry-resolved",
            "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error",
        ],
        check=True, cwd=ROOT,
    )  # fmt: skip
    lock = ROOT / "tools/package-lock.json"
    if any("resolved" in entry for entry in json.loads(lock.read_text())["packages"].values()):
        raise SystemExit(
            "tools/package-lock.json names registry addresses: this npm is too old (8.8 or newer)"
        )


def stale(pyproject: dict[str, Any]) -> list[str]:
    """The requirements files that were made from something else."""
    found = []
    for name in FILES:
        path = ROOT / "requirements" / f"{name}.txt"
        expected = header(name, wanted(pyproject, name))
        if not path.exists() or not path.read_text().startswith(expected):
            found.append(str(path.relative_to(ROOT)))
    return found


def main() -> int:
    """Lock, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say what is stale")
    parser.add_argument("names", nargs="*", choices=[*FILES, []], help="only these files of requirements/")
    arguments = parser.parse_args()
    check: bool = arguments.check
    names: list[str] = arguments.names
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    if check:
        for path in (found := stale(pyproject)):
            print(f"{path} was made from another pyproject.toml: run make lock")
        return 1 if found else 0
    home = ROOT / ".tools/lock"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    subprocess.run([home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", UV], check=True)
    for name in names or FILES:
        lock_python(name, wanted(pyproject, name), home / "bin/uv")
    if not names:
        lock_node()
    return 0


if __name__ == "__main__":
    sys.exit(main())
