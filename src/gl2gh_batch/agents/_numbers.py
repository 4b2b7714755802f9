"""The map of a project's numbers, a line for each range.

It is written while the plan is made; where no number is promised, when all are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.domain.numbering import PLACEHOLDERS, NumberRange
from gl2gh_batch.domain.plan import Finding, Severity
from gl2gh_batch.kinds import Kind, filling_order
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import LineWriter, lines_to, read_lines

# As many as a reader looks at; the rest is in the file.
MOST_IN_HEAD: Final = 20


def numbering_findings(desk: Desk) -> Iterator[Finding]:
    """Numbers that were given stand: another policy cannot be carried out any more."""
    stands, wanted = desk.reference.numbers.policy, desk.request.policies.numbering
    if stands is not wanted:
        yield Finding(
            code="numbering-stands",
            severity=Severity.BLOCKING,
            message=f"numbering is {stands.value} since its apply began, and cannot become {wanted.value}",
            hint=f"Write numbering: {stands.value} again. For other numbers begin anew: `gl2gh-batch cleanup`"
            " deletes the repository, and the next plan is free.",
            item=str(desk.repo),
        )


class NumberMap:
    """Takes the items in the order of their numbers."""

    def __init__(self, lines: LineWriter) -> None:
        self._lines = lines
        self._last: NumberRange | None = None
        self.head: list[NumberRange] = []

    def add(self, kind: Kind[Any, Any], desired: Any) -> None:
        """Take one item, if it has a number at all."""
        number = kind.number_of(desired)
        if number is None:
            return
        sort, _, iid = kind.source_of(desired).partition("/")
        first = number if sort == PLACEHOLDERS else int(iid)
        if self._last is not None and self._last.is_followed_by(sort, first, number):
            self._last = self._last.longer()
        else:
            self.finish()
            self._last = NumberRange(sort=sort, first=first, number=number)

    def finish(self) -> None:
        """Write what is at hand."""
        if self._last is None:
            return
        self._lines.write(codec.encode(self._last))
        if len(self.head) < MOST_IN_HEAD:
            self.head.append(self._last)
        self._last = None


def write_given_numbers(desk: Desk, ledger: Ledger) -> None:
    """Write the map anew by what the receipts say."""
    with lines_to(desk.folder.numbers) as lines:
        numbers = NumberMap(lines)
        for name in filling_order(desk.kinds, desk.reference.numbers):
            kind = desk.kinds[name]
            path = desk.folder.lines_of(desk.folder.desired, name)
            for line in read_lines(path) if path.is_file() else ():
                made = kind.as_made(codec.decode(line, kind.desired_type), ledger.receipt)
                if (kind.number_of(made) or 0) > 0:
                    numbers.add(kind, made)
        numbers.finish()


def read_numbers(path: Path) -> Iterator[NumberRange]:
    """The ranges of a project; none without a plan."""
    if path.is_file():
        for line in read_lines(path):
            yield codec.decode(line, NumberRange)
