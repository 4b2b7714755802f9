"""What a check before the work found: a name, how it is, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CheckState(StrEnum):
    """How one thing is; `unknown` for what this credential may not see."""

    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at: `found` is one line, `remedy` empty where all is well."""

    name: str
    state: CheckState
    found: str
    remedy: str = ""


def good(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, state=CheckState.GOOD, found=found)


def warning(name: str, found: str, remedy: str) -> Check:
    """It works, and somebody should know."""
    return Check(name=name, state=CheckState.WARNING, found=found, remedy=remedy)


def bad(name: str, found: str, remedy: str) -> Check:
    """It would fail later."""
    return Check(name=name, state=CheckState.BAD, found=found, remedy=remedy)


def unknown(name: str, found: str, remedy: str = "") -> Check:
    """Nobody tells us."""
    return Check(name=name, state=CheckState.UNKNOWN, found=found, remedy=remedy)
