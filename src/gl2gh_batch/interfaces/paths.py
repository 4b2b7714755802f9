"""Where the paths of inputs and batch files lead; in a workflow never out of its workspace.

A pull request may bring a symbolic link to any file of the runner's container; what such a file holds could
be quoted in a message. And what is written outside of the workspace is gone when the container ends.
Source: GitHub's page "Dockerfile support for GitHub Actions" (what a container action sees).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gl2gh_batch.batch.fields import shown
from gl2gh_batch.domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Paths from a folder, which they may leave unless `is_closed`."""

    here: Path = Path()
    is_closed: bool = False

    def of(self, text: str, field: str, *, folder: Path | None = None) -> Path:
        """The path that a text names, from `folder` or from here; raises `ConfigurationError`."""
        if not text.isprintable():
            raise ConfigurationError(
                f"{shown(text)} is not a path", field=field, hint="Write a path without control signs."
            )
        path = (self.here if folder is None else folder) / text
        if self.is_closed:
            self._check(path, text, field)
        return path

    def _check(self, path: Path, text: str, field: str) -> None:
        try:
            is_inside = path.resolve().is_relative_to(self.here.resolve())
            is_usual = not path.exists() or path.is_file() or path.is_dir()
        except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that is too long
            raise ConfigurationError(
                f"{shown(text)} is the path of no file and no folder",
                field=field,
                hint="Write a path from the root of the workspace, such as batch.yml.",
            ) from error
        if not is_inside:
            raise ConfigurationError(
                f"{shown(text)} leads out of the workspace",
                field=field,
                hint="The Action sees the files of its workspace alone: write a path from its root, such as"
                " batch.yml.",
            )
        if not is_usual:
            raise ConfigurationError(
                f"{shown(text)} is neither a file nor a folder",
                field=field,
                hint="Write the path of a file in the workspace.",
            )
