"""Rate limits: the windows by themselves, and as clients meet them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.sandbox.limits import CLASSES, PROFILES, Limiter, parse_limits
from gl2gh_batch.sandbox.rules import Rules


def limiter(**limits: tuple[float, float | None]) -> Limiter:
    """A limiter of the unlimited profile with a few classes set."""
    document = {name: {"limit": limit, "window_s": window} for name, (limit, window) in limits.items()}
    return Limiter(PROFILES["unlimited"], parse_limits(document), Rules())


@given(gaps=st.lists(st.floats(0, 3), min_size=1, max_size=60), most=st.integers(1, 5))
def test_no_sliding_window_ever_holds_more_than_its_limit(gaps: list[float], most: int) -> None:
    """Whatever the arrivals, the requests let through in any 10 s are at most the limit."""
    books, now, let_through = limiter(points=(most, 10)), 0.0, []
    for gap in gaps:
        now += gap
        if books.book("a", "core", {"points": 1}, now) is None:
            let_through.append(now)
        assert sum(1 for moment in let_through if moment > now - 10) <= most


@given(gaps=st.lists(st.floats(0, 5), min_size=1, max_size=40), most=st.integers(1, 4))
def test_waiting_as_told_is_enough(gaps: list[float], most: int) -> None:
    """A refused request that comes again after the told time, with none in between, is let through."""
    books, now = limiter(points=(most, 10)), 0.0
    for gap in gaps:
        now += gap
        refusal = books.book("a", "core", {"points": 1}, now)
        if refusal is not None:
            now += refusal.retry_after_s + 1e-6
            assert books.book("a", "core", {"points": 1}, now) is None


def test_a_refused_request_counts_too() -> None:
    """Who keeps asking in a closed sliding window is never let in."""
    books = limiter(points=(2, 10))
    refused = [
        books.book("a", "core", {"points": 1}, float(second)) is not None for second in range(0, 60, 4)
    ]
    assert refused == [False, False] + [True] * 13


def test_the_primary_window_is_fixed_and_begins_with_its_first_request() -> None:
    """It refuses until its end, and then starts afresh, whatever was asked in between."""
    books = limiter(primary=(2, 10))
    assert [books.book("a", "core", {"primary": 1}, t) is None for t in (5, 6, 7, 14, 15)] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_accounts_and_buckets_have_books_of_their_own() -> None:
    """One account's requests are not another's, and GraphQL draws on its own primary bucket."""
    books = limiter(primary=(1, 10))
    assert books.book("a", "core", {"primary": 1}, 0) is None
    assert books.book("b", "core", {"primary": 1}, 0) is None
    assert books.book("a", "graphql", {"primary": 1}, 0) is None
    assert books.book("a", "core", {"primary": 1}, 0) is not None


@pytest.mark.parametrize(
    "document",
    [
        {"nothing": {"limit": 1, "window_s": 1}},
        {"points": {"limit": 1}},
        {"points": {"window_s": 1}},
        {"points": 3},
    ],
)
def test_a_bad_limits_file_is_named(document: dict[str, Any]) -> None:
    """A class that is not known, or a number that is missing, is an error with the class in it."""
    with pytest.raises(ValueError, match=next(iter(document))):
        parse_limits(document)


def test_the_profile_of_github_has_every_class() -> None:
    """No class of the design is without a limit on github.com."""
    assert set(PROFILES["github.com"].limits) == set(CLASSES)


SECONDARY = "You have exceeded a secondary rate limit."


@pytest.mark.parametrize("limit_class", ["content_minute", "content_hour", "points"])
async def test_a_secondary_limit_answers_403_with_retry_after(start: Any, limit_class: str) -> None:
    """The first request over the limit is refused with GitHub's words and the seconds to wait."""
    most = 10 if limit_class == "points" else 2
    client = await start(limits={limit_class: {"limit": most, "window_s": 300}}, profile="unlimited")
    await client("POST", "/orgs/acme/repos", {"name": "app"})
    await client.control("PUT", "/limits", {limit_class: {"limit": most, "window_s": 300}})
    answers = [await client("POST", "/repos/acme/app/issues", {"title": "t"}) for _ in range(3)]
    assert [answer.status for answer in answers] == [201, 201, 403]
    assert answers[2].body["message"].startswith(SECONDARY)
    assert 290 < int(answers[2].headers["Retry-After"]) <= 300
    assert int(answers[2].headers["X-RateLimit-Remaining"]) > 0


async def test_the_primary_limit_tells_itself_by_its_headers(start: Any) -> None:
    """Remaining counts down to 0, then 403 until reset; /rate_limit is free and agrees."""
    client = await start(limits={"primary": {"limit": 3, "window_s": 1000}})
    answers = [await client("GET", "/user") for _ in range(4)]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[3].status == 403
    assert answers[3].body["message"].startswith("API rate limit exceeded")
    assert "Retry-After" not in answers[3].headers
    told = (await client("GET", "/rate_limit")).body["resources"]["core"]
    assert (told["limit"], told["used"], told["remaining"]) == (3, 3, 0)
    assert str(told["reset"]) == answers[3].headers["X-RateLimit-Reset"]


async def test_search_has_its_own_bucket(start: Any) -> None:
    """Searches do not use the primary limit, and have a limit and headers of their own."""
    client = await start(limits={"search": {"limit": 1, "window_s": 100}})
    first = await client("GET", "/search/issues?q=x")
    assert (first.headers["X-RateLimit-Resource"], first.headers["X-RateLimit-Remaining"]) == ("search", "0")
    assert (await client("GET", "/search/issues?q=x")).status == 403
    assert (await client("GET", "/user")).headers["X-RateLimit-Used"] == "1"


async def test_too_many_requests_at_once_are_refused(start: Any) -> None:
    """While as many as allowed are under way, one more is refused, and is allowed again afterwards."""
    client = await start(limits={"concurrency": {"limit": 3}}, profile="unlimited")
    slow = {"side": "github", "path": "/users/*", "effect": {"delay_s": 1}}
    await client.control("PUT", "/faults", [slow])
    under_way = [asyncio.create_task(client("GET", "/users/octocat")) for _ in range(3)]
    await asyncio.sleep(0.2)
    assert len(client.sandbox.journal) == 3
    refused = await client("GET", "/user")
    assert refused.status == 403
    assert refused.body["message"].startswith(SECONDARY)
    assert {answer.status for answer in await asyncio.gather(*under_way)} == {200}
    assert (await client("GET", "/user")).status == 200


@pytest.mark.parametrize(("profile", "refused"), [("github.com", False), ("github.com-strict", True)])
async def test_whether_imports_are_content_is_the_profiles_to_say(
    start: Any, profile: str, refused: bool
) -> None:
    """The two statements about the import API are two profiles."""
    client = await start(profile=profile, limits={"content_minute": {"limit": 1, "window_s": 100}})
    path = await client.repository()
    headers = {"Accept": "application/vnd.github.golden-comet-preview+json"}
    statuses = [
        (
            await client(
                "POST", f"{path}/import/issues", {"issue": {"title": "t", "body": "b"}}, headers=headers
            )
        ).status
        for _ in range(2)
    ]
    assert statuses == [202, 403 if refused else 202]
    classes = [entry.classes for entry in client.sandbox.journal if entry.path.endswith("/import/issues")]
    assert ("content_minute" in classes[0]) is refused


async def test_ghes_has_no_limits_and_no_headers(start: Any) -> None:
    """Absent headers mean that there is no limiter, and /rate_limit says so."""
    client = await start(profile="ghes")
    answer = await client("GET", "/user")
    assert not [name for name in answer.headers if name.lower().startswith("x-ratelimit")]
    assert (await client("GET", "/rate_limit")).status == 404


async def test_an_anonymous_caller_has_sixty_requests(start: Any) -> None:
    """Without a token the primary limit is 60, whatever the profile says."""
    client = await start(profile="github.com")
    assert (await client("GET", "/users/octocat", token=None)).headers["X-RateLimit-Limit"] == "60"


async def test_two_tokens_of_one_user_share_their_limits(start: Any) -> None:
    """Limits are kept for the user, and for an installation by itself."""
    client = await start(limits={"primary": {"limit": 2, "window_s": 1000}})
    await client.token("second", login="acme-migrator", scopes=["repo"])
    await client.token("app", login="acme-migrator", kind="installation", permissions={})
    statuses = [
        (await client("GET", "/users/octocat", token=token)).status
        for token in ("", "second", "second", "app")
    ]
    assert statuses == [200, 200, 403, 200]


async def test_gitlab_limits_its_requests_and_exports(start: Any) -> None:
    """429 with RateLimit headers for requests; without Retry-After for exports."""
    client = await start(limits={"gitlab_requests": {"limit": 3, "window_s": 100}})
    url = client.sandbox.gitlab_url
    headers = {"PRIVATE-TOKEN": client.sandbox.gitlab_token}

    async def ask(method: str, path: str) -> Any:
        return await client(method, f"{url}/api/v4{path}", token=None, headers=headers)

    answers = [await ask("GET", "/user") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Remaining"] == "2"
    assert 95 < int(answers[3].headers["Retry-After"]) <= 100
    await client.control("PUT", "/limits", {"gitlab_exports": {"limit": 1, "window_s": 100}})
    exports = [await ask("POST", "/projects/group%2Fapp/export") for _ in range(2)]
    assert exports[1].status == 429
    assert "Retry-After" not in exports[1].headers
