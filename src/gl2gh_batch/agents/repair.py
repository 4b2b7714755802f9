"""What is done to one project outside the modes: recover a lost ledger, clean up a trial, unlock a target."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.apply import CLOSED, engine_for, phase_is_done
from gl2gh_batch.agents.plan import read_steps, require_plan
from gl2gh_batch.agents.source_marks import refuse_while_marked
from gl2gh_batch.agents.verify import verify
from gl2gh_batch.domain.errors import TargetNotOursError
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.domain.plan import CREATE_STEP, NoOp, Phase, Plan, Step
from gl2gh_batch.domain.result import AgentResult, Difference, DifferenceSort
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import read_lines

# A repository that is older than our step by more than this was not made by it.
SLACK: Final = timedelta(minutes=10)
_NAMED: Final = 5
_TEXTS: Final = ("description", "topics")


async def recover(desk: Desk) -> AgentResult:
    """Make the ledger again from plan and target; the old one is kept beside it. Writes nothing to GitHub."""
    plan = require_plan(desk)
    fresh = desk.folder.scratch / "recovered.sqlite"
    _remove(fresh)
    try:
        with Ledger(fresh) as ledger:
            proven = await engine_for(desk, plan, ledger).recover(plan, lambda: _steps(desk))
            _set_aside(desk.folder.ledger, "replaced")
            ledger.copy_to(desk.folder.ledger)
    finally:
        _remove(fresh)
    return AgentResult(
        status="done",
        summary=f"{counted(proven, 'step')} of {plan.steps} found on {plan.repo}; APPLY goes on from there",
        counts={"steps": plan.steps, "found": proven},
    )


async def cleanup(desk: Desk) -> AgentResult:
    """Delete the repository that this batch made, unless somebody has changed anything in it since."""
    if not desk.folder.ledger.exists():
        return AgentResult(status="passed-over", summary="nothing was made for this project")
    refuse_while_marked(desk)
    plan = require_plan(desk)
    with Ledger(desk.folder.ledger) as ledger:
        receipt = ledger.receipt(CREATE_STEP)
        if receipt is None:
            return AgentResult(status="passed-over", summary="nothing was made for this project")
        repository = await desk.github.repository(plan.repo)
        if repository is None:
            summary = f"{plan.repo} is gone already"
        else:
            _refuse_others(plan, receipt, repository.id, repository.created_at)
            await _refuse_changed(desk, plan)
            await engine_for(desk, plan, ledger).remove()
            summary = f"{plan.repo} was deleted"
    _set_aside(desk.folder.ledger, "cleaned")
    desk.folder.verification.unlink(missing_ok=True)
    desk.folder.certificate.unlink(missing_ok=True)
    return AgentResult(status="done", summary=summary, counts={"repositories": int(repository is not None)})


async def unlock(desk: Desk, *, force: bool) -> AgentResult:
    """Take the claim on the target away; a live one only by `force`."""
    assert desk.claim is not None
    if await desk.github.repository(desk.repo) is None:
        return AgentResult(status="passed-over", summary=f"there is no {desk.repo}")
    note = await desk.claim.unlock(force=force)
    if note is None:
        return AgentResult(status="passed-over", summary=f"nobody holds {desk.repo}")
    run = f" ({note.run})" if note.run else ""
    return AgentResult(
        status="done", summary=f"the claim of {note.holder}{run} since {note.taken_at} was taken away"
    )


def _steps(desk: Desk) -> Iterator[Step]:
    return (one for one in read_steps(desk.folder) if not isinstance(one, NoOp))


def _refuse_others(plan: Plan, receipt: Receipt, repository_id: int, created_at: str | None) -> None:
    if receipt.state is not StepState.DONE or receipt.fields.get("id") != repository_id:
        raise TargetNotOursError(
            f"{plan.repo} is not the repository that this batch made", hint="It is left as it is."
        )
    made = None if created_at is None else datetime.fromisoformat(created_at)
    older = made is None or made < datetime.fromisoformat(receipt.at) - SLACK
    if plan.facts.state == "empty" or older:
        raise TargetNotOursError(
            f"{plan.repo} was there before this batch, which only filled it",
            hint="It is left as it is: empty or delete it by hand if you want to.",
        )


async def _refuse_changed(desk: Desk, plan: Plan) -> None:
    """Nobody else has put anything there; what is only missing may be missing."""
    phase = Phase.CLOSE if phase_is_done(desk, CLOSED, plan) else Phase.FILL
    await verify(desk, plan, phase, strangers=True)
    changed = []
    for line in read_lines(desk.folder.differences):
        difference = codec.decode(line, Difference)
        missing = difference.sort is DifferenceSort.MISSING or (difference.expected and not difference.seen)
        # Its switches may still be as they were while it was filled; nobody of ours writes other texts there.
        ours = difference.item == "repository" and difference.field not in _TEXTS
        if not missing and not ours:
            changed.append(difference.item)
    if changed:
        more = len(changed) - _NAMED
        raise TargetNotOursError(
            f"{plan.repo} was changed since: {', '.join(changed[:_NAMED])}"
            + (f" and {more} more" if more > 0 else ""),
            hint="It is left as it is: see verify.ndjson in the project's folder.",
        )


def _set_aside(path: Path, word: str) -> None:
    """Keep a ledger under another name, with what SQLite keeps beside it."""
    number = 1
    while path.with_name(f"{path.name}.{word}-{number}").exists():
        number += 1
    for tail in ("-wal", "-shm", ""):
        part = path.with_name(f"{path.name}{tail}")
        if part.exists():
            part.rename(path.with_name(f"{path.name}.{word}-{number}{tail}"))


def _remove(path: Path) -> None:
    for tail in ("", "-wal", "-shm"):
        path.with_name(f"{path.name}{tail}").unlink(missing_ok=True)
