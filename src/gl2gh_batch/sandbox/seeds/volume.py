"""Volume: more issues and merge requests of the shapes that a description has, the same for the same seed.

`volume: {seed: 7, issues: 1000, notes_per_issue: 5, merge_requests: 50}` adds that many, numbered on after
the described ones (`varied_merge_requests` are those of `seeds.varied`).
Each takes after one of the described records in turn (or after one of a few built in,
where none is described), with its own number, people, dates and words. Notes are made when they are read, by
a generator seeded with the issue's number, and are not kept: 20,000 issues are ready in well under a second
of work each thousand.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from gl2gh_batch.sandbox.seeds.reader import Reader
from gl2gh_batch.sandbox.seeds.records import Award, Event, Issue, MergeRequest, Note, Notes, Project
from gl2gh_batch.sandbox.seeds.shapes import later
from gl2gh_batch.sandbox.seeds.varied import add_varied

_TITLES: Final = (
    "Export hangs on the last page",
    "Rename the settings of the scheduler",
    "Größe der Anhänge wird falsch angezeigt",
    "検索結果が空になる",
    "Retry when the queue is full",
)
_BODIES: Final = (
    "It happens every time.\n\n1. Open the list\n2. Go to the **last** page\n\n```\nERROR timeout\n```",
    "As agreed in #{iid}, see also `config/settings.yml`.\n\n- [x] read\n- [ ] write",
    "| case | result |\n|---|---|\n| one | ok |\n| two | *fails* |",
    "Same here, since last week. 🙂",
    "I could not reproduce this. Which version is it?",
)
_EMOJI: Final = ("thumbsup", "thumbsdown", "tada", "eyes", "heart")
_STEP_MINUTES: Final = 37
# One note in so many is a system note, and an issue in so many has an award.
_SYSTEM_EVERY: Final = 5
_AWARD_EVERY: Final = 10


def grow(top: Reader, project: Project, people: list[str]) -> None:
    """Add the wanted volume to a project that has its described records."""
    with top.child("volume") as wanted:
        seed, notes = wanted.number("seed"), wanted.number("notes_per_issue")
        varied, deleted = wanted.number("varied_merge_requests"), wanted.number("deleted_branches", 40)
        issues, merge_requests = wanted.number("issues"), wanted.number("merge_requests")
    people = people or [project.creator or "migrator"]
    models = list(project.issues.values())
    first = max(project.issues, default=0) + 1
    for iid in range(first, first + issues):
        model = models[(iid - first) % len(models)] if models else None
        project.issues[iid] = _issue(iid, seed, notes, model, project, people)
    first = max(project.merge_requests, default=0) + 1
    for iid in range(first, first + merge_requests):
        project.merge_requests[iid] = _merge_request(iid, seed, notes, project, people)
    add_varied(project, people, seed=seed, count=varied, deleted_percent=deleted)


def _issue(
    iid: int, seed: int, notes: int, model: Issue | None, project: Project, people: list[str]
) -> Issue:
    rng = random.Random(f"{seed}/issue/{iid}")
    created = later(project.created_at, minutes=iid * _STEP_MINUTES)
    is_closed = rng.random() < 0.6
    closed_at = later(created, days=1 + iid % 20) if is_closed else None
    author = rng.choice(people)
    title = model.title if model is not None else rng.choice(_TITLES)
    body = model.description if model is not None else rng.choice(_BODIES)
    labels = [label.title for label in project.labels]
    titles = [milestone.title for milestone in project.milestones]
    return Issue(
        iid=iid,
        title=f"{title} ({iid})",
        description=(body or "").replace("{iid}", str(max(iid - 1, 1))),
        author=author,
        created_at=created,
        updated_at=closed_at or later(created, minutes=10 * notes),
        state="closed" if is_closed else "opened",
        closed_at=closed_at,
        closed_by=rng.choice(people) if is_closed else None,
        labels=sorted(rng.sample(labels, min(len(labels), iid % 3))),
        milestone=rng.choice(titles) if titles and iid % 2 else None,
        assignees=[rng.choice(people)] if iid % 3 == 0 else [],
        weight=iid % 8 if iid % 4 == 0 else None,
        awards=[Award(name=rng.choice(_EMOJI), username=author, created_at=created)]
        if iid % _AWARD_EVERY == 0
        else [],
        events=[Event(kind="state", action="closed", what="closed", username=author, created_at=closed_at)]
        if closed_at is not None
        else [],
        notes=_notes(f"{seed}/issue notes/{iid}", notes, created, people, model),
    )


def _merge_request(iid: int, seed: int, notes: int, project: Project, people: list[str]) -> MergeRequest:
    rng = random.Random(f"{seed}/merge request/{iid}")
    created = later(project.created_at, minutes=iid * 4 * _STEP_MINUTES)
    done = later(created, days=2)
    state = rng.choices(("merged", "closed", "opened"), (60, 15, 25))[0]
    author = rng.choice(people)
    return MergeRequest(
        iid=iid,
        title=f"{rng.choice(_TITLES)} (merge request {iid})",
        description=f"Closes #{iid}.\n\n{rng.choice(_BODIES)}",
        author=author,
        created_at=created,
        updated_at=created if state == "opened" else done,
        state=state,
        closed_at=done if state == "closed" else None,
        closed_by=author if state == "closed" else None,
        merged_at=done if state == "merged" else None,
        merged_by=rng.choice(people) if state == "merged" else None,
        source_branch=f"change-{iid}",
        target_branch="",
        notes=_notes(f"{seed}/merge request notes/{iid}", notes, created, people, None),
    )


def _notes(key: str, count: int, created: str, people: list[str], model: Issue | None) -> Notes:
    bodies = [note.body for note in model.notes.all() if not note.system] if model is not None else []
    return Notes(
        make=_maker(key, count, created, people, tuple(bodies) or _BODIES),
        count=count,
        user_count=count - count // _SYSTEM_EVERY,
    )


def _maker(
    key: str, count: int, created: str, people: list[str], bodies: tuple[str, ...]
) -> Callable[[int], list[Note]]:
    def make(first_id: int) -> list[Note]:
        rng = random.Random(key)
        notes = []
        for index in range(1, count + 1):
            is_system = index % _SYSTEM_EVERY == 0
            body = "changed the description" if is_system else rng.choice(bodies).replace("{iid}", "1")
            notes.append(
                Note(
                    id=first_id + index - 1,
                    body=body if is_system else f"{body}\n\n({index})",
                    author=rng.choice(people),
                    created_at=later(created, minutes=10 * index),
                    discussion_id=f"{first_id + index - 1:040x}",
                    system=is_system,
                )
            )
        return notes

    return make
