"""Issues with their comments; gaps in the numbers are held by placeholders."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace
from typing import ClassVar, Final

from gl2gh_batch.domain.errors import NotFoundError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.numbering import Numbers
from gl2gh_batch.domain.people import Person, Role
from gl2gh_batch.domain.plan import Loss, NoOp, Phase, Step, TargetFacts
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.request import ConfidentialPolicy, PlaceholderPolicy, Policies
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kinds._ahead import ahead
from gl2gh_batch.kinds._issue_losses import kind_losses
from gl2gh_batch.kinds._issue_reading import has_changed, read_issue, with_designs
from gl2gh_batch.kinds._issue_relations import gather
from gl2gh_batch.kinds._issue_shape import seconds, shape_issue
from gl2gh_batch.kinds._issue_steps import CAPABILITIES, issue_steps, relation_step, removal_step
from gl2gh_batch.kinds._issue_values import CommentDesired, IssueDesired, IssueRecord, RelationSort
from gl2gh_batch.kinds._kind import Kind, Receipts, Setting, Shaped, Source, compare
from gl2gh_batch.kinds._people import people
from gl2gh_batch.rewrite.markers import find_marker, marker
from gl2gh_batch.rewrite.names import label_key
from gl2gh_batch.source import models
from gl2gh_batch.source.api import GitLab
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.models import Issue as GitHubIssue
from gl2gh_batch.target.models import number_in
from gl2gh_batch.target.witness import Witness

READ_AHEAD: Final = 8
PLACEHOLDER_TITLE = "Placeholder for a number without an issue"


class IssuesKind(Kind[IssueRecord, IssueDesired]):
    """One import for each issue with all its comments.

    Without `reads_relations` it serves another kind, whose issues have none.
    """

    name = "issues"
    is_sent_once = True
    record_type = IssueRecord
    desired_type = IssueDesired
    has_assignees: ClassVar[bool] = True
    rereads: ClassVar[bool] = True

    def __init__(self, *, reads_relations: bool = True) -> None:
        self._reads_relations = reads_relations

    async def read(self, gitlab: GitLab, source: Source) -> AsyncIterator[IssueRecord]:
        if not source.inventory.issues_enabled:
            return
        project_id = source.inventory.project.id

        async def whole(issue: models.Issue) -> IssueRecord | None:
            return await read_issue(gitlab, project_id, issue, source.policies)

        async for record in ahead(gitlab.issues(project_id), whole, most=READ_AHEAD):
            if record is not None:
                yield record

    def key(self, record: IssueRecord) -> str:
        return str(record.issue.iid)

    async def read_again(
        self, gitlab: GitLab, source: Source, before: Callable[[str], IssueRecord | None]
    ) -> AsyncIterator[IssueRecord]:
        project_id = source.inventory.project.id

        async def current(issue: models.Issue) -> IssueRecord | None:
            known = before(str(issue.iid))
            if known is not None and not has_changed(known.issue, issue):
                return replace(known, issue=issue)  # a label renamed meanwhile changes no date
            return await read_issue(gitlab, project_id, issue, source.policies, settled=True)

        listed = ahead(gitlab.issues(project_id), current, most=READ_AHEAD)
        async for record in with_designs(gitlab, source, listed):
            yield record

    def shape(self, record: IssueRecord, setting: Setting) -> Shaped[IssueDesired]:
        issue = record.issue
        item = f"issues/{issue.iid}"
        if issue.confidential and setting.policies.confidential is ConfidentialPolicy.SKIP:
            return Shaped(
                desired=None,
                losses=(
                    Loss(
                        kind=self.name,
                        item=item,
                        what=f"the confidential issue #{issue.iid} with {len(record.notes)} notes",
                        reason="GitHub has no confidential issues; the policy is to skip them",
                    ),
                ),
            )
        place = setting.issue_place(issue.iid)
        if place is None:
            return Shaped(
                desired=None,
                losses=(
                    Loss(
                        kind=self.name,
                        item=item,
                        what=f"the issue #{issue.iid}",
                        reason="it came after the survey of this batch; run again to take it along",
                    ),
                ),
            )
        return shape_issue(record, place, setting)

    async def observe(self, github: GitHub, repo: RepoRef) -> AsyncIterator[str]:
        async for issue in github.issues(repo):
            yield str(issue.number)

    def steps(self, desired: IssueDesired, repo: RepoRef, facts: TargetFacts) -> Iterator[Step | NoOp]:
        settled = self.settle(desired, facts, Phase.FILL)
        if settled is not None:
            yield from issue_steps(settled, repo, facts)

    async def read_back(self, witness: Witness, repo: RepoRef) -> AsyncIterator[IssueDesired]:
        try:
            spool = await witness.spool_comments(repo)
        except NotFoundError:
            return  # issues are turned off (410): there is none to see
        with spool as comments:
            async for issue in witness.issues(repo):
                yield IssueDesired(
                    source="",
                    number=issue.number,
                    title=issue.title,
                    body=issue.body or "",
                    state=issue.state,
                    state_reason=issue.state_reason if issue.state == "closed" else None,
                    type=issue.type.name if issue.type is not None else None,
                    parent=number_in(issue.parent_issue_url or ""),
                    blocked_by=await _blockers(witness, repo, issue) if self._reads_relations else (),
                    created_at=issue.created_at or "",
                    closed_at=issue.closed_at,
                    labels=tuple(label.name for label in issue.labels),
                    milestone=issue.milestone.title if issue.milestone else None,
                    assignees=tuple(user.login for user in issue.assignees or ()),
                    locked=issue.locked,
                    comments=tuple(
                        CommentDesired(
                            source="", body=comment.body or "", created_at=comment.created_at or ""
                        )
                        for comment in comments.comments_of(issue.number)
                    ),
                )

    def check(self, desired: IssueDesired, seen: IssueDesired) -> Iterator[Difference]:
        item = f"issues/{desired.number}"
        # An import gives no reason, and GitHub sets one of its own; the ordinary endpoints set no dates.
        undated = {"state_reason"} if desired.dated else {"created_at", "closed_at"}
        yield from compare(
            self.name,
            item,
            _comparable(desired),
            _comparable(seen),
            ignore=frozenset(
                {
                    "source",
                    "comments",
                    "milestone_id",
                    "updated_at",
                    "relations",
                    "related",
                    "dated",
                    "placeholder",
                    "temporary",
                    "numbered_by",
                }
            )
            | undated,
        )
        for place, (expected, found) in enumerate(
            zip(desired.comments, seen.comments, strict=False), start=1
        ):
            ignore = frozenset({"source", "dated"} | (set() if expected.dated else {"created_at"}))
            yield from compare(self.name, f"{item}/comments/{place}", expected, found, ignore=ignore)
        for place in range(len(seen.comments), len(desired.comments)):
            yield Difference(kind=self.name, item=f"{item}/comments/{place + 1}", sort=DifferenceSort.MISSING)
        for place in range(len(desired.comments), len(seen.comments)):
            yield Difference(
                kind=self.name, item=f"{item}/comments/{place + 1}", sort=DifferenceSort.UNEXPECTED
            )

    async def check_closed(
        self,
        witness: Witness,
        repo: RepoRef,
        desired: Iterator[IssueDesired],
        facts: TargetFacts,
    ) -> AsyncIterator[Difference]:
        del facts
        removed = {one.number for one in desired if one.temporary}
        if not removed:
            return
        async for issue in witness.issues(repo):
            if issue.number in removed:
                yield Difference(
                    kind=self.name,
                    item=f"issues/{issue.number}",
                    sort=DifferenceSort.UNEXPECTED,
                    field="placeholder",
                )

    def identity(self, desired: IssueDesired) -> str:
        return str(desired.number)

    def source_of(self, desired: IssueDesired) -> str:
        return desired.source

    def number_of(self, desired: IssueDesired) -> int | None:
        return desired.number

    def numbers_of(self, numbers: Numbers) -> range:
        return numbers.of_issues

    def owns(self, seen: IssueDesired, numbers: Numbers) -> bool:
        if not numbers.promised:
            return not (find_marker(seen.body) or "").startswith("merge_requests/")
        return seen.number not in numbers.of_merge_requests

    def filler(self, number: int, setting: Setting) -> IssueDesired | None:
        book = setting.book
        source = f"placeholders/{number}"
        temporary = setting.policies.placeholders is PlaceholderPolicy.DELETE
        until = " It is removed again when the migration is verified." if temporary else ""
        return IssueDesired(
            source=source,
            number=number,
            title=PLACEHOLDER_TITLE,
            body=(
                f"This number is not in use in {book.project_path}, or what has it is not carried over:"
                f" it keeps the other numbers in their places.{until}\n\n{marker(source)}"
            ),
            state="closed",
            state_reason="not_planned",
            created_at=seconds(setting.inventory.created_at),
            closed_at=seconds(setting.inventory.created_at),
            placeholder=True,
            temporary=temporary,
        )

    def settle(self, desired: IssueDesired, facts: TargetFacts, phase: Phase) -> IssueDesired | None:
        if phase is Phase.CLOSE and desired.temporary:
            return None
        assignees = tuple(login for login in desired.assignees if login not in facts.unassignable)
        types = {name.casefold(): name for name in facts.issue_types}
        lacking = {sort for sort, needed in CAPABILITIES.items() if needed not in facts.capabilities}
        settled = replace(
            desired,
            assignees=assignees[:10],
            type=types.get((desired.type or "").casefold()),
            parent=None if RelationSort.SUB_ISSUE in lacking else desired.parent,
            blocked_by=() if RelationSort.BLOCKED_BY in lacking else desired.blocked_by,
            relations=tuple(one for one in desired.relations if one.sort not in lacking),
        )
        if facts.issues_via == "import":
            return settled
        comments = tuple(replace(comment, dated=False) for comment in settled.comments)
        return replace(settled, dated=False, comments=comments)

    def losses(self, setting: Setting) -> Iterator[Loss]:
        if setting.inventory.issues_enabled and setting.inventory.counts.get(self.name) != 0:
            yield from kind_losses(setting.policies)

    def names(self, records: Iterator[IssueRecord], policies: Policies) -> Mapping[str, str]:
        """Not names, but what only all the records together tell: see `_issue_relations.gather`."""
        return gather(records, policies)

    def issue_types(self, desired: IssueDesired) -> tuple[str, ...]:
        return (desired.type,) if desired.type else ()

    def as_made(self, desired: IssueDesired, receipts: Receipts) -> IssueDesired:
        """Without the relations that GitHub refused: the text tells them, and apply warned."""

        def is_refused(sort: RelationSort, number: int, other: int) -> bool:
            receipt = receipts(relation_step(sort, number, other))
            return receipt is not None and receipt.state is StepState.REFUSED

        number, parent = desired.number, desired.parent
        if parent is not None and is_refused(RelationSort.SUB_ISSUE, parent, number):
            parent = None
        blockers = tuple(
            one for one in desired.blocked_by if not is_refused(RelationSort.BLOCKED_BY, number, one)
        )
        desired = replace(desired, parent=parent, blocked_by=blockers)
        return with_given_number(desired, receipts) if desired.numbered_by else desired

    def own_reads(self, desired: IssueDesired) -> int:
        return 1 if desired.blocked_by else 0

    def last_step(self, desired: IssueDesired) -> str:
        return removal_step(desired) if desired.temporary else ""

    def assignees(self, desired: IssueDesired) -> tuple[str, ...]:
        return desired.assignees

    def people(self, record: IssueRecord) -> Iterator[Person]:
        authors = (
            record.issue.author,
            record.issue.closed_by,
            *(note.author for note in record.notes),
            *(note.resolved_by for note in record.notes),
            *(award.user for award in record.awards),
        )
        yield from people(authors, Role.AUTHOR)
        yield from people(record.issue.assignees or (), Role.ASSIGNEE)

    def texts(self, record: IssueRecord) -> Iterator[str]:
        yield record.issue.title
        yield record.issue.description or ""
        yield from (note.body or "" for note in record.notes)

    def parts(self, desired: IssueDesired) -> int:
        return len(desired.comments)

    def shared_reads(self, items: int, parts: int, removed: int) -> Mapping[str, int]:
        again = {"issues again": items - removed} if removed else {}
        return {"issues": items, "comments": parts, **again}

    def verify_reads(self, items: int, parts: int, removed: int) -> int:
        del items, parts, removed
        return 0


def with_given_number(desired: IssueDesired, receipts: Receipts) -> IssueDesired:
    """The issue with the numbers that it and its relations got; minus its place where it got none."""

    def given(step: str, place: int) -> int:
        receipt = receipts(step)
        number = None if receipt is None else receipt.fields.get("number")
        return number if isinstance(number, int) else -place

    def other(place: int) -> int:
        return given(f"issues/{place}", place)

    return replace(
        desired,
        number=given(desired.numbered_by, desired.number),
        parent=None if desired.parent is None else other(desired.parent),
        blocked_by=tuple(sorted(map(other, desired.blocked_by))),
    )


async def _blockers(witness: Witness, repo: RepoRef, issue: GitHubIssue) -> tuple[int, ...]:
    """The numbers of what blocks the issue: asked for only where the list says that there is something."""
    if issue.issue_dependencies_summary is None or not issue.issue_dependencies_summary.total_blocked_by:
        return ()
    return tuple(sorted([one.number for one in await witness.blocked_by(repo, issue.number)]))


def _comparable(issue: IssueDesired) -> IssueDesired:
    """The issue in one spelling: label names and logins do not tell cases apart on GitHub."""
    return replace(
        issue,
        state_reason=issue.state_reason or ("completed" if issue.state == "closed" else None),
        labels=tuple(sorted({label_key(label) for label in issue.labels})),
        assignees=tuple(sorted(login.lower() for login in issue.assignees)),
    )
