"""Changes to the world while somebody reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

SEED = """
project: {path: a/drift, id: 2, creator: anna}
users: {anna: {name: Anna}}
labels: [{title: old}]
issues:
  - {title: One, labels: [old], notes: [{body: a}, {body: b}]}
  - {title: Two}
volume: {seed: 1, issues: 3, notes_per_issue: 4}
"""


@pytest.fixture
async def site(open_site: Any) -> Any:
    """Two described and three generated issues, at a known time."""
    site = await open_site(SEED)
    site.world.now = lambda: datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    return site


async def test_issues_come_change_and_go(site: Any) -> None:
    """A new one gets the next number, a changed one a new date, and a deleted one's number stays unused."""
    edit = site.world.edit("a/drift")
    made = edit.add_issue("New", author="newcomer", labels=["old"])
    assert made.iid == 6
    face = (await site.ask("/projects/2/issues/6")).body
    assert (face["title"], face["author"]["username"], face["created_at"]) == (
        "New",
        "newcomer",
        "2030-01-02T03:04:05.000Z",
    )
    edit.edit_issue(1, state="closed", title="Done")
    face = (await site.ask("/projects/2/issues/1")).body
    assert (face["state"], face["closed_by"]["username"], face["updated_at"]) == (
        "closed",
        "migrator",
        "2030-01-02T03:04:05.000Z",
    )
    edit.delete_issue(6)
    assert (await site.ask("/projects/2/issues/6")).status == 404
    assert edit.add_issue("Newer").iid == 7
    changed = await site.all("/projects/2/issues?updated_after=2030-01-01T00:00:00Z")
    assert [row["iid"] for row in changed] == [7, 1]
    with pytest.raises(TypeError, match="no field colour"):
        edit.edit_issue(1, colour="red")
    with pytest.raises(KeyError):
        edit.delete_issue(99)


async def test_merge_requests_come_change_and_go(site: Any) -> None:
    """As issues do; one that is gone answers 404 to whatever is asked about it."""
    edit = site.world.edit(2)
    first = edit.add_merge_request("First", labels=["old"]).iid
    edit.add_note(first, "a remark", kind="merge_requests")
    place = f"/projects/2/merge_requests/{first}"
    assert (await site.ask(place)).body["user_notes_count"] == 1
    edit.edit_merge_request(first, title="Better", sha="a" * 40)
    face = (await site.ask(place)).body
    assert (face["title"], face["sha"], face["updated_at"]) == (
        "Better",
        "a" * 40,
        "2030-01-02T03:04:05.000Z",
    )
    edit.delete_merge_request(first)
    for rest in ("", "/discussions", "/approvals"):
        assert (await site.ask(place + rest)).status == 404
    assert edit.add_merge_request("Second").iid == first + 1


async def test_notes_come_change_and_go(site: Any) -> None:
    """Of described and of generated issues alike."""
    edit = site.world.edit(2)
    for iid, count in ((1, 2), (4, 4)):
        made = edit.add_note(iid, "more")
        notes = await site.all(f"/projects/2/issues/{iid}/notes?sort=asc")
        assert (len(notes), notes[-1]["body"], notes[-1]["id"]) == (count + 1, "more", made.id)
        edit.edit_note(iid, notes[0]["id"], body="changed")
        edit.delete_note(iid, notes[1]["id"])
        notes = await site.all(f"/projects/2/issues/{iid}/notes?sort=asc")
        assert (len(notes), notes[0]["body"]) == (count, "changed")
        face = (await site.ask(f"/projects/2/issues/{iid}")).body
        assert face["user_notes_count"] == sum(not note["system"] for note in notes)


async def test_labels_and_milestones_change_everywhere(site: Any) -> None:
    """A renamed label is renamed on its issues, a deleted one is gone from them."""
    edit = site.world.edit(2)
    edit.rename_label("old", "new")
    assert [row["name"] for row in await site.all("/projects/2/labels")] == ["new"]
    assert (await site.ask("/projects/2/issues/1")).body["labels"] == ["new"]
    edit.delete_label("new")
    assert (await site.ask("/projects/2/issues/1")).body["labels"] == []
    edit.add_label("third", color="#ffffff")
    made = edit.add_milestone("M", due_date="2030-02-01")
    edit.edit_issue(1, milestone="M", labels=["third"])
    face = (await site.ask("/projects/2/issues/1")).body
    assert (face["milestone"]["due_date"], face["labels"]) == ("2030-02-01", ["third"])
    edit.edit_milestone(made.iid, title="N")
    assert (await site.ask("/projects/2/issues/1")).body["milestone"]["title"] == "N"
    edit.delete_milestone(made.iid)
    assert (await site.ask("/projects/2/issues/1")).body["milestone"] is None
    assert await site.all("/projects/2/milestones") == []
    with pytest.raises(KeyError):
        edit.delete_milestone(made.iid)


async def test_a_comment_touches_its_issue_and_a_deleted_one_only_the_count(site: Any) -> None:
    """GitLab dates an issue anew when a note is written or changed, and not when one is deleted."""
    edit = site.world.edit(2)

    async def state() -> tuple[str, int]:
        face = (await site.ask("/projects/2/issues/1")).body
        return face["updated_at"], face["user_notes_count"]

    note = (await site.all("/projects/2/issues/1/notes?sort=asc"))[0]["id"]
    days = iter(range(3, 9))
    site.world.now = lambda: datetime(2030, 1, next(days), tzinfo=UTC)
    before = await state()
    edit.edit_note(1, note, body="other")
    changed = await state()
    assert changed[0] > before[0]
    assert changed[1] == before[1]
    edit.delete_note(1, note)
    assert await state() == (changed[0], before[1] - 1)


async def test_pages_can_be_made_small(site: Any) -> None:
    """A tightened rule lets less pass than in life, for tests of long lists."""
    site.world.rules.tighten("gitlab_per_page", 2)
    reply = await site.ask("/projects/2/issues?per_page=100")
    assert (len(reply.body), reply.headers["X-Per-Page"]) == (2, "2")


async def test_the_repository_moves(site: Any) -> None:
    """Commits, new branches and deleted ones are seen by the API, and the project's activity moves along."""
    edit = site.world.edit(2)
    sha = edit.commit("topic", {"new file.txt": "ü\n"}, message="Größer")
    (branch,) = [row for row in await site.all("/projects/2/repository/branches") if row["name"] == "topic"]
    assert (branch["commit"]["id"], branch["commit"]["title"]) == (sha, "Größer")
    assert branch["commit"]["parent_ids"]
    raw = await site.ask("/projects/2/repository/files/new%20file.txt/raw?ref=topic")
    assert raw.body.decode() == "ü\n"
    assert edit.commit("topic", {"new file.txt": None}) != sha
    edit.delete_branch("topic")
    assert [row["name"] for row in await site.all("/projects/2/repository/branches")] == ["main"]
    assert (await site.ask("/projects/2")).body["last_activity_at"] == "2030-01-02T03:04:05.000Z"


async def test_a_first_commit_ends_the_emptiness(open_site: Any) -> None:
    """A repository without commits gets its default branch with the first one."""
    site = await open_site("project: {path: a/none, id: 1}\nrepository: {}\n")
    site.world.edit(1).commit("trunk", {"a": "b"})
    face = (await site.ask("/projects/1")).body
    assert (face["empty_repo"], face["default_branch"]) == (False, "trunk")
