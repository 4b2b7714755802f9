"""What process 1 of the Action's container has to do before anything else.

It starts as root, as GitHub requires, and goes on as the user to whom the workspace belongs.

Whatever comes from GitLab is then read, unpacked and given to git without root's rights, and what is left in
the workspace can be read, uploaded and removed by later steps. Source: GitHub's page "Dockerfile support for
GitHub Actions" (USER, WORKDIR).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gl2gh_batch.interfaces.inputs import BY_NAME

# Git, python-gitlab and PyGithub look for a home; the runner gives one that belongs to its user.
HOMELESS: Final = "/nonexistent"


def become_owner(environment: Mapping[str, str]) -> None:
    """Give root's rights up for those of the workspace's owner, for good.

    Nothing happens where we are not root, where the workspace is root's own, or where an earlier run left a
    work directory that its owner could not write.
    """
    workspace = environment.get("GITHUB_WORKSPACE", "")
    if os.geteuid() != 0 or not workspace:
        return
    try:
        owner = Path(workspace).stat()
    except OSError:
        return
    work_dir = environment.get("INPUT_WORK_DIR", "") or BY_NAME["work_dir"].default
    if owner.st_uid == 0 or _is_roots(Path(workspace) / work_dir):
        return
    try:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)
    except PermissionError:  # a root without that right, as in some sandboxes, has little to give up
        return
    if not os.access(environment.get("HOME", ""), os.W_OK):
        os.environ["HOME"] = HOMELESS


def _is_roots(path: Path) -> bool:
    try:
        return path.stat().st_uid == 0
    except (OSError, ValueError):
        return False
