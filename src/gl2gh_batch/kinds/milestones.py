"""Milestones, of the project and of its groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass

from gl2gh_batch.domain.plan import Call, Lookup, Loss, NoOp, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies
from gl2gh_batch.domain.result import Difference
from gl2gh_batch.kinds._kind import Kind, Setting, Shaped, Source, compare
from gl2gh_batch.rewrite.names import milestone_titles
from gl2gh_batch.rewrite.text import to_github
from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneRecord:
    """A milestone; `shadowed` when a nearer one has the same title, which GitHub would refuse."""

    milestone: gitlab.Milestone
    shadowed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneDesired:
    """A milestone as GitHub has it; `due_on` a date, `source_id` GitLab's id (0 when read back)."""

    title: str
    state: str
    description: str = ""
    due_on: str | None = None
    source_id: int = 0


def milestone_step(source_id: int) -> str:
    """The id of the step that makes the milestone, for references to its number."""
    return f"milestones/{source_id}"


class MilestonesKind(Kind[MilestoneRecord, MilestoneDesired]):
    """One request for each milestone."""

    name = "milestones"
    is_sent_once = True
    record_type = MilestoneRecord
    desired_type = MilestoneDesired

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[MilestoneRecord]:
        titles: set[str] = set()
        async for milestone in gitlab.milestones(source.inventory.project.id):
            key = milestone.title.strip().casefold()
            yield MilestoneRecord(milestone=milestone, shadowed=key in titles)
            titles.add(key)

    def shape(self, record: MilestoneRecord, setting: Setting) -> Shaped[MilestoneDesired]:
        milestone = record.milestone
        title = setting.names[self.name][f"id:{milestone.id}"]
        description = to_github(milestone.description or "", setting.book)
        if milestone.start_date:
            start = f"Start date: {milestone.start_date}"
            description = f"{description}\n\n{start}" if description else start
        lost = Loss(
            kind=self.name,
            item=f"milestones/{milestone.title}",
            what=f"the full title; it becomes {title!r}",
            reason="GitHub takes each title once, and 255 characters on one line",
        )
        return Shaped(
            losses=(lost,) if title != milestone.title else (),
            desired=MilestoneDesired(
                title=title,
                state="closed" if milestone.state == "closed" else "open",
                description=description,
                due_on=milestone.due_date,
                source_id=milestone.id,
            ),
        )

    def losses(self, setting: Setting) -> Iterator[Loss]:
        if not setting.names.get(self.name):
            return
        yield Loss(
            kind=self.name,
            item=self.name,
            what="when milestones were made and changed, their numbers, and which are a group's",
            reason="GitHub sets dates and numbers by itself, and every repository has milestones of its own",
        )

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        async for milestone in github.milestones(repo):
            yield milestone.title.casefold()

    def steps(self, desired: MilestoneDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        del facts
        body = {"title": desired.title, "state": desired.state, "description": desired.description}
        if desired.due_on is not None:
            # Noon: GitHub keeps a date only, and midnight UTC is the day before in its own zone.
            body["due_on"] = f"{desired.due_on}T12:00:00Z"
        yield Call(
            id=milestone_step(desired.source_id),
            kind=self.name,
            method="POST",
            path=f"/repos/{repo}/milestones",
            body=body,
            lookup=Lookup(
                path=f"/repos/{repo}/milestones?state=all&per_page=100",
                field="title",
                value=desired.title,
            ),
            adopt_path=f"/repos/{repo}/milestones/{{number}}",
            keep=("id", "number"),
        )

    def names(self, records: Iterator[MilestoneRecord], policies: Policies) -> Mapping[str, str]:
        """By `id:…` for records; by title and by iid for texts, where the nearest milestone is meant."""
        del policies
        milestones = []
        for record in records:
            one = record.milestone
            whose = "group" if one.group_id else "project"
            milestones.append((one, f"{one.title} ({whose} {one.id})" if record.shadowed else one.title))
        given = milestone_titles(title for _, title in milestones)
        names = {f"id:{one.id}": given[title] for one, title in milestones}
        for one, title in milestones:
            names.setdefault(one.title, given[title])
        for one, title in milestones:
            if one.group_id is None:
                names.setdefault(str(one.iid), given[title])
        return names

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[MilestoneDesired]:
        async for milestone in witness.milestones(repo):
            yield MilestoneDesired(
                title=milestone.title,
                state=milestone.state,
                description=milestone.description or "",
                due_on=milestone.due_on[:10] if milestone.due_on else None,
            )

    def check(self, desired: MilestoneDesired, seen: MilestoneDesired) -> Iterator[Difference]:
        yield from compare(
            self.name,
            f"milestones/{desired.title}",
            desired,
            seen,
            ignore=frozenset({"source_id"}),
        )

    def identity(self, desired: MilestoneDesired) -> str:
        return desired.title
