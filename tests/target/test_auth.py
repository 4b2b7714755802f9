"""Credentials: a token as given, and an App's tokens, renewed in time and through our governor."""

from __future__ import annotations

import asyncio
import json
from typing import Self

import jwt
import pytest
from aiohttp import web
from clocks import HandClock
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from servers import serving

from gl2gh_batch.domain.errors import AuthenticationError, ConfigurationError
from gl2gh_batch.domain.limits import WRITE_COSTS
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http_threads import GovernedAdapter, Line, ThreadRunner, governed_session
from gl2gh_batch.target import sansio
from gl2gh_batch.target.auth import RENEW_AFTER_S, AppToken, StaticToken


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """A key made for this test."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """The key as GitHub hands it out."""
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(form, kind, serialization.NoEncryption()).decode()


class App:
    """A GitHub App at a scripted server."""

    def __init__(self, url: str, private_key: str) -> None:
        self.clock = HandClock()
        self.governor = RequestGovernor(credential="app", limits={}, clock=self.clock)
        self.runner = ThreadRunner(1, self.clock)
        self.known: list[str] = []
        adapter = GovernedAdapter(
            service="GitHub",
            base_url=url,
            governor=self.governor,
            costs=WRITE_COSTS,
            read_limits=sansio.read_limits,
            loop=asyncio.get_running_loop(),
        )
        self.session = governed_session(adapter)
        self.token = AppToken(
            app_id="4711",
            private_key=private_key,
            installation_id=99,
            api_url=url,
            runner=self.runner,
            line=Line(self.session),
            clock=self.clock,
            on_token=self.known.append,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.close()
        self.session.close()


async def test_a_token_is_exchanged_once_and_renewed_before_it_ends(key: rsa.RSAPrivateKey) -> None:
    """Twenty who ask at once make one exchange; after fifty minutes there is another, each made known."""
    made: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        assert request.path == "/api/v3/app/installations/99/access_tokens"
        signed = request.headers["Authorization"].removeprefix("Bearer ")
        claims = jwt.decode(signed, key.public_key(), algorithms=["RS256"])
        assert claims["iss"] == "4711"
        made.append(f"ghs_{len(made)}")
        body = {"token": made[-1], "expires_at": "2036-01-01T00:00:00Z", "permissions": {}}
        return web.Response(status=201, text=json.dumps(body))

    async with serving(handler) as seen:
        with App(f"{seen.url}/api/v3", pem(key)) as app:
            tokens = await asyncio.gather(*(app.token.token() for _ in range(20)))
            assert set(tokens) == {"ghs_0"}
            await app.clock.advance(RENEW_AFTER_S - 1)
            assert await app.token.authorize() == {"Authorization": "Bearer ghs_0"}
            await app.clock.advance(1)
            assert await app.token.token() == "ghs_1"
            assert app.known == made == ["ghs_0", "ghs_1"]
            assert app.governor.snapshot().requests == 2


async def test_a_token_that_ended_while_the_machine_slept_is_renewed(key: rsa.RSAPrivateKey) -> None:
    """A clock that stood still meanwhile is not believed; a date that is set back changes nothing."""
    made: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        made.append(f"ghs_{len(made)}")
        body = {"token": made[-1], "expires_at": "2036-01-01T00:00:00Z"}
        return web.Response(status=201, text=json.dumps(body))

    async with serving(handler) as seen:
        with App(f"{seen.url}/api/v3", pem(key)) as app:
            assert await app.token.token() == "ghs_0"
            app.clock.set_date(seconds=3600.0)
            assert await app.token.token() == "ghs_1"
            app.clock.set_date(seconds=-7200.0)
            assert await app.token.token() == "ghs_1"
            await app.clock.advance(RENEW_AFTER_S)
            assert await app.token.token() == "ghs_2"


async def test_a_refused_app_is_told_what_to_check(key: rsa.RSAPrivateKey) -> None:
    """Wrong installation, wrong key, and a key that is none."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404, text='{"message": "Not Found"}')

    async with serving(handler) as seen:
        with App(seen.url, pem(key)) as app, pytest.raises(AuthenticationError, match="installation 99"):
            await app.token.token()
        with App(seen.url, "no key") as app, pytest.raises(ConfigurationError, match="private key"):
            await app.token.token()


async def test_a_static_token_is_sent_as_it_is() -> None:
    """White space around it is none of it; anything else that no token has is refused."""
    assert await StaticToken(" ghp_x\n").authorize() == {"Authorization": "Bearer ghp_x"}
    for bad in ("", "  ", "a b", "ghp_ä"):
        with pytest.raises(ConfigurationError):
            StaticToken(bad)
