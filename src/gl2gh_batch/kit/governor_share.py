"""One batch's share of a governor that several batches use: the same budgets, and a stop of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from gl2gh_batch.domain.errors import StoppedError
from gl2gh_batch.domain.limits import Costs, LimitClass, LimitReport, Limits
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.kit.budgets import Use
from gl2gh_batch.kit.governor import GovernorSnapshot, GrantedPermit, RequestGovernor


class GovernorShare(RequestGovernor):
    """Grants what `whole` grants; stopping it ends the waits of its own users and of no others."""

    def __init__(self, whole: RequestGovernor) -> None:
        # Nothing of its own is kept: every budget, ticket and count is the whole's.
        self._whole = whole
        self.credential = whole.credential
        self._said: str | None = None
        self._entering: set[asyncio.Future[GrantedPermit]] = set()

    @property
    def limits(self) -> Limits:
        """The limits that are kept now."""
        return self._whole.limits

    @property
    def imports_are_content(self) -> bool:
        """Whether imports are paced as created content."""
        return self._whole.imports_are_content

    @asynccontextmanager
    async def request(self, costs: Costs, *, who: str = "") -> AsyncIterator[GrantedPermit]:
        """As the whole's; raises `StoppedError` once this share is stopped."""
        self._refuse_if_stopped()
        context = self._whole.request(costs, who=who)
        entering: asyncio.Future[GrantedPermit] = asyncio.ensure_future(_entered(context))
        self._entering.add(entering)
        try:
            permit = await entering
        except asyncio.CancelledError:
            if entering.done() and not entering.cancelled() and entering.exception() is None:
                await context.__aexit__(None, None, None)  # granted in the moment in which it was given up
            task = asyncio.current_task()
            if self._said is not None and (task is None or not task.cancelling()):
                raise StoppedError(self._said) from None
            raise
        finally:
            self._entering.discard(entering)
        try:
            yield permit
        finally:
            await context.__aexit__(None, None, None)

    @asynccontextmanager
    async def writer(self, repo_key: str) -> AsyncIterator[None]:
        """Be the only writer of one repository, among all who use the whole."""
        async with self._whole.writer(repo_key):
            self._refuse_if_stopped()
            yield

    def costs_for(self, pace: Pace) -> Costs:
        """The budgets that a request of that pace draws on."""
        return self._whole.costs_for(pace)

    def refused(self, pace: Pace, report: LimitReport) -> None:
        """A request of that pace was refused."""
        self._whole.refused(pace, report)

    def learn(self, report: LimitReport, *, number: int, costs: Costs) -> None:
        """Learn from the answer to the grant of that number, which drew on so much."""
        self._whole.learn(report, number=number, costs=costs)

    def close(self, seconds: float, *, reason: str) -> None:
        """Grant nothing for so many seconds, to anybody who uses this credential."""
        self._whole.close(seconds, reason=reason)

    def stop(self, message: str = "the run was stopped") -> None:
        """Grant nothing any more through this share."""
        self._said = message
        for entering in list(self._entering):
            entering.cancel()

    def revoke(self, message: str, hint: str) -> None:
        """The platform refused the credential: nobody who uses it is granted anything for a while."""
        self._whole.revoke(message, hint)

    def check_open(self) -> None:
        """Raise what forbids any request: that this share was stopped, or what the whole says."""
        self._refuse_if_stopped()
        self._whole.check_open()

    def check_credential(self) -> None:
        """Raise `AuthenticationError` while the credential is known to be refused."""
        self._whole.check_credential()

    def snapshot(self) -> GovernorSnapshot:
        """What was granted so far to all, and who waits for what."""
        return self._whole.snapshot()

    def use(self) -> Mapping[LimitClass, Use]:
        """What is taken now of each budget that has a limit."""
        return self._whole.use()

    def _refuse_if_stopped(self) -> None:
        if self._said is not None:
            raise StoppedError(self._said)


async def _entered(context: Any) -> GrantedPermit:
    permit: GrantedPermit = await context.__aenter__()
    return permit
