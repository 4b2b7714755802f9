"""Every input of the Action, and the flag of `run` that goes with it: one table for both doors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input; a `secret` one has no flag and comes from the environment or a file."""

    name: str
    help: str
    secret: bool = False
    multiline: bool = False
    default: str = ""

    @property
    def flag(self) -> str:
        """The flag of the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """How the runner hands it to a container."""
        return f"INPUT_{self.name.upper()}"


INPUTS: Final[tuple[Input, ...]] = (
    Input(
        name="command",
        help="run, verify, merge, doctor, recover, unlock, cleanup or source-undo",
        default="run",
    ),
    Input(
        name="project_ids",
        help="GitLab projects, ids or full paths, separated by commas or lines",
        multiline=True,
    ),
    Input(
        name="mode",
        help="DISCOVER_ONLY, EXPORT_ONLY, TRANSFORM_ONLY, PLAN_ONLY, APPLY or FULL",
        default="PLAN_ONLY",
    ),
    Input(name="parallel_limit", help="projects in flight at once, 1 to 20", default="5"),
    Input(name="resume_from", help="do this agent and those after it again"),
    Input(name="gitlab_url", help="address of GitLab", default="https://gitlab.com"),
    Input(name="gitlab_token", help="token for GitLab: read_api, read_repository", secret=True),
    Input(name="github_url", help="address of GitHub", default="https://github.com"),
    Input(name="github_api_url", help="address of GitHub's API; follows from github_url"),
    Input(name="github_token", help="token for the target: repo, workflow", secret=True),
    Input(name="github_app_id", help="GitHub App instead of a token: its id"),
    Input(name="github_app_private_key", help="GitHub App: its private key", secret=True),
    Input(name="github_app_installation_id", help="GitHub App: the installation's id"),
    Input(name="workflow_token", help="the workflow's own token, for comments and runs", secret=True),
    Input(name="target_owner", help="GitHub organisation or user that owns the new repositories"),
    Input(name="config", help="a batch file (YAML)"),
    Input(
        name="users",
        help="map of users (CSV or YAML), a pattern such as {username}_acme, or both, one a line",
        multiline=True,
    ),
    Input(name="work_dir", help="where the files of the batch go", default="gl2gh-work"),
    Input(name="from_export", help="folder of exports that EXPORT_ONLY made, read in the place of GitLab"),
    Input(name="rate_limit_file", help="budget file shared by processes of one host"),
    Input(name="limits", help="file that overrides rate limits (JSON or YAML)"),
    Input(name="deadline", help="stop cleanly after this long, such as 5h30m"),
    Input(name="shard", help="this job's part of the batch, such as 2/3"),
    Input(name="shards", help="how many parts to cut the plan into, or auto"),
    Input(name="approved_plan", help="digest of the plan that was reviewed; APPLY refuses any other"),
    Input(name="confirm", help="digest of the plan whose repositories cleanup deletes"),
    Input(
        name="accept_source_changes",
        help="true: APPLY carries the plan out as reviewed although GitLab changed since",
    ),
    Input(name="artifact_name", help="name of the artifact that the workflow uploads work_dir as"),
    Input(
        name="allow_public_artifacts",
        help="true: run in a public repository although a project is not public",
    ),
    Input(name="numbering", help="issues-exact, merge-requests-exact, compact, or any (the fastest)"),
    Input(
        name="merge_requests",
        help="open-as-pull-request, all-as-pull-request or all-as-issue",
    ),
    Input(name="attachments", help="branch, release or link: where attached files go"),
    Input(name="wiki", help="docs-branch, wiki or skip: where the wiki goes"),
    Input(
        name="source_after",
        help="nothing, note or archive: what becomes of the project on GitLab once all is verified",
    ),
    Input(name="visibility", help="private, internal, public or source"),
    Input(name="mentions", help="map (people with a known login are mentioned) or neutralise (nobody is)"),
)
# What the command line says by a command of its own, or asks at the terminal.
OF_THE_ACTION: Final = ("command", "confirm")
BY_NAME: Final[dict[str, Input]] = {one.name: one for one in INPUTS}
