"""Reading a mapping of a YAML file key by key, with errors that say where and what is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self

from gl2gh_batch.sandbox.seeds.errors import SeedError
from gl2gh_batch.sandbox.seeds.shapes import day, maybe_moment


class Reader:
    """One mapping of the file; used in a `with`, which refuses keys that nobody asked for."""

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, dict):
            raise SeedError(f"{where}: expected keys and values, got {_kind(value)}")
        self._value: dict[Any, Any] = value
        self._where = where
        self._asked: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            return
        for key in self._value:
            if key not in self._asked:
                near = difflib.get_close_matches(str(key), sorted(self._asked), n=1)
                hint = (
                    f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(self._asked))}"
                )
                raise SeedError(f"{self._where}: unknown key {key!r}{hint}")

    def __contains__(self, key: str) -> bool:
        return self._value.get(key) is not None

    def refuse(self, key: str, why: str) -> SeedError:
        """The error that a value is wrong."""
        return SeedError(f"{self._where}.{key}: {why}")

    def text(self, key: str, otherwise: str = "") -> str:
        """Text; a number or a date is taken as it is written."""
        value = self._get(key)
        if value is None:
            return otherwise
        if isinstance(value, bool | dict | list):
            raise self.refuse(key, f"expected text, got {_kind(value)}")
        return str(value)

    def maybe_text(self, key: str) -> str | None:
        """The same, or None."""
        return self.text(key) if key in self else self._get(key)

    def needed_text(self, key: str) -> str:
        """The same; it must be there and not be empty."""
        text = self.text(key)
        if not text:
            raise self.refuse(key, "is needed")
        return text

    def choice(self, key: str, choices: tuple[str, ...], otherwise: str) -> str:
        """One of a few words."""
        text = self.text(key, otherwise)
        if text not in choices:
            raise self.refuse(key, f"expected one of {', '.join(choices)}, got {text!r}")
        return text

    def number(self, key: str, otherwise: int = 0) -> int:
        """A whole number, not negative."""
        value = self._get(key)
        if value is None:
            return otherwise
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.refuse(key, f"expected a whole number, got {_kind(value)}")
        return value

    def maybe_number(self, key: str) -> int | None:
        """The same, or None."""
        return self.number(key) if key in self else self._get(key)

    def flag(self, key: str, *, otherwise: bool = False) -> bool:
        """True or false."""
        value = self._get(key)
        if value is None:
            return otherwise
        if not isinstance(value, bool):
            raise self.refuse(key, f"expected true or false, got {_kind(value)}")
        return value

    def maybe_moment(self, key: str) -> str | None:
        """A time in the form of all records, or None."""
        value = self._get(key)
        try:
            return maybe_moment(value)
        except ValueError:
            raise self.refuse(key, f"expected a time like 2024-01-31T09:30:00Z, got {value!r}") from None

    def zoned(self, key: str, otherwise: str) -> str:
        """A time with the offset that it is written with, as commits keep it."""
        value = self._get(key)
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value.isoformat()
        return self.moment(key, otherwise)

    def moment(self, key: str, otherwise: str) -> str:
        """A time in the form of all records."""
        return self.maybe_moment(key) or otherwise

    def day(self, key: str) -> str | None:
        """A date like 2024-01-31, or None."""
        value = self._get(key)
        if value is not None and not isinstance(value, date | datetime):
            raise self.refuse(key, f"expected a date like 2024-01-31, got {value!r}")
        return day(value)

    def texts(self, key: str) -> list[str]:
        """A list of texts."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or any(isinstance(each, dict | list | bool | None) for each in value):
            raise self.refuse(key, f"expected a list of texts, got {_kind(value)}")
        return [str(each) for each in value]

    def numbers(self, key: str) -> list[int]:
        """A list of whole numbers."""
        value = self._get(key)
        if value is None:
            return []
        if not isinstance(value, list) or any(type(each) is not int for each in value):
            raise self.refuse(key, f"expected a list of whole numbers, got {_kind(value)}")
        return list(value)

    def child(self, key: str) -> Reader:
        """A mapping inside; an absent one reads as empty."""
        return Reader(self._get(key) or {}, f"{self._where}.{key}")

    def children(self, key: str) -> Iterator[Reader]:
        """The mappings of a list."""
        value = self._get(key)
        if value is not None and not isinstance(value, list):
            raise self.refuse(key, f"expected a list, got {_kind(value)}")
        for index, each in enumerate(value or ()):
            yield Reader(each, f"{self._where}.{key}[{index}]")

    def entries(self, key: str) -> Iterator[tuple[str, Reader]]:
        """The mappings inside a mapping, by their names; one without anything reads as empty."""
        for name, value in self.pairs(key):
            yield name, Reader(value or {}, f"{self._where}.{key}.{name}")

    def pairs(self, key: str) -> Iterator[tuple[str, Any]]:
        """The names and values of a mapping inside, unread."""
        value = self._get(key)
        if value is not None and not isinstance(value, dict):
            raise self.refuse(key, f"expected keys and values, got {_kind(value)}")
        for name, each in (value or {}).items():
            yield str(name), each

    def anything(self, key: str) -> Any:
        """The value as it is."""
        return self._get(key)

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        return self._value.get(key)


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true or false"
        case dict():
            return "keys and values"
        case list():
            return "a list"
        case _:
            return repr(value)
