"""JSON Patch, by the examples of RFC 6902 appendix A."""

from __future__ import annotations

from typing import Any

import pytest

from gl2gh_batch.sandbox.json_patch import PatchError, apply_patch


@pytest.mark.parametrize(
    ("document", "operation", "expected"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
        (
            {"foo": ["bar", "baz"]},
            {"op": "add", "path": "/foo/1", "value": "qux"},
            {"foo": ["bar", "qux", "baz"]},
        ),
        ({"baz": "qux", "foo": "bar"}, {"op": "remove", "path": "/baz"}, {"foo": "bar"}),
        ({"foo": ["bar", "qux", "baz"]}, {"op": "remove", "path": "/foo/1"}, {"foo": ["bar", "baz"]}),
        ({"baz": "qux"}, {"op": "replace", "path": "/baz", "value": "boo"}, {"baz": "boo"}),
        (
            {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
            {"op": "move", "from": "/foo/waldo", "path": "/qux/thud"},
            {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
        ),
        (
            {"foo": ["all", "grass", "cows", "eat"]},
            {"op": "move", "from": "/foo/1", "path": "/foo/3"},
            {"foo": ["all", "cows", "eat", "grass"]},
        ),
        ({"foo": ["bar"]}, {"op": "add", "path": "/foo/-", "value": ["x"]}, {"foo": ["bar", ["x"]]}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
    ],
)
def test_the_examples_of_the_standard_hold(document: Any, operation: dict[str, Any], expected: Any) -> None:
    """Each operation does what the standard's own example says, on a copy."""
    before = repr(document)
    assert apply_patch(document, [operation]) == expected
    assert repr(document) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "test", "path": "/foo", "value": "x"},
        {"op": "add", "path": "/none/bat", "value": "x"},
        {"op": "remove", "path": "/none"},
        {"op": "replace", "path": "/none", "value": 1},
        {"op": "add", "path": "/list/8", "value": 1},
        {"op": "replace", "path": "/list/01", "value": 1},
        {"op": "add", "path": "foo", "value": 1},
        {"op": "explode", "path": "/foo"},
        {"op": "add", "path": "/foo"},
    ],
)
def test_what_cannot_be_done_is_an_error(operation: dict[str, Any]) -> None:
    """An operation that fails names itself."""
    with pytest.raises(PatchError, match="operation 0"):
        apply_patch({"foo": "bar", "list": [1, 2]}, [operation])
