"""The governor against the sandbox's limits: never refused, whatever the mixture and the latency."""

from __future__ import annotations

import asyncio

from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.target.api import open_github
from gl2gh_batch.target.auth import StaticToken
from gl2gh_batch.target.limits import parse_limits

LIMITS = {
    "primary": {"limit": 60, "window_s": 2},
    "points": {"limit": 90, "window_s": 1},
    "content_minute": {"limit": 8, "window_s": 0.5},
    "content_hour": {"limit": 25, "window_s": 2},
    "concurrency": {"limit": 6},
}
SLOW = {
    "side": "github",
    "method": "*",
    "path": "*",
    "probability": 0.5,
    "seed": 1,
    "when": "before",
    "effect": {"delay_s": 0.1},
}


async def test_a_mixture_of_requests_is_never_refused() -> None:
    """Reads, writes and creations of many tasks, half of them slow: no 403, no 429, and all are done."""
    clock = SystemClock()
    async with Sandbox(limits=LIMITS, faults=[SLOW]) as sandbox, open_session() as session:
        governor = RequestGovernor(credential="github", limits=parse_limits(LIMITS), clock=clock)
        github = open_github(
            session=session,
            api_url=sandbox.github_api_url,
            authorize=StaticToken(sandbox.github_token).authorize,
            governor=governor,
            clock=clock,
        )
        repo = RepoRef(owner=sandbox.owner, name="app")
        await github.write("POST", f"/orgs/{repo.owner}/repos", {"name": repo.name})

        async def work(number: int) -> None:
            assert await github.repository(repo) is not None
            body = {"title": f"issue {number}", "body": "b"}
            answer = await github.write("POST", f"/repos/{repo}/issues", body, Pace.CONTENT)
            assert answer.status == 201
            label = {"name": f"label {number}", "color": "ff0000"}
            assert (await github.write("POST", f"/repos/{repo}/labels", label)).status == 201

        await asyncio.gather(*(work(number) for number in range(30)))
        statuses = {entry.status for entry in sandbox.journal}
        assert statuses == {200, 201}
        assert governor.snapshot().refusals == {}


async def test_what_others_take_of_the_primary_budget_is_left_to_them() -> None:
    """Somebody else uses the same token: the headers say so, and we are not refused."""
    clock = SystemClock()
    limits = {"primary": {"limit": 20, "window_s": 3}}
    async with Sandbox(limits=limits) as sandbox, open_session() as session:
        credential = StaticToken(sandbox.github_token)
        governor = RequestGovernor(credential="github", limits=parse_limits(limits), clock=clock)
        github = open_github(
            session=session,
            api_url=sandbox.github_api_url,
            authorize=credential.authorize,
            governor=governor,
            clock=clock,
        )
        await github.viewer()
        for _ in range(12):
            url = f"{sandbox.github_api_url}/user"
            async with session.get(url, headers=await credential.authorize()) as response:
                assert response.status == 200
        for _ in range(15):
            await github.viewer()
        assert {entry.status for entry in sandbox.journal} == {200}
        assert governor.snapshot().waited_s.keys() == {"primary"}
