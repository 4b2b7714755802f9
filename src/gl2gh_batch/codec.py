"""Values ↔ bytes, with a schema version; generic over the type it is given.

JSON throughout, written with sorted keys, so that equal values have equal bytes and one digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class DecodeError(ValueError):
    """The bytes are not a value of the expected type; the message says where and why."""


class NewerVersionError(DecodeError):
    """The document was written by a newer version of this program."""


def encode(value: object) -> bytes:
    """The value as one line of JSON with sorted keys."""
    return msgspec.json.encode(value, order="sorted")


def encode_pretty(value: object) -> bytes:
    """The value as indented JSON with sorted keys and a newline at the end."""
    return msgspec.json.format(encode(value), indent=2) + b"\n"


def decode(data: bytes | str, type_: type[T]) -> T:
    """The value of that type; raises `DecodeError`. Unknown fields are passed over."""
    try:
        return msgspec.json.decode(data, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DecodeError(str(error)) from error


def convert(value: object, type_: type[T]) -> T:
    """Plain data (dicts, lists, strings …) as a value of that type; raises `DecodeError`."""
    try:
        return msgspec.convert(value, type=type_)
    except msgspec.ValidationError as error:
        raise DecodeError(str(error)) from error


def plain(value: object) -> Any:
    """The value as dicts, lists, strings, numbers, booleans and None."""
    return msgspec.to_builtins(value, order="sorted")


def digest(value: object) -> str:
    """SHA-256, in hex, of the value's canonical bytes."""
    return hashlib.sha256(encode(value)).hexdigest()


def encode_document(schema: str, version: int, value: object) -> bytes:
    """A file of ours: the fields of `value`, and which schema in which version they follow."""
    return encode_pretty({"schema": schema, "version": version, **plain(value)})


def decode_document(data: bytes | str, schema: str, version: int, type_: type[T]) -> T:
    """The value in a file of ours; raises `DecodeError`, or `NewerVersionError` for a newer one."""
    raw = decode(data, dict[str, Any])
    found = raw.get("schema")
    if found != schema:
        msg = f"expected a {schema!r} document and found {found!r}"
        raise DecodeError(msg)
    number = raw.get("version")
    if isinstance(number, int) and number > version:
        msg = f"{schema!r} version {number} is newer than version {version}, which this program knows"
        raise NewerVersionError(msg)
    if number != version:
        msg = f"{schema!r} version {number!r} is not one that this program knows"
        raise DecodeError(msg)
    return convert(raw, type_)


class Tagged(Generic[T]):
    """A union of dataclasses, told apart by a tag (msgspec has unions for its own structs only)."""

    def __init__(self, tag: str, types: Mapping[str, type[T]]) -> None:
        self._tag = tag
        self._types = dict(types)
        self._names = {type_: name for name, type_ in types.items()}

    def encode(self, value: T) -> bytes:
        """The value with its tag, as one line of JSON."""
        return encode({self._tag: self._names[type(value)], **plain(value)})

    def decode(self, data: bytes | str) -> T:
        """The value that the line holds; raises `DecodeError`."""
        raw = decode(data, dict[str, Any])
        name = raw.pop(self._tag, None)
        type_ = self._types.get(name) if isinstance(name, str) else None
        if type_ is None:
            msg = f"{self._tag!r} is {name!r}; known are {', '.join(self._types)}"
            raise DecodeError(msg)
        return convert(raw, type_)
