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
    where = {"gitlab_url": "https://gitlab.example.com", "output_dir": "gl2gh-work"}
    resources = SharedResources(github_rate_limit=5000)
    result = await BatchOrchestrator(shared_resources=resources).execute_batch_migration(
        project_configs=[
            {"project_id": 123, "target": "acme/one", **tokens, **where},
            {"project_id": "group/app", "target": "acme/app", **tokens, **where},
        ],
        mode=MigrationMode.PLAN_ONLY,
        parallel_limit=5,
    )
    print(result["status"], result["batch_id"])
    for project in result["results"]:
        print(project["project_id"], project["status"], project.get("error", ""))


if __name__ == "__main__":
    asyncio.run(main())
