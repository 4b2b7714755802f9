"""How long it still takes is told: by the plan, then by the pace, and never less than a known wait."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gl2gh_batch.batch.estimate import Estimate, batch_left_s, expected_s
from gl2gh_batch.batch.progress import Progress
from gl2gh_batch.domain.events import (
    AgentFinished,
    AgentStarted,
    BatchFinished,
    BatchStarted,
    Counted,
    Estimated,
    Event,
    Planned,
    ProjectFinished,
    ProjectStarted,
    Waiting,
)

FULL = ("discovery", "export", "transform", "plan", "apply", "verify")


class Ticking:
    """A clock that is put forward by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Watch:
    """A progress on such a clock, and what it told."""

    def __init__(self, projects: int = 1, parallel_limit: int = 1, chain_s: float = 1000.0) -> None:
        self.clock = Ticking()
        self.told: list[Event] = []
        self.progress = Progress(clock=self.clock, emit=self.told.append, batch_id="b")  # type: ignore[arg-type]  # no more of a clock is asked
        self.hear(
            BatchStarted(batch_id="b", mode="FULL", total_projects=projects, parallel_limit=parallel_limit)
        )
        self.progress.expect({f"p{number}": chain_s for number in range(projects)}, FULL)

    def hear(self, event: Event, at: float | None = None) -> None:
        """One event, at that second."""
        self.clock.seconds = self.clock.seconds if at is None else at
        self.progress.hear(event)

    def begin(self, name: str = "p0", *agents: str) -> None:
        """A project has come to the last of these agents."""
        self.hear(ProjectStarted(project=name, index=0, agents=FULL))
        for agent in agents:
            self.hear(AgentStarted(project=name, agent=agent))
            if agent != agents[-1]:
                self.hear(AgentFinished(project=name, agent=agent, status="done"))

    @property
    def left_s(self) -> float:
        """What is left of the first project."""
        found: float = self.progress.snapshot()["projects"]["p0"]["eta_s"]
        return found

    @property
    def batch_left_s(self) -> float | None:
        """What is left of the batch."""
        found: float | None = self.progress.snapshot()["eta_s"]
        return found


def test_reading_in_seconds_says_nothing_of_writing_for_hours() -> None:
    """Five agents that are done in ten seconds do not make the sixth, of five hours, one of two."""
    watch = Watch()
    watch.begin("p0", *FULL[:5])
    watch.clock.seconds = 10
    watch.hear(Planned(project="p0", steps=10_000, hours=5.0))
    assert 5 * 3600 <= watch.left_s <= 5.6 * 3600


def test_the_pace_of_an_apply_counts_as_soon_as_there_is_one() -> None:
    """After a tenth of the steps, twice as slow as planned, twice as much is left as planned."""
    watch = Watch()
    watch.begin("p0", *FULL[:5])
    watch.hear(Planned(project="p0", steps=1000, hours=1.0))
    for done in range(101):
        watch.hear(Counted(project="p0", agent="apply", kind="issues", done=done, total=800), at=done * 7.2)
    assert watch.left_s == pytest.approx(900 * 7.2 + 0.1 * 3600, rel=0.05)


def test_a_resumed_apply_is_not_judged_by_what_it_passes_over() -> None:
    """Nine hundred steps done before pass in a moment; the hundred that are left take their time."""
    watch = Watch()
    watch.begin("p0", *FULL[:5])
    watch.hear(Planned(project="p0", steps=1000, hours=0.1))
    for done in range(901):
        watch.hear(Counted(project="p0", agent="apply", kind="issues", done=done, total=1000), at=done * 1e-4)
    for done in range(901, 951):
        watch.hear(
            Counted(project="p0", agent="apply", kind="issues", done=done, total=1000), at=2 * (done - 900)
        )
    assert 50 <= watch.left_s - 0.1 * 360 <= 150


def test_a_wait_that_is_known_is_the_least() -> None:
    """Whoever waits forty minutes for a budget is not done before."""
    watch = Watch(chain_s=1.0)
    watch.begin("p0", *FULL[:5])
    watch.hear(Waiting(project="p0", credential="c", limit_class="content_hour", seconds=2400))
    assert watch.left_s >= 2400
    watch.clock.seconds = 1000
    assert 1400 <= watch.left_s < 1410


@pytest.mark.parametrize("limit_class", ["closed", "content_hour"])
def test_a_wait_is_no_pace(limit_class: str) -> None:
    """An hour's closing after twenty of a thousand steps is added once; the rest goes on as before."""
    watch = Watch()
    watch.begin("p0", *FULL[:5])
    watch.hear(Planned(project="p0", steps=1000, hours=1750 / 3600))

    def count(done: int, at: float) -> None:
        watch.hear(Counted(project="p0", agent="apply", kind="issues", done=done, total=1000), at=at)

    for done in range(1, 21):
        count(done, done * 1.75)
    before = watch.left_s
    watch.hear(Waiting(project="p0", credential="c", limit_class=limit_class, seconds=3600.0), at=35.0)
    assert watch.left_s == pytest.approx(before + 3600, rel=0.001)
    count(21, 36.0)  # was under way when it began
    last = watch.left_s
    for at in range(100, 3636, 100):
        watch.clock.seconds = at
        if at == 1000:  # told once more, a little longer
            watch.hear(Waiting(project="p0", credential="c", limit_class=limit_class, seconds=2636.0), at=at)
        assert watch.left_s < last
        last = watch.left_s
        assert last == pytest.approx(before + 3635 - at, abs=5)
    for done in range(22, 62):
        count(done, 3635 + (done - 21) * 1.75)
        assert watch.left_s == pytest.approx(before - 1.75 * (done - 20), abs=5)


def test_a_wait_is_told_for_as_long_as_it_lasts() -> None:
    """Once the budget is there again nobody is said to wait for it, also where nothing was counted since."""
    watch = Watch()
    watch.begin("p0", "export")
    watch.hear(Waiting(project="p0", credential="gitlab-1", limit_class="gitlab_requests", seconds=40.0), 1.0)
    watch.clock.seconds = 11.0
    (seen,) = watch.progress.snapshot()["projects"].values()
    assert (seen["waits_for"], seen["waits_s"]) == ("gitlab_requests", 30.0)
    watch.clock.seconds = 41.0
    (seen,) = watch.progress.snapshot()["projects"].values()
    assert (seen["waits_for"], seen["waits_s"]) == (None, None)


def test_batches_that_share_their_resources_are_counted_apart() -> None:
    """Another batch's beginning, projects and end change nothing; after its own end nothing does."""
    watch = Watch(projects=2)
    watch.begin("p0", "export")
    watch.hear(BatchStarted(batch_id="other", mode="FULL", total_projects=7, parallel_limit=1))
    watch.begin("q0", "export")
    watch.hear(ProjectFinished(project="q0", index=0, status="success"))
    watch.hear(BatchFinished(batch_id="other", status="success"))
    watch.hear(ProjectFinished(project="p0", index=0, status="success"))
    watch.begin("p1", "export")
    seen = watch.progress.snapshot()
    assert (seen["total_projects"], seen["by_status"]) == (2, {"success": 1, "in_progress": 1})
    watch.hear(ProjectFinished(project="p1", index=1, status="failed"))
    watch.hear(BatchFinished(batch_id="b", status="partial_success"))
    watch.begin("p1", "export")  # a later batch goes on with it
    assert watch.progress.snapshot()["by_status"] == {"success": 1, "failed": 1}


def test_the_batch_takes_what_its_projects_take_side_by_side() -> None:
    """Those that have not begun count, as much slower as those that ended; nothing is left at the end."""
    watch = Watch(projects=4, parallel_limit=2)
    assert watch.batch_left_s is None
    watch.begin("p0", "discovery")
    one = expected_s(FULL, 1000.0)
    assert watch.batch_left_s == pytest.approx(2 * one, rel=0.01)
    watch.hear(ProjectFinished(project="p0", index=0, status="success"), at=3 * one)
    watch.begin("p1", "discovery")
    assert watch.batch_left_s == pytest.approx((one + 2 * 3 * one) / 2, rel=0.01)
    for name in ("p1", "p2", "p3"):
        watch.begin(name)
        watch.hear(ProjectFinished(project=name, index=0, status="failed"))
    assert watch.batch_left_s is None
    assert watch.progress.snapshot()["projects"]["p3"]["eta_s"] is None


def test_a_closing_in_one_project_does_not_slow_those_that_come() -> None:
    """A small project that was closed out for an hour says nothing of the next ones."""
    watch = Watch(projects=3, chain_s=10.0)
    one = expected_s(FULL, 10.0)
    watch.begin("p0", "apply")
    watch.hear(Waiting(project="p0", credential="c", limit_class="closed", seconds=1800.0))
    watch.hear(Waiting(project="p0", credential="c", limit_class="closed", seconds=3600.0), at=10)
    watch.hear(ProjectFinished(project="p0", index=0, status="success"), at=3610 + one)
    assert watch.batch_left_s == pytest.approx(2 * one, abs=0.2)


def test_estimates_are_events_and_few() -> None:
    """The project's and the batch's are told, and again when they changed: not with each count."""
    watch = Watch()
    watch.begin("p0", *FULL[:5])
    watch.hear(Planned(project="p0", steps=1000, hours=1.0))
    for done in range(1000):
        watch.hear(Counted(project="p0", agent="apply", kind="issues", done=done, total=1000), at=done * 3.6)
    told = [one for one in watch.told if isinstance(one, Estimated)]
    assert {one.project for one in told} == {"p0", ""}
    assert len(told) < 60
    assert all(one.seconds >= 0 for one in told)


@given(
    events=st.lists(
        st.tuples(
            st.sampled_from(["start", "end", "plan", "count", "wait"]),
            st.sampled_from(FULL),
            st.integers(0, 50),
            st.floats(0, 100),
        )
    )
)
def test_any_story_has_an_end(events: list[tuple[str, str, int, float]]) -> None:
    """Whatever is counted in whatever order, the estimate is a number from 0."""
    estimate, now = Estimate(agents=FULL, chain_s=100.0), 0.0
    for what, agent, number, seconds in events:
        now += seconds
        match what:
            case "start":
                estimate.begin(agent, now)
            case "end":
                estimate.end()
            case "plan":
                estimate.plan(number, seconds)
            case "count" if estimate.agent is not None:
                estimate.count("issues", number, number or None, now)
            case _:
                pass
        assert 0 <= estimate.left_s(now, None if number % 2 else now + seconds) < 1e9


def test_nothing_is_left_of_nothing() -> None:
    """No project, no time; one that is longer than the others' share binds."""
    assert batch_left_s([], [], 5) == 0.0
    assert batch_left_s([100.0], [1.0, 1.0], 5) == 100.0
