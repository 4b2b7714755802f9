"""GitHub credentials: a token as given, or a GitHub App's installation tokens, renewed before they end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

import github
import github.Auth
import jwt  # PyGithub's own dependencies, the first of which lets its errors through
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gl2gh_batch.domain.errors import AuthenticationError, ConfigurationError
from gl2gh_batch.domain.ports import Clock
from gl2gh_batch.kit.http_threads import Line, ThreadRunner
from gl2gh_batch.target import pygithub

# "The installation access token will expire after 1 hour" (GitHub docs, apps/creating-github-apps/
# authenticating-with-a-github-app/generating-an-installation-access-token-for-a-github-app)
RENEW_AFTER_S: Final = 50 * 60.0


def check_key(text: str, field: str) -> None:
    """Raise `ConfigurationError` unless it is an App's private key: RSA, in PEM, without a password."""
    try:
        is_key = isinstance(load_pem_private_key(text.encode(), password=None), RSAPrivateKey)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        is_key = False
    if not is_key:
        raise _no_key(field)


def _no_key(field: str) -> ConfigurationError:
    return ConfigurationError(
        "the App's private key cannot be read",
        field=field,
        hint="Give the whole PEM file, with its first and last line, and without a password.",
    )


class Credential(Protocol):
    """Whoever can say which token to send now."""

    async def token(self) -> str: ...
    async def authorize(self) -> Mapping[str, str]: ...


class StaticToken:
    """A personal access token, or any other token that stays as it is."""

    def __init__(self, token: str) -> None:
        if not token.strip() or not token.strip().isascii() or len(token.split()) != 1:
            raise ConfigurationError(
                "the GitHub token is empty or holds characters that no token has", field="github_token"
            )
        self._token = token.strip()

    async def token(self) -> str:
        """The token."""
        return self._token

    async def authorize(self) -> Mapping[str, str]:
        """The header that carries it."""
        return {"Authorization": f"Bearer {self._token}"}


class AppToken:
    """An installation token of a GitHub App, made and renewed through PyGithub.

    `line` leads to the same API, under a governor of its own: the exchange is asked with the App's key and
    draws on other budgets than the installation's requests. `on_token` hears of every new token, so that it
    can be kept out of the logs.
    """

    def __init__(
        self,
        *,
        app_id: str,
        private_key: str,
        installation_id: int,
        api_url: str,
        runner: ThreadRunner,
        line: Line,
        clock: Clock,
        on_token: Callable[[str], None],
    ) -> None:
        pygithub.install()
        self._runner = runner
        self._line = line
        self._clock = clock
        self._on_token = on_token
        self._installation_id = installation_id
        self._integration = github.GithubIntegration(
            auth=github.Auth.AppAuth(app_id, private_key),
            base_url=api_url,
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        self._renewing = asyncio.Lock()
        self._token: str | None = None
        self._renew_at = 0.0
        self._renew_on = datetime.min.replace(tzinfo=UTC)

    async def token(self) -> str:
        """A token that is good for the next minutes; raises `AuthenticationError` when GitHub gives none."""
        async with self._renewing:
            if self._token is None or self._is_old():
                began, on = self._clock.monotonic(), self._clock.now()
                self._token = await self._runner.read(self._line, self._exchange)
                self._renew_at, self._renew_on = began + RENEW_AFTER_S, on + timedelta(seconds=RENEW_AFTER_S)
                self._on_token(self._token)
            return self._token

    async def authorize(self) -> Mapping[str, str]:
        """The header that carries it."""
        return {"Authorization": f"Bearer {await self.token()}"}

    def _is_old(self) -> bool:
        """By the clock that only grows, or by the date: while a machine sleeps the first may stand still."""
        return self._clock.monotonic() >= self._renew_at or self._clock.now() >= self._renew_on

    def _exchange(self) -> str:
        try:
            return self._integration.get_access_token(self._installation_id).token
        except github.GithubException as error:
            raise AuthenticationError(
                f"GitHub gives no token for installation {self._installation_id} of the App ({error.status})",
                hint="Check the App's id, its private key, and that it is installed where the target is.",
            ) from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:  # no key, or one with a password
            raise _no_key("github_app_private_key") from error


class LiveToken(github.Auth.Auth):
    """PyGithub's view of a credential: the token that was made known last."""

    def __init__(self) -> None:
        super().__init__()
        self.current = ""

    @property
    def token_type(self) -> str:
        return "Bearer"

    @property
    def token(self) -> str:
        return self.current

    @property
    def _masked_token(self) -> str:
        return "***"
