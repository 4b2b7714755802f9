"""Whether the source is still what a plan was made from: a few facts, cheap to ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.errors import Gl2ghError, SourceChangedError
from gl2gh_batch.domain.inventory import Watermark
from gl2gh_batch.kit.git_refs import MIGRATED_PREFIXES, refs_digest

_PREFIX: Final = "source."
REMEDY: Final = (
    "Plan again and review it; or give accept_source_changes: true, which applies what was reviewed: what is"
    " new then belongs to a later run."
)
UNSEEN: Final = "To apply what was reviewed without looking at GitLab, give accept_source_changes: true."


async def read_watermark(desk: Desk) -> Watermark:
    """Read what tells whether the source changed: up to three requests and one look at the refs."""
    project_id = desk.reference.project.id
    project = await desk.gitlab.project(project_id)
    refs = (
        (await desk.git.ls_remote(desk.source_git_url, desk.gitlab_auth())).refs
        if project.has_history
        else {}
    )
    watched = [
        what
        for what, enabled in (
            ("issues", project.has_issues),
            ("merge_requests", project.has_merge_requests),
        )
        if enabled and desk.request.kinds.get(what) != "skip"
    ]
    return Watermark(
        last_activity_at=project.last_activity_at or "",
        refs_sha256=refs_digest({name: sha for name, sha in refs.items() if _is_read(name)}),
        newest_update=max(
            [await desk.gitlab.newest_update(project_id, what) for what in watched], default=""
        ),
    )


def _is_read(ref: str) -> bool:
    """Whether an export reads it; pipelines and environments have refs of their own, which come and go."""
    is_head = ref.startswith("refs/merge-requests/") and ref.endswith("/head")
    return is_head or ref.startswith(MIGRATED_PREFIXES)


def as_inputs(watermark: Watermark) -> dict[str, str]:
    """The watermark among the inputs of a plan."""
    return {f"{_PREFIX}{name}": value for name, value in codec.plain(watermark).items()}


async def refuse_changed_source(desk: Desk, inputs: Mapping[str, str]) -> None:
    """Raise `SourceChangedError` that names what changed since the plan with these inputs was made.

    A plan of a version that wrote no watermark down has nothing to compare with.
    """
    names = [one.name for one in fields(Watermark)]
    if desk.source_export is not None:  # it is what it was, as its digests say
        return
    if desk.accept_source_changes or not all(_PREFIX + name in inputs for name in names):
        return
    planned = Watermark(**{name: inputs[_PREFIX + name] for name in names})
    try:
        found = await read_watermark(desk)
    except Gl2ghError as error:
        error.hint = f"{error.hint} {UNSEEN}".strip()
        raise
    if changes := _changes(planned, found):
        raise SourceChangedError(
            f"the source changed since the plan was made: {'; '.join(changes)}",
            hint=REMEDY,
            project=desk.label,
        )


def _changes(planned: Watermark, found: Watermark) -> list[str]:
    changes = []
    if planned.refs_sha256 != found.refs_sha256:
        changes.append("branches or tags are not where they were")
    if planned.newest_update != found.newest_update:
        changes.append(
            "issues or merge requests were updated"
            f" (last {found.newest_update or 'never'}, planned {planned.newest_update or 'never'})"
        )
    if not changes and planned.last_activity_at != found.last_activity_at:
        changes.append(
            f"there was activity at {found.last_activity_at or 'no known time'}"
            f" (planned {planned.last_activity_at or 'none'})"
        )
    return changes
