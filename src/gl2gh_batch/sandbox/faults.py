"""Faults that can be switched on per route: latency, refusals, lost connections, broken answers, lag.

A rule is `{"side", "method", "path", "nth" | "probability" + "seed", "when", "effect"}`; the schema of the
control interface says the same for machines.

- `side` is `github` or `gitlab`; `method` a verb or `*` (the default).
- `path` is a glob over the path without the query. A pattern that begins with `/` is matched segment by
  segment (`*` within one, `**` over any number), with or without the API's prefix (`/api/v3`, `/api/v4`);
  any other pattern is matched against the whole path, `*` crossing slashes: `*/import/issues`.
- `nth` is the number of the matching request that is hit, from 1, or a list of such numbers; `probability`
  hits each with that chance, from a generator made with `seed`; with neither, all are hit.
- `when` is `before` (the default: the request has no effect) or `after` (it has).

Effects, which may be combined:

- `{"status": 503, "headers": {...}, "body": ...}`: this answer (a body that is no text is sent as JSON).
- `{"drop": true}`: the connection is closed without an answer.
- `{"truncate": n}`: the true answer, cut after n bytes of its body although its header promises all; the
  request always has its effect.
- `{"delay_s": x}`: waits before or after the effect, holding its place among the concurrent requests.
- `{"foreign_body": "html"}`: a proxy's page (502 in HTML); `"json"`: a document of another shape; `"empty"`:
  nothing; `"binary"`: noise; all but the first with status 200, unless `status` says another.
- `{"lag_s": x}`: GitHub's API only. The write is done, and becomes visible to readers after x seconds
  (git data is always seen as it is).
- `{"rate_limit": "primary" | "secondary", "retry_after": n}`: the platform's own refusal, with its headers.
"""

from __future__ import annotations

import fnmatch
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

API_PREFIXES: Final = ("/api/v3", "/api/v4")
SIDES: Final = ("github", "gitlab")
MOMENTS: Final = ("before", "after")
EFFECTS: Final = frozenset(
    {
        "status",
        "headers",
        "body",
        "drop",
        "truncate",
        "delay_s",
        "foreign_body",
        "lag_s",
        "rate_limit",
        "retry_after",
    }
)
FOREIGN_BODIES: Final[Mapping[str, tuple[int, str, bytes]]] = {
    "html": (
        502,
        "text/html",
        b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>proxy</body>\r\n</html>",
    ),
    "json": (200, "application/json", b'{"unexpected": [null, {"shape": true}]}'),
    "empty": (200, "application/json", b""),
    "binary": (200, "application/octet-stream", bytes(range(256))),
}


@dataclass(slots=True, kw_only=True)
class Fault:
    """One rule and how often a request has matched it."""

    side: str
    path: str
    effect: Mapping[str, Any]
    method: str = "*"
    when: str = "before"
    nth: tuple[int, ...] = ()
    probability: float | None = None
    seed: int = 0
    matched: int = 0
    generator: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.generator = random.Random(self.seed)

    def hits(self, side: str, method: str, path: str) -> bool:
        """Whether this request is hit; counts those that match."""
        if side != self.side or self.method not in ("*", method) or not matches(self.path, path):
            return False
        self.matched += 1
        if self.nth:
            return self.matched in self.nth
        return self.probability is None or self.generator.random() < self.probability


def parse_faults(document: Iterable[Mapping[str, Any]]) -> list[Fault]:
    """The rules of a faults document; ValueError names what is wrong."""
    faults = []
    for index, entry in enumerate(document):
        try:
            faults.append(_parse_fault(entry))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"fault {index}: {error}") from error
    return faults


def _parse_fault(entry: Mapping[str, Any]) -> Fault:
    known = {"side", "method", "path", "nth", "probability", "seed", "when", "effect"}
    if unknown := set(entry) - known:
        raise ValueError(f"unknown key {min(unknown)!r}")
    effect = entry["effect"]
    if not isinstance(effect, Mapping) or not effect or (unknown := set(effect) - EFFECTS):
        raise ValueError(f"an effect has one or more of {', '.join(sorted(EFFECTS))}")
    if entry["side"] not in SIDES or entry.get("when", "before") not in MOMENTS:
        raise ValueError(f"side is one of {SIDES}, when one of {MOMENTS}")
    if effect.get("foreign_body", "html") not in FOREIGN_BODIES:
        raise ValueError(f"foreign_body is one of {', '.join(FOREIGN_BODIES)}")
    if effect.get("rate_limit", "primary") not in ("primary", "secondary"):
        raise ValueError("rate_limit is primary or secondary")
    nth = entry.get("nth", ())
    return Fault(
        side=entry["side"],
        path=entry["path"],
        effect=dict(effect),
        method=str(entry.get("method", "*")).upper(),
        when=entry.get("when", "before"),
        nth=(nth,) if isinstance(nth, int) else tuple(nth),
        probability=entry.get("probability"),
        seed=entry.get("seed", 0),
    )


def matches(pattern: str, path: str) -> bool:
    """Whether a glob matches a path, or the path without its API's prefix."""
    if not pattern.startswith("/"):
        return fnmatch.fnmatchcase(path, pattern)
    expression = _segment_glob(pattern)
    candidates = [path, *(path.removeprefix(prefix) for prefix in API_PREFIXES if path.startswith(prefix))]
    return any(expression.fullmatch(candidate) for candidate in candidates)


@lru_cache(maxsize=256)
def _segment_glob(pattern: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*|\*|\?)", pattern)
    wild = {"**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in parts), re.DOTALL)
