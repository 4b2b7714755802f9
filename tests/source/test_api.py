"""The GitLab API client, against the sandbox with real projects and against answers that no sandbox gives."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from aiohttp import web
from clocks import RushingClock
from servers import answers, serving

from gl2gh_batch.domain.errors import AuthenticationError, NotFoundError, SourceError, TransportError
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.source.api import GitLab, TokenHeader, open_gitlab
from gl2gh_batch.source.models import Project
from gl2gh_batch.source.refusals import RefusedAnswerError


def gitlab_at(url: str, session: object, header: TokenHeader = TokenHeader.PRIVATE_TOKEN) -> GitLab:
    """A client of a scripted server, in a world where waiting takes no time."""
    clock = RushingClock()
    governor = RequestGovernor(credential="test", limits={}, clock=clock, margin_s=0.0)
    return open_gitlab(
        session=session, url=url, token="glpat-x", governor=governor, clock=clock, header=header
    )


async def test_a_project_is_found_by_id_and_by_path(source: object) -> None:
    """With its sizes; what is missing or hidden is an error that names it."""
    by_id = await source.gitlab.project(7)
    assert by_id == await source.gitlab.project("imported/test_project")
    assert by_id.statistics is not None
    assert by_id.statistics.repository_size
    with pytest.raises(NotFoundError, match=r"^project no/such is missing"):
        await source.gitlab.project("no/such")


async def test_issues_with_their_notes_are_read_whole(source: object) -> None:
    """The export's ten issues with eighty notes, oldest first."""
    issues = [one async for one in source.gitlab.issues(7)]
    assert sorted(one.iid for one in issues) == list(range(1, 11))
    assert [one.created_at for one in issues] == sorted(one.created_at for one in issues)
    notes = [
        note
        for issue in issues
        async for note in source.gitlab.notes(7, issue.iid, user_notes_count=issue.user_notes_count)
    ]
    assert len(notes) == 80
    assert all(note.author is not None and note.author.username for note in notes)
    alone = await source.gitlab.issue(7, 3)
    assert alone == next(one for one in issues if one.iid == 3)


async def test_changes_since_a_moment_are_asked_for(source: object) -> None:
    """The second pass of an export reads what was updated since."""
    everything = [one async for one in source.gitlab.issues(7)]
    since = datetime(2016, 1, 1, tzinfo=UTC)
    assert [one async for one in source.gitlab.issues(7, updated_after=since)] == everything
    assert [
        one async for one in source.gitlab.issues(7, updated_after=datetime(2030, 1, 1, tzinfo=UTC))
    ] == []


async def test_labels_milestones_members_and_awards(source: object) -> None:
    """The recordings' labels with scoped names' fields, both milestones, and reactions over several pages."""
    labels = {one.name: one async for one in source.gitlab.labels("gitea/test_repo")}
    assert labels["bug"].color == "#d9534f"
    assert len(labels) == 9
    milestones = {one.title: one.state async for one in source.gitlab.milestones(15578026)}
    assert milestones == {"1.0.0": "closed", "1.1.0": "active"}
    awards = [one.name async for one in source.gitlab.awards(15578026, 2)]
    assert len(awards) == 6
    assert [one.username async for one in source.gitlab.members(7)]
    assert [one async for one in source.gitlab.issue_links(7, 1)] == []
    assert [one async for one in source.gitlab.closed_by(7, 1)] == []


async def test_the_survey_takes_two_requests(source: object) -> None:
    """The highest iid of issues and of merge requests."""
    project = await source.gitlab.project(7)
    before = source.governor.snapshot().requests
    survey = await source.gitlab.survey(project)
    assert (survey.highest_issue, survey.highest_merge_request) == (10, 9)
    assert source.governor.snapshot().requests - before == 2


async def test_groups_users_and_the_instance(source: object) -> None:
    """Group projects with subgroups, user look-up, version."""
    assert [one.id async for one in source.gitlab.group_projects("imported")] == [7]
    assert (await source.gitlab.group("imported")).full_path == "imported"
    user = await source.gitlab.user("LAFRIKS")
    assert user is not None
    assert user.username == "lafriks"
    assert await source.gitlab.user("nobody-of-that-name") is None
    assert (await source.gitlab.current_user()).username == "migrator"
    assert (await source.gitlab.version()).version


async def test_an_issue_without_notes_costs_no_request_but_system_notes_do() -> None:
    """`user_notes_count` does not count system notes, so it says nothing about them."""
    page = json.dumps(
        [
            {"id": 1, "created_at": "2026-01-01T00:00:00Z", "system": True, "body": "changed"},
            {"id": 2, "created_at": "2026-01-01T00:00:00Z", "body": "hello"},
        ]
    )
    async with serving(answers(web.Response(text=page))) as seen, open_session() as session:
        gitlab = gitlab_at(seen.url, session)
        assert [one async for one in gitlab.notes(1, 5, user_notes_count=0)] == []
        assert seen.requests == []
        assert [one.id async for one in gitlab.notes(1, 5, user_notes_count=3)] == [2]
        assert [one.id async for one in gitlab.notes(1, 5, user_notes_count=0, system=True)] == [1, 2]
    assert "activity_filter=only_comments" in seen.lines[0]
    assert "activity_filter" not in seen.lines[1]


async def test_the_survey_looks_beyond_where_an_import_set_the_dates() -> None:
    """A record with an old date may have the highest number: those above are asked for until none is left."""
    newest = [{"iid": iid} for iid in (40, 55, 39)]
    more = {"Link": '<https://x/?page=2>; rel="next"'}
    project = Project(id=1, path_with_namespace="a/b", merge_requests_enabled=False)
    script = answers(
        web.Response(text=json.dumps(newest), headers=more),
        web.Response(text='[{"iid": 90}, {"iid": 71}]'),
        web.Response(text="[]"),
    )
    async with serving(script) as seen, open_session() as session:
        survey = await gitlab_at(seen.url, session).survey(project)
    assert (survey.highest_issue, survey.highest_merge_request) == (90, 0)
    assert "iids[]=56&" in seen.lines[1]
    assert "iids[]=155&" in seen.lines[1]
    assert "iids[]=91&" in seen.lines[2]

    descending = [{"iid": iid} for iid in (55, 40, 39)]
    async with (
        serving(answers(web.Response(text=json.dumps(descending), headers=more))) as seen,
        open_session() as session,
    ):
        assert (await gitlab_at(seen.url, session).survey(project)).highest_issue == 55
    assert len(seen.requests) == 1


@pytest.mark.parametrize(
    ("header", "name", "value"),
    [
        (TokenHeader.PRIVATE_TOKEN, "PRIVATE-TOKEN", "glpat-x"),
        (TokenHeader.BEARER, "Authorization", "Bearer glpat-x"),
    ],
)
async def test_the_token_goes_in_the_chosen_header(header: TokenHeader, name: str, value: str) -> None:
    """Personal tokens and OAuth tokens are sent differently."""
    async with serving(answers(web.Response(text='{"version": "17"}'))) as seen, open_session() as session:
        await gitlab_at(seen.url + "/gitlab/", session, header).version()
    assert seen.lines == ["GET /gitlab/api/v4/version"]
    assert seen.requests[0].headers[name] == value


async def test_a_link_with_another_host_is_followed_on_ours() -> None:
    """Instances behind a proxy name their inner address: only the query of the link is used."""
    async with serving(answers(web.Response(text="[]"))) as stranger:
        first = web.Response(
            text='[{"name": "a"}]', headers={"Link": f'<{stranger.url}/x?page=2>; rel="next"'}
        )
        second = web.Response(text='[{"name": "b"}]')
        async with (
            serving(answers(first, second, first, second)) as seen,
            open_session() as session,
        ):
            labels = [one.name async for one in gitlab_at(seen.url, session).labels("a/b")]
    assert labels == ["a", "b"]
    assert stranger.requests == []
    assert seen.lines[1] == "GET /api/v4/projects/a%2Fb/labels?page=2"


@pytest.mark.parametrize(
    ("response", "error", "message"),
    [
        (web.Response(status=401), AuthenticationError, "read_api"),
        (web.Response(status=403, text='{"message":"403 Forbidden"}'), RefusedAnswerError, "403 Forbidden"),
        (web.Response(status=404), NotFoundError, "member"),
        (web.Response(status=400, text='{"error":"id is invalid"}'), RefusedAnswerError, "id is invalid"),
        (web.Response(text='{"name": "x"}'), SourceError, "no list"),
        (web.Response(text='[{"name": 5}]'), SourceError, "Label of an unexpected shape"),
    ],
)
async def test_refusals_and_foreign_bodies_become_errors_of_ours(
    response: web.Response, error: type[Exception], message: str
) -> None:
    """Each with the path and what to do; none is tried again."""
    async with serving(answers(response)) as seen, open_session() as session:
        with pytest.raises(error, match=message):
            [one async for one in gitlab_at(seen.url, session).labels(1)]
    assert len(seen.requests) == 1


@pytest.mark.parametrize("told", ["{}", "[]", "null", '{"id": null}', '{"message": "x"}', '[{"data": {}}]'])
async def test_a_document_that_is_no_answer_of_graphql_tells_nothing(told: str) -> None:
    """It is not read as "this GitLab does not tell it": something in between answered."""
    script = answers(web.Response(text=told, content_type="application/json"))
    async with serving(script) as seen, open_session() as session:
        with pytest.raises(TransportError, match="another document"):
            await gitlab_at(seen.url, session).graphql("query a { b }", {})


@pytest.mark.parametrize("told", ['{"errors": [{"message": "x"}]}', '{"data": null}', '{"errors": []}'])
async def test_a_query_that_graphql_refuses(told: str) -> None:
    """What an older GitLab says of fields that it does not know."""
    script = answers(web.Response(text=told, content_type="application/json"))
    async with serving(script) as seen, open_session() as session:
        with pytest.raises(RefusedAnswerError):
            await gitlab_at(seen.url, session).graphql("query a { b }", {})
