"""Shares of a governor: one budget for all, and a stop for each alone."""

from __future__ import annotations

import asyncio

import pytest

from gl2gh_batch.domain.errors import StoppedError
from gl2gh_batch.domain.limits import Limit, LimitClass
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.governor_share import GovernorShare

COSTS = {LimitClass.CONCURRENCY: 1}


def _shares() -> tuple[RequestGovernor, GovernorShare, GovernorShare]:
    limits = {LimitClass.CONCURRENCY: Limit(limit=1)}
    whole = RequestGovernor(credential="github-1", limits=limits, clock=SystemClock())
    return whole, GovernorShare(whole), GovernorShare(whole)


def test_a_share_keeps_nothing_of_its_own() -> None:
    """Whatever a governor can be asked, a share answers itself, so that no call meets half a governor."""
    asked = {name for name in vars(RequestGovernor) if not name.startswith("_")}
    assert asked <= set(vars(GovernorShare))


async def test_shares_spend_one_budget() -> None:
    """What one share holds, the other waits for."""
    whole, one, other = _shares()

    async def ask() -> str:
        async with other.request(COSTS, who="b"):
            return "granted"

    async with one.request(COSTS, who="a"):
        task = asyncio.create_task(ask())
        await asyncio.sleep(0.01)
        assert not task.done()
        assert whole.snapshot().waiting == 1
    assert await task == "granted"
    assert whole.use()[LimitClass.CONCURRENCY].used == 0


async def test_a_stopped_share_stops_alone() -> None:
    """Stopping ends the waits of one share and refuses its requests; the other's are granted as before."""
    whole, one, other = _shares()

    async def ask(share: GovernorShare) -> None:
        async with share.request(COSTS):
            pass

    async with other.request(COSTS):
        waits = [asyncio.create_task(ask(one)) for _ in range(3)]
        kept = asyncio.create_task(ask(other))
        await asyncio.sleep(0.01)
        assert whole.use()[LimitClass.CONCURRENCY].used == 1
        one.stop("cancelled")
        with pytest.raises(StoppedError, match="cancelled"):
            one.check_open()
        other.check_open()
        one.check_credential()
        ended = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(error) for error in ended] == [StoppedError] * 3
    await kept
    with pytest.raises(StoppedError):
        await ask(one)
    await ask(other)
    assert (whole.snapshot().waiting, whole.snapshot().in_flight) == (0, 0)


async def test_a_cancelled_wait_gives_its_place_back() -> None:
    """A task that is cancelled while it waits, or in the moment of its grant, holds nothing afterwards."""
    whole, one, _ = _shares()

    async def ask() -> None:
        async with one.request(COSTS):
            await asyncio.sleep(0)

    for pauses in range(6):
        async with one.request(COSTS):
            task = asyncio.create_task(ask())
            await asyncio.sleep(0.001)
        for _ in range(pauses):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (whole.snapshot().waiting, whole.snapshot().in_flight) == (0, 0)
