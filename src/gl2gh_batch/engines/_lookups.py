"""Whether a write took effect: by natural key, or by a marker that our own login wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gl2gh_batch.domain.errors import TargetError
from gl2gh_batch.domain.plan import Lookup
from gl2gh_batch.engines._engine import Workbench


class Lookups:
    """Asks the target of one work bench."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._login: str | None = None

    async def find(self, lookup: Lookup) -> Mapping[str, Any] | None:
        """What the lookup names (empty for what is to be absent); None when it did not take effect."""
        github = self._bench.github
        if lookup.absent:
            return {} if await github.find(lookup.path) is None else None
        answer = await github.find(lookup.path)
        if answer is None:
            return None
        body = answer.json()
        if isinstance(body, dict):
            return body if await self._fits(body, lookup) else None
        async for page in github.list_pages(lookup.path):
            for one in page:
                if isinstance(one, dict) and await self._fits(one, lookup):
                    return one
        return None

    async def is_own(self, body: Mapping[str, Any]) -> bool:
        """Whether the login that the token belongs to wrote it: only there do our markers count."""
        if self._login is None:
            try:
                self._login = (await self._bench.github.viewer()).login.lower()
            except TargetError:  # an App's installation token has no user; what it writes is by a bot
                self._login = ""
        author = body.get("user")
        if not isinstance(author, Mapping):
            return False
        if not self._login:
            return author.get("type") == "Bot"
        return str(author.get("login", "")).lower() == self._login

    async def _fits(self, body: Mapping[str, Any], lookup: Lookup) -> bool:
        return _matches(body, lookup) and (not lookup.contains or await self.is_own(body))


def _matches(body: Mapping[str, Any], lookup: Lookup) -> bool:
    value = body.get(lookup.field)
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, str):
        return False
    if lookup.contains:
        return lookup.value in value
    return value.casefold() == lookup.value.casefold()
