"""The event stream: numbered, whole, and the same for whoever comes, goes and comes back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from lab import Lab, project
from served import VIEWER, Caller, server_config, serving

from gl2gh_batch.domain.events import AgentFinished, AgentStarted, Counted, ProjectStarted, Waiting
from gl2gh_batch.interfaces.server import feed as feeds
from gl2gh_batch.interfaces.server.feed import Feed, event_name
from gl2gh_batch.interfaces.server.store import Store
from gl2gh_batch.kit.clock import SystemClock

TWO = [project(path=f"acme/app-{number}", id=number) for number in (1, 2)]


@pytest.mark.lfs
async def test_a_stream_is_whole(caller: Caller) -> None:
    """From the start to the end of a batch every number comes once, and the story is told in order."""
    batch_id = await caller.start(17)
    events = await caller.events(batch_id)
    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
    kinds = [one["type"] for one in events]
    assert (kinds[0], kinds[-2:]) == ("batch-started", ["project-finished", "batch-finished"])
    agents = [one["agent"] for one in events if one["type"] == "agent-finished"]
    assert agents == ["discovery", "export", "transform", "plan"]
    assert all(one["batch_id"] == batch_id for one in (events[0], events[-1]))


async def test_coming_back(caller: Caller) -> None:
    """Whoever comes back with the last number gets exactly the rest, while it runs and after; then 204."""
    batch_id = await caller.start(17)
    heard: list[dict[str, Any]] = []
    while chunk := await caller.events(batch_id, after=len(heard), most=7):
        heard += chunk
    whole = await caller.events(batch_id)
    assert heard == whole
    for after in range(0, len(whole), 5):
        assert await caller.events(batch_id, after=after) == whole[after:]
    assert await caller.events(batch_id, after=len(whole)) == []


async def test_many_listeners_hear_the_same(open_lab: Any) -> None:
    """Listeners that come at different moments hear one and the same story."""
    lab = await open_lab(*TWO)
    async with serving(lab) as caller:
        batch_id = await caller.start(1, 2, mode="FULL")

        async def listen(number: int) -> list[dict[str, Any]]:
            await asyncio.sleep(number * 0.05)
            return await caller.events(batch_id)

        stories = await asyncio.gather(*(listen(number) for number in range(20)))
        assert all(story == stories[0] for story in stories)
        assert (await caller.batch(batch_id))["status"] == "success"


async def test_a_stream_over_a_gentle_restart(open_lab: Any) -> None:
    """A service that is stopped and started goes on with the batch, and with the numbers of its events."""
    lab: Lab = await open_lab(*TWO)
    async with serving(lab) as caller:
        batch_id = await caller.start(1, 2, mode="FULL")
        heard = await caller.events(batch_id, most=5)
        assert (await caller.batch(batch_id))["status"] == "running"
    async with serving(lab) as caller:
        heard += await caller.events(batch_id, after=len(heard))
        batch = await caller.until(batch_id)
        assert (batch["status"], batch["successful"]) == ("success", 2)
        assert [one["id"] for one in heard] == list(range(1, len(heard) + 1))
        assert heard == await caller.events(batch_id)
        starts = [one for one in heard if one["type"] == "batch-started"]
        assert [one["batch_id"] for one in starts] == [batch_id, batch_id]
        assert [one["type"] for one in heard].count("batch-finished") == 1


async def test_wrong_numbers(caller: Caller) -> None:
    """A Last-Event-ID that is no number gets 422."""
    batch_id = await caller.start()
    for wrong in ("x", "-1", "1.5", "9" * 30):
        path = f"/api/v1/batches/{batch_id}/events"
        answer = await caller.ask("GET", path, headers={"Last-Event-ID": wrong}, token=VIEWER)
        assert answer.status == 422


async def test_streams_are_bounded(lab: Lab) -> None:
    """One listener too many gets 429, and is let in when another one has gone."""
    async with serving(lab, server_config(lab, streams=0)) as caller:
        batch_id = await caller.start(17)
        answer = await caller.ask("GET", f"/api/v1/batches/{batch_id}/events")
        assert (answer.status, "Retry-After" in answer.headers) == (429, True)
        await caller.until(batch_id)


async def test_counts_are_told_together(tmp_path: Any) -> None:
    """Of counts between two writes the last one is told; nothing else is left out."""
    store = await Store.open(tmp_path / "service.sqlite")
    feed = Feed("b", store, SystemClock(), str, 0)
    feed.hear(ProjectStarted(project="p", index=0, agents=("export",)))
    feed.hear(AgentStarted(project="p", agent="export"))
    for done in range(1000):
        feed.hear(Counted(project="p", agent="export", kind="issues", done=done))
        feed.hear(Waiting(project="p", credential="github-1", limit_class="points", seconds=done))
    feed.hear(AgentFinished(project="p", agent="export", status="done"))
    await feed.flush(ends=True)
    found = await store.events("b", after=0, most=100)
    assert [number for number, _ in found] == [1, 2, 3, 4, 5]
    assert b'"done":999' in found[2][1]
    assert feed.board.rows["p"].states == {"export": "done"}
    await store.close()


async def test_who_lags_reads_from_disk(tmp_path: Any) -> None:
    """What has left the ring in memory is still told, in order and once."""
    store = await Store.open(tmp_path / "service.sqlite")
    feed = Feed("b", store, SystemClock(), str, 0)
    total = feeds.RING * 2 + 50
    for number in range(total):
        feed.hear(AgentStarted(project=str(number), agent="export"))
        if number % 500 == 0:
            await feed.flush()
    await feed.flush(ends=True)
    heard = [number async for chunk in feed.chunks(3) for number, _ in chunk]
    assert heard == list(range(4, total + 1))
    await store.close()


async def test_a_broken_write_is_told_to_nobody(tmp_path: Any) -> None:
    """An event that could not be written down gets no number and is not heard."""
    store = await Store.open(tmp_path / "service.sqlite")
    feed = Feed("b", store, SystemClock(), str, 0)
    await store.close()
    feed.hear(AgentStarted(project="p", agent="export"))
    try:
        await feed.flush()
    except RuntimeError:
        pass
    else:
        raise AssertionError("it was written into a closed store")
    assert feed.last == 0


def test_names_of_events() -> None:
    """The type of an event is its class's name in small letters."""
    assert event_name(AgentFinished(project="p", agent="a", status="done")) == "agent-finished"
