"""Merge requests: pull requests with a review and a comment, or issues; gaps are held by placeholders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.people import Person, Role
from gl2gh_batch.domain.plan import Loss, NoOp, Phase, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import Policies, SystemNotesPolicy
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._kind import Kind, Receipts, Refs, Setting, Shaped, Source
from gl2gh_batch.kinds._merge_request_losses import kind_losses
from gl2gh_batch.kinds._merge_request_pull import branches_of, can_be_pull
from gl2gh_batch.kinds._merge_request_read import read_again, read_merge_requests
from gl2gh_batch.kinds._merge_request_shape import shape_merge_request
from gl2gh_batch.kinds._merge_request_steps import merge_request_steps
from gl2gh_batch.kinds._merge_request_values import MergeRequestDesired, MergeRequestRecord
from gl2gh_batch.kinds._merge_request_verify import as_made, pull_differences, seen_pulls
from gl2gh_batch.kinds._people import people
from gl2gh_batch.kinds.issues import IssuesKind
from gl2gh_batch.kit.git_refs import COMMITS_PREFIX
from gl2gh_batch.rewrite.markers import find_marker
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.witness import Witness

_ISSUES: Final = IssuesKind(reads_relations=False)


class MergeRequestsKind(Kind[MergeRequestRecord, MergeRequestDesired]):
    """An import for each that becomes an issue; about four requests for each that becomes a pull request."""

    name = "merge_requests"
    is_sent_once = True
    record_type = MergeRequestRecord
    desired_type = MergeRequestDesired
    has_assignees: ClassVar[bool] = True
    rereads: ClassVar[bool] = True

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[MergeRequestRecord]:
        if not source.inventory.merge_requests_enabled:
            return
        async for record in read_merge_requests(gitlab, source):
            yield record

    def key(self, record: MergeRequestRecord) -> str:
        return str(record.merge_request.iid)

    async def read_again(
        self, gitlab: GitLab, source: Source, before: Callable[[str], MergeRequestRecord | None]
    ) -> AsyncIterator[MergeRequestRecord]:
        async for record in read_again(gitlab, source, before):
            yield record

    def shape(self, record: MergeRequestRecord, setting: Setting) -> Shaped[MergeRequestDesired]:
        item = record.merge_request
        place = setting.merge_request_place(item.iid)
        if place is None:
            loss = Loss(
                kind=self.name,
                item=f"{self.name}/{item.iid}",
                what=f"the merge request !{item.iid}",
                reason="it came after the survey of this batch; run again to take it along",
            )
            return Shaped(desired=None, losses=(loss,))
        return shape_merge_request(record, place, setting)

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        # An empty target has none, and whatever is there is in the list of issues as well.
        del github, repo
        return
        yield

    def steps(self, desired: MergeRequestDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        settled = self.settle(desired, facts, Phase.FILL)
        if settled is not None:
            yield from merge_request_steps(settled, repo, facts)

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[MergeRequestDesired]:
        pulls: set[int] = set()
        async for pull in seen_pulls(witness, repo):
            pulls.add(pull.number)
            yield pull
        async for issue in _ISSUES.read_back(witness, repo):
            if issue.number not in pulls:
                yield MergeRequestDesired(source="", number=issue.number, issue=issue)

    def check(self, desired: MergeRequestDesired, seen: MergeRequestDesired) -> Iterator[Difference]:
        if desired.pull is not None and seen.pull is not None:
            yield from pull_differences(desired.number, desired.pull, seen.pull)
        elif desired.pull is None and seen.pull is None:
            for one in _ISSUES.check(desired.issue, seen.issue):
                yield replace(one, kind=self.name, item=f"{self.name}{one.item.removeprefix('issues')}")
        else:
            yield Difference(
                kind=self.name,
                item=f"{self.name}/{desired.number}",
                sort=DifferenceSort.CHANGED,
                field="sort",
                expected="issue" if desired.pull is None else "pull request",
                seen="issue" if seen.pull is None else "pull request",
            )

    async def check_closed(
        self,
        witness: Witness,
        repo: RepoRef,
        desired: Iterator[MergeRequestDesired],
        facts: TargetFacts,
    ) -> AsyncIterator[Difference]:
        issues = (one.issue for one in desired if one.pull is None)
        async for one in _ISSUES.check_closed(witness, repo, issues, facts):
            yield replace(one, kind=self.name, item=f"{self.name}{one.item.removeprefix('issues')}")

    def losses(self, setting: Setting) -> Iterator[Loss]:
        if setting.inventory.merge_requests_enabled and setting.inventory.counts.get(self.name):
            yield from kind_losses(setting.policies)
        if setting.policies.system_notes is SystemNotesPolicy.SKIP:
            yield Loss(
                kind=self.name,
                item=f"{self.name}/system notes",
                what="what GitLab noted by itself",
                reason="the policy is to skip it (system_notes)",
            )

    def identity(self, desired: MergeRequestDesired) -> str:
        return str(desired.number)

    def source_of(self, desired: MergeRequestDesired) -> str:
        return desired.source

    def number_of(self, desired: MergeRequestDesired) -> int | None:
        return desired.number

    def numbers_of(self, numbers: Numbers) -> range:
        return numbers.of_merge_requests

    def is_absent(self, numbers: Numbers) -> bool:
        # A stranger's pull request is in the list of issues too, and seen there.
        return not numbers.of_merge_requests

    def owns(self, seen: MergeRequestDesired, numbers: Numbers) -> bool:
        if not numbers.promised:
            is_ours = (find_marker(seen.issue.body) or "").startswith(f"{self.name}/")
            return seen.pull is not None or is_ours
        return seen.pull is not None or seen.number in numbers.of_merge_requests

    def refs(self, records: Iterator[MergeRequestRecord], policies: Policies) -> Refs:
        kept: dict[str, str] = {}
        temporary: dict[str, str] = {}
        spare: dict[str, tuple[str, str]] = {}
        for record in records:
            iid, loose = record.merge_request.iid, record.git.loose
            is_pull = can_be_pull(record, policies.merge_requests)
            if is_pull:
                branches = branches_of(record)
                kept |= branches.kept
                temporary |= branches.temporary
            for end, sha in loose.items():
                # GitHub keeps the head of a pull request by itself; an open one's has a branch that stays.
                if not (is_pull and end == "head"):
                    kept[f"{COMMITS_PREFIX}{iid}/{end}"] = sha
                elif branches_of(record).temporary:
                    spare[f"{COMMITS_PREFIX}{iid}/{end}"] = (sha, f"{self.name}/{iid}")
        return Refs(kept=kept, temporary=temporary, spare=spare)

    def filler(self, number: int, setting: Setting) -> MergeRequestDesired | None:
        issue = _ISSUES.filler(number, setting)
        return None if issue is None else MergeRequestDesired(source=issue.source, number=number, issue=issue)

    def as_made(self, desired: MergeRequestDesired, receipts: Receipts) -> MergeRequestDesired:
        return as_made(desired, receipts)

    def settle(
        self, desired: MergeRequestDesired, facts: TargetFacts, phase: Phase
    ) -> MergeRequestDesired | None:
        if desired.pull is None:
            issue = _ISSUES.settle(desired.issue, facts, phase)
            return None if issue is None else replace(desired, issue=issue)
        # As long as GitHub has not refused it there is no issue, and nothing that goes.
        issue = _ISSUES.settle(desired.issue, facts, Phase.FILL) or desired.issue
        pull = replace(
            desired.pull,
            assignees=tuple(one for one in desired.pull.assignees if one not in facts.unassignable),
            reviewers=tuple(
                one
                for one in desired.pull.reviewers
                if one not in facts.unassignable and one.lower() != facts.viewer.lower()
            ),
        )
        return replace(desired, issue=issue, pull=pull)

    def last_step(self, desired: MergeRequestDesired) -> str:
        return "" if desired.pull is not None else _ISSUES.last_step(desired.issue)

    def assignees(self, desired: MergeRequestDesired) -> tuple[str, ...]:
        return (*desired.issue.assignees, *self.reviewers(desired))

    def reviewers(self, desired: MergeRequestDesired) -> tuple[str, ...]:
        return () if desired.pull is None else desired.pull.reviewers

    def people(self, record: MergeRequestRecord) -> Iterator[Person]:
        item = record.merge_request
        notes = [note for discussion in record.discussions for note in discussion.notes]
        users = [item.author, item.merge_user or item.merged_by, item.closed_by]
        users += [one.user for one in (record.approvals.approved_by or () if record.approvals else ())]
        users += [user for note in notes for user in (note.author, note.resolved_by)]
        yield from people(users, Role.AUTHOR)
        yield from people((*(item.assignees or ()), *(item.reviewers or ())), Role.ASSIGNEE)

    def texts(self, record: MergeRequestRecord) -> Iterator[str]:
        yield record.merge_request.title
        yield record.merge_request.description or ""
        for discussion in record.discussions:
            yield from (note.body or "" for note in discussion.notes if not note.system)

    def parts(self, desired: MergeRequestDesired) -> int:
        return len(desired.issue.comments if desired.pull is None else desired.pull.comments)

    def content_by_choice(self, desired: MergeRequestDesired) -> Mapping[str, int]:
        return desired.content

    def shared_reads(self, items: int, parts: int, removed: int) -> Mapping[str, int]:
        return _ISSUES.shared_reads(items, parts, removed)

    def listed(self, desired: MergeRequestDesired) -> Mapping[str, int]:
        if desired.pull is None:
            return {"pull requests": 0, "lines": 0}
        return {"pull requests": 1, "lines": len(desired.pull.review), "reviews": 1}

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del items, parts, removed
        return 0
