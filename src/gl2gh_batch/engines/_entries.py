"""A call of many entries that GitHub refused as a whole: halved until the refused ones stand alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from gl2gh_batch.domain.events import Noticed
from gl2gh_batch.domain.ledger import StepState
from gl2gh_batch.domain.plan import Call, Entries, Lookup, Pace, Step, entry_step, part_step
from gl2gh_batch.engines._engine import Workbench
from gl2gh_batch.rewrite.markers import marker

# The field of the receipt of a call whose entries are sent in parts.
SPLIT: Final = "split"


class EntryByEntry:
    """Each part is a step of its own with a receipt of its own, so that it goes on where it was killed."""

    def __init__(self, bench: Workbench, perform: Callable[[Step], Awaitable[bool]]) -> None:
        self._bench = bench
        self._perform = perform

    async def send(self, call: Call) -> None:
        """Send the entries of a refused call in parts, and what GitHub takes in no part as what it takes."""
        assert call.entries is not None
        self._bench.ledger.note(call.id, {SPLIT: True}, self._bench.clock.now().isoformat())
        await self._halves(call, call.entries, 0, len(call.body[call.entries.name]))

    async def _halves(self, call: Call, entries: Entries, start: int, stop: int) -> None:
        """The part from `start` to `stop` was refused: the two halves of it."""
        if stop - start == 1:
            await self._alone(call, entries, start)
            return
        middle = (start + stop) // 2
        for first, last in ((start, middle), (middle, stop)):
            part = _part(call, entries, first, last)
            await self._perform(part)
            receipt = self._bench.ledger.receipt(part.id)
            if receipt is not None and receipt.state is StepState.REFUSED:
                await self._halves(call, entries, first, last)

    async def _alone(self, call: Call, entries: Entries, place: int) -> None:
        """One entry that GitHub takes in no list: its text goes where any text may go."""
        entry = call.body[entries.name][place]
        head = entries.heads[place]
        text = f"{head}\n\n{entry['body']}" if head else entry["body"]
        await self._perform(
            Call(
                id=entry_step(call.id, place),
                kind=call.kind,
                phase=call.phase,
                method="POST",
                path=entries.path,
                body={"body": text},
                pace=Pace.CONTENT,
                lookup=Lookup(
                    path=entries.lookup_path, field="body", value=entries.markers[place], contains=True
                ),
                keep=("id",),
            )
        )
        self._bench.emit(
            Noticed(
                project=self._bench.project,
                level="notice",
                message=f"{call.id}: GitHub does not take entry {place + 1} where it belongs",
                hint="Its text is a comment of its own, with a link to the place.",
            )
        )


def _part(call: Call, entries: Entries, start: int, stop: int) -> Call:
    """Some of the entries, to be found again by a marker of their own."""
    assert call.lookup is not None
    identity = part_step(call.id, start, stop)
    value = marker(identity)
    body: dict[str, Any] = {**call.body, entries.name: call.body[entries.name][start:stop]}
    body["body"] = str(body.get("body", "")).replace(call.lookup.value, value)
    return replace(
        call,
        id=identity,
        body=body,
        lookup=replace(call.lookup, value=value),
        entries=None,
        dispensable=True,
        after="",
    )
