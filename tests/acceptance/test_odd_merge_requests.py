"""Merge requests that are too long, too many, or not what GitLab's documents say: each has its outcome."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lab import USERS, Lab, issue, note, project
from merging import COMMITS, DIFF, hide_branches, merge_request, merging

from gl2gh_batch.sandbox.seeds.history import run_git

PEOPLE = [*USERS, ("ben", "ben")]
WORDS = 9_000  # of ten characters each: more than one body of GitHub's takes
POLICIES = [
    {"merge_requests": "all-as-issue"},
    {"merge_requests": "all-as-pull-request", "notes": "fold"},
    {"merge_requests": "all-as-pull-request", "notes": "each"},
]
MALFORMED: dict[str, Any] = {
    "nothing": None,
    "no list": {"message": "no"},
    "a list of nothing": [None],
    "a list of numbers": [5],
    "a discussion without notes": [{"id": "a", "individual_note": False, "notes": None}],
    "a note without an id": [{"id": "a", "notes": [{"body": "x"}]}],
    "a note of another sort": [{"id": "a", "notes": [{"id": "x", "body": 5, "created_at": 7}]}],
    "a position that is none": [
        {
            "id": "a",
            "notes": [{"id": 5, "body": "x", "created_at": "2024-01-01T00:00:00Z", "position": "here"}],
        }
    ],
    "no JSON": "<html>Bad gateway</html>",
    "half a page": '[{"id": "a"',
}


def talk(count: int, size: int = 0) -> list[dict[str, Any]]:
    """So many notes, every third on a line, every seventh an answer in a thread."""
    at = datetime(2024, 2, 1, tzinfo=UTC)
    found = []
    for number in range(count):
        one = note(f"word{number:05}z " + "x" * size, at=at + timedelta(minutes=number))
        if number % 3 == 0:
            one |= {"path": DIFF, "line": 11, "thread": f"line {number}"}
        elif number % 7 == 0:
            one["thread"] = "long"
        found.append(one)
    return found


async def everywhere(lab: Lab) -> str:
    """All texts of the target."""
    return json.dumps(await lab.repository(), ensure_ascii=False)


@pytest.mark.parametrize("policies", POLICIES, ids=lambda one: "-".join(one.values()))
async def test_more_than_a_thousand_notes_arrive(open_lab: Any, policies: dict[str, str]) -> None:
    """Each of 1,200 notes is on GitHub, once, in as few requests as its policy allows."""
    count = 1_200 if policies.get("notes") != "each" else 150
    lab = await open_lab({**merging(), "merge_requests": [merge_request(1, "feature", notes=talk(count))]})
    result = await lab.run("FULL", lab.config(**policies), users=PEOPLE)
    assert result["status"] == "success", result.get("error")
    held = Counter(re.findall(r"word\d{5}z", await everywhere(lab)))
    assert held == Counter(f"word{number:05}z" for number in range(count))
    if policies.get("notes") == "fold":
        content = result["plan"]["price"]["content"]
        assert content <= 12, content


@pytest.mark.parametrize("policies", POLICIES, ids=lambda one: "-".join(one.values()))
async def test_long_texts_arrive_whole(open_lab: Any, policies: dict[str, str]) -> None:
    """A description, a note and a thread on a line of far more than 65,536 characters lose nothing."""
    words = " ".join(f"long{number:05}z" for number in range(WORDS))
    notes = [
        note(words.replace("long", "note")),
        note(words.replace("long", "line"), path=DIFF, line=11, thread="t"),
        *(note(f"answer{number:03}z " + "y" * 30_000, thread="t") for number in range(5)),
    ]
    lab = await open_lab(
        {**merging(), "merge_requests": [merge_request(1, "feature", description=words, notes=notes)]}
    )
    result = await lab.run("FULL", lab.config(**policies), users=PEOPLE)
    assert result["status"] == "success", result.get("error")
    held = set(re.findall(r"(?:long|note|line|answer)\d+z", await everywhere(lab)))
    for start in ("long", "note", "line"):
        assert {f"{start}{number:05}z" for number in range(WORDS)} <= held, start
    assert {f"answer{number:03}z" for number in range(5)} <= held


@pytest.mark.parametrize("count", [120, 1_500])
@pytest.mark.parametrize("policies", POLICIES, ids=lambda one: "-".join(one.values()))
async def test_more_facts_than_fit_arrive(open_lab: Any, policies: dict[str, str], count: int) -> None:
    """Issues that it closes by the hundred crowd out no other fact; the plan's price is what it costs."""
    issues = [issue(number) for number in range(1, count + 1)]
    item = merge_request(
        1,
        "feature",
        description="\n".join(f"Closes #{one['iid']}" for one in issues),
        reviewers=["ben"],
        approved_by=["ben"],
        time_estimate=3_600,
    )
    repository = {"default_branch": "main", "commits": COMMITS}
    path = "acme/payments/backend/service"
    lab = await open_lab(project(path, issues=issues, merge_requests=[item], repository=repository))
    config = lab.config(numbering="any", kinds={"issues": "skip"}, **policies)
    plan = (await lab.run("PLAN_ONLY", config, users=PEOPLE))["plan"]
    mark = lab.mark()
    result = await lab.run("APPLY", config, users=PEOPLE)
    assert result["status"] == "success", result.get("error")
    assert result["verification"]["total_differences"] == 0
    text = json.dumps(await lab.repositories(), ensure_ascii=False)
    links = [
        f"[{path} {one['iid']}]({lab.sandbox.gitlab_url}/{path}/-/issues/{one['iid']})" for one in issues
    ]
    assert [one for one in links if one not in text] == []
    for fact in ("Approved by Ben Okafor", "Reviewers: Ben Okafor", "Last commit", "Estimate: 1h"):
        assert fact in text, fact
    sent = [one for one in lab.github(mark) if "/git-" not in one.path and "info/refs" not in one.path]
    assert plan["price"]["requests"] == len(sent), [f"{one.method} {one.path}" for one in sent]


async def test_malformed_discussions_are_one_error(open_lab: Any, subtests: Any) -> None:
    """A page that is none stops one project with its merge request and a remedy, and nothing is written."""
    lab = await open_lab(merging(), project("acme/other", 18))
    hide_branches(lab)
    for what, body in MALFORMED.items():
        with subtests.test(what):
            effect = {
                "status": 200,
                "body": body if isinstance(body, str) else json.dumps(body),
                "headers": {"Content-Type": "application/json"},
            }
            fault = {"side": "gitlab", "path": "*/merge_requests/1/discussions", "effect": effect}
            await lab.control("PUT", "faults", [fault])
            results = {one["project_id"]: one for one in (await lab.batch("FULL", users=PEOPLE))["results"]}
            assert results[18]["status"] == "success"
            assert results[17]["status"] == "failed"
            error = results[17]["error"]
            assert error["reason"] != "internal", error
            assert error["item"] == "merge_requests/1", error
            assert error["hint"]
            assert "acme/app" not in await lab.repositories()
    await lab.control("PUT", "faults", [])
    assert (await lab.run("FULL", users=PEOPLE))["status"] == "success"


@pytest.mark.parametrize(("tracker", "own"), [("enabled", "#1, #3, "), ("disabled", "")])
async def test_issues_of_another_tracker_are_named(open_lab: Any, tracker: str, own: str) -> None:
    """What a merge request closes in Jira stands among its facts; texts that name it stay as they are."""
    text = "Closes #1 and closes PROJECT-123. Closes PROJECT-9 too."
    described = {**merging(), "merge_requests": [merge_request(1, "feature", description=text)]}
    if tracker == "disabled":
        described["issues"] = []
    described["project"] |= {
        "features": {"issues": tracker},
        "external_issues": {"PROJECT-123": "Log in <b>@anna</b>"},
    }
    lab = await open_lab(described)
    result = await lab.run("FULL", users=PEOPLE)
    assert result["status"] == "success", result.get("error")
    (pull,) = (await lab.repository())["pulls"]
    (about,) = [one for one in pull["body"].splitlines() if "Issues that this is about" in one]
    assert f"about: {own}PROJECT-123: Log in " in about
    assert about.endswith(", PROJECT-9")
    assert "<b>" not in about
    assert "@anna" not in about
    assert "closes PROJECT-123. Closes PROJECT-9 too." in pull["body"]


@pytest.mark.parametrize(("text", "asked"), [("Fixes the build", 0), ("Fixes APP-1", 1), ("Closes b/c#1", 1)])
async def test_without_issues_gitlab_is_asked_where_words_lead_elsewhere(
    open_lab: Any, text: str, asked: int
) -> None:
    """Where the project's own issues are off, only the name of another one is worth a request."""
    commits = [{"name": "one", "message": "Begin", "author": "anna", "files": {"a": "1\n"}}]
    work = {"name": "f", "message": "Go on", "author": "ben", "branch": "work", "files": {"a": "2\n"}}
    described = project(
        issues=[],
        merge_requests=[merge_request(1, "work", description=text)],
        repository={"default_branch": "main", "commits": [*commits, work]},
    )
    described["project"] |= {"features": {"issues": "disabled"}}
    lab = await open_lab(described)
    assert (await lab.run("EXPORT_ONLY"))["status"] == "success"
    found = [one.path for one in lab.sandbox.journal if one.path.endswith("/closes_issues")]
    assert len(found) == asked


@pytest.mark.slow
async def test_thousands_of_refs_arrive(open_lab: Any) -> None:
    """Branches and tags by the thousand go with one push, and are verified one by one."""
    lab = await open_lab(project(issues=[]))
    world = lab.sandbox.gitlab
    folder = world.repository(world.projects[17])
    head = run_git(folder, "rev-parse", "refs/heads/main").decode().strip()
    names = [f"refs/heads/b/{number}" for number in range(1_500)]
    names += [f"refs/tags/t/{number}" for number in range(1_000)]
    lines = "".join(f"create {one} {head}\n" for one in names)
    run_git(folder, "update-ref", "--stdin", stdin=lines.encode())
    result = await lab.run("FULL", users=PEOPLE)
    assert result["status"] == "success", result.get("error")
    refs = (await lab.repository())["refs"]
    assert all(refs[one] == head for one in names)
    # One that carries the history, one that gives the claim back.
    asked = [one for one in lab.sandbox.journal if one.side == "github" and one.path.endswith("/info/refs")]
    assert sum("git-receive-pack" in one.query for one in asked) <= 2
