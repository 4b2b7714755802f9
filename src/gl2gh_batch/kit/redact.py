"""Secrets kept out of texts: as they are, and in the forms in which tools show them."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote, urlsplit

MASK: Final = "***"
# Shorter ones would mask ordinary words, and are no secrets of any platform.
SHORTEST: Final = 6
_LINE_LENGTH: Final = 16
_TOKENS_AROUND: Final = frozenset(
    {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_RUNTIME_TOKEN",
        "GH_PAT",
        "GH_TOKEN",
        "GITHUB_APP_PRIVATE_KEY",
        "GITHUB_TOKEN",
        "GITLAB_PAT",
        "GITLAB_TOKEN",
    }
)


class Redactor:
    """Replaces secrets that it knows, whatever stands around them.

    Known are the secret itself, its URL-, HTML- and JSON-escaped forms, the lines of one with several, and
    its base64 form behind any prefix (`x-access-token:…`, `oauth2:…`, as in a Basic header).
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._forms: set[str] = set()
        self._raw: tuple[bytes, ...] = ()
        self._pattern: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Know one more secret, from now on."""
        forms = set()
        for part in _parts(secret):
            forms |= _forms(part)
        self._forms |= {one for one in forms if len(one) >= SHORTEST}
        if self._forms:
            longest_first = sorted(self._forms, key=len, reverse=True)
            self._pattern = re.compile("|".join(re.escape(one) for one in longest_first))
            self._raw = tuple(one.encode("utf-8", "surrogatepass") for one in longest_first)

    def redact(self, text: str) -> str:
        """The text without the secrets."""
        return text if self._pattern is None else self._pattern.sub(MASK, text)

    def mask(self, content: bytes) -> bytes:
        """The bytes without the secrets; the very same object where there are none."""
        for form in self._raw:
            if form in content:
                content = content.replace(form, MASK.encode())
        return content


def registered_forms(secret: str) -> list[str]:
    """How a secret of one line is sent or shown, for a runner that masks what it is told and no more.

    Itself, URL-encoded, and as both platforms' git takes it in a Basic header.
    """
    users = ("x-access-token", "oauth2")
    basic = [base64.b64encode(f"{user}:{secret}".encode()).decode("ascii") for user in users]
    return list(dict.fromkeys([secret, quote(secret, safe=""), *basic]))


def redacted(value: Any, redact: Callable[[str], str]) -> Any:
    """The same plain data without the secrets."""
    match value:
        case str():
            return redact(value)
        case Mapping():
            return {key: redacted(one, redact) for key, one in value.items()}
        case list() | tuple():
            return [redacted(one, redact) for one in value]
        case _:
            return value


def secrets_around(environment: Mapping[str, str]) -> Iterator[str]:
    """What is secret in the variables of a process: proxies' passwords, tokens of ours and of the runner."""
    for name, value in environment.items():
        if name.lower() in {"http_proxy", "https_proxy", "all_proxy"}:
            with suppress(ValueError):
                password = urlsplit(value).password or ""
                yield from {password, unquote(password)}
        elif name in _TOKENS_AROUND:
            yield value


class RedactingFilter(logging.Filter):
    """Redacts every record that passes: message, fields and traceback."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__()
        self._redactor = redactor

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true: records are changed and never dropped."""
        record.msg = self._redactor.redact(record.getMessage())
        record.args = ()
        if record.exc_info:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
            record.exc_info = None
        for name, value in list(record.__dict__.items()):
            if isinstance(value, str) and name != "msg":
                setattr(record, name, self._redactor.redact(value))
        return True


def _parts(secret: str) -> set[str]:
    stripped = secret.strip()
    lines = [line.strip() for line in stripped.splitlines()]
    if len(lines) < 2:
        return {stripped}
    # A key in PEM form: its frame is no secret.
    return {stripped, *(line for line in lines if len(line) >= _LINE_LENGTH and "-----" not in line)}


def _forms(secret: str) -> set[str]:
    raw = secret.encode("utf-8", "surrogatepass")
    return {
        secret,
        quote(raw, safe=""),
        quote(raw),
        quote_plus(raw),
        html.escape(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        *_base64_forms(raw),
    }


def _base64_forms(raw: bytes) -> set[str]:
    """What base64 texts that hold these bytes must contain: one form for each place in a group of three."""
    forms = set()
    for offset in range(3):
        padded = b"\0" * offset + raw
        whole = len(padded) // 3 * 3
        # The first group is shared with what stands before, a last one that is not full with what follows.
        inside = padded[3 if offset else 0 : whole]
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(inside).decode("ascii"))
    return forms
