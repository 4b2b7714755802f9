"""A small project that has something of every kind that is carried."""

from __future__ import annotations

import base64
import shutil
from typing import Any

from lab import Lab, issue, note, project
from merging import COMMITS, commit, diff_note, merge_request

_SHOT, _LOG = "a" * 32, "b" * 32
HAS_LFS = shutil.which("git-lfs") is not None
_PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(256))).decode()
_LARGE: dict[str, Any] = {".gitattributes": "*.bin filter=lfs -text\n", "a.bin": {"lfs": "large\n"}}


def whole(path: str = "acme/app", id: int = 17, **fields: Any) -> dict[str, Any]:  # noqa: A002 - GitLab's word
    """The description; `link_files` has to follow once the sandbox runs."""
    wanted = {"one", "f", "m1", "m2", "mm", "c"}
    commits = [one for one in COMMITS if one["name"] in wanted]
    large = commit("two", "Large", "", "mm", _LARGE if HAS_LFS else {"a.txt": "a\n"})
    described = project(
        project={
            "path": path,
            "id": id,
            "name": "App",
            "visibility": "public",
            "archived": True,
            "creator": "anna",
            "topics": ["tools"],
        },
        labels=[{"title": "later", "color": "#428bca"}],
        milestones=[{"title": "1.0"}],
        issues=[
            issue(
                1,
                description=f"![shot](/uploads/{_SHOT}/shot.png), see !2 and $1",
                labels=["later"],
                milestone="1.0",
                notes=[note("Same here."), note("added [1 design](/x)", system=True)],
                designs=[{"filename": "home.png", "base64": _PICTURE}],
            ),
            issue(3, state="closed", links=[{"type": "is_blocked_by", "issue": 1}]),
        ],
        merge_requests=[
            merge_request(1, "feature", labels=["later"], notes=[diff_note("Here.", 11, thread="a")]),
            merge_request(2, "merged", state="merged", head="m2", merge_commit="mm", merged_by="ben"),
            merge_request(3, "closed", state="closed", head="c", notes=[note("Why not?")]),
        ],
        repository={
            "default_branch": "main",
            "commits": [*commits, large],
            "branches": {"release/1.0": "one"},
            "tags": {"v1.0": "one"},
        },
        uploads=[
            {"secret": _SHOT, "filename": "shot.png", "text": "a picture"},
            {"secret": _LOG, "filename": "log.txt", "text": "a log"},
        ],
        packages=[{"name": "app", "version": "1", "files": {"a.zip": "zipped"}}],
        releases=[
            {"tag": "v1.0", "name": "One", "description": f"[log](/uploads/{_LOG}/log.txt)"},
            {"tag": "v9.9", "name": "Without a tag"},
        ],
        snippets=[{"title": "Deploy", "author": "anna", "files": {"deploy.sh": "echo\n"}}],
        wiki={"home.md": "See [[guide]] and #1.\n", "guide.md": "Back [home](/home).\n"},
    )
    return {**described, **fields}


# What makes steps of every sort of it: pull requests, pushed and uploaded files, opening and archiving.
POLICIES: dict[str, Any] = {
    "visibility": "source",
    "merge_requests": "all-as-pull-request",
    "attachments": "release",
}


def link_files(lab: Lab) -> None:
    """Let the first release of every project link to the package beside it."""
    for held in lab.sandbox.gitlab.projects.values():
        held.releases[0].links = [
            {
                "id": 1,
                "name": "a.zip",
                "link_type": "package",
                "url": f"{lab.sandbox.gitlab_url}/api/v4/projects/{held.id}/packages/generic/app/1/a.zip",
            }
        ]
