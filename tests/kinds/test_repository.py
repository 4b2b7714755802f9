"""The repository's face: what of it arrives, and what is named as a loss because no request carries it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gl2gh_batch.domain.plan import Call, NoOp, Phase, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kinds import Setting
from gl2gh_batch.kinds.repository import RepositoryKind, RepositoryRecord

Make = Callable[..., Setting]
REPO = RepoRef(owner="acme", name="app")
RECORD = RepositoryRecord(
    description="An app",
    visibility="private",
    default_branch=None,
    topics=(),
    archived=False,
    issues_enabled=True,
    merge_method="merge",
    squash_option="default_off",
    remove_source_branch_after_merge=True,
)


def shaped(setting: Setting, **fields: Any) -> Any:
    """What becomes of a record with these fields."""
    return RepositoryKind().shape(replace(RECORD, **fields), setting)


def closing(setting: Setting, **fields: Any) -> dict[str, Any]:
    """The requests of the close phase by their ids, with their bodies."""
    steps = RepositoryKind().steps(shaped(setting, **fields).desired, REPO, TargetFacts())
    return {one.id: one.body for one in steps if isinstance(one, Call) and one.phase is Phase.CLOSE}


@pytest.mark.parametrize(
    ("fields", "item"),
    [
        ({"forked_from": "group/other"}, "forked-from"),
        ({"avatar_url": "https://gitlab.example.com/a.png"}, "avatar"),
        ({"merge_method": "ff"}, "merge-method"),
        ({"merge_method": "rebase_merge"}, "merge-method"),
        ({"squash_option": "default_on"}, "squash-option"),
        ({"merge_commit_template": "Merge %{title}"}, "merge-commit-template"),
        ({"squash_commit_template": "%{title}"}, "squash-commit-template"),
        ({"waits_for_pipeline": True}, "waits-for-pipeline"),
        ({"waits_for_threads": True}, "waits-for-threads"),
        ({"forking_forbidden": True}, "forking"),
        ({"description": "Two\nlines"}, "description"),
        ({"description": "x" * 351}, "description"),
    ],
)
def test_what_no_request_carries_is_a_loss(setting: Make, fields: dict[str, Any], item: str) -> None:
    """Each is named once, with its reason; a project without it loses nothing."""
    assert shaped(setting()).losses == ()
    (loss,) = shaped(setting(), **fields).losses
    assert (loss.kind, loss.item, bool(loss.reason)) == ("repository", f"repository/{item}", True)


def test_the_origin_of_a_fork_is_named_where_it_went(setting: Make) -> None:
    """An origin that is migrated, too, is named by its new address."""
    (loss,) = shaped(setting(), forked_from="group/app").losses
    assert "group/app" in loss.what
    assert loss.reason.endswith("the other one is acme/app")


@pytest.mark.parametrize(
    ("method", "squash", "ways"),
    [
        ("merge", "default_off", "merge squash"),
        ("merge", "never", "merge"),
        ("merge", "always", "squash"),
        ("rebase_merge", "default_on", "merge squash"),
        ("ff", "default_off", "rebase squash"),
        ("ff", "never", "rebase"),
        ("ff", "always", "squash"),
    ],
)
def test_ways_to_merge(setting: Make, method: str, squash: str, ways: str) -> None:
    """GitHub allows what GitLab did, and always something: it refuses a repository without a way."""
    desired = shaped(setting(), merge_method=method, squash_option=squash).desired
    found = {
        "merge": desired.allow_merge_commit,
        "rebase": desired.allow_rebase_merge,
        "squash": desired.allow_squash_merge,
    }
    assert " ".join(way for way, allowed in found.items() if allowed) == ways


def test_features_that_are_off_stay_off(setting: Make) -> None:
    """Issues and pull requests are switched off last, and Actions not on, where GitLab had them off."""
    on = closing(setting())
    assert on == {"repository/actions-on": {"enabled": True}}
    off = closing(setting(), issues_enabled=False, merge_requests_enabled=False, ci_enabled=False)
    assert off == {"repository/open": {"has_issues": False, "has_pull_requests": False}}
    steps = RepositoryKind().steps(shaped(setting(), ci_enabled=False).desired, REPO, TargetFacts())
    assert [one.id for one in steps if isinstance(one, NoOp)] == ["repository/actions-on"]


def test_a_server_without_the_switch_is_no_difference(setting: Make) -> None:
    """An older GitHub Enterprise Server does not know whether there are pull requests."""
    kind, desired = RepositoryKind(), shaped(setting(), merge_requests_enabled=False).desired
    assert not list(kind.check(desired, replace(desired, has_pull_requests=None)))
    assert list(kind.check(desired, replace(desired, has_pull_requests=True)))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a\x00b\x1bc\x7fd\x85e", "ab c d e"),
        ("a\u2028b\u2029c", "a b c"),
        ("evil \u202etxt.exe", "evil txt.exe"),
        ("tab\tnew\r\nline", "tab new line"),
        ("emoji 🎉 stays", "emoji 🎉 stays"),
        ("", ""),
    ],
)
def test_descriptions_have_no_control_characters(setting: Make, text: str, wanted: str) -> None:
    """GitHub refuses them: they become spaces."""
    assert shaped(setting(), description=text).desired.description == wanted


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (("Tools", "tools"), ("tools",)),
        (("-a-", "_b_", "c d"), ("a", "b", "c-d")),
        (("Ünïcode",), ("unicode",)),
        (("日本",), ()),
        (("x" * 60,), ("x" * 50,)),
        (tuple(f"t{n}" for n in range(25)), tuple(f"t{n}" for n in range(20))),
    ],
)
def test_topics_keep_githubs_rules(setting: Make, given: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    """At most 20 of at most 50 lower-case letters, digits and hyphens; what changes is named."""
    result = shaped(setting(), topics=given)
    assert result.desired.topics == wanted
    lost = {loss.item.removeprefix("repository/topics/") for loss in result.losses}
    assert lost == {one for one in given if one.casefold() not in wanted}
