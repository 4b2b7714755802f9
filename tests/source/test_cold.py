"""python-gitlab for discovery: governed, tolerant of what a token may not see, and never asleep."""

from __future__ import annotations

import asyncio
import time
from typing import Self

import pytest
from aiohttp import web
from clocks import RushingClock
from servers import answers, serving

from gl2gh_batch.domain.errors import NotFoundError, SourceError
from gl2gh_batch.domain.inventory import NOT_CARRIED
from gl2gh_batch.domain.limits import GITLAB_COSTS
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http_threads import GovernedAdapter, Line, ThreadRunner, governed_session
from gl2gh_batch.source import sansio
from gl2gh_batch.source.cold import ColdGitLab
from gl2gh_batch.source.models import Project

PROJECT = Project(id=5, path_with_namespace="a/b")


class Scripted:
    """A cold client of a scripted server, in a world where waiting takes no time."""

    def __init__(self, url: str) -> None:
        clock = RushingClock()
        self.governor = RequestGovernor(credential="test", limits={}, clock=clock, margin_s=0.0)
        self.runner = ThreadRunner(1, clock)
        adapter = GovernedAdapter(
            service="GitLab",
            base_url=url,
            governor=self.governor,
            costs=GITLAB_COSTS,
            read_limits=sansio.read_limits,
            loop=asyncio.get_running_loop(),
        )
        self.session = governed_session(adapter)
        self.cold = ColdGitLab(url=url, token="glpat-x", runner=self.runner, line=Line(self.session))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.close()
        self.session.close()


async def test_a_real_project_is_counted(source: object) -> None:
    """The export's issues, milestones, branches and tags, and all that cannot be carried yet."""
    project = await source.cold.project("imported/test_project")
    assert project == await source.gitlab.project(7)
    counts = await source.cold.for_project("imported/test_project").counts(7)
    assert counts == {
        "issues": 10,
        "merge_requests": 9,
        "labels": 0,
        "milestones": 5,
        "branches": 26,
        "tags": 2,
        "releases": 0,
        "snippets": 0,
        "uploads": 2,
        "wiki": 1,
    }
    lost = await source.cold.counts_not_carried(project)
    assert set(lost) == set(NOT_CARRIED)


async def test_the_instance_the_user_and_groups(source: object) -> None:
    """The same as the other client sees."""
    assert await source.cold.version() == await source.gitlab.version()
    assert await source.cold.current_user() == await source.gitlab.current_user()
    assert await source.cold.group("imported") == await source.gitlab.group("imported")
    with pytest.raises(NotFoundError, match=r"^project no/such is missing"):
        await source.cold.project("no/such")


async def test_what_a_token_may_not_count_is_none() -> None:
    """403, 404 and a list above 10,000 without a total: not told, and no error."""
    for response in (web.Response(status=403), web.Response(status=404), web.json_response([{"id": 1}])):
        async with serving(answers(response)) as seen:
            with Scripted(seen.url) as scripted:
                # The list of a wiki's pages has no pages itself, and tells.
                counted = {
                    kind: one for kind, one in (await scripted.cold.counts(5)).items() if kind != "wiki"
                }
                assert set(counted.values()) == {None}
                assert set((await scripted.cold.counts_not_carried(PROJECT)).values()) == {None}
    assert seen.requests[0].headers["PRIVATE-TOKEN"] == "glpat-x"
    assert "per_page=1" in seen.lines[0]


async def test_a_rate_limit_is_waited_for_by_the_governor_and_not_by_the_library() -> None:
    """python-gitlab would sleep in its thread; nothing sleeps, and the governor hears of it."""
    refusal = web.Response(status=429, headers={"Retry-After": "30"})
    async with serving(answers(refusal, web.json_response({"version": "17"}))) as seen:
        with Scripted(seen.url) as scripted:
            began = time.monotonic()
            assert (await scripted.cold.version()).version == "17"
            assert time.monotonic() - began < 15
            assert scripted.governor.snapshot().refusals == {"secondary": 1}
    assert len(seen.requests) == 2


async def test_an_answer_that_cannot_be_read_is_an_error_of_ours() -> None:
    """HTML with status 200."""
    async with serving(answers(web.Response(text="<html>"))) as seen:
        with Scripted(seen.url) as scripted, pytest.raises(SourceError):
            await scripted.cold.version()
