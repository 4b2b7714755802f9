"""action.yml, the Dockerfile, and the workflows."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from gl2gh_batch.interfaces.inputs import INPUTS

USES = re.compile(r"^\s*(?:- )?uses: (?P<action>\S+)(?P<comment>.*)$", re.MULTILINE)
SHA = re.compile(r"@[0-9a-f]{40}$")


def workflows(root: Path) -> list[Path]:
    """Our workflows and the examples."""
    return [*root.glob(".github/workflows/*.yml"), *root.glob("examples/workflows/*.yml")]


def test_inputs_are_documented(action: dict[str, Any]) -> None:
    """Every input is snake_case, optional, described with an example, and has a default."""
    for name, about in action["inputs"].items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        assert re.search(r" Example: `.+`\.?$", about["description"]), name
        assert isinstance(about["default"], str), name
        assert "required" not in about, (
            f"{name}: GitHub does not enforce it, so the program says what is missing"
        )


def test_inputs_are_those_that_the_program_reads(action: dict[str, Any]) -> None:
    """action.yml offers exactly the inputs that the doors read."""
    assert list(action["inputs"]) == [one.name for one in INPUTS]


def test_defaults_are_those_of_the_program(action: dict[str, Any]) -> None:
    """A default of action.yml is the program's own; an empty one leaves it to the batch file."""
    for one in INPUTS:
        assert action["inputs"][one.name]["default"] in ("", one.default), one.name


def test_outputs_are_documented(action: dict[str, Any]) -> None:
    """Every output is snake_case and described."""
    for name, about in action["outputs"].items():
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", name), name
        assert about["description"], name


def test_no_expressions_in_descriptions(action: dict[str, Any]) -> None:
    """No text of action.yml holds an expression: the runner would evaluate it without secrets, and fail."""
    assert "${{" not in json.dumps(action)


def test_the_action_starts_the_program_without_a_shell(project_root: Path, action: dict[str, Any]) -> None:
    """The image is ours, its entry point is in exec form, and inputs come by environment only."""
    assert action["runs"] == {"using": "docker", "image": "Dockerfile", "args": ["action"]}
    lines = [line for line in (project_root / "Dockerfile").read_text().splitlines() if line[:1].isupper()]
    entry = [json.loads(line.removeprefix("ENTRYPOINT")) for line in lines if line.startswith("ENTRYPOINT")]
    command = [json.loads(line.removeprefix("CMD")) for line in lines if line.startswith("CMD")]
    assert (entry, command) == ([["gl2gh-batch"]], [["action"]])
    assert not [line for line in lines if line.startswith("USER")], "GitHub requires actions to run as root"


def test_the_image_takes_only_what_is_hashed(project_root: Path) -> None:
    """Each installation in the Dockerfile is by hash and from wheels, or takes only our own wheel."""
    text = (project_root / "Dockerfile").read_text().replace("\\\n", " ")
    installs = re.findall(r"\binstall [^&\n]*(?:-r |dist/)[^&\n]*", text)
    assert len(installs) == 3
    for one in installs:
        assert ("--require-hashes" in one and "--only-binary :all:" in one) or "--no-deps --no-index" in one


def test_unpinned_actions_are_those_listed(project_root: Path) -> None:
    """Every action is named by commit, or stands in the one list and is excused beside its use."""
    used: dict[str, set[str]] = {}
    for path in workflows(project_root):
        for one in USES.finditer(path.read_text()):
            if one["action"].startswith("./") or SHA.search(one["action"]):
                continue
            assert re.match(r" # zizmor: ignore\[unpinned-uses\] \w+", one["comment"]), one[0]
            used.setdefault(one["action"], set()).add(str(path.relative_to(project_root)))
    listed = yaml.safe_load((project_root / ".github/unpinned-actions.yml").read_text())
    assert used == {action: set(paths) for action, paths in listed.items()}


def test_workflows_grant_nothing_by_default(project_root: Path) -> None:
    """No permission by default, a reason beside each grant, a time limit for each job, one run at a time."""
    for path in workflows(project_root):
        text = path.read_text()
        workflow = yaml.safe_load(text)
        assert workflow["permissions"] == {}, path
        for job in workflow["jobs"].values():
            if "uses" not in job:  # a called workflow limits itself
                assert job["timeout-minutes"] <= 360
                assert "concurrency" in job or "concurrency" in workflow or "strategy" in job, path
            for scope, grant in job.get("permissions", {}).items():
                assert re.search(rf"^\s+{scope}: {grant} # \w+", text, re.MULTILINE), (path, scope)


def test_ci_is_what_people_run(project_root: Path) -> None:
    """CI is checkout and what `make` does for people; it never runs act, which runs it."""
    [job] = yaml.safe_load((project_root / ".github/workflows/ci.yml").read_text())["jobs"].values()
    uses = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert (uses, runs) == (["actions/checkout"], ["make check", "make docs", "make test", "make image"])


def test_our_own_action_gets_known_inputs(project_root: Path, action: dict[str, Any]) -> None:
    """Workflows and examples pass our action, and the workflows that users call, only what they take."""
    found = set()
    for path in workflows(project_root):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            called = re.match(r"your-org/gl2gh-batch/(\S+)@", job.get("uses", ""))
            if called:
                callee = yaml.safe_load((project_root / called[1]).read_text())
                taken = callee[True]["workflow_call"]  # YAML 1.1 reads the key `on` as a truth value
                assert set(job["with"]) <= set(taken["inputs"]), path
                assert set(job["secrets"]) <= set(taken["secrets"]), path
                # A called workflow gets no more rights than its caller gives.
                wanted = [one.get("permissions", {}) for one in callee["jobs"].values()]
                assert all(one.items() <= job["permissions"].items() for one in wanted), path
                found.add(called[1])
            for step in job.get("steps", ()):
                if "/gl2gh-batch@" in step.get("uses", ""):
                    assert set(step["with"]) <= set(action["inputs"]), path
                    found.add(path.name)
    assert len(found) == 5


def test_a_run_may_call_a_workflow_twice(project_root: Path) -> None:
    """Each artifact of a workflow that others call is named by an input: two batch files share none."""
    found = 0
    for path in (project_root / ".github/workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text())
        if "workflow_call" not in workflow[True]:  # YAML 1.1 takes `on` for a truth value
            continue
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                if "artifact@" not in step.get("uses", ""):
                    continue
                found += 1
                name = step["with"].get("name") or step["with"]["pattern"]
                assert "${{ inputs." in name or "${{ steps.name." in name, (path.name, step["name"])
    assert found > 8
