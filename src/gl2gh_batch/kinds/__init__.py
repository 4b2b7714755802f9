"""The kinds of things that are migrated, in the order in which they are filled."""

from __future__ import annotations

from typing import Any, Final

from gl2gh_batch.kinds._kind import (
    Kind,
    LfsObjects,
    Receipts,
    Refs,
    Setting,
    Shaped,
    Source,
    WikiContent,
    filling_order,
)
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.kinds.labels import LabelsKind
from gl2gh_batch.kinds.lfs_objects import LfsObjectsKind
from gl2gh_batch.kinds.merge_requests import MergeRequestsKind
from gl2gh_batch.kinds.milestones import MilestonesKind
from gl2gh_batch.kinds.releases import ReleasesKind
from gl2gh_batch.kinds.repository import RepositoryKind
from gl2gh_batch.kinds.snippets import SnippetsKind
from gl2gh_batch.kinds.uploads import UploadsKind
from gl2gh_batch.kinds.wiki import WikiKind

ALL_KINDS: Final[dict[str, Kind[Any, Any]]] = {
    "repository": RepositoryKind(),
    "lfs_objects": LfsObjectsKind(),
    "labels": LabelsKind(),
    "milestones": MilestonesKind(),
    "issues": IssuesKind(),
    "merge_requests": MergeRequestsKind(),
    "releases": ReleasesKind(),
    "snippets": SnippetsKind(),
    "wiki": WikiKind(),
    "uploads": UploadsKind(),
}

__all__ = [
    "ALL_KINDS",
    "Kind",
    "LfsObjects",
    "Receipts",
    "Refs",
    "Setting",
    "Shaped",
    "Source",
    "WikiContent",
    "filling_order",
]
