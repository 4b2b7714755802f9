"""The commands for when something went wrong: `recover`, `cleanup`, `unlock`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, TextIO

from gl2gh_batch import codec
from gl2gh_batch.agents.plan import read_plan
from gl2gh_batch.agents.repair import what_was_made
from gl2gh_batch.batch.config import parse_config
from gl2gh_batch.batch.resources import REFERENCES, SharedResources
from gl2gh_batch.batch.survey import target_of
from gl2gh_batch.domain.errors import ConfigurationError, WorkDirectoryError
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.interfaces.approval import plan_digest, plan_digests
from gl2gh_batch.interfaces.projects import expand_groups
from gl2gh_batch.interfaces.running import run_batch
from gl2gh_batch.interfaces.views import view_for
from gl2gh_batch.interfaces.wiring import Batch, resources_for
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


# A message of the Action's has no room for all the repositories of a large batch.
_NAMED: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What a task takes away: repositories, and the digests of the plans that they are from.

    `batch` lists the projects one by one, and only those whose folder was looked into: nothing that was not
    named can be met later.
    """

    batch: Batch
    targets: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def digest(self) -> str:
        """What a confirmation names."""
        return codec.digest(list(self.digests))

    def is_meant_by(self, given: str) -> bool:
        """Whether this digest is of just these plans, or of the batch's plan with all of them in it."""
        digest, work_dir = given.removeprefix("sha256:"), self.batch.work_dir
        whole = digest == plan_digest(work_dir) and {*self.digests} <= {*plan_digests(work_dir)}
        return bool(self.digests) and (digest == self.digest or whole)


def repair(
    batch: Batch, task: Task, redactor: Redactor, *, yes: bool, ask: Callable[[str], str] = input
) -> int:
    """Do the task for every project of the batch; the exit code. `ask` puts a question to a person."""
    if task is Task.CLEANUP and not yes:
        batch = _ask(batch, redactor, sys.stdin, ask)
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


def confirmed(batch: Batch, task: Task, given: str, redactor: Redactor) -> tuple[Batch, bool]:
    """The batch to do it for, and whether what may do harm was asked for: the Action's way of asking first.

    It is asked for by the digest of the plans that made the repositories. Raises `ConfigurationError` where
    it has to be, or is another plan's; the message names the repositories.
    """
    if task not in ASKS:
        refuse_confirmation(task.value, given)
    if task not in ASKS or (not given and task is not Task.CLEANUP):
        return batch, False
    chosen = _chosen(batch, task, redactor)
    if not chosen.targets and chosen.batch.configs:
        return chosen.batch, False  # the projects say themselves that nothing was made for them
    if chosen.is_meant_by(given):
        return chosen.batch, True
    more = len(chosen.targets) - _NAMED
    named = ", ".join(chosen.targets[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    named = named or "the repositories of this batch"
    does = f"cleanup deletes {named}" if task is Task.CLEANUP else f"unlock takes away the claim on {named}"
    if not chosen.digests:
        hint = (
            f"There is no plan in {batch.work_dir.name}: bring the work directory of that batch there first."
        )
    else:
        hint = f"If that is what you want, run it again with confirm: {chosen.digest}"
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


def _ask(batch: Batch, redactor: Redactor, stdin: TextIO, ask: Callable[[str], str]) -> Batch:
    """The batch whose repositories a person gave up, every one of them named."""
    chosen = _chosen(batch, Task.CLEANUP, redactor)
    if not chosen.batch.configs:
        raise ConfigurationError(
            f"{batch.work_dir.name} knows nothing of the projects that were named",
            field="work_dir",
            hint="Name the work directory of the batch that made the repositories.",
        )
    if not chosen.targets:
        return chosen.batch
    named = terminal(", ".join(chosen.targets))
    if not stdin.isatty():
        raise ConfigurationError(
            f"nobody is there to ask whether to delete {named}",
            field="yes",
            hint="Give --yes when you are sure.",
        )
    try:
        answer = ask(f"Delete {named}? Type yes: ")
    except EOFError:  # Ctrl-D leaves the line of the question unfinished
        sys.stdout.write("\n")
        answer = ""
    if answer.strip() != "yes":
        raise ConfigurationError("nothing was deleted", field="yes", hint="Only the word yes deletes.")
    if _chosen(chosen.batch, Task.CLEANUP, redactor).targets != chosen.targets:
        raise ConfigurationError(
            "nothing was deleted: another run made repositories or deleted some meanwhile",
            field="yes",
            hint="Run cleanup again when that run has ended.",
        )
    return chosen.batch


def _chosen(batch: Batch, task: Task, redactor: Redactor) -> Chosen:
    """What the task takes away of these projects, by what each project's own folder says."""
    return asyncio.run(_look(batch, task, redactor))


async def _look(batch: Batch, task: Task, redactor: Redactor) -> Chosen:
    configs: list[dict[str, Any]] = []
    targets: list[str] = []
    digests: list[str] = []
    async with resources_for(batch, redactor) as resources:
        for config in await expand_groups(batch, resources):
            try:
                found = _found(config, task, batch, resources)
            except ConfigurationError:
                found = (), ""  # its own task says so
            if found is None:
                continue
            configs.append(config)
            targets.extend(found[0])
            digests.extend({found[1]} - {""})
    listed = replace(batch, configs=tuple(configs), groups=())
    return Chosen(batch=listed, targets=tuple(targets), digests=tuple(digests))


def _found(
    config: Mapping[str, Any], task: Task, batch: Batch, resources: SharedResources
) -> tuple[tuple[str, ...], str] | None:
    """The repositories of one project that the task is about, and the digest of its plan, if there are any.

    None for a project that the work directory knows nothing of.
    """
    parsed = parse_config(config)
    if not (batch.work_dir / REFERENCES).exists():
        return None
    references = resources.references(batch.work_dir)
    reference = references.of_instance(parsed.request.project, parsed.gitlab_url)
    known = resources.folder(parsed, batch.work_dir)
    if known is None or reference is None:
        return None
    name, folder = reference.project.full_path, known[1]
    try:
        plan = read_plan(folder)
        if task is Task.CLEANUP:
            targets = what_was_made(folder, plan)
        else:
            repo = target_of(parsed.request, reference.project, parsed.owner, parsed.naming)
            targets = (str(repo or reference.repo),)
    except WorkDirectoryError as error:
        error.project = error.project or name
        raise
    return targets, plan.digest if plan is not None and targets else ""
