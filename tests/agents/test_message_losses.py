"""What commit messages call by a number is told as a loss where the number is another's afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, open_lab, project

MESSAGES = (
    "Begin, see #1",
    "Fix #2 and #4",
    "Fix #2 again",
    "Merge\n\nSee merge request acme/app!1",
    "See #6, #900",
)
COMMITS = [
    {"name": f"c{number}", "message": message, "author": "anna", "files": {f"{number}.md": "x\n"}}
    for number, message in enumerate(MESSAGES)
]
APP = project(
    issues=[issue(one) for one in (1, 2, 4)],
    merge_requests=[
        {
            "iid": iid,
            "title": f"M {iid}",
            "author": "anna",
            "source_branch": f"b{iid}",
            "target_branch": "main",
        }
        for iid in (1, 2)
    ],
    repository={
        "default_branch": "main",
        "commits": COMMITS,
        "branches": {"b1": "c1", "b2": "c2"},
    },
)


async def _losses(lab: Lab, **fields: Any) -> list[str]:
    planned = await lab.run("PLAN_ONLY", lab.config(**fields))
    assert planned["status"] == "success", planned.get("error")
    lines = (lab.folder_of() / "desired/losses.ndjson").read_text().splitlines()
    losses = [json.loads(line) for line in lines]
    return [one["what"] for one in losses if one["item"] == "commit messages"]


@pytest.mark.parametrize(
    ("numbering", "told"),
    [
        # Issue 1 to 4 keep their numbers; nobody was called #6 before, and a merge request is now.
        ("issues-exact", "1 reference (#6) in commit messages"),
        ("merge-requests-exact", "5 references (#2 in 2 commits, #1, #4, #6)"),
        # 1 and 2 stay, 4 becomes 3; #4 is a merge request's and nobody is #6.
        ("compact", "1 reference (#4) in commit messages"),
        ("any", "5 references (#2 in 2 commits, #1, #4, #6)"),
    ],
)
async def test_references_that_lead_astray_are_counted(tmp_path: Path, numbering: str, told: str) -> None:
    """By policy: those whose number is another item's now, with the most frequent ones named."""
    async with open_lab(tmp_path, [APP]) as lab:
        losses = await _losses(lab, numbering=numbering)
    assert [one for one in losses if one.startswith(told)], losses
    assert [one for one in losses if one.startswith("1 reference (!1)")], losses
    assert len(losses) == 2


@pytest.mark.parametrize("fields", [{}, {"repository": None}])
async def test_a_history_without_numbers_loses_none(tmp_path: Path, fields: dict[str, Any]) -> None:
    """Nothing is told of messages that name nothing, nor of a project without a history."""
    async with open_lab(tmp_path, [project(**fields)]) as lab:
        assert await _losses(lab, numbering="any") == []
