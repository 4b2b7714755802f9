"""A project that has something of every kind that is carried over, merge requests without a branch too."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from lab import Lab, issue, note
from merging import COMMITS, hide_branches, merging
from whole import HAS_LFS

SECRET = "a" * 32
WITH_LFS = {
    "name": "lfs",
    "message": "Add what is large",
    "author": "ben",
    "branch": "large",
    "files": {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n", "a.bin": {"lfs": "large"}},
}
WIKI = {"home.md": "See [[other]] and #1\n", "other.md": "![shot](uploads/" + SECRET + "/in-wiki.png)\n"}
EDITED = {
    "updated_at": datetime(2024, 3, 2, tzinfo=UTC),
    "versions": [{"files": {"deploy.sh": "#!/bin/bash\n"}, "at": datetime(2024, 1, 2, tzinfo=UTC)}],
}


def complete(**fields: Any) -> dict[str, Any]:
    """The description; `settle_complete` has to follow once the sandbox runs."""
    described = merging()
    described["repository"]["commits"] = [*COMMITS, *([WITH_LFS] if HAS_LFS else [])]
    described["issues"] = [
        *described["issues"],
        issue(
            4,
            description=f"![shot](/uploads/{SECRET}/shot.png), $1",
            assignees=["ben"],
            notes=[note("@anna, look")],
        ),
    ]
    return {
        **described,
        "wiki": WIKI,
        "uploads": [{"secret": SECRET, "filename": "shot.png", "text": "a picture"}],
        "snippets": [{"title": "Deploy", "author": "anna", "files": {"deploy.sh": "#!/bin/sh\n"}, **EDITED}],
        "packages": [{"name": "app", "version": "1.0", "files": {"app.zip": "zipped"}}],
        "releases": [
            {
                "tag": "v1.0",
                "name": "One",
                "description": "Notes for #1",
                "author": "anna",
                "released_at": datetime(2024, 2, 1, 12, tzinfo=UTC),
                "links": [
                    {
                        "name": "The program",
                        "url": "{gitlab}/api/v4/projects/17/packages/generic/app/1.0/app.zip",
                        "type": "package",
                    }
                ],
            }
        ],
        **fields,
    }


def settle_complete(lab: Lab) -> None:
    """Delete the branches that are gone in the description, and let links lead to the sandbox's GitLab."""
    hide_branches(lab)
    for one in lab.sandbox.gitlab.projects[17].releases:
        for link in one.links:
            link["url"] = link["url"].replace("{gitlab}", lab.sandbox.gitlab_url)
