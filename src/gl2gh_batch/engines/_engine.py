"""The contract of an engine: it alone writes to the target."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ClassVar

from gl2gh_batch.domain.plan import Step, TargetFacts
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.claim import TargetClaim
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder
from gl2gh_batch.target.api import GitHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """What an engine works with, for one project."""

    github: GitHub
    git: Git
    ledger: Ledger
    folder: ProjectFolder
    repo: RepoRef
    git_url: str
    git_token: Callable[[], Awaitable[str]]
    facts: TargetFacts
    clock: Clock
    emit: Emit
    project: str
    claim: TargetClaim | None = None


class Engine(ABC):
    """Performs the steps of one project, one after the other, each exactly once."""

    name: ClassVar[str]
    covers: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench

    @abstractmethod
    async def open(self) -> None:
        """Make sure that the target is ours to write to; raises `TargetNotOursError`."""

    @abstractmethod
    async def perform(self, step: Step) -> bool:
        """Perform the step unless the ledger has its receipt; True when something was sent."""
