"""Badges: each is a loss of its own with a line for the README, which holds whatever GitLab holds."""

from __future__ import annotations

import re

import pytest
from fragments import TEXTS
from github_scanner import scan
from hypothesis import example, given
from hypothesis import strategies as st
from known_book import KnownBook

from gl2gh_batch.kinds._badges import BadgeRecord, badge_losses, badge_record
from gl2gh_batch.source.published import Badge

LINE = re.compile(
    r".*?this line shows it in the README: (.+?)(?: - its picture is GitLab's own.*)?", re.DOTALL
)
IMAGE = "https://img.example.com/b.svg"


def line_of(**fields: str) -> str:
    """The line for a badge; empty when there is none."""
    badge = BadgeRecord(
        id=4, **{"name": "Build", "link": "https://ci.example.com/x", "image": IMAGE, **fields}
    )
    (loss,) = badge_losses((badge,), KnownBook())
    assert loss.item == "repository/badges/4"
    found = LINE.fullmatch(loss.reason)
    return found[1] if found else ""


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, f"[![Build]({IMAGE})](https://ci.example.com/x)"),
        ({"link": ""}, f"![Build]({IMAGE})"),
        ({"link": "javascript:alert(1)"}, f"![Build]({IMAGE})"),
        ({"name": ""}, f"[![badge 4]({IMAGE})](https://ci.example.com/x)"),
        ({"image": "javascript:alert(1)"}, ""),
        ({"image": "https://x.example/a b.svg"}, ""),
        (
            {"image": "https://x.example/a)b(.svg"},
            "[![Build](https://x.example/a%29b%28.svg)](https://ci.example.com/x)",
        ),
        (
            {"link": "https://gitlab.example.com/group/app/-/commits/main"},
            f"[![Build]({IMAGE})](https://github.com/acme/app/commits/main)",
        ),
    ],
)
def test_the_line_is_ready_to_be_taken_over(fields: dict[str, str], line: str) -> None:
    """Name, picture and link as Markdown; what is migrated is linked on GitHub; no other sort of address."""
    assert line_of(**fields) == line


def test_a_picture_of_gitlabs_own_is_said() -> None:
    """A badge of a pipeline ends with its project: the loss says so, and what GitHub has in its place."""
    badge = BadgeRecord(
        id=1, name="CI", link="", image="https://gitlab.example.com/group/app/badges/main/pipeline.svg"
    )
    (loss,) = badge_losses((badge,), KnownBook())
    assert "https://gitlab.example.com/group/app/badges/main/pipeline.svg" in loss.reason
    assert "https://github.com/acme/app/actions/workflows/FILE.yml/badge.svg" in loss.reason


@given(name=TEXTS, link=st.text(max_size=30) | TEXTS, image=st.text(max_size=30) | TEXTS)
@example(name="](http://evil.example) @octocat #12", link="", image="")
@example(name="^", link="", image="")
@example(name="<script>`x`", link="https://x.example/)](http://evil.example", image="")
def test_hostile_names_and_addresses_stay_what_they_are(name: str, link: str, image: str) -> None:
    """The line is one line with one picture and at most one link: it calls nobody and refers to nothing."""
    line = line_of(name=name, link=f"https://a.example/{link}", image=f"https://b.example/{image}")
    if not line:
        return
    assert "\n" not in line
    seen = scan(line)
    assert (seen.mentions, seen.references, seen.commits, seen.closing) == (set(), set(), set(), set())
    assert [one.startswith("https://b.example/") for one in seen.images] == [True]
    assert [one.startswith("https://a.example/") for one in seen.links] in ([], [True])


def test_placeholders_are_resolved() -> None:
    """GitLab's own resolution is taken, else what is known is put in."""
    template = "https://x.example/%{project_path}/%{default_branch}/%{unheard_of}.svg"
    badge = Badge(
        id=1, link_url=template, image_url=template, rendered_image_url="https://x.example/done.svg"
    )
    record = badge_record(badge, {"project_path": "group/app", "default_branch": "main"})
    assert record.link == "https://x.example/group/app/main/%{unheard_of}.svg"
    assert record.image == "https://x.example/done.svg"
