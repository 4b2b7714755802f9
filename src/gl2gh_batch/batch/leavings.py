"""What a batch leaves for others: reports for people, handovers for later jobs; no run fails for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.config import ProjectConfig
from gl2gh_batch.batch.handover import hand_over, seal, withdraw
from gl2gh_batch.batch.inventories import write_inventory
from gl2gh_batch.batch.numbers import write_numbers
from gl2gh_batch.batch.people import write_users_report
from gl2gh_batch.batch.reports import write_report
from gl2gh_batch.batch.resources import REFERENCES, SharedResources
from gl2gh_batch.batch.shards import Shard
from gl2gh_batch.domain.errors import Gl2ghError, WorkDirectoryError
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.kit.workdir import ProjectFolder

RATE_FILE: Final = "rate-limit.json"


class Leavings:
    """Writes into the work directory `root` of one run."""

    def __init__(self, resources: SharedResources, root: Path) -> None:
        self._resources = resources
        self._root = root

    def begin(self, config: ProjectConfig | None, *, applies: bool) -> None:
        """Before a project's agents: one that applies outdates its handover, which must not be left."""
        known = self._folder_of(config)
        if known is not None and applies:
            with _as_ours():
                withdraw(self._root, known[0])

    def end(self, config: ProjectConfig | None, label: str) -> None:
        """After a project's agents, however they ended: make its handover."""
        known = self._folder_of(config)
        if known is None:
            return
        try:
            with _as_ours():
                hand_over(self._root, *known)
        except Gl2ghError as error:
            self._warn(label, error)

    def people(self, configs: Iterable[ProjectConfig], shard: Shard | None) -> dict[str, Any]:
        """After the projects: who is named in them, as a file and as the entry `users` of the result."""
        folders = [known[1] for one in configs if (known := self._folder_of(one)) is not None]
        try:
            with _as_ours():
                return write_users_report(self._root, folders, shard)
        except Gl2ghError as error:
            self._warn("", error)
            return {}

    def conclude(self, result: Mapping[str, Any], configs: Mapping[int, ProjectConfig]) -> None:
        """After the batch: the report, and the handover's own files."""
        found = {index: self._folder_of(config) for index, config in configs.items()}
        folders = {index: one for index, one in found.items() if one is not None}
        names = {index: name for index, (name, _) in folders.items()}
        try:
            with _as_ours():
                write_inventory(self._root, result, folders)
                write_report(self._root, result, folders)
                write_numbers(self._root, result, folders)
                seal(self._root, result, names, map_file=REFERENCES, rate_file=RATE_FILE)
        except Gl2ghError as error:
            self._warn("", error)

    def _folder_of(self, config: ProjectConfig | None) -> tuple[str, ProjectFolder] | None:
        """None for a project that is not on the map, or whose map is damaged: its agents tell that."""
        try:
            return None if config is None else self._resources.folder(config, self._root)
        except Gl2ghError:
            return None

    def _warn(self, label: str, error: Gl2ghError) -> None:
        self._resources.emit(Noticed(project=label, level="warning", message=error.message, hint=error.hint))


@contextmanager
def _as_ours() -> Iterator[None]:
    """What the disk refuses, as an error of ours."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise WorkDirectoryError(
            f"report or handover cannot be written: {error}",
            hint="Make room or give rights in the work directory, then run the same command again.",
        ) from error
