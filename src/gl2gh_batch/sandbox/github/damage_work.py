"""How damage is worked off: two documents compared, and each difference carried out on the state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gl2gh_batch.sandbox.github.state import Repository, State

Document = Mapping[str, Any]


class DamageError(ValueError):
    """A difference that cannot be carried out; the message names its place."""


def refuse_others(before: Document, after: Document, allowed: frozenset[str], place: str) -> None:
    for key in {**before, **after}:
        if key not in allowed and before.get(key) != after.get(key):
            raise DamageError(f"{place}/{key} is derived and cannot be changed")


class Work:
    """How one sort of thing is made, changed and removed; things are told apart by their id."""

    def __init__(self, state: State, repository: Repository) -> None:
        self.state = state
        self.repository = repository

    def remove(self, identity: int) -> None:
        raise NotImplementedError

    def add(self, after: Document) -> None:
        raise NotImplementedError

    def change(self, before: Document, after: Document) -> None:
        raise NotImplementedError


def match(
    before: Document, after: Document, key: str, place: str, fields: frozenset[str], work: Work
) -> None:
    """Carry out what differs between two lists of documents with ids."""
    old = {each["id"]: each for each in before.get(key, ())}
    wanted: Sequence[Document] = after.get(key, ())
    for identity in old.keys() - {each.get("id") for each in wanted}:
        work.remove(identity)
    for index, each in enumerate(wanted):
        known = old.get(each.get("id"))
        if known is None:
            work.add(each)
        elif known != each:
            refuse_others(known, each, fields, f"{place}/{key}/{index}")
            work.change(known, each)


def set_fields(target: object, after: Document, names: Sequence[str]) -> None:
    for name in names:
        if name in after:
            setattr(target, name, after[name])


def login_of(value: Any) -> str | None:
    return value.get("login") if isinstance(value, Mapping) else value
