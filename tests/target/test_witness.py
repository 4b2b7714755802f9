"""The witness: PyGithub over our transport, lists only, and as little memory as a page."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import pytest
from aiohttp import web
from clocks import RushingClock
from servers import answers, serving

from gl2gh_batch.domain.errors import NotFoundError, TargetError
from gl2gh_batch.domain.limits import READ_COSTS
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http_threads import GovernedAdapter, Line, ThreadRunner, governed_session
from gl2gh_batch.target import sansio
from gl2gh_batch.target.auth import StaticToken
from gl2gh_batch.target.models import IssueComment
from gl2gh_batch.target.spool import CommentSpool
from gl2gh_batch.target.witness import Witness

REPO = RepoRef(owner="acme", name="app")


async def test_the_witness_sees_what_the_writer_made(target: object, tmp_path: Path) -> None:
    """Labels, milestones, issues and comments, the same through other code; one request for each page."""
    for number in range(3):
        path = f"/repos/{target.repo}/issues"
        await target.github.write("POST", path, {"title": f"issue {number + 1}", "body": "b"})
        await target.github.write("POST", f"{path}/{number + 1}/comments", {"body": f"about {number + 1}"})
    await target.github.write("POST", f"/repos/{target.repo}/milestones", {"title": "v1", "state": "closed"})
    before = target.governor.snapshot().requests
    witness = target.witness.for_project("group/app")
    assert [one.title async for one in witness.issues(target.repo)] == ["issue 1", "issue 2", "issue 3"]
    assert [one.title async for one in witness.milestones(target.repo)] == ["v1"]
    labels = [one async for one in witness.labels(target.repo)]
    assert labels == [one async for one in target.github.labels(target.repo)]
    with await witness.spool_comments(target.repo, tmp_path) as spool:
        assert spool.total == 3
        assert [one.body for one in spool.comments_of(2)] == ["about 2"]
        assert list(spool.comments_of(9)) == []
        assert list(spool.numbers()) == [1, 2, 3]
        assert list(tmp_path.iterdir())
    assert list(tmp_path.iterdir()) == []
    assert target.governor.snapshot().requests - before == 5
    assert await witness.refs(target.repo) == {"refs/heads/of-app": "0" * 40}


async def test_a_repository_is_read_or_missing(target: object) -> None:
    """None, and no error, for what is not there; an error for lists of it."""
    repository = await target.witness.repository(target.repo)
    assert repository is not None
    assert repository.full_name == "acme/app"
    absent = RepoRef(owner="acme", name="absent")
    assert await target.witness.repository(absent) is None
    with pytest.raises(NotFoundError):
        [one async for one in target.witness.labels(absent)]


class Scripted:
    """A witness of a scripted server, in a world where waiting takes no time."""

    def __init__(self, url: str) -> None:
        clock = RushingClock()
        self.governor = RequestGovernor(credential="test", limits={}, clock=clock, margin_s=0.0)
        self.runner = ThreadRunner(1, clock)
        adapter = GovernedAdapter(
            service="GitHub",
            base_url=url,
            governor=self.governor,
            costs=READ_COSTS,
            read_limits=sansio.read_limits,
            loop=asyncio.get_running_loop(),
        )

        async def no_refs(_: RepoRef) -> Mapping[str, str]:
            return {}

        self.session = governed_session(adapter)
        self.witness = Witness(
            api_url=url,
            credential=StaticToken("t0ken-of-test"),
            runner=self.runner,
            line=Line(self.session),
            ls_remote=no_refs,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.close()
        self.session.close()


async def test_pages_are_read_one_at_a_time_and_failures_are_tried_again() -> None:
    """A page is asked for when the one before was used up; a 502 and a rate limit are waited out."""
    link = {"Link": '<{}/repos/acme/app/labels?page=2>; rel="next"'}
    script: list[web.Response] = [
        web.Response(status=502),
        web.Response(status=429, headers={"Retry-After": "3"}),
        web.Response(text='[{"name": "a"}]', headers=link),
        web.Response(text='[{"name": "b"}]'),
    ]

    async def handler(_: web.Request) -> web.Response:
        one = script.pop(0)
        if "Link" in one.headers:
            one.headers["Link"] = one.headers["Link"].format(seen.url)
        return one

    async with serving(handler) as seen:
        with Scripted(seen.url) as scripted:
            pages = scripted.witness.labels(REPO)
            assert (await anext(pages)).name == "a"
            assert len(seen.requests) == 3
            assert [one.name async for one in pages] == ["b"]
            assert scripted.governor.snapshot().requests == 4
            assert scripted.governor.snapshot().refusals == {"secondary": 1}
    assert seen.requests[0].headers["Authorization"] == "Bearer t0ken-of-test"
    assert seen.lines[-1] == "GET /repos/acme/app/labels?page=2"


async def test_links_and_redirects_to_strangers_are_not_followed() -> None:
    """The token stays with the configured address."""
    async with serving(answers(web.Response(text="[]"))) as stranger:
        for response in (
            web.Response(text="[]", headers={"Link": f'<{stranger.url}/repos/x?page=2>; rel="next"'}),
            web.Response(status=301, headers={"Location": "http://localhost:1/repos/acme/app/labels"}),
        ):
            async with serving(answers(response)) as seen:
                with Scripted(seen.url) as scripted, pytest.raises(TargetError):
                    [one async for one in scripted.witness.labels(REPO)]
    assert stranger.requests == []


async def test_a_refusal_is_an_error_of_ours() -> None:
    """403 for lack of rights, and a body that is no list."""
    async with serving(answers(web.Response(status=403, text='{"message":"no"}'))) as seen:
        with Scripted(seen.url) as scripted, pytest.raises(TargetError, match="403"):
            [one async for one in scripted.witness.labels(REPO)]
    async with serving(answers(web.Response(text='{"a": 1}'))) as seen:
        with Scripted(seen.url) as scripted, pytest.raises(TargetError, match="no list"):
            [one async for one in scripted.witness.labels(REPO)]


def _page(*pulls: tuple[int, int], more: bool = False, cursor: str | None = None) -> web.Response:
    """A page of the list of reviews: pull requests with one approval listed of so many."""
    listed = [{"state": "APPROVED", "body": ""}]
    page = {
        "pulls": [{"number": one, "reviews": {"total": total, "listed": listed}} for one, total in pulls],
        "following": {"more": more, "cursor": cursor},
    }
    return web.json_response({"data": {"repository": {"page": page}}})


async def test_reviews_come_by_the_hundred_and_those_of_a_long_list_by_themselves(tmp_path: Path) -> None:
    """The second page begins where the first says; what is listed in part is asked for by REST."""
    alone = web.json_response([{"id": 7, "state": "COMMENTED", "body": "a", "user": None}, {"id": 8}])
    script = answers(_page((1, 1), (2, 12), more=True, cursor="c"), alone, _page((3, 1)))
    async with serving(script) as seen:
        with Scripted(seen.url) as scripted:
            spool = await scripted.witness.spool_reviews(REPO, tmp_path)
            assert spool is not None
            with spool:
                states = [[one.state for one in spool.comments_of(number)] for number in (1, 2, 3)]
    assert states == [["APPROVED"], ["COMMENTED", ""], ["APPROVED"]]
    lines = ["POST /graphql", "GET /repos/acme/app/pulls/2/reviews?per_page=100", "POST /graphql"]
    assert seen.lines == lines
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "response",
    [
        _page((1, 1), more=True),
        web.json_response({"data": {"repository": None}}),
        web.json_response({"errors": [{"type": "FORBIDDEN", "message": "no"}], "data": {}}),
        web.json_response([]),
        web.json_response(
            {"data": {"repository": {"page": {"pulls": [None], "following": {"more": False}}}}}
        ),
        web.Response(status=403, text="{}"),
        web.Response(status=404, text="{}"),
        web.Response(status=502),
        web.Response(text="<html>", content_type="text/html"),
    ],
)
async def test_reviews_that_graphql_does_not_tell(response: web.Response, tmp_path: Path) -> None:
    """There is none then, instead of an error, or of less than there is: they are asked for by REST."""
    async with serving(answers(response)) as seen:
        with Scripted(seen.url) as scripted:
            assert await scripted.witness.spool_reviews(REPO, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_comment_that_is_seen_twice_is_kept_once(tmp_path: Path) -> None:
    """A later page may repeat a comment: the last one counts."""
    url = "https://api.github.com/repos/acme/app/issues/7"
    with CommentSpool(tmp_path, IssueComment) as spool:
        spool.add([IssueComment(id=1, issue_url=url, body="old"), IssueComment(id=2, issue_url=url)])
        spool.add([IssueComment(id=1, issue_url=url, body="new")])
        assert [(one.id, one.body) for one in spool.comments_of(7)] == [(1, "new"), (2, None)]
        assert spool.total == 2
