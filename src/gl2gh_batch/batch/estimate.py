"""How long a project still takes: by its plan at first, and by its own pace as soon as it has one; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gl2gh_batch.domain.modes import AgentName

# What the other agents take, as a share of the chain of writes: a guess, until there is a pace.
SHARE_OF_CHAIN: Final = {
    AgentName.DISCOVERY: 0.0,
    AgentName.EXPORT: 0.15,
    AgentName.TRANSFORM: 0.02,
    AgentName.PLAN: 0.02,
    AgentName.APPLY: 1.0,
    AgentName.VERIFY: 0.1,
}
LEAST_S: Final = 1.0
# A step that took less was done by an earlier run, and is passed over: it says nothing of the pace.
LEAST_OF_A_STEP_S: Final = 0.02
# Who waited for so much of the time is held by budgets, which the plan knows of and a quick pace does not.
HELD_SHARE: Final = 0.25


@dataclass(slots=True, kw_only=True)
class Estimate:
    """One project's; its writes are expected to take `chain_s`. Times are seconds of one clock.

    The time that it waited for a budget is no pace: it says nothing of the steps to come.
    """

    agents: tuple[str, ...]
    chain_s: float
    agent: str | None = None
    steps: int | None = None
    _agent_at: float = 0.0
    _left: list[str] = field(default_factory=list)
    _done: dict[str, int] = field(default_factory=dict)
    _total: int | None = None
    _last_at: float = 0.0
    _paced: tuple[float, int] = (0.0, 0)
    _waits: tuple[float, float] = (0.0, 0.0)  # the latest, from and until
    _waited_s: float = 0.0  # before the latest, since the agent began
    _counted_s: float = 0.0  # all of it at the last step

    def __post_init__(self) -> None:
        self._left = list(self.agents)

    def begin(self, agent: str, now: float) -> None:
        """An agent begins."""
        self.agent, self._agent_at, self._total = agent, now, None
        self._done.clear()
        self._last_at, self._paced = now, (0.0, 0)
        self._waits, self._waited_s = (now, max(now, self._waits[1])), 0.0
        self._counted_s = 0.0
        if agent in self.agents:  # a plan that is made again has its agents once more before it
            self._left = list(self.agents[self.agents.index(agent) + 1 :])

    def end(self) -> None:
        """The agent ended."""
        self.agent = None

    def plan(self, steps: int, seconds: float) -> None:
        """The plan says how many steps there are, and how long they take."""
        self.steps, self.chain_s = steps, seconds

    def count(self, kind: str, done: int, total: int | None, now: float) -> None:
        """So many of a kind are done; an apply counts in steps, any other agent in what it is at now."""
        before = self._done.get(kind, 0)
        if self.agent == AgentName.APPLY:
            self._done[kind] = done
            self._total = self.steps
        else:
            if kind not in self._done:
                self._last_at, self._paced = now, (0.0, 0)
            self._done = {kind: done}
            self._total = total
        took_s, steps = self._worked_s(now), done - before
        if steps > 0 and took_s >= LEAST_OF_A_STEP_S * steps:
            self._paced = (self._paced[0] + took_s, self._paced[1] + steps)
        self._last_at, self._counted_s = now, self._all_waits_s(now)

    def wait(self, until: float, now: float) -> None:
        """It waits for a budget; what is under way meanwhile may still be counted."""
        began, ends = self._waits
        if now > ends:
            self._waited_s += ends - began
            began = now
            ends = now
        self._waits = (began, max(ends, until))

    def left_s(self, now: float, waits_until: float | None) -> float:
        """The seconds until it has ended: what is left of the wait, then the rest at the pace before it."""
        if waits_until is not None and waits_until > now:
            self.wait(waits_until, now)
        later = sum(self._expected_s(agent) for agent in self._left)
        here = self._here_s(now) if self.agent is not None else 0.0
        return max(0.0, self._waits[1] - now) + here + later

    def _all_waits_s(self, now: float) -> float:
        """How long it has waited since the agent began."""
        began, ends = self._waits
        return self._waited_s + min(now, ends) - min(now, began)

    def _worked_s(self, now: float) -> float:
        """How long it has not waited since the last step."""
        return max(0.0, now - self._last_at - (self._all_waits_s(now) - self._counted_s))

    def _expected_s(self, agent: str) -> float:
        return expected_s((agent,), self.chain_s)

    def _here_s(self, now: float) -> float:
        assert self.agent is not None
        whole_s = self._expected_s(self.agent)
        if not self._total:
            return max(LEAST_S, whole_s - (now - self._agent_at - self._all_waits_s(now)))
        left = max(0, self._total - sum(self._done.values()))
        by_plan_s = whole_s * left / self._total
        seconds, steps = self._paced
        if not steps:
            return by_plan_s
        worked_s, waited_s = seconds + self._worked_s(now), self._all_waits_s(now)
        by_pace_s = left * worked_s / steps
        # The pace is quick as long as no budget is spent, which the plan knows of: believed bit by bit.
        held = min(1.0, waited_s / (worked_s + waited_s) / HELD_SHARE) if waited_s else 0.0
        known = steps / (steps + left) * (1 - held)
        return known * by_pace_s + (1 - known) * max(by_pace_s, by_plan_s)


def expected_s(agents: Iterable[str], chain_s: float) -> float:
    """What these agents are expected to take on a project whose writes take so long."""
    return sum(LEAST_S + SHARE_OF_CHAIN[AgentName(agent)] * chain_s for agent in agents)


def batch_left_s(running: Iterable[float], waiting: Iterable[float], parallel_limit: int) -> float:
    """The seconds until all have ended: what is left, shared by those at once, and no less than one's."""
    every = [*running, *waiting]
    at_once = max(1, min(parallel_limit, len(every)))
    return max([sum(every) / at_once, *every], default=0.0)
