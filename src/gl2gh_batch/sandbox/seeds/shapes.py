"""Small readings that all forms of seed share: dates, names, people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gl2gh_batch.sandbox.seeds.records import EPOCH, User

_HOST = re.compile(r"^https?://[^/]+")


def moment(value: object, otherwise: str = EPOCH) -> str:
    """A time in the form of all records, `2024-01-31T09:30:00.000Z`; takes text, a date or a datetime."""
    if value is None or value == "":
        return otherwise
    if isinstance(value, datetime):
        when = value
    elif isinstance(value, date):
        when = datetime(value.year, value.month, value.day, tzinfo=UTC)
    else:
        when = datetime.fromisoformat(str(value).replace(" UTC", "+00:00"))
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def later(time: str, **by: float) -> str:
    """A time moved on, by what `timedelta` takes."""
    return moment(datetime.fromisoformat(time) + timedelta(**by))


def maybe_moment(value: object) -> str | None:
    """The same, or None."""
    return None if value is None or value == "" else moment(value)


def day(value: object) -> str | None:
    """A date without a time, `2024-01-31`, or None."""
    return None if value is None or value == "" else str(value)[:10]


def username_of(name: str) -> str:
    """A username made of a display name: the same name always gives the same one."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    made = re.sub(r"[^a-z0-9]+", ".", plain.lower()).strip(".")
    return made or "user." + "".join(f"{ord(letter):x}" for letter in name)[:12]


def local(url: str | None, host: str) -> str:
    """An address on `host` (`https://…`) as a path, to be shown on the sandbox; any other unchanged."""
    if url is None:
        return ""
    return _HOST.sub("", url) if host and url.startswith(f"{host}/") else url


def user_of(face: Mapping[str, Any], host: str = "") -> User:
    """A user as the API shows one."""
    return User(
        id=int(face.get("id") or 0),
        username=str(face["username"]),
        name=str(face.get("name") or face["username"]),
        state=str(face.get("state") or "active"),
        avatar=local(face.get("avatar_url"), host),
        email=str(face.get("email") or ""),
        public_email=str(face.get("public_email") or ""),
        is_bot=bool(face.get("bot")),
    )
