"""What reading a project costs in requests to GitLab."""

from __future__ import annotations

from collections import Counter
from typing import Any

from lab import project

ISSUES = 230
# The floor for one request an issue over REST is 1.35 for each issue and merge request.
MOST_AN_ISSUE = 1.40


async def test_an_export_reads_each_thing_about_once(open_lab: Any) -> None:
    """Notes are asked for once an issue, lists twice a page, and all of it stays near the floor."""
    lab = await open_lab(
        project(volume={"seed": 1, "issues": ISSUES, "notes_per_issue": 3}, issues=[], merge_requests=[])
    )
    result = await lab.run("EXPORT_ONLY")
    assert result["status"] == "success", result
    asked = [one.path for one in lab.sandbox.journal if one.side == "gitlab" and "/api/v4/" in one.path]
    count = len(lab.sandbox.gitlab.projects[17].issues)
    assert count >= ISSUES
    assert len(asked) <= MOST_AN_ISSUE * count
    notes = Counter(path for path in asked if path.endswith("/notes"))
    assert set(notes.values()) == {1}
    assert len(notes) <= count
    # Of three pages each: the survey, discovery, the watermark, the refused keyset, and both readings.
    assert sum(path.endswith("/issues") for path in asked) <= 2 * 3 + 5


async def test_an_export_reads_merge_requests_about_once(open_lab: Any) -> None:
    """Two requests for each one, a third for some; the second list asks for nothing where nothing changed."""
    lab = await open_lab(project(volume={"seed": 1, "merge_requests": 120}, issues=[], merge_requests=[]))
    result = await lab.run("EXPORT_ONLY")
    assert result["status"] == "success", result
    asked = [one.path for one in lab.sandbox.journal if one.side == "gitlab" and "/api/v4/" in one.path]
    for last in ("/discussions", "/approvals"):
        times = Counter(path for path in asked if path.endswith(last))
        assert (len(times), set(times.values())) == (120, {1})
    # Of two pages each: the survey, discovery, the watermark, the refused keyset, and both readings.
    assert sum(path.endswith("/merge_requests") for path in asked) <= 2 * 2 + 5
