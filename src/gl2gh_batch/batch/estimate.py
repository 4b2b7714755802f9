"""How long a project still takes: by its plan at first, and by its own pace as soon as it has one; pure."""

from __future__ import annotations

from collections import deque
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
# The pace is the slower of two: that of late, since what an earlier run did is passed over in a moment; and
# that of the last hour and more, with the waits for budgets in it.
OF_LATE_S: Final = 20.0
LOOKED_BACK_S: Final = 4500.0


@dataclass(slots=True, kw_only=True)
class Estimate:
    """One project's; its writes are expected to take `chain_s`. Times are seconds of one clock."""

    agents: tuple[str, ...]
    chain_s: float
    agent: str | None = None
    steps: int | None = None
    _agent_at: float = 0.0
    _left: list[str] = field(default_factory=list)
    _done: dict[str, int] = field(default_factory=dict)
    _total: int | None = None
    _marks: deque[tuple[float, int]] = field(default_factory=deque)
    _counted: tuple[float, int] = (0.0, 0)

    def __post_init__(self) -> None:
        self._left = list(self.agents)

    def begin(self, agent: str, now: float) -> None:
        """An agent begins."""
        self.agent, self._agent_at, self._total = agent, now, None
        self._done.clear()
        self._marks.clear()
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
        if self.agent == AgentName.APPLY:
            self._done[kind] = done
            self._total = self.steps
        else:
            if kind not in self._done:
                self._marks.clear()
            self._done = {kind: done}
            self._total = total
        self._counted = (now, sum(self._done.values()))
        if not self._marks or now - self._marks[-1][0] >= OF_LATE_S:
            self._marks.append(self._counted)
        while len(self._marks) > 2 and now - self._marks[0][0] > LOOKED_BACK_S:
            self._marks.popleft()

    def left_s(self, now: float, waits_until: float | None) -> float:
        """The seconds until it has ended; at least until what it waits for."""
        later = sum(self._expected_s(agent) for agent in self._left)
        here = self._here_s(now) if self.agent is not None else 0.0
        if waits_until is not None:
            here = max(here, waits_until - now)
        return here + later

    def _expected_s(self, agent: str) -> float:
        return expected_s((agent,), self.chain_s)

    def _here_s(self, now: float) -> float:
        assert self.agent is not None
        whole_s = self._expected_s(self.agent)
        if not self._total:
            return max(LEAST_S, whole_s - (now - self._agent_at))
        last_at, done = self._counted
        left = max(0, self._total - done)
        late = next((mark for mark in reversed(self._marks) if last_at - mark[0] >= OF_LATE_S), None)
        if late is None:
            return whole_s * left / self._total
        paces = ((last_at - late[0], done - late[1]), (now - self._marks[0][0], done - self._marks[0][1]))
        return max(left * seconds / max(1, steps) for seconds, steps in paces)


def expected_s(agents: Iterable[str], chain_s: float) -> float:
    """What these agents are expected to take on a project whose writes take so long."""
    return sum(LEAST_S + SHARE_OF_CHAIN[AgentName(agent)] * chain_s for agent in agents)


def batch_left_s(running: Iterable[float], waiting: Iterable[float], parallel_limit: int) -> float:
    """The seconds until all have ended: what is left, shared by those at once, and no less than one's."""
    every = [*running, *waiting]
    at_once = max(1, min(parallel_limit, len(every)))
    return max([sum(every) / at_once, *every], default=0.0)
