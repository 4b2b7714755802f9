"""What is done to one project outside the modes: recover a lost ledger, clean up a trial, unlock a target."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gl2gh_batch.agents._agent import counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents._untouched import Planned, refuse_changed, refuse_changed_beside, refuse_others
from gl2gh_batch.agents.apply import engine_for
from gl2gh_batch.agents.plan import read_steps, require_plan
from gl2gh_batch.agents.source_marks import refuse_while_marked
from gl2gh_batch.domain.errors import TargetNotOursError
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.domain.plan import CREATE_STEP, SNIPPETS_CREATE_STEP, NoOp, Plan, Step
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.domain.result import AgentResult
from gl2gh_batch.kinds.snippets import companion
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder


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


def what_was_made(folder: ProjectFolder, plan: Plan | None) -> tuple[str, ...]:
    """The repositories that the project's ledger says were made by us: those that cleanup deletes."""
    if plan is None or plan.facts.state == "empty" or not folder.ledger.exists():
        return ()
    with Ledger(folder.ledger) as ledger:
        made = (_made(ledger, CREATE_STEP), _made(ledger, SNIPPETS_CREATE_STEP))
    if made[0] is None:
        return ()
    return tuple(str(one.fields.get("full_name") or plan.repo) for one in made if one is not None)


async def cleanup(desk: Desk) -> AgentResult:
    """Delete the repositories that this batch made, unless somebody has changed anything in them since."""
    if not desk.folder.ledger.exists():
        return AgentResult(status="passed-over", summary="nothing was made for this project")
    refuse_while_marked(desk)
    plan = require_plan(desk)
    with Ledger(desk.folder.ledger) as ledger:
        receipt = ledger.receipt(CREATE_STEP)
        if receipt is None:
            return AgentResult(status="passed-over", summary="nothing was made for this project")
        named = str(receipt.fields.get("full_name") or plan.repo)
        if named.lower() != plan.repo.key:
            raise TargetNotOursError(
                f"this batch made {named}, and the plan is for {plan.repo} by now",
                hint="Give the project the target that it had, make the plan again, and run cleanup again.",
            )
        summary, there = await _deletable(desk, plan, ledger, receipt)
        if there:
            await engine_for(desk, plan, ledger).remove(there)
    _set_aside(desk.folder.ledger, "cleaned")
    desk.folder.verification.unlink(missing_ok=True)
    desk.folder.certificate.unlink(missing_ok=True)
    return AgentResult(status="done", summary=summary, counts={"repositories": len(there)})


async def _deletable(desk: Desk, plan: Plan, ledger: Ledger, receipt: Receipt) -> tuple[str, list[str]]:
    """What is to be said when it is done, and the repositories to delete; all are looked at before."""
    repository = await desk.github.repository(plan.repo)
    made = _made(ledger, SNIPPETS_CREATE_STEP)
    beside = companion(plan.repo) if made is None else RepoRef.parse(str(made.fields["full_name"]))
    held = None if made is None else await desk.github.repository(beside)
    if repository is not None:
        refuse_others(plan.repo, receipt, repository, filled=plan.facts.state == "empty")
    if made is not None and held is not None:
        refuse_others(beside, made, held)
    planned = Planned.of(read_steps(desk.folder), beside)
    if repository is not None:
        await refuse_changed(desk, plan, ledger, repository, planned)
    if held is not None:
        await refuse_changed_beside(desk, beside, ledger, held, planned)
    # The repository itself goes last: the claim is on it, and by it a run that was killed is gone on with.
    there = [str(one) for one, found in ((beside, held), (plan.repo, repository)) if found is not None]
    said = f"{plan.repo} is gone already" if repository is None else f"{plan.repo} was deleted"
    also = "" if held is None else f"; {beside} was deleted"
    if made is None and planned.description and await desk.github.repository(beside) is not None:
        also = f"; {beside} stays: the ledger does not say that this batch made it"
    return said + also, there


def _made(ledger: Ledger, step: str) -> Receipt | None:
    """The receipt of a repository that was made; None where none was."""
    receipt = ledger.receipt(step)
    return receipt if receipt is not None and receipt.state is StepState.DONE else None


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
