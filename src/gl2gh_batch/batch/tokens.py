"""Whether a configuration holds the credentials that its platforms ask for."""

from __future__ import annotations

from gl2gh_batch.batch.config import ProjectConfig
from gl2gh_batch.domain.errors import ConfigurationError


def require_gitlab_token(config: ProjectConfig) -> None:
    """Raise `ConfigurationError` when there is no token for GitLab, and it is to be read."""
    if not config.gitlab_token and config.from_export is None:
        raise ConfigurationError(
            "there is no token for GitLab",
            field="gitlab_token",
            hint="Set GITLAB_TOKEN (scopes read_api and read_repository), or the input of that name; what was"
            " planned from an export goes on from it: give from_export again.",
        )


def require_github_token(config: ProjectConfig) -> None:
    """Raise `ConfigurationError` when there is no credential for GitHub."""
    if not config.github_token and config.github_app is None:
        raise ConfigurationError(
            "there is no token for GitHub",
            field="github_token",
            hint="Set GH_TOKEN (scopes repo and workflow), give a GitHub App, or, of several credentials,"
            " name one for the project's owner.",
        )
