"""The log of every request that reached the sandbox, and the exchanges that a test may look at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# The status of a request whose connection was closed without an answer.
NO_ANSWER: Final = 0


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request; `status` is None while it is under way, `path` is that on the wire, without the query.

    `points` are what GitHub's secondary limit counts it as: a GraphQL query is told from a mutation by them.
    """

    t: float
    side: str
    method: str
    path: str
    query: str
    classes: tuple[str, ...]
    credential: str
    points: int = 0
    status: int | None = None

    def document(self) -> dict[str, Any]:
        """The entry as `GET control/requests` shows it."""
        return {
            "t": round(self.t, 6),
            "side": self.side,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "classes": list(self.classes),
            "status": self.status,
            "credential": self.credential,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A whole request and its answer, for tests; bodies of git are not kept (None)."""

    side: str
    method: str
    path: str
    query: str
    request_headers: Mapping[str, str]
    request_body: bytes | None
    status: int
    response_headers: Mapping[str, str]
    response_body: bytes | None
    is_faulted: bool = False


class Journal:
    """Entries in the order of arrival."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Note a request that has arrived."""
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def lines(self) -> Iterable[str]:
        """The answered requests, one JSON document a line."""
        return (json.dumps(entry.document()) + "\n" for entry in self._entries if entry.status is not None)
