"""Values to bytes and back, the same for the same, and every fault named."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch import codec

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A value for these tests."""

    name: str
    counts: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """Another value for these tests."""

    number: int


TAGGED: codec.Tagged[Plain | Other] = codec.Tagged("sort", {"plain": Plain, "other": Other})


@given(JSON)
def test_every_value_comes_back(value: Any) -> None:
    """What is written is read as it was, on one line."""
    data = codec.encode(value)
    assert codec.decode(data, object) == value
    assert b"\n" not in data


def test_equal_values_have_one_digest() -> None:
    """The order in which a mapping was filled makes no difference; the content does."""
    one, other = Plain(name="x", counts={"a": 1, "b": 2}), Plain(name="x", counts={"b": 2, "a": 1})
    assert codec.encode(one) == codec.encode(other)
    assert codec.digest(one) == codec.digest(other)
    assert codec.digest(one) != codec.digest(Plain(name="x", counts={"a": 1, "b": 3}))


def test_documents_carry_schema_and_version() -> None:
    """A document is read back only as what it is."""
    data = codec.encode_document("gl2gh-batch/x", 2, Plain(name="a"))
    assert codec.decode_document(data, "gl2gh-batch/x", 2, Plain) == Plain(name="a")
    with pytest.raises(codec.DecodeError, match="expected a 'gl2gh-batch/y'"):
        codec.decode_document(data, "gl2gh-batch/y", 2, Plain)
    with pytest.raises(codec.NewerVersionError, match="newer"):
        codec.decode_document(data, "gl2gh-batch/x", 1, Plain)
    with pytest.raises(codec.DecodeError, match="not one that this program knows"):
        codec.decode_document(data, "gl2gh-batch/x", 3, Plain)


def test_a_document_cut_anywhere_is_named() -> None:
    """No cut of a document passes, and none is a traceback of another kind."""
    data = codec.encode_document("gl2gh-batch/x", 1, Plain(name="a", counts={"b": 1})).rstrip()
    for length in range(len(data)):
        with pytest.raises(codec.DecodeError):
            codec.decode_document(data[:length], "gl2gh-batch/x", 1, Plain)


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"7", b"\xff\xfe", b'{"name": 7}', b"{}", b'{"a": ' * 9999]
)
def test_what_is_no_value_is_named(data: bytes) -> None:
    """Bytes that are no value of the type are a DecodeError."""
    with pytest.raises(codec.DecodeError):
        codec.decode(data, Plain)


def test_unknown_fields_are_passed_over() -> None:
    """A field that a newer program wrote is no hindrance."""
    assert codec.decode(b'{"name": "a", "new": 1}', Plain) == Plain(name="a")


@pytest.mark.parametrize("value", [Plain(name="a"), Other(number=1)])
def test_unions_are_told_apart_by_their_tag(value: Plain | Other) -> None:
    """Each comes back as what it was."""
    assert TAGGED.decode(TAGGED.encode(value)) == value


@pytest.mark.parametrize(
    "line", [b"{}", b'{"sort": "third"}', b'{"sort": ["plain"]}', b'{"sort": "other"}', b"[]"]
)
def test_a_tag_that_is_not_known_is_named(line: bytes) -> None:
    """Neither an unknown tag nor a wrong shape passes."""
    with pytest.raises(codec.DecodeError):
        TAGGED.decode(line)
