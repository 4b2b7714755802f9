"""The plan on its pull request: shown in one comment, and found again after the merge.

Everything here is asked with the workflow's own token, never with the target's. Sources: GitHub's pages
"REST API endpoints for issue comments", "… for commits" (pull requests of a commit), "… for GitHub Actions
artifacts" (the download redirects to another host, where the token must not go).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp

from gl2gh_batch.domain.errors import (
    AuthenticationError,
    Gl2ghError,
    NotFoundError,
    PlanRefusedError,
    TransportError,
)
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.interfaces.workflow_event import WorkflowEvent
from gl2gh_batch.kit.archive import unpack
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.http import open_session
from gl2gh_batch.kit.origin import proxy_for
from gl2gh_batch.kit.verdict import Verdict
from gl2gh_batch.output.plan_comment import ReviewedPlan, reviewed_plan
from gl2gh_batch.target.api import GitHub, open_github
from gl2gh_batch.target.probe import graphql_url
from gl2gh_batch.target.refusals import RefusedAnswerError, refusal_of

PLAN_AGAIN: Final = "Plan again: open a pull request that changes the batch file, review it and merge it."
# The login of the token that a workflow gets when nothing else was given (docs: "GITHUB_TOKEN").
WORKFLOW_LOGIN: Final = "github-actions[bot]"
# A workflow's token may send 1,000 requests an hour (docs: "Rate limits for the REST API").
LIMITS: Final = {LimitClass.PRIMARY: Limit(limit=1000, window_s=3600.0)}
_DOWNLOAD: Final = aiohttp.ClientTimeout(total=3600.0, sock_connect=30.0, sock_read=120.0)


class Review:
    """The pull requests, comments and artifacts of the repository that the workflow runs in."""

    def __init__(self, github: GitHub, session: aiohttp.ClientSession, repo: RepoRef) -> None:
        self._github = github
        self._session = session
        self._repo = repo

    async def show(self, number: int, body: str, name: str) -> None:
        """Put the comment on the pull request: the one of that name is updated, else a new one is made."""
        found = await self._comment(number, name)
        root = f"/repos/{self._repo}/issues"
        if found is None:
            answer = await self._github.write(
                "POST", f"{root}/{number}/comments", {"body": body}, Pace.CONTENT
            )
        else:
            answer = await self._github.write("PATCH", f"{root}/comments/{int(found['id'])}", {"body": body})
        if answer.verdict is not Verdict.DONE:
            raise refusal_of(answer)

    async def reviewed(self, sha: str, name: str) -> ReviewedPlan:
        """The plan that was merged with this commit; raises `PlanRefusedError` when there is none."""
        number = await self._merged_with(sha)
        found = await self._comment(number, name)
        plan = None if found is None else reviewed_plan(str(found.get("body") or ""))
        if plan is None or not plan.digest:
            raise PlanRefusedError(
                f"pull request {number} has no comment with a plan of {name}", missing=True, hint=PLAN_AGAIN
            )
        return plan

    async def fetch(self, plan: ReviewedPlan, folder: Path) -> None:
        """Unpack the artifact that holds the plan's work directory into `folder`; what is there stays.

        Raises `PlanRefusedError` when it is gone or is not what GitHub says that it is.
        """
        artifact = await self._artifact(plan)
        place = folder.parent
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".gl2gh-artifact-", dir=place) as scratch:
            zipped = Path(scratch) / "artifact.zip"
            sha256 = await self._download(int(artifact["id"]), zipped)
            stated = str(artifact.get("digest") or "")
            if stated.startswith("sha256:") and stated != f"sha256:{sha256}":
                raise PlanRefusedError(
                    f"artifact {plan.artifact} of run {plan.run_id} is damaged: its digest is not {stated}",
                    hint="Run again; if it stays so, plan again.",
                )
            unpacked = Path(scratch) / "unpacked"
            unpack(zipped, unpacked)
            inner = unpacked / folder.name
            # Where a workflow uploads more than one path, the folders' names are in the archive, too.
            root = inner if not (unpacked / "plan.json").exists() and inner.is_dir() else unpacked
            folder.mkdir(exist_ok=True)
            for entry in root.iterdir():
                if not (folder / entry.name).exists():
                    entry.rename(folder / entry.name)

    async def visibility(self) -> str:
        """Whether the repository is `public`, `private` or `internal`."""
        raw = (await self._github.get(f"/repos/{self._repo}")).json()
        return str(raw.get("visibility") or ("private" if raw.get("private") else "public"))

    async def _merged_with(self, sha: str) -> int:
        pulls = (await self._github.get(f"/repos/{self._repo}/commits/{sha}/pulls")).json()
        merged = [one for one in pulls if isinstance(one, Mapping) and one.get("merged_at")]
        exact = [one for one in merged if one.get("merge_commit_sha") == sha] or merged
        if not exact:
            raise PlanRefusedError(
                f"commit {sha[:12]} came with no merged pull request, so no plan of it was reviewed",
                missing=True,
                hint=f"{PLAN_AGAIN} Or give `approved_plan` and the work directory yourself.",
            )
        return int(max(exact, key=lambda one: str(one["merged_at"]))["number"])

    async def _comment(self, number: int, name: str) -> Mapping[str, Any] | None:
        """Our comment of that name: by its hidden line, and by its author, since anybody can copy a line."""
        login = (await self._login()).casefold()
        async for page in self._github.list_pages(f"/repos/{self._repo}/issues/{number}/comments"):
            for one in page:
                author = str(dict(one.get("user") or {}).get("login", ""))
                plan = reviewed_plan(str(one.get("body") or ""))
                if plan is not None and plan.name == name and author.casefold() == login:
                    return dict(one)
        return None

    async def _login(self) -> str:
        """Who the token is; an installation's may not ask `GET /user`, but GraphQL tells it."""
        answer = await self._github.write(
            "POST",
            graphql_url(self._github.api_url),
            {"query": "{ viewer { login } }"},
            Pace.READ,
            repeatable=True,
        )
        try:
            return str(answer.json()["data"]["viewer"]["login"])
        except (LookupError, TypeError, TransportError):
            return WORKFLOW_LOGIN

    async def _artifact(self, plan: ReviewedPlan) -> Mapping[str, Any]:
        path = f"/repos/{self._repo}/actions/runs/{plan.run_id}/artifacts"
        try:
            body = (await self._github.get(path, {"name": plan.artifact, "per_page": 100})).json()
        except NotFoundError:
            body = {}
        listed: list[dict[str, Any]] = body.get("artifacts") or []
        found = [one for one in listed if one.get("name") == plan.artifact]
        usable = [one for one in found if not one.get("expired")]
        if not usable:
            what = "has expired" if found else "is not there"
            raise PlanRefusedError(
                f"artifact {plan.artifact} of run {plan.run_id}, with the plan that was reviewed, {what}",
                missing=True,
                hint=PLAN_AGAIN,
            )
        return max(usable, key=lambda one: str(one.get("created_at") or ""))

    async def _download(self, artifact_id: int, target: Path) -> str:
        """Fetch the zip file; its SHA-256. The redirect is followed by hand, and without the token."""
        path = f"/repos/{self._repo}/actions/artifacts/{artifact_id}/zip"
        url = await self._github.locate(path)
        sha256 = hashlib.sha256()
        try:
            async with self._session.get(
                url, timeout=_DOWNLOAD, proxy=proxy_for(url), allow_redirects=False
            ) as response:
                if response.status != 200:
                    raise TransportError(
                        f"the artifact's store answered with {response.status}", hint="Run again: it is safe."
                    )
                with target.open("wb") as file:
                    async for chunk in response.content.iter_chunked(1 << 18):
                        sha256.update(chunk)
                        file.write(chunk)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TransportError(
                f"the artifact could not be downloaded ({type(error).__name__})",
                hint="Run again: nothing was written to GitHub.",
            ) from error
        return sha256.hexdigest()


@asynccontextmanager
async def open_review(event: WorkflowEvent, token: str) -> AsyncIterator[Review]:
    """The review side of the workflow's repository; raises `PlanRefusedError` outside of a workflow."""
    if event.repo is None:
        raise PlanRefusedError("there is no repository: this is no workflow", hint="Give `approved_plan`.")

    async def authorize() -> Mapping[str, str]:
        return {"Authorization": f"Bearer {token}"} if token else {}

    clock = SystemClock()
    session = open_session()
    try:
        governor = RequestGovernor(credential="workflow", limits=LIMITS, clock=clock)
        github = open_github(
            session=session, api_url=event.api_url, authorize=authorize, governor=governor, clock=clock
        )
        yield Review(github, session, event.repo)
    except AuthenticationError as error:
        error.hint = "Check `workflow_token`: it is `github.token`, or secrets.GITHUB_TOKEN."
        raise
    finally:
        await session.close()


def permission_hint(error: Gl2ghError) -> str:
    """What to do when the comment could not be written."""
    if isinstance(error, RefusedAnswerError | NotFoundError):
        return "Give the job `permissions: {pull-requests: write}` and pass `workflow_token`."
    return error.remedy
