"""The command line: `gl2gh-batch run | serve | verify | doctor | merge | recover | cleanup | unlock | …`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import version
from pathlib import Path
from typing import Final, NoReturn

from gl2gh_batch.domain.errors import ConfigurationError, Gl2ghError
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.interfaces import action
from gl2gh_batch.interfaces.examining import exit_code, run_doctor
from gl2gh_batch.interfaces.inputs import BY_NAME, INPUTS, OF_THE_ACTION
from gl2gh_batch.interfaces.merging import merge
from gl2gh_batch.interfaces.privileges import become_owner
from gl2gh_batch.interfaces.repairing import ASKS, HELP, repair
from gl2gh_batch.interfaces.running import Outcome, run_batch
from gl2gh_batch.interfaces.views import error_text, nobody_listens, say, view_for
from gl2gh_batch.interfaces.wiring import Batch, wire
from gl2gh_batch.kit.memory import keep_heap_steady
from gl2gh_batch.kit.redact import RedactingFilter, Redactor, secrets_around
from gl2gh_batch.output.escape import terminal

PROFILES: Final = ("github.com", "github.com-strict", "ghes", "unlimited")
TOKENS: Final[Mapping[str, tuple[str, ...]]] = {
    "gitlab_token": ("GITLAB_TOKEN", "GITLAB_PAT"),
    "github_token": ("GH_TOKEN", "GH_PAT"),
    "github_app_private_key": ("GITHUB_APP_PRIVATE_KEY",),
}


def main(argv: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run one command; its exit code: 0 success, 1 partial or failed, 2 usage, 128 + a signal."""
    redactor = Redactor(secrets_around(environment))
    keep_heap_steady()
    with _logging_to_stderr(redactor) as log:
        try:
            arguments = _parse(argv)
            arguments.environment = environment
            log.setLevel(logging.INFO if getattr(arguments, "verbose", False) else logging.ERROR)
            command: Callable[[argparse.Namespace, Redactor], int] = arguments.command_function
            return command(arguments, redactor)
        except Gl2ghError as error:
            sys.stderr.write(error_text(error, redactor.redact))
            return error.exit_code
        except KeyboardInterrupt as interrupt:
            return 128 + next(iter(interrupt.args), signal.SIGINT)
        except BrokenPipeError:
            nobody_listens(sys.stdout)
            return 1
        except Exception:
            # Its traceback passes the redaction of the log, whatever it is.
            log.exception("a fault of gl2gh-batch: please report it; what was done is kept")
            return 1


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = _parser()
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        # Only the names: what stands behind a flag that there is not may be a token.
        names = [one.partition("=")[0] for one in unknown if one.startswith("-")]
        raise ConfigurationError(
            f"there is no flag {names[0]!r}" if names else "there are words that belong to no flag",
            field="arguments",
            hint=_hint_for(names[0] if names else ""),
        )
    return arguments


def _hint_for(flag: str) -> str:
    secret = {one.flag: one.name for one in INPUTS if one.secret}
    if flag in secret:
        variables = " or ".join(TOKENS.get(secret[flag], ()))
        said = (
            f"set {variables}, or name a file by {flag}-file" if variables else "it is for the Action alone"
        )
        return f"Secrets are never given as flags: {said}."
    known = [one.flag for one in INPUTS if not one.secret]
    if flag in known:
        return "This command does without it: see its --help."
    near = get_close_matches(flag, known, n=1)
    return f"Did you mean {near[0]}?" if near else "See gl2gh-batch run --help."


class _Parser(argparse.ArgumentParser):
    """Wrong usage is an error of ours, told like all others."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(message, field="arguments", hint=f"See {self.prog} --help.")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="gl2gh-batch",
        description="Move batches of GitLab projects to GitHub: plan, review, apply, verify.",
        epilog="Tokens come from GITLAB_TOKEN and GH_TOKEN (or GITLAB_PAT and GH_PAT), or from files.",
    )
    parser.add_argument("--version", action="version", version=f"gl2gh-batch {version('gl2gh-batch')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("run", help="run a mode over a batch of projects", allow_abbrev=False)
    _add_inputs(run)
    run.add_argument("--verbose", action="store_true", help="log every step to standard error")
    run.set_defaults(command_function=_run)

    verify = commands.add_parser(
        "verify", help="compare applied projects with their targets again", allow_abbrev=False
    )
    _add_inputs(verify, without=("mode", "resume_from", "approved_plan", "deadline"))
    verify.set_defaults(command_function=_verify)

    look = commands.add_parser(
        "doctor", help="check tokens, roles, limits and this machine before a batch", allow_abbrev=False
    )
    _add_inputs(look, without=("mode", "resume_from", "approved_plan", "deadline", "shard", "shards"))
    look.set_defaults(command_function=_doctor)

    for task, words in HELP.items():
        mend = commands.add_parser(task.value, help=words, allow_abbrev=False)
        _add_inputs(mend, without=("mode", "resume_from", "approved_plan", "deadline", "shard", "shards"))
        if task is Task.UNDO_SOURCE:
            mend.add_argument("--undo", action="store_true", required=True, help="what this command does")
        if task in ASKS:
            mend.add_argument("--yes", action="store_true", help=ASKS[task])
        mend.set_defaults(command_function=_repair, task=task, yes=False)

    join = commands.add_parser("merge", help="join the results of all shards", allow_abbrev=False)
    join.add_argument(
        "--work-dir",
        default="gl2gh-work",
        help="the plan's folder, with the shards' results below it",
    )
    join.set_defaults(command_function=_merge)

    act = commands.add_parser("action", help="the Action's own entry: reads INPUT_… variables")
    act.set_defaults(command_function=_action)

    service = commands.add_parser("serve", help="run the HTTP service and its page", allow_abbrev=False)
    service.add_argument("--config", type=Path, metavar="FILE", help="server.yml, see docs/service.md")
    service.add_argument("--demo", action="store_true", help="serve sample projects inside the sandbox")
    service.add_argument(
        "--work-dir", default="serve-demo-work", help="with --demo: where the files go (%(default)s)"
    )
    service.add_argument("--port", type=int, default=8765, help="with --demo: where to listen (%(default)s)")
    service.add_argument("--profile", default="github.com", choices=PROFILES, help="with --demo: limits")
    service.add_argument("--verbose", action="store_true", help="log every step to standard error")
    service.set_defaults(command_function=_serve)

    show = commands.add_parser("demo", help="migrate sample projects inside the sandbox")
    show.add_argument(
        "--from",
        dest="seeds",
        nargs="+",
        metavar="PATH",
        default=[],
        help="recordings, exports or descriptions to migrate instead of the samples",
    )
    show.add_argument("--work-dir", default="demo-work", help="where the files go (default: demo-work)")
    show.add_argument("--profile", default="github.com", choices=PROFILES, help="limits of the sandbox")
    show.add_argument("--parallel-limit", default="5", help="projects in flight at once")
    show.set_defaults(command_function=_demo)

    box = commands.add_parser("sandbox", help="serve a GitLab and a GitHub on this machine")
    box.add_argument(
        "--project",
        action="append",
        default=[],
        metavar="PATH[=ID:group/path]",
        help="a seed: a folder of recordings, an export, or a YAML description",
    )
    box.add_argument("--profile", default="github.com", choices=PROFILES, help="limits of the sandbox")
    box.add_argument("--limits", type=Path, metavar="FILE", help="JSON that overrides limits")
    box.add_argument("--json", action="store_true", help="say where it is in one line of JSON")
    box.set_defaults(command_function=_sandbox)
    return parser


def _add_inputs(parser: argparse.ArgumentParser, without: Sequence[str] = ()) -> None:
    for one in INPUTS:
        if one.secret or one.name in {*OF_THE_ACTION, *without}:
            continue
        default = f" (default: {one.default})" if one.default else ""
        parser.add_argument(one.flag, dest=one.name, default="", metavar="…", help=one.help + default)
    for name in TOKENS:
        flag = f"{BY_NAME[name].flag}-file"
        parser.add_argument(flag, dest=f"{name}_file", metavar="FILE", help=f"a file that holds the {name}")


def _values(arguments: argparse.Namespace) -> dict[str, str]:
    values = {
        one.name: str(getattr(arguments, one.name)) for one in INPUTS if getattr(arguments, one.name, None)
    }
    return {**values, **_tokens(arguments, arguments.environment)}


def _tokens(arguments: argparse.Namespace, environment: Mapping[str, str]) -> dict[str, str]:
    """The secrets, from files or the environment; a GitHub App asked for by flag keeps GH_TOKEN out of it."""
    tokens = {}
    has_app = bool(arguments.github_app_id)
    for name, variables in TOKENS.items():
        path = getattr(arguments, f"{name}_file")
        if path:
            tokens[name] = _secret_in(path, f"{name}_file")
        elif name == "gitlab_token" or has_app == (name == "github_app_private_key"):
            tokens[name] = next((environment[one] for one in variables if environment.get(one)), "")
    return tokens


def _secret_in(path: str, field: str) -> str:
    try:
        secret = Path(path).read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigurationError(
            f"{path!r} cannot be read: {reason}", field=field, hint="Name a file with the token alone in it."
        ) from error
    if not secret:
        raise ConfigurationError(f"{path!r} is empty", field=field, hint="Name a file with the token in it.")
    return secret


def _run(arguments: argparse.Namespace, redactor: Redactor) -> int:
    return _run_batch(_values(arguments), arguments.environment, redactor, only_verify=False)


def _verify(arguments: argparse.Namespace, redactor: Redactor) -> int:
    values = {**_values(arguments), "mode": "APPLY"}
    return _run_batch(values, arguments.environment, redactor, only_verify=True)


def _run_batch(
    values: Mapping[str, str], environment: Mapping[str, str], redactor: Redactor, *, only_verify: bool
) -> int:
    for name in TOKENS:
        redactor.add(values.get(name, ""))
    batch: Batch = wire(values, environment=environment, asks_source=not only_verify)
    for notice in () if only_verify else batch.notices:
        sys.stderr.write(f"gl2gh-batch: {terminal(notice)}\n")
    view = view_for(sys.stdout, redactor.redact)
    with view:
        outcome = asyncio.run(run_batch(batch, redactor, view.hear, only_verify=only_verify))
    view.conclude(outcome.result)
    return outcome.exit_code


def _repair(arguments: argparse.Namespace, redactor: Redactor) -> int:
    values = {**_values(arguments), "mode": "APPLY"}
    for name in TOKENS:
        redactor.add(values.get(name, ""))
    asks_source = arguments.task is Task.UNDO_SOURCE
    batch = wire(values, environment=arguments.environment, asks_source=asks_source)
    return repair(batch, arguments.task, redactor, yes=arguments.yes)


def _doctor(arguments: argparse.Namespace, redactor: Redactor) -> int:
    values = _values(arguments)
    for name in TOKENS:
        redactor.add(values.get(name, ""))
    batch = wire(values, environment=arguments.environment)
    return exit_code(run_doctor(batch, redactor, say))


def _action(arguments: argparse.Namespace, redactor: Redactor) -> int:
    become_owner(arguments.environment)
    return action.main(arguments.environment, redactor)


def _merge(arguments: argparse.Namespace, redactor: Redactor) -> int:
    result = merge(Path(arguments.work_dir))
    view_for(sys.stdout, redactor.redact).conclude(result)
    return Outcome(result=result).exit_code


def _demo(arguments: argparse.Namespace, redactor: Redactor) -> int:
    from gl2gh_batch.interfaces import demo  # the sandbox is loaded only where it is wanted

    return demo.main(
        seeds=arguments.seeds,
        work_dir=Path(arguments.work_dir),
        profile=arguments.profile,
        parallel_limit=arguments.parallel_limit,
        redactor=redactor,
    )


def _serve(arguments: argparse.Namespace, redactor: Redactor) -> int:
    if arguments.demo:
        from gl2gh_batch.interfaces.server import demo  # the sandbox is loaded only where it is wanted

        return demo.main(
            work_dir=Path(arguments.work_dir),
            port=arguments.port,
            profile=arguments.profile,
            redactor=redactor,
        )
    from gl2gh_batch.interfaces.server import serving  # so is the server

    if arguments.config is None:
        raise ConfigurationError(
            "there is no configuration",
            field="--config",
            hint="Write a server.yml as docs/service.md shows, or try --demo.",
        )
    return serving.main(arguments.config, arguments.environment, redactor)


def _sandbox(arguments: argparse.Namespace, redactor: Redactor) -> int:
    del redactor
    from gl2gh_batch.sandbox import command  # the sandbox is loaded only where it is wanted

    try:
        asyncio.run(
            command.serve(
                projects=arguments.project,
                profile=arguments.profile,
                limits_file=arguments.limits,
                as_json=arguments.json,
            )
        )
    except (ValueError, KeyError, OSError) as error:
        raise ConfigurationError(
            str(error) or type(error).__name__, field="sandbox", hint="See docs/sandbox.md."
        ) from error
    return 0


class _OneSafeLine(logging.Formatter):
    """Records as lines that the runner of a workflow takes for no command, tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(f"| {terminal(line)}" for line in super().format(record).splitlines())


@contextmanager
def _logging_to_stderr(redactor: Redactor) -> Iterator[logging.Logger]:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(RedactingFilter(redactor))
    handler.setFormatter(_OneSafeLine("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    try:
        yield root
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
