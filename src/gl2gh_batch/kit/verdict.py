"""What a status code means to us, as data; the same for both platforms.

Whether a 403 or a 429 is a refusal by a rate limit is told by headers and body, in each platform's `sansio`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """What to make of an answer."""

    DONE = "done"
    MOVED = "moved"
    UNCHANGED = "unchanged"
    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    MISSING = "missing"
    CONFLICT = "conflict"
    GONE = "gone"
    TOO_LARGE = "too-large"
    RATE_LIMITED = "rate-limited"
    REFUSED = "refused"
    UNCLEAR = "unclear"


VERDICTS: Final[dict[int, Verdict]] = {
    301: Verdict.MOVED,
    302: Verdict.MOVED,
    303: Verdict.MOVED,
    307: Verdict.MOVED,
    308: Verdict.MOVED,
    304: Verdict.UNCHANGED,
    400: Verdict.INVALID,
    401: Verdict.UNAUTHENTICATED,
    403: Verdict.FORBIDDEN,
    404: Verdict.MISSING,
    408: Verdict.UNCLEAR,  # the server gave up on us; what it did before is unknown
    409: Verdict.CONFLICT,
    410: Verdict.GONE,
    412: Verdict.CONFLICT,
    413: Verdict.TOO_LARGE,
    422: Verdict.INVALID,
    423: Verdict.CONFLICT,
    429: Verdict.RATE_LIMITED,
}


def verdict(status: int) -> Verdict:
    """What a status code means; 5xx says nothing of whether the request took effect."""
    known = VERDICTS.get(status)
    if known is not None:
        return known
    if 200 <= status < 300:
        return Verdict.DONE
    if status >= 500:
        return Verdict.UNCLEAR
    return Verdict.REFUSED
