"""GitHub's limits, as data, and the reading of a file that overrides them.

Figures: GitHub docs, rest/using-the-rest-api/rate-limits-for-the-rest-api ("may change without notice").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.limits import CONTENT_OF, Limit, LimitClass, Limits

GITHUB_COM: Final[Limits] = {
    LimitClass.PRIMARY: Limit(limit=5000, window_s=3600.0),
    LimitClass.POINTS: Limit(limit=900, window_s=60.0),
    LimitClass.CONTENT_MINUTE: Limit(limit=80, window_s=60.0),
    LimitClass.CONTENT_HOUR: Limit(limit=500, window_s=3600.0),
    LimitClass.SEARCH: Limit(limit=30, window_s=60.0),
    # 100 for the user in all; some are left for people and for the end of an answer that we saw first
    LimitClass.CONCURRENCY: Limit(limit=90),
}
# Off unless an administrator turns them on; then the headers tell the primary one (the same page, for GHES).
GHES: Final[Limits] = {LimitClass.CONCURRENCY: Limit(limit=90)}
UNLIMITED: Final[Limits] = {}

ALL_PROFILES: Final[Mapping[str, Limits]] = {
    "github.com": GITHUB_COM,
    "ghes": GHES,
    "unlimited": UNLIMITED,
}
IMPORTS_ARE_CONTENT: Final = "imports_are_content"
_HINT: Final = "For example {points: {limit: 900, window_s: 60}}."


def profile_for(github_url: str) -> str:
    """The name of the profile for an instance: github.com and its data-residency hosts, else GHES."""
    host = github_url.split("://", maxsplit=1)[-1].split("/", maxsplit=1)[0].split(":", maxsplit=1)[0].lower()
    return "github.com" if host == "github.com" or host.endswith((".github.com", ".ghe.com")) else "ghes"


def profile(name: str) -> Limits:
    """The limits of that profile; raises `ConfigurationError` with the names there are."""
    if name not in ALL_PROFILES:
        raise ConfigurationError(
            f"unknown profile {name!r}", field="limits", hint=f"Use one of: {', '.join(ALL_PROFILES)}."
        )
    return ALL_PROFILES[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What somebody knows better than the profiles: limits, and whether imports count as created content."""

    limits: Limits = field(default_factory=dict)
    imports_are_content: bool = False


def parse_overrides(raw: object) -> Overrides:
    """`{class: {limit, window_s}}` and `imports_are_content: true` beside; raises `ConfigurationError`."""
    if not isinstance(raw, Mapping):
        return Overrides(limits=parse_limits(raw))
    said = raw.get(IMPORTS_ARE_CONTENT, False)
    if not isinstance(said, bool):
        raise ConfigurationError(
            f"{said!r} is neither true nor false",
            field=f"limits.{IMPORTS_ARE_CONTENT}",
            hint="Write true where GitHub refused imports by its limit on created content.",
        )
    classes = {name: value for name, value in raw.items() if name != IMPORTS_ARE_CONTENT}
    return Overrides(limits=parse_limits(classes), imports_are_content=said)


def parse_limits(raw: object) -> Limits:
    """`{class: {limit, window_s}}` of either platform, as a file or an input holds it.

    `window_s` is required for every class but `concurrency`, which has none. Raises `ConfigurationError`.
    """
    if not isinstance(raw, Mapping):
        raise ConfigurationError(
            "expected a mapping of classes",
            field="limits",
            hint=_HINT,
        )
    return {_parse_class(name): _parse_limit(str(name), value) for name, value in raw.items()}


def _parse_class(name: object) -> LimitClass:
    classes = [one.value for one in LimitClass if one not in CONTENT_OF]
    if str(name) in classes:
        return LimitClass(str(name))
    near = get_close_matches(str(name), [*classes, IMPORTS_ARE_CONTENT], n=1)
    raise ConfigurationError(
        f"unknown class {name!r}",
        field="limits",
        hint=f"Did you mean {near[0]}?" if near else f"Use one of: {', '.join(classes)}.",
    )


def _parse_limit(name: str, raw: object) -> Limit:
    field = f"limits.{name}"
    if not isinstance(raw, Mapping):
        raise ConfigurationError("expected limit and window_s", field=field, hint=_HINT)
    unknown = sorted(str(key) for key in raw if key not in {"limit", "window_s"})
    if unknown:
        raise ConfigurationError(f"unknown key {unknown[0]!r}", field=field, hint="Use limit and window_s.")
    limit = raw.get("limit")
    window_s = raw.get("window_s")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise ConfigurationError(
            f"limit is {limit!r}; expected a whole number from 1", field=field, hint=_HINT
        )
    if name == LimitClass.CONCURRENCY:
        if window_s is not None:
            raise ConfigurationError("concurrency has no window_s", field=field, hint="Give limit alone.")
        return Limit(limit=limit)
    if isinstance(window_s, bool) or not isinstance(window_s, int | float) or not 0 < window_s <= 86400:
        raise ConfigurationError(
            f"window_s is {window_s!r}; expected seconds, more than 0 and at most 86400",
            field=field,
            hint=_HINT,
        )
    return Limit(limit=limit, window_s=float(window_s))
