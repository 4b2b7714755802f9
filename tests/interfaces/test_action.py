"""The Action's entry, in a stand-in of the runner: with `INPUT_…` and the runner's files alone."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import lab as labs
import pytest
import yaml
from lab import Lab, differing, issue, note, project
from runner import Runner, Step, parse_command, parse_pairs, registered
from shell import Shell, until_imports
from wrong_configurations import RIGHT, SECRET

from gl2gh_batch.domain.errors import FailureReason
from gl2gh_batch.interfaces import action, cli
from gl2gh_batch.interfaces.inputs import INPUTS, Input

HOSTILE = "x\n::add-mask::o\n ::error::a\r\n##[error]b %0A::stop-commands::aaaaaaaaaaaaaaaaaaaa </details>|`"
GIVEN = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|\d{4}-\d\d-\d\dT[\d:.]+Z")


def _with(lab: Lab, **inputs: str) -> dict[str, str]:
    sandbox = lab.sandbox
    return {
        "project_ids": ",".join(str(one) for one in sorted(sandbox.gitlab.projects)),
        "gitlab_url": sandbox.gitlab_url,
        "gitlab_token": sandbox.gitlab_token,
        "github_url": sandbox.github_url,
        "github_token": sandbox.github_token,
        "target_owner": sandbox.owner,
        **inputs,
    }


def _result(step: Step, runner: Runner) -> Any:
    return json.loads((runner.workspace / step.outputs["result_path"]).read_bytes())


def _settled(value: Any) -> Any:
    """A result without ids, moments and digests, which differ from run to run."""
    match value:
        case dict():
            return {key: _settled(one) for key, one in value.items() if key != "work_dir"}
        case list():
            return [_settled(one) for one in value]
        case str():
            return GIVEN.sub("…", value)
        case _:
            return value


def _is_whole(step: Step) -> None:
    """What holds of every run, however it ends."""
    assert list(step.outputs) == list(action.OUTPUTS)
    assert step.outputs["status"] in {"success", "partial_success", "failed"}
    assert (step.outputs["failure_reason"] == "") == (step.outputs["status"] == "success")
    assert step.outputs["failure_reason"] in {"", *FailureReason}
    assert json.loads(step.outputs["matrix"]) == {"shard": ["1/1"]}
    assert step.outputs["artifact_path"]
    assert step.outputs["resume_key"]
    names = ("successful", "failed", "incomplete", "not_started")
    assert sum(int(step.outputs[name]) for name in names) == int(step.outputs["total_projects"])
    assert step.summary.startswith("## ")
    assert (step.environment, step.state, step.paths) == ({}, {}, [])
    assert {one.name for one in step.log.commands} <= {
        *("add-mask", "error", "warning", "notice", "group", "endgroup")
    }


def test_the_outputs_are_those_of_the_action(project_root: Path) -> None:
    """action.yml promises exactly what is written."""
    promised = yaml.safe_load((project_root / "action.yml").read_text())["outputs"]
    assert list(promised) == list(action.OUTPUTS)


async def test_plan_and_apply_equal_the_command_line(
    lab: Lab, shell: Shell, tmp_path: Path, project_root: Path
) -> None:
    """PLAN_ONLY and APPLY through either door leave the same result and the same target."""
    results, targets = {}, {}
    runner = Runner(tmp_path / "job")
    schema = json.loads((project_root / "docs/schemas/batch-result.v1.schema.json").read_text())
    for mode in ("PLAN_ONLY", "APPLY"):
        step = await runner.run(_with(lab, mode=mode))
        assert step.exit_code == 0, step
        _is_whole(step)
        found = _result(step, runner)
        jsonschema.validate(found, schema)
        results[f"action {mode}"] = found
        assert step.outputs["batch_id"] == found["batch_id"]
        assert (step.outputs["status"], step.outputs["successful"]) == ("success", "1")
        assert step.outputs["resume_key"] == "gl2gh-4711"
        assert "acme/app" in step.summary.replace("&#47;", "/")
    planned = results["action PLAN_ONLY"]
    assert int(step.outputs["predicted_requests"]) >= 0
    plan = json.loads((runner.workspace / "gl2gh-work/plan.json").read_bytes())
    assert step.outputs["plan_digest"] == plan["digest"]
    assert [one["digest"] for one in plan["projects"]] == [planned["results"][0]["plan"]["digest"]]
    targets["action"] = await lab.settled()
    await lab.control("POST", "reset")
    for mode in ("PLAN_ONLY", "APPLY"):
        ended = await shell.run(lab, "--project-ids=17", f"--mode={mode}")
        assert ended.code == 0, ended
        results[f"cli {mode}"] = json.loads((shell.folder / "gl2gh-work/batch-result.json").read_bytes())
    targets["cli"] = await lab.settled()
    assert differing(targets["action"], targets["cli"]) == []
    for mode in ("PLAN_ONLY", "APPLY"):
        assert differing(_settled(results[f"action {mode}"]), _settled(results[f"cli {mode}"])) == []


async def test_one_failure_is_told_beside_the_successes(lab: Lab, tmp_path: Path) -> None:
    """A partial success exits with 1, names what failed with its remedy, and has a row for each project."""
    runner = Runner(tmp_path / "job")
    step = await runner.run(_with(lab, project_ids="17, nope/none"))
    assert step.exit_code == 1
    _is_whole(step)
    assert (step.outputs["status"], step.outputs["failure_reason"]) == ("partial_success", "partial")
    assert (step.outputs["successful"], step.outputs["failed"]) == ("1", "1")
    [said] = step.log.annotations("error")
    assert "nope/none failed: not-found" in said.properties["title"]
    assert "Check the id or path" in said.data
    table = step.summary.partition("### ")[0]
    assert len(re.findall(r"^\| <code>", table, re.MULTILINE)) == 2
    groups = [one.data for one in step.log.commands if one.name == "group"]
    assert [one.split(" (")[0] for one in groups if one.startswith("acme/app")] == [
        f"acme/app - {agent} done" for agent in ("discovery", "export", "transform", "plan")
    ]


async def test_everything_fails(lab: Lab, tmp_path: Path) -> None:
    """When no project can be read, outputs, summary and result are as valid as ever."""
    runner = Runner(tmp_path / "job")
    step = await runner.run(_with(lab, gitlab_token="glpat-refused", mode="FULL"))
    assert step.exit_code == 1
    _is_whole(step)
    assert (step.outputs["status"], step.outputs["failure_reason"]) == ("failed", "auth-failed")
    assert (step.outputs["total_projects"], step.outputs["failed"]) == ("1", "1")
    assert step.outputs["plan_digest"] == step.outputs["predicted_requests"] == ""
    assert _result(step, runner)["status"] == "failed"
    assert "glpat-refused" not in step.everything.replace("::add-mask::glpat-refused", "")
    assert lab.writes() == []


async def test_hostile_texts_inject_nothing(open_lab: Any, tmp_path: Path) -> None:
    """Commands in names, titles, texts and answers of GitLab's stay words, in the log and everywhere else."""
    described = project(
        labels=[{"title": HOSTILE.replace(",", ""), "color": "#d9534f", "description": HOSTILE}],
        milestones=[{"title": HOSTILE, "description": HOSTILE}],
        issues=[issue(1, title=HOSTILE, description=HOSTILE, notes=[note(HOSTILE)])],
    )
    described["project"] |= {"name": HOSTILE, "description": HOSTILE}
    other = project("acme/second", 18)
    lab = await open_lab(described, other)
    body = {"message": HOSTILE, "error": HOSTILE}
    await lab.control(
        "PUT",
        "faults",
        [{"side": "gitlab", "path": "*/projects/18*", "effect": {"status": 403, "body": body}}],
    )
    runner = Runner(tmp_path / "job")
    step = await runner.run(_with(lab, mode="FULL"))
    _is_whole(step)
    masks = [one.data for one in step.log.commands if one.name == "add-mask"]
    tokens = (lab.sandbox.gitlab_token, lab.sandbox.github_token)
    assert masks == [form for token in tokens for form in registered(token)]
    ours = re.compile(r"::(stop-commands::[0-9a-f]{32}|[0-9a-f]{32}::)")
    shown = [one for one in step.log.shown if not ours.fullmatch(one)]
    assert not any(one.startswith("::") or "##[" in one for one in shown)
    assert {one.name for one in step.log.annotations("error")} == {"error"}
    assert len(step.log.annotations("error")) == int(step.outputs["failed"])
    assert step.summary.count("<details>") == step.summary.count("</details>") > 0
    assert "aaaaaaaaaaaaaaaaaaaa" in "".join(step.log.shown) + step.summary, (
        "no hostile text came through at all"
    )


def _forms(secret: str) -> list[str]:
    padded = base64.b64encode(b"x-access-token:" + secret.encode()).decode().rstrip("=")
    return [
        secret,
        padded,
        base64.b64encode(secret.encode()).decode().rstrip("="),
        urllib.parse.quote(secret),
    ]


async def test_secrets_are_masked_first_and_shown_nowhere(lab: Lab, tmp_path: Path) -> None:
    """Every secret is masked before anything else is printed; no form of one is in any text."""
    runner = Runner(tmp_path / "job")
    tokens = {
        "gitlab_token": lab.sandbox.gitlab_token,
        "github_token": lab.sandbox.github_token,
        "workflow_token": "ghs_workflow/0000+secret",
    }
    names = [
        f"group/{one.replace('/', '.').replace('+', '-')}"
        for token in (tokens["gitlab_token"], tokens["github_token"])
        for one in _forms(token)
    ]
    step = await runner.run(_with(lab, **tokens, project_ids=",".join(["17", *dict.fromkeys(names)])))
    _is_whole(step)
    forms = [form for token in tokens.values() for form in registered(token)]
    lines = step.stdout.splitlines()
    masked = [parse_command(line, {"add-mask"}) for line in lines[: len(forms)]]
    assert sorted(one.data for one in masked if one) == sorted(forms)
    seen = "\n".join((*lines[len(forms) :], step.stderr, step.summary, *step.outputs.values()))
    plain = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), seen)
    for token in (tokens["gitlab_token"], tokens["github_token"]):
        for form in _forms(token):
            assert form not in plain, form
    assert "***" in plain


def test_hyphens_are_understood(tmp_path: Path) -> None:
    """An input that is written with hyphens counts, and a notice says how to write it."""
    given: dict[str, str] = {**RIGHT, "parallel-limit": "99", "work-dir": "elsewhere"}
    runner = Runner(tmp_path)
    step = runner.run_here(given, lambda environment: cli.main(["action"], environment))
    assert step.exit_code == 2
    [said] = step.log.annotations("error")
    assert "parallel_limit: 99" in said.data
    [notice] = step.log.annotations("notice")
    assert notice.data.split("; ") == [
        "write the input parallel-limit with underscores: parallel_limit",
        "write the input work-dir with underscores: work_dir",
    ]
    assert step.outputs["artifact_path"] == "elsewhere"


@pytest.mark.parametrize("one", [one for one in INPUTS if "_" in one.name], ids=lambda one: one.name)
def test_each_input_may_be_written_with_hyphens(one: Input) -> None:
    """The value counts under the right name, and the notice names both spellings."""
    hyphened = one.name.replace("_", "-")
    values, notices = action.read_inputs({f"INPUT_{hyphened.upper()}": "7", one.variable: one.default})
    assert values[one.name] == "7"
    assert notices == [f"write the input {hyphened} with underscores: {one.name}"]


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "pull_request_review"])
@pytest.mark.parametrize("mode", ["APPLY", "FULL", "file"])
def test_pull_requests_write_nothing(tmp_path: Path, event: str, mode: str) -> None:
    """APPLY and FULL are refused on the events of a pull request, and the remedy names PLAN_ONLY."""
    runner = Runner(tmp_path, event=event)
    given = {**RIGHT, "mode": mode}
    if mode == "file":
        (runner.workspace / "batch.yml").write_text("mode: FULL")
        given |= {"mode": "", "config": "batch.yml"}
    step = runner.run_here(given, lambda environment: cli.main(["action"], environment))
    assert step.exit_code == 2
    assert (step.outputs["failure_reason"], step.outputs["total_projects"]) == ("config-invalid", "0")
    [said] = step.log.annotations("error")
    assert event in said.data
    assert "PLAN_ONLY" in said.data


@pytest.mark.parametrize(
    ("mode", "head", "is_refused"),
    [
        ("APPLY", {"full_name": "stranger/migration"}, True),
        ("APPLY", None, True),
        ("APPLY", {"full_name": "Acme/Migration"}, False),
        ("FULL", {"full_name": "stranger/migration"}, True),
        ("FULL", None, True),
    ],
)
def test_what_a_fork_began_writes_nothing(
    tmp_path: Path, mode: str, head: dict[str, str] | None, is_refused: bool
) -> None:
    """A run that follows another's, whose commit is a fork's, is refused before anything is asked."""
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"workflow_run": {"head_repository": head}}))
    extra = {"GITHUB_EVENT_PATH": str(event), "GITHUB_API_URL": "http://127.0.0.1:9"}
    runner = Runner(tmp_path / "job", event="workflow_run", extra=extra)
    # What is let through ends at once, too, at something else.
    inputs = {**RIGHT, "mode": mode} | ({} if is_refused else {"parallel_limit": "many"})
    step = runner.run_here(inputs, lambda environment: cli.main(["action"], environment))
    assert step.exit_code == 2, step
    assert ("a fork began" in step.stdout) == is_refused
    assert ("parallel_limit" in step.stdout) != is_refused


class Broken(dict[str, str]):
    """An environment that breaks where nobody expects it, with a hostile message and a secret in it."""

    def get(self, key: str, default: Any = None) -> Any:
        if key == "GITHUB_EVENT_NAME":
            raise RuntimeError(f"{HOSTILE} {SECRET} {base64.b64encode(SECRET.encode()).decode()}")
        return super().get(key, default)


def test_the_unforeseen_is_told_and_hidden(tmp_path: Path) -> None:
    """A fault of ours ends with exit code 1, all outputs, one annotation; its traceback is in the log."""
    runner = Runner(tmp_path)
    given = {**RIGHT, "gitlab_token": SECRET}
    step = runner.run_here(given, lambda environment: cli.main(["action"], Broken(environment)))
    assert step.exit_code == 1
    _is_whole(step)
    assert step.outputs["failure_reason"] == "internal"
    [said] = step.log.annotations("error")
    assert "RuntimeError" in said.data
    assert "report it" in said.data
    assert "Traceback" not in said.data + step.summary + step.stdout
    assert "Traceback" in step.stderr
    assert all(line.startswith("| ") for line in step.stderr.splitlines())
    shown = "\n".join(one for one in step.everything.splitlines() if not one.startswith("::add-mask::"))
    assert SECRET not in shown
    assert base64.b64encode(SECRET.encode()).decode() not in shown
    assert "Nothing was migrated" not in step.summary


@pytest.mark.parametrize("missing", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"])
def test_outside_of_a_runner_nothing_breaks(
    tmp_path: Path, missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without one of the runner's files the rest is as it is, and no command of old is used instead."""
    monkeypatch.chdir(tmp_path)
    environment = Runner(tmp_path).environment({**RIGHT, "mode": "no"})
    output = Path(environment["GITHUB_OUTPUT"])
    del environment[missing]
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["action"], environment) == 2
    seen = capsys.readouterr()
    assert "set-output" not in seen.out
    assert "'no'" in seen.out
    assert bool(dict(parse_pairs(output.read_text()))) is (missing != "GITHUB_OUTPUT")


async def test_a_cancelled_step_can_be_resumed(open_lab: Any, tmp_path: Path) -> None:
    """Cancelled as the runner does it, the step ends by itself, says so, and the next one goes on."""
    lab = await open_lab(labs.project(issues=[issue(number) for number in range(1, 13)]))
    runner = Runner(tmp_path / "job")
    assert (await runner.run(_with(lab))).exit_code == 0
    slow: Mapping[str, Any] = {"method": "POST", "path": "*/import/issues", "effect": {"delay_s": 0.3}}
    await lab.faults(slow)
    step = await runner.run(_with(lab, mode="APPLY"), cancel=lambda: until_imports(lab, 2))
    assert step.exit_code == 130, step
    _is_whole(step)
    assert (step.outputs["failure_reason"], step.outputs["incomplete"]) == ("cancelled", "1")
    assert _result(step, runner)["stopped_by"] == "signal"
    assert "How to resume" in step.summary
    await lab.faults()
    step = await runner.run(_with(lab, mode="APPLY"))
    assert step.exit_code == 0, step
    assert [one["number"] for one in (await lab.repository())["issues"]] == list(range(1, 13))
