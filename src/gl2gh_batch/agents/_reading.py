"""One kind as a file of lines, each record once and as it was at the end, whatever happened meanwhile.

What takes long is read twice: first whole, then the list again, with what changed since. The later record
wins, and what is not there any more is left out. In between the records wait on disk, and there the next run
finds them when this one is stopped: it asks for the list and for what is missing or changed. So do those of
kinds that are read once, where each costs requests of its own.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from gl2gh_batch import codec
from gl2gh_batch.agents._people import Census
from gl2gh_batch.kinds import Kind, Source
from gl2gh_batch.kit.workdir import FileFacts, lines_to
from gl2gh_batch.source.api import GitLab

_SPOOLS: Final = "export-*.sqlite*"


async def read_kind(
    kind: Kind[Any, Any],
    gitlab: GitLab,
    source: Source,
    path: Path,
    *,
    scratch: Path,
    census: Census,
    count: Callable[[int], None],
    gone: Callable[[int], None] | None = None,
    made_from: str = "",
) -> FileFacts:
    """Write the kind's records to `path`; `count` hears how many there are by now, the census of each.

    `gone` hears how many were there at first and not any more at the end. It goes on with what a stopped run
    left in `scratch` when that was `made_from` the same; with an empty one it never does.
    """
    if not kind.rereads and not kind.goes_on:
        with lines_to(path) as lines:
            async for record in kind.read(gitlab, source):
                lines.write(codec.encode(record))
                census.take(kind, record)
                count(lines.count)
        return lines.facts
    with Spool(scratch / f"export-{kind.name}.sqlite", made_from) as spool:

        def before(key: str) -> Any | None:
            line = spool.get(key)
            with suppress(codec.DecodeError):
                return None if line is None else codec.decode(line, kind.record_type)
            return None

        first = kind.read_again(gitlab, source, before) if spool.is_left else kind.read(gitlab, source)
        if not kind.rereads:
            with lines_to(path) as lines:
                async for record in first:
                    line = codec.encode(record)
                    lines.write(line)
                    spool.put(kind.key(record), line, now=True)
                    census.take(kind, record)
                    count(lines.count)
            return lines.facts
        number = 0
        async for record in first:
            number += 1
            spool.put(kind.key(record), codec.encode(record), now=False)
            count(number)
        if number:
            async for record in kind.read_again(gitlab, source, before):
                spool.put(kind.key(record), codec.encode(record), now=True)
                census.take(kind, record)
        with lines_to(path) as lines:
            for line in spool.lines():
                lines.write(line)
        count(lines.count)
        if gone is not None and (left := spool.gone()):
            gone(left)
    return lines.facts


def may_change(kind: Kind[Any, Any]) -> bool:
    """Whether a record that a stopped export read may be another by now, without its list telling it."""
    return kind.goes_on and not kind.never_changes


def drop_spools(scratch: Path) -> None:
    """Take away what stopped exports left: the export is whole, or is to be made anew."""
    for path in scratch.glob(_SPOOLS):
        path.unlink(missing_ok=True)


class Spool:
    """Lines by key on disk; of each key the last one counts, in the place of the first.

    `is_left` says that there are lines of an earlier run, `made_from` the same as this one.
    """

    def __init__(self, path: Path, made_from: str = "") -> None:
        self._path = path
        self.is_left = False
        self._db = sqlite3.connect(path, isolation_level=None)
        # A file that is no such table, or a damaged one, is read anew.
        with suppress(sqlite3.DatabaseError):
            self.is_left = bool(made_from) and self._go_on(made_from)
        if not self.is_left:
            self._begin(made_from)

    def _go_on(self, made_from: str) -> bool:
        self._tune()
        if self._db.execute("select made_from from origin").fetchone() != (made_from,):
            return False
        if self._db.execute("pragma quick_check(1)").fetchone() != ("ok",):
            return False
        self._db.execute("update lines set now = 0")
        return self._db.execute("select 1 from lines limit 1").fetchone() is not None

    def _begin(self, made_from: str) -> None:
        self._db.close()
        for path in self._path.parent.glob(f"{self._path.name}*"):
            path.unlink(missing_ok=True)
        self._db = sqlite3.connect(self._path, isolation_level=None)
        self._tune()
        self._db.execute("create table origin (made_from text)")
        self._db.execute(
            "create table lines (place integer primary key, key text unique, line blob, now integer)"
        )
        self._db.execute("insert into origin values (?)", (made_from,))

    def _tune(self) -> None:
        # Whole after a kill at any moment, without a sync for each line.
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = normal")
        # Twenty of them at once: SQLite would keep 2 MB for each.
        self._db.execute("pragma cache_size = -256")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._db.close()

    def put(self, key: str, line: bytes, *, now: bool) -> None:
        """Keep a line; `now` says that it is there at the end."""
        self._db.execute(
            "insert into lines (key, line, now) values (?, ?, ?)"
            " on conflict (key) do update set line = excluded.line, now = excluded.now",
            (key, line, now),
        )

    def get(self, key: str) -> bytes | None:
        """The line of that key."""
        row = self._db.execute("select line from lines where key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def lines(self) -> Iterator[bytes]:
        """The lines that are there at the end, in their order."""
        for (line,) in self._db.execute("select line from lines where now order by place"):
            yield line

    def gone(self) -> int:
        """How many keys are not there at the end."""
        (number,) = self._db.execute("select count(*) from lines where not now").fetchone()
        return int(number)
