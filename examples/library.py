"""Plan a batch of two projects from Python; nothing is written to GitHub.

GITLAB_TOKEN=… GH_TOKEN=… python examples/library.py
"""

from __future__ import annotations

import asyncio
import os

from gl2gh_batch import BatchOrchestrator, MigrationMode, SharedResources


async def main() -> None:
    """Plan, and say what became of each project."""
    tokens = {"gitlab_token": os.environ["GITLAB_TOKEN"], "github_token": os.environ["GH_TOKEN"]}
    where = {"gitlab_url": "https://gitlab.example.com", "github_url": "https://github.com"}
    # Each project's files go to its own `output_dir`, the batch's to the folder that is common to all.
    projects = [
        {"project_id": 123, "target": "acme/one", "output_dir": "gl2gh-work/one"},
        {"project_id": "group/app", "target": "acme/app", "output_dir": "gl2gh-work/app"},
    ]
    async with SharedResources(github_rate_limit=5000) as resources:
        result = await BatchOrchestrator(shared_resources=resources).execute_batch_migration(
            project_configs=[{**project, **tokens, **where} for project in projects],
            mode=MigrationMode.PLAN_ONLY,
            parallel_limit=5,
        )
    print(result["status"], result["batch_id"])
    for project in result["results"]:
        print(project["project_id"], project["status"], project.get("error", ""))


if __name__ == "__main__":
    asyncio.run(main())
