"""Apply: a dull loop over the plan's steps; only an engine writes."""

from __future__ import annotations

from typing import Final

from gl2gh_batch.agents._agent import Agent, counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._numbers import write_given_numbers
from gl2gh_batch.agents._refused_items import RefusedItems
from gl2gh_batch.agents._restoring import restore_history
from gl2gh_batch.agents.export import fetch_commits, fetch_history
from gl2gh_batch.agents.plan import adopt_plan, read_steps, require_plan
from gl2gh_batch.agents.source_marks import require_rights
from gl2gh_batch.domain.errors import BlockedError, Gl2ghError, PlanRefusedError
from gl2gh_batch.domain.events import Planned
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.plan import GitPush, LfsPush, NoOp, Phase, Plan, WikiPush
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.engines import ALL_ENGINES, Engine
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines._recovery import RECOVERED
from gl2gh_batch.kit.git_lfs_server import LfsObject
from gl2gh_batch.kit.ledger import Ledger

# The ledger's notes: the digest of the plan whose steps of that phase are all done.
FILLED: Final = "filled"
CLOSED: Final = "closed"


class Apply(Agent):
    """Performs the `fill` steps, and later the `close` steps; its file is the ledger."""

    name = AgentName.APPLY

    async def is_current(self, desk: Desk) -> bool:
        return phase_is_done(desk, FILLED, require_plan(desk))

    async def run(self, desk: Desk) -> AgentResult:
        plan = require_plan(desk)
        if plan.blocking:
            first = plan.blocking[0]
            raise BlockedError(
                f"the plan is blocked: {first.message}", hint=first.hint, project=desk.label, item=first.item
            )
        await require_rights(desk)
        desk.emit(_planned(desk, plan))
        performed = await perform_phase(desk, plan, Phase.FILL, FILLED)
        return AgentResult(
            status="done",
            summary=f"{counted(performed, 'step')} sent",
            counts={"steps": plan.steps, "sent": performed},
        )


def _planned(desk: Desk, plan: Plan) -> Planned:
    """How long it takes, by what is known by now of how imports count."""
    price = plan.price
    hours = price.hours_if_imports_are_content if desk.imports_are_content() else price.hours
    return Planned(project=desk.label, steps=plan.steps, hours=hours)


async def perform_phase(desk: Desk, plan: Plan, phase: Phase, note: str) -> int:
    """Perform the plan's steps of one phase, as the only writer of the target; how many had to be sent."""
    async with desk.github.governor.writer(f"{desk.github.api_url}/{plan.repo.key}"):
        return await _perform(desk, plan, phase, note)


async def _perform(desk: Desk, plan: Plan, phase: Phase, note: str) -> int:
    ledger = Ledger(desk.folder.ledger)
    try:
        engine = engine_for(desk, plan, ledger)
        await engine.open()
        adopt_plan(ledger, plan)
        totals = {name: kind.steps for name, kind in plan.kinds.items()}
        done: dict[str, int] = {}
        sent = 0
        fetched: dict[str, str] | None = None
        refused = RefusedItems(desk)
        for step in read_steps(desk.folder):
            if isinstance(step, NoOp) or step.phase is not phase:
                continue
            if refused.hold_back(step):
                continue
            if isinstance(step, GitPush | LfsPush | WikiPush):
                fetched = await _bring_history(desk, step, ledger, fetched)
            try:
                sent += await engine.perform(step)
            except Gl2ghError as error:
                refused.take(step, error)
                continue
            refused.sent(step)
            done[step.kind] = done.get(step.kind, 0) + 1
            desk.count(AgentName.APPLY, step.kind, done[step.kind], totals.get(step.kind))
        try:
            await engine.settle()
        except Gl2ghError as error:
            refused.ended(error)
        refused.finish()
        if phase is Phase.FILL and not desk.reference.numbers.promised:
            write_given_numbers(desk, ledger)
        ledger.set(note, plan.digest)
        ledger.set(RECOVERED, "")  # by now every step has its receipt
        return sent
    finally:
        ledger.close()


async def require_target(desk: Desk, plan: Plan) -> None:
    """Ask whether the repository that the ledger is about is still there; raises where it is not."""
    with Ledger(desk.folder.ledger) as ledger:
        await engine_for(desk, plan, ledger).open()


def engine_for(desk: Desk, plan: Plan, ledger: Ledger) -> Engine:
    """The engine of the desk at a bench with that ledger."""
    return ALL_ENGINES[desk.engine](
        Workbench(
            github=desk.github.guarded(desk.claim.check if desk.claim else None),
            git=desk.git,
            ledger=ledger,
            folder=desk.folder,
            repo=plan.repo,
            git_url=desk.target_git_url,
            git_auth=desk.github_auth,
            facts=plan.facts,
            clock=desk.clock,
            emit=desk.emit,
            project=desk.label,
            claim=desk.claim,
            steps=lambda: read_steps(desk.folder),
        )
    )


async def _bring_history(
    desk: Desk, push: GitPush | LfsPush | WikiPush, ledger: Ledger, fetched: dict[str, str] | None
) -> dict[str, str] | None:
    """Fetch the history again where the work directory came without it, as a handover does.

    `fetched` are the refs that an earlier step of this run brought so; None when none did.
    """
    mirror = desk.folder.path / push.mirror
    receipt = ledger.receipt(push.id)
    if mirror != desk.folder.mirror or (receipt is not None and receipt.state is StepState.DONE):
        return fetched
    if not (mirror / "HEAD").is_file():
        own = desk.folder.own_branches if desk.folder.own_branches.is_file() else None
        if desk.source_export is not None:
            fetched = await restore_history(desk, desk.source_export, own=own)
        else:
            fetched = await fetch_history(desk)
            if own is not None:
                await desk.git.unbundle(mirror, own)
    if isinstance(push, LfsPush):
        if desk.source_export is not None:
            return fetched  # they came with the history, or lie there since the plan was made
        wanted = [LfsObject(oid=oid, size=size) for oid, size in push.objects.items()]
        await desk.git.lfs.fetch(desk.source_git_url, mirror, wanted, desk.gitlab_auth())
        return fetched
    if fetched is None or isinstance(push, WikiPush):
        return fetched
    moved = {name: sha for name, sha in push.refs.items() if fetched.get(name) != sha}
    lost = await desk.git.lacks(mirror, moved.values())
    if lost and desk.source_export is None:
        # What no ref of GitLab's led to when the plan was made came by its SHA, and does so again.
        await fetch_commits(desk, lost)
        lost = await desk.git.lacks(mirror, lost)
    if lost:
        names = sorted(name for name, sha in moved.items() if sha in lost)
        raise PlanRefusedError(
            f"GitLab no longer holds the commits that were planned for {', '.join(names[:5])}",
            hint="Apply from the work directory of the plan, which has them, or make the plan again.",
            project=desk.label,
        )
    return fetched


def phase_is_done(desk: Desk, note: str, plan: Plan) -> bool:
    """True when the ledger says that all steps of that phase of this very plan are done."""
    if not desk.folder.ledger.exists():
        return False
    ledger = Ledger(desk.folder.ledger)
    try:
        return ledger.get(note) == plan.digest
    finally:
        ledger.close()
