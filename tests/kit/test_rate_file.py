"""Many processes on one file are as exact as one, in order, and whatever happens to the file."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import jsonschema
import pytest
from fleets import FakeHost, Fleet, hurry, now
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from gl2gh_batch.domain.errors import (
    ConfigurationError,
    RateLimitedError,
    StoppedError,
    WorkDirectoryError,
)
from gl2gh_batch.domain.limits import CONTENT_COSTS, READ_COSTS, WRITE_COSTS, Limit, LimitClass, LimitReport
from gl2gh_batch.domain.plan import Pace
from gl2gh_batch.kit.clock import SystemClock
from gl2gh_batch.kit.governor import RequestGovernor
from gl2gh_batch.kit.rate_file import RateLimitFile, give_up_allotment, write_allotments
from gl2gh_batch.kit.shared_windows import credential_key

LIMITS = {
    LimitClass.POINTS: Limit(limit=40, window_s=10.0),
    LimitClass.CONTENT_MINUTE: Limit(limit=6, window_s=10.0),
    LimitClass.CONTENT_HOUR: Limit(limit=20, window_s=60.0),
    LimitClass.CONCURRENCY: Limit(limit=9),
}
# An example takes half a second: a failing one is not made smaller.
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
READ, WRITE, CONTENT = (
    {name: units for name, units in costs.items() if name in LIMITS}
    for costs in (READ_COSTS, WRITE_COSTS, CONTENT_COSTS)
)


def test_processes_together_are_as_exact_and_as_quick_as_one(tmp_path: Path) -> None:
    """120 requests of four processes under 20 in 10 s need five windows and a margin, with no violation."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=20, window_s=10.0)}, 4)
        began = now()
        await asyncio.gather(*(fleet.send(n, {LimitClass.POINTS: 1}) for n in range(4) for _ in range(30)))
        assert fleet.server.violations == []
        assert 50.0 <= now() - began <= 50.0 / 0.95
        fleet.close()

    hurry(main)


def test_a_host_whose_date_is_behind_joins_where_the_others_are(tmp_path: Path) -> None:
    """What it spends looks no older to the others than it is."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=20, window_s=10.0)}, 1)
        await fleet.send(0, {LimitClass.POINTS: 1}, 0.0)
        await asyncio.sleep(8.0)
        late = fleet.join(FakeHost(9, host="b", boot=77.0, skew_s=-9.0))
        await asyncio.gather(*(fleet.send(late, {LimitClass.POINTS: 1}, 0.0) for _ in range(15)))
        await asyncio.sleep(4.0)
        await asyncio.gather(*(fleet.send(0, {LimitClass.POINTS: 1}, 0.0) for _ in range(20)))
        assert fleet.server.violations == []
        fleet.close()

    hurry(main)


def test_every_file_that_is_written_follows_the_schema(tmp_path: Path, project_root: Path) -> None:
    """While requests wait, while they are in flight, with allotments, and at the end."""
    schema = json.loads((project_root / "docs/schemas/rate-limit-file.v2.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)

    async def main() -> None:
        fleet = Fleet(tmp_path, LIMITS, 3, shard="1/3")
        write_allotments(fleet.path, ["1/3", "2/3", "3/3"], LIMITS)
        tasks = [asyncio.create_task(fleet.send(n % 3, CONTENT, 2.0)) for n in range(9)]
        for _ in range(60):
            await asyncio.sleep(1.0)
            validator.validate(json.loads(fleet.path.read_bytes()))
        await asyncio.gather(*tasks)
        fleet.close()
        validator.validate(json.loads(fleet.path.read_bytes()))

    hurry(main)


def test_a_process_that_wants_much_gets_no_more_than_one_that_wants_enough(tmp_path: Path) -> None:
    """400 waiting against 30: while both wait, they share evenly, also with a process that comes late."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=20, window_s=10.0)}, 3)
        cost = {LimitClass.POINTS: 1}
        tasks = [asyncio.create_task(fleet.send(0, cost)) for _ in range(400)]
        tasks += [asyncio.create_task(fleet.send(1, cost)) for _ in range(60)]
        await asyncio.sleep(1)
        tasks += [asyncio.create_task(fleet.send(2, cost)) for _ in range(60)]
        await asyncio.sleep(60)
        counts = fleet.server.by
        assert min(counts.values()) / max(counts.values()) >= 0.8
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        fleet.close()

    hurry(main)


def test_reads_of_one_process_flow_past_the_content_that_another_waits_for(tmp_path: Path) -> None:
    """A request that lacks room in one budget holds nobody up in the others."""

    async def main() -> None:
        fleet = Fleet(tmp_path, LIMITS, 2)
        contents = [asyncio.create_task(fleet.send(0, CONTENT)) for _ in range(10)]
        await asyncio.sleep(1)
        began = now()
        await fleet.send(1, READ)
        assert now() - began < 0.5
        assert not all(one.done() for one in contents)
        await asyncio.gather(*contents)
        assert fleet.server.violations == []
        fleet.close()

    hurry(main)


def test_a_closed_window_closes_for_all_processes_at_once_and_reopens_for_all(tmp_path: Path) -> None:
    """After one 403 with Retry-After nobody sends, and soon after its end everybody does."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=1000, window_s=10.0)}, 3)
        cost = {LimitClass.POINTS: 1}
        async with fleet.governors[0].request(cost) as permit:
            permit.report(LimitReport(refused="secondary", retry_after_s=30.0))
        await asyncio.sleep(0.05)
        began = now()
        await asyncio.gather(*(fleet.send(number, cost) for number in range(3)))
        assert 29.5 <= now() - began <= 32.0
        assert fleet.governors[1].snapshot().closed_for_s == 0.0
        fleet.close()

    hurry(main)


def test_after_a_refusal_whose_time_is_over_one_request_looks_first(tmp_path: Path) -> None:
    """With a file, too: it closes for a second, then one goes, and the others when it was answered."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.POINTS: Limit(limit=1000, window_s=10.0)}, 1)
        (governor,) = fleet.governors
        cost = {LimitClass.POINTS: 1}
        went: list[float] = []

        async def send() -> None:
            async with governor.request(cost) as permit:
                went.append(now() - began)
                await asyncio.sleep(0.3)
                permit.report(LimitReport())

        began = now()
        async with governor.request(cost) as permit:
            permit.report(LimitReport(limit=5000, remaining=0, reset_in_s=0.0, refused="primary"))
        await asyncio.gather(*(send() for _ in range(5)))
        assert 1.0 <= went[0] <= 1.3
        assert all(1.3 <= one <= 2.0 for one in went[1:])
        fleet.close()

    hurry(main)


def test_a_closing_beyond_patience_ends_the_waits_of_other_processes_too(tmp_path: Path) -> None:
    """Who waits in another process is told, as in the same one."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.CONCURRENCY: Limit(limit=1)}, 2)
        async with fleet.governors[0].request({LimitClass.CONCURRENCY: 1}) as permit:
            waiter = asyncio.create_task(fleet.send(1, {LimitClass.CONCURRENCY: 1}))
            await asyncio.sleep(0.5)
            permit.report(LimitReport(refused="secondary", retry_after_s=86400.0))
        with pytest.raises(RateLimitedError):
            await waiter
        fleet.close()

    hurry(main)


def test_what_one_process_learns_of_headers_and_imports_all_know(tmp_path: Path) -> None:
    """The told remainder binds all; after a secondary refusal of an import all pace imports as content."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.PRIMARY: Limit(limit=100, window_s=60.0)}, 2)
        one, two = fleet.governors
        async with one.request({LimitClass.PRIMARY: 1}) as permit:
            permit.report(LimitReport(limit=100, remaining=3, reset_in_s=40.0))
        one.refused(Pace.IMPORT, LimitReport(refused="secondary"))
        await asyncio.sleep(0.1)
        began = now()
        for _ in range(3):
            async with two.request({LimitClass.PRIMARY: 1}):
                pass
        assert now() - began < 1
        assert two.imports_are_content
        async with two.request({LimitClass.PRIMARY: 1}):
            assert 39 < now() - began < 42
        fleet.close()

    hurry(main)


def test_a_higher_limit_that_one_process_was_told_is_everybodys(tmp_path: Path) -> None:
    """Also one's that was told nothing yet, and that finds more spent than it thought the whole to be."""

    async def main() -> None:
        limits = {LimitClass.PRIMARY: Limit(limit=5, window_s=60.0)}
        file = RateLimitFile(tmp_path / "r.json", host=FakeHost(1))
        cost = {LimitClass.PRIMARY: 1}
        one = RequestGovernor(
            credential="k", clock=SystemClock(), windows=file.windows("k", limits=limits, told_raises=True)
        )
        for spent in range(1, 9):
            async with one.request(cost) as permit:
                permit.report(LimitReport(limit=12, remaining=12 - spent, reset_in_s=40.0))
        assert one.limits[LimitClass.PRIMARY].limit == 12
        assert one.use()[LimitClass.PRIMARY].used == 8
        other = RateLimitFile(tmp_path / "r.json", host=FakeHost(2))
        two = RequestGovernor(
            credential="k", clock=SystemClock(), windows=other.windows("k", limits=limits, told_raises=True)
        )
        began = now()
        for _ in range(4):
            async with two.request(cost):
                pass
        assert now() - began < 1
        async with two.request(cost):
            assert now() - began > 30
        file.close()
        other.close()

    hurry(main)


@pytest.mark.parametrize(("allotted", "kept"), [(None, 5000), (15_000, 5000), (5000, 1667)])
def test_a_shard_has_its_part_of_the_higher_limit(tmp_path: Path, allotted: int | None, kept: int) -> None:
    """As far as the planning job knew of it: what it reserved for the others stays theirs."""

    async def main() -> None:
        limits = {LimitClass.PRIMARY: Limit(limit=5000, window_s=3600.0)}
        if allotted is not None:
            known = {LimitClass.PRIMARY: Limit(limit=allotted, window_s=3600.0)}
            write_allotments(tmp_path / "r.json", ["1/3", "2/3", "3/3"], known)
        file = RateLimitFile(tmp_path / "r.json", host=FakeHost(1), shard="1/3")
        windows = file.windows("k", limits=limits, told_raises=True)
        governor = RequestGovernor(credential="k", clock=SystemClock(), windows=windows)
        for remaining in (14_990, 14_989):
            async with governor.request({LimitClass.PRIMARY: 1}) as permit:
                permit.report(LimitReport(limit=15_000, remaining=remaining, reset_in_s=900.0))
        assert governor.limits[LimitClass.PRIMARY].limit == kept
        file.close()

    hurry(main)


def test_cancelled_waits_cost_nothing_and_stopping_ends_them(tmp_path: Path) -> None:
    """A cancelled waiter's place goes to the next process; a stopped governor grants nothing more."""

    async def main() -> None:
        fleet = Fleet(tmp_path, {LimitClass.CONCURRENCY: Limit(limit=1)}, 2)
        cost = {LimitClass.CONCURRENCY: 1}
        async with fleet.governors[0].request(cost):
            first = asyncio.create_task(fleet.send(1, cost))
            second = asyncio.create_task(fleet.send(1, cost))
            await asyncio.sleep(0.5)
            first.cancel()
        await asyncio.wait_for(second, 1)
        waiting = asyncio.create_task(fleet.send(0, cost))
        fleet.governors[0].stop("a signal came")
        with pytest.raises(StoppedError, match="a signal"):
            await waiting
        assert fleet.governors[0].snapshot().in_flight == 0
        fleet.close()

    hurry(main)


def test_allotments_bind_apart_and_are_one_budget_on_a_common_file(tmp_path: Path) -> None:
    """Alone a shard has its part; as soon as another shard is seen in the file, all have the whole."""

    async def main() -> None:
        limits = {LimitClass.POINTS: Limit(limit=20, window_s=10.0)}
        fleet = Fleet(tmp_path, limits, 1, shard="2/3")
        allotted = write_allotments(fleet.path, ["1/3", "2/3", "3/3"], limits)
        assert [one[LimitClass.POINTS].limit for one in allotted.values()] == [7, 7, 6]
        cost = {LimitClass.POINTS: 1}
        began = now()
        await asyncio.gather(*(fleet.send(0, cost) for _ in range(14)))
        assert 10 <= now() - began < 11
        assert fleet.governors[0].limits == {LimitClass.POINTS: Limit(limit=7, window_s=10.0)}
        other = fleet.join(FakeHost(9), shard="1/3")
        began = now()
        await asyncio.gather(*(fleet.send(number, cost) for number in (0, other) for _ in range(20)))
        assert now() - began < 31
        assert fleet.governors[0].limits == limits
        assert fleet.server.violations == []
        fleet.close()

    hurry(main)


def test_what_a_shard_leaves_is_the_others(tmp_path: Path) -> None:
    """At once for one that lives, from the start for one that comes later; what it spent stays spent."""

    async def main() -> None:
        limits = {LimitClass.POINTS: Limit(limit=20, window_s=10.0), LimitClass.CONCURRENCY: Limit(limit=9)}
        shards = ["1/3", "2/3", "3/3"]
        cost = {LimitClass.POINTS: 1}
        fleet = Fleet(tmp_path, limits, 1, shard="2/3")
        write_allotments(fleet.path, shards, limits)
        await fleet.send(0, cost)
        assert fleet.governors[0].limits[LimitClass.POINTS].limit == 7
        give_up_allotment(fleet.path, "1/3")
        await fleet.send(0, cost)
        assert fleet.governors[0].limits[LimitClass.POINTS].limit == 10
        fleet.close()
        give_up_allotment(fleet.path, "2/3")
        give_up_allotment(fleet.path, "2/3")
        last = fleet.join(FakeHost(9), shard="3/3")
        began = now()
        await asyncio.gather(*(fleet.send(last, cost) for _ in range(18)))
        assert now() - began < 1
        assert fleet.governors[last].limits == limits
        await fleet.send(last, cost)
        assert now() - began > 5  # two were spent by the one before
        assert fleet.server.violations == []
        fleet.close()

    hurry(main)


def test_nothing_is_made_of_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Who was allotted nothing gives nothing up; the name has to be a shard's all the same."""
    give_up_allotment(tmp_path / "r.json", "1/2")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConfigurationError):
        give_up_allotment(tmp_path / "r.json", "3/2")


def test_without_allotments_in_the_file_a_shard_divides_by_itself(tmp_path: Path) -> None:
    """The name of a shard says how many there are."""
    windows = RateLimitFile(tmp_path / "r.json", shard="4/4").windows("k", limits=LIMITS)
    assert windows.limits[LimitClass.CONTENT_MINUTE] == Limit(limit=1, window_s=10.0)


def test_allotments_that_cannot_be_written_are_an_error(tmp_path: Path) -> None:
    """A planning job must not go on as if the shares were known."""
    (tmp_path / "file").touch()
    with pytest.raises(WorkDirectoryError, match="allotments"):
        write_allotments(tmp_path / "file" / "r.json", ["1/1"], LIMITS)


plans = st.lists(
    st.tuples(
        st.integers(0, 3),  # which process
        st.sampled_from([READ, WRITE, CONTENT]),
        st.floats(0, 25),  # when it is asked for
        st.floats(0, 3),  # how long it takes
        st.sampled_from([None, None, None, 0.0, 5.0]),  # when it is given up
    ),
    min_size=1,
    max_size=50,
)


@settings(max_examples=25, phases=WITHOUT_SHRINKING)
@given(plans, st.integers(0, 2**32))
def test_any_mixture_is_served_without_a_violation(
    requests: list[tuple[int, dict[LimitClass, int], float, float, float | None]], seed: int
) -> None:
    """Processes on two hosts with wrong dates, any latencies and cancels: exact, and everybody is served."""

    async def main(folder: Path) -> None:
        fleet = Fleet(folder, LIMITS, 0)
        for number in range(4):
            host = "ab"[number % 2]
            fleet.join(
                FakeHost(number, host=host, boot=[500.0, 77.0][number % 2], skew_s=[0.0, 9.0][number % 2])
            )

        async def request(
            number: int, costs: dict[LimitClass, int], at: float, takes_s: float, until: float | None
        ) -> None:
            await asyncio.sleep(at)
            sending = fleet.send(number, costs, takes_s)
            if until is None:
                await sending
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(sending, until)

        await asyncio.gather(*(request(*one) for one in requests))
        assert fleet.server.violations == []
        assert all(one.snapshot().in_flight == 0 for one in fleet.governors)
        fleet.close()
        assert not fleet.path.exists() or json.loads(fleet.path.read_bytes())["members"] == {}

    random.seed(seed)
    with TemporaryDirectory() as folder:
        hurry(lambda: main(Path(folder)))


def test_the_name_of_a_credential_tells_nothing_and_is_the_same_everywhere() -> None:
    """Side, address and credential make it; case and a last slash of the address do not."""
    key = credential_key("github", "https://API.github.com/", "ghp_secret")
    assert key == credential_key("github", "https://api.github.com", "ghp_secret")
    assert "secret" not in key
    others = [
        credential_key("gitlab", "https://api.github.com", "ghp_secret"),
        credential_key("github", "https://api.github.com", "ghp_other"),
        credential_key("github", "https://ghe.test", "ghp_secret"),
    ]
    assert len({key, *others}) == 4


@pytest.mark.slow
def test_real_processes_reach_the_figures(project_root: Path) -> None:
    """Four processes, and one killed with the lock: full use, no violation, fair; a 403 closes for all."""
    ended = subprocess.run(
        [sys.executable, project_root / "bench/rate_file.py", "--quick", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    figures = json.loads(ended.stdout)
    for scene in ("shared-4", "killed"):
        assert figures[scene]["use"] >= 0.95
        assert figures[scene]["violations"] == 0
    assert figures["shared-4"]["fairness"] >= 0.8
    assert figures["killed"]["killed"] == 1
    refused = figures["refused"]
    assert refused["violations"] == 0
    assert refused["full rate after s"] <= refused["goal s"]
    # On a busy machine each process may have one that was granted before and is not sent yet.
    assert refused["sent after it was told"] <= refused["in flight then"] + 4
