"""Merge requests in every state and form, as many as wanted: the same for the same seed.

`volume: {seed: 7, varied_merge_requests: 500, deleted_branches: 40}` adds 500 of them, numbered on after the
others, of which 40 in 100 have lost their source branch. The forms go round by number, so that a few dozen
have them all: open, closed and merged, by a merge commit or squashed; drafts; from a fork that is gone;
without commits; with an earlier version; with threads, suggestions, notes on files, images, an old version
and outside of the diff, resolved and not; with labels, milestone, assignees, reviewers and approvals.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

from gl2gh_batch.sandbox.seeds.records import Award, MergeRequest, Note, Notes, Project
from gl2gh_batch.sandbox.seeds.shapes import later

STATES: Final = (
    "merged",
    "merged",
    "opened",
    "merged",
    "closed",
    "merged",
    "merged",
    "opened",
    "merged",
    "closed",
)
_STEP_MINUTES: Final = 97
# Forms go round with periods that share no divisor with that of the states.
_DRAFT_EVERY: Final = 7
_EMPTY_EVERY: Final = 23
_FORK_EVERY: Final = 13
_SQUASH_EVERY: Final = 3
_VERSIONS_EVERY: Final = 4


def add_varied(project: Project, people: list[str], *, seed: int, count: int, deleted_percent: int) -> None:
    """Add `count` merge requests; of each hundred in a row, so many have no source branch any more."""
    first = max(project.merge_requests, default=0) + 1
    for index in range(count):
        iid = first + index
        # 37 has no divisor in common with 100: each hundred meets every remainder once.
        is_deleted = index * 37 % 100 < deleted_percent
        item = _merge_request(iid, index, seed, project, people, has_branch=not is_deleted)
        project.merge_requests[iid] = item


def _merge_request(
    iid: int, index: int, seed: int, project: Project, people: list[str], *, has_branch: bool
) -> MergeRequest:
    rng = random.Random(f"{seed}/varied/{iid}")
    state = STATES[index % len(STATES)]
    created = later(project.created_at, minutes=iid * _STEP_MINUTES)
    done = later(created, days=2)
    author, is_empty = rng.choice(people), index % _EMPTY_EVERY == _EMPTY_EVERY - 1
    is_fork = index % _FORK_EVERY == _FORK_EVERY - 1
    labels, titles = [each.title for each in project.labels], [each.title for each in project.milestones]
    is_merged = state == "merged"
    return MergeRequest(
        iid=iid,
        title=f"Change number {iid}",
        description=f"See !{max(iid - 1, 1)} and #{iid}.\n\nSecond paragraph of {iid}.",
        author=author,
        created_at=created,
        updated_at=created if state == "opened" else done,
        state=state,
        closed_at=done if state == "closed" else None,
        closed_by=author if state == "closed" else None,
        merged_at=done if is_merged else None,
        merged_by=rng.choice(people) if is_merged else None,
        draft=index % _DRAFT_EVERY == 0 and not is_merged,
        source_branch=f"work/{iid}",
        source_project="gone/fork" if is_fork else "",
        target_branch="",
        has_branch=has_branch and not is_fork,
        commit_count=0 if is_empty and not is_merged else 2 if index % _VERSIONS_EVERY == 1 else 1,
        squash=is_merged and index % _SQUASH_EVERY == 0,
        labels=sorted(rng.sample(labels, min(len(labels), index % 3))),
        milestone=rng.choice(titles) if titles and index % 2 else None,
        assignees=[rng.choice(people)] if index % 3 == 0 else [],
        reviewers=sorted({rng.choice(people)} - {author}),
        approved_by=sorted({rng.choice(people)} - {author}) if is_merged else [],
        approvals_required=index % 2,
        discussion_locked=True if index % 29 == 28 else None,
        awards=[Award(name="thumbsup", username=author, created_at=created)] if index % 5 == 0 else [],
        notes=Notes(list(_notes(iid, index, created, people, rng))),
    )


def _notes(iid: int, index: int, created: str, people: list[str], rng: random.Random) -> Iterator[Note]:
    """The notes of one merge request, oldest first: a few of the forms, another few for the next number."""
    wanted = [name for place, name in enumerate(_FORMS) if (place + index) % 3 == 0]
    minute = 0
    for name in wanted:
        for reply, (body, position) in enumerate(_FORMS[name]):
            minute += 11
            at, is_system = later(created, minutes=minute), name == "system"
            is_diff = position is not None
            is_resolved = is_diff and index % 2 == 0
            by = rng.choice(people)
            yield Note(
                body=body.replace("{iid}", str(iid)),
                author=by,
                created_at=at,
                discussion_id=f"{index:x}{name.encode().hex():0>36}"[-40:].rjust(40, "0"),
                individual=name in ("plain", "system"),
                system=is_system,
                internal=name == "internal",
                type="DiffNote"
                if is_diff
                else None
                if name in ("plain", "system", "internal")
                else "DiscussionNote",
                resolvable=is_diff,
                resolved=is_resolved,
                resolved_by=by if is_resolved else None,
                resolved_at=at if is_resolved else None,
                position=_position(iid, index, position) if position is not None else None,
                suggestions=[_SUGGESTION] if "```suggestion" in body and reply == 0 else [],
            )


def _position(iid: int, index: int, wanted: dict[str, Any]) -> dict[str, Any]:
    path = wanted.get("path", f"changes/{iid}.md")
    kept = {key: value for key, value in wanted.items() if key != "path"}
    if kept.get("version") and index % _VERSIONS_EVERY != 1:
        del kept["version"]
    if kept.get("position_type") == "image":
        return {"old_path": path, "new_path": path, **kept}
    lines = {"old_line": None, "new_line": None, "line_range": None}
    return {"old_path": path, "new_path": path, "position_type": "text", **lines, **kept}


_SUGGESTION: Final = {
    "id": 1,
    "from_line": 1,
    "to_line": 1,
    "appliable": True,
    "applied": False,
    "from_content": "",
    "to_content": "better\n",
}
_FORMS: Final[dict[str, tuple[tuple[str, dict[str, Any] | None], ...]]] = {
    "plain": (("A word on {iid}, see #1.", None),),
    "thread": (("First of a thread", None), ("Answer in the thread", None)),
    "line": (("On the first line", {"new_line": 1}), ("Answer on the line", {"new_line": 1})),
    "suggestion": (("Better so\n\n```suggestion:-0+0\nbetter\n```", {"new_line": 1}),),
    "outdated": (("On the older version", {"new_line": 3, "version": 1}),),
    "outside": (("Not in the diff", {"path": "README.md", "old_line": 1, "new_line": 1}),),
    "file": (("On the whole file", {"position_type": "file"}),),
    "image": (
        (
            "On the picture",
            {"path": "logo.png", "position_type": "image", "x": 3, "y": 4, "width": 90, "height": 60},
        ),
    ),
    "system": (("added 1 commit", None),),
    "internal": (("For members alone", None),),
}
