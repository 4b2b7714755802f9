"""Which issues of a project are whose parts, and which block which: what GitHub has relations for.

An issue knows only some of its relations (GitLab tells either side), so they are gathered from all records.
GitHub's limits: "Adding sub-issues" (100 for one parent), "Creating issue dependencies" (50 of each sort).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gl2gh_batch.domain.request import ConfidentialPolicy, Policies
from gl2gh_batch.kinds._issue_history import IssueName, read_history
from gl2gh_batch.kinds._issue_values import IssueRecord, Relation, RelationSort, place_of
from gl2gh_batch.kinds._kind import Setting

KIND: Final = "issues"
MOST_SUB_ISSUES: Final = 100
MOST_DEPENDENCIES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """The relations of one issue by numbers on GitHub, and those that are written with it."""

    parent: int | None = None
    blocked_by: tuple[int, ...] = ()
    written: tuple[Relation, ...] = ()
    related: bool = False
    beyond: int = 0


def gather(records: Iterator[IssueRecord], policies: Policies) -> Mapping[str, str]:
    """All relations of a project: `parent:3` → `1`, `blocks:3` → `4 5`, `blocked-by:4` → `3` …, by iids.

    Only those of which both ends are carried over; `beyond:3` counts those that GitHub would not take.
    """
    carried: set[int] = set()
    parents: dict[int, int] = {}
    blocked: set[tuple[int, int]] = set()
    for record in records:
        issue = record.issue
        if issue.confidential and policies.confidential is ConfidentialPolicy.SKIP:
            continue
        carried.add(issue.iid)
        history = read_history(record.notes)
        if history.parent is not None and _is_own(history.parent):
            parents[issue.iid] = history.parent.iid
        for child in history.children:
            if _is_own(child):
                parents.setdefault(child.iid, issue.iid)
        for link in record.links:
            if link.project_id == issue.project_id and link.link_type != "relates_to":
                is_blocker = link.link_type == "blocks"
                blocked.add((link.iid, issue.iid) if is_blocker else (issue.iid, link.iid))
    table: dict[str, list[int]] = {}
    beyond: dict[int, int] = {}
    for part, whole in sorted(parents.items()):
        if part == whole or not {part, whole} <= carried:
            continue
        parts = table.setdefault(f"children:{whole}", [])
        if len(parts) == MOST_SUB_ISSUES:
            beyond[part] = beyond.get(part, 0) + 1
            continue
        parts.append(part)
        table[f"parent:{part}"] = [whole]
    for one, blocker in sorted(blocked):
        if one == blocker or not {one, blocker} <= carried:
            continue
        blockers = table.setdefault(f"blocked-by:{one}", [])
        those = table.setdefault(f"blocks:{blocker}", [])
        if MOST_DEPENDENCIES in {len(blockers), len(those)}:
            beyond[one] = beyond.get(one, 0) + 1
            continue
        blockers.append(blocker)
        those.append(one)
    names = {key: " ".join(map(str, iids)) for key, iids in table.items() if iids}
    return names | {f"beyond:{iid}": str(count) for iid, count in beyond.items()}


def relations_of(iid: int, number: int, setting: Setting) -> Relations:
    """The relations of the issue `iid`, which has that number on GitHub."""
    names = setting.names.get(KIND, {})

    def numbers(what: str) -> dict[int, int]:
        found = {}
        for other in names.get(f"{what}:{iid}", "").split():
            place = setting.issue_place(int(other))
            if place is not None:
                found[place] = int(other)
        return dict(sorted(found.items()))

    def path(issue: int) -> str:
        return "" if setting.unpromised is None else place_of(0, f"{KIND}/{issue}")

    parents, children = numbers("parent"), numbers("children")
    blockers, those = numbers("blocked-by"), numbers("blocks")
    own = f"{KIND}/{iid}"
    written: list[Relation] = []
    for sort, above, below in (
        (RelationSort.SUB_ISSUE, parents, children),
        (RelationSort.BLOCKED_BY, those, blockers),
    ):
        # The later of the two writes: then both are there.
        written += [
            Relation(sort=sort, number=one, other=number, step=own, place=path(other))
            for one, other in above.items()
            if one < number
        ]
        written += [
            Relation(sort=sort, number=number, other=one, step=f"{KIND}/{other}", place=path(iid))
            for one, other in below.items()
            if one < number
        ]
    return Relations(
        parent=next(iter(parents), None),
        blocked_by=tuple(blockers),
        written=tuple(written),
        related=bool(parents or those),
        beyond=int(names.get(f"beyond:{iid}", "0")),
    )


def _is_own(name: IssueName) -> bool:
    return not name.project
