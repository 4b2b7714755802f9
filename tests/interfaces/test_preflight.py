"""Before each mode: what would make every project fail stops the run, in one screen and with the remedy."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
from lab import Lab
from runner import Runner
from shell import Shell

from gl2gh_batch.sandbox.github.state import Token

READING = ("DISCOVER_ONLY", "EXPORT_ONLY", "TRANSFORM_ONLY", "PLAN_ONLY", "FULL")


def _narrow(lab: Lab, *, gitlab: bool = False, github: bool = False) -> dict[str, str]:
    """The shell's tokens, one of them with too few scopes."""
    tokens = {}
    if gitlab:
        lab.sandbox.gitlab.add_token("narrow", "anna", scopes=("read_api",))
        tokens["GITLAB_TOKEN"] = "narrow"
    if github:
        login = lab.sandbox.github.tokens[lab.sandbox.github_token].login
        lab.sandbox.github.add_token(Token(secret="narrow-gh", login=login, scopes=("repo",)))
        tokens["GH_TOKEN"] = "narrow-gh"
    return tokens


async def _run(shell: Shell, lab: Lab, mode: str, **tokens: str) -> tuple[int, str]:
    environment = {**shell.tokens(lab), **tokens}
    words = (*shell.flags(lab), "--project-ids=17", f"--mode={mode}")
    ended = await shell.ended(await shell.start("run", *words, env=environment))
    assert "Traceback" not in ended.out + ended.err
    return ended.code, ended.out + ended.err


@pytest.mark.parametrize("mode", READING)
async def test_a_token_that_cannot_read_the_code_stops_every_mode(lab: Lab, shell: Shell, mode: str) -> None:
    """A scope that is missing is told before anything is read, on one screen, with what to do."""
    mark = lab.mark()
    code, said = await _run(shell, lab, mode, **_narrow(lab, gitlab=True))
    assert code == 1
    assert "✗   GitLab token: it has read_api and lacks read_repository" in said, said
    assert "→ Make a token with read_api and read_repository" in said
    assert "1 thing to be mended" in said
    assert len(said.splitlines()) <= 24
    assert not [one for one in list(lab.sandbox.journal)[mark:] if "/projects/" in one.path]


async def test_the_target_is_looked_at_before_it_is_written_to(lab: Lab, shell: Shell) -> None:
    """For a plan a missing right is a warning; a run that writes stops at it, and asks little for that."""
    narrow = _narrow(lab, github=True)
    code, said = await _run(shell, lab, "PLAN_ONLY", **narrow)
    assert code == 0, said
    assert "warning: GitHub credential: " in said
    assert "lacks the scope workflow" in said
    for mode in ("APPLY", "FULL"):
        mark = lab.mark()
        code, said = await _run(shell, lab, mode, **narrow)
        assert code == 1, said
        assert "lacks the scope workflow" in said
        assert "→ Make a classic token with repo and workflow" in said
        assert len(lab.github(mark)) <= 5
        assert lab.writes(mark) == []


async def test_an_owner_that_there_is_not_stops_a_writing_run(lab: Lab, tmp_path: Path) -> None:
    """Through the Action: one annotation for what is wrong, the table as summary, every output."""
    sandbox = lab.sandbox
    given = {
        "project_ids": "17", "mode": "FULL", "gitlab_url": sandbox.gitlab_url,
        "gitlab_token": sandbox.gitlab_token, "github_url": sandbox.github_url,
        "github_token": sandbox.github_token, "target_owner": "nobody-at-all",
    }  # fmt: skip
    step = await Runner(tmp_path / "job").run(given)
    assert (step.exit_code, step.outputs["failure_reason"]) == (1, "checks-failed"), step
    assert step.outputs["status"] == "failed"
    [said] = step.log.annotations("error")
    assert "there is no nobody-at-all on this GitHub" in said.data
    assert "| ❌ | target owner |" in step.summary


async def test_who_may_not_create_may_still_fill(lab: Lab, shell: Shell) -> None:
    """No member of the organisation is told so, and goes on: the repository may be there already."""
    state = lab.sandbox.github
    state.add_account("stranger")
    state.add_token(Token(secret="token-of-one", login="stranger", scopes=("repo", "workflow")))
    _, said = await _run(shell, lab, "FULL", GH_TOKEN="token-of-one")
    assert "warning: target owner: stranger is no member of" in said, said
    assert "acme/app: discovery" in said


async def test_what_the_looks_cost(lab: Lab, shell: Shell) -> None:
    """Reading modes ask GitHub nothing at all; a writing one asks five times more than its projects do."""
    mark = lab.mark()
    code, said = await _run(shell, lab, "DISCOVER_ONLY")
    assert code == 0, said
    assert lab.github(mark) == []
    mark = lab.mark()
    code, said = await _run(shell, lab, "FULL")
    assert code == 0, said
    asked = [one.path for one in lab.github(mark)]
    first = next(place for place, path in enumerate(asked) if "/repos" in path or path.endswith(".git"))
    ahead = [path.removeprefix("/api/v3") for path in asked[:first]]
    assert ahead[:5] == ["/rate_limit", "/user", "/users/acme", "/user/memberships/orgs/acme", "/orgs/acme"]
    assert ahead[5:] in ([], ["/users/acme"]), "what the projects ask themselves"


async def test_what_source_after_needs_is_looked_at(lab: Lab, shell: Shell) -> None:
    """A plan is warned that the token cannot mark the source; what writes stops before it writes."""
    lab.sandbox.gitlab.add_token("reader", "anna", scopes=("read_api", "read_repository"))
    words = (*shell.flags(lab), "--project-ids=17", "--source-after=note")
    environment = {**shell.tokens(lab), "GITLAB_TOKEN": "reader"}
    for mode, expected in (("DISCOVER_ONLY", 0), ("PLAN_ONLY", 0), ("APPLY", 1), ("FULL", 1)):
        mark = lab.mark()
        ended = await shell.ended(await shell.start("run", *words, f"--mode={mode}", env=environment))
        said = ended.out + ended.err
        assert ended.code == expected, said
        assert ("source_after: note changes projects there, and the token lacks api" in said) == (
            mode != "DISCOVER_ONLY"
        ), said
        assert ("✗   GitLab token" in said) == bool(expected)
        assert lab.writes(mark) == []


async def test_a_role_that_is_too_low_is_told_before_the_migration(lab: Lab, shell: Shell) -> None:
    """Who may not archive the project is warned ahead; the project is migrated all the same."""
    world = lab.sandbox.gitlab
    world.add_token("writer", "anna", scopes=("api",))
    world.user("anna").is_admin = False
    for member in world.projects[17].members:
        member.access_level = 40
    words = (*shell.flags(lab), "--project-ids=17", "--source-after=archive")
    environment = {**shell.tokens(lab), "GITLAB_TOKEN": "writer"}
    assert (await shell.ended(await shell.start("run", *words, env=environment))).code == 0
    ended = await shell.ended(await shell.start("run", *words, "--mode=APPLY", env=environment))
    first, _, rest = ended.out.partition("acme/app: starts")
    assert "source_after: archive needs a higher role than the user has" in first, ended
    assert "Make the user Owner, or write source_after: nothing." in first
    assert "apply done" in rest, rest


async def test_a_signal_ends_the_looks(lab: Lab, shell: Shell) -> None:
    """While a platform does not answer the looks, the first signal ends the run at once."""
    await lab.control(
        "PUT",
        "faults",
        [{"side": "gitlab", "path": "*/personal_access_tokens/self", "effect": {"delay_s": 60}}],
    )
    process = await shell.start("run", *shell.flags(lab), "--project-ids=17", env=shell.tokens(lab))
    mark = lab.mark()
    async with asyncio.timeout(60):
        while not list(lab.sandbox.journal)[mark:]:  # noqa: ASYNC110 - the journal tells nobody
            await asyncio.sleep(0.02)
        process.send_signal(signal.SIGINT)
        ended = await shell.ended(process)
    assert ended.code == 130, ended
    assert "acme/app: starts" not in ended.out
