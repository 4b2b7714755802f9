"""Hold the tree to the house rules that no other tool knows.

No source file over 500 lines, no circle of imports, and no address of a package registry or path of
somebody's machine in any file that is, or would be, committed.
"""

from __future__ import annotations

import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import grimp

ROOT: Final = Path(__file__).resolve().parent.parent
MAX_LINES: Final = 500
SOURCE_SUFFIXES: Final = frozenset({".py", ".mjs", ".js", ".sh", ".yml", ".html", ".css"})
FOREIGN: Final = {
    "the address of a package registry": re.compile(
        rb"pypi\.org|pythonhosted\.org|registry\.npmjs\.org|registry\.yarnpkg\.com|deb\.debian\.org"
    ),
    "a path of somebody's machine": re.compile(
        rb"(?<![\w.$}/-])/(?:root|Users|home/(?!runner\b)\w+|work/\w+)/"
    ),
}


def committed(root: Path) -> list[Path]:
    """The files that are, or would be, committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=True,
    ).stdout  # fmt: skip
    paths = {root / name.decode() for name in listed.split(b"\0") if name}
    return sorted(path for path in paths if path.is_file())


def too_long(paths: list[Path]) -> Iterator[str]:
    """Source files over the limit."""
    for path in paths:
        if path.suffix not in SOURCE_SUFFIXES:
            continue
        lines = path.read_bytes().count(b"\n")
        if lines > MAX_LINES:
            yield f"{path.relative_to(ROOT)}: {lines} lines; more than {MAX_LINES} is two things in one file"


def foreign_words(paths: list[Path]) -> Iterator[str]:
    """Lines that would not be true on another machine."""
    for path in paths:
        for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
            for what, pattern in FOREIGN.items():
                if pattern.search(line):
                    yield f"{path.relative_to(ROOT)}:{number}: holds {what}"


def circles(package: str) -> Iterator[str]:
    """Circles of imports; those inside functions and those for types alone count too."""
    graph = grimp.build_graph(package, cache_dir=None)
    needs = {module: set(graph.find_modules_directly_imported_by(module)) for module in graph.modules}
    while True:
        try:
            graphlib.TopologicalSorter(needs).prepare()
        except graphlib.CycleError as error:
            circle: list[str] = list(reversed(error.args[1]))
            yield "circle of imports: " + " → ".join(circle)
            needs[circle[0]].remove(circle[1])  # cut, to find the next one
        else:
            return


def main() -> int:
    """Say what breaks a rule; 1 if anything does."""
    paths = committed(ROOT)
    found = [*too_long(paths), *foreign_words(paths), *circles("gl2gh_batch")]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
