"""One writer for each target: what is asked before anything is sent there."""

from __future__ import annotations

from typing import Final

from gl2gh_batch.domain.errors import TargetNotOursError
from gl2gh_batch.domain.plan import CREATE_STEP, Call, GitPush, LfsPush, Step, Upload
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines._other_runs import OtherRuns, is_archived
from gl2gh_batch.kit.claim import ClaimLapsedError
from gl2gh_batch.target.api import GitHub
from gl2gh_batch.target.models import Repository, decode
from gl2gh_batch.target.probe import is_empty

# How long a target that was seen empty is taken to be so, for writes before the claim (seconds).
LOOK_HOLDS_S: Final = 60.0
# Where the ledger says under which claim it was last written.
CLAIM: Final = "claim"


class OneWriter:
    """Holds the claim while an engine writes, and looks at the target once it is held.

    A run that begins does what is `early` without the claim, and makes it with its first push, so that it
    costs no push of its own; nothing that could be seen twice is sent before.
    """

    def __init__(self, bench: Workbench, *, is_recovered: bool) -> None:
        self._bench = bench
        self._is_recovered = is_recovered
        self._others = OtherRuns(bench)
        self._resumes = bench.ledger.count() > 0
        self.is_archived = False
        self._looked_s: float | None = None
        self._early: set[str] = set()
        self._begins: bool | None = None
        self._noted = ""

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
        """Hold the claim before the step is sent; raises `TargetLockedError` when another run does.

        Raises `WorkDirectoryError` when another run has finished or gone further what the ledger begins.
        """
        claim = self._bench.claim
        if claim is None or step.id == CREATE_STEP:  # GitHub lets only one make a repository
            return
        if self.is_archived and not claim.is_held:  # and takes no write into an archived one
            if self._is_here(step) and not (self._archives(step) or self._is_recovered):
                raise is_archived(self._bench.repo, step)
            return
        if self._goes_before_claim(step):
            claim.hold_folder()
            if self._looked_s is None or self._look_is_old():
                await self._look_whether_empty()
            self._early.add(step.id)
            return
        if self.joins(step):
            return
        await self.take()
        if self._archives(step):
            # An archived repository takes no push either: the claim has to go first.
            await claim.release()

    async def take(self, begun: str = "") -> None:
        """Hold the claim by a push of its own, and look at the target when it was just taken.

        `begun` is a step whose intent is noted already, although nothing of it was sent.
        """
        claim = self._bench.claim
        self._early |= {begun} - {""}
        if claim is None:
            return
        if await claim.ensure():
            await self._look_closer(claim.regained)
        if claim.sha != self._noted:
            self._bench.ledger.set(CLAIM, claim.sha)
            self._noted = claim.sha

    def looked(self) -> None:
        """The target was seen empty, or made, in this very moment."""
        claim = self._bench.claim
        self._looked_s = None if claim is None else claim.seconds()

    def joins(self, step: Step) -> bool:
        """Whether the claim is to be made by this push, along with its refs."""
        is_ours = isinstance(step, GitPush) and bool(step.refs) and step.repo == self._bench.repo
        return is_ours and self._begins_here()

    def check(self, step: Step) -> None:
        """Raise `ClaimLapsedError` unless the step may be sent now: by the claim, or by a look just had."""
        claim = self._bench.claim
        if claim is None:
            return
        if step.id not in self._early or claim.is_held:
            claim.check()
        elif self._look_is_old():
            raise ClaimLapsedError("the look at the target is too old to write there without a claim")

    def github_for(self, call: Call) -> GitHub:
        """Guarded by the claim, but for the calls that are made without it: `secure` says why."""
        is_free = call.id == CREATE_STEP or self._archives(call) or self.is_archived
        if is_free or self._bench.claim is None:
            return self._bench.github.guarded(None)
        return self._bench.github.guarded(lambda: self.check(call))

    def _is_here(self, step: Step) -> bool:
        """Whether the step writes to the target itself, and not to a repository beside it."""
        root = f"/repos/{self._bench.repo}"
        if isinstance(step, Call):
            return not step.path.startswith("/repos/") or f"{step.path}/".startswith(f"{root}/")
        return not isinstance(step, GitPush | Upload) or step.repo == self._bench.repo

    def _archives(self, step: Step) -> bool:
        is_here = isinstance(step, Call) and step.path == f"/repos/{self._bench.repo}"
        return is_here and isinstance(step, Call) and step.body.get("archived") is True

    def _goes_before_claim(self, step: Step) -> bool:
        return (isinstance(step, LfsPush) or (isinstance(step, Call) and step.early)) and self._begins_here()

    def _begins_here(self) -> bool:
        """True while nothing was sent to the target, by any run of this ledger, but what does it no harm."""
        claim = self._bench.claim
        if claim is None or claim.is_held or self._begins is False:
            return False
        if self._begins is None:
            self._begins = self._knows_nothing()
        return self._begins

    def _knows_nothing(self) -> bool:
        own = {CREATE_STEP, *self._early}
        return not any(one.step not in own for one in self._bench.ledger.receipts())

    def _look_is_old(self) -> bool:
        claim, looked_s = self._bench.claim, self._looked_s
        return claim is None or looked_s is None or claim.seconds() - looked_s > LOOK_HOLDS_S

    async def _look_whether_empty(self) -> None:
        bench = self._bench
        if not await is_empty(bench.github, bench.repo):
            raise not_ours(bench.repo)
        self.looked()

    async def _look_closer(self, regained: str) -> None:
        """Nobody wrote before we had the claim: our ledger knows all that a run of ours has put there.

        It needs no look where it was written under the very claim that a dead run left on the ref.
        """
        self._begins = False
        if self._knows_nothing():
            await self._look_whether_empty()
        elif not regained or self._bench.ledger.get(CLAIM) != regained:
            await self.look_at_newest()

    async def look_at_newest(self) -> None:
        """Raise `WorkDirectoryError` when the target holds what another run of ours has put there.

        Where the ledger is no new one, what is sent next is looked for, too: see `look_before`.
        """
        self._begins = False
        await self._others.look_at_newest_issue()
        if self._resumes and not self._is_recovered:
            await self._others.look_closer()

    async def look_before(self, call: Call) -> None:
        """Raise `WorkDirectoryError` when another run has sent the call, which the ledger does not know."""
        await self._others.look_before(call)


def not_ours(repo: RepoRef) -> TargetNotOursError:
    """The error for a repository that holds what this migration did not put there."""
    return TargetNotOursError(
        f"{repo} exists and is not what this migration made",
        hint=(
            "Give the project another `target` and plan again, or rename or delete that repository;"
            " if this migration did make it, use the work directory of that run, or `gl2gh-batch recover`."
        ),
    )
