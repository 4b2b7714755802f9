"""How many of each kind a project has, in words; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_MOST: Final = 12
_PLACEHOLDERS: Final = "placeholders"


def kind_words(plan: Mapping[str, Any]) -> str:
    """`repository, issues 4, labels 2 (1 is a placeholder)`: what the plan makes, and what fills gaps."""
    kinds: Mapping[str, Mapping[str, Any]] = plan.get("kinds") or {}
    words = count_words({kind: int(one.get("items") or 0) for kind, one in kinds.items()})
    known = plan.get("numbers") or ()
    gaps = sum(int(one.get("count") or 0) for one in known if one.get("sort") == _PLACEHOLDERS)
    if not words or not gaps:
        return words
    some = "at least " if int(plan.get("number_ranges") or 0) > len(known) else ""
    return f"{words} ({some}{gaps:,} {'is a placeholder' if gaps == 1 else 'are placeholders'})"


def count_words(counts: Mapping[str, int]) -> str:
    """The same for bare counts; a project's one repository needs no number, and comes first."""
    first = ["repository"] if counts.get("repository") else []
    rest = [
        f"{str(kind).replace('_', ' ')} {items:,}"
        for kind, items in counts.items()
        if items > 0 and kind != "repository"
    ]
    return ", ".join([*first, *rest][:_MOST])
