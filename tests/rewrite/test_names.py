"""Names are what GitHub takes, are never alike, and depend on nothing but GitLab's names."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.domain.refs import is_repository_name
from gl2gh_batch.domain.request import NamingStrategy
from gl2gh_batch.rewrite.colours import label_colour
from gl2gh_batch.rewrite.names import (
    label_description,
    label_key,
    label_names,
    milestone_titles,
    repository_description,
    repository_name,
    topics,
    translate,
)

NAMES = st.lists(
    st.sampled_from(["bug", "Bug", "BUG", "bug (2)", "x" * 60, "x" * 70, " ", ""]) | st.text(), max_size=12
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


@given(NAMES, st.randoms())
def test_labels_fit_differ_and_do_not_depend_on_the_order(names: list[str], dice: object) -> None:
    """Every label gets a name of 1 to 50 characters, no two are alike to GitHub, in any order the same."""
    given_names = label_names(names)
    assert given_names.keys() == set(names)
    assert len({label_key(one) for one in given_names.values()}) == len(given_names)
    assert all(0 < units(one) <= 50 and one == one.strip() for one in given_names.values())
    assert not any(re.search(r"[\x00-\x1f\x7f]", one) for one in given_names.values())
    assert label_names(reversed(names)) == given_names


def test_labels_that_are_fine_stay_as_they_are() -> None:
    """Scoped names and emoji stay; of two alike the first in order keeps its name."""
    assert label_names(["workflow::in dev", "🎉 party", "bug", "Bug"]) == {
        "workflow::in dev": "workflow::in dev",
        "🎉 party": "🎉 party",
        "Bug": "Bug",
        "bug": "bug (2)",
    }
    long = "a" * 60
    assert label_names([long]) == {long: "a" * 49 + "…"}


@given(NAMES)
def test_milestones_fit_and_differ(titles: list[str]) -> None:
    """Every milestone gets a title of 1 to 255 characters, and no two the same."""
    given_titles = milestone_titles(titles)
    assert len(set(given_titles.values())) == len(set(titles))
    assert all(0 < units(one) <= 255 for one in given_titles.values())


@given(st.text() | st.none())
def test_descriptions_are_short_lines(text: str | None) -> None:
    """A label's description has at most 100 characters, none of four bytes; a repository's at most 350."""
    label, repository = label_description(text), repository_description(text)
    assert units(label) == len(label) <= 100
    assert units(repository) <= 350
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", label + repository)


@pytest.mark.parametrize(
    ("colour", "digits"),
    [
        ("#FF0000", "ff0000"),
        ("#abc", "aabbcc"),
        ("abc", "aabbcc"),
        ("SlateGray", "708090"),
        ("green", "008000"),
        ("", "ededed"),
        ("#12345", "ededed"),
        ("no colour", "ededed"),
    ],
)
def test_colours_are_six_digits(colour: str, digits: str) -> None:
    """Short forms are doubled, names looked up, and anything else becomes GitHub's own grey."""
    assert label_colour(colour) == digits


@pytest.mark.parametrize(
    ("path", "strategy", "name"),
    [
        ("group/sub/app", NamingStrategy.PROJECT, "app"),
        ("group/sub/app", NamingStrategy.FULL_PATH, "group-sub-app"),
        ("g/my.app.git", NamingStrategy.PROJECT, "my.app"),
        ("g/x.wiki.git", NamingStrategy.PROJECT, "x"),
        ("g/..", NamingStrategy.PROJECT, "repository"),
        ("g/été app", NamingStrategy.PROJECT, "-t-app"),
        ("g/" + "x" * 150, NamingStrategy.PROJECT, "x" * 100),
    ],
)
def test_repositories_are_named_after_their_projects(path: str, strategy: NamingStrategy, name: str) -> None:
    """The table of what a project's path becomes."""
    assert repository_name(path, strategy) == name


@given(st.text(), st.sampled_from(NamingStrategy))
def test_every_path_gives_a_name_that_github_keeps(path: str, strategy: NamingStrategy) -> None:
    """Whatever a path holds, the name is one that GitHub would not change."""
    assert is_repository_name(repository_name(path, strategy))


@given(st.lists(st.text()))
def test_topics_follow_github_rules(names: list[str]) -> None:
    """At most 20, each once, of lower case letters, digits and inner hyphens, at most 50 long."""
    found = topics(names)
    assert len(found) == len(set(found)) <= 20
    assert all(re.fullmatch(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?", one) for one in found)
    assert topics(["C++ Tools", "Ruby on Rails", "été"]) == ["c-tools", "ruby-on-rails", "ete"]


RULES = {"type::*": "type: *", "wontfix*": None, "p_*_*": "priority: *", "old": "later", "*": "*"}


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("type::bug", "type: bug"),
        ("wontfix", None),
        ("wontfix-2", None),
        ("p_1_x", "priority: 1"),
        ("Type::bug", "Type::bug"),
        ("later", "later"),
        ("a.b", "a.b"),
    ],
)
def test_rules_translate_labels(name: str, given: str | None) -> None:
    """The first pattern that a name matches gives its name on GitHub, or drops it; case counts."""
    assert translate(name, RULES) == given


def test_rules_stand_for_themselves() -> None:
    """In a pattern only the asterisk has a meaning, and a name that nothing matches stays."""
    assert translate("a+b", {"a+b": "plus", "aab": "other"}) == "plus"
    assert translate("[x]", {"[x]": "box"}) == "box"
    assert translate("x", {"y": "z"}) == "x"


def test_labels_that_rules_make_one_are_one() -> None:
    """Names that a rule gives are not told apart by a number, those that only GitHub takes for one are."""
    given = label_names(["old", "later", "Later", "wontfix"], RULES)
    assert given["old"] == given["later"]
    assert label_key(given["later"]) != label_key(given["Later"])
    assert given["wontfix"] == ""
