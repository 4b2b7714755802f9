"""The tokens that requests carry, and how they are named without being told."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from aiohttp import hdrs, web

ANONYMOUS: Final = "anonymous"


def secret_of(request: web.Request) -> str | None:
    """The token that a request carries: as Bearer, token, or either half of Basic."""
    scheme, _, value = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    value = value.strip()
    if scheme.lower() in ("bearer", "token"):
        return value or None
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return value
        # `TOKEN:x-oauth-basic` and `x-access-token:TOKEN` are both in use.
        return user if password in ("", "x-oauth-basic") else password
    return None


def credential_name(token: str | None) -> str:
    """A short, stable name for a token that does not tell it."""
    if not token:
        return ANONYMOUS
    return "token-" + hashlib.sha256(token.encode()).hexdigest()[:8]
