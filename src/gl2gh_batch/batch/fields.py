"""Reading one field of a configuration: its type, its form, and a message that names field and remedy."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.kit.redact import MASK

S = TypeVar("S", bound=StrEnum)

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}")
# What can stand in a header: no platform's token holds anything else.
_TOKEN: Final = re.compile(r"[!-~]{0,4096}")
# The name of a secret in a workflow, where its value was to be.
_NAME_OF_TOKEN: Final = re.compile(r"(?:secrets|vars|env|inputs|github|steps|needs)\.[A-Za-z_].*")
# How each platform's own begin (docs: GitHub's "About authentication", GitLab's "Token overview").
_PLATFORM_OF_TOKEN: Final = {
    "GitHub": ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
    "GitLab": ("glpat-", "gldt-", "glrt-", "glcbt-", "gloas-", "glptt-"),
}
_TOKEN_ANYWHERE: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?:{'|'.join(one for some in _PLATFORM_OF_TOKEN.values() for one in some)})[\w.=-]+"
)
# What stands before the host of an address, whatever signs a password has in it.
_USERINFO: Final = re.compile(r"//.*@", re.DOTALL)
_BEFORE_HOST: Final = re.compile(r"[^\s,@]@")
_HELD: Final = "the address holds a user name or a token, and credentials do not belong into addresses"
_SECRET: Final = re.compile(r"token|secret|passw|private_key|credential", re.IGNORECASE)


def choice(type_: type[S], value: object, field_: str, default: S) -> S:
    """The member of that value; raises `ConfigurationError` with the values there are."""
    if value is None or value == "":
        return default
    values = [one.value for one in type_]
    if isinstance(value, str) and value in values:
        return type_(value)
    raise none_of(value, values, field_)


def none_of(value: object, values: Sequence[str], field_: str) -> ConfigurationError:
    """The error for a value that is none of these."""
    near = get_close_matches(value[:100].lower(), values, n=1) if isinstance(value, str) else []
    return ConfigurationError(
        f"{shown(value)} is none of {', '.join(values)}",
        field=field_,
        hint=f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(values)}.{_alike(value)}",
    )


def known_only(
    raw: Mapping[Any, object],
    known: Sequence[str],
    field_: str,
    *,
    noun: str = "key",
    place: str = "",
    elsewhere: Mapping[str, str] | None = None,
) -> None:
    """Raise `ConfigurationError` for the first key that is none of `known`, with the nearest that is.

    `elsewhere` says what to do about keys that have their place, and not here.
    """
    for key in raw:
        if key not in known:
            near = get_close_matches(str(key)[:100], known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known {noun}s: {', '.join(known)}."
            if elsewhere and key in elsewhere:
                hint = elsewhere[key]
            elif _SECRET.search(str(key)) and not (near and _SECRET.search(near[0])):
                hint = (
                    "No secret stands in a file: give the inputs gitlab_token and github_token, or set"
                    " GITLAB_TOKEN and GH_TOKEN."
                )
            raise ConfigurationError(
                f"unknown {noun} {shown(key)}{f' in {place}' if place else ''}", field=field_, hint=hint
            )


def _alike(value: object) -> str:
    """What cannot be seen: that a letter is not the one that it looks like."""
    odd = next((sign for sign in value if not sign.isascii()), "") if isinstance(value, str) else ""
    return f" Its sign U+{ord(odd):04X} is none of the letters that it may look like." if odd else ""


def url(raw: Mapping[str, Any], key: str, default: str) -> str:
    """The address of an instance, without a slash at its end."""
    value = text(raw, key).rstrip("/") or default
    try:
        parts = urlsplit(value)
        # A name or token in an address would be printed with it, so it is not repeated here either.
        private = "@" in value
        bare = not (private or parts.query or parts.fragment or parts.port == 0)
        right = bare and parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:  # a port or an address in brackets that is none
        private, right = "@" in value, False
    if not right or not re.fullmatch(r"[!-~]{1,2048}", value) or set(value) & set("\\<>\"'`{}|^?#"):
        raise ConfigurationError(
            _HELD if private else f"{shown(value)} is not an address of the form https://host",
            field=key,
            hint="Write the address of the instance alone, for example https://gitlab.example.com.",
        )
    return value


def refuse_credentials(value: object, field_: str, hint: str) -> None:
    """Raise `ConfigurationError` for a name with something before an `@`, as pasted addresses have it.

    The message does not repeat the value: no name of a project, repository or owner holds that sign.
    """
    if isinstance(value, str) and _BEFORE_HOST.search(value):
        raise ConfigurationError(_HELD, field=field_, hint=hint)


def token(raw: Mapping[str, Any], key: str) -> str:
    """A credential in one line; its value is never in the message."""
    value = text(raw, key)
    if not _TOKEN.fullmatch(value):
        raise ConfigurationError(
            "the token holds spaces, line breaks or signs that no token has",
            field=key,
            hint="Copy the token again, alone and in one line.",
        )
    if _NAME_OF_TOKEN.fullmatch(value):
        raise ConfigurationError(
            "this is the name of a secret, and not the secret",
            field=key,
            hint="Write the name with its braces: ${{ secrets.NAME }}.",
        )
    if value and not value.strip("*"):
        raise ConfigurationError(
            "these are the stars that a log shows in the place of a token",
            field=key,
            hint="Copy the token from where it was made.",
        )
    for platform, beginnings in _PLATFORM_OF_TOKEN.items():
        if value.startswith(beginnings) and not key.startswith(platform.lower()):
            raise ConfigurationError(
                f"this is a token of {platform}'s",
                field=key,
                hint="Give each platform its own: gitlab_token and github_token.",
            )
    return value


def truth(raw: Mapping[str, Any], key: str) -> bool:
    """A truth value, or `true` and `false` as texts; False when there is none."""
    value = raw.get(key)
    if value is None or value == "":
        return False
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise ConfigurationError(
            f"{shown(value)} is neither true nor false", field=key, hint="Write true or false."
        )
    return value


def folder(raw: Mapping[str, Any], key: str) -> Path | None:
    """A path, or None when there is none."""
    value = raw.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str | Path) or "\0" in str(value):
        raise ConfigurationError(
            f"{shown(value)} is not a path", field=key, hint="Give the path of a folder."
        )
    return Path(value)


def text(raw: Mapping[str, Any], key: str) -> str:
    """A text without blanks around it; a number is taken for its digits."""
    value = raw.get(key)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ConfigurationError(f"{shown(value)} is not a text", field=key, hint="Put it in quotes.")
    return str(value).strip()


def whole(raw: Mapping[str, Any], key: str) -> int:
    """A whole number; 0 when there is none."""
    value = raw.get(key)
    if value is None or value == "":
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    raise ConfigurationError(
        f"{shown(value)} is not a whole number", field=key, hint="Write digits only, without quotes."
    )


def shown(value: object) -> str:
    """A value as a message may quote it: short, without secrets, without unfolding what a file nests."""
    match value:
        case str():
            value = _TOKEN_ANYWHERE.sub(MASK, _USERINFO.sub(f"//{MASK}@", value))
            return repr(value if len(value) <= 100 else f"{value[:99]}…")
        case bool() | None:
            return str(value).lower() if value is not None else "nothing"
        case int() | float():
            return repr(value) if abs(value) < 10**18 else "a huge number"
        case Mapping():
            return "a mapping"
        case list() | tuple() | set() | frozenset():
            return "a list"
        case _:
            return f"a {type(value).__name__}"
