"""What differs between two commits, in the shape of GitLab's API (entity Diff)."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.history import run_git

# A patch that is larger is not shown (docs: administration/diff_limits, "diff max patch bytes").
MAX_PATCH_BYTES: Final = 200 * 1024
_OPTIONS: Final = ("--no-ext-diff", "--no-textconv", "--no-color", "--no-abbrev", "-M")


def diffs_between(path: Path, base: str | None, head: str | None) -> list[dict[str, Any]]:
    """The changed files of a bare repository between two commits; none where one of them is not there."""
    if not base or not head:
        return []
    try:
        raw = run_git(path, "diff", "--raw", "-z", *_OPTIONS, base, head, "--")
        patch = run_git(path, "diff", "--patch", *_OPTIONS, base, head, "--").decode(errors="replace")
    except subprocess.CalledProcessError:
        return []
    bodies = iter(re.split(r"^diff --git .*\n", patch, flags=re.MULTILINE)[1:])
    words, rows = iter(raw.decode(errors="replace").split("\0")), []
    for facts in words:
        if not facts:
            break
        old_mode, new_mode, _, _, status = facts.removeprefix(":").split()
        old_path = new_path = next(words)
        if status[0] in "RC":
            new_path = next(words)
        rows.append(_row((old_path, new_path), (old_mode, new_mode), status, next(bodies)))
    return rows


def _row(paths: tuple[str, str], modes: tuple[str, str], status: str, body: str) -> dict[str, Any]:
    start = re.search(r"^@@ ", body, flags=re.MULTILINE)
    text = "" if start is None else body[start.start() :]
    is_large = len(text.encode()) > MAX_PATCH_BYTES
    return {
        "diff": "" if is_large else text,
        "collapsed": False,
        "too_large": is_large,
        "new_path": paths[1],
        "old_path": paths[0],
        "a_mode": modes[0].zfill(6) if modes[0] != "000000" else "0",
        "b_mode": modes[1].zfill(6) if modes[1] != "000000" else "0",
        "new_file": status == "A",
        "renamed_file": status[0] == "R",
        "deleted_file": status == "D",
        "generated_file": False,
    }
