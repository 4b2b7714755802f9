"""The command line: flags, tokens, exit codes, what it prints, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, project
from shell import Shell, until_imports

from gl2gh_batch.interfaces import cli
from gl2gh_batch.interfaces.inputs import INPUTS, OF_THE_ACTION

SMALL: Mapping[str, Any] = {"labels": [], "milestones": [], "issues": [issue(1)]}


def _plan_digest(folder: Path) -> str:
    digest = json.loads((folder / "gl2gh-work/plan.json").read_bytes())["digest"]
    assert isinstance(digest, str)
    return digest


def _result(folder: Path) -> Any:
    return json.loads((folder / "gl2gh-work/batch-result.json").read_bytes())


@pytest.mark.parametrize(
    "argv", [["--version"], ["--help"], ["run", "--help"], ["verify", "--help"], ["demo", "-h"]]
)
def test_help_is_given(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help and version are printed to standard output, and that is a success."""
    with pytest.raises(SystemExit) as ended:
        cli.main(argv, {})
    assert ended.value.code == 0
    seen = capsys.readouterr()
    assert "gl2gh-batch" in seen.out
    assert seen.err == ""


@pytest.mark.parametrize(
    ("flag", "hint"),
    [("--shard=1/2", "does without it"), ("--work-dri=x", "Did you mean --work-dir?"), ("--zzz", "--help")],
)
def test_a_flag_that_a_command_does_not_have_is_told_so(
    flag: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that other commands have is not proposed in its own place."""
    assert cli.main(["merge", flag], {}) == 2
    assert hint in capsys.readouterr().err


def test_help_lists_every_input(capsys: pytest.CaptureFixture[str]) -> None:
    """Every input has its flag, but secrets, which have a flag for a file where a person may give them."""
    with pytest.raises(SystemExit):
        cli.main(["run", "--help"], {})
    flags = set(re.findall(r"^  (--[a-z-]+)", capsys.readouterr().out, re.MULTILINE))
    for one in INPUTS:
        if one.secret:
            assert one.flag not in flags
        elif one.name not in OF_THE_ACTION:
            assert one.flag in flags
    assert {"--gitlab-token-file", "--github-token-file", "--github-app-private-key-file"} <= flags


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ("COMMAND",)),
        (["rnu"], ("rnu", "run")),
        (["run", "--mod", "FULL"], ("--mod", "--mode")),
        (["run", "--target-ower=acme"], ("--target-owner",)),
        (["run", "--mode"], ("--mode", "argument")),
        (["run", "17"], ("flag",)),
        (["run", "--github-token=ghp_secret"], ("--github-token", "GH_TOKEN", "never")),
        (["run", "--gitlab-token", "glpat-secret"], ("--gitlab-token-file", "never")),
        (["run", "--workflow-token", "ghs-secret"], ("Action alone",)),
        (["run", "--gitlab-token-file=missing"], ("gitlab_token_file", "missing")),
        (["run", "--github-token-file=empty"], ("github_token_file", "empty")),
        (["run", "--gitlab-token-file=binary"], ("gitlab_token_file",)),
        (["run", "--\x1b[31m"], ("\\x1b",)),
        (["verify", "--mode=FULL"], ("--mode",)),
        (["demo", "--profile=none"], ("--profile", "unlimited")),
        (["demo", "--from", "missing.tar.gz"], ("--from", "missing.tar.gz")),
        (["demo", "--from", "empty=x:y"], ("--from",)),
        (["demo", "--from", "empty"], ("--from",)),
        (["demo", "--work-dir=empty"], ("--work-dir",)),
        (["sandbox", "--profile=none"], ("--profile",)),
        (["sandbox", "--project=missing"], ("sandbox", "missing")),
        (["sandbox", "--limits=binary"], ("sandbox",)),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_told(
    argv: list[str],
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2 and two lines: what is wrong, and what to do; never what could be a token."""
    monkeypatch.chdir(tmp_path)
    Path("empty").touch()
    Path("binary").write_bytes(b"\xff\xfe\0")
    assert cli.main(argv, {"GITLAB_TOKEN": "glpat-1", "GH_TOKEN": "ghp_1"}) == 2
    seen = capsys.readouterr()
    assert seen.out == ""
    assert len(seen.err.splitlines()) == 2, seen.err
    for word in words:
        assert word in seen.err
    assert "secret" not in seen.err.replace("Secrets", "")


@pytest.mark.parametrize(
    "names",
    [
        {"GITLAB_TOKEN": "gitlab", "GH_TOKEN": "github"},
        {"GITLAB_PAT": "gitlab", "GH_PAT": "github"},
        {"GITLAB_TOKEN": "gitlab", "GITLAB_PAT": "wrong", "GH_TOKEN": "github", "GH_PAT": "wrong"},
        {"GITLAB_TOKEN": "wrong", "--gitlab-token-file": "gitlab", "--github-token-file": "github"},
    ],
    ids=" ".join,
)
async def test_tokens_come_from_the_environment_or_files(
    open_lab: Any, shell: Shell, names: dict[str, str]
) -> None:
    """GITLAB_TOKEN and GH_TOKEN, gh-gei's names after them, and a file before all."""
    lab = await open_lab(project(**SMALL))
    tokens = {"gitlab": lab.sandbox.gitlab_token, "github": lab.sandbox.github_token, "wrong": "wrong-token"}
    argv, env = [], {}
    for name, which in names.items():
        if name.startswith("--"):
            (shell.folder / which).write_text(tokens[which] + "\n")
            argv.append(f"{name}={which}")
        else:
            env[name] = tokens[which]
    ended = await shell("run", *shell.flags(lab), "--project-ids=17", "--mode=DISCOVER_ONLY", *argv, env=env)
    assert ended.code == 0, ended
    assert not any(token in ended.out + ended.err for token in tokens.values())


async def test_flags_win_over_the_file(open_lab: Any, shell: Shell) -> None:
    """`run --config` does what the file says, but where a flag says otherwise."""
    lab = await open_lab(project(**SMALL), project("acme/second", 18, **SMALL))
    (shell.folder / "conf").mkdir()
    (shell.folder / "conf/users.csv").write_text("gitlab_username,github_login\nanna,anna\n")
    (shell.folder / "conf/batch.yml").write_text(
        "mode: FULL\nparallel_limit: 2\nusers: users.csv\nprojects: [{id: 17, target: acme/other}, 18]"
    )
    ended = await shell.run(lab, "--config=conf/batch.yml", "--mode=PLAN_ONLY")
    assert ended.code == 0, ended
    result = _result(shell.folder)
    assert (result["mode"], result["parallel_limit"]) == ("PLAN_ONLY", 2)
    assert [one["target"] for one in result["results"]] == ["acme/other", "acme/second"]
    assert "the input wins" in ended.err
    assert lab.writes() == []


async def test_a_pipe_gets_plain_lines(open_lab: Any, shell: Shell) -> None:
    """In a pipe every line is plain, begins with a bar, and the plan's price is the batch's own."""
    lab = await open_lab(project(**SMALL), project("acme/second", 18, **SMALL))
    ended = await shell.run(lab, "--project-ids=17,18")
    assert (ended.code, ended.err) == (0, ""), ended
    assert "\x1b" not in ended.out
    assert all(line.startswith("|") for line in ended.out.splitlines())
    assert f"{_result(shell.folder)['price']['requests']:,} requests" in ended.out
    assert "2 successful, 0 failed" in ended.out.splitlines()[-1]


async def test_a_terminal_gets_a_picture(open_lab: Any, shell: Shell) -> None:
    """On a terminal there are colours, and a table at the end."""
    lab = await open_lab(project(**SMALL))
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        cli.sys.executable, "-m", "gl2gh_batch", "run", *shell.flags(lab), "--project-ids=17",
        cwd=shell.folder, env={"PATH": os.environ["PATH"], "TERM": "xterm", **shell.tokens(lab)},
        stdin=asyncio.subprocess.DEVNULL, stdout=theirs, stderr=theirs,
    )  # fmt: skip
    os.close(theirs)
    seen = await asyncio.to_thread(_drain, ours)
    assert await process.wait() == 0
    assert b"\x1b[" in seen
    assert b"acme/app" in seen
    assert b"requests" in seen


def _drain(terminal: int) -> bytes:
    seen = b""
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:  # how a terminal says that nobody is at the other end
        pass
    os.close(terminal)
    return seen


async def test_a_reader_that_goes_away_stops_nothing(lab: Lab, shell: Shell) -> None:
    """When the pipe is closed the batch goes on, and its result is in the work directory."""
    process = await shell.start(
        "run", *shell.flags(lab), "--project-ids=17", "--mode=FULL", env=shell.tokens(lab)
    )
    assert process.stdout is not None
    await process.stdout.readline()
    process.stdout._transport.close()  # type: ignore[attr-defined] # there is no public way to close one's end
    assert await process.wait() == 0
    assert _result(shell.folder)["status"] == "success"


async def test_apply_takes_its_projects_from_the_work_directory(open_lab: Any, shell: Shell) -> None:
    """APPLY needs no list and no owner: the map in the work directory names projects and targets."""
    lab = await open_lab(project(**SMALL), project("acme/second", 18, **SMALL))
    planned = await shell.run(lab, "--project-ids=17,18", "--visibility=public")
    assert planned.code == 0, planned
    sandbox = lab.sandbox
    urls = [f"--gitlab-url={sandbox.gitlab_url}", f"--github-url={sandbox.github_url}"]
    ended = await shell(
        "run", "--mode=APPLY", "--work-dir=gl2gh-work", "--visibility=public", *urls, env=shell.tokens(lab)
    )
    assert ended.code == 0, ended
    assert {name: one["private"] for name, one in (await lab.repositories()).items()} == {
        "acme/app": False,
        "acme/second": False,
    }


async def test_an_approval_holds_for_one_plan(open_lab: Any, shell: Shell) -> None:
    """APPLY goes through with the plan's digest, again after a partial success too; with another not."""
    lab = await open_lab(project(**SMALL), project("acme/second", 18, **SMALL))
    without = await shell.run(lab, "--project-ids=17,18", "--mode=APPLY", f"--approved-plan={'0' * 64}")
    assert (without.code, "none" in without.err) == (1, True), without
    assert (await shell.run(lab, "--project-ids=17,18")).code == 0
    digest = _plan_digest(shell.folder)
    other = await shell.run(lab, "--mode=APPLY", f"--approved-plan={'0' * 64}")
    assert other.code == 1
    assert digest in other.err
    assert "review and approve" in other.err
    assert lab.writes() == []
    occupied = {"path": "/repositories/acme~1second", "value": {"private": True}}
    await lab.control("PATCH", "state", [{"op": "add", **occupied}])
    partial = await shell.run(lab, "--mode=APPLY", f"--approved-plan={digest}")
    assert partial.code == 1, partial
    assert _result(shell.folder)["successful"] == 1
    assert _plan_digest(shell.folder) == digest
    await lab.control("PATCH", "state", [{"op": "remove", "path": occupied["path"]}])
    whole = await shell.run(lab, "--mode=APPLY", f"--approved-plan=sha256:{digest}")
    assert whole.code == 0, whole


async def test_an_exchanged_plan_is_not_the_approved_one(open_lab: Any, shell: Shell) -> None:
    """A project's plan made anew behind the batch's plan is refused, though it is whole in itself."""
    lab = await open_lab(project(**SMALL))
    assert (await shell.run(lab, "--project-ids=17")).code == 0
    digest = _plan_digest(shell.folder)
    kept = (shell.folder / "gl2gh-work/plan.json").read_bytes()
    assert (await shell.run(lab, "--project-ids=17", "--visibility=public")).code == 0
    (shell.folder / "gl2gh-work/plan.json").write_bytes(kept)
    ended = await shell.run(lab, "--mode=APPLY", "--visibility=public", f"--approved-plan={digest}")
    assert ended.code == 1, ended
    assert "acme/app: its plan is not among those that were approved" in ended.err
    assert lab.writes() == []


async def test_verify_finds_damage_and_writes_nothing(lab: Lab, shell: Shell) -> None:
    """`verify` is a success on a whole target, names the damage on another, and sends no writing request."""
    assert (await shell.run(lab, "--project-ids=17", "--mode=FULL")).code == 0
    mark = lab.mark()
    clean = await shell.run(lab, command="verify")
    assert clean.code == 0, clean
    assert lab.github(mark), "it asked nobody"
    await lab.damage({"op": "replace", "path": "/issues/0/title", "value": "Other"})
    damaged = await shell.run(lab, command="verify")
    assert damaged.code == 1, damaged
    assert "1 difference" in damaged.out
    assert _result(shell.folder)["results"][0]["error"]["reason"] == "verify-differences"
    assert lab.writes(mark) == []


async def test_verify_of_nothing_is_refused(lab: Lab, shell: Shell) -> None:
    """There is nothing to verify in an empty work directory, and nothing without a plan."""
    assert (await shell.run(lab, command="verify")).code == 2
    ended = await shell.run(lab, "--project-ids=17", command="verify")
    assert ended.code == 1
    assert _result(shell.folder)["results"][0]["error"]["reason"] == "plan-missing"
    assert lab.writes() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_cleanly(open_lab: Any, shell: Shell, number: signal.Signals) -> None:
    """INT, TERM and HUP during APPLY end the run with a result; run again, it goes on to success."""
    lab = await open_lab(project(issues=[issue(one) for one in range(1, 13)]))
    assert (await shell.run(lab, "--project-ids=17")).code == 0
    await lab.faults({"method": "POST", "path": "*/import/issues", "effect": {"delay_s": 0.3}})
    process = await shell.start("run", *shell.flags(lab), "--mode=APPLY", env=shell.tokens(lab))
    await until_imports(lab, 2)
    process.send_signal(number)
    ended = await asyncio.wait_for(shell.ended(process), timeout=60)
    assert ended.code == 128 + number, ended
    assert "Traceback" not in ended.err
    result = _result(shell.folder)
    assert (result["status"], result["stopped_by"], result["incomplete"]) == ("partial_success", "signal", 1)
    await lab.faults()
    again = await shell.run(lab, "--mode=APPLY")
    assert again.code == 0, again
    assert [one["number"] for one in (await lab.repository())["issues"]] == list(range(1, 13))


async def test_a_signal_before_the_batch_ends_it_too(open_lab: Any, shell: Shell) -> None:
    """While groups are still being listed, TERM ends the run with its own exit code and one message."""
    lab = await open_lab(project(**SMALL))
    await lab.control("PUT", "faults", [{"side": "gitlab", "path": "*/groups/*", "effect": {"delay_s": 60}}])
    (shell.folder / "batch.yml").write_text("groups: [acme]")
    process = await shell.start("run", *shell.flags(lab), "--config=batch.yml", env=shell.tokens(lab))
    while not lab.sandbox.faults[0].matched:  # noqa: ASYNC110 - a fault tells nobody that it was met
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    ended = await asyncio.wait_for(shell.ended(process), timeout=60)
    assert ended.code == 143, ended
    assert len(ended.err.splitlines()) == 2, ended.err


async def test_a_signal_ends_it_although_a_server_keeps_a_thread_waiting(open_lab: Any, shell: Shell) -> None:
    """A thread whose read is never answered holds up neither the result nor the end of the process."""
    lab = await open_lab(project(**SMALL))
    stuck = {"side": "gitlab", "path": "*/protected_tags", "effect": {"delay_s": 300}}
    await lab.control("PUT", "faults", [stuck])
    process = await shell.start(
        "run", *shell.flags(lab), "--project-ids=17", "--mode=DISCOVER_ONLY", env=shell.tokens(lab)
    )
    while not lab.sandbox.faults[0].matched:  # noqa: ASYNC110 - a fault tells nobody that it was met
        await asyncio.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    # Less than the time after which the thread would give up by itself.
    ended = await asyncio.wait_for(shell.ended(process), timeout=40)
    assert ended.code == 143, ended
    assert _result(shell.folder)["stopped_by"] == "signal"


async def test_a_deadline_leaves_the_rest_for_later(open_lab: Any, shell: Shell) -> None:
    """When the deadline comes the run stops as resumable with exit code 1, and says why."""
    lab = await open_lab(project(issues=[issue(one) for one in range(1, 13)]))
    assert (await shell.run(lab, "--project-ids=17")).code == 0
    await lab.faults({"method": "POST", "path": "*/import/issues", "effect": {"delay_s": 0.5}})
    ended = await shell.run(lab, "--mode=APPLY", "--deadline=1s")
    assert ended.code == 1, ended
    result = _result(shell.folder)
    assert (result["stopped_by"], result["incomplete"]) == ("deadline", 1)
