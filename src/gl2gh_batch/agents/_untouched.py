"""Whether anybody changed what this batch made: asked before it is deleted, and in doubt it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.apply import CLOSED, phase_is_done
from gl2gh_batch.agents.verify import verify
from gl2gh_batch.domain.errors import NotFoundError, TargetNotOursError
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.domain.plan import SNIPPETS_CREATE_STEP, Call, GitPush, NoOp, Phase, Plan, Step, WikiPush
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.result import Difference, DifferenceSort
from gl2gh_batch.kit.git_refs import PUSHED_PREFIXES
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import read_lines
from gl2gh_batch.target.models import Repository

# A repository that is older than our step by more than this was not made by it.
SLACK: Final = timedelta(minutes=10)
_NAMED: Final = 5
# How differences show what is not there.
_NOTHING: Final = frozenset({"", "()", "{}", "None"})
# What an item has from the moment in which it is made.
_TEXTS: Final = frozenset({"title", "name", "body", "description"})
_REPOSITORY: Final = "repository"
# What a step of the close phase changes, which may have taken effect without our knowing.
_CHANGED_BY: Final[Mapping[str, str]] = {
    "visibility": "repository/open",
    "archived": "repository/archive",
    "wiki": "repository/wiki",
}
_FACE_STEP: Final = "repository/face"
_OF_SNIPPETS: Final = frozenset({"snippets", "snippets_visibility"})


@dataclass(slots=True)
class Planned:
    """What the plan's steps say of GitHub's own wiki, and of the repository that the snippets have."""

    wiki: bool = False
    description: str = ""
    refs: dict[str, str] = field(default_factory=dict)
    # A field, the value that it gets when all is done, and the step that brings it.
    closing: list[tuple[str, Any, str]] = field(default_factory=list)

    @classmethod
    def of(cls, steps: Iterable[Step | NoOp], beside: RepoRef) -> Planned:
        """Read from the steps; `beside` is the repository of the snippets."""
        planned = cls()
        for step in steps:
            match step:
                case WikiPush():
                    planned.wiki = True
                case GitPush() if step.repo.key == beside.key:
                    planned.refs |= step.refs
                case Call() if step.id == SNIPPETS_CREATE_STEP:
                    planned.description = str(step.body.get("description") or "")
                case Call() if step.path.lower() == f"/repos/{beside.key}":
                    planned.closing += [(name, value, step.id) for name, value in step.body.items()]
        return planned


def refuse_others(repo: RepoRef, receipt: Receipt, repository: Repository, *, filled: bool = False) -> None:
    """Raise `TargetNotOursError` unless it is the very repository of the receipt, and was made by it.

    `filled` says that the plan met it there, and empty.
    """
    if receipt.state is StepState.INTENT:
        raise TargetNotOursError(
            f"{repo} is there, and the run ended before GitHub had answered who made it",
            hint="It is left as it is: run the apply again, which finds that out, or delete it by hand.",
        )
    if receipt.state is not StepState.DONE or receipt.fields.get("id") != repository.id:
        raise TargetNotOursError(
            f"{repo} is not the repository that this batch made", hint="It is left as it is."
        )
    made = None if repository.created_at is None else datetime.fromisoformat(repository.created_at)
    older = made is None or made < datetime.fromisoformat(receipt.at) - SLACK
    if filled or older:
        raise TargetNotOursError(
            f"{repo} was there before this batch, which only filled it",
            hint="It is left as it is: empty or delete it by hand if you want to.",
        )


async def refuse_changed(
    desk: Desk, plan: Plan, ledger: Ledger, repository: Repository, planned: Planned
) -> None:
    """Raise `TargetNotOursError` when it holds or says what was not planned; what is missing may be.

    What was verified and closed is as planned in everything. Before that, much is still to come.
    """
    is_closed = phase_is_done(desk, CLOSED, plan)
    await verify(desk, plan, Phase.CLOSE if is_closed else Phase.FILL, strangers=True)
    changed: list[str] = []
    for line in read_lines(desk.folder.differences):
        difference = codec.decode(line, Difference)
        if _counts(difference, ledger, is_closed=is_closed):
            of_face = difference.item == _REPOSITORY and difference.field
            changed.append(_its(difference.field) if of_face else difference.item)
    if repository.homepage:
        changed.append("its homepage")
    if not planned.wiki and await desk.witness.wiki(plan.repo):
        changed.append("its wiki")
    _refuse(
        plan.repo,
        list(dict.fromkeys(changed)),
        "It is left as it is: see verify.ndjson in the project's folder.",
    )


def _its(field: str) -> str:
    return f"its {field.removeprefix('has_').replace('_', ' ')}"


async def refuse_changed_beside(
    desk: Desk, beside: RepoRef, ledger: Ledger, repository: Repository, planned: Planned
) -> None:
    """The same for the repository of the snippets, in which nothing but their one branch is planned."""
    changed = [one async for one in _changes_beside(desk, beside, ledger, repository, planned)]
    _refuse(beside, changed, "Both repositories are left as they are: delete by hand what nobody needs.")


def _refuse(repo: RepoRef, changed: list[str], hint: str) -> None:
    said = list(dict.fromkeys(changed))
    more = len(said) - _NAMED
    if said:
        named = ", ".join(said[:_NAMED]) + (f" and {more} more" if more > 0 else "")
        raise TargetNotOursError(f"{repo} was changed since: {named}", hint=hint)


def _counts(difference: Difference, ledger: Ledger, *, is_closed: bool) -> bool:
    """Whether somebody must have done it; what is gone has nobody's work in it."""
    is_nothing = difference.seen in _NOTHING
    if difference.sort is DifferenceSort.MISSING:
        return False
    if difference.item.startswith(f"{_REPOSITORY}/refs/") and is_nothing:
        return False
    if difference.item == _REPOSITORY and difference.field in _OF_SNIPPETS:
        return False  # it is looked at by itself
    if is_closed:
        return True
    if difference.item != _REPOSITORY:
        return difference.field in _TEXTS or not is_nothing
    match difference.field:
        case "description" | "homepage":
            return True
        case "default_branch":  # GitHub's own choice, until it is told
            receipt = ledger.receipt(_FACE_STEP)
            return receipt is not None and receipt.state is StepState.DONE and not is_nothing
        case "topics":
            return not is_nothing
        case name:  # switches may still be as they were while it was filled
            return name in _CHANGED_BY and ledger.receipt(_CHANGED_BY[name]) is None


async def _changes_beside(
    desk: Desk, beside: RepoRef, ledger: Ledger, repository: Repository, planned: Planned
) -> AsyncIterator[str]:
    for change in _face_beside(ledger, repository, planned):
        yield change
    refs = await desk.witness.refs(beside)
    for name in sorted(refs):
        if name.startswith(PUSHED_PREFIXES) and planned.refs.get(name) != refs[name]:
            yield name
    for what, listed in (
        ("its issues", desk.witness.issues(beside)),
        ("its milestones", desk.witness.milestones(beside)),
        ("its releases", desk.witness.releases(beside)),
    ):
        if await _holds_any(listed):
            yield what
    if await desk.witness.wiki(beside):
        yield "its wiki"


def _face_beside(ledger: Ledger, repository: Repository, planned: Planned) -> Iterator[str]:
    if (repository.description or "") != planned.description:
        yield "its description"
    if repository.homepage:
        yield "its homepage"
    if repository.topics:
        yield "its topics"
    before = {"visibility": "private", "archived": False}
    seen = {
        "visibility": repository.visibility or ("private" if repository.private else "public"),
        "archived": repository.archived,
    }
    for name, value in before.items():
        wanted = {value}
        for changed, after, step in planned.closing:
            receipt = ledger.receipt(step) if changed == name else None
            if receipt is not None:
                wanted = {after} if receipt.state is StepState.DONE else {value, after}
        if seen[name] not in wanted:
            yield f"its {name}"


async def _holds_any(listed: AsyncIterator[Any]) -> bool:
    try:
        async for _ in listed:
            return True
    except NotFoundError:  # issues are turned off there
        return False
    return False
