"""The commands for when something went wrong, as processes of their own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from lab import Lab, issue, project
from shell import Shell

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.modes import Task
from gl2gh_batch.interfaces.repairing import HELP, repair
from gl2gh_batch.interfaces.wiring import wire
from gl2gh_batch.kit.redact import Redactor


@pytest.fixture
async def applied(open_lab: Any, shell: Shell) -> Lab:
    """A lab whose project was migrated from the shell's folder."""
    lab: Lab = await open_lab(project(issues=[issue(1), issue(2)]))
    assert (await shell.run(lab, "--project-ids=17", "--mode=FULL")).code == 0
    return lab


async def test_recover_then_apply(applied: Lab, shell: Shell) -> None:
    """A lost ledger is made again, told how much was found, and an apply finds nothing left to do."""
    (shell.folder / "gl2gh-work/projects/acme-app-17/ledger.sqlite").unlink()
    ended = await shell.run(applied, "--project-ids=17", command="recover")
    assert ended.code == 0, ended
    assert "found on acme/app; APPLY goes on from there" in ended.out
    mark = applied.mark()
    again = await shell.run(applied, "--project-ids=17", "--mode=APPLY")
    assert again.code == 0, again
    assert not any(one.endswith("/import/issues") for one in applied.writes(mark))


async def test_cleanup_asks_first(applied: Lab, shell: Shell) -> None:
    """Where nobody can be asked it names the repositories and `--yes`; with it they are deleted."""
    ended = await shell.run(applied, "--project-ids=17", command="cleanup")
    assert (ended.code, list(await applied.repositories())) == (2, ["acme/app"]), ended
    assert "acme/app" in ended.err
    assert "--yes" in ended.err
    ended = await shell.run(applied, "--project-ids=17", "--yes", command="cleanup")
    assert ended.code == 0, ended
    assert await applied.repositories() == {}


class Person:
    """Somebody at a terminal, who is asked and answers."""

    def __init__(self, lab: Lab, shell: Shell, answer: Callable[[], str]) -> None:
        self.lab, self.shell, self.answer = lab, shell, answer
        self.asked: list[str] = []

    def ask(self, question: str) -> str:
        self.asked.append(question)
        return self.answer()

    async def cleanup(self, project_ids: str) -> int:
        sandbox = self.lab.sandbox
        values = {
            "project_ids": project_ids, "mode": "APPLY", "target_owner": sandbox.owner,
            "gitlab_url": sandbox.gitlab_url, "gitlab_token": sandbox.gitlab_token,
            "github_url": sandbox.github_url, "github_token": sandbox.github_token,
            "work_dir": str(self.shell.folder / "gl2gh-work"),
        }  # fmt: skip
        return await asyncio.to_thread(
            lambda: repair(wire(values), Task.CLEANUP, Redactor(), yes=False, ask=self.ask)
        )


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard input is a terminal."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))


@pytest.mark.usefixtures("at_a_terminal")
async def test_cleanup_names_just_what_it_deletes(open_lab: Any, shell: Shell) -> None:
    """Of the named projects those that a repository was made for, whatever was planned since."""
    lab: Lab = await open_lab(project(issues=[issue(1)]), project("acme/lib", 18, issues=[issue(1)]))
    for argv in (
        ("--project-ids=17,18", "--mode=PLAN_ONLY"),
        ("--project-ids=17", "--mode=APPLY"),
        ("--project-ids=18", "--mode=PLAN_ONLY", "--resume-from=plan"),
    ):
        assert (await shell.run(lab, *argv)).code == 0
    somebody = Person(lab, shell, lambda: "no")
    for ids in ("17", "17,18"):
        with pytest.raises(ConfigurationError, match="nothing was deleted"):
            await somebody.cleanup(ids)
    assert somebody.asked == ["Delete acme/app? Type yes: "] * 2
    assert await somebody.cleanup("18") == 0
    assert len(somebody.asked) == 2
    assert list(await lab.repositories()) == ["acme/app"]
    somebody.answer = lambda: "yes"
    assert await somebody.cleanup("17,18") == 0
    assert await lab.repositories() == {}


@pytest.mark.usefixtures("at_a_terminal")
async def test_the_end_of_the_input_is_a_no(applied: Lab, shell: Shell) -> None:
    """Ctrl-D deletes nothing, and is no fault of the program."""

    def ended() -> str:
        raise EOFError

    with pytest.raises(ConfigurationError, match="nothing was deleted") as refused:
        await Person(applied, shell, ended).cleanup("17")
    assert refused.value.exit_code == 2
    assert list(await applied.repositories()) == ["acme/app"]


async def test_the_source_is_as_it_was(applied: Lab, shell: Shell) -> None:
    """`source --undo` takes back what source_after left on GitLab; without `--undo` it is wrong usage."""
    source = applied.sandbox.gitlab.projects[17]
    ended = await shell.run(applied, "--project-ids=17", "--mode=FULL", "--source-after=archive")
    assert (ended.code, source.archived) == (0, True), ended
    ended = await shell.run(applied, "--project-ids=17", command="source")
    assert (ended.code, source.archived) == (2, True), ended
    ended = await shell.run(applied, "--project-ids=17", "--undo", command="source")
    assert (ended.code, source.archived, source.description) == (0, False, "An app"), ended
    assert "on GitLab: unarchived, the description is as before" in ended.out


async def test_unlock_of_what_nobody_holds(applied: Lab, shell: Shell) -> None:
    """Nothing to take away is a success that says so."""
    ended = await shell.run(applied, "--project-ids=17", command="unlock")
    assert ended.code == 0, ended
    assert "nobody holds acme/app" in ended.out


def test_every_task_but_verify_is_a_command() -> None:
    """No task is left without its command."""
    assert {*HELP, Task.VERIFY} == set(Task)
