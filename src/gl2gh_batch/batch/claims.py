"""The claim of one project on its target, with what it says of this run."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.claim import TargetClaim
from gl2gh_batch.kit.git_claim import CLAIM_REF, GitClaim
from gl2gh_batch.kit.git_process import GitAuth, Redactor
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.target.api import GitHub


class Claims:
    """Makes the claims of one batch; `lease_s` is how long a target stays claimed by a run that died."""

    def __init__(self, *, redact: Redactor, tool_version: str, lease_s: float) -> None:
        self._redact = redact
        self._tool_version = tool_version
        self._lease_s = lease_s

    def on(
        self,
        repo: RepoRef,
        github_url: str,
        folder: Path,
        auth: Callable[[], Awaitable[GitAuth]],
        parting_auth: Callable[[], Awaitable[GitAuth]],
        github: GitHub,
    ) -> TargetClaim:
        """The claim on `repo` for a project whose folder is `folder`; nothing is sent by making it."""

        async def drop() -> bool:
            # GitHub docs, "Delete a reference": of any ref; making one asks for a commit that is there.
            answer = await github.write("DELETE", f"/repos/{repo}/git/{CLAIM_REF}")
            return answer.verdict is Verdict.DONE and not answer.body  # 204: a proxy has words of its own

        return TargetClaim(
            GitClaim(folder / "git", f"{github_url}/{repo}.git", self._redact),
            auth,
            folder,
            parting_auth=parting_auth,
            target=str(repo),
            run=run_address(os.environ),
            tool_version=self._tool_version,
            lease_s=self._lease_s,
            drop=drop,
        )


def run_address(environment: Mapping[str, str]) -> str:
    """Where the present workflow run can be seen (GitHub docs, "Default environment variables"); or empty."""
    parts = [environment.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID")]
    return f"{parts[0]}/{parts[1]}/actions/runs/{parts[2]}" if all(parts) else ""
