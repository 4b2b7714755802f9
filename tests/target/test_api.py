"""The GitHub API client, against the sandbox and against answers that no sandbox gives."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web
from clocks import RushingClock
from servers import answers, serving

from gl2gh_batch.domain.errors import AuthenticationError, NotFoundError, TargetError, UnclearAnswerError
from gl2gh_batch.domain.events import Event, Waiting
from gl2gh_batch.domain.limits import CONTENT_COSTS, WRITE_COSTS, Limit, LimitClass
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.target.api import ACCEPT, API_VERSION, IMPORT_ACCEPT, GitHub, open_github
from gl2gh_batch.target.auth import StaticToken
from gl2gh_batch.target.models import ImportStatus
from gl2gh_batch.target.refusals import RefusedAnswerError, refusal_of

SSO = {"X-GitHub-SSO": "required; url=https://sso"}
REPO = RepoRef(owner="acme", name="app")


def github_at(url: str, session: object) -> GitHub:
    """A client of a scripted server, in a world where waiting takes no time."""
    clock = RushingClock()
    governor = RequestGovernor(credential="test", limits={}, clock=clock, margin_s=0.0)
    return open_github(
        session=session,
        api_url=url,
        authorize=StaticToken("t0ken-of-test").authorize,
        governor=governor,
        clock=clock,
    )


async def import_issue(target: object, title: str, *comments: str) -> ImportStatus:
    """One issue by the import API, waited for."""
    body = {"issue": {"title": title, "body": "b"}, "comments": [{"body": text} for text in comments]}
    path = f"/repos/{target.repo}/import/issues"
    answer = await target.github.write("POST", path, body, Pace.IMPORT)
    assert answer.status == 202
    while True:
        status = await target.github.import_status(target.repo, answer.json()["id"])
        if status is not None and status.status != "pending":
            return status
        await asyncio.sleep(0.02)


async def test_who_the_token_is_and_may(target: object) -> None:
    """Viewer, scopes, budgets, and the kind of an owner."""
    assert (await target.github.viewer()).login == "acme-migrator"
    assert "repo" in (await target.github.scopes() or ())
    assert "core" in await target.github.rate_limit()
    owner = await target.github.account(target.repo.owner)
    assert owner is not None
    assert owner.type == "Organization"
    assert await target.github.account("nobody-of-that-name") is None


async def test_what_is_missing_is_none_and_what_is_there_is_typed(target: object) -> None:
    """Repository, label, milestone and issue by name."""
    repository = await target.github.repository(target.repo)
    assert repository is not None
    assert repository.private
    assert repository.permissions is not None
    assert repository.permissions.admin
    absent = RepoRef(owner="acme", name="absent")
    assert await target.github.repository(absent) is None
    assert await target.github.label(target.repo, "absent") is None
    assert await target.github.milestone(target.repo, 7) is None
    assert await target.github.issue(target.repo, 7) is None
    assert await target.github.is_assignable(target.repo, "octocat")
    assert not await target.github.is_assignable(target.repo, "nobody")
    with pytest.raises(NotFoundError, match="/repos/acme/absent/labels"):
        [one async for one in target.github.labels(absent)]


async def test_an_empty_repository_has_no_refs(target: object) -> None:
    """GitHub answers 409 for it, which is no error here."""
    assert [one async for one in target.github.refs(target.repo)] == []


async def test_lists_are_followed_to_their_last_page(target: object) -> None:
    """More than one page of labels, each once, with names that need quoting."""
    wanted = {f"scope::{number} ü/?#%" for number in range(101)}
    for name in sorted(wanted):
        answer = await target.github.write(
            "POST", f"/repos/{target.repo}/labels", {"name": name, "color": "ff0000"}
        )
        assert answer.status == 201
    found = [label.name async for label in target.github.labels(target.repo)]
    assert wanted < set(found)
    assert len(found) == len(set(found)) > 100
    label = await target.github.label(target.repo, "SCOPE::7 ü/?#%")
    assert label is not None
    assert label.color == "ff0000"


async def test_an_issue_with_comments_is_imported_and_read_back(target: object) -> None:
    """The import's status names the number; issue and comments are there."""
    today = datetime.now(UTC).date()
    assert await target.github.has_issue_import(target.repo, today)
    status = await import_issue(target, "first", "one", "two")
    assert (status.status, status.number) == ("imported", 1)
    assert [one.id async for one in target.github.import_statuses(target.repo, today)] == [status.id]
    [issue] = [one async for one in target.github.issues(target.repo)]
    assert (issue.number, issue.title, issue.comments) == (1, "first", 2)
    comments = [one async for one in target.github.issue_comments(target.repo, 1)]
    assert [one.body for one in comments] == ["one", "two"]
    assert {one.number for one in comments} == {1}


async def test_a_clear_refusal_of_a_write_is_an_answer_with_its_error(target: object) -> None:
    """422 with its fields: the engine decides what it means."""
    path = f"/repos/{target.repo}/milestones"
    assert (await target.github.write("POST", path, {"title": "m"})).status == 201
    answer = await target.github.write("POST", path, {"title": "m"})
    error = refusal_of(answer)
    assert isinstance(error, RefusedAnswerError)
    assert error.status == 422
    assert error.body.has("already_exists", field="title")


async def test_a_preview_header_goes_to_the_import_only() -> None:
    """The import wants golden-comet; every request carries the version of the API."""
    async with serving(answers(web.Response(text="[]"))) as seen, open_session() as session:
        github = github_at(seen.url, session)
        [one async for one in github.import_statuses(REPO, datetime(2026, 1, 2, tzinfo=UTC).date())]
        [one async for one in github.labels(REPO)]
    assert [one.headers["Accept"] for one in seen.requests] == [IMPORT_ACCEPT, ACCEPT]
    assert {one.headers["X-GitHub-Api-Version"] for one in seen.requests} == {API_VERSION}
    assert seen.lines[0] == "GET /repos/acme/app/import/issues?per_page=100&since=2026-01-02"


async def test_scopes_are_told_by_an_instance_without_rate_limits() -> None:
    """GHES answers 404 there and names the scopes all the same; a fine-grained token has none to tell."""
    refusal = web.Response(status=404, headers={"X-OAuth-Scopes": "repo, workflow"})
    async with serving(answers(refusal, web.Response(text="{}"))) as seen, open_session() as session:
        github = github_at(seen.url, session)
        assert await github.scopes() == ("repo", "workflow")
        assert await github.scopes() is None


async def test_a_target_without_the_import_says_so() -> None:
    """404 for its list means that the capability is missing."""
    async with serving(answers(web.Response(status=404))) as seen, open_session() as session:
        assert not await github_at(seen.url, session).has_issue_import(
            REPO, datetime(2026, 1, 2, tzinfo=UTC).date()
        )


async def test_a_write_draws_on_the_budgets_of_its_pace_and_imports_learn() -> None:
    """After one secondary refusal of an import, its next try is paid from the content budgets."""
    refusal = web.Response(
        status=403,
        headers={"Retry-After": "5"},
        text='{"message":"You have exceeded a secondary rate limit"}',
    )
    done = web.Response(status=202, text='{"id": 1, "status": "pending"}')
    async with serving(answers(refusal, done)) as seen, open_session() as session:
        github = github_at(seen.url, session)
        answer = await github.write("POST", "/repos/acme/app/import/issues", {}, Pace.IMPORT)
        units = github.governor.snapshot().units
    assert answer.status == 202
    assert len(seen.requests) == 2
    assert github.governor.imports_are_content
    assert units[LimitClass.POINTS] == WRITE_COSTS[LimitClass.POINTS] * 2
    assert units[LimitClass.CONTENT_HOUR] == CONTENT_COSTS[LimitClass.CONTENT_HOUR]


async def test_a_write_that_succeeds_with_a_damaged_body_is_unclear() -> None:
    """201 without the id or number that the receipt needs: looked up, not believed."""
    async with serving(answers(web.Response(status=201, text='{"id": 1'))) as seen, open_session() as session:
        with pytest.raises(UnclearAnswerError, match="no JSON"):
            await github_at(seen.url, session).write("POST", "/repos/acme/app/labels", {})
    assert len(seen.requests) == 1


async def test_a_next_page_on_another_host_is_not_asked_for() -> None:
    """A `Link` that leads elsewhere ends the reading with an error, and the token stays here."""
    async with serving(answers(web.Response(text="[]"))) as stranger:
        page = web.Response(text="[]", headers={"Link": f'<{stranger.url}/x>; rel="next"'})
        async with serving(answers(page)) as seen, open_session() as session:
            with pytest.raises(Exception, match="not followed"):
                [one async for one in github_at(seen.url, session).labels(REPO)]
    assert stranger.requests == []


@pytest.mark.parametrize(
    ("response", "error", "message"),
    [
        (web.Response(status=403, text='{"message":"must have admin"}'), RefusedAnswerError, "must have"),
        (web.Response(status=403, headers=SSO), AuthenticationError, "https://sso"),
        (web.Response(status=404), NotFoundError, "not visible"),
        (web.Response(status=410), RefusedAnswerError, "410"),
        (web.Response(text='{"a": 1}'), TargetError, "no list"),
        (web.Response(text='[{"name": 5}]'), TargetError, "Label of an unexpected shape"),
    ],
)  # fmt: skip
async def test_refusals_and_foreign_bodies_become_errors_of_ours(
    response: web.Response, error: type[Exception], message: str
) -> None:
    """Each with the path and what to do."""
    async with serving(answers(response)) as seen, open_session() as session:
        with pytest.raises(error, match=message):
            [one async for one in github_at(seen.url, session).labels(REPO)]


async def test_requests_of_a_project_are_made_in_its_name() -> None:
    """The name reaches the governor, and so the events of its waits."""
    events: list[Event] = []
    clock = RushingClock()
    limits = {LimitClass.POINTS: Limit(limit=1, window_s=60.0)}
    governor = RequestGovernor(credential="test", limits=limits, clock=clock, emit=events.append)
    async with serving(answers(web.Response(text='{"login": "me"}'))) as seen, open_session() as session:
        github = open_github(
            session=session,
            api_url=seen.url,
            authorize=StaticToken("t0ken-of-test").authorize,
            governor=governor,
            clock=clock,
        ).for_project("group/app")
        await github.viewer()
        await github.viewer()
    assert [one.project for one in events if isinstance(one, Waiting)] == ["group/app"]
