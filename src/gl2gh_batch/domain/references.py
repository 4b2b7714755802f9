"""Where each project of a batch goes, and which numbers its items get there."""

from __future__ import annotations

from dataclasses import dataclass, field

from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.refs import ProjectRef, RepoRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectReference:
    """One row of the batch's map, written by the survey; `named` is the project as the user named it."""

    named: str
    project: ProjectRef
    repo: RepoRef
    numbers: Numbers = field(default_factory=Numbers)
    surveyed_at: str = ""
