"""Whether a write took effect: by natural key, or by a marker that our own login wrote."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from gl2gh_batch.domain.errors import UnclearAnswerError
from gl2gh_batch.domain.plan import Call, Completion, Lookup
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.target.refusals import RefusedAnswerError

# A write may be visible only after a while: an unclear one is looked for after these pauses (seconds).
LOOK_AFTER_S: Final = (0.0, 1.0, 3.0, 8.0)
FORBIDDEN: Final = 403  # "Resource not accessible by integration": what GET /user tells an App


class Lookups:
    """Asks the target of one work bench."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._login: str | None = None

    async def find(self, lookup: Lookup, *, whoever: bool = False) -> Mapping[str, Any] | None:
        """What the lookup names (empty for what is to be absent); None when it did not take effect.

        A marker counts by our own login alone, unless it may be `whoever`'s.
        """
        github = self._bench.github
        if lookup.absent:
            return {} if await github.find(lookup.path) is None else None
        answer = await github.find(lookup.path)
        if answer is None:
            return None
        body = answer.json()
        if isinstance(body, dict):
            return body if await self._fits(body, lookup, whoever=whoever) else None
        async for page in github.list_pages(lookup.path):
            for one in page:
                if isinstance(one, dict) and await self._fits(one, lookup, whoever=whoever):
                    return one
        return None

    async def is_own(self, body: Mapping[str, Any]) -> bool:
        """Whether the login that the token belongs to wrote it: only there do our markers count."""
        if self._login is None:
            self._login = await self._own_login()
        author = body.get("user")
        if not isinstance(author, Mapping):
            return False
        if not self._login:
            return author.get("type") == "Bot"
        return str(author.get("login", "")).lower() == self._login

    async def shown(self, call: Call, number: int | None) -> Mapping[str, Any]:
        """What GitHub shows of a thing that it has made: later steps need what is to be kept of it.

        Raises `UnclearAnswerError` when it does not show.
        """
        if call.completion is Completion.IMPORT_JOB and number is not None:
            return await self.made(f"/repos/{self._bench.repo}/issues/{number}", call.keep)
        found = {} if call.lookup is None else await self.find(call.lookup)
        if found is None:
            raise _not_shown(call.id)
        return found

    async def made(self, path: str, keep: Iterable[str]) -> Mapping[str, Any]:
        """What GitHub has said that it made, once it shows; whose it is needs no proof.

        Raises `UnclearAnswerError` when it does not show, or shows without one of the fields to keep.
        """
        for seconds in LOOK_AFTER_S:
            if seconds:
                await self._bench.clock.sleep(seconds)
            answer = await self._bench.github.find(path)
            body = None if answer is None else answer.json()
            if isinstance(body, dict) and all(name in body for name in keep):
                return body
        raise _not_shown(path)

    async def _own_login(self) -> str:
        """Who the token belongs to; nobody for an App's installation token: what it writes is by a bot.

        Any other refusal is passed on: not to know whose a marker is would make things a second time.
        """
        try:
            return (await self._bench.github.viewer()).login.lower()
        except RefusedAnswerError as error:
            if error.status == FORBIDDEN and "integration" in error.body.message:
                return ""
            raise

    async def _fits(self, body: Mapping[str, Any], lookup: Lookup, *, whoever: bool) -> bool:
        return _matches(body, lookup) and (whoever or not lookup.contains or await self.is_own(body))


def _not_shown(what: str) -> UnclearAnswerError:
    """The error for what GitHub said that it made, and does not show."""
    return UnclearAnswerError(
        f"GitHub made {what}, but does not show it",
        hint="GitHub may be in trouble. Run again later: it is looked for first, and not made again.",
    )


def _matches(body: Mapping[str, Any], lookup: Lookup) -> bool:
    value = body.get(lookup.field)
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, str):
        return False
    if lookup.contains:
        return lookup.value in value
    return value.casefold() == lookup.value.casefold()
