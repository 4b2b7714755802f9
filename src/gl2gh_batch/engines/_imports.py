"""Import jobs of GitHub's: started by a request, done when their status says so.

Where the next issue's number hangs on it each job is waited for. Where no number is promised they run side by
side: the ledger's intents name them, and a list of a hundred jobs tells what became of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from gl2gh_batch.domain.errors import TargetError, UnclearAnswerError
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import Call
from gl2gh_batch.domain.ports import Governor
from gl2gh_batch.domain.pricing import FIRST_LOOK, next_look
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.engines._lookups import Lookups
from gl2gh_batch.target.models import ImportStatus

FIRST_GUESS_S: Final = 1.0
FIRST_SINK: Final = 0.5
FIRST_RISE: Final = 1.4
SINK: Final = 0.996
RISE: Final = 1.06
GROWTH: Final = 0.2
SHORTEST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 30.0
LAST_WAIT: Final = 1.5
# What the intent of a job names: its id, and for one that runs beside others what its receipt is to keep.
IMPORT_ID: Final = "import_id"
KEEP: Final = "keep"
NAMED_AT_MOST: Final = 5
GIVE_UP_S: Final = 30 * 60.0

# The latest guess of whoever writes with the same credential: how long jobs take is GitHub's matter.
_LATEST: Final[WeakKeyDictionary[Governor, float]] = WeakKeyDictionary()


class ImportFailedError(TargetError):
    """The job ended without an issue: nothing was written."""


class ImportJobs:
    """Waits for jobs, one at a time, and learns how long they take so that one look is mostly enough.

    The guess is the pause before the first look: a request's own way is not in it. A job seen done at the
    first look tells only that it took no longer: the guess is halved until a look first comes too early. From
    then on it sinks slowly, and rises a little above the last look that was too early (by more, when the next
    one is so too). At a steady job time one look in about sixteen is in vain.
    """

    def __init__(self, bench: Workbench, lookups: Lookups) -> None:
        self._bench = bench
        self._lookups = lookups
        self._governor = bench.github.governor
        self._guess_s = FIRST_GUESS_S
        self._sink, self._rise = FIRST_SINK, FIRST_RISE
        self._begun, self._look_at = 0, FIRST_LOOK
        self._open = 0  # jobs that were begun and, at the last look, had not ended
        # Jobs that failed, by step, until they are sent again; None while it is not known of an earlier run.
        self._failed: dict[str, ImportStatus] | None = None

    # ── side by side ─────────────────────────────────────────────────────────────────────────────

    async def begin(self, call: Call, import_id: int) -> None:
        """Leave a job to itself, and look at all when many were begun. Raises `ImportFailedError`."""
        # Before this one counts among them: what an earlier run began and failed will be sent again.
        failed = await self._known_failures()
        self._bench.ledger.note(call.id, {IMPORT_ID: import_id, KEEP: list(call.keep)}, self._now())
        failed.pop(call.id, None)
        self._begun += 1
        self._open += 1
        if self._begun >= self._look_at:
            self._begun, self._look_at = 0, next_look(self._look_at)
            await self._gather(wait=False)

    async def settle(self) -> None:
        """Wait until all that was begun has its receipt. Raises `ImportFailedError`."""
        if self._open:
            # A little longer than one job: a second look costs more than that.
            await self._bench.clock.sleep(LAST_WAIT * _LATEST.get(self._governor, self._guess_s))
            self._begun = 0
            await self._gather(wait=True)

    async def is_done(self, step: str) -> bool:
        """Whether a job that an earlier run began made its issue; False when it failed."""
        return step not in await self._known_failures()

    async def _known_failures(self) -> dict[str, ImportStatus]:
        """The jobs that failed and were not sent again; asked for once, when an earlier run left some."""
        if self._failed is None:
            self._failed = await self._look(wait=True)
        return self._failed

    async def _gather(self, *, wait: bool) -> None:
        failed = await self._look(wait=wait)
        (await self._known_failures()).update(failed)
        if failed:
            (step, status), *others = failed.items()
            error = _failed(step, status)
            if others:
                error.message += f"; {', '.join(one for one, _ in others[:NAMED_AT_MOST])} failed as well"
                left = len(others) - NAMED_AT_MOST
                error.message += f", and {left} more" if left > 0 else ""
            raise error

    async def _look(self, *, wait: bool) -> dict[str, ImportStatus]:
        """Give the jobs that ended their receipts; those that failed, by step. `wait`: until none is left."""
        clock, known = self._bench.clock, self._failed or {}
        waiting: dict[int, tuple[str, tuple[str, ...]]] = {}
        since = clock.now().date()
        for receipt in self._bench.ledger.receipts(StepState.INTENT):
            if KEEP in receipt.fields and receipt.step not in known:
                waiting[receipt.fields[IMPORT_ID]] = (receipt.step, tuple(receipt.fields[KEEP]))
                since = min(since, datetime.fromisoformat(receipt.at).astimezone(UTC).date())
        failed: dict[str, ImportStatus] = {}
        began, pause = clock.monotonic(), SHORTEST_PAUSE_S
        while waiting:
            for status in (await self._listed(waiting, since)).values():
                if status.status not in {"imported", "failed"}:
                    continue
                step, keep = waiting.pop(status.id)
                if status.status == "failed":
                    failed[step] = status
                else:
                    self._bench.ledger.done(step, await self._fields(status, keep), self._now())
            if not wait or not waiting:
                break
            if clock.monotonic() - began > GIVE_UP_S:
                raise _endless(next(iter(waiting.values()))[0])
            await clock.sleep(pause)
            pause = min(max(2 * pause, GROWTH * (clock.monotonic() - began)), LONGEST_PAUSE_S)
        self._open = len(waiting)
        return failed

    async def _listed(self, waiting: Mapping[int, object], since: date) -> dict[int, ImportStatus]:
        """What the list says of those that are waited for; no further than to the last of them."""
        found: dict[int, ImportStatus] = {}
        # A day more, for clocks that differ.
        async for status in self._bench.github.import_statuses(self._bench.repo, since - timedelta(days=1)):
            if status.id in waiting:
                found[status.id] = status  # what ends meanwhile moves, and others come by twice
                if len(found) == len(waiting):
                    break
        return found

    async def _fields(self, status: ImportStatus, keep: tuple[str, ...]) -> dict[str, Any]:
        """What the receipt keeps; a job's status tells a number only."""
        fields: dict[str, Any] = {"number": status.number}
        if status.number is None:
            raise TargetError(
                f"GitHub does not say which issue import {status.id} made",
                hint="Run again: it is asked again. If that does not help, use another policy of numbering.",
            )
        if keep != ("number",):
            body = await self._lookups.made(f"/repos/{self._bench.repo}/issues/{status.number}", keep)
            fields |= {name: body[name] for name in keep}
        return fields

    def _now(self) -> str:
        return self._bench.clock.now().isoformat()

    # ── one at a time ────────────────────────────────────────────────────────────────────────────

    async def finish(self, call: Call, import_id: int) -> Mapping[str, Any]:
        """Wait until the job ends; the number that its issue got. Raises `ImportFailedError`."""
        clock = self._bench.clock
        began = clock.monotonic()
        known_s = _LATEST.get(self._governor)
        if self._sink == FIRST_SINK and known_s is not None:  # another project found it out meanwhile
            self._guess_s, self._sink, self._rise = known_s, SINK, RISE
        pause = self._guess_s
        too_early_s: float | None = None
        while True:
            await clock.sleep(pause)
            looked_s = clock.monotonic() - began
            status = await self._bench.github.import_status(self._bench.repo, import_id)
            waited = clock.monotonic() - began
            # Right after the request GitHub may not know the job yet and answer 404.
            if status is not None and status.status == "imported":
                self._learn(too_early_s)
                return {"number": status.number}
            if status is not None and status.status == "failed":
                raise _failed(call.id, status)
            if waited > GIVE_UP_S:
                raise _endless(call.id)
            too_early_s = looked_s
            pause = min(max(waited * GROWTH, SHORTEST_PAUSE_S), LONGEST_PAUSE_S)

    def _learn(self, too_early_s: float | None) -> None:
        """Take in the age at which the job was last seen unfinished; None when one look was enough."""
        is_searching = self._sink == FIRST_SINK
        if too_early_s is None:
            self._guess_s = max(self._guess_s * self._sink, SHORTEST_PAUSE_S)
            self._rise = FIRST_RISE if is_searching else RISE
        else:
            self._guess_s = too_early_s * self._rise
            self._rise = RISE if is_searching else 2 * self._rise - 1
            self._sink = SINK
        if self._sink == SINK:
            _LATEST[self._governor] = self._guess_s

    async def drain(self) -> None:
        """Wait until no import into the repository is pending: only then it is known what took effect."""
        clock = self._bench.clock
        since = (clock.now() - timedelta(days=1)).date()
        began = clock.monotonic()
        pause = self._guess_s
        while clock.monotonic() - began < GIVE_UP_S:
            pending = [
                status
                async for status in self._bench.github.import_statuses(self._bench.repo, since)
                if status.status not in {"imported", "failed"}
            ]
            if not pending:
                return
            await clock.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_S)


def _endless(step: str) -> UnclearAnswerError:
    return UnclearAnswerError(
        f"the import did not end within {GIVE_UP_S / 60:.0f} minutes",
        hint="GitHub may be in trouble. Run again later: this very job is asked for first.",
        item=step,
    )


def _failed(step: str, status: ImportStatus) -> ImportFailedError:
    faults = "; ".join(
        f"{fault.location or fault.field or fault.resource}: {fault.value!r} is {fault.code}"
        for fault in status.errors or ()
    )
    return ImportFailedError(
        f"GitHub refused to import it: {faults or 'without a reason'}",
        hint="Mend what it names in GitLab or in the users' map, then run again with resume_from=export.",
        item=step,
    )
