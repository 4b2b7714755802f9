"""An answer that does not come, or comes broken, never makes a thing twice."""

from __future__ import annotations

import collections
import re
from typing import Any

import pytest
from lab import USERS, Lab, differing, issue, note, project
from whole import POLICIES, link_files, whole

# Every endpoint that an apply creates something by, as globs over paths.
IMPORTING = ["/orgs/*/repos", "/repos/*/*/labels", "/repos/*/*/milestones", "*/import/issues", "*/graphql"]
ORDINARY = ["/repos/*/*/issues", "/repos/*/*/issues/*/comments"]
LOST: dict[str, dict[str, Any]] = {
    "dropped": {"drop": True},
    "502": {"status": 502, "body": "<html>Bad gateway</html>"},
    "503": {"status": 503},
    "truncated": {"truncate": 7},
    "not json": {"foreign_body": "html", "status": 200},
}


async def _undisturbed(lab: Lab, **fields: Any) -> tuple[Any, collections.Counter[str]]:
    """What an apply without faults makes, and how often it posts to each path."""
    mark = lab.mark()
    result = await lab.run("FULL", lab.config(**fields), users=USERS)
    assert result["status"] == "success", result
    posts = collections.Counter(one.split(" ")[1] for one in lab.writes(mark) if one.startswith("POST"))
    return await lab.settled(dated=fields.get("issues_via") != "rest"), posts


@pytest.mark.parametrize("effect", LOST)
@pytest.mark.parametrize("issues_via", ["import", "rest"])
async def test_lost_answers_make_no_duplicates(lab: Lab, issues_via: str, effect: str) -> None:
    """The answer to every creating request is lost after its effect: each is looked up, none sent again."""
    wanted, posts = await _undisturbed(lab, issues_via=issues_via)
    await lab.control("POST", "reset")
    endpoints = IMPORTING if issues_via == "import" else [*IMPORTING[:3], IMPORTING[4], *ORDINARY]
    when = {} if effect == "truncated" else {"when": "after"}
    await lab.faults(
        *({"path": path, "method": "POST", "effect": LOST[effect], **when} for path in endpoints)
    )
    mark = lab.mark()
    result = await lab.run("FULL", lab.config(issues_via=issues_via), work=lab.folder / "faulty", users=USERS)
    assert result["status"] == "success", (lab.writes(mark), result)
    sent = collections.Counter(one.split(" ")[1] for one in lab.writes(mark) if one.startswith("POST"))
    assert sent == posts
    if effect != "truncated":
        assert all(lab.sandbox.faults[index].matched for index in range(len(endpoints)))
    assert differing(await lab.settled(dated=issues_via == "import"), wanted) == []


# What makes nothing a second time.
ASKED_BY_POST = ("/git-receive-pack", "/info/lfs/objects/batch", "/info/lfs/objects/verify")


def _creating(lab: Lab, mark: int) -> collections.Counter[str]:
    posts = [one for one in lab.writes(mark) if one.startswith("POST") and not one.endswith(ASKED_BY_POST)]
    return collections.Counter(one.removeprefix("POST ") for one in posts)


@pytest.mark.parametrize(
    ("issues_via", "effect"), [("import", {"drop": True}), ("rest", {"status": 502, "body": "<html>"})]
)
async def test_no_kind_is_made_twice(open_lab: Any, issues_via: str, effect: dict[str, Any]) -> None:
    """All kinds, each answer to a creating request lost and each effect late: none is sent twice.

    The endpoints are those that the undisturbed run used, not a list that could be too short.
    """
    lab: Lab = await open_lab(whole())
    link_files(lab)
    config = lab.config(**POLICIES, issues_via=issues_via)
    assert (await lab.run("FULL", config))["status"] == "success"
    wanted, posts = await lab.settled(dated=False), _creating(lab, 0)
    endpoints = sorted({re.sub(r"/\d+(?=/|$)", "/*", one) for one in posts})
    assert len(endpoints) >= 10
    await lab.control("POST", "reset")
    link_files(lab)
    lost = {"method": "POST", "when": "after", "effect": {**effect, "lag_s": 0.02}}
    await lab.faults(*({"path": path, **lost} for path in endpoints))
    mark = lab.mark()
    result = await lab.run("FULL", config, work=lab.folder / "faulty")
    assert result["status"] == "success", (lab.writes(mark), result["error"])
    assert all(one.matched for one in lab.sandbox.faults)
    assert differing(_creating(lab, mark), posts) == []
    assert differing(await lab.settled(dated=False), wanted) == []


@pytest.mark.parametrize("effect", ["dropped", "503"])
async def test_lost_requests_are_sent_again(lab: Lab, effect: str) -> None:
    """A creating request that had no effect is looked up, not found, and sent once more."""
    wanted, posts = await _undisturbed(lab)
    await lab.control("POST", "reset")
    await lab.faults(
        *({"path": path, "method": "POST", "nth": 1, "effect": LOST[effect]} for path in IMPORTING)
    )
    mark = lab.mark()
    result = await lab.run("FULL", work=lab.folder / "faulty", users=USERS)
    assert result["status"] == "success", (lab.writes(mark), result)
    assert len([one for one in lab.writes(mark) if one.startswith("POST")]) == posts.total() + len(IMPORTING)
    assert differing(await lab.settled(), wanted) == []


async def test_a_push_whose_answer_is_lost_is_looked_up(lab: Lab) -> None:
    """A push that took effect and was not answered counts as done."""
    wanted, _ = await _undisturbed(lab)
    await lab.control("POST", "reset")
    await lab.faults(
        {"path": "*/git-receive-pack", "method": "POST", "when": "after", "effect": {"drop": True}}
    )
    result = await lab.run("FULL", work=lab.folder / "faulty", users=USERS)
    assert result["status"] == "success", result
    assert differing(await lab.settled(), wanted) == []


async def test_effects_that_show_late_are_waited_for(lab: Lab) -> None:
    """A lost answer whose effect cannot be read at once is not taken for a request without effect."""
    wanted, posts = await _undisturbed(lab, issues_via="rest")
    await lab.control("POST", "reset")
    late = {"drop": True, "lag_s": 0.05}  # with the brisk clock 2.5 s of the client's
    await lab.faults(
        *(
            {"path": path, "method": "POST", "when": "after", "effect": late}
            for path in [*IMPORTING[1:3], *ORDINARY]
        )
    )
    mark = lab.mark()
    result = await lab.run("FULL", lab.config(issues_via="rest"), work=lab.folder / "faulty", users=USERS)
    assert result["status"] == "success", (lab.writes(mark), result)
    sent = collections.Counter(one.split(" ")[1] for one in lab.writes(mark) if one.startswith("POST"))
    assert sent == posts
    assert differing(await lab.settled(dated=False), wanted) == []


@pytest.mark.parametrize("lag_s", [0.02, 0.1, 0.2])
async def test_a_repository_that_shows_late(lab: Lab, lag_s: float) -> None:
    """A repository that GitHub made and does not know for up to ten seconds is waited for."""
    wanted, posts = await _undisturbed(lab)
    await lab.control("POST", "reset")
    late = {"lag_s": lag_s}  # with the brisk clock fifty times as much of the client's
    await lab.faults({"path": "/orgs/*/repos", "method": "POST", "when": "after", "effect": late})
    mark = lab.mark()
    result = await lab.run("FULL", work=lab.folder / "faulty", users=USERS)
    assert result["status"] == "success", (lab.writes(mark), result)
    sent = collections.Counter(one.split(" ")[1] for one in lab.writes(mark) if one.startswith("POST"))
    assert sent == posts
    assert differing(await lab.settled(), wanted) == []


async def test_import_jobs_that_are_not_known_at_first(open_lab: Any) -> None:
    """The status of an import answers 404 for a moment, and the job takes a while: it is waited for."""
    lab = await open_lab(settings={"import_job_s": (0.1, 0.15), "import_status_lag_s": 0.05})
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    assert sum(one.endswith("/import/issues") for one in lab.writes()) == 4
    assert any(one.status == 404 and "/import/issues/" in one.path for one in lab.github())


async def test_a_slow_import_whose_answer_is_lost_is_waited_for(open_lab: Any) -> None:
    """The answer to an import is lost while its job still runs: the job is waited for, not started again."""
    lab = await open_lab(settings={"import_job_s": (0.3, 0.4)})
    await lab.faults({"path": "*/import/issues", "method": "POST", "when": "after", "effect": {"drop": True}})
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    assert sum(one.endswith("/import/issues") for one in lab.writes()) == 4


async def test_a_failing_import_names_its_reason_and_can_be_mended(lab: Lab) -> None:
    """An import that GitHub fails is told with item and reason; mended, the next run goes on from there."""
    assert (await lab.run("PLAN_ONLY"))["status"] == "success"
    removed: list[str] = []

    def listen(event: Any) -> None:
        if getattr(event, "kind", "") == "milestones" and event.agent == "apply" and not removed:
            repository = lab.sandbox.github.repository("acme/app")
            assert repository is not None
            label = repository.label("later")
            assert label is not None
            removed.append(label.name)
            del repository.labels[label.id]

    result = await lab.run("APPLY", listen=listen)
    assert (result["status"], result["error"]["reason"]) == ("failed", "target-refused")
    assert result["error"]["item"] == "issues/4"
    assert "later" in result["error"]["message"]
    assert result["error"]["hint"]
    again = await lab.run("APPLY")
    assert again["error"]["item"] == "issues/4"
    await lab.damage(
        {"op": "add", "path": "/labels/-", "value": {"name": "later", "color": "428bca", "description": ""}}
    )
    result = await lab.run("APPLY")
    assert result["status"] == "success", result


NO_IMPORT = {"path": "*/import/issues**", "effect": {"status": 404, "body": {"message": "Not Found"}}}


async def test_full_plans_again_without_the_import_api(lab: Lab) -> None:
    """Where there is no import API, FULL makes the plan again over the ordinary endpoints and goes on."""
    await lab.faults(NO_IMPORT)
    result = await lab.run("FULL")
    assert result["status"] == "success", result
    repository = await lab.repository()
    assert [one["number"] for one in repository["issues"]] == [1, 2, 4]
    assert [one["state"] for one in repository["issues"]] == ["open", "closed", "open"]
    assert [len(one["comments"]) for one in repository["issues"]] == [2, 1, 0]
    assert result["plan"]["price"]["imports"] == 0
    assert any("plan is made again" in getattr(one, "hint", "") for one in lab.events)


async def test_apply_without_the_import_api_asks_for_a_new_plan(lab: Lab) -> None:
    """APPLY stops with capability-missing; the plan made then has the real price, and its APPLY succeeds."""
    first = await lab.run("PLAN_ONLY")
    await lab.faults(NO_IMPORT)
    stopped = await lab.run("APPLY")
    assert stopped["error"]["reason"] == "capability-missing", stopped
    assert stopped["error"]["hint"]
    assert (await lab.repository())["issues"] == []
    second = await lab.run("PLAN_ONLY")
    assert second["status"] == "success"
    assert second["agents"]["plan"]["status"] == "done"
    assert second["plan"]["digest"] != first["plan"]["digest"]
    assert second["plan"]["price"]["content"] >= 6
    result = await lab.run("APPLY")
    assert result["status"] == "success", result


async def test_two_assignees_need_no_request_that_cannot_be_repeated(open_lab: Any) -> None:
    """Assignees beyond the first are set by a request that may be sent twice."""
    lab = await open_lab(project(issues=[issue(1, assignees=["anna", "ben"], notes=[note("Hello")])]))
    users = [("anna", "anna"), ("ben", "ben")]
    for method in ("PATCH", "POST"):
        path = "/repos/acme/app/issues/1**"
        await lab.faults(
            {"path": path, "method": method, "nth": 1, "when": "after", "effect": {"drop": True}}
        )
        result = await lab.run("FULL", users=users, work=lab.folder / method)
        assert result["status"] == "success", result
        (only,) = (await lab.repository())["issues"]
        assert sorted(one["login"] for one in only["assignees"]) == ["anna", "ben"]
        assert not any(one.startswith("POST /api/v3/repos/acme/app/issues/1") for one in lab.writes())
        await lab.control("POST", "reset")


APP = "ghs_installation0000000000"
MAY = dict.fromkeys(
    ("administration", "contents", "issues", "metadata", "pull_requests", "workflows"), "write"
)


async def test_an_app_finds_what_it_made_without_a_user_of_its_own(open_lab: Any) -> None:
    """`GET /user` tells an installation nothing: what a bot wrote is its own, a lost answer makes no two."""
    lab: Lab = await open_lab(project("acme/app", 17, issues=[issue(1, notes=[note("a word")]), issue(2)]))
    bot = {"id": 4711, "login": "mover[bot]"}
    token = {"login": "mover[bot]", "kind": "installation", "permissions": MAY}
    await lab.control(
        "PATCH",
        "state",
        [
            {"op": "add", "path": "/users/mover[bot]", "value": bot},
            {"op": "add", "path": f"/tokens/{APP}", "value": token},
        ],
    )
    lab.sandbox.github.account("acme").members["mover[bot]"] = "admin"
    await lab.faults(
        *({"path": path, "method": "POST", "when": "after", "effect": {"drop": True}} for path in ORDINARY)
    )
    mark = lab.mark()
    result = await lab.run("FULL", lab.config(issues_via="rest", github_token=APP), users=USERS)
    assert result["status"] == "success", result.get("error")
    assert [one.status for one in lab.github(mark) if one.path.endswith("/user")] == [403]
    repository = await lab.repository()
    assert [len(one["comments"]) for one in repository["issues"]] == [1, 0]


async def test_not_to_know_whose_a_marker_is_makes_nothing_twice(open_lab: Any) -> None:
    """A lost answer while `GET /user` is refused stops the project; the next run finds what was made."""
    lab: Lab = await open_lab(project("acme/app", 17, issues=[issue(1), issue(2)]))
    config = lab.config(issues_via="rest")
    assert (await lab.run("PLAN_ONLY", config, users=USERS))["status"] == "success"
    await lab.faults(
        {"path": "/repos/*/*/issues", "method": "POST", "when": "after", "effect": {"drop": True}, "nth": 1},
        {"path": "/user", "method": "GET", "effect": {"status": 403, "body": {"message": "Sorry."}}},
    )
    first = await lab.run("APPLY", config, users=USERS)
    assert first["error"]["item"] == "issues/1", first
    await lab.faults()
    assert (await lab.run("APPLY", config, users=USERS))["status"] == "success"
    assert [one["number"] for one in (await lab.repository())["issues"]] == [1, 2]


@pytest.mark.parametrize("numbering", ["issues-exact", "any"])
async def test_an_imported_issue_that_is_not_shown_has_no_receipt(open_lab: Any, numbering: str) -> None:
    """What a later step needs of an issue is asked for until GitHub tells it, in this run or the next."""
    child = issue(2, type="task", notes=[note("added #1 as parent issue", system=True)])
    lab: Lab = await open_lab(project("acme/app", 17, issues=[issue(1), child]))
    config = lab.config(issues_via="import", numbering=numbering)
    assert (await lab.run("PLAN_ONLY", config, users=USERS))["status"] == "success"
    await lab.faults({"path": "/repos/*/*/issues/*", "method": "GET", "effect": {"status": 410}})
    first = await lab.run("APPLY", config, users=USERS)
    assert "does not show it" in first["error"]["message"], first
    await lab.faults()
    assert (await lab.run("APPLY", config, users=USERS))["status"] == "success"
    assert [one["number"] for one in (await lab.repository())["issues"]] == [1, 2]
