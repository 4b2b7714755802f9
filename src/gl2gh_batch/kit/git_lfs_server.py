"""What an LFS server says that it has, by its batch API (git-lfs docs/api/batch.md), and if that is true.

Servers take an object only when its bytes have the digest that it is called by. What they give back is read
again for small objects, up to a bound that no budget for LFS bandwidth notices.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import aiohttp

from gl2gh_batch.domain.errors import ConfigurationError, GitError
from gl2gh_batch.kit.git_process import PAUSES_S, GitAuth, Sleep, drawn, origin_of
from gl2gh_batch.kit.origin import proxy_for

READ_BACK_BYTES: Final = 8 * 1024 * 1024
# One object may not use it up alone.
READ_BACK_EACH: Final = 1024 * 1024
_ASKED_AT_ONCE: Final = 100
_MEDIA: Final = "application/vnd.git-lfs+json"
_CHUNK_BYTES: Final = 1 << 16
# What reading the rows out of a foreign document may raise; one that is nested without end the last.
_UNREADABLE: Final = (ValueError, LookupError, TypeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class LfsObject:
    """One object as a pointer names it; `size` in bytes."""

    oid: str
    size: int


class _TroubleError(GitError):
    """What may pass by itself."""


class LfsServer:
    """Questions to LFS servers; what was read back of each counts against one bound."""

    def __init__(
        self, *, timeout_s: float, read_back_bytes: int = READ_BACK_BYTES, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._sleep = sleep
        self._bound = read_back_bytes
        self._left: dict[str, int] = {}

    async def present(
        self, url: str, objects: Iterable[LfsObject], auth: GitAuth | None = None, *, read_back: bool = False
    ) -> dict[str, int]:
        """Those of the objects that the server has, with their sizes.

        Nothing is transferred, unless small ones are to be read back: those with other bytes are left out.
        """
        wanted = list(objects)
        found: dict[str, int] = {}
        origin_of(url)
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            rows = await self._patiently(url, wanted[start : start + _ASKED_AT_ONCE], auth)
            there = [row for row in rows if "error" not in row]
            found |= {str(row.get("oid")): _size(row) for row in there}
            if read_back:
                for row in sorted(there, key=_size):
                    if await self._is_other(url, row):
                        del found[str(row["oid"])]
        return found

    async def _patiently(
        self, url: str, objects: list[LfsObject], auth: GitAuth | None
    ) -> list[dict[str, Any]]:
        """Ask, and again when the server was in trouble: the question changes nothing there."""
        for pause_s in PAUSES_S:
            try:
                return await self._ask(url, objects, auth)
            except _TroubleError:
                await self._sleep(drawn(pause_s))
        return await self._ask(url, objects, auth)

    async def _ask(self, url: str, objects: list[LfsObject], auth: GitAuth | None) -> list[dict[str, Any]]:
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "objects": [{"oid": one.oid, "size": one.size} for one in objects],
        }
        address = f"{endpoint_of(url)}/objects/batch"
        headers = {"Accept": _MEDIA, "Content-Type": _MEDIA}
        if auth is not None:
            headers["Authorization"] = f"Basic {auth.encoded}"
        try:
            async with (
                self._session() as session,
                session.post(
                    address,
                    data=json.dumps(body),
                    headers=headers,
                    allow_redirects=False,
                    proxy=proxy_for(address),
                ) as response,
            ):
                raw = await response.read()
                if response.status == 200:
                    return _rows(json.loads(raw), objects)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, *_UNREADABLE) as error:
            raise _TroubleError(
                f"the LFS server gave no answer that can be read: {type(error).__name__}",
                hint="Running again is safe: what was transferred is kept.",
            ) from error
        if status == HTTPStatus.UNAUTHORIZED and auth is not None:
            raise auth.refusal(f"its LFS server answered {status}")
        sort = _TroubleError if status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500 else GitError
        raise sort(
            f"the LFS server answered {status}",
            hint="Check that LFS is switched on there and that the token may read it; then run again.",
        )

    async def _is_other(self, url: str, row: Mapping[str, Any]) -> bool:
        """True for a small object whose bytes have another digest or length than it is called by."""
        size, left = _size(row), self._left.get(url, self._bound)
        action = _action(row)
        if action is None or size > min(left, READ_BACK_EACH):
            return False
        self._left[url] = left - size
        address, headers = action
        digest, got = hashlib.sha256(), 0
        try:
            async with (
                self._session() as session,
                session.get(
                    address, headers=headers, allow_redirects=False, proxy=proxy_for(address)
                ) as response,
            ):
                if response.status != 200:
                    return False  # it is there, as the server said; why it is not given is another matter
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    got += len(chunk)
                    if got > size:
                        return True
                    digest.update(chunk)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False
        return digest.hexdigest() != row.get("oid")

    def _session(self) -> aiohttp.ClientSession:
        # With the environment trusted it would send what ~/.netrc holds.
        return aiohttp.ClientSession(
            timeout=self._timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
        )


def endpoint_of(url: str) -> str:
    """Where the LFS server of a repository is."""
    return f"{url}/info/lfs"


def _rows(told: Any, objects: list[LfsObject]) -> list[dict[str, Any]]:
    """What it says of each object; raises `LookupError` where it says nothing of one that was asked for."""
    rows = {str(row.get("oid")): row for row in told["objects"] if isinstance(row, dict)}
    return [rows[one.oid] for one in objects]


def _size(row: Mapping[str, Any]) -> int:
    size = row.get("size")
    return size if isinstance(size, int) and size >= 0 else 0


def _action(row: Mapping[str, Any]) -> tuple[str, dict[str, str]] | None:
    """Where the bytes are given, and with which headers; our own token goes nowhere."""
    actions = row.get("actions")
    action = actions.get("download") if isinstance(actions, dict) else None
    if not isinstance(action, dict) or not isinstance(action.get("href"), str):
        return None
    try:
        origin_of(action["href"])
    except ConfigurationError:
        return None
    header = action.get("header")
    given = header.items() if isinstance(header, dict) else ()
    return action["href"], {str(name): str(value) for name, value in given}
