"""The commands for when something went wrong: `recover`, `cleanup`, `unlock`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, TextIO

from gl2gh_batch.batch.files import read_batch_plan
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.interfaces.approval import plan_digest
from gl2gh_batch.interfaces.running import run_batch
from gl2gh_batch.interfaces.views import view_for
from gl2gh_batch.interfaces.wiring import Batch
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.output.escape import terminal

HELP: Final[Mapping[Task, str]] = {
    Task.RECOVER: "make lost or damaged ledgers again from what is on GitHub",
    Task.CLEANUP: "delete the repositories that a trial made and nobody changed since",
    Task.UNDO_SOURCE: "take back what source_after changed on GitLab",
    Task.UNLOCK: "take the claim of a dead run off its targets",
}
ASKS: Final[Mapping[Task, str]] = {
    Task.CLEANUP: "do not ask before repositories are deleted",
    Task.UNLOCK: "take away also a claim that may still be alive",
}


# What the Action calls them: its `command` has no flags.
REPAIRS: Final[Mapping[str, Task]] = {
    "source-undo" if task is Task.UNDO_SOURCE else task.value: task for task in HELP
}


def repair(
    batch: Batch, task: Task, redactor: Redactor, *, yes: bool, ask: Callable[[str], str] = input
) -> int:
    """Do the task for every project of the batch; the exit code. `ask` puts a question to a person."""
    if task is Task.CLEANUP and not yes:
        _ask(batch, sys.stdin, ask)
    view = view_for(sys.stdout, redactor.redact)
    with view:
        outcome = asyncio.run(run_batch(batch, redactor, view.hear, task=task, force=yes))
    view.conclude(outcome.result)
    for one in outcome.result["results"]:
        for agent in one["agents"].values():
            if agent.get("summary"):
                said = redactor.redact(f"{one.get('source') or one['project_id']}: {agent['summary']}")
                sys.stdout.write(f"{terminal(said)}\n")
    return outcome.exit_code


def is_confirmed(batch: Batch, task: Task, given: str) -> bool:
    """Whether what may do harm was asked for by the digest of its plan: the Action's way of asking first.

    Raises `ConfigurationError` where it has to be, or is another plan's; the message names the repositories.
    """
    if task not in ASKS:
        refuse_confirmation(task.value, given)
    if not given and task is not Task.CLEANUP:
        return False
    digest = plan_digest(batch.work_dir)
    if digest and given.removeprefix("sha256:") == digest:
        return True
    named = _named(batch) or "the repositories of this batch"
    does = f"cleanup deletes {named}" if task is Task.CLEANUP else f"unlock takes away the claim on {named}"
    if not digest:
        hint = (
            f"There is no plan in {batch.work_dir.name}: bring the work directory of that batch there first."
        )
    else:
        hint = f"If that is what you want, run it again with confirm: {digest}"
    wrong = "; what was given as confirm is not the digest of its plan" if given else ""
    raise ConfigurationError(f"{does}{wrong}", field="confirm", hint=hint)


def refuse_confirmation(command: str, given: str) -> None:
    """Raise `ConfigurationError` for a confirmation of what nobody asks about."""
    if given:
        raise ConfigurationError(
            f"{command} takes nothing away, so there is nothing to confirm",
            field="confirm",
            hint="It is for cleanup, and for unlock where the claim may still be alive.",
        )


def _ask(batch: Batch, stdin: TextIO, ask: Callable[[str], str]) -> None:
    named = _named(batch)
    if not stdin.isatty():
        raise ConfigurationError(
            f"nobody is there to ask whether to delete {terminal(named) or 'the repositories of this batch'}",
            field="yes",
            hint="Give --yes when you are sure.",
        )
    if ask(f"Delete {terminal(named) or 'the repositories of this batch'}? Type yes: ").strip() != "yes":
        raise ConfigurationError("nothing was deleted", field="yes", hint="Only the word yes deletes.")


def _named(batch: Batch) -> str:
    targets = _targets(read_batch_plan(batch.work_dir) or {})
    return ", ".join(targets[:10]) + (f" and {len(targets) - 10} more" if len(targets) > 10 else "")


def _targets(plan: Mapping[str, Any]) -> list[str]:
    projects = plan.get("projects")
    return [str(one.get("target", "")) for one in projects] if isinstance(projects, list) else []
