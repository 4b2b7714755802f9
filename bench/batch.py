"""What is migrated: a hundred projects with a heavy tail, as descriptions for the sandbox.

The shape: 40 tiny, 30 small, 20 medium, 8 large and 2 huge projects. Merge requests are not migrated yet and
not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much one project holds; `notes` for each issue: each fifth is GitLab's own: one comment."""

    name: str
    issues: int
    notes: int
    labels: int = 0
    milestones: int = 0
    has_history: bool = True

    @property
    def comments(self) -> int:
        """The comments that are carried over."""
        system = self.notes // 5
        return self.issues * (self.notes - system + min(1, system))


TINY: Final = Size(name="tiny", issues=2, notes=2, labels=2)
SMALL: Final = Size(name="small", issues=20, notes=3, labels=5, milestones=2)
MEDIUM: Final = Size(name="medium", issues=150, notes=4, labels=20, milestones=5)
LARGE: Final = Size(name="large", issues=1000, notes=6, labels=60, milestones=20)
HUGE: Final = Size(name="huge", issues=5000, notes=7, labels=60, milestones=20)
# The benchmark batch.
HUNDRED: Final[Mapping[Size, int]] = {TINY: 40, SMALL: 30, MEDIUM: 20, LARGE: 8, HUGE: 2}


def mix(counts: Mapping[Size, int] = HUNDRED, *, scale: float = 1.0, has_history: bool = True) -> list[Size]:
    """The projects of a batch, smallest first; `scale` shrinks what each holds and not how many there are."""
    return [
        replace(
            size,
            issues=max(1, round(size.issues * scale)),
            labels=max(1, round(size.labels * scale)),
            milestones=round(size.milestones * scale),
            has_history=has_history,
        )
        for size, count in counts.items()
        for _ in range(count)
    ]


def write_seeds(sizes: Sequence[Size], folder: Path) -> list[Path]:
    """A description for each project, for `Sandbox(projects=…)`; their ids count from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, size in enumerate(sizes, start=1):
        path = folder / f"{number}.yml"
        path.write_text(yaml.safe_dump(_description(number, size)), encoding="utf-8")
        paths.append(path)
    return paths


def _description(number: int, size: Size) -> dict[str, Any]:
    commits = [{"name": "one", "message": "Begin", "files": {"README.md": f"# {number}\n"}}]
    return {
        "project": {"path": f"acme/{size.name}-{number}", "id": number, "creator": "anna"},
        "users": {"anna": {"name": "Anna Berg"}, "ben": {"name": "Ben Okafor"}},
        "labels": [{"title": f"label {index}"} for index in range(size.labels)],
        "milestones": [{"title": f"milestone {index}"} for index in range(size.milestones)],
        "repository": {"default_branch": "main", "commits": commits} if size.has_history else {},
        "volume": {"seed": number, "issues": size.issues, "notes_per_issue": size.notes, "merge_requests": 0},
    }
