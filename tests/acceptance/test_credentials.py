"""Several credentials share one batch: each pays for its projects, under an account of its own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from lab import Lab, issue, open_lab, project
from shell import Shell

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.sandbox.credentials import credential_name
from gl2gh_batch.target.limits import parse_limits

ADA, BEA = "ghp_ada0000000000000", "ghp_bea0000000000000"
SCOPES = ["repo", "workflow", "delete_repo"]
PAIR = [{"name": "ada", "token": ADA}, {"name": "bea", "token": BEA}]


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    """Four projects, and two admins with tokens of their own."""
    many = [
        project(f"acme/p{number}", number, issues=[issue(1), issue(2)], repository=None)
        for number in range(21, 25)
    ]
    async with open_lab(tmp_path, many, members=("anna", "ben", "ada", "bea")) as one:
        for login, token in (("ada", ADA), ("bea", BEA)):
            await one.control(
                "PATCH",
                "state",
                [
                    {"op": "add", "path": f"/tokens/{token}", "value": {"login": login, "scopes": SCOPES}},
                ],
            )
            one.sandbox.github.account("acme").members[login] = "admin"
        yield one


def senders(lab: Lab) -> Mapping[str, int]:
    """How many requests to GitHub each token sent."""
    names = {credential_name(one): one for one in (ADA, BEA, lab.sandbox.github_token)}
    return Counter(names.get(one.credential, one.credential) for one in lab.github() if one.classes)


async def test_both_pay_for_their_part_and_keep_it(lab: Lab) -> None:
    """Equal projects go half and half; the apply that follows leaves every project with its own."""
    configs = lab.configs(github_token="")
    planned = await lab.batch("PLAN_ONLY", configs, shared={"github_credentials": PAIR})
    assert planned["status"] == "success", planned["results"][0].get("error")
    shares = [one["credential"] for one in planned["results"]]
    assert sorted(shares) == ["ada", "ada", "bea", "bea"]
    applied = await lab.batch("APPLY", configs, shared={"github_credentials": PAIR[::-1]})
    assert applied["status"] == "success", applied["results"][0].get("error")
    assert [one["credential"] for one in applied["results"]] == shares
    sent = senders(lab)
    assert set(sent) == {ADA, BEA}
    assert min(sent.values()) / max(sent.values()) > 0.9


async def test_each_has_a_budget_of_its_own(lab: Lab) -> None:
    """The price of the batch is bound by the fuller one, not by the sum of both."""
    limits = parse_limits({"content_hour": {"limit": 1, "window_s": 3600}})
    told: dict[str, Any] = {"limits": limits, "imports_are_content": True}
    configs = lab.configs(github_token="")
    alone = await lab.batch("PLAN_ONLY", lab.configs(), shared=told)
    both = await lab.batch("PLAN_ONLY", configs, shared={**told, "github_credentials": PAIR})
    assert (alone["price"]["hours"], both["price"]["hours"]) == (7.0, 3.0)
    assert alone["price"]["by_class"] == both["price"]["by_class"]


async def test_who_has_none_for_its_owner_uses_its_own(lab: Lab) -> None:
    """A credential for another organisation serves nobody here; without any, a project fails."""
    other = {"github_credentials": [{"owner": "elsewhere", "token": ADA}]}
    result = await lab.batch("PLAN_ONLY", lab.configs()[:1], shared=other)
    assert result["status"] == "success"
    assert "credential" not in result["results"][0]
    assert set(senders(lab)) == {lab.sandbox.github_token}
    result = await lab.batch("PLAN_ONLY", lab.configs(github_token="")[:1], shared=other)
    error = result["results"][0]["error"]
    assert error["message"] == "github_token: there is no token for GitHub"
    assert "credentials" in error["hint"]


async def test_two_tokens_of_one_user_are_refused(lab: Lab) -> None:
    """GitHub counts them as one: the batch ends before anything is done."""
    operator = {"name": "another", "token": "ghp_again000000000"}
    await lab.control(
        "PATCH", "state", [{"op": "add", "path": "/tokens/ghp_again000000000", "value": {"login": "ada"}}]
    )
    with pytest.raises(ConfigurationError, match="'ada' and 'another' are tokens of the same user, ada"):
        await lab.batch("PLAN_ONLY", shared={"github_credentials": [PAIR[0], operator]})


async def test_a_batch_file_names_them(lab: Lab, tmp_path: Path) -> None:
    """On the command line, with secrets in the environment and no other token: each pays for its part."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "batch.yml").write_text(
        "github: {credentials: [{name: ada, token_env: ADA}, {name: bea, token_env: BEA}]}\n"
        "projects: [21, 22, 23, 24]\n"
    )
    shell = Shell(folder)
    env = {"GITLAB_TOKEN": lab.sandbox.gitlab_token, "ADA": ADA, "BEA": BEA}
    ended = await shell("run", *shell.flags(lab), "--config=batch.yml", "--mode=FULL", env=env)
    assert ended.code == 0, ended
    result = json.loads((folder / "gl2gh-work" / "batch-result.json").read_text())
    assert sorted(one["credential"] for one in result["results"]) == ["ada", "ada", "bea", "bea"]
    assert set(senders(lab)) == {ADA, BEA}
    spent = [one for one in result["budgets"] if one["credential"].startswith("github")]
    assert len(spent) == 2
