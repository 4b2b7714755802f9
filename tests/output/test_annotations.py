"""Annotations name what a reader should not miss, and no more than the runner keeps."""

from __future__ import annotations

from typing import Any

from gl2gh_batch.output.annotations import AT_MOST, annotations_of


def test_failures_are_errors_and_the_rest_is_milder(friendly: dict[str, Any]) -> None:
    """A failed project is an error with its reason and remedy, an incomplete one a warning."""
    found = annotations_of(friendly)
    assert [one.level for one in found].count("error") == 1
    assert found[0].title == "group/app failed: git-failed"
    assert {one.title for one in found if one.level == "notice"} == {"group/app was not started"}
    assert "group/app is incomplete" in {one.title for one in found if one.level == "warning"}


def test_there_are_at_most_ten_of_each_level(many_failures: dict[str, Any]) -> None:
    """Where there are more, the tenth says how many are not shown."""
    found = annotations_of(many_failures)
    for level in ("error", "warning", "notice"):
        assert sum(one.level == level for one in found) <= AT_MOST
    errors = [one for one in found if one.level == "error"]
    assert len(errors) == AT_MOST
    assert errors[-1].message == "and 21 more: see the job summary"


def test_hostile_texts_are_one_harmless_line(hostile: dict[str, Any]) -> None:
    """No annotation holds a line break, a control sign or a workflow command."""
    for one in annotations_of(hostile):
        for text in (one.title, one.message):
            assert "\n" not in text
            assert "\x1b" not in text
            assert "::" not in text
            assert "##[" not in text
        assert len(one.title) <= 300
        assert len(one.message) <= 4096


def test_nothing_to_say_is_nothing(all_good: dict[str, Any]) -> None:
    """A success without findings has no annotations."""
    all_good["results"][0]["findings"] = []
    assert annotations_of(all_good) == []


def test_what_was_said_before_counts(many_failures: dict[str, Any]) -> None:
    """With notices and warnings of the door's own there are ten of each level, too."""
    for used in range(12):
        found = annotations_of(many_failures, {"error": used})
        errors = [one for one in found if one.level == "error"]
        assert len(errors) == max(AT_MOST - used, 1)
        assert errors[-1].message == f"and {21 + min(used, 9)} more: see the job summary"
