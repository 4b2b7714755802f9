"""The list of projects that a batch is given: each named once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.config import project_of
from gl2gh_batch.domain.errors import ConfigurationError

_HINT: Final = "Give a list with one mapping a project: [{project_id: 123, gitlab_url: …}, …]."


def names_of(configs: Sequence[Mapping[str, Any]]) -> list[int | str]:
    """The projects as they are named; raises `ConfigurationError` for a missing or a doubled one.

    Also for two with the same `output_dir`: each would write its files over the other's.
    """
    if isinstance(configs, str | bytes | Mapping) or not isinstance(configs, Sequence):
        raise _no_list(configs, "a list of projects", "the batch")
    first: dict[str, str] = {}
    folders: dict[Path, str] = {}
    names = []
    for index, raw in enumerate(configs):
        if not isinstance(raw, Mapping):
            raise _no_list(raw, "a mapping", f"entry {index + 1}")
        name = project_of(raw)
        place = place_of(raw, index)
        key = f"{str(raw.get('gitlab_url') or '').lower().rstrip('/')}|{str(name).lower()}"
        if key in first:
            raise listed_twice(name, first[key], place)
        first[key] = place
        folder = raw.get("output_dir")
        if isinstance(folder, str | Path) and "\0" not in str(folder) and str(folder).strip():
            whose = f"{name} ({place})"
            other = folders.setdefault(Path(folder).resolve(), whose)
            if other != whose:
                raise _in_one_folder(other, whose)
        names.append(name)
    return names


def _no_list(found: object, wanted: str, place: str) -> ConfigurationError:
    # What it is, and not what is in it: there may be tokens.
    return ConfigurationError(
        f"{place} is not {wanted}, but of type {type(found).__name__}", field="projects", hint=_HINT
    )


def _in_one_folder(first: str, second: str) -> ConfigurationError:
    return ConfigurationError(
        f"projects {first} and {second} have the same output_dir: each would write over the other's files",
        field="output_dir",
        hint="Give each project a folder of its own, or none: SharedResources(work_dir=…) has one for each.",
    )


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
