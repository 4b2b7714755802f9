"""Merge requests of the sandbox's GitLab: versions, discussions on diffs, approvals, lost sources."""

from __future__ import annotations

from typing import Any

import pytest

SEED = """
project: {path: a/app, id: 3, creator: anna}
users: {anna: {name: Anna}, ben: {name: Ben}}
issues: [{title: One}, {title: Two}, {title: Three}]
repository:
  commits:
    - {name: root, message: Begin,
       files: {a.txt: "1\\n2\\n3\\n", old.txt: "kept\\nas it is\\nfor a rename\\n"}}
    - {name: first, message: Try, branch: work, files: {a.txt: "1\\ntwo\\n3\\n"}}
    - {name: last, message: Better, branch: work,
       files: {a.txt: "1\\nTWO\\n3\\n", old.txt: null, new.txt: "kept\\nas it is\\nfor a rename\\n"}}
merge_requests:
  - title: Rework
    description: "Closes #1, #2 and #9. See #3."
    state: merged
    source_branch: work
    branch: deleted
    target_branch: main
    head: last
    base: root
    reviewers: [ben, anna]
    approved_by: [ben]
    approvals_required: 1
    merged_at: 2024-03-01T00:00:00Z
    versions: [{head: first, base: root, at: 2024-01-01T00:00:00Z}]
    notes:
      - {author: ben, body: here, thread: t, path: a.txt, line: 2, resolved: true, resolved_by: anna}
      - {author: anna, body: done, thread: t, path: a.txt, line: 2, resolved: true, resolved_by: anna}
      - {author: ben, body: then, path: a.txt, line: 2, version: 1}
      - {author: ben, body: lines, path: a.txt, line: 3, first_line: 2, suggestion: better}
      - {author: ben, body: was, path: a.txt, old_line: 2}
      - {author: ben, body: all, path: a.txt}
      - {author: ben, body: pixel, path: logo.png, image: {x: 1, y: 2, width: 10, height: 20}}
  - {title: From afar, source_branch: main, source_project: gone/fork, head: first, base: root}
"""


@pytest.fixture
async def site(open_site: Any) -> Any:
    """A GitLab with the project above."""
    return await open_site(SEED)


MR = "/projects/3/merge_requests/1"


async def test_versions_carry_their_own_commits_and_diffs(site: Any) -> None:
    """Newest first, each with an id; the detail has what it added and what it changed."""
    present, first = await site.all(f"{MR}/versions")
    assert present["head_commit_sha"] == (await site.ask(MR)).body["sha"]
    assert present["id"] != first["id"]
    details = [(await site.ask(f"{MR}/versions/{each['id']}")).body for each in (present, first)]
    assert [[commit["title"] for commit in each["commits"]] for each in details] == [
        ["Better", "Try"],
        ["Try"],
    ]
    assert [[row["new_path"] for row in each["diffs"]] for each in details] == [
        ["a.txt", "new.txt"],
        ["a.txt"],
    ]
    assert (await site.ask(f"{MR}/versions/1")).status == 404


async def test_diffs_come_from_the_repository(site: Any) -> None:
    """Patches begin with their first hunk; a rename names both paths; `/changes` has the same rows."""
    rows = await site.all(f"{MR}/diffs")
    assert rows[0]["diff"] == "@@ -1,3 +1,3 @@\n 1\n-2\n+TWO\n 3\n"
    assert (rows[1]["old_path"], rows[1]["renamed_file"], rows[1]["diff"]) == ("old.txt", True, "")
    changed = (await site.ask(f"{MR}/changes")).body
    assert (changed["changes"], changed["changes_count"]) == (rows, "2")


async def test_positions_say_what_they_stand_on(site: Any) -> None:
    """Lines of either side, a range, the whole file, an image, and an older version with its SHAs."""
    threads = await site.all(f"{MR}/discussions")
    assert [len(thread["notes"]) for thread in threads] == [2, 1, 1, 1, 1, 1]
    first = threads[0]["notes"][0]
    assert (first["resolved"], first["resolved_by"]["username"]) == (True, "anna")
    positions = {thread["notes"][0]["body"][:4]: thread["notes"][0]["position"] for thread in threads}
    present, older = await site.all(f"{MR}/versions")
    assert positions["here"]["head_sha"] == present["head_commit_sha"]
    assert positions["then"]["head_sha"] == older["head_commit_sha"]
    assert positions["then"]["new_line"] == 2
    span = positions["line"]["line_range"]
    assert (span["start"]["new_line"], span["end"]["new_line"], span["end"]["type"]) == (2, 3, "new")
    assert (positions["was"]["old_line"], positions["was"]["new_line"]) == (2, None)
    assert positions["all"]["position_type"] == "file"
    assert (positions["pixe"]["position_type"], positions["pixe"]["x"]) == ("image", 1)
    note = threads[2]["notes"][0]
    assert note["body"] == "lines\n\n```suggestion:-1+0\nbetter\n```"
    assert note["suggestions"][0]["to_content"] == "better\n"


async def test_approvals_reviewers_and_participants(site: Any) -> None:
    """Who approved and when, by which rule; who was asked and what came of it; who took part."""
    approvals = (await site.ask(f"{MR}/approvals")).body
    assert [each["approved_at"] for each in approvals["approved_by"]] == ["2024-03-01T00:00:00.000Z"]
    (rule,) = (await site.ask(f"{MR}/approval_state")).body["rules"]
    assert (rule["approved"], [each["username"] for each in rule["approved_by"]]) == (True, ["ben"])
    reviewers = await site.all(f"{MR}/reviewers")
    assert [(each["user"]["username"], each["state"]) for each in reviewers] == [
        ("ben", "approved"),
        ("anna", "reviewed"),
    ]
    people = await site.all(f"{MR}/participants")
    assert {each["username"] for each in people} == {"anna", "ben"}


async def test_issues_are_closed_by_words_and_related_by_mention(site: Any) -> None:
    """The closing pattern counts those that are there; related ones are those that are named at all."""
    assert [row["iid"] for row in await site.all(f"{MR}/closes_issues")] == [1, 2]
    assert [row["iid"] for row in await site.all(f"{MR}/related_issues")] == [1, 2, 3]


@pytest.mark.parametrize(("feature", "own"), [("enabled", [1]), ("disabled", [])])
async def test_an_external_tracker_answers_otherwise(open_site: Any, feature: str, own: list[int]) -> None:
    """Its issues have an id of letters and a title, and come behind the project's own, where those are on."""
    place = f"features: {{issues: {feature}}}, external_issues: {{APP-7: Login}}"
    site = await open_site(
        SEED.replace("id: 3,", f"id: 3, {place},").replace("See #3.", "Closes APP-7 and APP-8, see OTHER-1.")
    )
    for path in ("closes_issues", "related_issues"):
        rows = await site.all(f"{MR}/{path}")
        assert [row["iid"] for row in rows if "iid" in row][:1] == own
        found = {row["id"]: row for row in rows if "iid" not in row}
        assert ("OTHER-1" in found) is (path == "related_issues")
        assert found["APP-7"] == {"id": "APP-7", "title": "Login"}
        assert found["APP-8"] == {"id": "APP-8", "title": "External Issue APP-8"}


async def test_heads_are_refs_even_without_branch_or_fork(site: Any) -> None:
    """A deleted branch is not listed, a deleted fork has no id, and both heads can be had."""
    assert [row["name"] for row in await site.all("/projects/3/repository/branches")] == ["main"]
    second = (await site.ask("/projects/3/merge_requests/2")).body
    assert (second["source_project_id"], second["target_project_id"]) == (None, 3)
    for number in (1, 2):
        face = (await site.ask(f"/projects/3/merge_requests/{number}")).body
        found = (await site.ask(f"/projects/3/repository/commits/{face['sha']}")).body
        assert found["id"] == face["sha"]
