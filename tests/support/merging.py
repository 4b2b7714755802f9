"""A project whose merge requests are in every state that GitHub has an opinion about."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

from lab import Lab, issue, note, project

OLD = [f"line {number}\n" for number in range(1, 61)]
NEW = [*OLD[:9], "changed 10\n", "added\n", *OLD[10:39], *OLD[41:]]
DIFF = "app/code.txt"

OPEN, MERGED, CLOSED, DELETED, FORK, EMPTY, SAME, TARGETLESS, FORWARD, ORPHAN, LOST = (
    1,
    2,
    3,
    4,
    6,
    7,
    8,
    9,
    10,
    11,
    12,
)
# What each becomes under which policy, P for a pull request and I for an issue: 5 is a gap.
AS_OPEN = {1: "P", 2: "I", 3: "I", 4: "P", 6: "P", 7: "I", 8: "I", 9: "I", 10: "I", 11: "I", 12: "I"}
AS_ALL = {1: "P", 2: "P", 3: "P", 4: "P", 6: "P", 7: "I", 8: "I", 9: "I", 10: "P", 11: "I", 12: "I"}
TEMPORARY = (MERGED, CLOSED, FORWARD)
GONE = ("merged", "closed", "deleted", "forked", "target-gone", "forward", "orphan", "lost")


def merge_request(iid: int, source: str, **fields: Any) -> dict[str, Any]:
    """A description of one merge request."""
    return {
        "iid": iid,
        "title": f"Change {iid}",
        "author": "anna",
        "description": f"Text of !{iid}",
        "source_branch": source,
        "target_branch": "main",
        **fields,
    }


def diff_note(body: str, line: int | None = None, **fields: Any) -> dict[str, Any]:
    """A description of a note on the diff."""
    return note(body, path=DIFF, line=line, **fields)


NOTES = [
    diff_note("On an added line.", 11, thread="added"),
    note("An answer.", author="anna", thread="added"),
    diff_note("On a removed line.", old_line=41, thread="removed", resolved=True, resolved_by="anna"),
    diff_note("Context.\n\n```suggestion:-0+0\nbetter\n```", 12, old_line=11, thread="context"),
    diff_note("Far away.", 25, old_line=24, thread="far"),
    diff_note("On the file.", thread="file"),
    note("Plain talk, see !2 and #1."),
    note("Another.\n\n```\nnever closed"),
    note("Merged it? No.", system=True, author="anna"),
]


def commit(name: str, message: str, branch: str, parents: str, files: Mapping[str, str]) -> dict[str, Any]:
    """A description of one commit; `parents` are names with spaces between."""
    described = {"name": name, "message": message, "author": "ben", "files": dict(files)}
    return {**described, "branch": branch or "main", "parents": parents.split()}


COMMITS = [
    commit("one", "Begin", "", "", {DIFF: "".join(OLD), "README.md": "# App\n"}),
    commit("f", "Change code, closes #1", "feature", "one", {DIFF: "".join(NEW)}),
    commit("m1", "First of two", "merged", "one", {"m.txt": "1\n"}),
    commit("m2", "Second of two", "merged", "m1", {"m.txt": "2\n"}),
    commit("mm", "Merge branch 'merged'", "", "one m2", {"m.txt": "2\n"}),
    commit("c", "Not wanted", "closed", "one", {"c.txt": "1\n"}),
    commit("d", "Still open", "deleted", "mm", {"d.txt": "1\n"}),
    commit("k", "From afar", "forked", "mm", {"k.txt": "1\n"}),
    commit("t", "A target", "target-gone", "one", {"t.txt": "1\n"}),
    commit("w", "Forward", "forward", "mm", {"w.txt": "1\n"}),
    commit("two", "Go on", "", "w", {"src/app.py": "print(1)\n"}),
    commit("o", "From nowhere", "orphan", "", {"o.txt": "1\n"}),
    commit("l", "To be lost", "lost", "mm", {"l.txt": "1\n"}),
]

MERGE_REQUESTS = [
    merge_request(
        OPEN,
        "feature",
        description="Closes #1, with !2.",
        labels=["later"],
        milestone="1.0",
        assignees=["anna"],
        reviewers=["ben", "anna"],
        approved_by=["ben"],
        notes=NOTES,
    ),
    merge_request(
        MERGED, "merged", state="merged", head="m2", merge_commit="mm", merged_by="ben", locked=True
    ),
    merge_request(CLOSED, "closed", state="closed", head="c", notes=[note("Why not?")]),
    merge_request(DELETED, "deleted", head="d", draft=True),
    merge_request(FORK, "forked", head="k"),
    merge_request(EMPTY, "release/1.0", head="one"),
    merge_request(SAME, "main", head="two"),
    merge_request(TARGETLESS, "feature", head="f", target_branch="target-gone"),
    merge_request(FORWARD, "forward", state="merged", head="w", base="mm"),
    merge_request(ORPHAN, "orphan", head="o", base="o"),
    merge_request(LOST, "lost", head="l"),
]


def merging(**fields: Any) -> dict[str, Any]:
    """The description; `hide_branches` has to follow once the sandbox runs."""
    return project(
        issues=[issue(1), issue(3, closed_by_merge_requests=[1], notes=[note("See !2 and !5.")])],
        merge_requests=MERGE_REQUESTS,
        repository={
            "default_branch": "main",
            "commits": COMMITS,
            "branches": {"release/1.0": "one"},
            "tags": {"v1.0": "one"},
        },
        **fields,
    )


def hide_branches(lab: Lab, project_id: int = 17) -> None:
    """Delete the branches that are gone in the description, and make one merge request a fork's."""
    world = lab.sandbox.gitlab
    found = world.projects[project_id]
    path = world.repository(found)
    for name in GONE:
        _git(path, "update-ref", "-d", f"refs/heads/{name}")
    _git(path, "update-ref", "-d", f"refs/merge-requests/{LOST}/head")
    found.merge_requests[FORK].extra["source_project_id"] = 999
    found.merge_requests[LOST].sha = "1" * 40


def shas(lab: Lab, project_id: int = 17) -> Mapping[int, str]:
    """The head of each merge request."""
    found = lab.sandbox.gitlab.projects[project_id]
    return {iid: one.sha or "" for iid, one in found.merge_requests.items()}


def _git(path: Any, *arguments: str) -> str:
    done = subprocess.run(
        ["git", f"--git-dir={path}", *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout
