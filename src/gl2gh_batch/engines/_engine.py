"""The contract of an engine: it alone writes to the target."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gl2gh_batch import codec
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import Call, NoOp, Plan, Step, TargetFacts
from gl2gh_batch.domain.ports import Clock, Emit
from gl2gh_batch.domain.refs import RepoRef
from gl2gh_batch.kit.claim import TargetClaim
from gl2gh_batch.kit.git import Git
from gl2gh_batch.kit.git_process import GitAuth
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder
from gl2gh_batch.target.api import GitHub


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbench:
    """What an engine works with, for one project; `steps` reads the plan's anew each time."""

    github: GitHub
    git: Git
    ledger: Ledger
    folder: ProjectFolder
    repo: RepoRef
    git_url: str
    git_auth: Callable[[], Awaitable[GitAuth]]
    facts: TargetFacts
    clock: Clock
    emit: Emit
    project: str
    claim: TargetClaim | None = None
    steps: Callable[[], Iterable[Step | NoOp]] = tuple


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
    async def recover(self, plan: Plan, steps: Callable[[], Iterable[Step]]) -> int:
        """Give the steps that the target proves their receipts in an empty ledger; how many.

        Writes nothing to the target. Raises `TargetNotOursError`.
        """

    @abstractmethod
    async def remove(self, repositories: Sequence[str]) -> None:
        """Delete these, one after the other; whether they may be deleted is for the caller to know."""

    @abstractmethod
    async def perform(self, step: Step) -> bool:
        """Perform the step unless the ledger has its receipt; True when something was sent.

        What runs side by side may have none yet: `settle` waits for it.
        """

    @abstractmethod
    async def settle(self) -> None:
        """Wait until everything that was sent has its receipt."""


def digest_of(step: Step) -> str:
    """What the ledger writes down of a step: another digest is another request."""
    return hashlib.sha256(codec.encode(step)).hexdigest()


def may_repeat(step: Step) -> bool:
    """True for what can be sent twice without harm: no lookup is needed to find out."""
    return not isinstance(step, Call) or step.repeatable or (step.lookup is None and step.method != "POST")


def is_due(call: Call, ledger: Ledger) -> bool:
    """False for what hangs on a step that was not made, and for the substitute of one that was not."""
    if call.after:
        before = ledger.receipt(call.after)
        if before is not None and before.state is not StepState.DONE:
            return False
    if not call.instead_of:
        return True
    first = ledger.receipt(call.instead_of)
    return first is not None and first.state is StepState.REFUSED
