"""Issues and merge requests of the sandbox's GitLab: filters, orders, and what hangs on them."""

from __future__ import annotations

from typing import Any

import pytest

SEED = """
project: {path: a/items, id: 3, creator: anna, created_at: 2023-01-01T00:00:00Z}
users: {anna: {name: Anna}, ben: {name: Ben}}
labels: [{title: one}, {title: two}]
milestones: [{title: M}]
issues:
  - {iid: 2, title: Second, labels: [one, two], milestone: M, awards: {thumbsup: [anna, ben], tada: [ben]},
     created_at: 2023-01-05T00:00:00Z, updated_at: 2023-03-01T00:00:00Z, assignees: [ben, anna], weight: 4,
     description: "- [x] a\\n- [ ] b\\n- [~] c", time_estimate: 5400, time_spent: 144060,
     due_date: 2023-02-01,
     links: [{type: blocks, issue: 5}], closed_by_merge_requests: [1], related_merge_requests: [1],
     notes: [{author: ben, body: first, thread: x, at: 2023-01-05T01:00:00Z, awards: {heart: [anna]}},
             {author: anna, body: alone, at: 2023-01-05T02:00:00Z},
             {author: ben, body: answer, thread: x, at: 2023-01-05T03:00:00Z},
             {author: ben, body: "changed title", system: true, at: 2023-01-05T04:00:00Z}]}
  - {iid: 5, title: Fifth, state: closed, closed_by: ben, closed_at: 2023-02-02T00:00:00Z, labels: [two],
     created_at: 2023-01-04T00:00:00Z, type: incident, author: ben}
  - {iid: 9, title: Ninth, confidential: true, created_at: 2023-01-06T00:00:00Z}
merge_requests:
  - {title: Merged, state: merged, source_branch: fix, merged_by: ben, approved_by: [ben],
     approvals_required: 2, reviewers: [ben],
     notes: [{body: look, path: changes/1.md, line: 1, resolved: true, resolved_by: ben}]}
  - {title: "Draft: open", draft: true, source_branch: next}
"""


@pytest.fixture
async def site(open_site: Any) -> Any:
    """Three issues with gaps between their numbers, and two merge requests."""
    return await open_site(SEED)


@pytest.mark.parametrize(
    ("query", "iids"),
    [
        ("", [9, 2, 5]),
        ("sort=asc", [5, 2, 9]),
        ("order_by=updated_at&sort=asc", [9, 5, 2]),
        ("state=opened", [9, 2]),
        ("state=closed", [5]),
        ("state=all&scope=all", [9, 2, 5]),
        ("iids[]=2&iids[]=9&iids[]=4", [9, 2]),
        ("labels=two", [2, 5]),
        ("labels=one,two", [2]),
        ("labels=None", [9]),
        ("milestone=M", [2]),
        ("milestone=None", [9, 5]),
        ("confidential=true", [9]),
        ("confidential=false", [2, 5]),
        ("updated_after=2023-02-02T00:00:00Z", [2, 5]),
        ("updated_after=2023-02-02T00:00:00.001Z", [2]),
        ("created_before=2023-01-04T12:00:00%2B00:00", [5]),
        ("author_username=ben", [5]),
        ("assignee_username=anna", [2]),
        ("issue_type=incident", [5]),
        ("search=NINTH", [9]),
        ("order_by=weight&sort=desc", [2, 9, 5]),
    ],
)
async def test_a_list_is_filtered_and_ordered_as_asked(site: Any, query: str, iids: list[int]) -> None:
    """Every parameter that a reader of a whole project uses."""
    assert [row["iid"] for row in await site.all(f"/projects/3/issues?{query}")] == iids


async def test_values_that_are_none_are_refused(site: Any) -> None:
    """An unknown state or order is 400 and not the default."""
    for query in ("state=open", "order_by=age", "sort=up", "updated_after=soon"):
        reply = await site.ask(f"/projects/3/issues?{query}")
        assert reply.status == 400, query
        assert reply.body["error"].startswith(query.partition("=")[0])


async def test_an_issue_has_all_its_fields(site: Any) -> None:
    """People, votes, times, tasks, references and addresses follow from the records."""
    face = (await site.ask("/projects/3/issues/2")).body
    assert [each["username"] for each in face["assignees"]] == ["ben", "anna"]
    assert (face["upvotes"], face["downvotes"], face["weight"]) == (2, 0, 4)
    assert face["time_stats"] == {
        "time_estimate": 5400,
        "total_time_spent": 144060,
        "human_time_estimate": "1h 30m",
        "human_total_time_spent": "1w 1m",
    }
    assert face["task_completion_status"] == {"count": 2, "completed_count": 1}
    assert face["references"] == {"short": "#2", "relative": "#2", "full": "a/items#2"}
    assert (face["user_notes_count"], face["due_date"]) == (3, "2023-02-01")
    closed = (await site.ask("/projects/3/issues/5")).body
    assert (closed["closed_at"], closed["closed_by"]["username"]) == ("2023-02-02T00:00:00.000Z", "ben")
    detailed = (await site.ask("/projects/3/issues?with_labels_details=true&iids[]=2")).body
    assert [label["name"] for label in detailed[0]["labels"]] == ["one", "two"]
    assert (await site.ask("/projects/3/issues/3")).body == {"message": "404 Not found"}


async def test_notes_and_discussions_are_the_same_notes(site: Any) -> None:
    """Notes come newest first or as asked, discussions group them in the order of their beginning."""
    notes = await site.all("/projects/3/issues/2/notes")
    assert [note["body"] for note in notes] == ["changed title", "answer", "alone", "first"]
    oldest = await site.all("/projects/3/issues/2/notes?sort=asc&activity_filter=only_comments")
    assert [note["body"] for note in oldest] == ["first", "alone", "answer"]
    threads = await site.all("/projects/3/issues/2/discussions")
    assert [[note["body"] for note in thread["notes"]] for thread in threads] == [
        ["first", "answer"],
        ["alone"],
        ["changed title"],
    ]
    assert [thread["individual_note"] for thread in threads] == [False, True, True]
    assert len({thread["id"] for thread in threads}) == 3
    one = (await site.ask(f"/projects/3/issues/2/discussions/{threads[0]['id']}")).body
    assert one == threads[0]
    awards = await site.all(f"/projects/3/issues/2/notes/{notes[-1]['id']}/award_emoji")
    assert [(each["name"], each["user"]["username"]) for each in awards] == [("heart", "anna")]
    assert (await site.ask("/projects/3/issues/5/notes/1")).status == 404


async def test_awards_links_and_events(site: Any) -> None:
    """Awards with who gave them, links to the other issue, merge requests, the event of the closing."""
    awards = await site.all("/projects/3/issues/2/award_emoji")
    assert [(each["name"], each["user"]["username"]) for each in awards] == [
        ("thumbsup", "anna"),
        ("thumbsup", "ben"),
        ("tada", "ben"),
    ]
    links = (await site.ask("/projects/3/issues/2/links")).body
    assert [(row["iid"], row["link_type"]) for row in links] == [(5, "blocks")]
    for kind in ("related_merge_requests", "closed_by"):
        assert [row["iid"] for row in await site.all(f"/projects/3/issues/2/{kind}")] == [1]
    events = await site.all("/projects/3/issues/5/resource_state_events")
    assert [(each["state"], each["user"]["username"]) for each in events] == [("closed", "ben")]
    for kind in ("label", "milestone"):
        assert await site.all(f"/projects/3/issues/5/resource_{kind}_events") == []


async def test_a_merge_request_has_commits_that_are_there(site: Any) -> None:
    """Its SHAs are in the repository, the merge is on the default branch, its diff note has a position."""
    face = (await site.ask("/projects/3/merge_requests/1")).body
    assert (face["state"], face["merged_by"]["username"], face["target_branch"]) == ("merged", "ben", "main")
    for sha in (face["sha"], face["merge_commit_sha"], face["diff_refs"]["base_sha"]):
        assert (await site.ask(f"/projects/3/repository/commits/{sha}")).body["id"] == sha
    history = await site.all("/projects/3/repository/commits")
    assert face["merge_commit_sha"] in [commit["id"] for commit in history]
    commits = await site.all("/projects/3/merge_requests/1/commits")
    assert [commit["id"] for commit in commits] == [face["sha"]]
    (note,) = await site.all("/projects/3/merge_requests/1/notes")
    assert (note["type"], note["resolved"], note["position"]["new_line"]) == ("DiffNote", True, 1)
    assert note["position"]["head_sha"] == face["sha"]
    approvals = (await site.ask("/projects/3/merge_requests/1/approvals")).body
    assert [each["user"]["username"] for each in approvals["approved_by"]] == ["ben"]
    assert (approvals["approved"], approvals["approvals_left"]) == (False, 1)
    (version,) = await site.all("/projects/3/merge_requests/1/versions")
    assert version["head_commit_sha"] == face["sha"]
    assert [row["iid"] for row in await site.all("/projects/3/merge_requests/1/closes_issues")] == [2]


async def test_merge_requests_are_listed(site: Any) -> None:
    """By state and branch, and in short with `view=simple`."""
    assert [row["iid"] for row in await site.all("/projects/3/merge_requests?state=opened")] == [2]
    assert [row["iid"] for row in await site.all("/projects/3/merge_requests?source_branch=fix")] == [1]
    simple = await site.all("/projects/3/merge_requests?view=simple")
    assert all("sha" not in row and row["web_url"] for row in simple)
    assert (await site.ask("/projects/3/merge_requests/2")).body["draft"] is True


async def test_a_long_list_is_as_right_as_a_short_one(open_site: Any) -> None:
    """The order that is kept for a long list changes with the project."""
    site = await open_site("project: {path: a/long, id: 1}\nvolume: {issues: 1200, notes_per_issue: 2}\n")
    before = await site.ask("/projects/1/issues?per_page=2")
    assert [row["iid"] for row in before.body] == [1200, 1199]
    edit = site.world.edit(1)
    edit.delete_issue(1200)
    made = edit.add_issue("New")
    after = await site.ask("/projects/1/issues?per_page=2")
    assert [row["iid"] for row in after.body] == [made.iid, 1199]
    assert after.headers["X-Total"] == "1200"
