"""Verify: reads the target back with other code than that which wrote it, and compares."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Final

from gl2gh_batch import codec
from gl2gh_batch.agents._agent import AGENT_FILES_VERSION, VERIFICATION, Agent
from gl2gh_batch.agents._desk import Desk
from gl2gh_batch.agents.apply import CLOSED, phase_is_done
from gl2gh_batch.agents.plan import read_plan, read_steps, require_plan
from gl2gh_batch.domain.errors import about
from gl2gh_batch.domain.ledger import Receipt, StepState
from gl2gh_batch.domain.modes import AgentName
from gl2gh_batch.domain.plan import CREATE_STEP, Call, NoOp, Phase, Plan
from gl2gh_batch.domain.request import Visibility
from gl2gh_batch.domain.result import (
    AgentResult,
    Difference,
    DifferenceSort,
    KindVerification,
    Verification,
)
from gl2gh_batch.kinds import Kind, Receipts
from gl2gh_batch.kinds.repository import ACTIONS_STEP, OPEN_STEP
from gl2gh_batch.kit.ledger import Ledger
from gl2gh_batch.kit.workdir import ProjectFolder, lines_to, read_document, read_lines, write_document
from gl2gh_batch.target.witness import Witness

SHOWN: Final = 50
# All ways in which so many steps may have ended are thought of; of more, that all have or none has.
MOST_UNCLEAR: Final = 4
REMEDY: Final = "Run again with resume_from=verify: the verification is made anew."


def read_verification(folder: ProjectFolder) -> Verification | None:
    """The last verification of the project; None when there is none."""
    return read_document(folder.verification, VERIFICATION, AGENT_FILES_VERSION, Verification, remedy=REMEDY)


class Verify(Agent):
    """Writes `verify.json` (the verdict) and `verify.ndjson` (every difference)."""

    name = AgentName.VERIFY

    async def is_current(self, desk: Desk) -> bool:
        plan = read_plan(desk.folder)
        verification = read_verification(desk.folder)
        return (
            plan is not None
            and verification is not None
            and belongs(desk, plan, verification)
            and verification.phase == Phase.CLOSE
            and verification.total_differences == 0
            and phase_is_done(desk, CLOSED, plan)
        )

    async def run(self, desk: Desk) -> AgentResult:
        plan = require_plan(desk)
        closed = phase_is_done(desk, CLOSED, plan)
        verification = await verify(desk, plan, Phase.CLOSE if closed else Phase.FILL)
        return result_of(verification)


def belongs(desk: Desk, plan: Plan, verification: Verification) -> bool:
    """Whether it is of this plan, and of the very repository that the ledger is about."""
    made = repository_id(desk)
    return verification.plan_digest == plan.digest and made in {None, verification.repository_id}


def repository_id(desk: Desk) -> int | None:
    """The repository's id by the ledger; None when that knows of none."""
    if not desk.folder.ledger.exists():
        return None
    with Ledger(desk.folder.ledger) as ledger:
        receipt = ledger.receipt(CREATE_STEP)
    found = None if receipt is None else receipt.fields.get("id")
    return found if isinstance(found, int) else None


def result_of(verification: Verification) -> AgentResult:
    """The verification as the agent's result."""
    seen = sum(kind.seen for kind in verification.kinds.values())
    count = verification.total_differences
    return AgentResult(
        status="done",
        summary=f"{seen} items seen, {count} difference{'' if count == 1 else 's'}",
        counts={name: kind.seen for name, kind in verification.kinds.items()},
        details={"differences": count, "shown": codec.plain(verification.differences)},
    )


async def verify(desk: Desk, plan: Plan, phase: Phase, *, strangers: bool = False) -> Verification:
    """Compare everything with the target, object by object, and write the verdict.

    With `strangers` it also looks for kinds of which nothing was planned.
    """
    kinds: dict[str, KindVerification] = {}
    unclear = _unclear(desk)
    with lines_to(desk.folder.differences) as lines, desk.witness.remembering() as witness:
        shown: list[Difference] = []
        for name, kind in desk.kinds.items():
            path = desk.folder.lines_of(desk.folder.desired, name)
            if not path.is_file():
                continue
            before = lines.count
            comparison = Comparison(desk, kind, plan, phase, witness, strangers, unclear)
            with about(name):
                async for difference in comparison.differences(path):
                    lines.write(codec.encode(difference))
                    if len(shown) < SHOWN:
                        shown.append(difference)
            kinds[name] = KindVerification(
                expected=comparison.expected,
                seen=comparison.seen,
                differences=lines.count - before,
                seen_sha256=comparison.seen_sha256,
            )
            desk.count(AgentName.VERIFY, name, comparison.seen, comparison.seen)
        seen_id = witness.id_of(desk.repo)
    return _write(desk, plan, phase, kinds, lines.count, shown, seen_id)


async def verify_closed(desk: Desk, plan: Plan, filled: Verification) -> Verification:
    """Look again at just what the `close` steps changed since this run verified what was filled."""
    shown: list[Difference] = []
    with lines_to(desk.folder.differences) as lines, desk.witness.remembering() as witness:
        for name, kind in desk.kinds.items():
            path = desk.folder.lines_of(desk.folder.desired, name)
            if not path.is_file():
                continue
            with Ledger(desk.folder.ledger) as ledger:
                # What GitHub would not take away stays, as the engine warned.
                desired = (
                    one
                    for planned in _desired(path, kind)
                    if (one := kind.as_made(planned, ledger.receipt)) is not None
                    and _phase_of(kind, one, ledger.receipt, Phase.CLOSE) is Phase.CLOSE
                )
                async for difference in kind.check_closed(witness, desk.repo, desired, plan.facts):
                    lines.write(codec.encode(difference))
                    shown.append(difference)
    return _write(desk, plan, Phase.CLOSE, filled.kinds, lines.count, shown[:SHOWN], filled.repository_id)


@dataclass(slots=True)
class Comparison:
    """The comparison of one kind: what was seen is kept on disk, what was desired streams by."""

    desk: Desk
    kind: Kind[Any, Any]
    plan: Plan
    phase: Phase
    witness: Witness
    strangers: bool = False
    unclear: frozenset[str] = frozenset()
    # Items of it are still to come in the close phase: their own step looks at what is there before it.
    awaited: bool = False
    expected: int = 0
    seen: int = 0
    seen_sha256: str = ""

    async def differences(self, path: Path) -> AsyncIterator[Difference]:
        """Every difference, missing and changed ones first, then what nobody planned."""
        store = self.desk.folder.scratch / f"seen-{self.kind.name}.sqlite"
        store.unlink(missing_ok=True)
        db = sqlite3.connect(store, isolation_level=None)
        try:
            db.execute("pragma journal_mode = off")
            db.execute("pragma synchronous = off")
            db.execute("pragma cache_size = -256")
            db.execute("create table seen (identity text primary key, line blob, met integer default 0)")
            db.execute("begin")
            async for item in self._read_back(path):
                self.seen += 1
                db.execute(
                    "insert or replace into seen (identity, line) values (?, ?)",
                    (self.kind.identity(item), codec.encode(item)),
                )
                if self.seen % 200 == 0:
                    self.desk.count(AgentName.VERIFY, self.kind.name, self.seen, None)
            self.seen_sha256 = _digest_of(db)
            with Ledger(self.desk.folder.ledger) as ledger:
                ways = _ways(ledger, self.unclear)
                for planned in _desired(path, self.kind):
                    for difference in self._nearest(db, planned, ways):
                        yield difference
            for identity, line in db.execute("select identity, line from seen where met = 0"):
                if self.awaited and not self.strangers:
                    break
                if not self.kind.is_accepted_extra(codec.decode(line, self.kind.desired_type)):
                    yield Difference(
                        kind=self.kind.name,
                        item=f"{self.kind.name}/{identity}",
                        sort=DifferenceSort.UNEXPECTED,
                    )
        finally:
            db.close()
            store.unlink(missing_ok=True)

    async def _read_back(self, path: Path) -> AsyncIterator[Any]:
        numbers = self.desk.reference.numbers
        is_rare = self.kind.is_rare and not self.strangers
        if self.kind.is_absent(numbers) or (is_rare and not path.stat().st_size):
            return
        desired = _desired(path, self.kind)
        is_closed = self.phase is Phase.CLOSE
        seen = self.kind.seen_closed if is_closed else self.kind.seen_of
        async for item in seen(self.witness, self.plan.repo, desired):
            if self.kind.owns(item, numbers):
                yield item

    def _nearest(
        self, db: sqlite3.Connection, planned: Any, ways: tuple[Receipts, ...]
    ) -> tuple[Difference, ...]:
        """The differences of one item from the way in which it may stand that fits, if any does."""
        stands = None
        for receipts in ways:
            desired = self.kind.as_made(planned, receipts)
            phase = _phase_of(self.kind, desired, receipts, self.phase)
            settled = self.kind.settle(desired, self.plan.facts, phase)
            if settled is None:
                if phase is Phase.FILL:
                    self.awaited = True
                    return ()
                if len(ways) == 1 or not self._is_seen(db, desired):
                    return ()  # what is there all the same is met by nothing that was desired
                continue
            found = tuple(self._compare(db, self.kind.as_begun(settled, desired, receipts)))
            if not found:
                self.expected += 1
                return ()
            stands = found if stands is None else stands
        self.expected += stands is not None
        return stands or ()

    def _is_seen(self, db: sqlite3.Connection, desired: Any) -> bool:
        wanted = (self.kind.identity(desired),)
        return db.execute("select 1 from seen where identity = ?", wanted).fetchone() is not None

    def _compare(self, db: sqlite3.Connection, desired: Any) -> Iterator[Difference]:
        identity = self.kind.identity(desired)
        row = db.execute("select line from seen where identity = ?", (identity,)).fetchone()
        if row is None:
            yield Difference(
                kind=self.kind.name,
                item=f"{self.kind.name}/{identity}",
                sort=DifferenceSort.MISSING,
            )
            return
        db.execute("update seen set met = 1 where identity = ?", (identity,))
        yield from self.kind.check(desired, codec.decode(row[0], self.kind.desired_type))


def _digest_of(db: sqlite3.Connection) -> str:
    """The digest of what was seen, whatever order it was listed in."""
    sha256 = hashlib.sha256()
    for (line,) in db.execute("select line from seen order by identity"):
        sha256.update(line + b"\n")
    return sha256.hexdigest()


def _phase_of(kind: Kind[Any, Any], desired: Any, receipts: Receipts, phase: Phase) -> Phase:
    """An item's own phase: what was taken away is closed, what GitHub would not take away never is."""
    step = kind.last_step(desired)
    receipt = receipts(step) if step else None
    if receipt is None or receipt.state is StepState.INTENT:
        return phase
    return Phase.CLOSE if receipt.state is StepState.DONE else Phase.FILL


def remedy_of(desk: Desk) -> str:
    """What can be done about differences, by what the close phase has done to the repository by now."""
    with Ledger(desk.folder.ledger) as ledger:
        done = {one.step for one in ledger.receipts(StepState.DONE)}
    steps = (one for one in read_steps(desk.folder) if not isinstance(one, NoOp))
    closed = {one.id: one for one in steps if one.phase is Phase.CLOSE and one.id in done}
    opening = closed.get(OPEN_STEP)
    visibility = opening.body.get("visibility") if isinstance(opening, Call) else None
    stands = f"the repository is {visibility or Visibility.PRIVATE.value}"
    mend = "Mend the target by hand (verify.ndjson in the project's folder names all), and run again with"
    anew = "or `gl2gh-batch cleanup`, which refuses what others have written to, and APPLY anew."
    if set(closed) <= {ACTIONS_STEP}:
        return (
            f"Nothing was opened or taken away: {stands}. {mend} resume_from=verify. A label, milestone or"
            " release that is missing as a whole is sent by the next APPLY after `gl2gh-batch recover`;"
            f" a comment or another part of an issue is not: by hand, {anew}"
        )
    return f"What was closed and opened before stays so: {stands}. {mend} resume_from=verify; {anew}"


def _unclear(desk: Desk) -> frozenset[str]:
    """The steps of the close phase that were begun, and of which nobody knows whether they took effect."""
    with Ledger(desk.folder.ledger) as ledger:
        begun = {one.step for one in ledger.receipts(StepState.INTENT)}
    if not begun:
        return frozenset()
    steps = (one for one in read_steps(desk.folder) if not isinstance(one, NoOp))
    return frozenset(one.id for one in steps if one.phase is Phase.CLOSE and one.id in begun)


def _ways(ledger: Ledger, unclear: frozenset[str]) -> tuple[Receipts, ...]:
    """The receipts as they are, and as they would be if some or all of the unclear steps had taken effect."""
    names = sorted(unclear)
    sizes = range(1, len(names) + 1) if len(names) <= MOST_UNCLEAR else [len(names)]
    some = (set(done) for size in sizes for done in combinations(names, size))
    return (ledger.receipt, *(partial(_as_if, ledger, done) for done in some))


def _as_if(ledger: Ledger, done: AbstractSet[str], step: str) -> Receipt | None:
    receipt = ledger.receipt(step)
    return replace(receipt, state=StepState.DONE) if receipt is not None and step in done else receipt


def _desired(path: Path, kind: Kind[Any, Any]) -> Iterator[Any]:
    for line in read_lines(path):
        yield codec.decode(line, kind.desired_type)


def _write(
    desk: Desk,
    plan: Plan,
    phase: Phase,
    kinds: Mapping[str, KindVerification],
    total: int,
    shown: list[Difference],
    seen_id: int | None,
) -> Verification:
    verification = Verification(
        repo=str(plan.repo),
        plan_digest=plan.digest,
        verified_at=desk.now(),
        tool_version=desk.tool_version,
        phase=phase,
        kinds=kinds,
        total_differences=total,
        differences=tuple(shown),
        repository_id=seen_id,
    )
    write_document(desk.folder.verification, VERIFICATION, AGENT_FILES_VERSION, verification)
    return verification
