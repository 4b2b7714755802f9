"""The files of a batch that may be read over HTTP: a list of ours, nothing that a path could reach."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.kit.workdir import ProjectFolder, slug

RESULT: Final = "batch-result.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One file: its name in addresses, where it is, and the place of its project in the batch."""

    name: str
    path: Path
    index: int
    bytes: int


def list_artifacts(work_dir: Path, results: Mapping[int, Mapping[str, Any]]) -> list[Artifact]:
    """The files of the projects that have a result, as the work directory holds them now."""
    return [one for place, result in sorted(results.items()) for one in _of_project(work_dir, place, result)]


def _of_project(work_dir: Path, place: int, result: Mapping[str, Any]) -> Iterator[Artifact]:
    source = str(result.get("source") or "")
    if not source:
        return
    name = slug(source, int(result["project_id"]))
    folder = ProjectFolder(work_dir / "projects" / name)
    report = folder.path / "report"
    wanted = [
        folder.inventory,
        folder.plan,
        folder.steps,
        folder.losses,
        folder.verification,
        folder.differences,
        folder.certificate,
        *(sorted(report.iterdir()) if report.is_dir() and not report.is_symlink() else ()),
    ]
    for path in wanted:
        found = _size(path)
        if found is not None:
            relative = path.relative_to(folder.path).as_posix()
            yield Artifact(name=f"projects/{name}/{relative}", path=path, index=place, bytes=found)


def _size(path: Path) -> int | None:
    """The size of an ordinary file; None for a link, a folder or nothing."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def open_artifact(artifact: Artifact) -> int:
    """A descriptor to read it by; raises `OSError` when it has become a link meanwhile."""
    return os.open(artifact.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
