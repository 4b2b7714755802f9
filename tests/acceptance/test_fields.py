"""Everything that an issue has arrives, or is told as a loss; and the same by either way of writing."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lab import USERS, Lab, differing

from gl2gh_batch.domain.people import UserMapping

EVERYTHING = Path(__file__).resolve().parents[1] / "support" / "everything.yml"
LIBRARY = {
    "project": {"path": "acme/lib", "id": 18, "creator": "anna"},
    "users": {"anna": {"name": "Anna Berg"}},
    "issues": [
        {
            "iid": 1,
            "title": "Came here",
            "author": "anna",
            "notes": [{"author": "anna", "system": True, "body": "moved from acme/app#7"}],
        }
    ],
    "repository": {},
}
PEOPLE = [*USERS, ("ben", UserMapping(gitlab_username="ben", github_login="ben"))]
RULES = {"type::*": "type: *", "wontfix*": None}


async def _migrated(open_lab: Any, **fields: Any) -> tuple[Lab, dict[int, Any], dict[str, Any]]:
    lab = await open_lab(EVERYTHING, LIBRARY)
    assert isinstance(lab, Lab)
    configs = [lab.config(17, labels=RULES, placeholders="keep", **fields), lab.config(18, **fields)]
    result = await lab.batch("FULL", configs, users=PEOPLE)
    assert result["status"] == "success", result
    assert [one["verification"]["total_differences"] for one in result["results"]] == [0, 0]
    repository = await lab.repository()
    return lab, {issue["number"]: issue for issue in repository["issues"]}, result


def _losses(lab: Lab) -> list[dict[str, Any]]:
    lines = (lab.folder_of() / "desired" / "losses.ndjson").read_text().splitlines()
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("via", ["import", "rest"])
async def test_a_project_with_everything_arrives_without_a_difference(open_lab: Any, via: str) -> None:
    """Fields that GitHub has are set, the others are in the text, by the import and by ordinary endpoints."""
    _lab, issues, _ = await _migrated(open_lab, issues_via=via)
    first = issues[1]
    assert {label["name"] for label in first["labels"]} == {"type: bug", "group::shared", "later (2)"}
    assert {label["name"] for label in issues[9]["labels"]} == {"type: bug"}
    assert first["milestone"]["title"] == "1.0"
    assert {user["login"] for user in first["assignees"]} == {"anna", "ben"}
    assert first["blocked_by"] == [2]
    assert (issues[4]["parent"], issues[4]["blocked_by"]) == (1, [1])
    assert (issues[4]["type"], issues[2]["type"]) == ("Task", None)
    assert (issues[5]["locked"], issues[1]["locked"]) == (True, False)
    reasons = {number: issue["state_reason"] for number, issue in issues.items() if number in {5, 7, 8}}
    if via == "rest":
        assert reasons == {5: "duplicate", 7: "not_planned", 8: "completed"}
    else:
        assert [issues[5]["created_at"], issues[5]["closed_at"]] == [
            "2024-02-05T10:00:00Z",
            "2024-02-06T10:00:00Z",
        ]
    head = first["body"].split("\n\n")[0]
    for words in (
        "**[Anna Berg](",
        "wrote on 2024-02-01 10:00 UTC · [original](",
        "Assigned to Dora",
        "Due on 2024-05-01 · Weight: 5 · Health: at\\_risk · Estimate: 1d 2h · Spent: 1h 30m",
        "Iteration: Sprint 7 (2024-03-01 to 2024-03-14)",
        "Epic: A big thing",
        "Designs: [home (1).png](",
        "Parts: #4",
        "Blocks #4",
        "Blocked by #2",
        "Related to #5, acme/lib#1",
        "👍 2 (Anna Berg, Ben Okafor)",
        "party\\_parrot 1 (Ben Okafor)",
    ):
        assert words in head, (words, head)
    assert "Severity: high" in issues[2]["body"]
    assert "Closed as a duplicate of #1 by Anna Berg on 2024-02-06 10:00 UTC" in issues[5]["body"]
    assert "Moved to acme/lib#1" in issues[7]["body"]
    assert "@octocat" not in first["body"]
    assert "Part of #1" in issues[4]["body"]


async def test_what_is_said_below_an_issue_arrives_with_its_marks(open_lab: Any) -> None:
    """Edits and resolved threads are marked, internal notes stay away, GitLab's own are one comment, last."""
    _lab, issues, _ = await _migrated(open_lab)
    bodies = [comment["body"] for comment in issues[1]["comments"]]
    assert len(bodies) == 4
    assert "edited on 2024-02-02 12:00 UTC" in bodies[0]
    assert "thread resolved by **Anna Berg**" in bodies[1]
    assert "edited" not in bodies[1]
    assert not any("Only for us" in body for body in bodies)
    assert bodies[3].startswith("**History on GitLab**\n\n- 2024-02-01 11:00 UTC: **Anna Berg**")
    assert "added #4 as child task" in bodies[3]
    assert bodies[3].count("\n- ") == 4
    assert issues[1]["comments"][3]["created_at"] == "2024-02-01T16:00:00Z"


async def test_both_sides_of_a_move_name_each_other(open_lab: Any) -> None:
    """The issue that was moved leads to the other one, and that one back."""
    lab, issues, _ = await _migrated(open_lab)
    (other,) = (await lab.repository("acme/lib"))["issues"]
    assert "Moved to acme/lib#1" in issues[7]["body"]
    assert "Moved from acme/app#7" in other["body"]


async def test_what_does_not_arrive_is_listed(open_lab: Any) -> None:
    """Each item that is left out is a loss with its reason, and the plan tells how many of which kind."""
    lab, _, result = await _migrated(open_lab)
    losses = _losses(lab)
    items = {(loss["item"], loss["what"].split(";")[0][:40]) for loss in losses}
    named = {item for item, _ in items}
    notes = {note.body: note.id for note in lab.sandbox.gitlab.projects[17].issues[1].notes.all()}
    assert {
        "issues/3",
        f"issues/1/notes/{notes['Only for us']}",
        "issues/authors",
        "issues/events",
        "issues/subscribers",
        "issues/threads",
        "issues/unread",
        "issues/reactions",
        "labels",
        "labels/wontfix-old",
        "labels/type::bug",
        "labels/later",
        "labels/emoji",
        "labels/p::high priority with a name that is far longer than fifty signs",
    } <= named
    (commented,) = (loss for loss in losses if loss["item"].startswith("issues/1/designs/"))
    assert commented["what"] == "2 comments on its design 'home (1).png'"
    assert all(loss["reason"] and loss["what"] for loss in losses)
    project = result["results"][0]
    assert project["losses"] == len(losses)
    assert project["plan"]["losses_by_kind"] == dict(Counter(loss["kind"] for loss in losses))


async def test_internal_notes_come_along_when_asked_to(open_lab: Any) -> None:
    """With `confidential: include` they are marked, and that everybody reads them is a loss."""
    lab, issues, _ = await _migrated(open_lab, confidential="include")
    assert issues[3]["title"] == "Secret"
    assert "Confidential on GitLab" in issues[3]["body"]
    (internal,) = [one["body"] for one in issues[1]["comments"] if "Only for us" in one["body"]]
    assert "internal note" in internal
    assert any("is internal" in loss["what"] for loss in _losses(lab))


async def test_every_detail_is_read_when_asked_to(open_lab: Any) -> None:
    """With `issue_details: all` reactions to comments arrive; without, no request is made for them."""
    lab, issues, _ = await _migrated(open_lab, issue_details="all")
    assert "Reactions: ❤️ 1 (Anna Berg)" in issues[1]["comments"][0]["body"]
    assert "issues/reactions" not in {loss["item"] for loss in _losses(lab)}


async def test_gitlab_is_asked_only_where_there_is_something(open_lab: Any) -> None:
    """One request for the notes of an issue; for reactions and links only where the list or a note tells."""
    lab, _, _ = await _migrated(open_lab)
    asked = Counter(
        entry.path.partition("/projects/17/issues")[2]
        for entry in lab.sandbox.journal
        if entry.side == "gitlab" and "/projects/17/issues" in entry.path
    )
    assert {path for path in asked if path.endswith("award_emoji")} == {"/1/award_emoji"}
    assert {path for path in asked if path.endswith("links")} == {"/1/links", "/2/links", "/4/links"}
    assert {path for path in asked if path.endswith("notes")} == {
        f"/{n}/notes" for n in (1, 2, 3, 4, 5, 7, 8)
    }
    assert max(asked[path] for path in asked if path) == 1


async def test_system_notes_are_left_out_when_asked_to(open_lab: Any) -> None:
    """With `system_notes: skip` none is read where an issue has no others, and their loss is told."""
    lab, issues, _ = await _migrated(open_lab, system_notes="skip")
    assert not any("History on GitLab" in one["body"] for one in issues[1]["comments"])
    assert "issues/system notes" in {loss["item"] for loss in _losses(lab)}
    asked = {entry.path for entry in lab.sandbox.journal if entry.path.endswith("/notes")}
    assert not any(path.endswith(("/2/notes", "/8/notes")) for path in asked)


@pytest.mark.parametrize(
    ("place", "left"), [("sub_issues", (None, [1])), ("dependencies/blocked_by", (1, []))]
)
async def test_a_target_without_relations_gets_the_rest(open_lab: Any, place: str, left: Any) -> None:
    """The plan is made again without what GitHub turns out to lack; the text tells it all the same."""
    lab = await open_lab(EVERYTHING)
    await lab.faults({"method": "*", "path": f"*/{place}", "effect": {"status": 404, "body": {}}})
    result = await lab.run("FULL", lab.config(labels=RULES), users=PEOPLE)
    assert result["status"] == "success", result
    issues = {issue["number"]: issue for issue in (await lab.repository())["issues"]}
    assert (issues[4]["parent"], issues[4]["blocked_by"]) == left
    assert "Blocks #4" in issues[1]["body"]
    assert "Part of #1" in issues[4]["body"]


async def test_a_refused_relation_is_a_warning(open_lab: Any) -> None:
    """What GitHub would not take is told, verified without, and stays in the text."""
    lab = await open_lab(EVERYTHING)
    refusal = {"status": 422, "body": {"message": "Validation Failed"}}
    await lab.faults({"method": "POST", "path": "*/sub_issues", "effect": refusal})
    result = await lab.run("FULL", lab.config(labels=RULES), users=PEOPLE)
    assert result["status"] == "success", result
    assert any("sub-issue/1/4 was refused" in getattr(one, "message", "") for one in lab.events)


async def test_confidential_things_never_go_public(open_lab: Any) -> None:
    """A public repository is refused at once, and one that becomes public as its project is, by the plan."""
    lab = await open_lab({**LIBRARY, "project": {**LIBRARY["project"], "visibility": "public"}})
    result = await lab.batch(
        "PLAN_ONLY", [lab.config(18, confidential="include", visibility="source")], users=PEOPLE
    )
    (project,) = result["results"]
    assert project["status"] == "failed"
    assert "confidential-in-public" in {one["code"] for one in project["findings"]}
    result = await lab.batch("PLAN_ONLY", [lab.config(18, confidential="include", visibility="public")])
    (project,) = result["results"]
    assert (project["status"], project["error"]["reason"]) == ("failed", "config-invalid")


async def test_a_second_run_writes_nothing(open_lab: Any) -> None:
    """Applied again, the project is as it was: relations are not made twice."""
    lab = await open_lab(EVERYTHING)
    config = lab.config(labels=RULES)
    assert (await lab.run("FULL", config, users=PEOPLE))["status"] == "success"
    before, mark = await lab.settled(), lab.mark()
    assert (await lab.run("FULL", config, users=PEOPLE))["status"] == "success"
    assert lab.writes(mark) == []
    assert differing(await lab.settled(), before) == []


@pytest.mark.slow
@pytest.mark.parametrize("via", ["import", "rest"])
async def test_long_things_arrive_whole(open_lab: Any, via: str) -> None:
    """A text of a mebibyte, 300 comments of over a megabyte and a long history are there to the last word."""
    words = [f"word{n}" for n in range(100_000)]
    lines = [" ".join(words[place : place + 9]) for place in range(0, len(words), 9)]
    noted = [
        {
            "author": "anna",
            "body": f"remark{n} " + "x" * 4000,
            "at": f"2024-02-02T10:{n // 60:02}:{n % 60:02}Z",
        }
        for n in range(300)
    ]
    system = [
        {"author": "anna", "system": True, "body": f"changed the weight to **{n}**"} for n in range(900)
    ]
    long = {
        "iid": 1,
        "title": "Long",
        "author": "anna",
        "description": "```\n" + "\n".join(lines),
        "created_at": "2024-02-01T10:00:00Z",
        "notes": [*noted, *system],
    }
    lab = await open_lab({**LIBRARY, "issues": [long]})
    result = await lab.run("FULL", lab.config(18, issues_via=via))
    assert result["status"] == "success", result
    assert result["verification"]["total_differences"] == 0
    (issue,) = (await lab.repository("acme/lib"))["issues"]
    texts = [issue["body"], *(comment["body"] for comment in issue["comments"])]
    assert re.findall(r"word[0-9]+", "\n".join(texts)) == words
    assert sorted(re.findall(r"remark[0-9]+", "\n".join(texts))) == sorted(f"remark{n}" for n in range(300))
    assert sum(text.count("changed the weight to") for text in texts) == 900


@pytest.mark.parametrize("via", ["import", "rest"])
async def test_the_plan_prices_every_request(open_lab: Any, via: str) -> None:
    """Relations, types, their look-ups and their verification are in the price, to the single write."""
    lab = await open_lab(EVERYTHING)
    config = lab.config(labels=RULES, issues_via=via)
    planned = await lab.run("PLAN_ONLY", config, users=PEOPLE)
    price, mark = planned["plan"]["price"], lab.mark()
    assert (await lab.run("APPLY", config, users=PEOPLE))["status"] == "success"
    made = [one for one in lab.github(mark) if "/git-" not in one.path and "/info/refs" not in one.path]
    writes = sum(one.method not in {"GET", "HEAD"} for one in made)
    assert writes == price["writes"] + price["content"] + price["imports"]
    reads = len(made) - writes
    assert reads <= price["reads"] * 1.35 + 5, (reads, price)
    assert price["reads"] <= reads * 1.35 + 5, (reads, price)


@pytest.mark.parametrize("state", ["enabled", "disabled"])
async def test_no_issues_are_no_trouble(open_lab: Any, state: str) -> None:
    """Issues that are enabled and empty, or turned off, migrate, and lose nothing that is not there."""
    project = {**LIBRARY["project"], "features": {"issues": state}}
    lab = await open_lab({**LIBRARY, "project": project, "issues": []})
    result = await lab.run("FULL", lab.config(18))
    assert result["status"] == "success", result
    assert (await lab.repository("acme/lib"))["has_issues"] is (state == "enabled")
    losses = (lab.folder_of("acme-lib-18") / "desired" / "losses.ndjson").read_text()
    assert '"issues/' not in losses
