"""Labels: names, colours and descriptions, of the project and of its groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from gl2gh_batch.domain.plan import Call, Lookup, Loss, NoOp, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies
from gl2gh_batch.domain.result import Difference
from gl2gh_batch.kinds._kind import Kind, Setting, Shaped, Source, compare
from gl2gh_batch.rewrite.colours import label_colour
from gl2gh_batch.rewrite.names import label_description, label_key, label_names, translate
from gl2gh_batch.source import models as gitlab
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

# What GitHub gives a new repository by itself ("Managing labels", default labels).
DEFAULT_LABELS: Final = frozenset(
    {
        "bug",
        "documentation",
        "duplicate",
        "enhancement",
        "good first issue",
        "help wanted",
        "invalid",
        "question",
        "wontfix",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelDesired:
    """A label as GitHub has it; `color` six hex digits in lower case, without the number sign."""

    name: str
    color: str
    description: str = ""


class LabelsKind(Kind[gitlab.Label, LabelDesired]):
    """One request for each label."""

    name = "labels"
    is_sent_once = True
    record_type = gitlab.Label
    desired_type = LabelDesired

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[gitlab.Label]:
        async for label in gitlab.labels(source.inventory.project.id):
            yield label

    def shape(self, record: gitlab.Label, setting: Setting) -> Shaped[LabelDesired]:
        item = f"labels/{record.name}"
        description = label_description(record.description or "")
        wanted = translate(record.name, setting.policies.labels)
        if wanted is None:
            dropped = Loss(
                kind=self.name,
                item=item,
                what="the label, everywhere",
                reason="dropped, as a rule of the request says",
            )
            return Shaped(desired=None, losses=(dropped,))
        desired = LabelDesired(
            name=setting.names[self.name][record.name],
            color=label_colour(record.color),
            description=description,
        )
        losses = []
        if desired.name != wanted:
            losses.append(
                Loss(
                    kind=self.name,
                    item=item,
                    what=f"the full name; it becomes {desired.name!r}",
                    reason="GitHub takes 50 characters, trims spaces and does not tell cases apart",
                )
            )
        if description != (record.description or ""):
            losses.append(
                Loss(
                    kind=self.name,
                    item=item,
                    what=f"the full description: {record.description}",
                    reason="GitHub takes 100 characters of the basic plane, on one line",
                )
            )
        if record.archived:
            losses.append(
                Loss(
                    kind=self.name,
                    item=item,
                    what="that it is archived",
                    reason="GitHub's labels are all in use",
                )
            )
        if record.priority is not None:
            losses.append(
                Loss(
                    kind=self.name,
                    item=item,
                    what=f"the priority {record.priority}",
                    reason="GitHub's labels have none",
                )
            )
        return Shaped(desired=desired, losses=tuple(losses))

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        async for label in github.labels(repo):
            yield label_key(label.name)

    def steps(self, desired: LabelDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        identity = self.identity(desired)
        one = f"/repos/{repo}/labels/{quote(desired.name, safe='')}"
        body = {"name": desired.name, "color": desired.color, "description": desired.description}
        if f"{self.name}/{identity}" in facts.present:
            yield Call(
                id=f"labels/{identity}",
                kind=self.name,
                method="PATCH",
                path=one,
                body={**body, "new_name": desired.name},
            )
            return
        yield Call(
            id=f"labels/{identity}",
            kind=self.name,
            method="POST",
            path=f"/repos/{repo}/labels",
            body=body,
            lookup=Lookup(path=one, field="name", value=desired.name),
            adopt_path=one,
            adopts=facts.state == "absent" and desired.name.casefold() in DEFAULT_LABELS,
            keep=("id",),
        )

    def names(self, records: Iterator[gitlab.Label], policies: Policies) -> Mapping[str, str]:
        return label_names((record.name for record in records), policies.labels)

    def losses(self, setting: Setting) -> Iterator[Loss]:
        if not setting.names.get(self.name):
            return
        yield Loss(
            kind=self.name,
            item=self.name,
            what="which labels are a group's, for all its projects; what is scoped excludes nothing",
            reason="on GitHub every repository has labels of its own, and an issue may have any of them",
        )

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[LabelDesired]:
        async for label in witness.labels(repo):
            yield LabelDesired(
                name=label.name,
                color=(label.color or "").lower(),
                description=label.description or "",
            )

    def check(self, desired: LabelDesired, seen: LabelDesired) -> Iterator[Difference]:
        # An adopted label keeps the case of the name that it had.
        yield from compare(self.name, f"labels/{desired.name}", desired, replace(seen, name=desired.name))

    def identity(self, desired: LabelDesired) -> str:
        return label_key(desired.name)

    def is_accepted_extra(self, seen: LabelDesired) -> bool:
        return seen.name in DEFAULT_LABELS
