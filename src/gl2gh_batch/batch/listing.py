"""The list of projects that a batch is given: each named once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gl2gh_batch.batch.config import project_of
from gl2gh_batch.domain.errors import ConfigurationError


def names_of(configs: Sequence[Mapping[str, Any]]) -> list[int | str]:
    """The projects as they are named; raises `ConfigurationError` for a missing or a doubled one."""
    first: dict[str, str] = {}
    names = []
    for index, raw in enumerate(configs):
        name = project_of(raw)
        place = place_of(raw, index)
        key = f"{str(raw.get('gitlab_url') or '').lower().rstrip('/')}|{str(name).lower()}"
        if key in first:
            raise listed_twice(name, first[key], place)
        first[key] = place
        names.append(name)
    return names


def place_of(raw: Mapping[str, Any], index: int) -> str:
    """Where a project was named: as its door says, else its place in the list."""
    return str(raw.get("origin") or f"entry {index + 1}")


def listed_twice(name: int | str, first: str, second: str) -> ConfigurationError:
    """The error for a project that is listed at both places."""
    return ConfigurationError(
        f"project {name} is listed twice: {first} and {second}",
        field="projects",
        hint="Keep one of the two entries.",
    )
