"""A whole migration by the library, every exchange of it judged by the two platforms' own descriptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gitlab_schemas
from gitlab_schemas import GitLabOracle
from lab import open_lab

from gl2gh_batch.sandbox import seeds
from gl2gh_batch.sandbox.journal import Exchange

EVERYTHING = Path(__file__).resolve().parents[1] / "support" / "everything.yml"
# What a migration of the samples cannot do without.
NEEDED = {
    "POST /orgs/{org}/repos",
    "GET /repos/{owner}/{repo}",
    "PATCH /repos/{owner}/{repo}",
    "PUT /repos/{owner}/{repo}/topics",
    "GET /repos/{owner}/{repo}/labels",
    "POST /repos/{owner}/{repo}/labels",
    "GET /repos/{owner}/{repo}/milestones",
    "POST /repos/{owner}/{repo}/milestones",
    "GET /repos/{owner}/{repo}/issues",
    "GET /repos/{owner}/{repo}/issues/comments",
    "POST /repos/{owner}/{repo}/import/issues",
    "GET /repos/{owner}/{repo}/import/issues/{import_id}",
}


async def test_all_traffic_with_github_is_as_github_describes_it(judges: Any, tmp_path: Path) -> None:
    """Each of our requests and each answer in a whole migration of the samples could have been GitHub's."""
    async with open_lab(tmp_path, seeds.SAMPLES, observe=judges.observe) as lab:
        result = await lab.batch("FULL", parallel_limit=5)
    assert result["status"] == "success", result
    assert judges.github.deviations == []
    # Not one was passed over.
    assert judges.github.judged == len(judges.rest) >= 200
    assert judges.github.operations.total() == judges.github.judged
    assert set(judges.github.operations) >= NEEDED
    assert len(judges.github.operations) >= 15, sorted(judges.github.operations)


async def test_all_that_an_issue_has_is_written_as_github_describes_it(judges: Any, tmp_path: Path) -> None:
    """Sub-issues, dependencies, types and reasons go to operations that there are, in their form."""
    async with open_lab(tmp_path, [EVERYTHING], observe=judges.observe) as lab:
        result = await lab.run("FULL", lab.config(issues_via="rest"))
    assert result["status"] == "success", result
    assert [one for one in judges.github.deviations if "/issue" in one] == []
    assert set(judges.github.operations) >= {
        "GET /orgs/{org}/issue-types",
        "POST /repos/{owner}/{repo}/issues/{issue_number}/sub_issues",
        "POST /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by",
        "GET /repos/{owner}/{repo}/issues/{issue_number}/dependencies/blocked_by",
        "PUT /repos/{owner}/{repo}/issues/{issue_number}/lock",
    }


async def test_gitlabs_answers_are_as_its_own_tests_want_them(shared_data: Path, tmp_path: Path) -> None:
    """Every answer that has a schema is valid by it, in a whole migration of samples and of real projects."""
    oracle = GitLabOracle(gitlab_schemas.load(shared_data / "gitlab-api-schemas"))
    unjudged: set[str] = set()

    def observe(exchange: Exchange) -> None:
        before = oracle.judged.total()
        oracle.observe(exchange)
        is_answer = exchange.status == 200 and exchange.path.startswith("/api/v4/projects/")
        if is_answer and oracle.judged.total() == before:
            unjudged.add("/".join(exchange.path.split("/")[5:]) or "project")

    real: list[str | Path] = [
        shared_data / "gitlab-recordings/gitea-test_repo",
        f"{shared_data / 'gitlab-export-8.16/test_project_export.tar.gz'}=7:imported/test_project",
    ]
    projects: list[str | Path] = [*seeds.SAMPLES, *real]
    async with open_lab(tmp_path, projects, observe=observe) as lab:
        result = await lab.batch("PLAN_ONLY", parallel_limit=5)
    assert result["status"] == "success", result
    assert oracle.deviations == []
    assert oracle.judged.total() >= 100
    assert set(oracle.judged) >= {
        "issue", "notes", "milestone", "members", "merge_request", "branch", "release", "deploy_key",
    }  # fmt: skip
    assert {"issues", "labels", "milestones"}.isdisjoint(unjudged)


def test_the_oracle_of_gitlab_is_no_yes_man(shared_data: Path) -> None:
    """An answer with a wrong field is told, with its place."""
    oracle = GitLabOracle(gitlab_schemas.load(shared_data / "gitlab-api-schemas"))
    oracle.observe(
        Exchange(
            side="gitlab",
            method="GET",
            path="/api/v4/projects/1/issues/2/notes",
            query="page=3",
            request_headers={},
            request_body=None,
            status=200,
            response_headers={},
            response_body=b'[{"id": "1"}]',
        )
    )
    assert oracle.judged == {"notes": 1}
    assert oracle.deviations
    assert oracle.deviations[0].startswith("/api/v4/projects/1/issues/2/notes?page=3: ")
