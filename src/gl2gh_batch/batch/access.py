"""One GitHub with one credential, as the projects of a batch share it."""

from __future__ import annotations

from dataclasses import dataclass

from gl2gh_batch.kit.http_threads import Line
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.auth import Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHubAccess:
    """One GitHub with one credential."""

    github: GitHub
    credential: Credential
    line: Line
