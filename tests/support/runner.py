"""A stand-in of the runner for one step of a Docker action: its variables, its files, its reading of the log.

Sources: the runner's `Handler.cs` (names of `INPUT_…`), `ActionCommand.cs` and `ActionCommandManager.cs`
(commands), `FileCommandManager.cs` (the files), `ExecutionContext.cs` (how many annotations are kept), and
GitHub's page "Workflow commands for GitHub Actions".
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import signal
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import warm
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
SUMMARY_LIMIT = 1024 * 1024
ANNOTATIONS_KEPT = 10
MESSAGE_LIMIT = 4096
ANNOTATIONS = ("error", "warning", "notice")
# Commands that the runner takes; the second row it refuses, or warns of, since it has files for them.
COMMANDS = frozenset(
    {
        "add-mask",
        "debug",
        "echo",
        "endgroup",
        "group",
        "stop-commands",
        *ANNOTATIONS,
        "add-matcher",
        "remove-matcher",
    }
    | {"add-path", "save-state", "set-env", "set-output", "internal-set-repo-path"}
)
FILES = ("OUTPUT", "STEP_SUMMARY", "ENV", "STATE", "PATH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command that the runner would carry out."""

    name: str
    data: str
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Log:
    """What the runner makes of the lines of a step, one after the other."""

    commands: list[Command] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)
    _stop_token: str = ""

    def read(self, text: str) -> None:
        """Take in what a step printed; a line ends as `StreamReader.ReadLine` has it."""
        for line in re.split(r"\r\n|\r|\n", text):
            command = parse_command(line, COMMANDS | {self._stop_token.lower()})
            if command is None:
                self._show(line)
            elif self._stop_token:
                # The line that wakes the commands is shown like any other.
                if command.name.lower() == self._stop_token.lower():
                    self._stop_token = ""
                self._show(line)
            elif command.name.lower() == "stop-commands":
                assert len(command.data) >= 16, "a token that could be guessed"
                self._stop_token = command.data
                self._show(line)
            else:
                self._obey(command)

    def read_unstopped(self, text: str) -> None:
        """The same for the other stream, whose lines may come when commands are not stopped any more."""
        self._stop_token = ""
        self.read(text)

    def _obey(self, command: Command) -> None:
        self.commands.append(command)
        if command.name.lower() == "add-mask":
            assert command.data.strip(), "an empty mask"
            self.masks += [command.data, *(line for line in re.split(r"[\r\n]", command.data) if line)]

    def _show(self, line: str) -> None:
        for mask in self.masks:
            line = line.replace(mask, "***")
        self.shown.append(line)

    def annotations(self, level: str | None = None) -> list[Command]:
        """The annotations that a reader sees: at most ten of each level."""
        kept = []
        for name in ANNOTATIONS:
            found = [one for one in self.commands if one.name.lower() == name]
            kept += [one for one in found[:ANNOTATIONS_KEPT] if level in {None, name}]
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """How a step ended, and what the runner knows afterwards."""

    exit_code: int
    stdout: str
    stderr: str
    log: Log
    outputs: Mapping[str, str]
    environment: Mapping[str, str]
    state: Mapping[str, str]
    paths: list[str]
    summary: str

    @property
    def everything(self) -> str:
        """All that anybody can read of the step."""
        return "\n".join((self.stdout, self.stderr, self.summary, *self.outputs.values()))


class Runner:
    """Runs the action of this checkout as steps of one job in one workspace."""

    def __init__(
        self, folder: Path, *, event: str = "workflow_dispatch", extra: Mapping[str, str] | None = None
    ) -> None:
        self.workspace = folder / "workspace"
        self.workspace.mkdir(parents=True)
        self._commands = folder / "file_commands"
        self._commands.mkdir()
        self._event = event
        # A private repository, as every event tells it but a schedule's.
        self._payload = folder / "event.json"
        repository = {"full_name": "acme/migration", "private": True, "visibility": "private"}
        self._payload.write_text(json.dumps({"repository": repository}))
        self._extra = dict(extra or {})
        self._steps = 0
        self._action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))

    def environment(self, with_: Mapping[str, str]) -> dict[str, str]:
        """What the container of a step gets: every input, with its default where nothing was said."""
        self._steps += 1
        inputs = {name: str(about.get("default", "")) for name, about in self._action["inputs"].items()}
        for name, value in with_.items():
            # The runner compares names without regard to case, and passes on also what it does not know.
            known = next((one for one in inputs if one.lower() == name.lower()), name)
            inputs[known] = value
        variables = {f"INPUT_{name.replace(' ', '_').upper()}": value for name, value in inputs.items()}
        for name in FILES:
            path = self._commands / f"{name.lower()}_{self._steps}"
            path.touch()
            variables[f"GITHUB_{name}"] = str(path)
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self._commands),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self._event,
            "GITHUB_EVENT_PATH": str(self._payload),
            "GITHUB_REPOSITORY": "acme/migration",
            "GITHUB_RUN_ID": "4711",
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_OS": "Linux",
            **variables,
            **self._extra,
        }

    async def run(
        self,
        with_: Mapping[str, str],
        *,
        cancel: Callable[[], Any] | None = None,
        program: tuple[str, ...] | None = None,
        by: int = signal.SIGINT,
    ) -> Step:
        """Run one step as its own process; the user cancels (`by` a signal) when `cancel` was awaited."""
        environment = self.environment(with_)
        process = await self.start(environment, program=program)
        ending = asyncio.ensure_future(process.communicate())
        try:
            if cancel is not None:
                await cancel()
                process.send_signal(by)
            stdout, stderr = await ending
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode is not None
        return self.step(environment, process.returncode, stdout.decode(), stderr.decode())

    async def start(
        self,
        environment: Mapping[str, str],
        *,
        program: tuple[str, ...] | None = None,
    ) -> asyncio.subprocess.Process:
        """Start a step in an environment made here; the caller ends it."""
        return await asyncio.create_subprocess_exec(
            *(program or warm.program()),
            *self._action["runs"]["args"],
            env=environment,
            cwd=self.workspace,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    def run_here(self, with_: Mapping[str, str], entry: Callable[[Mapping[str, str]], int]) -> Step:
        """Run one step within this process, and outside of an event loop of this thread."""
        environment = self.environment(with_)
        stdout, stderr = io.StringIO(), io.StringIO()
        with (
            _environment(environment),
            contextlib.redirect_stdout(stdout),
            contextlib.redirect_stderr(stderr),
        ):
            code = entry(environment)
        return self.step(environment, code, stdout.getvalue(), stderr.getvalue())

    def step(self, environment: Mapping[str, str], code: int, stdout: str, stderr: str) -> Step:
        """What the runner knows of a step that ended so."""
        log = Log()
        log.read(stdout)
        log.read_unstopped(stderr)
        files = {name: Path(environment[f"GITHUB_{name}"]).read_bytes() for name in FILES}
        assert len(files["STEP_SUMMARY"]) <= SUMMARY_LIMIT, "the runner would not show this summary"
        return Step(
            exit_code=code,
            stdout=stdout,
            stderr=stderr,
            log=log,
            outputs=dict(parse_pairs(files["OUTPUT"].decode())),
            environment=dict(parse_pairs(files["ENV"].decode())),
            state=dict(parse_pairs(files["STATE"].decode())),
            paths=files["PATH"].decode().splitlines(),
            summary=files["STEP_SUMMARY"].decode(),
        )


def registered(token: str) -> list[str]:
    """What the runner is told to mask: the token, URL-encoded where that differs, and the Basic headers."""
    plain = dict.fromkeys([token, urllib.parse.quote(token, safe="")])
    users = ("x-access-token", "oauth2")
    return [*plain, *(base64.b64encode(f"{one}:{token}".encode()).decode() for one in users)]


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    saved = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)


def parse_command(line: str, registered: frozenset[str] | set[str]) -> Command | None:
    """The command in a line: `::name key=value::data` after blanks, or `##[name key=value]data` anywhere."""
    return _parse_colons(line, registered) or _parse_brackets(line, registered)


def _parse_colons(line: str, registered: frozenset[str] | set[str]) -> Command | None:
    line = line.lstrip()
    if not line.startswith("::"):
        return None
    end = line.find("::", 2)
    if end < 0:
        return None
    name, _, rest = line[2:end].partition(" ")
    if not name or name.lower() not in registered:
        return None
    properties = _properties(
        rest.strip(), ",", {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}
    )
    data = _unescape(line[end + 2 :], {"%0D": "\r", "%0A": "\n", "%25": "%"})
    return Command(name=name, data=data, properties=properties)


def _parse_brackets(line: str, registered: frozenset[str] | set[str]) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, rest = line[start + 3 : end].partition(" ")
    if not name or name.lower() not in registered:
        return None
    escapes = {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"}
    return Command(
        name=name, data=_unescape(line[end + 1 :], escapes), properties=_properties(rest, ";", escapes)
    )


def _properties(text: str, separator: str, escapes: Mapping[str, str]) -> dict[str, str]:
    pairs = [one.split("=", 1) for one in text.split(separator) if one]
    return {pair[0]: _unescape(pair[1], escapes) for pair in pairs if len(pair) == 2 and pair[1]}


def _unescape(text: str, escapes: Mapping[str, str]) -> str:
    for escaped, sign in escapes.items():
        text = text.replace(escaped, sign)
    return text


def parse_pairs(text: str) -> Iterator[tuple[str, str]]:
    """The pairs of a file of `name=value` and `name<<DELIMITER` blocks; ValueError where the runner fails."""
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if equals >= 0 and (heredoc < 0 or equals < heredoc):
            name, _, value = line.partition("=")
        elif heredoc >= 0:
            name, _, delimiter = line.partition("<<")
            if not delimiter:
                raise ValueError(f"no delimiter: {line!r}")
            block = []
            for inner in lines:
                if inner == delimiter:
                    break
                block.append(inner)
            else:
                raise ValueError(f"no line {delimiter!r}")
            value = "\n".join(block)
        else:
            raise ValueError(f"neither a pair nor a block: {line!r}")
        if not name:
            raise ValueError(f"no name: {line!r}")
        yield name, value
