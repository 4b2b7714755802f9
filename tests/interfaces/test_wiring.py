"""Inputs and batch file become one batch: who wins, what is inherited, where files are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from gl2gh_batch.batch.config import parse_config
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.domain.modes import MigrationMode
from gl2gh_batch.interfaces.wiring import Batch, parse_duration, resources_for, wire

TOKENS = {"gitlab_token": "glpat-1", "github_token": "ghp_1"}
FILE = """
gitlab: {url: "https://gitlab.file/"}
github: {owner: from-file, url: "https://github.file", api_url: "https://api.file"}
mode: DISCOVER_ONLY
parallel_limit: 7
users: people/users.csv
naming: full-path
defaults:
  visibility: internal
  numbering: compact
  kinds: {issues: skip, wiki: skip}
projects:
  - 17
  - group/app
  - {id: 18, target: other/name, priority: 10, visibility: public, kinds: {issues: migrate, labels: skip}}
groups:
  - acme/platform
  - {path: /acme/web/, subgroups: false, exclude: ["*/old-*"], numbering: issues-exact}
"""


def _key() -> str:
    """A private key as GitHub hands it out for an App."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form, kind = serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(form, kind, serialization.NoEncryption()).decode().strip()


def _wire(folder: Path, text: str = FILE, **inputs: str) -> Batch:
    (folder / "conf/people").mkdir(parents=True, exist_ok=True)
    (folder / "conf/batch.yml").write_text(text)
    (folder / "conf/people/users.csv").write_text("gitlab_username,github_login\nanna,from-file\n")
    (folder / "users.csv").write_text("gitlab_username,github_login\nanna,from-input\n")
    return wire({**TOKENS, "config": "conf/batch.yml", **inputs}, base=folder)


def _login(batch: Batch) -> str | None:
    found = batch.users.lookup("anna")
    assert found is not None
    return found.github_login


def test_the_file_speaks_where_no_input_does(tmp_path: Path) -> None:
    """Everything that the file says holds, and what it names lies beside it."""
    batch = _wire(tmp_path)
    assert (batch.mode, batch.parallel_limit) == (MigrationMode.DISCOVER_ONLY, 7)
    assert batch.shared["gitlab_url"] == "https://gitlab.file"
    assert batch.shared["github_url"] == "https://github.file"
    assert batch.shared["github_api_url"] == "https://api.file"
    assert batch.shared["target_owner"] == "from-file"
    assert batch.shared["naming"] == "full-path"
    assert _login(batch) == "from-file"
    assert batch.work_dir == tmp_path / "gl2gh-work"
    assert batch.notices == ()


def test_an_input_wins_over_the_file(tmp_path: Path) -> None:
    """Every input that the file knows too has the last word; its files lie beside the program."""
    batch = _wire(
        tmp_path,
        mode="PLAN_ONLY",
        parallel_limit="3",
        gitlab_url="https://gitlab.input",
        github_url="https://github.input",
        github_api_url="https://api.input/v3/",
        target_owner="from-input",
        users="users.csv",
        visibility="private",
        numbering="merge-requests-exact",
        work_dir="elsewhere",
    )
    assert (batch.mode, batch.parallel_limit) == (MigrationMode.PLAN_ONLY, 3)
    for config in batch.configs:
        parsed = parse_config(config)
        assert (parsed.gitlab_url, parsed.github_url) == ("https://gitlab.input", "https://github.input")
        assert (parsed.github_api_url, parsed.owner) == ("https://api.input/v3", "from-input")
        assert parsed.request.policies.visibility == "private"
        assert parsed.request.policies.numbering == "merge-requests-exact"
    assert {one["visibility"] for one in batch.groups} == {"private"}
    assert _login(batch) == "from-input"
    assert batch.work_dir == tmp_path / "elsewhere"
    assert len(batch.notices) == 1
    assert "DISCOVER_ONLY" in batch.notices[0]


def test_a_project_says_otherwise_than_the_defaults(tmp_path: Path) -> None:
    """Defaults hold for every project and group that says nothing else; of kinds, each for itself."""
    first, second, third = (parse_config(one).request for one in _wire(tmp_path).configs)
    assert [one.project for one in (first, second, third)] == [17, "group/app", 18]
    for one in (first, second):
        assert (one.policies.visibility, one.policies.numbering) == ("internal", "compact")
        assert (one.kinds, one.target, one.priority) == ({"issues": "skip", "wiki": "skip"}, None, 0)
    assert (third.policies.visibility, third.policies.numbering) == ("public", "compact")
    assert (third.kinds, str(third.target)) == (
        {"issues": "migrate", "wiki": "skip", "labels": "skip"},
        "other/name",
    )
    assert third.priority == 10
    platform, web = _wire(tmp_path).groups
    assert (platform["path"], platform["visibility"], platform["numbering"]) == (
        "acme/platform", "internal", "compact",
    )  # fmt: skip
    assert (web["path"], web["subgroups"], web["numbering"]) == ("acme/web", False, "issues-exact")


def test_inputs_alone_make_a_batch(tmp_path: Path) -> None:
    """Projects by comma or line, as ids or full paths; the address of the API follows from GitHub's."""
    given = {**TOKENS, "project_ids": " 17, group/app\n\n group/sub/deep ,", "target_owner": "acme"}
    batch = wire({**given, "github_url": "https://github.example.com/"}, base=tmp_path)
    assert [one["project_id"] for one in batch.configs] == [17, "group/app", "group/sub/deep"]
    assert batch.shared["github_api_url"] == "https://github.example.com/api/v3"
    assert (batch.mode, batch.parallel_limit, batch.deadline_s) == (MigrationMode.PLAN_ONLY, 5, None)
    assert wire(given, base=tmp_path).shared["github_api_url"] == "https://api.github.com"


def test_defaults_hold_for_projects_from_the_input(tmp_path: Path) -> None:
    """A file without a list gives its defaults to the projects of the input, and to those of a plan."""
    text = "github: {owner: acme}\ndefaults: {visibility: internal}"
    batch = _wire(tmp_path, text, project_ids="17", numbering="compact")
    assert parse_config(batch.configs[0]).request.policies.visibility == "internal"
    assert batch.policies == {"visibility": "internal", "numbering": "compact"}


def test_an_app_needs_no_token(tmp_path: Path) -> None:
    """The three inputs of an App stand for the token."""
    pem = _key()
    app = {"github_app_id": "7", "github_app_private_key": pem, "github_app_installation_id": "8"}
    given = {"gitlab_token": "glpat-1", "project_ids": "17", "target_owner": "acme", **app}
    found = parse_config(wire(given, base=tmp_path).configs[0]).github_app
    assert found is not None
    assert (found.app_id, found.installation_id, found.private_key) == ("7", 8, pem)
    assert pem not in repr(found)


def test_secrets_are_in_no_representation(tmp_path: Path) -> None:
    """A batch that is printed shows no token; a configuration neither."""
    batch = _wire(tmp_path)
    assert "glpat-1" not in repr(batch).replace(repr(batch.configs), "")
    assert "ghp_1" not in repr(parse_config(batch.configs[0]))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None), ("90", 90.0), ("45s", 45.0), ("90m", 5400.0), ("90min", 5400.0), ("5h", 18000.0),
        ("5h30m", 19800.0), ("5H 30M", 19800.0), ("1h1m1s", 3661.0), ("0h5m", 300.0),
    ],
)  # fmt: skip
def test_a_deadline_has_these_forms(text: str, seconds: float | None) -> None:
    """Hours, minutes and seconds, in this order, or seconds alone."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ['{"points": {"limit": 5, "window_s": 1.5}}', "points: {limit: 5, window_s: 1.5}"]
)
def test_limits_come_from_a_file(tmp_path: Path, text: str) -> None:
    """JSON or YAML with classes of limits."""
    (tmp_path / "limits.json").write_text(text)
    batch = wire(
        {**TOKENS, "project_ids": "17", "target_owner": "acme", "limits": "limits.json"}, base=tmp_path
    )
    assert batch.limits.limits == {LimitClass.POINTS: Limit(limit=5, window_s=1.5)}


def test_a_batch_file_names_credentials_by_their_variables(tmp_path: Path) -> None:
    """The secrets come from the environment; no other token is needed then, and none is shown."""
    (tmp_path / "batch.yml").write_text(
        """
github:
  owner: acme
  credentials:
    - {owner: acme, token_env: ACME_TOKEN}
    - {owner: beta, app_id: 7, installation_id: 8, private_key_env: BETA_KEY}
projects: [17]
"""
    )
    environment = {"ACME_TOKEN": "ghp_acme", "BETA_KEY": _key()}
    given = {"gitlab_token": "glpat-1", "config": "batch.yml"}
    batch = wire(given, base=tmp_path, environment=environment)
    one, two = resources_for(batch).github_credentials
    assert (one.name, one.token) == ("acme", "ghp_acme")
    assert two.app is not None
    assert (two.name, two.app.installation_id) == ("beta", 8)
    assert "ghp_acme" not in repr(batch)
    with pytest.raises(ConfigurationError, match="the environment has no 'ACME_TOKEN'"):
        wire(given, base=tmp_path)


@pytest.mark.parametrize("prefix", ["", "sha256:", "SHA256:"])
def test_an_approval_names_a_digest(tmp_path: Path, prefix: str) -> None:
    """The digest is taken with and without the name of its function."""
    given = {**TOKENS, "mode": "APPLY", "approved_plan": prefix + "ab" * 32}
    assert wire(given, base=tmp_path).approved_plan == "ab" * 32


def test_every_wrong_value_names_its_place(tmp_path: Path) -> None:
    """What the defaults say wrongly is not blamed on a project, nor what an input says on the file."""
    said: dict[str, Any] = {}
    for name, text, inputs in (
        ("defaults", "defaults: {visibility: x}\nprojects: [17]", {}),
        ("project", "projects: [17, {id: 18, visibility: x}]", {}),
        ("group", "groups: [{path: acme, visibility: x}]", {}),
        ("input", "projects: [17]", {"visibility": "x"}),
    ):
        with pytest.raises(ConfigurationError) as caught:
            _wire(tmp_path, text, target_owner="acme", **inputs)
        said[name] = caught.value.field
    assert said == {
        "defaults": "defaults: visibility",
        "project": "projects[1]: visibility",
        "group": "groups[0]: visibility",
        "input": "visibility",
    }


@pytest.mark.parametrize(
    ("text", "login", "patterns"),
    [
        ("users: people/users.csv", "from-file", ()),
        ('users: "{username}_acme"', None, ("{username}_acme",)),
        ("users: {file: people/users.csv, pattern: '{username}_a'}", "from-file", ("{username}_a",)),
        ("users: {pattern: ['{username}_a', 'x-{username}']}", None, ("{username}_a", "x-{username}")),
    ],
)
def test_users_are_a_file_patterns_or_both(
    tmp_path: Path, text: str, login: str | None, patterns: tuple[str, ...]
) -> None:
    """The batch file names them in any of these ways; an input replaces what it says as a whole."""
    rest = FILE.replace("users: people/users.csv\n", "")
    batch = _wire(tmp_path, f"{text}\n{rest}")
    found = batch.users.lookup("anna")
    assert (None if found is None else found.github_login, batch.users.patterns) == (login, patterns)
    batch = _wire(tmp_path, f"{text}\n{rest}", users="users.csv\n{username}_input")
    assert (_login(batch), batch.users.patterns) == ("from-input", ("{username}_input",))
    batch = _wire(tmp_path, f"{text}\n{rest}", users="{username}_input")
    assert (len(batch.users), batch.users.patterns) == (0, ("{username}_input",))


def test_mentions_come_from_input_and_file(tmp_path: Path) -> None:
    """`mentions` is a policy like the others: the input wins over the file."""
    text = FILE.replace("numbering: compact", "mentions: neutralise")
    assert parse_config(_wire(tmp_path, text).configs[0]).request.policies.mentions == "neutralise"
    config = _wire(tmp_path, text, mentions="map").configs[0]
    assert parse_config(config).request.policies.mentions == "map"


def test_a_shared_rate_limit_file_may_lie_elsewhere(tmp_path: Path) -> None:
    """Its author may name a volume that several machines share; what is relative stays in the workspace."""
    (tmp_path / "workspace").mkdir()
    given = {**TOKENS, "project_ids": "17", "target_owner": "acme"}
    shared = tmp_path / "volume/rate-limit.json"
    batch = wire({**given, "rate_limit_file": str(shared)}, base=tmp_path / "workspace")
    assert batch.rate_limit_file == shared
    for out in ("../rate-limit.json", "no/../../rate-limit.json"):
        with pytest.raises(ConfigurationError, match="leads out of the workspace") as refused:
            wire({**given, "rate_limit_file": out}, base=tmp_path / "workspace")
        assert refused.value.field == "rate_limit_file"


@pytest.mark.parametrize(
    ("runner", "given", "deadline_s"),
    [
        ({"RUNNER_ENVIRONMENT": "github-hosted"}, {}, 19800.0),
        ({"RUNNER_ENVIRONMENT": "github-hosted"}, {"deadline": "90m"}, 5400.0),
        ({"RUNNER_ENVIRONMENT": "self-hosted"}, {}, None),
        ({}, {}, None),
    ],
)
def test_a_hosted_job_stops_before_it_is_ended(
    tmp_path: Path, runner: dict[str, str], given: dict[str, str], deadline_s: float | None
) -> None:
    """On a GitHub-hosted runner every door has a deadline of its own; the user's word comes first."""
    inputs = {**TOKENS, "project_ids": "1", "target_owner": "acme", "work_dir": str(tmp_path), **given}
    assert wire(inputs, environment=runner).deadline_s == deadline_s
