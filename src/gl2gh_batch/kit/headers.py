"""Numbers and dates as headers give them: what is neither is taken for nothing said."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def number(value: str | None) -> float | None:
    """The number, or None; some servers send floats where whole ones belong (PyGithub, pull request 2697)."""
    try:
        found = float(value) if value is not None else None
    except ValueError:
        return None
    return found if found is not None and abs(found) < 1e12 else None


def date(value: str | None) -> datetime | None:
    """The moment of an HTTP date (RFC 9110, 5.6.7), with its zone; None for what is no date."""
    try:
        found = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):  # an offset that no clock has
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
