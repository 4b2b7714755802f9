"""One GitHub with one credential, as the projects of a batch share it."""

from __future__ import annotations

from dataclasses import dataclass

from gl2gh_batch.batch.config import ProjectConfig
from gl2gh_batch.kit.http_threads import Line
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.auth import Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubAccess:
    """One GitHub with one credential."""

    github: GitHub
    credential: Credential
    line: Line


def github_key(config: ProjectConfig) -> tuple[str, str]:
    """The address and the credential by which GitHub tells accounts apart."""
    app = config.github_app
    name = config.github_token if app is None else f"{app.app_id}:{app.installation_id}"
    return config.github_api_url.lower(), name
