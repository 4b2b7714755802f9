"""JSON of foreign servers: read with care, and written as they expect it."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from gl2gh_batch import codec

# An escape in JSON text: a surrogate pair, a lone surrogate, or any other one.
_ESCAPE: Final = re.compile(
    r"(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\."
)


def read_json(body: bytes) -> Any:
    """The document as plain data; raises `ValueError`.

    A lone surrogate, which no text can hold, becomes U+FFFD.
    """
    try:
        return codec.decode(body, object)
    except codec.DecodeError:
        if b"\\u" not in body:
            raise
    return codec.decode(_ESCAPE.sub(_whole, body.decode("utf-8", "replace")), object)


def write_json(value: object) -> bytes:
    """The value as JSON in UTF-8; a lone surrogate becomes a question mark."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _whole(escape: re.Match[str]) -> str:
    return "\\ufffd" if escape.group(2) else escape.group()
