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


async def test_single_sign_on_is_told_with_its_address(lab: Lab, shell: Shell) -> None:
    """A token that an organisation wants authorised is told where that is done."""
    address = "https://github.com/orgs/acme/sso?authorization_request=A1"
    effect = {
        "status": 403,
        "headers": {"x-github-sso": f"required; url={address}"},
        "body": {"message": "Resource protected by organization SAML enforcement."},
    }
    await lab.faults({"path": "*/orgs/acme*", "effect": effect})
    code, said = await _doctor(shell, lab)
    assert code == 1
    assert "✗   GitHub credential: the organisation wants the token authorised" in said, said
    assert address in said.replace("\n        ", "")


@pytest.mark.parametrize(
    ("settings", "expected", "remedy"),
    [
        (
            {"members_can_create_private_repositories": False},
            "✗   target owner: members of acme may not create private repositories",
            "Use an owner's token, or a GitHub App",
        ),
        (
            {"members_can_create_private_repositories": True},
            "✓   target owner: members of acme may create private repositories",
            "",
        ),
    ],
)
async def test_who_may_create_repositories(
    lab: Lab, shell: Shell, settings: dict[str, bool], expected: str, remedy: str
) -> None:
    """Where the organisation's policy is shown it is read, before the first repository is refused."""
    membership = {"role": "member", "state": "active"}
    await lab.faults(
        {"path": "*/user/memberships/orgs/acme", "effect": {"status": 200, "body": membership}},
        {"path": "/orgs/acme", "effect": {"status": 200, "body": {"login": "acme", **settings}}},
    )
    code, said = await _doctor(shell, lab)
    assert expected in said, said
    assert remedy in said
    assert code == int(expected[0] == "✗")


async def test_an_invitation_that_nobody_accepted(lab: Lab, shell: Shell) -> None:
    """Who was invited and is no member yet is told to accept."""
    pending = {"role": "member", "state": "pending"}
    await lab.faults({"path": "*/user/memberships/orgs/acme", "effect": {"status": 200, "body": pending}})
    code, said = await _doctor(shell, lab)
    assert code == 1
    assert "has not accepted the invitation to acme" in said
    assert "→ Accept it, then run again." in said


async def test_a_budget_that_something_else_uses_up(lab: Lab, shell: Shell) -> None:
    """A token whose hour is mostly spent already is a warning with what it means."""
    core = {"limit": 5000, "remaining": 120, "used": 4880, "reset": 4_000_000_000}
    body = {"resources": {"core": core}, "rate": core}
    await lab.faults({"path": "*/rate_limit", "effect": {"status": 200, "body": body}})
    code, said = await _doctor(shell, lab)
    assert code == 0
    assert "!   GitHub: 120 of 5,000 requests are left in this hour" in said, said
    assert "Something else uses this token" in said


@pytest.mark.parametrize(
    ("version", "lfs", "expected", "remedy"),
    [
        ("git version 2.20.1", True, "✗   git: git version 2.20.1", "Install git 2.32 or newer."),
        ("something else", True, "✗   git: something else", "Install git 2.32 or newer."),
        ("git version 2.43.0", False, "!   git-lfs: not installed", "Install git-lfs"),
    ],
)
async def test_the_programs_of_this_machine(
    lab: Lab, shell: Shell, tmp_path: Path, version: str, lfs: bool, expected: str, remedy: str
) -> None:
    """A git that is too old, or one without LFS, is found before a push fails by it."""
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    answer = "echo git-lfs/3.4.0" if lfs else "exit 1"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{version}" && exit\n{answer}\n')
    program.chmod(0o755)
    code, said = await _doctor(shell, lab, PATH=f"{program.parent}:/usr/bin:/bin")
    assert expected in said, said
    assert remedy in said
    assert code == int(expected[0] == "✗")


async def test_a_full_disk_is_told(lab: Lab, shell: Shell) -> None:
    """Where next to nothing is free the doctor says so, with what needs the room."""
    _, said = await _doctor(shell, lab, "--work-dir=/proc/none")
    assert "work directory: /proc/none, 0 GB free" in said or "/proc cannot be written" in said, said
    assert (
        "DISCOVER_ONLY tells their sizes" in said.replace("\n       ", "") or "Name another work_dir" in said
    )


async def test_everything_wrong_at_once_is_one_screen(lab: Lab, shell: Shell) -> None:
    """With a dozen things to be mended each has its remedy, and all of them fit on one screen."""
    world, state = lab.sandbox.gitlab, lab.sandbox.github
    world.add_token("bad", "ben", scopes=("read_user", "read_api")).expires_at = "2026-01-01"
    for member in world.projects[17].members:
        member.access_level = 10
    state.add_account("stranger")
    state.add_token(Token(secret="bad-gh", login="stranger", scopes=("repo",)))
    owner = state.account(lab.sandbox.owner)
    assert owner is not None
    owner.rulesets |= {f"rule {number}": "active" for number in range(40)}
    argv = ("--project-ids=17,nope/none,nope/two", "--source-after=archive")
    code, said = await _doctor(shell, lab, *argv, GITLAB_TOKEN="bad", GH_TOKEN="bad-gh")
    lines = said.splitlines()
    assert code == 1
    assert len(lines) <= 40, said
    assert max(map(len, lines)) <= 160
    assert sum("✗" in line for line in lines) >= 6, said
    for place, line in enumerate(lines):
        if "  ✗ " in line or "  ! " in line:
            assert lines[place + 1].strip().startswith("→ "), said
    assert "things to be mended" in lines[-1]


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
