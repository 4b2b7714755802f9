"""The contract of an agent: it reads the file of the one before and writes its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.result import AgentResult

INVENTORY: Final = "gl2gh-batch/inventory"
PLAN: Final = "gl2gh-batch/plan"
VERIFICATION: Final = "gl2gh-batch/verification"
AGENT_FILES_VERSION: Final = 1
TRANSFORM_REMEDY: Final = "Run again with resume_from=transform: the files are written anew."


def counted(number: int, one: str, many: str = "") -> str:
    """`1 step`, `2 steps`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


class Agent(ABC):
    """One of the six."""

    name: ClassVar[AgentName]

    @abstractmethod
    async def is_current(self, desk: Desk) -> bool:
        """True when its file is there, whole, and made from the same inputs."""

    @abstractmethod
    async def run(self, desk: Desk) -> AgentResult:
        """Do the work and write the file."""

    def forget(self, desk: Desk) -> None:  # noqa: B027 - most agents keep nothing of what they did not finish
        """Take away what an unfinished run left: it is to be done again from its beginning."""
