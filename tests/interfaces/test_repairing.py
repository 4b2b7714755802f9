"""The commands for when something went wrong, as processes of their own."""

from __future__ import annotations

from typing import Any

import pytest
from lab import Lab, issue, project
from shell import Shell

from gl2gh_batch.domain.modes import Task
from gl2gh_batch.interfaces.repairing import HELP


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
