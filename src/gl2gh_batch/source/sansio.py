"""What GitLab's headers and bodies say, without sending anything.

Rules: GitLab docs, administration/settings/user_and_ip_rate_limits (response headers), api/rest (pagination).
Header names are in lower case here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from gl2gh_batch.domain.limits import LimitReport
from gl2gh_batch.kit.headers import date, number

_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^<]*?\brel="?next\b')
# The throttle that every API request of ours draws on; other names speak of budgets that we hardly touch.
_API_THROTTLES: Final = frozenset({"", "throttle_authenticated_api"})
MESSAGE_LENGTH: Final = 500


def read_limits(status: int, headers: Mapping[str, str], body: bytes) -> LimitReport:
    """What an answer says of the limits; the server's `Date` is the clock for its `reset`.

    Many layers of GitLab send no headers at all, and some only on refusals (gitlab-org/gitlab#365728).
    """
    del body
    server_now = date(headers.get("date", ""))
    reset = number(headers.get("ratelimit-reset"))
    reset_in_s = None if reset is None or server_now is None else max(0.0, reset - server_now.timestamp())
    retry_after_s = number(headers.get("retry-after"))
    refused = "secondary" if status == 429 else None
    if headers.get("ratelimit-name", "") not in _API_THROTTLES:
        return LimitReport(
            retry_after_s=reset_in_s if refused and retry_after_s is None else retry_after_s, refused=refused
        )
    limit = number(headers.get("ratelimit-limit"))
    remaining = number(headers.get("ratelimit-remaining"))
    return LimitReport(
        limit=None if limit is None else int(limit),
        remaining=None if remaining is None else max(0, int(remaining)),
        reset_in_s=reset_in_s,
        retry_after_s=retry_after_s,
        refused=refused,
    )


def next_params(headers: Mapping[str, str]) -> dict[str, str] | None:
    """The query of the next page; None on the last one.

    Only the query is taken from the link: an instance behind a proxy may name another host in it.
    """
    found = _NEXT.search(headers.get("link", ""))
    if found is None:
        return None
    return dict(parse_qsl(urlsplit(found.group(1)).query, keep_blank_values=True))


def is_keyset(params: Mapping[str, str]) -> bool:
    """True when the next page is told by a position, not by a number (api/rest, keyset-based pagination)."""
    return "cursor" in params or "id_after" in params or "id_before" in params


def total(headers: Mapping[str, str]) -> int | None:
    """How many records a list has; None above 10,000, where GitLab does not count (api/rest, pagination)."""
    value = number(headers.get("x-total"))
    return None if value is None else int(value)


def read_message(body: bytes) -> str:
    """The `message` or `error` of a refusal; empty when there is none."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(raw, dict):
        return ""
    said = raw.get("message") or raw.get("error_description") or raw.get("error") or ""
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return text if len(text) <= MESSAGE_LENGTH else text[:MESSAGE_LENGTH] + "…"
