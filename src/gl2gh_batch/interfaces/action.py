"""The Action's entry: inputs from `INPUT_…`, results into the runner's files.

Sources: GitHub's pages "Metadata syntax for GitHub Actions", "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from actions_toolkit import core, file_command

from gl2gh_batch.batch.files import result_file
from gl2gh_batch.batch.inventories import discovered
from gl2gh_batch.batch.shards import matrix
from gl2gh_batch.domain.checks import Check, CheckState
from gl2gh_batch.domain.errors import (
    ChecksFailedError,
    ConfigurationError,
    FailureReason,
    Gl2ghError,
    StoppedError,
)
from gl2gh_batch.domain.modes import MigrationMode, Task
from gl2gh_batch.domain.result import BatchStatus
from gl2gh_batch.interfaces import early
from gl2gh_batch.interfaces.action_log import ActionLog, commands_stopped
from gl2gh_batch.interfaces.approval import plan_digest
from gl2gh_batch.interfaces.by_merging import (
    can_comment,
    is_merge_of_plan,
    show_plan,
    take_reviewed_plan,
)
from gl2gh_batch.interfaces.examining import exit_code, run_doctor
from gl2gh_batch.interfaces.inputs import BY_NAME, INPUTS, OF_THE_ACTION, Input
from gl2gh_batch.interfaces.merging import merge
from gl2gh_batch.interfaces.outputs import COUNTS, INTERRUPTED, OUTPUTS, RUN_AGAIN, first_outputs
from gl2gh_batch.interfaces.paths import Paths
from gl2gh_batch.interfaces.publicity import is_public
from gl2gh_batch.interfaces.repairing import REPAIRS, confirmed, refuse_confirmation
from gl2gh_batch.interfaces.review import permission_hint
from gl2gh_batch.interfaces.running import Outcome, failure_reason, run_batch
from gl2gh_batch.interfaces.views import MOST_OF_A_MESSAGE, what_happened
from gl2gh_batch.interfaces.wiring import Batch, unknown_input, wire
from gl2gh_batch.interfaces.workflow_event import WorkflowEvent, read_event
from gl2gh_batch.kit.redact import SHORTEST, Redactor, redacted, registered_forms, secrets_around
from gl2gh_batch.output.annotations import AT_MOST, annotations_of
from gl2gh_batch.output.checks_view import checks_markdown
from gl2gh_batch.output.escape import terminal, usable
from gl2gh_batch.output.repair_view import repair_summary
from gl2gh_batch.output.summary import checked_summary, failure_summary, job_summary

COMMANDS: Final = ("run", "verify", "merge", "doctor", *REPAIRS)
WRITING_MODES: Final = (MigrationMode.APPLY, MigrationMode.FULL)
FORK_MESSAGE: Final = (
    "The configuration was read and is valid. No plan was made: GitHub gives the workflows of a fork's pull"
    " request no secrets, so there are no tokens. Somebody with write access can plan it from a branch of"
    " this repository."
)
# The runner sets these two for a step that overrides how a container starts; they are nobody's inputs.
OF_THE_RUNNER: Final = ("INPUT_ARGS", "INPUT_ENTRYPOINT")
# Printed by actions-toolkit: level → function.
ANNOTATE: Final[Mapping[str, Callable[..., None]]] = {
    "error": core.error,
    "warning": core.warning,
    "notice": core.notice,
}
_log = logging.getLogger(__name__)


def main(environment: Mapping[str, str], redactor: Redactor) -> int:
    """Run the Action; outputs, summary and annotations are written whatever happens."""
    door = _Door(environment, redactor)
    try:
        early.is_over()
        code = door.run()
    except Gl2ghError as error:
        code = door.refuse(error)
    except KeyboardInterrupt as interrupt:
        code = door.refuse(_interrupted(interrupt))
    except Exception as error:  # noqa: BLE001 - the runner must get its outputs and one clear message, whatever it is
        _log.exception("the run ended in a way nobody foresaw")
        code = door.break_off(error)
    door.write_outputs()
    return code


class _Door:
    """One run: what the runner gave, and what it gets back."""

    def __init__(self, environment: Mapping[str, str], redactor: Redactor) -> None:
        self._environment = environment
        self._redactor = redactor
        self._workspace = Path(environment.get("GITHUB_WORKSPACE") or ".")
        self._annotated: Counter[str] = Counter()
        self._outputs = first_outputs(environment, FailureReason.INTERNAL.value)

    def run(self) -> int:
        """Do what the inputs say; the exit code."""
        self._hide_secrets()
        self._event = read_event(self._environment)
        values, notices = read_inputs(self._environment)
        work_dir = Path(values.get("work_dir") or BY_NAME["work_dir"].default)
        self._outputs["artifact_path"] = str(work_dir)
        if notices:
            self._annotate("notice", "gl2gh-batch", "; ".join(notices))
        if self._is_fork_without_secrets(values):
            return self._check_only(values)
        command = _command(values)
        if command not in REPAIRS:
            refuse_confirmation(command, values.get("confirm", ""))
        if command == "doctor":
            return self._examine(values)
        outcome = self._repair(REPAIRS[command], values) if command in REPAIRS else self._run(values)
        self._outputs |= self._told(outcome, work_dir)
        result = redacted(outcome.result, self._redactor.redact)
        for one in annotations_of(result, self._annotated):
            self._annotate(one.level, one.title, one.message)
        if command in REPAIRS:
            self._write_summary(repair_summary(command, result))
        else:
            inventory = discovered(self._workspace / work_dir, result)
            self._write_summary(job_summary(result, inventory=inventory))
        return outcome.exit_code

    def refuse(self, error: Gl2ghError) -> int:
        """Say what stopped the run before there was a result."""
        if isinstance(error, ChecksFailedError):
            self._outputs["failure_reason"] = error.reason.value
            self._show_checks(error.checks)
            return error.exit_code
        message = what_happened(error, self._clean)
        hint = terminal(self._clean(error.remedy), MOST_OF_A_MESSAGE)
        return self._fail(error.reason, message, hint, error.exit_code)

    def break_off(self, error: Exception) -> int:
        """Say that something happened that nobody foresaw."""
        message = terminal(self._clean(f"{type(error).__name__}: {error}"), MOST_OF_A_MESSAGE)
        hint = (
            "This is a fault of gl2gh-batch: please report it with the log."
            " What was done is kept, and running again is safe."
        )
        return self._fail(FailureReason.INTERNAL, message, hint, 1)

    def write_outputs(self) -> None:
        """Give the runner every output."""
        if self._is_given("OUTPUT"):
            for name in OUTPUTS:
                core.set_output(name, self._clean(usable(self._outputs[name])))
        sys.stdout.flush()

    def _fail(self, reason: FailureReason, message: str, hint: str, code: int) -> int:
        self._outputs["failure_reason"] = reason.value
        ended = "" if message.endswith((".", "!", "?")) else "."
        self._annotate("error", f"gl2gh-batch: {reason.value}", f"{message}{ended} {hint}".strip())
        self._write_summary(failure_summary(reason.value, message, hint))
        return code

    def _hide_secrets(self) -> None:
        """Before anything else is printed: the runner masks these in everything from here on."""
        for one in INPUTS:
            for variable in _variables(one) if one.secret else ():
                secret = self._environment.get(variable, "")
                self._redactor.add(secret)
                _register(secret)
        for secret in secrets_around(self._environment):
            self._redactor.add(secret)
            _register(secret)
        sys.stdout.flush()

    def _run(self, values: Mapping[str, str]) -> Outcome:
        command = _command(values)
        if command == "merge":
            work_dir = values.get("work_dir") or BY_NAME["work_dir"].default
            paths = Paths(here=self._workspace, is_closed=True)
            return Outcome(result=merge(paths.of(work_dir, "work_dir")))
        rest = {name: value for name, value in values.items() if name not in OF_THE_ACTION}
        only_verify = command == "verify"
        if only_verify:
            rest["mode"] = MigrationMode.APPLY.value
        batch = wire(rest, base=self._workspace, environment=self._environment, asks_source=not only_verify)
        if not only_verify:
            if batch.mode in WRITING_MODES:
                _refuse_unreviewed(batch.mode, self._event)
            for notice in batch.notices:
                self._annotate("notice", "gl2gh-batch", notice)
            if is_merge_of_plan(self._event, batch, values):
                batch = asyncio.run(self._take_plan(batch, values))
        task = Task.VERIFY if only_verify else None
        outcome = asyncio.run(self._run_and_tell(batch, values, task=task))
        if not only_verify:
            self._show_plan(batch, outcome, values)
        return outcome

    def _repair(self, task: Task, values: Mapping[str, str]) -> Outcome:
        """Recover, clean up or unlock; what may do harm wants to be confirmed."""
        _refuse_unreviewed(task.value, self._event)
        rest = {name: value for name, value in values.items() if name not in OF_THE_ACTION}
        rest["mode"] = MigrationMode.APPLY.value
        asks_source = task is Task.UNDO_SOURCE
        batch = wire(rest, base=self._workspace, environment=self._environment, asks_source=asks_source)
        batch, is_asked_for = confirmed(batch, task, values.get("confirm", ""), self._redactor)
        return asyncio.run(self._run_and_tell(batch, values, task=task, force=is_asked_for))

    async def _take_plan(self, batch: Batch, values: Mapping[str, str]) -> Batch:
        """Fetching a large plan takes its time: the log goes on meanwhile."""
        with ActionLog(sys.stdout, self._redactor.redact) as log:
            async with log.beating():
                return await take_reviewed_plan(self._event, batch, values)

    async def _run_and_tell(
        self, batch: Batch, values: Mapping[str, str], *, task: Task | None, force: bool = False
    ) -> Outcome:
        open_to_all = not batch.allow_public_artifacts and await is_public(
            self._event, values.get("workflow_token", "")
        )
        public_in = str(self._event.repo) if open_to_all else ""
        with ActionLog(sys.stdout, self._redactor.redact) as log:
            async with log.beating():
                return await run_batch(
                    batch, self._redactor, log.hear, task=task, force=force, public_in=public_in
                )

    def _show_plan(self, batch: Batch, outcome: Outcome, values: Mapping[str, str]) -> None:
        """Put the plan on the pull request; a run whose comment is refused is no worse for it."""
        if batch.mode is not MigrationMode.PLAN_ONLY or not can_comment(self._event, values):
            return
        result = redacted(outcome.result, self._redactor.redact)
        try:
            asyncio.run(show_plan(self._event, result, values, plan_digest(batch.work_dir)))
        except Gl2ghError as error:
            message = f"the plan could not be shown on the pull request: {self._clean(error.message)}"
            self._annotate("warning", "gl2gh-batch", f"{terminal(message)}. {permission_hint(error)}")

    def _examine(self, values: Mapping[str, str]) -> int:
        """Look at everything that a batch will need; the findings are log, summary and annotations."""
        rest = {name: value for name, value in values.items() if name not in {*OF_THE_ACTION, "mode"}}
        batch = wire(rest, base=self._workspace, environment=self._environment)
        with commands_stopped(sys.stdout):
            checks = run_doctor(batch, self._redactor, lambda line: print(line, flush=True))
        code = exit_code(checks)
        self._outputs |= {
            "status": (BatchStatus.FAILED if code else BatchStatus.SUCCESS).value,
            "failure_reason": FailureReason.CHECKS_FAILED.value if code else "",
        }
        self._show_checks(checks)
        return code

    def _show_checks(self, checks: Sequence[Check]) -> None:
        for one in checks:
            if one.state in {CheckState.BAD, CheckState.WARNING}:
                level = "error" if one.state is CheckState.BAD else "warning"
                words = terminal(self._clean(f"{one.found}. {one.remedy}"), MOST_OF_A_MESSAGE)
                self._annotate(level, f"gl2gh-batch: {terminal(one.name)}", words)
        self._write_summary(checks_markdown(checks))

    def _is_fork_without_secrets(self, values: Mapping[str, str]) -> bool:
        """GitHub gives a fork's pull request no secrets (docs: "Events that trigger workflows")."""
        pull = self._event.pull_request
        return bool(
            pull
            and pull.is_fork
            and self._event.is_pull_request
            and _command(values) == "run"
            and not (values.get("gitlab_token") and values.get("github_token"))
        )

    def _check_only(self, values: Mapping[str, str]) -> int:
        """Read the configuration as far as that goes without tokens, and say why there is no plan."""
        rest = {name: value for name, value in values.items() if name not in OF_THE_ACTION}
        stand_in = {name: rest.get(name) or "x" * SHORTEST for name in ("gitlab_token", "github_token")}
        batch = wire(rest | stand_in, base=self._workspace, has_secrets=False)
        many = str(len(batch.configs))
        self._outputs |= {"status": BatchStatus.SUCCESS.value, "failure_reason": ""}
        self._outputs |= {"total_projects": many, "not_started": many}
        self._annotate("notice", "gl2gh-batch: configuration is valid", FORK_MESSAGE)
        self._write_summary(checked_summary(len(batch.configs), len(batch.groups), FORK_MESSAGE))
        return 0

    def _told(self, outcome: Outcome, work_dir: Path) -> dict[str, str]:
        result = outcome.result
        price = result.get("price")
        return {
            "status": str(result["status"]),
            "batch_id": str(result["batch_id"]),
            **{name: str(result[name]) for name in COUNTS},
            "plan_digest": plan_digest(self._workspace / work_dir),
            "result_path": str(work_dir / result_file(result)),
            "resume_key": self._outputs["resume_key"] or f"gl2gh-{result['batch_id']}",
            "matrix": json.dumps(matrix(result.get("shards") or ())),
            "failure_reason": failure_reason(result),
            "predicted_requests": str(price["requests"]) if price else "",
            "predicted_hours": f"{price['hours']:.2f}" if price else "",
        }

    def _annotate(self, level: str, title: str, message: str) -> None:
        """The runner keeps so many of a level, and the log and the summary have all."""
        self._annotated[level] += 1
        if self._annotated[level] <= AT_MOST:
            ANNOTATE[level](message, title=title)

    def _write_summary(self, markdown: str) -> None:
        if self._is_given("STEP_SUMMARY"):
            file_command.issue_file_command("STEP_SUMMARY", markdown)

    def _is_given(self, name: str) -> bool:
        """Whether the runner gave that file; outside of a runner there is none, and nobody to tell."""
        path = self._environment.get(f"GITHUB_{name}", "")
        return bool(path) and Path(path).is_file()

    def _clean(self, text: str) -> str:
        return self._redactor.redact(text)


def read_inputs(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The inputs by name, and notices about spellings; the runner keeps hyphens in `INPUT_…` names.

    Raises `ConfigurationError` for an input that there is not, or one that is given in both spellings.
    """
    values: dict[str, str] = {}
    notices: list[str] = []
    known = {variable for one in INPUTS for variable in _variables(one)}
    for variable, value in environment.items():
        if variable.startswith("INPUT_") and variable not in {*known, *OF_THE_RUNNER} and value.strip():
            raise unknown_input(variable.removeprefix("INPUT_").lower().replace("-", "_"))
    for one in INPUTS:
        variable, other = _variables(one)
        value = environment.get(variable, "").strip()
        hyphened = environment.get(other, "").strip() if other != variable else ""
        if hyphened and hyphened != value:
            # The runner sets the default of the right spelling beside the wrong one.
            if value not in {"", one.default}:
                raise ConfigurationError(
                    "it is given twice, with hyphens and with underscores",
                    field=one.name,
                    hint="Keep the spelling with underscores.",
                )
            value = hyphened
        if hyphened:
            notices.append(f"write the input {one.name.replace('_', '-')} with underscores: {one.name}")
        if value:
            values[one.name] = value
    if "config" in values and values.get("parallel_limit") == BY_NAME["parallel_limit"].default:
        # The runner always sets an input's default: the file's word is the user's own.
        del values["parallel_limit"]
    return values, notices


def _variables(one: Input) -> tuple[str, str]:
    """The variables of an input, in the right spelling and with hyphens; the same for a name of one word."""
    return one.variable, f"INPUT_{one.name.upper().replace('_', '-')}"


def _command(values: Mapping[str, str]) -> str:
    command = values.get("command") or BY_NAME["command"].default
    if command not in COMMANDS:
        raise ConfigurationError(
            f"{command!r} is no command",
            field="command",
            hint=f"Use {' or '.join(COMMANDS)}.",
        )
    return command


def _register(secret: str) -> None:
    """Let the runner mask each line of it, and what is sent of a token."""
    lines = [line for line in map(str.strip, secret.splitlines()) if len(line) >= SHORTEST]
    for one in lines if len(lines) != 1 else registered_forms(lines[0]):
        core.set_secret(one)


def _refuse_unreviewed(what: str, event: WorkflowEvent) -> None:
    repairs = what in REPAIRS
    if event.is_pull_request:
        raise ConfigurationError(
            f"{what} does not run on a {event.name} event: what a pull request proposes is not reviewed yet",
            field="command" if repairs else "mode",
            hint=(
                "Start it by hand (workflow_dispatch)."
                if repairs
                else "Plan on the pull request (PLAN_ONLY), and apply on the push after it is merged."
            ),
        )
    if event.is_from_fork:
        raise ConfigurationError(
            f"{what} does not run on a {event.name} event that a fork began: nobody here reviewed its commit",
            field="command" if repairs else "mode",
            hint="Let the workflow that writes run on the push after the merge, or by workflow_dispatch.",
        )


def _interrupted(interrupt: KeyboardInterrupt) -> StoppedError:
    error = StoppedError(INTERRUPTED, hint=RUN_AGAIN)
    error.exit_code = 128 + next(iter(interrupt.args), signal.SIGINT)
    return error
