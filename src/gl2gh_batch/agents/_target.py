"""A look at the target before anything is planned: what is there, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._people import asks_member
from gl2gh_batch.domain.errors import TargetError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import (
    CREATE_STEP,
    SNIPPETS_CREATE_STEP,
    Capability,
    Finding,
    Severity,
    TargetFacts,
)
from gl2gh_batch.domain.request import SnippetsPolicy
from gl2gh_batch.engines.rest import ISSUES_VIA, lacks_key
from gl2gh_batch.kinds.snippets import companion
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import read_lines
from gl2gh_batch.target.models import Account
from gl2gh_batch.target.probe import is_empty, issue_types


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """What was found, and what follows from it."""

    facts: TargetFacts
    findings: tuple[Finding, ...] = ()


async def snippets_findings(desk: Desk, snippets: int) -> tuple[Finding, ...]:
    """What stands in the place of the snippets' own repository, where the policy wants one."""
    if not snippets or desk.request.policies.snippets is not SnippetsPolicy.REPOSITORY:
        return ()
    place = companion(desk.repo)
    taken = next((one.project for one in desk.references if one.repo.key == place.key), None)
    why = f"{taken} of this batch goes to {place}, where the snippets are to lie" if taken else ""
    if not why and not _has_receipt(desk, SNIPPETS_CREATE_STEP):
        is_there = await desk.github.repository(place) is not None
        if is_there and not await is_empty(desk.github, place):
            why = f"{place} exists and is not empty; the snippets are to lie there"
    if not why:
        return ()
    return (
        Finding(
            code="snippets-repository-taken",
            severity=Severity.BLOCKING,
            message=why,
            hint="Write snippets: branch for this project, give it another target, or make room there.",
            item=str(place),
        ),
    )


def _has_receipt(desk: Desk, step: str) -> bool:
    if not desk.folder.ledger.exists():
        return False
    with Ledger(desk.folder.ledger) as ledger:
        return ledger.receipt(step) is not None


async def look_at_target(desk: Desk) -> TargetView:
    """Read owner and repository: two requests, and a few more when the repository exists."""
    owner = await _owner(desk)
    if owner is None:
        return TargetView(
            facts=TargetFacts(state="absent"),
            findings=(
                Finding(
                    code="owner-not-found",
                    severity=Severity.BLOCKING,
                    message=(
                        f"there is no GitHub organisation or user {desk.repo.owner},"
                        " or the token may not see it"
                    ),
                    hint="Check target_owner and that the token's owner is a member of the organisation.",
                    item=desk.repo.owner,
                ),
            ),
        )
    organisation = owner.type == "Organization"
    if not organisation and not await _is_viewer(desk, owner.login):
        return TargetView(
            facts=TargetFacts(state="absent", owner_is_organisation=False),
            findings=(
                Finding(
                    code="owner-is-another-user",
                    severity=Severity.BLOCKING,
                    message=f"{owner.login} is a user, and not the one whom the GitHub token belongs to",
                    hint="Name an organisation, or use a token of that user: nobody else can make"
                    " repositories there.",
                    item=owner.login,
                ),
            ),
        )
    logins, types = _wanted(desk)
    unassignable = frozenset(await _unassignable(desk, logins, organisation=organisation))
    viewer = await _viewer(desk) if _asks_for_reviews(desk) else ""
    known = TargetFacts(
        owner_is_organisation=organisation,
        unassignable=unassignable,
        issues_via=issues_via(desk),
        viewer=viewer,
        capabilities=capabilities(desk),
        issue_types=await issue_types(desk.github, desk.repo.owner) if types and organisation else (),
    )
    repository = await desk.github.repository(desk.repo)
    if repository is None:
        return TargetView(
            facts=replace(known, state="absent"),
            findings=tuple(_unassigned(desk, unassignable)),
        )
    state = "foreign"
    if _is_ours(desk, repository.id):
        state = "ours"
    elif await is_empty(desk.github, desk.repo):
        state = "empty"
    facts = replace(
        known,
        state=state,
        repository_id=repository.id,
        present=await _present(desk) if state == "empty" else frozenset(),
    )
    return TargetView(facts=facts, findings=(*_findings(desk, state), *_unassigned(desk, unassignable)))


async def _present(desk: Desk) -> frozenset[str]:
    return frozenset(
        [
            f"{kind.name}/{identity}"
            for kind in desk.kinds.values()
            async for identity in kind.observe(desk.github, desk.repo)
        ]
    )


async def _owner(desk: Desk) -> Account | None:
    """The account that is to own the repository; asked once for the whole batch, as long as it is there."""

    async def ask() -> Account:
        account = await desk.github.account(desk.repo.owner)
        if account is None:
            raise LookupError(desk.repo.owner)  # it is not remembered: somebody may make it
        return account

    key = ("owner", desk.github.api_url, desk.repo.owner.lower())
    try:
        return await desk.users.questions.once(key, ask)
    except LookupError:
        return None


async def _is_viewer(desk: Desk, login: str) -> bool:
    return (await _viewer(desk)).lower() == login.lower()


async def _viewer(desk: Desk) -> str:
    """Whose token it is; nobody's for an App's installation token, which makes no repositories for a user."""
    try:
        return (await desk.github.viewer()).login
    except TargetError:
        return ""


def _asks_for_reviews(desk: Desk) -> bool:
    for name, kind in desk.kinds.items():
        path = desk.folder.lines_of(desk.folder.desired, name)
        if kind.has_assignees and path.is_file():
            for line in read_lines(path):
                if kind.reviewers(codec.decode(line, kind.desired_type)):
                    return True
    return False


def _findings(desk: Desk, state: str) -> Iterable[Finding]:
    if state == "foreign":
        yield Finding(
            code="target-not-empty",
            severity=Severity.BLOCKING,
            message=f"{desk.repo} exists, is not empty, and was not made by this migration",
            hint=(
                "Give the project another `target`, or rename or delete that repository; if this migration"
                " did make it, use the work directory of that run, or `gl2gh-batch recover` and plan again."
            ),
            item=str(desk.repo),
        )


def _unassigned(desk: Desk, logins: frozenset[str]) -> Iterable[Finding]:
    if logins:
        yield Finding(
            code="not-assignable",
            severity=Severity.WARNING,
            message=f"issues cannot be assigned to {', '.join(sorted(logins))} in {desk.repo.owner}",
            hint="Let them join the organisation and plan again; else their issues stay without them.",
            item=str(desk.repo),
        )


def issues_via(desk: Desk) -> str:
    """How issues are written: as the request says, until an apply found the import API missing."""
    if desk.folder.ledger.exists():
        ledger = Ledger(desk.folder.ledger)
        try:
            return ledger.get(ISSUES_VIA) or desk.request.policies.issues_via
        finally:
            ledger.close()
    return desk.request.policies.issues_via


def capabilities(desk: Desk) -> frozenset[Capability]:
    """What the target is counted on to have: all there is, until an apply found one missing."""
    if not desk.folder.ledger.exists():
        return frozenset(Capability)
    with Ledger(desk.folder.ledger) as ledger:
        return frozenset(one for one in Capability if ledger.get(lacks_key(one)) is None)


def _is_ours(desk: Desk, repository_id: int) -> bool:
    if not desk.folder.ledger.exists():
        return False
    ledger = Ledger(desk.folder.ledger)
    try:
        receipt = ledger.receipt(CREATE_STEP)
        return (
            receipt is not None
            and receipt.state is StepState.DONE
            and receipt.fields.get("id") == repository_id
        )
    finally:
        ledger.close()


def _wanted(desk: Desk) -> tuple[set[str], set[str]]:
    """The logins that are wanted as assignees, and the types that issues ask for."""
    logins: set[str] = set()
    types: set[str] = set()
    for name, kind in desk.kinds.items():
        path = desk.folder.lines_of(desk.folder.desired, name)
        if kind.has_assignees and path.is_file():
            for line in read_lines(path):
                desired = codec.decode(line, kind.desired_type)
                logins.update(kind.assignees(desired))
                types.update(kind.issue_types(desired))
    return logins, types


async def _unassignable(desk: Desk, wanted: set[str], *, organisation: bool) -> list[str]:
    """The logins among the wanted assignees that the target would refuse."""
    if not organisation:
        return sorted(login for login in wanted if login.lower() != desk.repo.owner.lower())
    return [login for login in sorted(wanted) if not await asks_member(desk, login)]
