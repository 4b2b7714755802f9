"""The batch's map of projects, targets and numbers, on disk: look-ups by id and by path."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.domain.errors import ConfigurationError, WorkDirectoryError
from gl2gh_batch.domain.references import ProjectReference

_SCHEMA: Final = """
create table if not exists projects (
    id integer primary key,
    path text not null unique collate nocase,
    named text not null,
    reference text not null
)
"""

_INSTANCES: Final = "create table if not exists instances (id integer primary key, url text not null)"


class References:
    """The file `references.sqlite` in the root of the work directory, or in memory without a path.

    Raises `WorkDirectoryError` for a file that is damaged, when it is opened as well as later.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._name = path.name if path else "references"
        with self._guarded():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        try:
            with self._guarded():
                self._db.execute(_SCHEMA)
                self._db.execute(_INSTANCES)
        except WorkDirectoryError:
            self._db.close()
            raise

    def put(self, reference: ProjectReference) -> None:
        """Add or replace the row of one project; its name, id and path stand for no other any more."""
        project = reference.project
        with self._guarded():
            self._db.execute("begin immediate")
            with self._db:
                self._db.execute(
                    "delete from projects where id = ? or path = ? or named = ?",
                    (project.id, project.full_path, reference.named),
                )
                self._db.execute(
                    "insert into projects values (?, ?, ?, ?)",
                    (project.id, project.full_path, reference.named, codec.encode(reference).decode()),
                )

    def bind(self, reference: ProjectReference, gitlab_url: str) -> None:
        """Write down which GitLab a project is of; raises `ConfigurationError` when another's is here.

        Two instances may have projects of the same id or path: in one map one would pass for the other.
        """
        known = self.instance_of(reference.project.id, reference.project.full_path)
        if known and known != gitlab_url.lower():
            raise ConfigurationError(
                f"this work directory holds {reference.project.full_path} of {known} already",
                field="gitlab_url",
                hint="Give the projects of another GitLab a work directory of their own.",
            )
        with self._guarded():
            self._db.execute(
                "insert or replace into instances values (?, ?)", (reference.project.id, gitlab_url.lower())
            )

    def instance_of(self, project_id: int, full_path: str) -> str:
        """The address of the GitLab that a project of that id or path is of; empty when not known."""
        with self._guarded():
            row = self._db.execute(
                "select url from instances where id = ?"
                " union select url from instances join projects using (id) where path = ?",
                (project_id, full_path),
            ).fetchone()
        return "" if row is None else str(row[0])

    def of_instance(self, project: int | str, gitlab_url: str) -> ProjectReference | None:
        """The row of a project as the user named it, unless it is another GitLab's."""
        reference = self.named(project)
        if reference is None:
            return None
        known = self.instance_of(reference.project.id, reference.project.full_path)
        return reference if known in {"", gitlab_url.lower()} else None

    def named(self, project: int | str) -> ProjectReference | None:
        """The row of a project as the user named it: by its id, or by its full path."""
        text = str(project)
        return self._one(
            "select reference from projects where named = ? or path = ? or cast(id as text) = ?",
            (text, text, text),
        )

    def by_path(self, full_path: str) -> ProjectReference | None:
        """The row of the project with that full path (GitLab compares without regard to case)."""
        return self._one("select reference from projects where path = ?", (full_path,))

    def __iter__(self) -> Iterator[ProjectReference]:
        with self._guarded():
            for (text,) in self._db.execute("select reference from projects order by id"):
                yield _decoded(text)

    def digest(self) -> str:
        """Changes when where something goes, or which number it gets, changes."""
        return codec.digest([(one.project, one.repo, one.numbers) for one in self])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _one(self, query: str, values: tuple[str, ...]) -> ProjectReference | None:
        with self._guarded():
            row = self._db.execute(query, values).fetchone()
            return None if row is None else _decoded(row[0])

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, codec.DecodeError) as error:
            raise WorkDirectoryError(
                f"{self._name} cannot be used: {error}",
                hint="Delete the file and run a mode that begins with discovery: the survey writes it anew.",
            ) from error
        except OSError as error:
            raise WorkDirectoryError(
                f"{self._name} cannot be used: {error.strerror}",
                hint="Make room or give rights in the work directory, then run again.",
            ) from error


def _decoded(text: object) -> ProjectReference:
    if not isinstance(text, str):  # SQLite reads a torn page so
        msg = "a row is torn"
        raise codec.DecodeError(msg)
    return codec.decode(text, ProjectReference)
