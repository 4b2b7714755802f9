"""The service on a GitLab and a GitHub of its own: to be tried with curl and a browser, here alone."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from pathlib import Path
from typing import Final

from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.interfaces.demo import clear_for_demo, occupy
from gl2gh_batch.interfaces.server.config import Access, MigrationProject, Role, ServerConfig
from gl2gh_batch.interfaces.server.serving import open_service, until_signal
from gl2gh_batch.interfaces.views import say
from gl2gh_batch.kit.redact import Redactor
from gl2gh_batch.kit.users import UserDirectory
from gl2gh_batch.sandbox import Sandbox
from gl2gh_batch.sandbox.seeds import SAMPLES

NAME: Final = "acme"
# The three that the README's example names.
IDS: Final = (123, 456, 789)


def main(*, work_dir: Path, port: int, profile: str, redactor: Redactor) -> int:
    """Serve until a signal; 0."""
    if port not in range(65536):
        raise ConfigurationError(f"{port} is no port", field="--port", hint="Use 0 to 65535.")
    clear_for_demo(work_dir)
    asyncio.run(_serve(work_dir, port, profile, redactor))
    return 0


async def _serve(work_dir: Path, port: int, profile: str, redactor: Redactor) -> None:
    token = secrets.token_urlsafe(24)
    async with Sandbox(projects=seeds(), profile=profile) as sandbox:
        await occupy(sandbox)
        config = demo_config(sandbox, work_dir, port, token)
        async with open_service(config, redactor) as serving:
            ids = ", ".join(str(one) for one in sandbox.gitlab.projects)
            say(
                "A GitLab and a GitHub now run on this machine, and the service between them.",
                f"  page     {serving.url}/#token={token}",
                f"  GitLab   {sandbox.gitlab_url}   projects {ids}",
                f"  GitHub   {sandbox.github_url}   organisation {sandbox.owner}",
                "",
                "Start a batch, and watch it on the page:",
                "",
                f"  export GL2GH_TOKEN={token}",
                f"  curl -sS {serving.url}/api/v1/projects/{NAME}/batch-migrate \\",
                '    -H "Authorization: Bearer $GL2GH_TOKEN" -H "Content-Type: application/json" \\',
                '    -d \'{"project_ids": [123, 456, 789], "mode": "PLAN_ONLY", "parallel_limit": 5,'
                ' "resume_from": null}\'',
                "",
                "Ctrl-C ends it, and the sandbox forgets everything.",
            )
            await until_signal()


def seeds() -> list[str]:
    """The samples; the first three with the ids of the README's example."""
    return [f"{path}={IDS[place]}" if place < len(IDS) else str(path) for place, path in enumerate(SAMPLES)]


def demo_config(sandbox: Sandbox, work_dir: Path, port: int, token: str) -> ServerConfig:
    """A service with one migration project, which leads from one half of the sandbox to the other."""
    return ServerConfig(
        port=port,
        work_dir=work_dir,
        access=(Access(name="demo", role=Role.OPERATOR, sha256=hashlib.sha256(token.encode()).hexdigest()),),
        projects={
            NAME: MigrationProject(
                name=NAME,
                config={
                    "gitlab_url": sandbox.gitlab_url,
                    "gitlab_token": sandbox.gitlab_token,
                    "github_url": sandbox.github_url,
                    "github_api_url": sandbox.github_api_url,
                    "github_token": sandbox.github_token,
                    "target_owner": sandbox.owner,
                },
                work_dir=work_dir / "work" / NAME,
                users=UserDirectory(),
            )
        },
    )
