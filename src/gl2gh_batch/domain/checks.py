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
    """One thing that was looked at: `found` is one line, `remedy` empty where all is well.

    A batch is not begun when one is bad, unless it `may_pass`: that hinders some batches and not others.
    """

    name: str
    state: CheckState
    found: str
    remedy: str = ""
    may_pass: bool = False

    @property
    def stops(self) -> bool:
        """Whether no batch can work with it."""
        return self.state is CheckState.BAD and not self.may_pass


def good(name: str, found: str) -> Check:
    """All is well."""
    return Check(name=name, state=CheckState.GOOD, found=found)


def warning(name: str, found: str, remedy: str) -> Check:
    """It works, and somebody should know."""
    return Check(name=name, state=CheckState.WARNING, found=found, remedy=remedy)


def bad(name: str, found: str, remedy: str, *, may_pass: bool = False) -> Check:
    """It would fail later."""
    return Check(name=name, state=CheckState.BAD, found=found, remedy=remedy, may_pass=may_pass)


def unknown(name: str, found: str, remedy: str = "") -> Check:
    """Nobody tells us."""
    return Check(name=name, state=CheckState.UNKNOWN, found=found, remedy=remedy)
