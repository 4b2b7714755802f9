"""What the runner says of the workflow that the Action runs in: its repository, its event, its run.

Sources: GitHub's pages "Variables reference" and "Webhook events and payloads" (`pull_request`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from gl2gh_batch.batch.fields import shown
from gl2gh_batch.domain.errors import ConfigurationError
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.workdir import slug

# What `actions/upload-artifact` refuses (`validateArtifactName` of @actions/artifact).
_NOT_IN_AN_ARTIFACT: Final = frozenset('":<>|*?\\/\r\n')
MOST_OF_A_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """The pull request that an event is about; `is_fork` when its head is in another repository."""

    number: int
    head_sha: str
    is_fork: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowEvent:
    """One run of a workflow; `repo` and `run_id` are empty outside of one.

    `visibility` is that of the repository; empty where the payload does not tell, as that of a schedule.
    `is_from_fork`: the run follows one (`workflow_run`) whose commit is of another repository.
    """

    name: str
    repo: RepoRef | None
    run_id: int
    sha: str
    api_url: str
    server_url: str
    visibility: str = ""
    is_from_fork: bool = False
    pull_request: PullRequest | None = None

    @property
    def run_url(self) -> str:
        """The page of the run; empty outside of one."""
        return (
            f"{self.server_url}/{self.repo}/actions/runs/{self.run_id}" if self.repo and self.run_id else ""
        )

    @property
    def is_pull_request(self) -> bool:
        """Whether a pull request started the run: then nothing is reviewed yet."""
        return self.name.startswith("pull_request")


def read_event(environment: Mapping[str, str]) -> WorkflowEvent:
    """The event, from the runner's variables and its payload; what is missing or no JSON counts as empty."""
    payload = _payload(environment.get("GITHUB_EVENT_PATH", ""))
    try:
        repo = RepoRef.parse(environment.get("GITHUB_REPOSITORY", ""))
    except ValueError:
        repo = None
    run = environment.get("GITHUB_RUN_ID", "")
    return WorkflowEvent(
        name=environment.get("GITHUB_EVENT_NAME", ""),
        repo=repo,
        run_id=int(run) if run.isascii() and run.isdigit() else 0,
        sha=environment.get("GITHUB_SHA", ""),
        api_url=environment.get("GITHUB_API_URL", "") or "https://api.github.com",
        server_url=environment.get("GITHUB_SERVER_URL", "") or "https://github.com",
        visibility=_visibility(payload.get("repository")),
        is_from_fork=_is_from_fork(payload, environment.get("GITHUB_REPOSITORY", "")),
        pull_request=_pull_request(payload.get("pull_request")),
    )


def batch_name(config: str) -> str:
    """What tells the batches of one repository apart: the path of the batch file, else one word."""
    return config.strip().removeprefix("./") or "project_ids"


def check_artifact_name(name: str) -> str:
    """The name as it is; raises `ConfigurationError` for one that no artifact can have."""
    if len(name) > MOST_OF_A_NAME or not name.isprintable() or _NOT_IN_AN_ARTIFACT.intersection(name):
        raise ConfigurationError(
            f"{shown(name)} is no name of an artifact",
            field="artifact_name",
            hint='Leave out line breaks and " : < > | * ? \\ /, as actions/upload-artifact wants it.',
        )
    return name


def artifact_name(name: str) -> str:
    """The name under which a workflow uploads the work directory of that batch, if none was given."""
    return "gl2gh-plan" if name == "project_ids" else f"gl2gh-plan-{slug(name)}"


def _pull_request(raw: Any) -> PullRequest | None:
    try:
        head, base = raw["head"], raw["base"]
        # A deleted fork leaves no repository behind.
        theirs = (head.get("repo") or {}).get("full_name")
        return PullRequest(
            number=int(raw["number"]),
            head_sha=str(head["sha"]),
            is_fork=theirs != base["repo"]["full_name"],
        )
    except (LookupError, TypeError, ValueError, AttributeError):
        return None


def _is_from_fork(payload: Mapping[str, Any], repo: str) -> bool:
    """A deleted fork leaves no repository behind, and counts as one."""
    followed = payload.get("workflow_run")
    if not isinstance(followed, Mapping):
        return False
    head = followed.get("head_repository")
    theirs = head.get("full_name") if isinstance(head, Mapping) else None
    return not isinstance(theirs, str) or theirs.casefold() != repo.casefold()


def _visibility(raw: Any) -> str:
    """`public`, `private` or `internal`; older servers tell only whether it is private."""
    if not isinstance(raw, Mapping):
        return ""
    said = raw.get("visibility")
    if isinstance(said, str) and said:
        return said
    match raw.get("private"):
        case True:
            return "private"
        case False:
            return "public"
        case _:
            return ""


def _payload(path: str) -> Mapping[str, Any]:
    try:
        payload = json.loads(Path(path).read_bytes()) if path else {}
    except (OSError, ValueError, RecursionError):
        return {}
    return payload if isinstance(payload, dict) else {}
