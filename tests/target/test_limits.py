"""Limits as data: the documented figures, and files that override them."""

from __future__ import annotations

import pytest

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.target.limits import (
    ALL_PROFILES,
    Overrides,
    parse_limits,
    parse_overrides,
    profile,
    profile_for,
)


def test_a_file_overrides_any_class() -> None:
    """Windows are seconds; concurrency has none."""
    assert parse_limits({"content_hour": {"limit": 500, "window_s": 30}, "concurrency": {"limit": 7}}) == {
        LimitClass.CONTENT_HOUR: Limit(limit=500, window_s=30.0),
        LimitClass.CONCURRENCY: Limit(limit=7),
    }


def test_how_imports_count_can_be_said_beside() -> None:
    """It is no class, and by default it is for the platform to show."""
    points = {"points": {"limit": 9, "window_s": 60}}
    assert parse_overrides(points) == Overrides(limits=parse_limits(points))
    said = parse_overrides({**points, "imports_are_content": True})
    assert said == Overrides(limits=parse_limits(points), imports_are_content=True)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([], "expected a mapping"),
        ({"content_hours": {"limit": 1, "window_s": 1}}, "Did you mean content_hour"),
        ({"xyzzy": {}}, "Use one of: primary"),
        ({"points": 900}, "limits.points: expected limit and window_s"),
        ({"points": {"limit": 900, "window": 60}}, "unknown key 'window'"),
        ({"points": {"window_s": 60}}, "limit is None"),
        ({"points": {"limit": True, "window_s": 60}}, "limit is True"),
        ({"points": {"limit": 0, "window_s": 60}}, "limit is 0"),
        ({"points": {"limit": 1}}, "window_s is None"),
        ({"points": {"limit": 1, "window_s": float("nan")}}, "window_s is nan"),
        ({"points": {"limit": 1, "window_s": 1e9}}, "at most 86400"),
        ({"concurrency": {"limit": 1, "window_s": 60}}, "concurrency has no window_s"),
        ({"imports_are_content": "yes"}, "limits.imports_are_content: 'yes' is neither true nor false"),
        ({"import_are_content": True}, "Did you mean imports_are_content"),
        ({"import_hour": {"limit": 1, "window_s": 60}}, "unknown class 'import_hour'"),
    ],
)
def test_a_wrong_file_is_told_what_is_wrong(raw: object, message: str) -> None:
    """The field, the value, and the nearest right name."""
    with pytest.raises(ConfigurationError, match=message):
        parse_overrides(raw)


def test_the_profile_follows_from_the_address() -> None:
    """github.com and its data-residency hosts have github.com's limits, others may have none."""
    assert profile_for("https://github.com") == "github.com"
    assert profile_for("https://api.github.com/") == "github.com"
    assert profile_for("https://acme.ghe.com") == "github.com"
    assert profile_for("https://github.acme.com:8443/api/v3") == "ghes"
    assert profile_for("https://notgithub.com") == "ghes"
    for name in ALL_PROFILES:
        assert profile(name) is ALL_PROFILES[name]
    with pytest.raises(ConfigurationError, match=r"github\.com, ghes, unlimited"):
        profile("gitlab")
