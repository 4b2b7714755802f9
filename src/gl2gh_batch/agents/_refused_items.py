"""What becomes of the rest when GitHub refuses one item: it goes on, but for what needs that item."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from gl2gh_batch.agents._agent import counted
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.errors import (
    AuthenticationError,
    CapabilityMissingError,
    EarlierStepMissingError,
    GitError,
    Gl2ghError,
    NotFoundError,
    NumberMismatchError,
    TargetError,
    TargetLockedError,
    TargetNotOursError,
    UnclearAnswerError,
)
from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.plan import CREATE_STEP, Call, GitPush, Phase, Step, Upload

# So many of a kind, one after the other, are no matter of the items any more.
IN_A_ROW: Final = 3
_NAMED_AT_MOST: Final = 5
_OF_AN_ITEM: Final = (TargetError, NotFoundError, UnclearAnswerError)
_OF_ALL: Final = (CapabilityMissingError, NumberMismatchError, TargetLockedError, TargetNotOursError)
# A token may be let into some repositories only, and not into one that was just made.
_OF_A_PUSH: Final = (AuthenticationError, GitError)
_NUMBER: Final = re.compile(r"/(?:issues|pulls)/(\d+)(?:/|$)")


class RefusedItems:
    """The refused items of one phase.

    After a refused issue or pull request those of later numbers wait, since the numbers would be others;
    after a refused part of one (a comment, a review) its later parts do, since their order would be another.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._numbered = {
            name for name, kind in desk.kinds.items() if kind.numbers_of(desk.reference.numbers)
        }
        self._errors: list[Gl2ghError] = []
        self._refused = 0
        self._waiting = 0
        self._in_a_row: Counter[str] = Counter()
        self._held_kinds: set[str] = set()
        self._held_numbers: set[str] = set()

    def hold_back(self, step: Step) -> bool:
        """Whether the step has to wait for a refused one; it is counted then."""
        number = _number_of(step)
        waits = step.kind in self._held_kinds or (number is not None and number in self._held_numbers)
        self._waiting += waits
        return waits

    def sent(self, step: Step) -> None:
        """The step was performed."""
        self._in_a_row[step.kind] = 0

    def take(self, step: Step, error: Gl2ghError) -> None:
        """Keep the error for the end; raises it when it is not a matter of this item alone."""
        if isinstance(error, EarlierStepMissingError) and self._refused:
            self._waiting += 1
            if _is_numbered(step):
                self._held_kinds |= self._numbered
            return
        if isinstance(step, GitPush) and step.repo != self._desk.repo:
            if not isinstance(error, (*_OF_AN_ITEM, *_OF_A_PUSH)):
                raise error
        elif not _stands_alone(step) or isinstance(error, _OF_ALL) or not isinstance(error, _OF_AN_ITEM):
            raise error
        self._refused += 1
        if len(self._errors) < _NAMED_AT_MOST:
            self._errors.append(error)
        self._in_a_row[step.kind] += 1
        if _is_numbered(step):
            self._held_kinds |= self._numbered
        elif self._in_a_row[step.kind] == IN_A_ROW:
            self._held_kinds.add(step.kind)
        if (number := _number_of(step)) is not None:
            self._held_numbers.add(number)
        self._desk.emit(
            Noticed(
                project=self._desk.label,
                level="warning",
                # A job that ran beside others may be told by a later step.
                message=f"{error.item or step.id} was not made: {error.message}",
                hint="The others go on. Once the cause is removed, the same command sends what is missing.",
            )
        )

    def ended(self, error: Gl2ghError) -> None:
        """Keep the error of what was still under way at the end; raises it when it is no item's."""
        if not isinstance(error, _OF_AN_ITEM):
            raise error
        self._refused += 1
        self._errors.append(error)

    def finish(self) -> None:
        """Raise the first error, with the others' names, when there was any."""
        if not self._errors:
            return
        first, *others = self._errors
        if self._refused > 1:
            names = ", ".join(str(one.item) for one in others)
            more = self._refused - len(self._errors)
            first.message += (
                f"; {self._refused - 1} more were refused: {names}{f' and {more} more' if more else ''}"
            )
        if self._waiting:
            first.message += f"; {counted(self._waiting, 'step')} waited for them"
        rest = (
            "The rest was sent. Once the cause is removed, the same command sends what is missing. Where the"
            " cause is that GitHub lacks what it said was made, `gl2gh-batch recover` removes it."
        )
        first.hint = f"{first.hint} {rest}".strip()
        raise first


def _stands_alone(step: Step) -> bool:
    """True for what nothing but its own item needs: not the repository itself, nor what keeps it safe."""
    if step.phase is not Phase.FILL or step.id == CREATE_STEP:
        return False
    return isinstance(step, Upload) or (isinstance(step, Call) and not step.early)


def _is_numbered(step: Step) -> bool:
    return isinstance(step, Call) and step.expect_number is not None


def _number_of(step: Step) -> str | None:
    found = _NUMBER.search(step.path) if isinstance(step, Call) else None
    return found.group(1) if found else None
