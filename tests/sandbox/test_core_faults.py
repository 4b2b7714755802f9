"""Faults that are switched on per route."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from gl2gh_batch.sandbox.faults import matches, parse_faults


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("/repos/*/*/issues", "/api/v3/repos/acme/app/issues", True),
        ("/repos/*/*/issues", "/api/v3/repos/acme/app/import/issues", False),
        ("/repos/**/issues", "/api/v3/repos/acme/app/import/issues", True),
        ("/api/v4/projects/*", "/api/v4/projects/group%2Fapp", True),
        ("*/import/issues", "/api/v3/repos/acme/app/import/issues", True),
        ("/repos/*/*/issues", "/repos/acme/app/issues/1", False),
        ("/acme/*.git/**", "/acme/app.git/git-receive-pack", True),
    ],
)
def test_globs_mean_segments_unless_they_float(pattern: str, path: str, expected: bool) -> None:
    """An anchored pattern goes segment by segment, with or without the API's prefix."""
    assert matches(pattern, path) is expected


@pytest.mark.parametrize(
    "rule",
    [
        {"side": "elsewhere", "path": "/", "effect": {"drop": True}},
        {"side": "github", "path": "/", "effect": {}},
        {"side": "github", "path": "/", "effect": {"explode": True}},
        {"side": "github", "path": "/", "effect": {"foreign_body": "pdf"}},
        {"side": "github", "path": "/", "effect": {"rate_limit": "tertiary"}},
        {"side": "github", "path": "/", "effect": {"drop": True}, "often": 3},
        {"side": "github", "effect": {"drop": True}},
    ],
)
def test_a_bad_rule_is_an_error_that_names_it(rule: dict[str, Any]) -> None:
    """What is not understood is never passed over."""
    with pytest.raises(ValueError, match="fault 1"):
        parse_faults([{"side": "github", "path": "/ok", "effect": {"drop": True}}, rule])


def test_chance_is_repeatable() -> None:
    """The same seed hits the same requests, at about the rate that was asked for."""
    rule = {"side": "github", "path": "**", "probability": 0.3, "seed": 7, "effect": {"drop": True}}

    def hits() -> list[bool]:
        (fault,) = parse_faults([rule])
        return [fault.hits("github", "GET", "/x") for _ in range(500)]

    assert hits() == hits()
    assert 100 < sum(hits()) < 200


async def with_fault(start: Any, effect: dict[str, Any], **rule: Any) -> Any:
    """A client whose next creation of an issue meets a fault."""
    client = await start(profile="github.com")
    await client.repository()
    rule = {
        "side": "github",
        "method": "POST",
        "path": "/repos/*/*/issues",
        "nth": 1,
        "effect": effect,
        **rule,
    }
    assert (await client.control("PUT", "/faults", [rule])).status == 200
    return client


async def post(client: Any) -> Any:
    """Create an issue."""
    return await client("POST", "/repos/acme/app/issues", {"title": "t"})


async def count(client: Any) -> int:
    """How many issues there are."""
    return len((await client("GET", "/repos/acme/app/issues?state=all")).body)


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
@pytest.mark.parametrize(
    ("effect", "status"),
    [
        ({"status": 503, "headers": {"X-Fault": "yes"}, "body": {"message": "sorry"}}, 503),
        ({"foreign_body": "html"}, 502),
        ({"foreign_body": "json"}, 200),
        ({"rate_limit": "primary", "retry_after": 30}, 403),
        ({"rate_limit": "secondary", "retry_after": 30}, 403),
    ],
)
async def test_a_refusal_before_has_no_effect_and_one_after_has(
    start: Any, effect: dict[str, Any], status: int, when: str, effects: int
) -> None:
    """The answer is the fault's; the moment decides whether the issue is there; the next one is normal."""
    client = await with_fault(start, effect, when=when)
    assert (await post(client)).status == status
    assert await count(client) == effects
    assert (await post(client)).status == 201


@pytest.mark.parametrize(("when", "effects"), [("before", 0), ("after", 1)])
async def test_a_dropped_connection_gives_no_answer(start: Any, when: str, effects: int) -> None:
    """The client sees the connection end; the journal says so with status 0."""
    client = await with_fault(start, {"drop": True}, when=when)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await post(client)
    assert await count(client) == effects
    assert 0 in [entry.status for entry in client.sandbox.journal]


async def test_a_truncated_answer_ends_too_early(start: Any) -> None:
    """The header promises all, the body breaks off, and the issue is there."""
    client = await with_fault(start, {"truncate": 40})
    with pytest.raises(aiohttp.ClientPayloadError):
        await post(client)
    assert await count(client) == 1


async def test_the_platforms_own_refusals_have_their_headers(start: Any) -> None:
    """A faked primary limit is told by remaining and reset, a secondary one by retry-after."""
    primary = await post(await with_fault(start, {"rate_limit": "primary", "retry_after": 30}))
    assert primary.headers["X-RateLimit-Remaining"] == "0"
    secondary = await post(await with_fault(start, {"rate_limit": "secondary", "retry_after": 30}))
    assert secondary.headers["Retry-After"] == "30"
    assert secondary.body["message"].startswith("You have exceeded a secondary rate limit")


async def test_a_lagging_write_is_seen_later(start: Any) -> None:
    """The answer has the number at once; readers find the issue after the lag, and not before."""
    client = await with_fault(start, {"lag_s": 0.4})
    assert (await post(client)).body["number"] == 1
    assert await count(client) == 0
    assert (await client("GET", "/repos/acme/app/issues/1")).status == 404
    assert (await post(client)).body["number"] == 2
    assert await count(client) == 0
    await asyncio.sleep(0.5)
    assert await count(client) == 2


async def test_a_lagging_creation_hides_the_repository(start: Any) -> None:
    """A repository that was created with a lag is 404 until then."""
    client = await start(profile="unlimited")
    rule = {"side": "github", "method": "POST", "path": "/orgs/*/repos", "effect": {"lag_s": 0.3}}
    await client.control("PUT", "/faults", [rule])
    path = await client.repository()
    assert (await client("GET", path)).status == 404
    await asyncio.sleep(0.4)
    assert (await client("GET", path)).status == 200


async def test_a_push_can_lose_its_answer(start: Any, worktree: Any) -> None:
    """After the effect, git fails and the refs are there; before it, they are not."""
    client = await start(profile="unlimited")
    await client.repository()
    worktree.commit()
    address = f"{client.sandbox.github_url}/acme/app.git".replace("//", f"//x:{client.sandbox.github_token}@")
    for when, expected in (("before", []), ("after", ["refs/heads/main"])):
        rule = {"side": "github", "path": "*/git-receive-pack", "when": when, "effect": {"drop": True}}
        await client.control("PUT", "/faults", [rule])
        assert (await worktree.push(address, "main")).returncode != 0
        state = await client.control("GET", "/state")
        assert list(state.body["repositories"]["acme/app"]["refs"]) == expected


async def test_gitlab_has_faults_too(start: Any) -> None:
    """A rule of the other side hits there, and only there."""
    client = await start(profile="unlimited")
    await client.control("PUT", "/faults", [{"side": "gitlab", "path": "**", "effect": {"status": 500}}])
    headers = {"PRIVATE-TOKEN": client.sandbox.gitlab_token}
    gitlab = await client("GET", f"{client.sandbox.gitlab_url}/api/v4/user", token=None, headers=headers)
    assert gitlab.status == 500
    assert (await client("GET", "/user")).status == 200
