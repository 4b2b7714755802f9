"""What GitHub's headers and bodies say, without sending anything.

Rules: GitHub docs, rest/using-the-rest-api/: rate-limits-for-the-rest-api, using-pagination-in-the-rest-api,
best-practices-for-using-the-rest-api, troubleshooting-the-rest-api. Header names are in lower case here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from gl2gh_batch.domain.limits import LimitReport
from gl2gh_batch.kit.headers import date, number

_NEXT: Final = re.compile(r'<([^<>]*)>\s*;[^<]*?\brel="?next\b')
_SSO_URL: Final = re.compile(r"url=(\S+)")
MESSAGE_LENGTH: Final = 500


class Denial(StrEnum):
    """Why GitHub did not carry out a request that it answered with 403 or 429."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    PERMISSION = "permission"
    SAML = "saml"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """One entry of `errors`: which field of which resource, and why (`already_exists`, `invalid` …)."""

    resource: str = ""
    field: str = ""
    code: str = ""
    message: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """The body of a refused request, as far as it could be read."""

    message: str = ""
    documentation_url: str = ""
    errors: tuple[FieldError, ...] = ()

    def has(self, code: str, *, field: str = "") -> bool:
        """True when one of the errors has that code (and is about that field)."""
        return any(one.code == code and field in {"", one.field} for one in self.errors)

    def __str__(self) -> str:
        details = "; ".join(
            " ".join(part for part in (one.resource, one.field, one.code, one.message) if part)
            for one in self.errors
        )
        text = f"{self.message} ({details})" if details else self.message
        return text if len(text) <= MESSAGE_LENGTH else text[:MESSAGE_LENGTH] + "…"


def read_limits(status: int, headers: Mapping[str, str], body: bytes) -> LimitReport:
    """What an answer says of the limits; the server's `Date` is the clock for its `reset`."""
    denied = denial(status, headers, body)
    refused = str(denied) if denied in {Denial.PRIMARY, Denial.SECONDARY} else None
    server_now = date(headers.get("date", ""))
    reset = number(headers.get("x-ratelimit-reset"))
    reset_in_s = None if reset is None or server_now is None else max(0.0, reset - server_now.timestamp())
    retry_after_s = _retry_after(headers.get("retry-after"), server_now)
    if headers.get("x-ratelimit-resource", "core") != "core":
        # Search and others have budgets of their own, which say nothing of the primary one.
        if refused == Denial.PRIMARY and retry_after_s is None:
            retry_after_s = reset_in_s
        return LimitReport(retry_after_s=retry_after_s, refused=refused)
    limit = number(headers.get("x-ratelimit-limit"))
    remaining = number(headers.get("x-ratelimit-remaining"))
    return LimitReport(
        limit=None if limit is None else int(limit),
        remaining=None if remaining is None else int(remaining),
        reset_in_s=reset_in_s,
        retry_after_s=retry_after_s,
        refused=refused,
    )


def denial(status: int, headers: Mapping[str, str], body: bytes) -> Denial | None:
    """Why a 403 or 429 was given, or a GraphQL 200 that holds errors; None for any other answer.

    GitHub has no code for it: `x-github-sso` marks SAML, the message or `retry-after` a rate limit, and
    `x-ratelimit-remaining: 0` the primary one. What is left is a lack of rights and is never tried again.
    """
    if status == 200:
        return _graphql_denial(headers, body)
    if status not in {403, 429}:
        return None
    if headers.get("x-github-sso", "").startswith("required"):
        return Denial.SAML
    error = read_error(body)
    message = error.message.lower()
    if (
        "secondary rate limit" in message
        or "abuse detection" in message
        or "secondary-rate-limit" in error.documentation_url
    ):
        return Denial.SECONDARY
    if headers.get("x-ratelimit-remaining") == "0" or message.startswith("api rate limit exceeded"):
        return Denial.PRIMARY
    if status == 429 or "retry-after" in headers:
        return Denial.SECONDARY
    return Denial.PERMISSION


def _graphql_denial(headers: Mapping[str, str], body: bytes) -> Denial | None:
    # "the response status will be 200, and you will receive an error message" (docs: rate-limits-and-query-
    # limits-for-the-graphql-api); gh-gei reads the type RATE_LIMIT, the docs show RATE_LIMITED.
    if headers.get("x-ratelimit-resource", "graphql") != "graphql" or b'"errors"' not in body:
        return None
    raw = _json(body)
    errors = raw.get("errors") if isinstance(raw, dict) else None
    for one in errors if isinstance(errors, list) else ():
        if not isinstance(one, dict):
            continue
        if "secondary rate limit" in _text(one.get("message")).lower():
            return Denial.SECONDARY
        if _text(one.get("type")) in {"RATE_LIMIT", "RATE_LIMITED"}:
            return Denial.PRIMARY
    return None


def saml_url(headers: Mapping[str, str]) -> str:
    """Where a user authorises the token for the organisation's single sign-on; empty when not told."""
    found = _SSO_URL.search(headers.get("x-github-sso", ""))
    return found.group(1) if found else ""


def read_error(body: bytes) -> ErrorBody:
    """The message and the `errors` of a body; an empty one when the body is no such thing."""
    raw = _json(body)
    if not isinstance(raw, dict):
        return ErrorBody()
    errors = raw.get("errors")
    return ErrorBody(
        message=_text(raw.get("message")),
        documentation_url=_text(raw.get("documentation_url")),
        errors=tuple(_field_error(one) for one in errors) if isinstance(errors, list) else (),
    )


def next_link(headers: Mapping[str, str]) -> str | None:
    """The address of the next page; None on the last one."""
    found = _NEXT.search(headers.get("link", ""))
    return found.group(1) if found else None


def _field_error(raw: object) -> FieldError:
    if isinstance(raw, str):
        return FieldError(message=raw)
    if not isinstance(raw, dict):
        return FieldError()
    return FieldError(
        resource=_text(raw.get("resource")),
        field=_text(raw.get("field")),
        code=_text(raw.get("code")),
        message=_text(raw.get("message")),
        value=_text(raw.get("value")),
    )


def _retry_after(value: str | None, server_now: datetime | None) -> float | None:
    if value is None:
        return None
    seconds = number(value)
    if seconds is not None:
        return max(0.0, seconds)
    until = date(value)
    return None if until is None or server_now is None else max(0.0, (until - server_now).total_seconds())


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)
