"""The doctor says before a batch what would fail in it, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lab import Lab, is_writing
from runner import Runner
from shell import Shell

from gl2gh_batch.sandbox.github.state import Token


async def _doctor(shell: Shell, lab: Lab, *argv: str, **tokens: str) -> tuple[int, str]:
    environment = {**shell.tokens(lab), **tokens}
    process = await shell.start("doctor", *shell.flags(lab), *argv, env=environment)
    ended = await shell.ended(process)
    assert "Traceback" not in ended.out + ended.err
    return ended.code, ended.out + ended.err


async def test_all_is_well(lab: Lab, shell: Shell) -> None:
    """With tokens that are enough every check is good, nothing is written, and one screen holds it."""
    lab.sandbox.gitlab.add_token("reader", "anna", scopes=("read_api", "read_repository"))
    mark = lab.mark()
    code, said = await _doctor(shell, lab, "--project-ids=17", GITLAB_TOKEN="reader")
    assert code == 0, said
    assert "✗" not in said
    for name in ("git:", "work directory:", "GitLab:", "GitLab token:", "project 17:", "target owner:"):
        assert f"✓   {name}" in said, said
    assert "Fit for a migration" in said
    assert len(said.splitlines()) <= 24
    assert not [one for one in lab.github(mark) if is_writing(one)]
    assert len(lab.github(mark)) <= 10


@pytest.mark.parametrize(
    ("gitlab", "github", "argv", "expected", "remedy"),
    [
        ("no-such", "", (), "✗   GitLab:", "Check"),
        (
            "narrow",
            "",
            (),
            "✗   GitLab token: it has read_api and lacks read_repository",
            "Make a token with",
        ),
        ("ending", "", (), "!   GitLab token: it ends on", "outlives the migration"),
        ("", "", ("--project-ids=nope/none",), "✗   project nope/none: it is missing", "Check the id"),
        (
            "token-of-guest",
            "",
            ("--project-ids=17",),
            "✗   project 17: acme/app: the user's role is",
            "Reporter",
        ),
        ("", "no-such", (), "✗   GitHub:", "Check"),
        ("", "narrow-gh", (), "'s token lacks the scope workflow", "classic token"),
        ("", "token-of-one", (), "✗   target owner: stranger is no member of", "Add the user"),
        ("", "token-of-anna", (), "?   target owner: whether anna may create repositories", "ask an owner"),
        (
            "",
            "",
            ("--target-owner=nobody-at-all",),
            "✗   target owner: there is no nobody-at-all",
            "target_owner",
        ),
        (
            "",
            "",
            ("--target-owner=anna",),
            "✗   target owner: anna is a user, and the token is",
            "use their token",
        ),
    ],
)
async def test_what_would_fail_is_told_with_its_remedy(
    lab: Lab, shell: Shell, gitlab: str, github: str, argv: tuple[str, ...], expected: str, remedy: str
) -> None:
    """Each thing that would break a batch is found beforehand, named, and comes with what to do."""
    world, state = lab.sandbox.gitlab, lab.sandbox.github
    world.add_token("narrow", "anna", scopes=("read_api",))
    world.add_token("ending", "anna", scopes=("read_api", "read_repository")).expires_at = "2026-01-01"
    world.add_token("token-of-guest", "ben", scopes=("read_api", "read_repository"))
    for member in world.projects[17].members:
        member.access_level = 10 if member.username == "ben" else member.access_level
    state.add_account("stranger")
    operator = lab.sandbox.github.tokens[lab.sandbox.github_token].login
    state.add_token(Token(secret="narrow-gh", login=operator, scopes=("repo",)))
    state.add_token(Token(secret="token-of-one", login="stranger"))
    state.add_token(Token(secret="token-of-anna", login="anna"))
    tokens = {name: value for name, value in (("GITLAB_TOKEN", gitlab), ("GH_TOKEN", github)) if value}
    code, said = await _doctor(shell, lab, *argv, **tokens)
    assert expected in said, said
    assert remedy in said
    assert code == (0 if expected[0] in "!?" else 1)


@pytest.mark.parametrize(
    ("token", "level", "after", "expected"),
    [
        ("reader", 50, "note", "✗   GitLab token: source_after: note changes projects there, and"),
        ("writer", 50, "archive", "✓   project 17:"),
        ("writer", 40, "archive", "✗   project 17: acme/app: source_after: archive needs a higher role"),
        ("writer", 40, "note", "✓   project 17:"),
        ("writer", 30, "note", "✗   project 17: acme/app: source_after: note needs a higher role"),
    ],
)
async def test_what_source_after_needs(
    lab: Lab, shell: Shell, token: str, level: int, after: str, expected: str
) -> None:
    """Whoever is to change the source needs a scope and a role for it, and is not warned of having them."""
    world = lab.sandbox.gitlab
    world.add_token("reader", "anna", scopes=("read_api", "read_repository"))
    world.add_token("writer", "anna", scopes=("api",))
    world.user("anna").is_admin = False
    for member in world.projects[17].members:
        member.access_level = level
    code, said = await _doctor(shell, lab, "--project-ids=17", f"--source-after={after}", GITLAB_TOKEN=token)
    assert expected in said, said
    assert code == int(expected[0] == "✗")
    assert "nothing here needs that" not in said


async def test_rulesets_and_policies_are_told_to_an_owner(lab: Lab, shell: Shell) -> None:
    """What an organisation's rules would do to a push is said before the push."""
    owner = lab.sandbox.github.account(lab.sandbox.owner)
    assert owner is not None
    owner.rulesets |= {"everything signed": "active", "old": "disabled"}
    owner.policies["enabled_repositories"] = "none"
    code, said = await _doctor(shell, lab)
    assert code == 0
    assert "!   organisation rulesets: 1 active: everything signed" in said
    assert "!   GitHub Actions: they are off" in said


async def test_every_credential_is_looked_at(lab: Lab, shell: Shell) -> None:
    """Those that a batch file names by their variables, each under its name; no other token is needed."""
    (shell.folder / "batch.yml").write_text(
        "github:\n  credentials: [{name: one, token_env: ONE}, {name: two, token_env: TWO}]\nprojects: [17]\n"
    )
    tokens = {"ONE": lab.sandbox.github_token, "TWO": "ghp_unknown00000000"}
    code, said = await _doctor(shell, lab, "--config=batch.yml", GH_TOKEN="", **tokens)
    assert code == 1, said
    assert "✓   target owner (one):" in said
    assert "✗   GitHub (two):" in said
    assert tokens["TWO"] not in said


async def test_the_action_has_a_doctor_too(lab: Lab, tmp_path: Path) -> None:
    """`command: doctor` gives outputs, a summary with every check, and annotations for what is wrong."""
    sandbox = lab.sandbox
    runner = Runner(tmp_path / "job")
    given = {
        "command": "doctor",
        "gitlab_url": sandbox.gitlab_url,
        "gitlab_token": sandbox.gitlab_token,
        "github_url": sandbox.github_url,
        "github_token": sandbox.github_token,
        "target_owner": "nobody-at-all",
    }
    step = await runner.run(given)
    assert step.exit_code == 1
    assert (step.outputs["status"], step.outputs["failure_reason"]) == ("failed", "checks-failed")
    assert any("target owner" in one.properties["title"] for one in step.log.annotations("error"))
    assert "| ❌ | target owner |" in step.summary
    step = await runner.run({**given, "target_owner": sandbox.owner})
    assert step.exit_code == 0
    assert (step.outputs["status"], step.outputs["failure_reason"]) == ("success", "")
