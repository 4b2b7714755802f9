"""An export neither loses nor doubles anything, while people work in the project all the time."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gl2gh_batch import codec
from gl2gh_batch.agents._people import Census
from gl2gh_batch.agents._reading import read_kind
from gl2gh_batch.domain.inventory import Inventory, Watermark
from gl2gh_batch.domain.limits import LimitClass
from gl2gh_batch.domain.refs import ProjectRef
from gl2gh_batch.kinds import Source
from gl2gh_batch.kinds._issue_values import IssueRecord
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.kinds.labels import LabelsKind
from gl2gh_batch.kinds.merge_requests import MergeRequestsKind
from gl2gh_batch.kinds.milestones import MilestonesKind
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import HttpClient, open_session
from gl2gh_batch.kit.workdir import read_lines
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.source import sansio
from gl2gh_batch.source.api import GitLab, TokenHeader, token_headers

PAGE = 4
SEED = """
project: {path: a/drift, id: 2, creator: anna}
users: {anna: {name: Anna}}
volume: {seed: 1, issues: 1}
"""


class Busy(GitLab):
    """Somebody works in the project before every answer."""

    between: Callable[[], None] = staticmethod(lambda: None)
    asked = 0

    async def get(self, path: str, params: Any = None) -> Any:
        self.asked += 1
        self.between()
        return await super().get(path, params)


class Watched(IssuesKind):
    """Tells when the second reading begins."""

    def __init__(self, begins: Callable[[], None]) -> None:
        super().__init__()
        self._begins = begins

    async def read_again(self, gitlab: Any, source: Any, before: Any) -> AsyncIterator[IssueRecord]:
        self._begins()
        async for record in super().read_again(gitlab, source, before):
            yield record


class WatchedMergeRequests(MergeRequestsKind):
    """The same of merge requests."""

    def __init__(self, begins: Callable[[], None]) -> None:
        self._begins = begins

    async def read_again(self, gitlab: Any, source: Any, before: Any) -> AsyncIterator[Any]:
        self._begins()
        async for record in super().read_again(gitlab, source, before):
            yield record


@dataclass
class Office:
    """People who open, change, comment and delete, and a memory of what was there when."""

    sandbox: Sandbox
    dice: random.Random
    tick: int = 0
    serial: int = 0
    # key → [(tick, what it looked like from then on; None: gone)]
    history: dict[Any, list[tuple[int, Any]]] = field(default_factory=dict)

    @property
    def edit(self) -> Any:
        return self.sandbox.gitlab.edit(2)

    def look(self) -> dict[Any, Any]:
        """What is there by now, by key."""
        project = self.edit.project
        found: dict[Any, Any] = {}
        for issue in project.issues.values():
            found["issue", issue.iid] = (issue.title, frozenset(issue.labels))
            for note in issue.notes.own():
                found["note", note.id] = note.body
        for item in project.merge_requests.values():
            found["merge request", item.iid] = (item.title, frozenset(item.labels))
            for note in item.notes.own():
                found["remark", note.id] = note.body
        found |= {("label", one.id): one.title for one in project.labels}
        found |= {("milestone", one.id): one.title for one in project.milestones}
        return found

    def remember(self) -> None:
        """Write down what changed."""
        self.tick += 1
        now = self.look()
        for key in {*now, *self.history}:
            states = self.history.setdefault(key, [])
            if not states or states[-1][1] != now.get(key):
                states.append((self.tick, now.get(key)))

    def begin(self) -> None:
        """Forget the past."""
        self.history = {}
        self.remember()

    def since(self, key: Any, tick: int) -> list[Any]:
        """What it looked like at that moment and ever after, None where it was not there."""
        states = self.history.get(key, [])
        before = [state for at, state in states if at <= tick]
        return [before[-1] if before else None, *(state for at, state in states if at > tick)]

    def work(self) -> None:
        """One thing that somebody does."""
        project, dice, edit = self.edit.project, self.dice, self.edit
        self.serial += 1
        text = f"{dice.random():.6f} {self.serial}"
        iids = list(project.issues)
        iid = dice.choice(iids) if iids else 0
        notes = [note.id for note in project.issues[iid].notes.own()] if iid else []
        mrs = list(project.merge_requests)
        mr = dice.choice(mrs) if mrs else 0
        remarks = [note.id for note in project.merge_requests[mr].notes.own()] if mr else []
        match dice.choice(ACTIONS):
            case "issue+":
                edit.add_issue(text, labels=[one.title for one in dice.sample(project.labels, 1)])
            case "issue" if iid:
                edit.edit_issue(iid, title=text)
            case "issue-" if len(iids) > 2:
                edit.delete_issue(iid)
            case "note+" if iid:
                edit.add_note(iid, text)
            case "note" if notes:
                edit.edit_note(iid, dice.choice(notes), body=text)
            case "note-" if notes:
                edit.delete_note(iid, dice.choice(notes))
            case "merge request+":
                edit.add_merge_request(text, labels=[one.title for one in dice.sample(project.labels, 1)])
            case "merge request" if mrs:
                edit.edit_merge_request(dice.choice(mrs), title=text)
            case "merge request-" if len(mrs) > 2:
                edit.delete_merge_request(dice.choice(mrs))
            case "remark+" if mrs:
                edit.add_note(dice.choice(mrs), text, kind="merge_requests")
            case "remark" if remarks:
                edit.edit_note(mr, dice.choice(remarks), kind="merge_requests", body=text)
            case "remark-" if remarks:
                edit.delete_note(mr, dice.choice(remarks), kind="merge_requests")
            case "label+":
                edit.add_label(text)
            case "label":
                edit.rename_label(dice.choice(project.labels).title, text)
            case "label-" if len(project.labels) > 2:
                edit.delete_label(dice.choice(project.labels).title)
            case "milestone+":
                edit.add_milestone(text)
            case "milestone" if project.milestones:
                edit.edit_milestone(dice.choice(project.milestones).iid, title=text)
            case "milestone-" if project.milestones:
                edit.delete_milestone(dice.choice(project.milestones).iid)
            case _:
                return
        self.remember()

    def furnish(self) -> None:
        """Bring the project back to a size at which everything takes several pages."""
        project, edit = self.edit.project, self.edit
        while len(project.labels) < PAGE * 2:
            edit.add_label(f"label {self.dice.random()}")
        while len(project.labels) > PAGE * 4:
            edit.delete_label(self.dice.choice(project.labels).title)
        while len(project.milestones) < PAGE * 2:
            edit.add_milestone(f"milestone {self.dice.random()}")
        while len(project.milestones) > PAGE * 4:
            edit.delete_milestone(self.dice.choice(project.milestones).iid)
        while len(project.issues) > PAGE * 3:
            edit.delete_issue(self.dice.choice(list(project.issues)))
        while len(project.issues) < PAGE * 2:
            edit.add_issue(f"issue {self.dice.random()}")
        for iid in self.dice.sample(sorted(project.issues), 2):
            while len(project.issues[iid].notes.own()) < PAGE * 2:
                edit.add_note(iid, f"note {self.dice.random()}")
        while len(project.merge_requests) > PAGE * 3:
            edit.delete_merge_request(self.dice.choice(list(project.merge_requests)))
        while len(project.merge_requests) < PAGE * 2:
            edit.add_merge_request(f"merge request {self.dice.random()}")
        for iid in self.dice.sample(sorted(project.merge_requests), 2):
            while len(project.merge_requests[iid].notes.own()) < PAGE * 2:
                edit.add_note(iid, f"remark {self.dice.random()}", kind="merge_requests")


ACTIONS = (
    "issue+",
    "issue",
    "issue-",
    "note+",
    "note",
    "note-",
    "note-",
    "merge request+",
    "merge request",
    "merge request-",
    "remark+",
    "remark",
    "remark-",
    "remark-",
    "label+",
    "label",
    "label-",
    "milestone+",
    "milestone",
    "milestone-",
)


@asynccontextmanager
async def open_office(folder: Path) -> AsyncIterator[tuple[Office, Busy]]:
    """A GitLab with small pages on which every moment is a new one."""
    seed = folder / "drift.yml"
    seed.write_text(SEED)
    clock = SystemClock()
    async with Sandbox([seed], profile="unlimited") as sandbox, open_session() as session:
        sandbox.rules.tighten("gitlab_per_page", PAGE)
        moment = datetime(2030, 1, 1, tzinfo=UTC)

        def now() -> datetime:
            nonlocal moment
            moment += timedelta(milliseconds=1)
            return moment

        sandbox.gitlab.now = now
        headers = token_headers(sandbox.gitlab_token, TokenHeader.PRIVATE_TOKEN)

        async def authorize() -> dict[str, str]:
            return headers

        governor = RequestGovernor(
            credential="gitlab", limits={}, clock=clock, told_class=LimitClass.GITLAB_REQUESTS
        )
        http = HttpClient(
            session=session,
            service="GitLab",
            base_url=f"{sandbox.gitlab_url}/api/v4",
            authorize=authorize,
            governor=governor,
            clock=clock,
            read_limits=sansio.read_limits,
        )
        yield Office(sandbox, random.Random(0)), Busy(http)


def _source() -> Source:
    inventory = Inventory(
        project=ProjectRef(id=2, full_path="a/drift"),
        name="drift",
        description="",
        web_url="",
        visibility="private",
        default_branch="main",
        archived=False,
        empty_repository=True,
        issues_enabled=True,
        wiki_enabled=False,
        topics=(),
        created_at="2024-01-01T00:00:00Z",
        counts={},
        sizes={},
        gitlab_version="17.0",
        watermark=Watermark(last_activity_at="", refs_sha256="", newest_update=""),
    )
    return Source(inventory=inventory, refs={})


async def _read(kind: Any, gitlab: GitLab, folder: Path) -> list[Any]:
    path = folder / f"{kind.name}.ndjson"
    await read_kind(kind, gitlab, _source(), path, scratch=folder, census=Census(), count=lambda _: None)
    return [codec.decode(line, kind.record_type) for line in read_lines(path)]


def _check(office: Office, seen: dict[Any, Any], sort: str, since: int, begin: int) -> None:
    """All that was there from `begin` on is seen, nothing is that was gone before `since`, and as it was."""
    for key in office.history:
        if key[0] == sort and None not in office.since(key, begin):
            assert key in seen, (key, office.history[key], since)
    for key, value in seen.items():
        assert value in office.since(key, since), (key, value, office.history.get(key), since)


async def _one_schedule(office: Office, gitlab: Busy, folder: Path, seed: int) -> None:
    office.dice = dice = random.Random(seed)
    office.furnish()
    office.begin()
    rate = dice.choice((0.1, 0.3, 0.7, 1.5))
    left = dice.randint(1, 80)

    def between() -> None:
        nonlocal left
        while left and dice.random() < rate / 2:
            left -= 1
            office.work()

    gitlab.between = between
    again: list[int] = []
    start = office.tick
    records = await _read(Watched(lambda: again.append(office.tick)), gitlab, folder)
    issues = {("issue", one.issue.iid): (one.issue.title, frozenset(one.issue.labels)) for one in records}
    notes = [("note", note.id) for one in records for note in one.notes]
    assert len(issues) == len(records), "an issue twice"
    assert len(notes) == len(set(notes)), "a note twice"
    _check(office, issues, "issue", again[0], start)
    bodies = {("note", note.id): note.body for one in records for note in one.notes}
    # A note of an issue that went meanwhile went with it.
    _check(office, bodies, "note", again[0], start)
    start = office.tick
    changes = await _read(WatchedMergeRequests(lambda: again.append(office.tick)), gitlab, folder)
    heads = {
        ("merge request", one.merge_request.iid): (
            one.merge_request.title,
            frozenset(one.merge_request.labels),
        )
        for one in changes
    }
    said = [note for one in changes for thread in one.discussions for note in thread.notes]
    bodies = {("remark", note.id): note.body for note in said}
    assert len(heads) == len(changes), "a merge request twice"
    assert len(bodies) == len(said), "a remark twice"
    _check(office, heads, "merge request", again[1], start)
    _check(office, bodies, "remark", again[1], start)
    begin = office.tick
    labels = await _read(LabelsKind(), gitlab, folder)
    names = {("label", one.id): one.name for one in labels}
    assert len(names) == len(labels), "a label twice"
    _check(office, names, "label", begin, begin)
    begin = office.tick
    milestones = [one.milestone for one in await _read(MilestonesKind(), gitlab, folder)]
    names = {("milestone", one.id): one.title for one in milestones}
    assert len(names) == len(milestones), "a milestone twice"
    _check(office, names, "milestone", begin, begin)


SCHEDULES = 100


@pytest.mark.parametrize("part", [0, *(pytest.param(part, marks=pytest.mark.slow) for part in range(1, 10))])
async def test_nothing_is_lost_or_doubled(tmp_path: Path, part: int) -> None:
    """In a thousand schedules of edits between the answers: what stayed is there once, what went is not."""
    async with open_office(tmp_path) as (office, gitlab):
        for seed in range(part * SCHEDULES, (part + 1) * SCHEDULES):
            await _one_schedule(office, gitlab, tmp_path, seed)


async def test_what_goes_meanwhile_is_counted(tmp_path: Path) -> None:
    """An export tells how many of what it had read were deleted before it ended, and nothing else."""
    async with open_office(tmp_path) as (office, gitlab):
        office.furnish()
        for kind, delete in (
            (Watched, office.edit.delete_issue),
            (WatchedMergeRequests, office.edit.delete_merge_request),
        ):
            gone: list[int] = []
            for iid in (2, 0):
                await read_kind(
                    kind(partial(delete, iid) if iid else lambda: None),
                    gitlab,
                    _source(),
                    tmp_path / "kind.ndjson",
                    scratch=tmp_path,
                    census=Census(),
                    count=lambda _: None,
                    gone=gone.append,
                )
            assert gone == [1]
