"""One writer for each target: what is asked before anything is sent there."""

from __future__ import annotations

from gl2gh_batch.domain.errors import TargetNotOursError, WorkDirectoryError
from gl2gh_batch.domain.plan import CREATE_STEP, Call, Step
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.rewrite.markers import find_marker
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.models import Repository, decode
from gl2gh_batch.target.probe import is_empty


class OneWriter:
    """Holds the claim while an engine writes, and looks at the target once it is held."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self.is_archived = False

    async def look_at_target(self) -> Repository | None:
        """The repository; its answer also tells GitHub's time."""
        answer = await self._bench.github.find(f"/repos/{self._bench.repo}")
        if answer is None:
            return None
        if self._bench.claim is not None:
            self._bench.claim.sync(answer.headers.get("date"))
        repository = decode(answer.json(), Repository)
        self.is_archived = repository.archived
        return repository

    async def secure(self, step: Step) -> None:
        """Hold the claim before the step is sent; raises `TargetLockedError` when another run does."""
        claim = self._bench.claim
        if claim is None or step.id == CREATE_STEP:  # GitHub lets only one make a repository
            return
        if self.is_archived and not claim.is_held:  # and takes no write into an archived one
            return
        if await claim.ensure():
            await self._look_closer()
        if _archives(step):
            # An archived repository takes no push either: the claim has to go first.
            await claim.release()

    def github_for(self, call: Call) -> GitHub:
        """Guarded by the claim, but for the calls that are made without it: `secure` says why."""
        is_free = call.id == CREATE_STEP or _archives(call) or self.is_archived
        return self._bench.github.guarded(None) if is_free else self._bench.github

    async def _look_closer(self) -> None:
        """Nobody wrote before we had the claim: our ledger knows all that a run of ours has put there."""
        bench = self._bench
        if not any(one.step != CREATE_STEP for one in bench.ledger.receipts()):
            if not await is_empty(bench.github, bench.repo):
                raise not_ours(bench.repo)
            return
        newest = await bench.github.find(
            f"/repos/{bench.repo}/issues",
            {"state": "all", "sort": "created", "direction": "desc", "per_page": 1},
        )
        for issue in [] if newest is None else newest.json():
            step_id = find_marker(str(issue.get("body") or ""))
            if step_id is not None and bench.ledger.receipt(step_id) is None:
                raise WorkDirectoryError(
                    f"the ledger is older than {bench.repo}, which has {step_id} already",
                    hint="Apply from the work directory or handover of the last run; or run"
                    " `gl2gh-batch recover`, which makes the ledger again from what is on GitHub.",
                )


def not_ours(repo: RepoRef) -> TargetNotOursError:
    """The error for a repository that holds what this migration did not put there."""
    return TargetNotOursError(
        f"{repo} exists and is not what this migration made",
        hint=(
            "Give the project another `target` and plan again, or rename or delete that repository;"
            " if this migration did make it, use the work directory of that run, or `gl2gh-batch recover`."
        ),
    )


def _archives(step: Step) -> bool:
    return isinstance(step, Call) and step.body.get("archived") is True
