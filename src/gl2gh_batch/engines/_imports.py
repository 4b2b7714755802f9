"""Import jobs of GitHub's: started by a request, done when their status says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from weakref import WeakKeyDictionary

from gl2gh_batch.domain.errors import TargetError, UnclearAnswerError
from gl2gh_batch.domain.plan import Call
from gl2gh_batch.domain.ports import Governor
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.target.models import ImportStatus

FIRST_GUESS_S: Final = 1.0
FIRST_SINK: Final = 0.5
FIRST_RISE: Final = 1.4
SINK: Final = 0.996
RISE: Final = 1.06
GROWTH: Final = 0.2
SHORTEST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 30.0
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

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._governor = bench.github.governor
        self._guess_s = FIRST_GUESS_S
        self._sink, self._rise = FIRST_SINK, FIRST_RISE

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
                raise _failed(call, status)
            if waited > GIVE_UP_S:
                raise UnclearAnswerError(
                    f"the import did not end within {GIVE_UP_S / 60:.0f} minutes",
                    hint="GitHub may be in trouble. Run again later: this very job is asked for first.",
                    item=call.id,
                )
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


def _failed(call: Call, status: ImportStatus) -> ImportFailedError:
    faults = "; ".join(
        f"{fault.location or fault.field or fault.resource}: {fault.value!r} is {fault.code}"
        for fault in status.errors or ()
    )
    return ImportFailedError(
        f"GitHub refused to import it: {faults or 'without a reason'}",
        hint="Mend what it names in GitLab or in the users' map, then run again with resume_from=export.",
        item=call.id,
    )
